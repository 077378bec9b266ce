/**
 * What makes sources of packets run: a timer, and at each tick what is due. The daemon has one thread, so a tick takes
 * a few milliseconds at most and lets clients in between. Each batch is a transaction, and with `--fsync always` waits
 * for the disk; so there are few of them a second, of as many packets as are due.
 *
 * After a start a source goes on from where its record says, at its rate from then on: what was due while no daemon
 * ran did not arrive. Where the log can't take a batch the packets did not arrive either; that is said, and tried
 * again a second later.
 */
import type { OffloadKernel } from '../offload/index.js';
import type { DaemonOptions } from './daemon.js';

/** Milliseconds between ticks. */
const period = 20;
/** Milliseconds that a tick may take. */
const share = 10;
/** Packets of one transaction, at most. */
const mostPackets = 10_000;
/** Milliseconds until the log is tried again. */
const pause = 1000;

/** Sources of a kernel, while it is open. */
export class TrafficLoop {
  private readonly kernel: OffloadKernel;
  private readonly say: DaemonOptions['say'];
  private readonly timer: NodeJS.Timeout;
  /** By name: when it began here, in milliseconds of `performance.now()`, and how much had been sent then. */
  private readonly begun = new Map<string, { readonly at: number; readonly sent: number }>();
  private waitUntil = 0;

  constructor(kernel: OffloadKernel, say: DaemonOptions['say']) {
    this.kernel = kernel;
    this.say = say;
    this.timer = setInterval(() => this.tick(), period);
  }

  /** No packet arrives any more. */
  close(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const { model } = this.kernel;
    const now = performance.now();
    const sources = model.all('traffic');
    for (const name of this.begun.keys()) if (model.find('traffic', name) === undefined) this.begun.delete(name);
    const running = sources.filter(({ state }) => state === 'running');
    if (now < this.waitUntil) return;
    for (const { name, rate, sent } of running) {
      const begun = this.begun.get(name) ?? { at: now, sent };
      this.begun.set(name, begun);
      const due = rate === 0 ? mostPackets : Math.floor(((now - begun.at) / 1000) * rate) - (sent - begun.sent);
      if (due > 0) this.send(name, Math.min(due, mostPackets), performance.now() + share / running.length);
    }
  }

  private send(name: string, most: number, until: number): void {
    try {
      this.kernel.sendTraffic(name, most, process.hrtime.bigint, () => performance.now() < until);
    } catch (error) {
      this.waitUntil = performance.now() + pause;
      this.say('traffic waits', { source: name, what: error instanceof Error ? error.message : String(error) });
      return;
    }
    const source = this.kernel.model.find('traffic', name);
    if (source !== undefined && source.state !== 'running')
      this.say(`traffic ${source.state}`, { source: name, sent: source.sent, why: source.why });
  }
}
