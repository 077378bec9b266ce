/**
 * What a packet did, counted while the interpreter runs it: counters of the ways it went, and of each helper that was
 * called how much memory it touched. Contracts are made of this, and checked against the plain sums that it also
 * keeps.
 */
import { isHelperCall, isTailCall } from '../code/index.js';
import type { Interpreter, Observer } from '../interp/index.js';
import { isConditionalJump, jumpTarget } from '../isa/index.js';
import { type LoadedProgram, MemoryCounter } from '../vm/index.js';
import { FlowModel } from './flow-model.js';
import { callLoads, callName } from './look-ups.js';
import { type InsnKind, insnKind, memoryOperations } from './weights.js';

/** A program that packets come to, and where its counters stand. */
export interface WatchedProgram {
  readonly model: FlowModel;
  /** By slot: kind of the instruction, as in {@link insnKind}. */
  readonly kinds: readonly InsnKind[];
  /** Counters of the packet under way. */
  readonly counts: Uint32Array;
  /** Calls of helpers that packets came to, by slot. */
  readonly sites: Map<number, CallSite>;
  isTouched: boolean;
}

/** A call of a helper. */
export interface CallSite {
  /** Its number, or that under which engines call a kfunc. */
  readonly helper: number;
  /** The map that it is given: {@link noMap}, or {@link severalMaps} if that differs from packet to packet. */
  map: number;
  /** Counts calls that were met, and those of which something new was learned: the higher, the later. */
  version: number;
}

/** The call has no map. */
const noMap = -1;
/** The call was given different maps: what it loads is a variable of its own. */
export const severalMaps = -2;

/** Plain sums over the instructions and helpers that ran. */
export interface Counted {
  insns: number;
  loads: number;
  stores: number;
  helperLoads: number;
  helperStores: number;
}

const nothing = (): Counted => ({ insns: 0, loads: 0, stores: 0, helperLoads: 0, helperStores: 0 });

/** The call that is under way. */
interface Pending {
  readonly helper: number;
  readonly site: CallSite;
}

/** Looks on at one interpreter's packets. */
export class Watch implements Observer {
  /** Programs of the object that packets came to, in the order in which they did. */
  readonly programs: WatchedProgram[] = [];
  counted: Counted = nothing();
  /** Version of the latest news of the calls that the packet made. */
  newest = 0;
  /** State variables of the packet, by name: `probes(flows)`. */
  state: Map<string, number> = new Map();
  private readonly interpreter: Interpreter;
  private readonly beside: Observer | undefined;
  private readonly memory: MemoryCounter;
  private readonly known = new Map<LoadedProgram, WatchedProgram>();
  private variables = 0;
  private versions = 0;
  private pending: Pending | undefined;
  private lastProgram: WatchedProgram | undefined;
  private last = 0;

  /** Puts itself in front of the interpreter and its machine's memory; `beside` looks on, too. */
  constructor(interpreter: Interpreter, beside: Observer | undefined) {
    this.interpreter = interpreter;
    this.beside = beside;
    this.memory = MemoryCounter.open(interpreter.machine);
    interpreter.observer = this;
  }

  /** Takes itself away. */
  close(): void {
    this.memory.close();
    this.interpreter.observer = null;
  }

  /** Call it before each packet. */
  start(): void {
    this.counted = nothing();
    this.newest = 0;
    this.state = new Map();
    for (const program of this.programs)
      if (program.isTouched) {
        program.counts.fill(0);
        program.isTouched = false;
      }
    this.lastProgram = undefined;
    this.pending = undefined;
  }

  /** Call it when the packet is through. */
  end(): void {
    this.settle();
  }

  before(loaded: LoadedProgram, pc: number, depth: number): void {
    this.settle();
    this.beside?.before(loaded, pc, depth);
    const program = this.known.get(loaded) ?? this.meet(loaded);
    const { model, counts, kinds } = program;
    const { blocks, jumps } = model.plan;
    const { insns } = loaded;
    if (this.lastProgram === program) {
      const insn = insns[this.last];
      const counter = jumps.get(this.last);
      if (counter !== undefined && insn !== undefined && isConditionalJump(insn) && pc === jumpTarget(insn, this.last))
        counts[counter] = (counts[counter] ?? 0) + 1;
    }
    const counter = blocks.get(pc);
    if (counter !== undefined) counts[counter] = (counts[counter] ?? 0) + 1;
    program.isTouched = true;
    this.counted.insns++;
    const insn = insns[pc];
    if (insn === undefined) return;
    const kind = kinds[pc];
    if (kind === 'load' || kind === 'store' || kind === 'atomic') {
      const { loads, stores } = memoryOperations(insn);
      this.counted.loads += loads;
      this.counted.stores += stores;
    } else if (isHelperCall(insn)) this.call(program, pc, insn.imm);
    this.lastProgram = isTailCall(insn) ? undefined : program;
    this.last = pc;
  }

  private meet(loaded: LoadedProgram): WatchedProgram {
    const model = new FlowModel(loaded.spec, this.variables + 1);
    this.variables += model.variables.length;
    const program: WatchedProgram = {
      model,
      kinds: loaded.insns.map(insnKind),
      counts: new Uint32Array(model.plan.count),
      sites: new Map(),
      isTouched: false,
    };
    this.known.set(loaded, program);
    this.programs.push(program);
    return program;
  }

  private call(program: WatchedProgram, pc: number, helper: number): void {
    const { machine, registers } = this.interpreter;
    // Maps are a helper's first argument, or for those that redirect and tail-call not of interest here.
    const map = (registers.u32[3] === 0 ? machine.store.at(registers.u32[2] as number)?.index : undefined) ?? noMap;
    let site = program.sites.get(pc);
    if (site === undefined) {
      site = { helper, map, version: ++this.versions };
      program.sites.set(pc, site);
    } else if (site.map !== map && site.map !== severalMaps) {
      site.map = severalMaps;
      site.version = ++this.versions;
    }
    this.newest = Math.max(this.newest, site.version);
    this.pending = { helper, site };
    this.memory.start();
  }

  /** The helper of the last step has returned, or has called one of the program's functions. */
  private settle(): void {
    const { pending, memory, counted } = this;
    if (pending === undefined) return;
    this.pending = undefined;
    memory.stop();
    counted.helperLoads += memory.loads;
    counted.helperStores += memory.stores;
    const { helper, site } = pending;
    const spec = this.interpreter.machine.maps[site.map]?.spec;
    const formula = callLoads(helper, spec);
    if (spec !== undefined && formula !== undefined) {
      const touches = memory.maps[site.map];
      if (formula.found !== 0) this.add(`found(${spec.name})`, this.interpreter.registers.u64[0] === 0n ? 0 : 1);
      for (const name of ['probes', 'nodes', 'words', 'descents'] as const)
        if (formula[name] !== 0) this.add(`${name}(${spec.name})`, touches?.[name] ?? 0);
      this.add(`marks(${spec.name})`, memory.stores);
      return;
    }
    const subject = callName(helper, site.map === severalMaps ? 'one of several maps' : spec?.name);
    this.add(`loads(${subject})`, memory.loads);
    this.add(`stores(${subject})`, memory.stores);
  }

  private add(name: string, value: number): void {
    if (value !== 0) this.state.set(name, (this.state.get(name) ?? 0) + value);
  }
}
