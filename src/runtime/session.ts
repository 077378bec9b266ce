/**
 * One run over a stream of packets: the runtime, the checker beside it if asked for, the clock, the CPUs, and
 * control-plane changes between packets. Everything that `jitnic run`, `trace`, `demo` and the corpus have in common.
 */
import { InputError } from '../base/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { type PacketBatch, packetAt } from '../packet/index.js';
import { maxLinear, type VerdictName, verdictName, verdictNames } from '../platform/index.js';
import { readTraces, writeTraces } from '../trace/index.js';
import {
  findGlobal,
  findMap,
  type Output,
  type PacketInput,
  type RedirectTarget,
  readGlobal,
  readRedirect,
  type TypedValue,
  writeGlobal,
} from '../vm/index.js';
import { type DumpedMaps, dumpMaps, loadMaps, type MapsFile } from '../vm/map-json.js';
import { applyMapChange, type MapChange, ScriptClock } from '../vm/map-script.js';
import { ArenaFeed } from './arena-feed.js';
import { Checker, type Difference } from './check.js';
import type { FaultRecord } from './failures.js';
import { flowHash } from './flow-hash.js';
import type { Loaded } from './offload.js';
import { type Clock, PacketClock } from './packet-clock.js';
import { Runtime } from './runtime.js';
import type { RuntimeOptions } from './runtime-options.js';
import { SessionMap } from './session-map.js';
import type { TraceRecord } from './trace-record.js';

/** Card, host, maps, clock, and whether the interpreter runs beside. */
export interface SessionOptions extends RuntimeOptions {
  /** Run everything on the plain interpreter too, and compare. */
  readonly check?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly ingressIfindex?: number | undefined;
  /** All packets arrive on this CPU; default: a hash of the flow says which. */
  readonly cpu?: number | undefined;
  readonly egressIfindex?: number | undefined;
  /** Contents of maps before the first packet. */
  readonly maps?: { readonly contents: MapsFile; readonly file?: string | undefined } | undefined;
  /** Traces that are on the card before the first packet: a file of `jitnic trace --dump json`, parsed. */
  readonly traces?: { readonly json: unknown; readonly file?: string | undefined } | undefined;
  readonly script?: { readonly changes: readonly MapChange[]; readonly file?: string | undefined } | undefined;
}

/** A packet as it arrives. */
export interface Arrival {
  /** From the Ethernet header on. It is copied: the program does not change it. */
  readonly data: Uint8Array;
  /**
   * Nanoseconds since 1970, or since whenever the capture counts from. Default: that of the packet before, 0 for the
   * first.
   */
  readonly time?: bigint | undefined;
}

/** What became of a packet. A value: it stays as it is when the next one runs. */
export interface PacketResult {
  /** Low 32 bits of r0: XDP_ABORTED 0, XDP_DROP 1, XDP_PASS 2, XDP_TX 3, XDP_REDIRECT 4. ABORTED after a fault. */
  readonly verdict: number;
  /** The same in words; what is none of the five is ABORTED, as the kernel has it. */
  readonly verdictName: VerdictName;
  /** The packet as it leaves. */
  readonly bytes: Uint8Array;
  /** Where it goes, with verdict REDIRECT. */
  readonly redirect: RedirectTarget | undefined;
  /** Perf records, ring buffer records and lines of bpf_printk, in order. */
  readonly outputs: readonly Output[];
  /** The trace that decided it on the card; undefined if the host ran it. */
  readonly hit: TraceRecord | undefined;
}

/** Counts of a session. */
export interface SessionStats {
  readonly packets: number;
  /** Decided by a trace on the card. */
  readonly hits: number;
  /** Left to the host. */
  readonly misses: number;
  /** Traces that were put on the card, and that had to leave it for others. */
  readonly installs: number;
  readonly evictions: number;
}

/** What threads tell each other of their sessions. */
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

/**
 * Packets through one program, its card and its host: made by {@link openSession}, or of an object and one of its
 * programs.
 */
