/**
 * Whole captures on the engines that run them packet after packet: the interpreter, compiled code, and card with host.
 * Each has a machine with maps of its own, which live on from round to round; in a round each engine runs the whole
 * capture, in turns, so that what disturbs the machine disturbs all. Packets are put into guest memory before each
 * batch, while the clock stands. Rounds of warm-up come first: traces are recorded and compiled, and V8 optimizes.
 */
import { summarize, wallTime } from '../judge/speed/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { type VerdictName, verdictName, verdictNames } from '../platform/index.js';
import { type Arrival, Runtime, type RuntimeOptions } from '../runtime/index.js';
import { columnsOf, type Machine, type PacketColumns } from '../vm/index.js';

/** What an arena holds, as in `jitnic run`. */
export const batchSize = 512;
/** What fits into an arena's window (`PacketArena`). */
const windowBytes = 1 << 19;
/** Nanoseconds between two packets: rate limiters would else see all of them at once. */
const gap = 1000n;

/** Engines that run captures. */
export const captureEngines = ['interp', 'wasm', 'coverage', 'trace'] as const;
/** An engine that runs whole captures; `coverage` is `wasm` that counts, `trace` card and host. */
export type CaptureEngine = (typeof captureEngines)[number];

/** Packets that go into guest memory at once. */
export interface Load {
  readonly bytes: Uint8Array;
  readonly columns: PacketColumns;
}

/** Packets as one array of bytes with columns, as a capture is read: copying them in is quick. */
export function loadOf(packets: readonly Arrival[]): Load {
  const lengths = packets.map(({ data }) => data.length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  const columns = columnsOf(lengths);
  for (const [i, { data }] of packets.entries()) bytes.set(data, columns.offset[i]);
  return { bytes, columns };
}

/** The packets in loads of {@link batchSize}, fewer where they would not fit into an arena's window. */
function loadsOf(packets: readonly Arrival[]): Load[] {
  const loads: Load[] = [];
  for (let from = 0; from < packets.length; ) {
    let to = from;
    for (let bytes = 0; to < packets.length && to - from < batchSize; to++) {
      bytes += packets[to]?.data.length ?? 0;
      if (bytes > windowBytes && to > from) break;
    }
    loads.push(loadOf(packets.slice(from, to)));
    from = to;
  }
  return loads;
}

/** Sets the packets' times from `start` on, {@link gap} apart; returns when the next one comes. */
export function setTimes({ columns }: Load, start: bigint): bigint {
  const times = new BigUint64Array(columns.times.buffer);
  for (let i = 0; i < times.length; i++) times[i] = start + BigInt(i) * gap;
  return start + BigInt(times.length) * gap;
}

/** Runs one batch; nanoseconds for all of it, by a clock that counts them. */
export function runLoad(runtime: Runtime, { bytes, columns }: Load, clock: () => number): number {
  const { arena } = runtime;
  arena.clear();
  arena.load(bytes);
  arena.add(columns, 0, columns.offset.length, 0);
  const start = clock();
  runtime.runArena();
  return clock() - start;
}

/** One engine on the capture. */
export interface CaptureFigure {
  readonly engine: CaptureEngine;
  /** Nanoseconds a packet, round by round. */
  readonly rounds: readonly number[];
  /** Packets of the last round by verdict. */
  readonly verdicts: Readonly<Record<VerdictName, number>>;
  /** Share of the last round's packets that the card decided; undefined without a card. */
  readonly hitRate: number | undefined;
}

/** What is measured, on what. */
export interface CaptureSubject {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly packets: readonly Arrival[];
  readonly fill?: ((machine: Machine) => void) | undefined;
  readonly options: Pick<RuntimeOptions, 'settings' | 'verdicts'>;
}

const engineOptions: Readonly<Record<CaptureEngine, Pick<RuntimeOptions, 'card' | 'host' | 'counts'>>> = {
  interp: { card: false, host: 'interp' },
  wasm: { card: false, host: 'wasm' },
  coverage: { card: false, host: 'wasm', counts: true },
  trace: { card: true, host: 'wasm' },
};

/** Rounds that do not count. */
const warmRounds = 2;
/** Packets of a round at least, however short the capture. */
const leastPackets = 20_000;

/** One engine while it is measured. */
class Side {
  readonly engine: CaptureEngine;
  readonly rounds: number[] = [];
  private readonly runtime: Runtime;
  private readonly loads: readonly Load[];
  private clock: bigint;
  private verdicts: Record<VerdictName, number> = newCounts();
  private hits = 0;

  constructor(
    engine: CaptureEngine,
    { object, program, packets, fill, options }: CaptureSubject,
    loads: readonly Load[],
  ) {
    this.engine = engine;
    this.runtime = new Runtime(object, program, { ...options, ...engineOptions[engine], keepConditions: false });
    fill?.(this.runtime.machine);
    this.loads = loads;
    this.clock = packets[0]?.time ?? 0n;
  }

  /**
   * The capture `times` times; nanoseconds a packet. Of each batch the median counts, so that what takes the processor
   * away from one run of it does not. Verdicts are those of the last time.
   */
  round(times: number): number {
    const { runtime } = this;
    const [packets, hits] = [runtime.packets, runtime.hits];
    const samples = this.loads.map((): number[] => []);
    for (let i = 0; i < times; i++) this.once(samples);
    const ran = runtime.packets - packets;
    this.hits = (runtime.hits - hits) / ran;
    return samples.reduce((sum, list) => sum + summarize(list).median, 0) / (ran / times);
  }

  /** One round: the whole capture, batch by batch. */
  private once(samples: readonly number[][]): void {
    const { runtime } = this;
    this.verdicts = newCounts();
    for (const [i, load] of this.loads.entries()) {
      this.clock = setTimes(load, this.clock);
      samples[i]?.push(runLoad(runtime, load, wallTime));
      for (let at = 0; at < runtime.arena.count; at++) this.verdicts[verdictName(runtime.arena.verdict(at))]++;
    }
  }

  get figure(): CaptureFigure {
    const { engine, rounds, verdicts, hits } = this;
    return { engine, rounds, verdicts, hitRate: engine === 'trace' ? hits : undefined };
  }
}

function newCounts(): Record<VerdictName, number> {
  return Object.fromEntries(verdictNames.map((name) => [name, 0])) as Record<VerdictName, number>;
}

/** The engines in turns, round by round, warm-up first. There is at least one packet. */
export function measureCapture(
  subject: CaptureSubject,
  engines: readonly CaptureEngine[],
  rounds: number,
): readonly CaptureFigure[] {
  const { packets } = subject;
  const loads = loadsOf(packets);
  const sides = engines.map((engine) => new Side(engine, subject, loads));
  const times = Math.ceil(leastPackets / packets.length);
  for (const side of sides) for (let i = 0; i < warmRounds; i++) side.round(times);
  for (let i = 0; i < rounds; i++) for (const side of sides) side.rounds.push(side.round(times));
  return sides.map(({ figure }) => figure);
}
