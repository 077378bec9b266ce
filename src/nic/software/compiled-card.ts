/**
 * The software card: the traces of one program as a WebAssembly dispatcher, with the JavaScript executor of the {@link
 * TraceTree} beside it for those that came after the last compilation, or have something that is not compiled.
 *
 * A packet's way: the module takes batches until a packet misses. Only if there are traces that it does not have is
 * the tree asked about that one packet. So results are those of the tree alone, whatever is compiled when.
 *
 * Compilation is off the packets' path: {@link CompiledCard.refresh} is called between batches, and compiles when the
 * executor has decided so many packets since the last time that the work pays. A trace that leaves the tree is
 * switched off at once, by a byte that its leaf looks at; its code goes with the next compilation.
 */
import { InternalError, Wasm, type WasmModule } from '../../base/index.js';
import { cacheBytes, exchange, type InnerProgram, isWorthCaching, moduleOf, slowLookupsAt } from '../../jit/index.js';
import { stackSize, xdpMd } from '../../platform/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import type { Verdicts } from '../../verifier/index.js';
import {
  type LoadedProgram,
  type Machine,
  type PacketArena,
  packetState,
  privateState,
  programsBehind,
  type Region,
  record,
  type TrapSite,
} from '../../vm/index.js';
import { FunctionTooLarge } from '../../wasm/index.js';
import {
  type ArenaOffer,
  type ArenaOwner,
  type CardPort,
  type InstalledTrace,
  offerInBuffer,
  type SideExit,
} from '../port.js';
import { CardImports } from './card-imports.js';
import { compileCard } from './card-module.js';
import { counterSize, exitMask, isCompilable, type LoweredTree, lowerTree } from './lower-tree.js';
import { noTrace, Passes, type PassPolicy } from './passes.js';
import type { TraceTree, TreeTrace } from './tree.js';
import { layOut } from './tree-layout.js';

/** A card is made for one program on one machine. */
export interface CardOptions {
  readonly machine: Machine;
  readonly program: LoadedProgram;
  readonly tree: TraceTree;
  /** What keys are put together in; closed between batches. */
  readonly keys: Region;
  /** Asked about the program, and those that it may tail-call, when there is something to compile. */
  readonly verdicts: Verdicts;
  /** What records are to say of a packet that a trace decided: its number for the rest of the world, below 2^32. */
  readonly numberOf: (trace: InstalledTrace) => number;
  /** Packets that the executor decides before the next compilation. */
  readonly patience?: number | undefined;
  /** Which misses go on in the program without ending the batch; absent: none. */
  readonly passing?: PassPolicy | undefined;
}

/** What was compiled last. Traces that came later are outside of it; those that left are switched off in it. */
interface Version extends LoweredTree {
  readonly run: (record: number, count: number, stride: number, passing: number) => number;
  /** The program that it goes on in where packets pass; undefined: none did when it was linked. */
  readonly program: InnerProgram | undefined;
  readonly module: WasmModule;
  readonly bytes: number;
  /** Positions of the switches. */
  readonly positions: ReadonlyMap<TreeTrace, number>;
  /** Leaves look at their switch. */
  readonly switched: boolean;
}

/** Traces of one version. */
const maxTraces = 1 << 16;
/**
 * Packets that the executor decides before a compilation pays: at least so many, and one for each {@link
 * valuesPerPacket} values of the traces.
 */
const leastPatience = 256;
/** Packets after which it is first asked whether the layout still fits; each time twice as many. */
const firstLayoutCheck = 16_384;
/** Share of the packets that functions other than the first may decide before another layout is looked for. */
const mostAway = 1 / 8;
/**
 * A packet costs the executor a microsecond or two more than compiled code; a value costs the compiler about as much.
 */
const valuesPerPacket = 2;

/** Where no program is linked no packet passes. */
function nowhere(): never {
  throw new InternalError('card', 'a packet passed where there is no program');
}

