/**
 * The engine `wasm`: programs compiled to WebAssembly when they first run. A program that is not compiled runs in the
 * interpreter; {@link WasmEngine.fallbacks} says which, and why.
 */
import { InternalError, type ResultStore, Wasm } from '../base/index.js';
import { planCounters, type SlotCounts, slotCounts } from '../code/index.js';
import { Interpreter } from '../interp/index.js';
import { type FunctionCode, makesTailCalls, Unsupported, unsupportedIn } from '../ir/index.js';
import { defaultSettings, type Settings, type TranslateOptions, translate } from '../opt/index.js';
import { maxFrames, stackSize, xdpMd } from '../platform/index.js';
import {
  type Engine,
  type LoadedProgram,
  type Machine,
  newOutcome,
  type Outcome,
  type PacketArena,
  ProgramTrap,
  packetState,
  privateState,
  programsBehind,
  record,
  type TrapSite,
} from '../vm/index.js';
import { FunctionTooLarge } from '../wasm/index.js';
import { type CompiledModule, compileModule, type Programs } from './compile.js';
import { type Areas, allocateAreas, exchange } from './exchange.js';
import { HostImports } from './host-imports.js';
import { KeptModule } from './kept-module.js';
import { moduleOf } from './module-cache.js';
import { worldOfMachine } from './place.js';

/** How a machine's programs are compiled. */
export interface WasmEngineOptions extends TranslateOptions {
  /** Sees each program's IR before code is made of it: checkers, dumps. */
  readonly inspect?: ((code: FunctionCode) => void) | undefined;
  /** Name functions in the module, for profilers. */
  readonly names?: boolean | undefined;
  /** Keeps modules from run to run. */
  readonly store?: ResultStore | undefined;
}

/** A program that is compiled. */
export interface Compiled {
  readonly module: CompiledModule;
  /** `run(record, count)`, see compile.ts. */
  readonly run: (record: number, count: number) => void;
}

/** A compiled program that another module over the same memory calls, packet by packet, in the midst of a batch. */
export interface InnerProgram {
  readonly run: Compiled['run'];
  /** Records of ring buffers are reserved and closed by it: who calls helpers between its packets has to know. */
  readonly writesRings: boolean;
  /** Before the batch, and after it. */
  readonly open: () => void;
  readonly close: () => void;
  /** What was thrown in its midst: the packet's record, and what stopped it. Throws what is no fault of the program's.
   * */
  readonly trapped: (error: unknown) => { readonly record: number; readonly site: TrapSite };
}

/** A program that is left to the interpreter, and what of it is the reason. */
export interface Fallback {
  readonly program: LoadedProgram;
  /** Slot of the instruction that is not compiled. */
  readonly insn: number;
  readonly what: string;
}

/** Memory for the counters of each program; no program can touch it. */
function allocateCounters(machine: Machine): ReadonlyMap<number, number> {
  return new Map(
    machine.programs.map(({ index, spec }) => {
      const { count } = planCounters(spec.insns);
      const region = machine.memory.allocate('scratch', `counters of ${spec.name}`, 8 * Math.max(count, 1));
      region.hi = region.lo;
      return [index, region.start];
    }),
  );
}

/** Runs a machine's programs as WebAssembly; those that are not compiled run in the interpreter. */
export class WasmEngine implements Engine {
  readonly name: string = 'wasm';
  readonly machine: Machine;
  /** Programs that run in the interpreter. */
  readonly fallbacks: Fallback[] = [];
  /** What stopped the last batch, if something did. */
  batchTrap: TrapSite | undefined = undefined;
  private options: WasmEngineOptions;
  private readonly interpreter: Interpreter;
  private readonly areas: Areas;
  private readonly record: number;
  private readonly host: HostImports;
  private readonly compiled = new Map<LoadedProgram, Compiled | undefined>();
  private readonly keeping = new Map<LoadedProgram, KeptModule>();
  private readonly outcome: Outcome = newOutcome();
  /** Guest addresses of counters by program index, if it counts. */
  private readonly counters: ReadonlyMap<number, number> | undefined;

