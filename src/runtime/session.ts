/**
 * One run over a stream of packets: the runtime, the checker beside it if asked for, the clock, the CPUs, and
 * control-plane changes between packets. Everything that `jitnic run`, `trace`, `demo` and the corpus have in common.
 */
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { type PacketBatch, packetAt } from '../packet/index.js';
import { maxLinear, type VerdictName, verdictName, verdictNames } from '../platform/index.js';
import { type PacketInput, type RedirectTarget, readRedirect } from '../vm/index.js';
import { loadMaps, type MapsFile } from '../vm/map-json.js';
import { applyMapChange, type MapChange, ScriptClock } from '../vm/map-script.js';
import { ArenaFeed } from './arena-feed.js';
import { Checker, type Difference } from './check.js';
import { flowHash } from './flow-hash.js';
import { type Clock, PacketClock } from './packet-clock.js';
import { type FaultRecord, type PacketResult, Runtime } from './runtime.js';
import type { RuntimeOptions } from './runtime-options.js';

export interface SessionOptions extends RuntimeOptions {
  /** Run everything on the plain interpreter too, and compare. */
  readonly check?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly ingressIfindex?: number | undefined;
  readonly egressIfindex?: number | undefined;
  /** Contents of maps before the first packet. */
  readonly maps?: { readonly contents: MapsFile; readonly file?: string | undefined } | undefined;
  readonly script?: { readonly changes: readonly MapChange[]; readonly file?: string | undefined } | undefined;
}

/** A packet as it arrives. */
export interface Arrival {
  readonly data: Uint8Array;
  /** Nanoseconds. */
  readonly time: bigint;
}

export interface SessionCounts {
  readonly packets: number;
  readonly misses: number;
  readonly verdicts: Readonly<Record<VerdictName, number>>;
  readonly faults: readonly (readonly [string, FaultRecord])[];
}

/** What became of a packet. */
export interface Decided {
  /** Low half of r0. */
  readonly verdict: number;
  /** The packet as it leaves: a copy. */
  readonly bytes: Uint8Array;
  /** Meaningful with verdict REDIRECT. */
  readonly redirect: RedirectTarget | undefined;
}

export class Session {
  readonly runtime: Runtime;
  readonly program: ProgramSpec;
  readonly verdicts: Record<VerdictName, number> = { ABORTED: 0, DROP: 0, PASS: 0, TX: 0, REDIRECT: 0 };
  difference: Difference | undefined;
  private readonly checker: Checker | undefined;
  private readonly clock: PacketClock;
  private readonly options: SessionOptions;
  private readonly script: ScriptClock | undefined;
  private readonly feed: ArenaFeed;
  private readonly verdictCounts = new Float64Array(verdictNames.length);
  /** Where {@link decided} finds the packets that ran last: in the arena, or one in the packet buffer. */
  private inArena = false;
  /** Packets of the arena are being run, and their verdicts are not counted yet. */
  private inPiece = false;
  private cpus: Uint32Array = new Uint32Array(0);
  private start: bigint | undefined;
  private longest: number | undefined;

  constructor(object: ObjectSpec, program: ProgramSpec, options: SessionOptions = {}) {
    this.options = options;
    this.program = program;
    this.runtime = new Runtime(object, program, { isEager: options.check, ...options });
    this.checker = options.check === true ? new Checker(this.runtime, options) : undefined;
    this.clock = new PacketClock(options.clock ?? { kind: 'capture' });
    this.script = options.script === undefined ? undefined : new ScriptClock(options.script.changes);
    this.feed = new ArenaFeed(() => this.runtime.arena);
    if (options.maps !== undefined) {
      for (const machine of this.machines()) loadMaps(machine, options.maps.contents, options.maps.file);
    }
  }

  /** True if the plain interpreter runs beside. */
  get checked(): boolean {
    return this.checker !== undefined;
  }

  /** A change from the control plane between two packets: made on both sides. */
  change(change: (machine: Runtime['machine']) => void): void {
    for (const machine of this.machines()) change(machine);
  }

  /** Runs one packet. After a difference, `difference` is set and no more packets should be run. */
  run(arrival: Arrival): PacketResult {
    const number = this.runtime.packets + 1;
    this.start ??= arrival.time;
    this.applyDue(number, arrival.time);
    const { data } = arrival;
    const input: PacketInput = {
      data,
      now: this.clock.timeOf(number, arrival.time),
      cpu: this.cpuOf(data, 0, data.length),
      ingressIfindex: this.ingressIfindex,
      egressIfindex: this.egressIfindex,
      frags: this.program.frags,
    };
    let result: PacketResult;
    if (this.checker === undefined) result = this.runtime.run(input);
    else {
      const checked = this.checker.run(input);
      result = checked.result;
      this.difference ??= checked.difference;
    }
    this.inArena = false;
    this.verdicts[verdictName(result.verdict)]++;
    return result;
  }

  /**
   * Runs packets of a batch from `from` on, as many as go in one piece, `most` at most: returns how many, at least 1.
   * They can be looked at with {@link decided} until the next run. After a difference, `difference` is set and no more
   * packets should be run.
   */
  runBatch(batch: PacketBatch, from: number, most: number): number {
    const { arena } = this.runtime;
    this.longest ??= this.longestInArena();
    this.start ??= batch.time[from] ?? 0n;
    this.applyDue(this.runtime.packets + 1, batch.time[from] ?? 0n);
    const count = this.fill(batch, from, this.longest, Math.min(batch.count, from + most));
    if (count === 0) {
      this.run(packetAt(batch, from));
      return 1;
    }
    this.inPiece = true;
    if (this.checker === undefined) this.runtime.runArena();
    else this.difference ??= this.checker.runArena((i) => packetAt(batch, from + i).data);
    this.inArena = true;
    const { verdictCounts } = this;
    verdictCounts.fill(0);
    arena.countVerdicts(verdictCounts);
    for (const [i, name] of verdictNames.entries()) this.verdicts[name] += verdictCounts[i] ?? 0;
    this.inPiece = false;
    return count;
  }