/** The software card as a run has it. `offer` and `runBatch` give the same answers as the tree alone would. */
export class CompiledCard implements CardPort {
  readonly name = 'software';
  readonly capacity: number = maxTraces;
  readonly holdsRegions = true;
  readonly tree: TraceTree;
  compilations = 0;
  /** Of these, those that only changed where traces lie. */
  relayouts = 0;
  private readonly options: CardOptions;
  private readonly machine: Machine;
  private readonly exchange: number;
  private readonly record: number;
  private readonly enabled: number;
  private readonly period: number;
  private readonly counters: number;
  /**
   * For {@link takeHits}: address of the last packet's record times {@link maxTraces}, plus the trace's position. Both
   * fit into 48 bits, and numbers sort without a function that compares.
   */
  private order: Float64Array = new Float64Array(64);
  private readonly areas = new Map<number, number>();
  private readonly imports: CardImports;
  private version: Version | undefined;
  /** Traces of the tree that the version has not. */
  private readonly outside = new Set<TreeTrace>();
  /** Those that can never be compiled, of those that have been tried. */
  private readonly refused = new Set<TreeTrace>();
  private readonly tried = new WeakSet<TreeTrace>();
  private isVerified: boolean | undefined;
  private sinceCompiled = 0;
  /**
   * Packets of the version, those that its first function did not decide, and how many there are to be before its
   * layout is looked at.
   */
  private ran = 0;
  private away = 0;
  private layoutCheck = firstLayoutCheck;
  /** Packets of traces when the layout was made: it goes by those that came since the one before. */
  private counted = new WeakMap<TreeTrace, number>();
  /** Values of all traces. */
  private values = 0;
  /** What stopped the program in the batch that ran last. */
  private stopped: TrapSite | undefined;
  private readonly passes: Passes | undefined;
  /** Traces have left. Before the first one does, leaves need no switch. */
  private evicts = false;

  constructor(options: CardOptions) {
    this.options = options;
    const { machine } = options;
    this.machine = machine;
    this.tree = options.tree;
    const { memory } = machine;
    const area = memory.allocate('scratch', 'registers of the card', exchange.size);
    const own = memory.allocate('scratch', 'packet record of the card', record.size);
    const enabled = memory.allocate('scratch', 'switches of the card', maxTraces);
    const period = memory.allocate('scratch', 'period of the card', 4);
    const counters = memory.allocate('scratch', 'counters of the card', maxTraces * counterSize);
    this.counters = counters.start;
    for (const region of [area, own, enabled, period, counters]) region.hi = region.lo;
    this.period = period.start;
    // Now, since guest memory must not grow while packets run.
    for (const map of machine.maps) {
      if (!isWorthCaching(map.layout())) continue;
      const region = memory.allocate('scratch', `look-up cache of map ${map.spec.name}`, cacheBytes(map.spec.keySize));
      region.hi = region.lo;
      this.areas.set(map.index, region.start);
    }
    this.passes = options.passing === undefined ? undefined : new Passes(machine, options.passing);
    this.exchange = area.start;
    this.record = own.start;
    this.enabled = enabled.start;
    this.imports = new CardImports(machine, area.start);
  }

  /** Bytes of the module; 0 before the first compilation. */
  get codeBytes(): number {
    return this.version?.bytes ?? 0;
  }

  get compiledTraces(): number {
    return this.version?.traces.length ?? 0;
  }

  /** Functions that they are made of. */
  get compiledFunctions(): number {
    return this.version?.functions.length ?? 0;
  }

  /**
   * A verifier accepted the program. If not, packets have to be in the machine's packet buffer, whose bounds helpers
   * check.
   */
  get verified(): boolean {
    const { machine, program, verdicts } = this.options;
    this.isVerified ??= verdicts.accepts(...programsBehind(program, machine.programs).map(({ spec }) => spec));
    return this.isVerified;
  }

  /** Some traces are with the executor alone. */
  get hasOutside(): boolean {
    return this.outside.size > 0;
  }

  /** Everything: what is not compiled stays with the executor. */
  refusal(): undefined {
    return undefined;
  }

  /** New traces run on the executor until there are enough packets of them to pay for a compilation. */
  install(trace: RecordedTrace): TreeTrace | undefined {
    const installed = this.tree.install(trace);
    if (installed === undefined) return undefined;
    this.outside.add(installed);
    this.values += trace.code.values.length;
    return installed;
  }

  /**
   * A compiled trace that leaves is switched off by a byte that its leaf reads; code without such bytes is thrown
   * away.
   */
  evict(trace: InstalledTrace): void {
    const { version } = this;
    this.tree.evict(trace);
    this.values -= trace.trace.code.values.length;
    this.outside.delete(trace as TreeTrace);
    this.refused.delete(trace as TreeTrace);
    this.evicts = true;
    const number = version?.positions.get(trace as TreeTrace);
    if (version === undefined || number === undefined) return;
    if (version.switched) this.machine.memory.u8[this.enabled + number] = 0;
    else {
      // The first one to leave: until the next compilation the executor has them all.
      for (const other of version.traces) if (other !== trace) this.outside.add(other);
      this.version = undefined;
    }
  }

