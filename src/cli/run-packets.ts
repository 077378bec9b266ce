/** The loop of `run`, `trace` and `demo`: a capture through a session, batch by batch. */
import { formatPlace } from '../base/index.js';
import { testRunBytes } from '../linux/index.js';
import type { ProgramSpec } from '../object/index.js';
import type { PacketBatch } from '../packet/index.js';
import type { Session } from '../runtime/index.js';
import { count, formatNumber } from '../text/index.js';
import { placeOf } from '../vm/index.js';
import { type CaptureInput, openCaptureFile } from './capture-input.js';
import { milliseconds } from './clock.js';
import type { Io } from './command.js';
import { InterruptedError, turn, untilInterrupt } from './interrupt.js';
import { Progress } from './progress.js';

/** Who runs packets of a batch: a session, or what stands around it. */
export interface PacketDriver {
  /** Packets that have come so far, for limits and progress. */
  readonly packets: number;
  /** Runs packets from `from` on, `most` at most; returns how many, at least 1. */
  runBatch(batch: PacketBatch, from: number, most: number): number;
}

/** What to run, and who wants to hear of it. */
export interface PacketLoop {
  /** Capture; `-` is stdin. */
  readonly path: string;
  /** Packets at most; default all. */
  readonly limit?: number | undefined;
  /** Packets in one piece at most, asked before each piece; default as many as fit. */
  readonly most?: (() => number) | undefined;
  /** Which packets of a batch run; undefined: those before were the last. Default: all. */
  readonly pick?: ((batch: PacketBatch) => PacketBatch | undefined) | undefined;
  /**
   * Called with packets that have just run, `from` to `to` (exclusive) of the batch; `session.decided(0)` is the first
   * of them.
   */
  readonly each?: ((batch: PacketBatch, from: number, to: number) => void) | undefined;
  /** Called now and then, between calls of `each`: hands on what those have gathered. */
  readonly flush?: (() => Promise<void>) | undefined;
  /** Default: the session. */
  readonly driver?: PacketDriver | undefined;
  /** The capture has been run before: what there is to say of it has been said. */
  readonly isRepeated?: boolean | undefined;
}

/** How far the capture was run. */
export interface LoopResult {
  readonly interrupted: boolean;
  readonly time: RunTime;
  /** Packets that ran and that no driver would hand to this program; see {@link countUndeliverable}. */
  readonly undeliverable: number;
}

/** Seconds from the first byte of the capture to the last verdict. */
export interface RunTime {
  readonly seconds: number;
  /** Processor time of all threads of this process. */
  readonly cpuSeconds: number;
}

/** Milliseconds after which the event loop gets a turn: only there are a closed pipe noticed and progress shown. */
export const turnEvery = 20;

/** Bytes that a capture has for a packet besides the packet. */
const recordHeader = 16;

/**
 * Making work breakable costs as much as thousands of packets on the card, so a piece is run plainly where even
 * packets so many times slower than those of late would not keep Ctrl-C waiting.
 */
const surprise = 10;