  constructor(machine: Machine, options: WasmEngineOptions = {}) {
    this.machine = machine;
    this.options = options;
    this.interpreter = new Interpreter(machine);
    this.areas = allocateAreas(machine);
    const packet = machine.memory.allocate('scratch', 'packet record', record.size);
    packet.hi = packet.lo;
    this.record = packet.start;
    this.host = new HostImports(machine, this.areas.exchange);
    if (options.counts === true) this.counters = allocateCounters(machine);
  }

  /** Runs an XDP program on the machine's packet. `steps` of the outcome is 0: compiled code does not count. */
  run(program: LoadedProgram): Outcome {
    const { machine } = this;
    machine.admit(program);
    // Only the interpreter's stores are seen by a transaction.
    const compiled = machine.memory.journal === null ? this.compile(program) : undefined;
    if (compiled === undefined) return this.interpreter.run(program);
    const { memory } = machine;
    memory.u8.copyWithin(this.record, machine.lane.ctx.start, machine.lane.ctx.start + xdpMd.size);
    memory.storeHalves(
      this.record + record.now,
      Number(machine.lane.now & 0xffff_ffffn),
      Number(machine.lane.now >> 32n),
    );
    memory.store32(this.record + record.cpu, machine.lane.cpu);
    memory.store32(this.record + record.number, machine.lane.number);
    this.writeFrame(this.record);
    return this.start(compiled, program);
  }

  /** Runs a program with r1 and r2 given, and no context. */
  runWith(program: LoadedProgram, r1: bigint, r2: bigint): Outcome {
    this.machine.admit(program);
    let compiled: Compiled;
    try {
      compiled = this.link(this.generate([this.translate(program, true)]));
    } catch (error) {
      this.fallBack(program, error);
      return this.interpreter.runWith(program, r1, r2);
    }
    this.machine.memory.store64(this.record, r1);
    this.machine.memory.store64(this.record + 8, r2);
    return this.start(compiled, program);
  }

  /**
   * Runs a compiled program on the arena's packets from `from` on, up to `to`. Returns how many ran to their end; when
   * a trap stopped the one after them, {@link batchTrap} says why, and its record has verdict ABORTED. Batches are for
   * verified programs.
   */
  runBatch(program: LoadedProgram, arena: PacketArena, from: number, to: number): number {
    const [first, count] = [arena.recordOf(from), to - from];
    const compiled = this.compile(program);
    if (compiled === undefined) throw new InternalError('jit', `${program.spec.name} is not compiled`);
    const { host, machine } = this;
    this.batchTrap = undefined;
    this.openBatch(compiled, program);
    try {
      compiled.run(first, count);
      return count;
    } catch (error) {
      this.batchTrap = this.trapOf(error, program);
      machine.memory.store64(host.at + record.r0, 0n);
      return (host.at - first) / record.size;
    } finally {
      this.closeBatch(compiled);
    }
  }

  /** What records of a batch share: the CPU, frames, who is told of traps; until {@link closeBatch}. */
  private openBatch({ module: { callsHost, writesRings } }: Compiled, program: LoadedProgram): void {
    const { host, machine } = this;
    this.writeCpu();
    if (writesRings) machine.store.forgetRingPackets();
    if (callsHost) this.openFrames();
    host.site.program = program;
    host.at = 0;
    host.batch = true;
  }

  private closeBatch({ module: { callsHost, writesRings } }: Compiled): void {
    this.host.batch = false;
    if (writesRings) this.machine.store.openRingWindows();
    if (callsHost) this.closeFrames();
  }

  /** The program for another module to call; undefined if it is not compiled. */
  inner(program: LoadedProgram): InnerProgram | undefined {
    const compiled = this.compile(program);
    if (compiled === undefined) return undefined;
    return {
      run: compiled.run,
      writesRings: compiled.module.writesRings,
      open: () => this.openBatch(compiled, program),
      close: () => this.closeBatch(compiled),
      trapped: (error) => ({ site: this.trapOf(error, program), record: this.host.at }),
    };
  }

  /** The compiled program, or undefined if it runs in the interpreter. */
  compile(program: LoadedProgram): Compiled | undefined {
    if (!this.compiled.has(program)) this.compiled.set(program, this.tryCompile(program));
    return this.compiled.get(program);
  }

