/**
 * The worker's side of the protocol, over whatever carries messages. Calls run one after the other; a call that is
 * told to stop before its turn comes is not begun.
 */
import { reportOf } from '../text/index.js';
import type { CallName, Calls, FromWorker, Progress, ToWorker, Turns } from './protocol.js';
import { Workbench } from './workbench.js';

/** What the host of a worker gives it. */
export interface Carrier {
  send(message: FromWorker, transfer: readonly ArrayBufferLike[]): void;
  /** Lets messages come in. */
  turn(): Promise<void>;
  now(): number;
}

/** Milliseconds between two messages about progress. */
const progressEvery = 100;

type Handlers = {
  readonly [Name in CallName]: (
    given: Calls[Name]['given'],
    turns: Turns,
  ) => Calls[Name]['back'] | undefined | Promise<Calls[Name]['back'] | undefined>;
};

/** Takes messages of the page. */
export class LabServer {
  private readonly carrier: Carrier;
  private readonly handlers: Handlers;
  private readonly stopped = new Set<number>();
  private queue: Promise<void> = Promise.resolve();

  constructor(carrier: Carrier, bench: Workbench = new Workbench()) {
    this.carrier = carrier;
    this.handlers = {
      open: (given) => bench.open(given),
      run: (given, turns) => bench.run(given, turns),
      card: (_, turns) => bench.card(turns),
      reasons: ({ most }, turns) => bench.reasons(most, turns),
      find: (given) => bench.find(given),
      rows: ({ packets }) => bench.rows(packets),
      packet: ({ index }, turns) => bench.packet(index, turns),
      step: ({ index, move, asks }, turns) => bench.step(index, move, asks, turns),
      map: ({ map }) => bench.map(map),
      hitRates: (_, turns) => bench.hitRates(turns),
      log: () => bench.log(),
      ir: () => bench.ir(),
      trace: ({ id }) => bench.trace(id),
      tree: () => bench.tree(),
      wasm: () => bench.wasm(),
    };
  }

  /** Call it with each message. Resolves once everything asked so far is answered. */
  take(message: ToWorker): Promise<void> {
    if (message.kind === 'stop') {
      this.stopped.add(message.id);
      return this.queue;
    }
    this.queue = this.queue.then(() => this.answer(message.id, message.name, message.given));
    return this.queue;
  }

  private async answer(id: number, name: CallName, given: unknown): Promise<void> {
    const { carrier, stopped } = this;
    try {
      const call = this.handlers[name] as (given: unknown, turns: Turns) => unknown;
      const value = stopped.has(id) ? undefined : await call(given, this.turnsOf(id));
      carrier.send({ kind: 'done', id, value }, []);
    } catch (error) {
      carrier.send({ kind: 'failed', id, error: reportOf(error, () => name) }, []);
    }
    stopped.delete(id);
  }

  private turnsOf(id: number): Turns {
    const { carrier, stopped } = this;
    let last = Number.NEGATIVE_INFINITY;
    return {
      get isStopped(): boolean {
        return stopped.has(id);
      },
      turn: () => carrier.turn(),
      now: () => carrier.now(),
      progress: (progress: Progress) => {
        const now = carrier.now();
        if (now - last < progressEvery) return;
        last = now;
        carrier.send({ kind: 'progress', id, progress }, []);
      },
    };
  }
}