/** Runs the capture up to its end, a difference, the limit or Ctrl-C. */
export async function runPackets(session: Session, io: Io, loop: PacketLoop): Promise<LoopResult> {
  const { path, limit = Number.POSITIVE_INFINITY, most = () => Number.POSITIVE_INFINITY, pick, each, flush } = loop;
  const driver = loop.driver ?? sessionDriver(session);
  const start = milliseconds();
  const cpuStart = process.cpuUsage();
  // Until a pipe has said something there is no summary to print.
  const input = await openCaptureFile(path, io);
  const interrupt = io.catchInterrupt();
  const progress = new Progress(io, { bytes: input.size, packets: limit });
  let lastTurn = start;
  let brokenOff = false;
  let undeliverable = 0;
  /** Milliseconds a packet, of slow pieces of late; infinite before the first. */
  let slow = Number.POSITIVE_INFINITY;
  const isDone = (): boolean => session.difference !== undefined || driver.packets >= limit || interrupt.requested;
  reading: for await (const read of untilInterrupt(input.batches(), interrupt)) {
    const batch = pick === undefined ? read : pick(read);
    if (batch === undefined) break;
    if (driver.packets === 0) session.runtime.expects(Math.min(limit, packetsIn(input.size ?? 0, read)));
    undeliverable += countUndeliverable(batch, limit - driver.packets, session.program);
    for (let at = 0; at < batch.count; ) {
      const first = at;
      const begin = milliseconds();
      // As many packets as a turn takes, so that what surrounds a piece (a promise, a look at the clock) is paid
      // seldom.
      const piece = (): void => {
        do {
          const ran = driver.runBatch(batch, at, Math.min(most(), limit - driver.packets));
          each?.(batch, at, at + ran);
          at += ran;
        } while (at < batch.count && !isDone() && milliseconds() - begin < turnEvery);
      };
      try {
        if (slow * surprise * (batch.count - at) < turnEvery) piece();
        else await io.work('running packets', piece);
      } catch (error) {
        if (!(error instanceof InterruptedError)) throw error;
        // Ctrl-C came in the middle of a packet: what it had counted is put right, its effects on maps stay.
        session.settle();
        brokenOff = true;
        break reading;
      }
      await flush?.();
      const now = milliseconds();
      // The slowest piece of late, forgotten by halves.
      slow = Math.max(slow === Number.POSITIVE_INFINITY ? 0 : slow / 2, (now - begin) / (at - first));
      if (now - lastTurn > turnEvery) {
        await turn();
        progress.show(driver.packets, input.bytesRead);
        lastTurn = milliseconds();
      }
      if (isDone()) break reading;
    }
  }
  progress.clear();
  const { user, system } = process.cpuUsage(cpuStart);
  const time = { seconds: (milliseconds() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
  if (loop.isRepeated !== true) {
    noteDamage(input, path, driver.packets, io);
    noteUndeliverable(undeliverable, session.program, path, io);
  }
  noteFallback(session, io);
  return { interrupted: brokenOff || interrupt.requested, time, undeliverable };
}

/** Packets of a capture of that many bytes, if all are as long as those of its first batch on average. */
function packetsIn(size: number, { length, count: all }: PacketBatch): number {
  let bytes = 0;
  for (let i = 0; i < all; i++) bytes += recordHeader + (length[i] as number);
  return (size / bytes) * all;
}

/** Packets go straight to the session. */
function sessionDriver(session: Session): PacketDriver {
  return {
    get packets() {
      return session.runtime.packets;
    },
    runBatch: (batch, from, most) => session.runBatch(batch, from, most),
  };
}

/**
 * How many of the first packets of a batch no driver hands to the program: shorter than an Ethernet header, or longer
 * than a page less its reserves where the program does not take fragments (Linux keeps such a program off a device
 * with that MTU).
 */
export function countUndeliverable({ length, count: all }: PacketBatch, most: number, program: ProgramSpec): number {
  const { least, linear, frags } = testRunBytes;
  const longest = program.frags ? frags : linear;
  let n = 0;
  const end = Math.min(all, most);
  for (let i = 0; i < end; i++) if ((length[i] as number) > longest || (length[i] as number) < least) n++;
  return n;
}

/** Says how many there were, if any. */
export function noteUndeliverable(n: number, program: ProgramSpec, path: string, io: Io): void {
  if (n === 0) return;
  const { least, linear, frags } = testRunBytes;
  const longest = formatNumber(program.frags ? frags : linear);
  const why = program.frags ? '' : '; a program in section `xdp.frags` takes longer ones';
  io.info(
    `${path}: ${count(n, 'packet')} ${n === 1 ? 'is' : 'are'} not of ${least} to ${longest} bytes: no driver hands ${n === 1 ? 'it' : 'them'} to this program${why}`,
  );
}

/** Says where the capture broke off, if it did. */
export function noteDamage({ damage }: CaptureInput, path: string, packets: number, io: Io): void {
  if (damage !== undefined) io.info(`${path}: ${damage}; ${formatNumber(packets)} packets were read before`);
}

/** Says why the host was slower than asked for. */
function noteFallback(session: Session, io: Io): void {
  const { fallback } = session.runtime.host;
  if (fallback === undefined) return;
  const place = placeOf(fallback.program.spec, fallback.insn, session.runtime.machine.object.name);
  io.info(`${formatPlace(place)}: ${fallback.what}\n  the host runs the program on the interpreter`);
}
