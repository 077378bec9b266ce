/**
 * Runs one version on symbols up to where the other one has a say: a branch, a call, the end, a place where paths
 * meet.
 */
import {
  accessSize,
  type Insn,
  insnClass,
  isCall,
  isExit,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  lddwImm,
  op,
} from '../../isa/index.js';
import type { Term, Terms } from '../../solve/index.js';
import { aluTerm, jumpTerm, low, readsDestination } from './alu.js';
import { mapHandle } from './calls.js';
import type { CodeShape } from './code-shape.js';
import { type Side, Untracked } from './side.js';

/** Where a run stops, its program counter on the instruction that stopped it. */
export type Stop =
  | { readonly kind: 'branch'; readonly condition: Term; readonly taken: number; readonly next: number }
  | { readonly kind: 'call'; readonly insn: Insn }
  /** A load of the old kind, which ends the program where the packet is too short. */
  | { readonly kind: 'packet load'; readonly insn: Insn; readonly offset: Term }
  | { readonly kind: 'atomic'; readonly insn: Insn; readonly address: Term }
  | { readonly kind: 'join' }
  | { readonly kind: 'exit' };

/** Decides a condition that the path knows; undefined where it does not. */
export type Decide = (condition: Term) => boolean | undefined;

/**
 * Runs until it stops; `passing` goes on where paths meet. `left` counts down with each instruction and the run throws
 * when none is left.
 */
export function runToStop(
  side: Side,
  code: CodeShape,
  decide: Decide,
  passing: boolean,
  left: { steps: number },
): Stop {
  const { terms } = side.symbols;
  for (let first = passing; ; first = false) {
    const { pc } = side;
    const insn = code.insns[pc];
    if (insn === undefined || pc < code.start || pc >= code.end)
      throw new Untracked(`control leaves the function at ${pc}`);
    if (!first && code.joins.has(pc)) return { kind: 'join' };
    if (--left.steps < 0) throw new Untracked('the budget of steps is used up');
    const cls = insnClass(insn);
    if (isExit(insn)) return { kind: 'exit' };
    if (isCall(insn)) return { kind: 'call', insn };
    if (isUnconditionalJump(insn)) {
      side.pc = jumpTarget(insn, pc);
    } else if (cls === op.JMP || cls === op.JMP32) {
      if ((insn.code & 0xf0) === op.JCOND) throw new Untracked(`\`may_goto\` at ${pc}`);
      const condition = jumpTerm(terms, insn, side.reg(insn.dst), operand(side, insn));
      const known = decide(condition);
      const taken = jumpTarget(insn, pc);
      if (known === undefined && taken !== pc + 1) return { kind: 'branch', condition, taken, next: pc + 1 };
      side.pc = known === true ? taken : pc + 1;
    } else if (cls === op.STX && (insn.code & 0xe0) === op.MODE_ATOMIC) {
      return { kind: 'atomic', insn, address: addressOf(side, insn.dst, insn.off) };
    } else if (cls === op.LD && !isLddw(insn)) {
      return { kind: 'packet load', insn, offset: packetOffset(side, insn) };
    } else {
      step(side, code, insn);
      side.pc = isLddw(insn) ? pc + 2 : pc + 1;
    }
  }
}

function operand(side: Side, insn: Insn): Term {
  return (insn.code & op.X) !== 0 ? side.reg(insn.src) : constant(side.symbols.terms, insn.imm);
}

function constant(terms: Terms, imm: number): Term {
  return terms.bits(64, BigInt(imm));
}

function addressOf(side: Side, r: number, off: number): Term {
  const { terms } = side.symbols;
  return terms.add(side.reg(r), terms.bits(64, off));
}