  /**
   * How often the instructions of a program ran as compiled code, and which ways jumps went; undefined where nothing
   * counts. A packet that a trap stopped counts as if its last block had run to its end.
   */
  countsOf(program: LoadedProgram): SlotCounts | undefined {
    const base = this.counters?.get(program.index);
    if (base === undefined) return undefined;
    const { insns } = program.spec;
    const { count } = planCounters(insns);
    const { memory } = this.machine;
    return slotCounts(
      insns,
      Array.from({ length: count }, (_, i) => Number(memory.load64(base + 8 * i))),
    );
  }

  /** Why a program would be left to the interpreter, as far as that can be told without compiling it. */
  refusalOf(program: LoadedProgram): Fallback | undefined {
    const refusal = unsupportedIn(worldOfMachine(this.machine), program);
    return refusal === undefined ? undefined : { program, insn: refusal.insn, what: refusal.message };
  }

  /** Passes for what is compiled from now on; what was compiled is forgotten. */
  optimize(settings: Settings): void {
    this.options = { ...this.options, settings };
    this.compiled.clear();
    this.keeping.clear();
    this.fallbacks.length = 0;
  }

  /** True if the program is compiled, or was in an earlier run that kept its module. */
  recall(program: LoadedProgram): boolean {
    if (this.compiled.has(program)) return this.compiled.get(program) !== undefined;
    const module = this.kept(program)?.load();
    if (module !== undefined) this.compiled.set(program, this.link(module));
    return module !== undefined;
  }

  /** Frame words of a record: those of the machine's packet buffer. */
  writeFrame(at: number): void {
    const { memory } = this.machine;
    const { state } = this.machine.lane;
    const frame = state + privateState.packet;
    memory.store32(at + record.frameStart, memory.load32(frame + packetState.frameStart));
    memory.store32(at + record.frameSize, memory.load32(frame + packetState.frameSize));
  }

  /**
   * The program's module, with all programs that it may tail-call: kept from an earlier run, or made. Undefined: it
   * stays with the interpreter.
   */
  private tryCompile(program: LoadedProgram): Compiled | undefined {
    const kept = this.kept(program);
    const known = kept?.load();
    if (known !== undefined) return this.link(known);
    let current = program;
    try {
      const first = this.translate(program, false);
      const codes: [FunctionCode, ...FunctionCode[]] = [first];
      if (makesTailCalls(first)) {
        for (const other of this.machine.programs) {
          if (other === program || other.refusal !== undefined) continue;
          current = other;
          codes.push(this.translate(other, false));
        }
      }
      const module = this.generate(codes);
      const compiled = this.link(module);
      kept?.save(module);
      return compiled;
    } catch (error) {
      this.fallBack(current, error);
      return undefined;
    }
  }

  /** Where the program's module is kept from run to run, if it is. Whoever looks at the IR wants it made. */
  private kept(program: LoadedProgram): KeptModule | undefined {
    const { store, inspect, settings = defaultSettings, verdicts, names = false } = this.options;
    if (store === undefined || inspect !== undefined) return undefined;
    const behind = programsBehind(program, this.machine.programs);
    const verified = behind.filter(({ spec }) => verdicts?.of(spec).accepted === true);
    // Facts are not kept, so what was made with them is not either.
    if (verified.some(({ spec }) => verdicts?.factsOf(spec) !== undefined)) return undefined;
    const known = this.keeping.get(program);
    if (known !== undefined) return known;
    const { machine, areas, counters } = this;
    const kept = new KeptModule(store, {
      machine,
      program,
      settings,
      verified,
      areas,
      names,
      counters,
    });
    this.keeping.set(program, kept);
    return kept;
  }

  /** Notes why a program is left to the interpreter. Throws what is no such reason. */
  private fallBack(program: LoadedProgram, error: unknown): void {
    // A recursion that is too deep for the host is a program that is too large for it.
    if (error instanceof Unsupported) this.fallbacks.push({ program, insn: error.insn, what: error.message });
    else if (error instanceof FunctionTooLarge)
      this.fallbacks.push({ program, insn: 0, what: 'it is larger than a function of WebAssembly may be' });
    else if (error instanceof RangeError) this.fallbacks.push({ program, insn: 0, what: 'it is nested too deeply' });
    else throw error;
  }