  /**
   * Decides the arena's packets from `from` on, up to `to`, and returns how many. The one behind them, if there is
   * one, has missed and is untouched; its record says where it left
   * the traces ({@link exitOf}). Decided records hold the verdict at `record.r0` and at `record.trace` the trace's
   * number.
   */
  runRecords(arena: PacketArena, from: number, to: number): number {
    return this.runFrom(arena.recordOf(from), to - from, undefined);
  }

  /**
   * The same from the record at guest address `first` on. `program`: misses may go on there, as far as there are
   * passes for them; where it is stopped, the batch ends behind that packet ({@link stopped}).
   */
  private runFrom(first: number, count: number, program: InnerProgram | undefined): number {
    const { version, machine } = this;
    if (version === undefined) return 0;
    this.enter(program);
    program?.open();
    try {
      return version.run(first, count, record.size, program === undefined ? 0 : 1);
    } catch (error) {
      if (error instanceof Error && error.constructor.name === 'RuntimeError')
        throw new InternalError('card', `${this.options.program.spec.name}: ${error.message}`);
      if (program === undefined) throw error;
      return this.stop(program.trapped(error), first);
    } finally {
      this.imports.close();
      program?.close();
      this.leave(machine);
    }
  }

  /** The program was stopped in the midst of a batch. Returns how many packets are decided, that one among them. */
  private stop({ record: at, site }: ReturnType<InnerProgram['trapped']>, first: number): number {
    const { memory } = this.machine;
    memory.store64(at + record.r0, 0n);
    memory.store32(at + record.trace, noTrace);
    this.stopped = site;
    return (at - first) / record.size + 1;
  }

  /** The program that packets of a batch may go on in; the code is linked with it when it is first there. */
  private passProgram(): InnerProgram | undefined {
    const { version } = this;
    // Traces that the code has not may take what it misses.
    if (this.outside.size > 0) return undefined;
    const program = this.passes?.program();
    if (program === undefined || version === undefined) return undefined;
    if (version.program !== program) this.version = { ...version, program, run: this.link(version.module, program) };
    return program;
  }

  /**
   * Who decided the packets since the last time that someone asked: each trace once, in the order of their last
   * packets. That is what an LRU list needs, and what counts hits does not mind.
   */
  private takeHits(visit: (trace: TreeTrace, packets: number) => void): void {
    const { traces = [], hot = 0 } = this.version ?? {};
    const { view } = this.machine.memory;
    if (this.order.length < traces.length) this.order = new Float64Array(2 * traces.length);
    const { order } = this;
    let hit = 0;
    for (let i = 0; i < traces.length; i++) {
      const at = this.counters + counterSize * i;
      if (view.getUint32(at, true) > 0) order[hit++] = view.getUint32(at + 4, true) * maxTraces + i;
    }
    if (hit > 1) order.subarray(0, hit).sort();
    for (let n = 0; n < hit; n++) {
      const i = (order[n] as number) % maxTraces;
      const packets = view.getUint32(this.counters + counterSize * i, true);
      view.setUint32(this.counters + counterSize * i, 0, true);
      this.ran += packets;
      if (i >= hot) this.away += packets;
      visit(traces[i] as TreeTrace, packets);
    }
  }

  /** Look-ups that caches did not answer, since the last time that someone asked. */
  takeSlowLookups(): number {
    const { memory } = this.machine;
    let sum = 0;
    for (const area of this.areas.values()) {
      sum += memory.load32(area + slowLookupsAt);
      memory.store32(area + slowLookupsAt, 0);
    }
    return sum;
  }

  /** Where the packet of a record that missed left the traces. */
  private exitOf(at: number): SideExit {
    const number = this.machine.memory.load32(at + record.trace) & exitMask;
    this.passes?.told();
    return this.version?.exits[number] ?? this.tree.root.exit;
  }

  /** One packet, that of the machine, by way of a record of its own. */
  offer(): TreeTrace | SideExit {
    const { machine, record: at } = this;
    if (this.version !== undefined) {
      this.writeRecord(at);
      if (this.runFrom(at, 1, undefined) === 1) {
        this.readRecord(at);
        return this.takeHit();
      }
      // A trace that gave up may have shown its helpers another context.
      machine.memory.u8.copyWithin(machine.lane.ctx.start, at, at + xdpMd.size);
      machine.lane.packet.sync();
      if (this.outside.size === 0) return this.exitOf(at);
    }
    return this.execute();
  }