  /** The `i`-th packet of those that ran last. */
  decided(i: number): Decided {
    const { machine, arena } = this.runtime;
    if (this.inArena)
      return { verdict: arena.verdict(i), bytes: arena.bytes(i), redirect: readRedirect(arena.redirect(i)) };
    return { verdict: this.runtime.last.verdict, bytes: machine.packetBytes(), redirect: machine.redirect };
  }

  /**
   * After {@link runBatch} was broken off in the middle (by Ctrl-C): counts speak of the packets that had been
   * decided, and of no other. What the packet under way had written to maps stays there.
   */
  settle(): void {
    const { runtime, verdicts } = this;
    const counted = verdictNames.reduce((sum, name) => sum + verdicts[name], 0);
    runtime.packets = runtime.hits + runtime.misses;
    if (!this.inPiece) return;
    for (let i = 0; i < runtime.packets - counted; i++) verdicts[verdictName(runtime.arena.verdict(i))]++;
    this.inPiece = false;
  }

  /** What is to be known of another session's run, in a form that threads can exchange. */
  get counts(): SessionCounts {
    const { packets, misses, faults } = this.runtime;
    return { packets, misses, verdicts: { ...this.verdicts }, faults: [...faults] };
  }

  /** Adds what a session on the same maps has run. */
  add({ packets, misses, verdicts, faults }: SessionCounts): void {
    const { runtime } = this;
    runtime.packets += packets;
    runtime.misses += misses;
    for (const name of verdictNames) this.verdicts[name] += verdicts[name];
    for (const [key, fault] of faults) {
      const known = runtime.faults.get(key);
      if (known === undefined) runtime.faults.set(key, { ...fault });
      else known.count += fault.count;
    }
  }

  /** Call it after the last packet: compares what is left. */
  finish(): Difference | undefined {
    this.difference ??= this.checker?.finish();
    return this.difference;
  }

  /** Puts packets into the arena; returns how many. */
  private fill(batch: PacketBatch, from: number, longest: number, to: number): number {
    const { arena } = this.runtime;
    const { feed } = this;
    arena.ingressIfindex = this.ingressIfindex;
    arena.egressIfindex = this.egressIfindex;
    const end = this.beforeChange(batch, from, feed.open(batch, from, to));
    const { offset, length } = batch;
    const times = this.clock.timesOf(this.runtime.packets + 1, feed.times, from, end);
    return arena.add({ offset, length, times, cpu: this.cpusOf(batch, from, end) }, from, end, feed.base, longest);
  }

  /**
   * Up to which packet (exclusive, at most `to`) there is no change of maps due; the one before `from` has been made.
   */
  private beforeChange(batch: PacketBatch, from: number, to: number): number {
    const { script } = this;
    if (script === undefined) return to;
    const first = this.runtime.packets + 1;
    for (let i = from + 1; i < to; i++) if (script.isDue(first + i - from, this.sinceStart(batch, i))) return i;
    return to;
  }

  /** CPUs of packets `from` to `to` (exclusive) of a batch, by index; or the one of all. */
  private cpusOf({ bytes, offset, length }: PacketBatch, from: number, to: number): Uint32Array | number {
    const { cpus = 1, lanes } = this.options;
    if (lanes !== undefined) return lanes.index;
    if (cpus === 1) return 0;
    if (this.cpus.length < to) this.cpus = new Uint32Array(to);
    for (let i = from; i < to; i++) this.cpus[i] = flowHash(bytes, offset[i] as number, length[i] as number) % cpus;
    return this.cpus;
  }

  /**
   * The longest packet that goes by the arena; -1 if none does, since journals are to say which packet went wrong.
   * Others go one by one by the packet buffer, which also knows fragments.
   */
  private longestInArena(): number {
    if (this.checker?.isExact === true) return -1;
    const { longest } = this.runtime.arena;
    return this.program.frags ? Math.min(longest, maxLinear) : longest;
  }

  private sinceStart(batch: PacketBatch, i: number): bigint {
    return (batch.time[i] ?? 0n) - (this.start ?? 0n);
  }

  private applyDue(number: number, time: bigint): void {
    if (this.script === undefined) return;
    for (const change of this.script.due(number, time - (this.start ?? time))) {
      this.change((machine) => applyMapChange(machine, change, this.options.script?.file));
    }
  }

  private cpuOf(bytes: Uint8Array, offset: number, length: number): number {
    const { cpus = 1, lanes } = this.options;
    if (lanes !== undefined) return lanes.index;
    return cpus > 1 ? flowHash(bytes, offset, length) % cpus : 0;
  }

  private get ingressIfindex(): number {
    return this.options.ingressIfindex ?? 1;
  }

  private get egressIfindex(): number {
    return this.options.egressIfindex ?? (this.program.attach === 'xdp_devmap' ? 2 : 0);
  }

  private *machines(): Generator<Runtime['machine']> {
    yield this.runtime.machine;
    if (this.checker !== undefined) yield this.checker.machine;
  }
}