  /** IR of a program, optimized. */
  private translate(program: LoadedProgram, bare: boolean): FunctionCode {
    const code = translate(worldOfMachine(this.machine), program, this.options, bare);
    this.options.inspect?.(code);
    return code;
  }

  private generate(programs: Programs): CompiledModule {
    const { machine, areas } = this;
    const { names = false, settings = defaultSettings } = this.options;
    const { unroll, vector } = settings.params;
    return compileModule({ machine, programs, areas, names, counters: this.counters, unroll, vector });
  }

  /** Gives a module its imports: guest memory and the host's functions. */
  private link(module: CompiledModule): Compiled {
    const imports = this.host.importsFor(module.trapPoints, module);
    const instance = new Wasm.Instance(moduleOf(module.bytes), imports);
    return { module, run: instance.exports['run'] as Compiled['run'] };
  }

  /** Runs the packet that the machine holds, and leaves in the machine what became of it. */
  private start(compiled: Compiled, program: LoadedProgram): Outcome {
    const { outcome, machine, host } = this;
    const { memory } = machine;
    outcome.trap = undefined;
    machine.lane.tailCalls = 0;
    host.site.program = program;
    this.writeCpu();
    const { writesRings } = compiled.module;
    if (writesRings) machine.store.forgetRingPackets();
    this.openFrames();
    try {
      compiled.run(this.record, 1);
      this.readRecord(compiled);
      outcome.verdict = memory.load32(this.record + record.r0);
      outcome.r0 = memory.load64(this.record + record.r0);
    } catch (error) {
      outcome.verdict = 0;
      outcome.r0 = 0n;
      outcome.trap = this.trapOf(error, program);
    } finally {
      if (writesRings) machine.store.openRingWindows();
      this.closeFrames();
    }
    return outcome;
  }

  /** What stopped the program; throws what is no fault of its. */
  private trapOf(error: unknown, program: LoadedProgram): TrapSite {
    const { site } = this.host;
    if (error instanceof ProgramTrap) return { trap: error.trap, program: site.program ?? program, insn: site.pc };
    if (error instanceof Error && error.constructor.name === 'RuntimeError') {
      throw new InternalError('jit', `${program.spec.name}: ${error.message}`);
    }
    throw error;
  }

  /** What became of the packet and where it goes, for the machine. */
  private readRecord({ module }: Compiled): void {
    const { memory } = this.machine;
    const { ctx, state, packet } = this.machine.lane;
    if (module.movesPacket) {
      for (const field of [record.data, record.dataEnd, record.dataMeta]) {
        memory.store32(ctx.start + field, memory.load32(this.record + field));
      }
      packet.sync();
    }
    if (module.redirects) memory.copy(state + privateState.redirectKind, this.record + record.redirect, 16);
  }

  /** Lets helpers reach the stack frames of compiled code, which does not say which of them are in use. */
  private openFrames(): void {
    this.openKeys(true);
    for (let depth = 0; depth < maxFrames; depth++) {
      const frame = this.machine.lane.frames[depth];
      if (frame !== undefined) frame.openTop(stackSize);
    }
  }

  /** No frame is in use between packets: an access to one would be a mistake. */
  private closeFrames(): void {
    this.openKeys(false);
    for (let depth = 0; depth < maxFrames; depth++) this.machine.lane.leaveFrame(depth);
  }

  /** Where keys are put together is memory for helpers only while a program runs. */
  private openKeys(isOpen: boolean): void {
    const region = this.machine.memory.regionOf(this.areas.keys);
    if (region !== undefined) region.hi = isOpen ? region.end : region.lo;
  }

  /** Compiled code finds the CPU's number in the exchange area. */
  private writeCpu(): void {
    this.machine.memory.view.setUint32(this.areas.exchange + exchange.cpu, this.machine.lane.cpu, true);
  }
}