  /** The trace that decided the one packet that has run. */
  private takeHit(): TreeTrace {
    let decided: TreeTrace | undefined;
    this.takeHits((trace) => {
      decided = trace;
    });
    if (decided === undefined) throw new InternalError('card', 'a packet was decided by no trace');
    return decided;
  }

  /**
   * Packets are decided where they lie, as many as there are up to one that misses, if the module may (a verifier has
   * accepted the program) and hits need not be told in order. Those that the module misses go through the packet
   * buffer to traces that it has not.
   */
  offerArena(arena: PacketArena, from: number, to: number, owner: ArenaOwner): ArenaOffer {
    this.refresh();
    const inPlace = this.verified && !owner.inOrder;
    const offer = (): TreeTrace | SideExit => (inPlace ? this.execute() : this.offer());
    for (let at = from; at < to; at++) {
      if (inPlace && this.compiledTraces > 0) {
        const decided = this.runBatch(arena, at, to, owner);
        at += decided;
        const { stopped } = this;
        if (stopped !== undefined) {
          this.stopped = undefined;
          owner.trapped?.(--at, stopped);
          continue;
        }
        if (at === to) break;
        if (!this.hasOutside) return { decided: at - from, exit: this.exitOf(arena.recordOf(at)) };
      }
      const exit = offerInBuffer(offer, arena, at, owner);
      if (exit !== undefined) return { decided: at - from, exit };
    }
    return { decided: to - from, exit: undefined };
  }

  /** Packets of the arena on compiled code, up to one that misses or stops the program; who decided them is told. */
  private runBatch(arena: PacketArena, from: number, to: number, owner: ArenaOwner): number {
    arena.machine.clearPacket();
    const program = owner.passed === undefined ? undefined : this.passProgram();
    if (program !== undefined) this.passes?.grant();
    const decided = this.runFrom(arena.recordOf(from), to - from, program);
    const passed = program === undefined ? 0 : (this.passes?.settle() ?? 0);
    if (passed > 0) owner.passed?.(passed);
    this.takeHits((trace, packets) => owner.hit(trace, packets));
    owner.taken(from, from + decided);
    owner.decided();
    return decided;
  }

  /** Without compiled code. */
  private execute(): TreeTrace | SideExit {
    const found = this.tree.offer();
    if (found.kind === 'hit' && !this.refused.has(found)) this.sinceCompiled++;
    return found;
  }

  /** Compiles if it pays. */
  refresh(): void {
    const patience = this.options.patience ?? Math.max(leastPatience, this.values / valuesPerPacket);
    if (this.sinceCompiled >= patience && this.hasCompilable()) this.compile();
    else if (this.ran >= this.layoutCheck) this.checkLayout();
  }

  /** Is there a trace that is to be compiled? Most leave before anyone has to know, so they are tried now. */
  private hasCompilable(): boolean {
    for (const trace of this.outside) {
      if (this.tried.has(trace)) continue;
      this.tried.add(trace);
      if (!isCompilable(trace.trace, this.lowerOptions())) this.refused.add(trace);
    }
    return this.outside.size > this.refused.size;
  }

  /** Which traces are hot changes: lays them out anew where that puts most packets into the first function. */
  private checkLayout(): void {
    const { ran, away } = this;
    this.layoutCheck *= 2;
    if (away > mostAway * ran) {
      const { hotShare } = layOut(this.tree.root, (trace) => this.weightOf(trace));
      if (1 - hotShare < away / ran / 2) {
        this.relayouts++;
        this.compile();
        return;
      }
    }
    this.startCounting();
  }

  /** Counts from here tell the next compilation which traces matter. */
  private startCounting(): void {
    this.ran = 0;
    this.away = 0;
    for (const trace of this.tree.traces()) this.counted.set(trace, trace.packets);
  }

  /** Packets since the last compilation; undefined keeps a trace out of the code. */
  private weightOf(trace: TreeTrace): number | undefined {
    return this.refused.has(trace) ? undefined : trace.packets - (this.counted.get(trace) ?? 0);
  }

  /** Compiles what is installed. */
  compile(): void {
    const { machine } = this;
    this.hasCompilable();
    const { lowered, bytes } = this.generate();
    const module = moduleOf(bytes);
    this.version = {
      ...lowered,
      bytes: bytes.length,
      module,
      program: undefined,
      run: this.link(module, undefined),
      switched: this.evicts,
      positions: new Map(lowered.traces.map((trace, i) => [trace, i])),
    };
    machine.memory.u8.fill(0, this.counters, this.counters + lowered.traces.length * counterSize);
    machine.memory.u8.fill(1, this.enabled, this.enabled + lowered.traces.length);
    this.passes?.replace(lowered.exits);
    this.outside.clear();
    for (const trace of lowered.omitted) this.outside.add(trace);
    this.sinceCompiled = 0;
    this.startCounting();
    this.compilations++;
  }

