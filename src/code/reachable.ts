/**
 * Which instructions of a program can run, by a walk over its control flow that knows constants: registers that hold
 * one, and loads from read-only data of the object. A branch whose outcome is thereby known has one successor. This is
 * what makes `if (CONFIG_FLAG)` on a `.rodata` variable and code behind a failed CO-RE check vanish, as they do for
 * Linux's verifier.
 *
 * The lattice of a register: not seen yet, one known 64-bit value or address in read-only data, anything. A slot's
 * state only ever loses knowledge, at most once a register, so the walk ends after at most 12 visits a slot.
 */
import {
  accessSize,
  type Insn,
  insnClass,
  isCall,
  isConditionalJump,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  lddwImm,
  op,
} from '../isa/index.js';
import { isConstantSection, type ObjectSpec, type ProgramSpec } from '../object/index.js';
import { functionEntries } from './calls.js';
import { jumpTargets } from './leaders.js';

/** A pointer into read-only data of the object. */
interface DataPointer {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** undefined: may be anything. */
type Value = bigint | DataPointer | undefined;
type State = Value[];

/**
 * One byte a slot: 1 where control can arrive. The second slot of a 64-bit immediate counts with its first.
 *
 * A state is kept where ways meet; what follows in a straight line is walked with the one at hand.
 */
export function reachableSlots(object: ObjectSpec, program: ProgramSpec): Uint8Array {
  return new Walk(object, program).run();
}

class Walk {
  private readonly object: ObjectSpec;
  private readonly program: ProgramSpec;
  private readonly reached: Uint8Array;
  /** Slots that something other than the one before leads to. */
  private readonly meetings: ReadonlySet<number>;
  private readonly states = new Map<number, State>();
  private readonly work: number[] = [];

  constructor(object: ObjectSpec, program: ProgramSpec) {
    this.object = object;
    this.program = program;
    this.reached = new Uint8Array(program.insns.length);
    this.meetings = new Set([...jumpTargets(program.insns), ...functionEntries(program.insns)]);
  }

  run(): Uint8Array {
    this.arrive(0, anything());
    for (let pc = this.work.pop(); pc !== undefined; pc = this.work.pop())
      this.straight(pc, [...(this.states.get(pc) as State)]);
    return this.reached;
  }

  /** From `pc` to where the line ends or meets another. Changes `state`. */
  private straight(from: number, state: State): void {
    const { insns } = this.program;
    for (let pc = from; pc < insns.length; ) {
      this.reached[pc] = 1;
      const next = this.over(pc, state);
      if (next === undefined) return;
      if (this.meetings.has(next)) {
        this.arrive(next, state);
        return;
      }
      pc = next;
    }
  }

  /** Steps the state over the instruction; the slot that follows, if control goes on there. */
  private over(pc: number, state: State): number | undefined {
    const insn = this.program.insns[pc] as Insn;
    if (isLddw(insn)) {
      if (pc + 1 < this.reached.length) this.reached[pc + 1] = 1;
      if (insn.src === op.PSEUDO_FUNC) this.arrive(pc + 1 + insn.imm, anything());
      state[insn.dst] = immediate(this.object, this.program, pc);
      return pc + 2;
    }
    if (isUnconditionalJump(insn)) {
      this.arrive(jumpTarget(insn, pc), state);
      return undefined;
    }
    if (isConditionalJump(insn)) {
      const taken = decide(insn, state);
      if (taken !== false) this.arrive(jumpTarget(insn, pc), state);
      return taken === true ? undefined : pc + 1;
    }
    // Whoever called goes on after the call; it was queued there.
    if (insn.code === op.EXIT_OP) return undefined;
    if (isCall(insn)) {
      if (insn.src === op.CALL_LOCAL) {
        const entry = anything();
        for (let i = 1; i <= 5; i++) entry[i] = state[i];
        this.arrive(pc + 1 + insn.imm, entry);
      }
      state.fill(undefined, 0, 6);
    } else step(insn, state);
    return pc + 1;
  }