/** An instruction that neither jumps nor calls. */
function step(side: Side, code: CodeShape, insn: Insn): void {
  const { terms } = side.symbols;
  const { regs } = side;
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64: {
      const kind = insn.code & 0xf0;
      const single = kind === op.NEG || kind === op.END;
      const a = readsDestination(insn) ? side.reg(insn.dst) : terms.bits(64, 0);
      regs[insn.dst] = aluTerm(terms, insn, a, single ? terms.bits(64, 0) : operand(side, insn));
      return;
    }
    case op.LD:
      regs[insn.dst] = reference(side, code, insn);
      return;
    case op.LDX: {
      const address = addressOf(side, insn.src, insn.off);
      const value = side.load(address, accessSize(insn));
      if (accessSize(insn) === 8) side.symbols.mayPointInto(value, code.pointeeOf(side.pc + 1, insn.dst));
      const isSigned = (insn.code & 0xe0) === op.MODE_MEMSX;
      const loaded = isSigned ? terms.signExtend(value, 64) : terms.zeroExtend(value, 64);
      regs[insn.dst] = loaded;
      // Callers put the same bytes there each time, as the verifier saw; the function by itself can't tell.
      const isCallers = code.pointeeOf(side.pc, insn.src) === 'caller';
      const range = isCallers ? code.rangeOf(side.pc + 1, insn.dst) : undefined;
      if (range?.isConst === true) side.granted.push(terms.eq(loaded, terms.bits(64, range.value)));
      return;
    }
    default: {
      const size = accessSize(insn);
      const value = insnClass(insn) === op.ST ? constant(terms, insn.imm) : side.reg(insn.src);
      side.store(addressOf(side, insn.dst, insn.off), low(terms, value, 8 * size), size);
    }
  }
}

/** What a 64-bit immediate stands for (object/spec.ts). */
function reference(side: Side, code: CodeShape, insn: Insn): Term {
  const { symbols, pc } = side;
  const { terms } = symbols;
  switch (insn.src) {
    case 0:
      return terms.bits(64, lddwImm(code.insns, pc));
    case op.PSEUDO_MAP_FD:
      return mapHandle(symbols, insn.imm);
    case op.PSEUDO_MAP_VALUE:
      return terms.add(
        symbols.pointer(`value_of_map_${insn.imm}`, `map ${insn.imm}`),
        terms.bits(64, code.insns[pc + 1]?.imm ?? 0),
      );
    case op.PSEUDO_FUNC:
      return symbols.pointer(`function_${code.functionAt(pc + 1 + insn.imm)}`, 'code');
    case op.PSEUDO_BTF_ID: {
      // A weak symbol may be missing: it is no address that is certain.
      const symbol = symbols.unknown(`ksym_${insn.imm}`, 64);
      symbols.pointsInto(symbol, 'loaded');
      return symbol;
    }
    default:
      throw new Untracked(`the reference at ${pc} is of a kind that is not modelled`);
  }
}

/** Offset of a legacy packet load (RFC 9669, section 5.5). */
function packetOffset(side: Side, insn: Insn): Term {
  const { terms } = side.symbols;
  const offset = constant(terms, insn.imm);
  const isIndirect = (insn.code & 0xe0) === op.MODE_IND;
  return low(terms, isIndirect ? terms.add(side.reg(insn.src), offset) : offset, 32);
}

/** The operation of an atomic instruction, as if nothing else ran. */
export function performAtomic(side: Side, insn: Insn): void {
  const { terms } = side.symbols;
  const size = accessSize(insn);
  const bits = 8 * size;
  const address = addressOf(side, insn.dst, insn.off);
  const operandTerm = (r: number): Term => low(terms, side.reg(r), bits);
  side.pc++;
  if (insn.imm === op.ATOMIC_STORE_REL) {
    side.store(address, operandTerm(insn.src), size);
    return;
  }
  if (insn.imm === op.ATOMIC_LOAD_ACQ) {
    const from = terms.add(side.reg(insn.src), terms.bits(64, insn.off));
    side.regs[insn.dst] = terms.zeroExtend(side.load(from, size), 64);
    return;
  }
  const old = side.load(address, size);
  const source = operandTerm(insn.src);
  if (insn.imm === op.ATOMIC_CMPXCHG) {
    side.store(address, terms.ite(terms.eq(old, operandTerm(0)), source, old), size);
    side.regs[0] = terms.zeroExtend(old, 64);
    return;
  }
  side.store(address, combined(terms, insn.imm & ~op.ATOMIC_FETCH, old, source), size);
  if ((insn.imm & op.ATOMIC_FETCH) !== 0) side.regs[insn.src] = terms.zeroExtend(old, 64);
}

function combined(terms: Terms, kind: number, old: Term, source: Term): Term {
  switch (kind) {
    case op.ATOMIC_ADD:
      return terms.add(old, source);
    case op.ATOMIC_OR:
      return terms.or(old, source);
    case op.ATOMIC_AND:
      return terms.and(old, source);
    case op.ATOMIC_XOR:
      return terms.binary('bvxor', old, source);
    default:
      // Exchange (with FETCH taken off).
      return source;
  }
}