  /** Functions and bytes of what is installed. A trace that is too large for a function is left to the executor. */
  private generate(): { readonly lowered: LoweredTree; readonly bytes: Uint8Array } {
    const { machine, tree, exchange } = this;
    const cache = { period: this.period, areas: this.areas };
    const keys = this.options.keys.start;
    const passes = this.passes?.area ?? 0;
    for (;;) {
      const lowered = lowerTree(tree, this.lowerOptions());
      try {
        const bytes = compileCard({ machine, functions: lowered.functions, exchange, keys, cache, passes });
        return { lowered, bytes };
      } catch (error) {
        const [first, ...others] = lowered.traces;
        if (!(error instanceof FunctionTooLarge) || first === undefined) throw error;
        this.refused.add(others.reduce((a, b) => (b.body.length > a.body.length ? b : a), first));
      }
    }
  }

  /** The code with what it calls. */
  private link(module: WasmModule, program: InnerProgram | undefined): Version['run'] {
    const imports = { ...this.imports.imports(), program: { run: program?.run ?? nowhere } };
    return new Wasm.Instance(module, imports).exports['run'] as Version['run'];
  }

  /**
   * How trees are lowered now: with switches only once something has been evicted, since looking at them costs a load.
   */
  private lowerOptions(): Parameters<typeof lowerTree>[1] {
    const { machine, program, numberOf } = this.options;
    const { exchange, verified, period, counters } = this;
    const switches = this.evicts ? this.enabled : undefined;
    return {
      machine,
      program,
      verified,
      exchange,
      period,
      counters,
      numberOf,
      switches,
      weightOf: (trace) => this.weightOf(trace),
    };
  }

  /**
   * Before a batch: stack frames are open for as long as compiled code runs, and cached look-ups are forgotten by
   * going on to the next period.
   */
  private enter(program: InnerProgram | undefined): void {
    const { machine } = this;
    // Between two batches anyone may have changed the maps.
    const { view } = machine.memory;
    view.setUint32(this.period, (view.getUint32(this.period, true) % 0xffff_fff0) + 1, true);
    this.imports.open(program?.writesRings === true);
    for (const frame of machine.lane.frames) frame.openTop(stackSize);
    this.openKeys(true);
  }

  /** After it: nobody else may read or write what the frames hold. */
  private leave(machine: Machine): void {
    for (const frame of machine.lane.frames) frame.lo = frame.hi;
    this.openKeys(false);
  }

  /** The region that keys are put together in can be read by helpers only meanwhile. */
  private openKeys(open: boolean): void {
    const { keys } = this.options;
    keys.hi = open ? keys.end : keys.lo;
  }

  /** The machine's packet as a record. */
  private writeRecord(at: number): void {
    const { machine } = this;
    const { memory } = machine;
    const { ctx, state } = machine.lane;
    memory.u8.copyWithin(at, ctx.start, ctx.start + xdpMd.size);
    const { view } = memory;
    view.setBigUint64(at + record.now, machine.lane.now, true);
    const frame = state + privateState.packet;
    view.setUint32(at + record.frameStart, memory.load32(frame + packetState.frameStart), true);
    view.setUint32(at + record.frameSize, memory.load32(frame + packetState.frameSize), true);
    view.setUint32(at + record.redirect, 0, true);
    view.setUint32(at + record.cpu, machine.lane.cpu, true);
    view.setUint32(at + record.number, machine.lane.number, true);
  }

  /** What became of it, back to where the machine has it. */
  private readRecord(at: number): void {
    const { machine } = this;
    const { memory } = machine;
    const { ctx, state } = machine.lane;
    for (const field of [xdpMd.data, xdpMd.dataEnd, xdpMd.dataMeta])
      memory.store32(ctx.start + field, memory.load32(at + field));
    const kind = memory.load32(at + record.redirect);
    memory.store32(state + privateState.redirectKind, kind);
    if (kind !== 0) memory.store32(state + privateState.redirectTarget, memory.load32(at + record.redirect + 4));
    if (kind === 2) {
      memory.store32(state + privateState.redirectKey, memory.load32(at + record.redirect + 8));
      memory.store32(state + privateState.redirectFlags, memory.load32(at + record.redirect + 12));
    }
    machine.lane.packet.sync();
  }
}
