/** Arithmetic and comparisons of BPF as pure values. */
import { type Insn, insnClass, op } from '../isa/index.js';
import type { Graph } from './graph.js';
import { mask32, mask64, type Value } from './value.js';

/** The low half of `x`, zero-extended. */
export function low32(g: Graph, x: Value): Value {
  if (x.op === 'const') return g.constant(x.imm & mask32);
  return g.and(x, g.constant(mask32));
}

/** The operand of an instruction with an immediate: `imm` sign-extended to 64 bits (RFC 9669, section 4.1). */
export function immediate(g: Graph, insn: Insn): Value {
  return g.constant(BigInt.asUintN(64, BigInt(insn.imm)));
}

/** What an instruction of class ALU or ALU64 leaves in its destination: `a` is the old value, `b` the operand. */
export function lowerAlu(g: Graph, insn: Insn, a: Value, b: Value): Value {
  return insnClass(insn) === op.ALU64 ? lowerAlu64(g, insn, a, b) : lowerAlu32(g, insn, a, b);
}

/** Counts wrap at the width. */
function countOf(g: Graph, b: Value, width: bigint): Value {
  const mask = width - 1n;
  return b.op === 'const' ? g.constant(b.imm & mask) : g.and(b, g.constant(mask));
}

/** 64-bit operations are operations of the IR. */
function lowerAlu64(g: Graph, insn: Insn, a: Value, b: Value): Value {
  switch (insn.code & 0xf0) {
    case op.ADD:
      return g.add(a, b);
    case op.SUB:
      return g.sub(a, b);
    case op.MUL:
      return g.make('mul', a, b);
    case op.DIV:
      return g.make(insn.off === 1 ? 'sdiv' : 'udiv', a, b);
    case op.MOD:
      return g.make(insn.off === 1 ? 'smod' : 'umod', a, b);
    case op.OR:
      return g.make('or', a, b);
    case op.AND:
      return g.and(a, b);
    case op.XOR:
      return g.make('xor', a, b);
    case op.LSH:
      return g.make('shl', a, countOf(g, b, 64n));
    case op.RSH:
      return g.make('shr', a, countOf(g, b, 64n));
    case op.ARSH:
      return g.make('sar', a, countOf(g, b, 64n));
    case op.NEG:
      return g.sub(g.constant(0n), a);
    case op.MOV:
      return insn.off === 0 ? b : g.make(insn.off === 8 ? 'sext8' : insn.off === 16 ? 'sext16' : 'sext32', b);
    default:
      return swap(g, a, insn.imm);
  }
}

/** 32-bit operations look at low halves and clear the upper half of their result. */
function lowerAlu32(g: Graph, insn: Insn, a: Value, b: Value): Value {
  const count = (): Value => countOf(g, b, 32n);
  switch (insn.code & 0xf0) {
    case op.ADD:
      return g.make('add32', a, b);
    case op.SUB:
      return g.make('sub32', a, b);
    case op.MUL:
      return g.make('mul32', a, b);
    case op.DIV:
      return insn.off === 1 ? g.make('sdiv32', a, b) : g.make('udiv', low32(g, a), low32(g, b));
    case op.MOD:
      return insn.off === 1 ? g.make('smod32', a, b) : g.make('umod', low32(g, a), low32(g, b));
    case op.OR:
      return low32(g, g.make('or', low32(g, a), low32(g, b)));
    case op.AND:
      return low32(g, g.and(a, b));
    case op.XOR:
      return low32(g, g.make('xor', low32(g, a), low32(g, b)));
    case op.LSH:
      return g.make('shl32', a, count());
    case op.RSH:
      return g.make('shr', low32(g, a), count());
    case op.ARSH:
      return g.make('sar32', a, count());
    case op.NEG:
      return g.make('sub32', g.constant(0n), a);
    case op.MOV:
      if (insn.off === 0) return low32(g, b);
      return low32(g, g.make(insn.off === 8 ? 'sext8' : 'sext16', b));
    default:
      // To little endian (K) is truncation, to big endian (X) a swap: the machine is little-endian.
      if ((insn.code & op.X) !== 0) return swap(g, a, insn.imm);
      return insn.imm === 64 ? a : g.and(a, g.constant(insn.imm === 16 ? 0xffffn : mask32));
  }
}

function swap(g: Graph, a: Value, width: number): Value {
  return g.make(width === 16 ? 'bswap16' : width === 32 ? 'bswap32' : 'bswap64', a);
}

/** A comparison, or its opposite. */
export interface Condition {
  readonly value: Value;
  readonly negated: boolean;
}

/** When the conditional jump is taken. */
export function lowerJump(g: Graph, insn: Insn, x: Value, y: Value): Condition {
  const kind = insn.code & 0xf0;
  const isSigned = kind === op.JSGT || kind === op.JSGE || kind === op.JSLT || kind === op.JSLE;
  let a = x;
  let b = y;
  if (insnClass(insn) === op.JMP32) {
    a = isSigned ? g.make('sext32', a) : low32(g, a);
    b = isSigned ? g.make('sext32', b) : low32(g, b);
  }
  switch (kind) {
    case op.JEQ:
      return { value: g.make('eq', a, b), negated: false };
    case op.JNE:
      return { value: g.make('eq', a, b), negated: true };
    case op.JSET:
      return { value: g.make('eq', g.and(a, b), g.constant(0n)), negated: true };
    case op.JGT:
      return { value: g.make('ult', b, a), negated: false };
    case op.JGE:
      return { value: g.make('ult', a, b), negated: true };
    case op.JLT:
      return { value: g.make('ult', a, b), negated: false };
    case op.JLE:
      return { value: g.make('ult', b, a), negated: true };
    case op.JSGT:
      return { value: g.make('slt', b, a), negated: false };
    case op.JSGE:
      return { value: g.make('slt', a, b), negated: true };
    case op.JSLT:
      return { value: g.make('slt', a, b), negated: false };
    default:
      return { value: g.make('slt', b, a), negated: true };
  }
}

/** Sign extension of the low `size` bytes. */
export function signExtend(g: Graph, x: Value, size: number): Value {
  return size === 8 ? x : g.make(size === 1 ? 'sext8' : size === 2 ? 'sext16' : 'sext32', x);
}

/** Byte `size` values that hold all ones. */
export function onesOf(size: number): bigint {
  return size === 8 ? mask64 : (1n << BigInt(8 * size)) - 1n;
}