export class Session {
  /** @internal */
  readonly runtime: Runtime;
  /** The program that packets come to. */
  readonly program: ProgramSpec;
  /** Packets by verdict. */
  readonly verdicts: Record<VerdictName, number> = { ABORTED: 0, DROP: 0, PASS: 0, TX: 0, REDIRECT: 0 };
  /** What came of each of the traces that it began with. @internal */
  readonly loaded: readonly Loaded[];
  /** With `check`: the first difference between card and interpreter. */
  difference: Difference | undefined;
  /** Somebody else compares, and says so in these words: `in the order of decisions`. @internal */
  comparedBeside: string | undefined;
  private readonly checker: Checker | undefined;
  private readonly clock: PacketClock;
  private readonly options: SessionOptions;
  private readonly script: ScriptClock | undefined;
  private readonly feed: ArenaFeed;
  /**
   * Gather what packets of {@link runBatch} put out, for {@link outputs}: default false. @internal
   */
  gathersOutputs = false;
  private readonly gathered: Output[] = [];
  private readonly verdictCounts = new Float64Array(verdictNames.length);
  /** Where {@link decided} finds the packets that ran last: in the arena, or one in the packet buffer. */
  private inArena = false;
  /** Packets of the arena are being run, and their verdicts are not counted yet. */
  private inPiece = false;
  private cpus: Uint32Array = new Uint32Array(0);
  private start: bigint | undefined;
  private lastTime = 0n;
  private longest: number | undefined;

