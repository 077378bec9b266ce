/** Arithmetic, loads of constants and comparisons of BPF, as values of the IR. */
import { type Graph, mask32, type OpName, type Value } from '../ir/index.js';
import { type Insn, insnClass, op } from '../isa/index.js';

const plain64: Readonly<Record<number, OpName>> = {
  [op.ADD]: 'add',
  [op.SUB]: 'sub',
  [op.MUL]: 'mul',
  [op.DIV]: 'udiv',
  [op.MOD]: 'umod',
  [op.OR]: 'or',
  [op.AND]: 'and',
  [op.XOR]: 'xor',
  [op.LSH]: 'shl',
  [op.RSH]: 'shr',
  [op.ARSH]: 'sar',
};

const plain32: Readonly<Record<number, OpName>> = {
  [op.ADD]: 'add32',
  [op.SUB]: 'sub32',
  [op.MUL]: 'mul32',
  [op.LSH]: 'shl32',
  [op.ARSH]: 'sar32',
};

/** Zero extension of the low half. */
export function low32(graph: Graph, value: Value): Value {
  return graph.and(value, graph.constant(mask32));
}

/**
 * The result of an ALU instruction; undefined if it is none that is known here. `b` is the operand: register or sign-extended immediate.
 */
export function aluValue(graph: Graph, insn: Insn, a: Value, b: Value): Value | undefined {
  const wide = insnClass(insn) === op.ALU64;
  const code = insn.code & 0xf0;
  switch (code) {
    case op.MOV:
      return moved(graph, insn, b, wide);
    case op.NEG:
      return graph.make(wide ? 'sub' : 'sub32', graph.constant(0n), a);
    case op.END:
      return swapped(graph, insn, a, wide);
    case op.DIV:
    case op.MOD:
      return divided(graph, insn, a, b, wide);
    default:
      break;
  }
  if (wide) {
    const name = plain64[code];
    return name === undefined ? undefined : graph.make(name, a, b);
  }
  const name = plain32[code];
  if (name !== undefined) return graph.make(name, a, b);
  const general = plain64[code];
  if (general === undefined) return undefined;
  // and, or, xor, shr: zero-extended arguments give a zero-extended result; the shift count is taken modulo 32.
  const count = code === op.RSH ? graph.and(b, graph.constant(31n)) : low32(graph, b);
  return graph.make(general, low32(graph, a), count);
}

/** Mov, and mov with sign extension (`off` holds the width). */
function moved(graph: Graph, insn: Insn, b: Value, wide: boolean): Value | undefined {
  const extend = insn.off === 8 ? 'sext8' : insn.off === 16 ? 'sext16' : insn.off === 32 ? 'sext32' : undefined;
  if (insn.off !== 0 && extend === undefined) return undefined;
  const value = extend === undefined ? b : graph.make(extend, b);
  return wide ? value : low32(graph, value);
}

/** Byte swaps: `le` and `be` of class ALU, unconditional ones of class ALU64. */
function swapped(graph: Graph, insn: Insn, a: Value, wide: boolean): Value | undefined {
  const toBig = (insn.code & op.X) !== 0;
  if (insn.imm !== 16 && insn.imm !== 32 && insn.imm !== 64) return undefined;
  if (wide || toBig) return graph.make(insn.imm === 16 ? 'bswap16' : insn.imm === 32 ? 'bswap32' : 'bswap64', a);
  return insn.imm === 64 ? a : graph.and(a, graph.constant((1n << BigInt(insn.imm)) - 1n));
}

function divided(graph: Graph, insn: Insn, a: Value, b: Value, wide: boolean): Value | undefined {
  const isDiv = (insn.code & 0xf0) === op.DIV;
  if (insn.off === 1) {
    return wide ? graph.make(isDiv ? 'sdiv' : 'smod', a, b) : graph.make(isDiv ? 'sdiv32' : 'smod32', a, b);
  }
  if (insn.off !== 0) return undefined;
  const name = isDiv ? 'udiv' : 'umod';
  return wide ? graph.make(name, a, b) : graph.make(name, low32(graph, a), low32(graph, b));
}

/** A conditional jump as a comparison, and whether the jump is taken when the comparison holds or when it does not. */
export function jumpCondition(
  graph: Graph,
  insn: Insn,
  left: Value,
  right: Value,
): { readonly condition: Value; readonly takenIf: boolean } | undefined {
  const wide = insnClass(insn) === op.JMP;
  const kind = insn.code & 0xf0;
  const isSigned = kind === op.JSGT || kind === op.JSGE || kind === op.JSLT || kind === op.JSLE;
  const widen = (value: Value): Value => (wide ? value : isSigned ? graph.make('sext32', value) : low32(graph, value));
  const a = widen(left);
  const b = widen(right);
  const make = (name: OpName, x: Value, y: Value, takenIf = true): { condition: Value; takenIf: boolean } => ({
    condition: graph.make(name, x, y),
    takenIf,
  });
  switch (kind) {
    case op.JEQ:
      return make('eq', a, b);
    case op.JNE:
      return make('eq', a, b, false);
    case op.JSET:
      return make('eq', graph.and(a, b), graph.constant(0n), false);
    case op.JGT:
      return make('ult', b, a);
    case op.JGE:
      return make('ule', b, a);
    case op.JLT:
      return make('ult', a, b);
    case op.JLE:
      return make('ule', a, b);
    case op.JSGT:
      return make('slt', b, a);
    case op.JSGE:
      return make('sle', b, a);
    case op.JSLT:
      return make('slt', a, b);
    case op.JSLE:
      return make('sle', a, b);
    default:
      return undefined;
  }
}
