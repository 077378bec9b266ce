/** Adding numbers to pointers (adjust_ptr_min_max_vals in the kernel). */

import { type Insn, op } from '../isa/index.js';
import { maxVarOffset } from '../platform/index.js';
import type { Env } from './env.js';
import { type RegState, unknownReg } from './reg-state.js';
import { typeText } from './reg-text.js';
import { Scalar, s64Max, s64Min } from './scalar.js';
import { tnumAdd, tnumSub, u64Max } from './tnum.js';

/** No pointer may be known to lie farther than this from its object. */
const maxVariable = BigInt(maxVarOffset);

const operators: Readonly<Record<number, string>> = {
  [op.MUL]: '*=',
  [op.DIV]: '/=',
  [op.OR]: '|=',
  [op.AND]: '&=',
  [op.LSH]: '<<=',
  [op.RSH]: '>>=',
  [op.MOD]: '%=',
  [op.XOR]: '^=',
  [op.ARSH]: 's>>=',
};

/** Refuses offsets that later sums could carry out of 64 bits. */
function checkSane(env: Env, reg: RegState, type: string): void {
  const { range } = reg;
  if (range.isConst && (range.smin >= maxVariable || range.smin <= -maxVariable)) {
    env.reject('insane-known-offset', { type, value: range.smin });
  }
  // Linux looks at a linked number's distance to its others as well.
  const { off } = reg;
  if (off >= maxVarOffset || off <= -maxVarOffset) env.reject('insane-pointer-offset', { type, off });
  if (range.smin === s64Min) env.reject('unbounded-offset', { type });
  if (range.smin >= maxVariable || range.smin <= -maxVariable)
    env.reject('offset-out-of-bounds', { type, value: range.smin });
}

/**
 * `pointer + amount` or `pointer - amount`. `inPlace`: the destination register is the pointer (else it is the number,
 * and `number - pointer` makes no sense).
 */
export function addPointer(
  env: Env,
  insn: Insn,
  code: number,
  is32: boolean,
  pointer: RegState,
  amount: RegState,
  inPlace: boolean,
): RegState {
  const reg = insn.dst;
  const by = amount.range;
  // Bounds that contradict each other come from a branch that cannot be taken.
  const known = by.isConst && !by.isExact;
  if (known || by.smin > by.smax || by.umin > by.umax) return unknownReg();
  if (is32) {
    if (code === op.SUB) return unknownReg();
    env.reject('pointer-alu32', { reg });
  }
  if (pointer.nullable) env.reject('null-arithmetic', { reg, type: typeText(pointer) });
  // What is read through it is a probe wherever it points, so no offsets are kept.
  if (pointer.kind === 'mem' && pointer.untrusted) return inPlace ? pointer : amount;
  switch (pointer.kind) {
    case 'map_ptr':
      if (by.isConst && by.value === 0n && code === op.ADD) break;
      env.reject('pointer-arithmetic', { reg, type: typeText(pointer) });
      break;
    case 'pkt_end':
    case 'sock':
    case 'sock_common':
    case 'tcp_sock':
    case 'xdp_sock':
    case 'func':
      env.reject('pointer-arithmetic', { reg, type: typeText(pointer) });
      break;
    default:
      break;
  }
  const type = typeText(pointer);
  checkSane(env, amount, type);
  checkSane(env, pointer, type);
  if (code !== op.ADD && code !== op.SUB) {
    const bitwise = code === op.AND || code === op.OR || code === op.XOR;
    env.reject(bitwise ? 'pointer-bitwise' : 'pointer-operator', { reg, op: operators[code] ?? '?' });
  }
  if (code === op.SUB) {
    if (!inPlace) env.reject('scalar-minus-pointer', { reg });
    if (pointer.kind === 'fp') env.reject('stack-pointer-subtraction', { reg });
  }
  const result = code === op.ADD ? plus(env, pointer, by) : minus(env, pointer, by);
  checkSane(env, result, type);
  // `number += pointer`: the register becomes a pointer to the same, but what is held stays with the registers that
  // held it.
  if (!inPlace) result.refId = 0;
  return result;
}

const fitsS32 = (x: bigint): boolean => x >= -0x8000_0000n && x <= 0x7fff_ffffn;
const fitsS64 = (x: bigint): boolean => x >= s64Min && x <= s64Max;

/** The pointer with another constant part. */
function withOffset(pointer: RegState, off: bigint): RegState {
  const result = pointer.copy();
  result.off = Number(off);
  return result;
}

/**
 * `pointer + by`: a constant goes to the fixed part, anything else to the variable one (BPF_ADD in
 * adjust_ptr_min_max_vals).
 */
function plus(env: Env, pointer: RegState, by: Scalar): RegState {
  const off = BigInt(pointer.off) + by.smin;
  if (by.isConst && fitsS32(off)) return withOffset(pointer, off);
  const { pointers } = env.shape.memos;
  const known =
    pointers.find(env.pc, pointer.range, by) ?? pointers.keep(env.pc, pointer.range, by, sum(pointer.range, by));
  return variable(env, pointer, known.result, true);
}

/** The variable parts together. */
function sum(base: Scalar, by: Scalar): Scalar {
  const range = new Scalar();
  if (fitsS64(base.smin + by.smin) && fitsS64(base.smax + by.smax)) {
    range.smin = base.smin + by.smin;
    range.smax = base.smax + by.smax;
  }
  if (base.umax + by.umax <= u64Max) {
    range.umin = base.umin + by.umin;
    range.umax = base.umax + by.umax;
  }
  range.setTnum(tnumAdd(base, by));
  return range.sync();
}

/** `pointer - by` (BPF_SUB in adjust_ptr_min_max_vals). */
function minus(env: Env, pointer: RegState, by: Scalar): RegState {
  const off = BigInt(pointer.off) - by.smin;
  if (by.isConst && fitsS32(off)) return withOffset(pointer, off);
  const range = new Scalar();
  const base = pointer.range;
  if (fitsS64(base.smin - by.smax) && fitsS64(base.smax - by.smin)) {
    range.smin = base.smin - by.smax;
    range.smax = base.smax - by.smin;
  }
  if (base.umin >= by.umax) {
    range.umin = base.umin - by.umax;
    range.umax = base.umax - by.umin;
  }
  range.setTnum(tnumSub(base, by));
  // What was known to lie in the packet still does if the pointer only moved back.
  return variable(env, pointer, range.sync(), by.smin < 0n);
}

/**
 * A pointer with a new variable part: for packet pointers a new base, of which no range is known if it may have moved
 * up.
 */
function variable(env: Env, pointer: RegState, range: Scalar, forgetRange: boolean): RegState {
  const result = pointer.copy();
  result.range = range;
  if (pointer.isPacket) {
    result.id = env.newId();
    if (forgetRange) result.pktRange = 0;
  }
  return result;
}