  /**
   * `program` is one of the object's. Throws UnsupportedError for what it asks for and is not done, BudgetError for
   * maps that do not fit, InputError for contents of maps that it does not have.
   */
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
    const { traces } = options;
    // Behind the maps: traces may assume what is in them.
    this.loaded =
      traces === undefined
        ? []
        : this.runtime.load(readTraces(this.runtime.machine, program, traces.json, traces.file));
  }

  /** True if the plain interpreter runs beside. */
  get checked(): boolean {
    return this.checker !== undefined || this.comparedBeside !== undefined;
  }

  /** A change from the control plane between two packets: made on both sides. @internal */
  change(change: (machine: Runtime['machine']) => void): void {
    for (const machine of this.machines()) change(machine);
  }

  /** What the card has learnt: a record for each path that was recorded, in order of their first recording. */
  get traces(): readonly TraceRecord[] {
    return this.runtime.traces;
  }

  /**
   * The traces as a value that JSON can hold (`jitnic.traces/2`): `traces` of another session of the same program, on
   * this machine or another one. Those whose recording is there still: on the card, or kept (`keepRecordings`).
   */
  dumpTraces(): Record<string, unknown> {
    const recordings = this.runtime.traces.flatMap(({ trace }) => trace ?? []);
    return writeTraces(this.runtime.machine.object, this.program, recordings);
  }

  /** How many packets there were, and what became of them on the card. */
  get stats(): SessionStats {
    const { packets, hits, misses, installs, evictions } = this.runtime;
    return { packets, hits, misses, installs, evictions };
  }

  /** Contents of all maps, as a map file: what `maps` of another session takes. */
  dumpMaps(): DumpedMaps {
    return dumpMaps(this.runtime.machine);
  }

  /** The map of that name, to be read and written between packets. Throws InputError that lists the maps. */
  map(name: string): SessionMap {
    const [first, ...rest] = [...this.machines()];
    const { machine } = this.runtime;
    return new SessionMap([first ?? machine, ...rest], findMap(machine, name));
  }

  /**
   * The value of a global variable by its name in the source, or of a part of one: `seen`, `ports[2]`, `cfg.timeout`.
   * Throws InputError that lists the variables.
   */
  get(name: string): TypedValue {
    const { machine } = this.runtime;
    const place = findGlobal(machine.object, name);
    return readGlobal(machine.object, place, this.sectionOf(machine, place.variable.map));
  }

  /**
   * Sets a global variable of `.data` or `.bss` between two packets, or a part of one; members that a value leaves out
   * stay. Throws InputError for a value that it does not take, and for constants: those are set before the program is
   * loaded, by `openSession(object, { globals: { limit: 100 } })`.
   */
  set(name: string, value: TypedValue): this {
    for (const machine of this.machines()) {
      const place = findGlobal(machine.object, name);
      const { map } = place.variable;
      if (place.variable.isConstant)
        throw new InputError(
          `\`${name}\` is a constant (${place.variable.section})`,
          {},
          'it is set before the program is loaded: openSession(object, { globals: { ... } })',
        );
      const section = this.sectionOf(machine, map).slice();
      writeGlobal(machine.object, place, section, value);
      machine.maps[map]?.updateElem(new Uint8Array(4), section);
    }
    return this;
  }

  /** Bytes of a data section's one element. */
  private sectionOf(machine: Runtime['machine'], map: number): Uint8Array {
    const found = machine.maps[map]?.lookupElem(new Uint8Array(4));
    return found instanceof Uint8Array ? found : new Uint8Array(0);
  }

  /**
   * The next packet as the program would see it, after the changes of maps that are due before it; it is not run.
   * @internal
   */
  arrive({ data, time = this.lastTime }: Arrival): PacketInput {
    const number = this.runtime.packets + 1;
    this.lastTime = time;
    this.start ??= time;
    this.applyDue(number, time);
    return {
      data,
      now: this.clock.timeOf(number, time),
      cpu: this.cpuOf(data, 0, data.length),
      number,
      ingressIfindex: this.ingressIfindex,
      egressIfindex: this.egressIfindex,
      frags: this.program.frags,
    };
  }

  /** Runs one packet: `run({ data })`. After a difference, `difference` is set and no more packets should be run. */
  run({ data, time }: Arrival): PacketResult {
    const { verdict, hit } = this.step({ data, time });
    const { machine } = this.runtime;
    const name = verdictName(verdict);
    const redirect = name === 'REDIRECT' ? machine.redirect : undefined;
    return {
      verdict,
      verdictName: name,
      bytes: machine.lane.packet.bytes(),
      redirect,
      outputs: [...machine.outputs],
      hit,
    };
  }

  /** The same, and what came of the packet is left where it is: in the machine, until the next one. @internal */
  step(arrival: Arrival): Runtime['last'] {
    const input = this.arrive(arrival);
    if (this.checker === undefined) this.runtime.run(input);
    else this.difference ??= this.checker.run(input).difference;
    this.inArena = false;
    const { last } = this.runtime;
    if (!last.isLost) this.verdicts[verdictName(last.verdict)]++;
    return last;
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
      const { outputs } = this.run(packetAt(batch, from));
      this.gathered.length = 0;
      if (this.gathersOutputs) this.gathered.push(...outputs);
      return 1;
    }
    this.inPiece = true;
    this.gathered.length = 0;
    this.runtime.gathered = this.gathersOutputs ? this.gathered : undefined;
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
    return { verdict: this.runtime.last.verdict, bytes: machine.lane.packet.bytes(), redirect: machine.redirect };
  }

  /** Verdict of the `i`-th packet of those that ran last, without a copy of its bytes. @internal */
  verdictOf(i: number): number {
    return this.inArena ? this.runtime.arena.verdict(i) : this.runtime.last.verdict;
  }

  /**
   * What the packets of the last {@link runBatch} put out, in order, if that was asked for; good until the next one.
   * @internal
   */
  get outputs(): readonly Output[] {
    return this.gathered;
  }

  /** Metadata in front of the `i`-th packet of those that ran last: a copy, empty where there is none. */
  metadata(i: number): Uint8Array {
    const { machine, arena } = this.runtime;
    return this.inArena ? arena.metaBytes(i) : machine.lane.packet.metaBytes();
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

  /** What is to be known of another session's run, in a form that threads can exchange. @internal */
  get counts(): SessionCounts {
    const { packets, misses, faults } = this.runtime;
    return { packets, misses, verdicts: { ...this.verdicts }, faults: [...faults] };
  }

  /** Adds what a session on the same maps has run. @internal */
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
    const cpu = this.cpusOf(batch, from, end);
    const added = arena.add({ offset, length, times, cpu }, from, end, feed.base, longest);
    if (this.options.rxMetadata !== undefined) arena.number(this.runtime.packets + 1);
    return added;
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
    if (this.options.cpu !== undefined) return this.options.cpu;
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

  /** Makes the changes of the script that are due before packet `number`. */
  private applyDue(number: number, time: bigint): void {
    if (this.script === undefined) return;
    for (const change of this.script.due(number, time - (this.start ?? time))) {
      this.change((machine) => applyMapChange(machine, change, this.options.script?.file));
    }
  }

  /** The CPU that a packet arrives at: that of the thread, the one that was asked for, or by its flow. */
  private cpuOf(bytes: Uint8Array, offset: number, length: number): number {
    const { cpus = 1, lanes } = this.options;
    if (lanes !== undefined) return lanes.index;
    if (this.options.cpu !== undefined) return this.options.cpu;
    return cpus > 1 ? flowHash(bytes, offset, length) % cpus : 0;
  }

  private get ingressIfindex(): number {
    return this.options.ingressIfindex ?? 1;
  }

  /** A program of a devmap sees the interface that the packet leaves by. */
  private get egressIfindex(): number {
    return this.options.egressIfindex ?? (this.program.attach === 'xdp_devmap' ? 2 : 0);
  }

  /** The machine that runs, and the one that checks it. */
  private *machines(): Generator<Runtime['machine']> {
    yield this.runtime.machine;
    if (this.checker !== undefined) yield this.checker.machine;
  }
}