  /** Joins the state into that of a slot where ways meet. */
  private arrive(pc: number, state: State): void {
    if (pc < 0 || pc >= this.reached.length) return;
    const known = this.states.get(pc);
    if (known === undefined) {
      this.states.set(pc, [...state]);
      this.work.push(pc);
      return;
    }
    let changed = false;
    for (let i = 0; i < 11; i++) {
      if (known[i] === undefined || same(known[i], state[i])) continue;
      known[i] = undefined;
      changed = true;
    }
    if (changed) this.work.push(pc);
  }
}

/** A state in which nothing is known. */
const anything = (): State => new Array<Value>(11).fill(undefined);

/** Are two values of the lattice equal? */
function same(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.bytes === b.bytes && a.offset === b.offset;
}

/**
 * What a 64-bit load yields: a number, a pointer to constant data, 0 for a weak ksym that is not there; else not
 * known.
 */
function immediate(object: ObjectSpec, program: ProgramSpec, pc: number): Value {
  const insn = program.insns[pc] as Insn;
  if (insn.src === 0) return lddwImm(program.insns, pc);
  if (insn.src === op.PSEUDO_BTF_ID) return program.ksyms[insn.imm]?.weak === true ? 0n : undefined;
  if (insn.src !== op.PSEUDO_MAP_VALUE) return undefined;
  const map = object.maps[insn.imm];
  if (map?.init?.kind !== 'data' || !isConstantSection(map.section)) return undefined;
  return { bytes: map.init.bytes, offset: program.insns[pc + 1]?.imm ?? 0 };
}

/** Effect of an instruction that neither jumps nor calls. */
function step(insn: Insn, state: State): void {
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      state[insn.dst] = alu(insn, state);
      return;
    case op.LDX:
      state[insn.dst] = load(insn, state[insn.src]);
      return;
    case op.STX:
      // A fetching atomic writes back to its source register, or r0.
      if ((insn.code & 0xe0) === op.MODE_ATOMIC) {
        state[insn.src] = undefined;
        state[0] = undefined;
        if (insn.imm === op.ATOMIC_LOAD_ACQ) state[insn.dst] = undefined;
      }
      return;
    case op.LD:
      state.fill(undefined, 0, 6);
      return;
    default:
      return;
  }
}

/** A load from constant data is a constant, little-endian; sign-extended where the instruction says so. */
function load(insn: Insn, base: Value): Value {
  if (typeof base !== 'object') return undefined;
  const size = accessSize(insn);
  const at = base.offset + insn.off;
  if (at < 0 || at + size > base.bytes.length) return undefined;
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(base.bytes[at + i] ?? 0);
  return (insn.code & 0xe0) === op.MODE_MEMSX ? BigInt.asUintN(64, BigInt.asIntN(size * 8, value)) : value;
}

/** Arithmetic on constants, and a pointer plus a constant. Anything else is not known. */
function alu(insn: Insn, state: State): Value {
  const wide = insnClass(insn) === op.ALU64;
  const a = state[insn.dst];
  const kind = insn.code & 0xf0;
  // Most of what is computed with is not known.
  if (a === undefined && kind !== op.MOV) return undefined;
  const b = (insn.code & op.X) === 0 ? BigInt.asUintN(64, BigInt(insn.imm)) : state[insn.src];
  if (kind === op.MOV && insn.off === 0) {
    return typeof b === 'bigint' && !wide ? BigInt.asUintN(32, b) : wide ? b : undefined;
  }
  if (typeof a === 'object' && typeof b === 'bigint' && wide && kind === op.ADD) {
    return { bytes: a.bytes, offset: a.offset + Number(BigInt.asIntN(64, b)) };
  }
  if (typeof a !== 'bigint' || typeof b !== 'bigint' || insn.off !== 0) return undefined;
  const bits = wide ? 64 : 32;
  const x = BigInt.asUintN(bits, a);
  const y = BigInt.asUintN(bits, b);
  const shift = y & BigInt(bits - 1);
  switch (kind) {
    case op.ADD:
      return BigInt.asUintN(bits, x + y);
    case op.SUB:
      return BigInt.asUintN(bits, x - y);
    case op.MUL:
      return BigInt.asUintN(bits, x * y);
    case op.AND:
      return x & y;
    case op.OR:
      return x | y;
    case op.XOR:
      return x ^ y;
    case op.LSH:
      return BigInt.asUintN(bits, x << shift);
    case op.RSH:
      return x >> shift;
    case op.ARSH:
      return BigInt.asUintN(bits, BigInt.asIntN(bits, x) >> shift);
    default:
      return undefined;
  }
}

/** Whether a conditional jump is taken; undefined where that depends on what is not known. */
function decide(insn: Insn, state: State): boolean | undefined {
  const a = state[insn.dst];
  if (a === undefined) return undefined;
  const b = (insn.code & op.X) === 0 ? BigInt.asUintN(64, BigInt(insn.imm)) : state[insn.src];
  if (typeof b !== 'bigint') return undefined;
  const kind = insn.code & 0xf0;
  if (typeof a === 'object') {
    // An address in a map is never null.
    if (b !== 0n || (kind !== op.JEQ && kind !== op.JNE)) return undefined;
    return kind === op.JNE;
  }
  if (kind === op.JCOND) return undefined;
  const bits = insnClass(insn) === op.JMP ? 64 : 32;
  const x = BigInt.asUintN(bits, a);
  const y = BigInt.asUintN(bits, b);
  const sx = BigInt.asIntN(bits, a);
  const sy = BigInt.asIntN(bits, b);
  switch (kind) {
    case op.JEQ:
      return x === y;
    case op.JNE:
      return x !== y;
    case op.JGT:
      return x > y;
    case op.JGE:
      return x >= y;
    case op.JLT:
      return x < y;
    case op.JLE:
      return x <= y;
    case op.JSET:
      return (x & y) !== 0n;
    case op.JSGT:
      return sx > sy;
    case op.JSGE:
      return sx >= sy;
    case op.JSLT:
      return sx < sy;
    case op.JSLE:
      return sx <= sy;
    default:
      return undefined;
  }
}
