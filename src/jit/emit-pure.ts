/** Pure values: each in the representation that was chosen for it. */
import { InternalError } from '../base/index.js';
import { bareR1, bareR2, isConst, mask32, type OpName, recordAddress, type Value } from '../ir/index.js';
import { helperId } from '../platform/index.js';
import { record } from '../vm/index.js';
import type { CodeBuilder, PlainOp } from '../wasm/index.js';
import type { FunctionEmitter } from './function-emitter.js';
import { arrayOf } from './place.js';
import type { Representation } from './representation.js';

/** Operations that are one instruction in either width, given arguments of that width. */
const direct: Partial<Record<OpName, string>> = {
  add: 'add',
  add32: 'add',
  sub: 'sub',
  sub32: 'sub',
  mul: 'mul',
  mul32: 'mul',
  and: 'and',
  or: 'or',
  xor: 'xor',
};

const isNarrow = (value: Value): boolean => value.ones <= mask32;

/** Pushes the result in `e.represent(value)`. */
export function emitPure(e: FunctionEmitter, value: Value): void {
  const as = e.represent(value);
  const name = direct[value.op];
  if (name !== undefined) {
    if (value.op === 'add' && emitLateSum(e, value, as)) return;
    both(e, value, as);
    e.out.op(`${as}.${name}` as PlainOp);
    return;
  }
  const natural = emitNatural(e, value, as);
  if (natural === as) return;
  if (as === 'i32') e.out.op('i32.wrap_i64');
  else if (isNarrow(value)) e.out.op('i64.extend_i32_u');
  else throw new InternalError('jit', `v${value.id} (${value.op}) cannot be widened`);
}

/**
 * (x + p) + c = x + (p + c) where p is carried around a loop and x is computed in it: p + c is there long before x is,
 * and most often it is the p of the next turn anyway. So the chain from turn to turn is shorter by one.
 */
function emitLateSum(e: FunctionEmitter, value: Value, as: Representation): boolean {
  const [sum, constant] = value.args as [Value, Value];
  if (sum.op !== 'add' || !isConst(constant)) return false;
  const [a, b] = sum.args as [Value, Value];
  const [carried, computed] = e.isCarried(a) ? [a, b] : [b, a];
  if (!e.isCarried(carried) || isConst(computed) || e.isCarried(computed)) return false;
  // The sum may be needed elsewhere: what is computed twice has to be one operation.
  if (!computed.args.every((arg) => isConst(arg) || e.isAtHand(arg))) return false;
  e.push(computed, as);
  e.push(carried, as);
  e.push(constant, as);
  e.out.op(`${as}.add`).op(`${as}.add`);
  return true;
}

/** Pushes both arguments in one representation. */
function both(e: FunctionEmitter, value: Value, as: Representation): void {
  e.push(value.args[0] as Value, as);
  e.push(value.args[1] as Value, as);
}

/** Pushes the result and says as what. */
function emitNatural(e: FunctionEmitter, value: Value, as: Representation): Representation {
  const { out } = e;
  const [a, b] = value.args as [Value, Value];
  switch (value.op) {
    case 'shl':
    case 'shl32':
      return emitShiftLeft(e, value, as);
    case 'shr': {
      const narrow = isNarrow(a) && b.ones <= 31n;
      both(e, value, narrow ? 'i32' : 'i64');
      out.op(narrow ? 'i32.shr_u' : 'i64.shr_u');
      return narrow ? 'i32' : 'i64';
    }
    case 'sar':
      both(e, value, 'i64');
      out.op('i64.shr_s');
      return 'i64';
    case 'sar32':
      both(e, value, 'i32');
      out.op('i32.shr_s');
      return 'i32';
    case 'sext8':
    case 'sext16':
    case 'sext32':
      e.push(a, 'i32');
      if (value.op === 'sext8') out.op('i32.extend8_s');
      if (value.op === 'sext16') out.op('i32.extend16_s');
      if (as === 'i32') return 'i32';
      out.op('i64.extend_i32_s');
      return 'i64';
    case 'udiv':
    case 'umod':
    case 'sdiv':
    case 'smod':
    case 'sdiv32':
    case 'smod32':
      return emitDivision(e, value);
    case 'bswap16':
    case 'bswap32':
    case 'bswap64':
      return emitSwap(e, value);
    case 'eq':
    case 'ult':
    case 'ule':
    case 'slt':
    case 'sle':
      return emitCompare(e, value);
    case 'select':
      e.push(b, as);
      e.push(value.args[2] as Value, as);
      e.push(a, 'i32');
      out.op('select');
      return as;
    default:
      return emitLeaf(e, value, as);
  }
}

/** What a packet brings along, from the arrival's locals or its record; and addresses. */
function emitLeaf(e: FunctionEmitter, value: Value, as: Representation): Representation {
  const { out, frame } = e;
  switch (value.op) {
    case 'len':
      pushEnd(e, 'dataEnd');
      e.pushData();
      out.op('i32.sub');
      return 'i32';
    case 'metalen':
      e.pushData();
      pushEnd(e, 'dataMeta');
      out.op('i32.sub');
      return 'i32';
    case 'ctx':
      out.getLocal(frame.record).memory('i32.load', Number(value.imm));
      return 'i32';
    case 'ptr':
      return emitPointer(e, value, as);
    case 'element':
      return emitElementOffset(e, value);
    case 'env':
      return emitEnvironment(e, Number(value.imm));
    default:
      throw new InternalError('jit', `v${value.id}: ${value.op} is not pure`);
  }
}

/** Pushes an end of the packet as it was at arrival. */
function pushEnd(e: FunctionEmitter, end: 'dataEnd' | 'dataMeta'): void {
  const { out, frame } = e;
  const local = frame.arrival[end];
  if (local === undefined) out.getLocal(frame.record).memory('i32.load', record[end]);
  else out.getLocal(local);
}

/** Where the packet began, plus an offset; the ends are known as addresses already. */
function emitPointer(e: FunctionEmitter, value: Value, as: Representation): Representation {
  const { out } = e;
  const offset = value.args[0] as Value;
  if (offset.op === 'len') {
    pushEnd(e, 'dataEnd');
    return 'i32';
  }
  if (offset.op === 'sub' && isConst(offset.args[0] as Value) && (offset.args[0] as Value).imm === 0n) {
    if ((offset.args[1] as Value).op === 'metalen') {
      pushEnd(e, 'dataMeta');
      return 'i32';
    }
  }
  e.pushData();
  if (isConst(offset) && offset.imm === 0n) return 'i32';
  if (as === 'i64') out.op('i64.extend_i32_u');
  e.push(offset, as);
  out.op(`${as}.add`);
  return as;
}

/**
 * How far the element is from where the array begins. That is what its local holds: {@link FunctionEmitter.push} adds
 * the beginning, and accesses have it in their immediate.
 */
function emitElementOffset(e: FunctionEmitter, value: Value): Representation {
  const { out, frame } = e;
  const { stride, cpus } = arrayOf(frame.machine, value);
  const index = value.args[0] as Value;
  e.push(index, 'i32');
  emitTimes(out, stride * cpus);
  if (cpus > 1) {
    out.getLocal(frame.record).memory('i32.load', record.cpu);
    emitTimes(out, stride);
    out.op('i32.add');
  }
  return 'i32';
}

/** Multiplies what is on the stack by a positive constant. */
function emitTimes(out: CodeBuilder, factor: number): void {
  const bits = 31 - Math.clz32(factor);
  if (factor === 2 ** bits) out.i32(bits).op('i32.shl');
  else out.i32(factor).op('i32.mul');
}

/** An input by the number of the helper that would answer it, or a number beyond (ir/build-function.ts). */
function emitEnvironment(e: FunctionEmitter, id: number): Representation {
  const { out, frame } = e;
  switch (id) {
    case bareR1:
      out.getLocal(frame.record).memory('i64.load', 0);
      return 'i64';
    case bareR2:
      out.getLocal(frame.record).memory('i64.load', 8);
      return 'i64';
    case recordAddress:
      // Read as an address only.
      out.getLocal(frame.record);
      return 'i32';
    case helperId.ktime_get_ns:
      out.getLocal(frame.record).memory('i64.load', record.now);
      return 'i64';
    default:
      // The CPU. It was made a 64-bit leaf, so it is one here.
      out.getLocal(frame.record).memory('i64.load32_u', record.cpu);
      return 'i64';
  }
}

/** A shift left: low halves suffice if only the low half is asked for and the amount is below 32. */
function emitShiftLeft(e: FunctionEmitter, value: Value, as: Representation): Representation {
  const [a, b] = value.args as [Value, Value];
  const { out } = e;
  if (value.op === 'shl32') {
    both(e, value, 'i32');
    out.op('i32.shl');
    return 'i32';
  }
  if (as === 'i64' || (!isConst(b) && b.ones > 31n)) {
    both(e, value, 'i64');
    out.op('i64.shl');
    return 'i64';
  }
  if (isConst(b) && b.imm >= 32n) {
    out.i32(0);
    return 'i32';
  }
  e.push(a, 'i32');
  e.push(b, 'i32');
  out.op('i32.shl');
  return 'i32';
}

/** BPF: x / 0 = 0, x % 0 = x, and the smallest number divided by -1 wraps. WebAssembly traps. */
function emitDivision(e: FunctionEmitter, value: Value): Representation {
  const { out } = e;
  const [a, b] = value.args as [Value, Value];
  const isSigned = value.op.startsWith('s');
  const isModulo = value.op.includes('mod');
  const half = value.op.endsWith('32') || (!isSigned && isNarrow(a) && isNarrow(b));
  const as: Representation = half ? 'i32' : 'i64';
  const operation = `${as}.${isModulo ? 'rem' : 'div'}_${isSigned ? 's' : 'u'}` as PlainOp;
  const wide = as === 'i32' ? BigInt.asIntN(32, b.imm) : BigInt.asIntN(64, b.imm);
  if (isConst(b) && wide !== 0n && !(isSigned && wide === -1n)) {
    both(e, value, as);
    out.op(operation);
    return as;
  }
  const x = e.temporary(`dividend ${as}`, as);
  const y = e.temporary(`divisor ${as}`, as);
  both(e, value, as);
  out.setLocal(y).setLocal(x);
  out.getLocal(y).op(`${as}.eqz`).if(as);
  if (isModulo) out.getLocal(x);
  else zero(e, as);
  out.else();
  if (isSigned && !isModulo) {
    out.getLocal(y);
    if (as === 'i32') out.i32(-1);
    else out.i64(-1n);
    out.op(`${as}.eq`).if(as);
    zero(e, as);
    out.getLocal(x).op(`${as}.sub`).else().getLocal(x).getLocal(y).op(operation).end();
  } else {
    out.getLocal(x).getLocal(y).op(operation);
  }
  out.end();
  return as;
}

/** Pushes 0. */
function zero(e: FunctionEmitter, as: Representation): void {
  if (as === 'i32') e.out.i32(0);
  else e.out.i64(0n);
}

/** Byte reversal out of rotations and masks: WebAssembly has no instruction for it. */
function emitSwap(e: FunctionEmitter, value: Value): Representation {
  const { out } = e;
  const a = value.args[0] as Value;
  if (value.op === 'bswap16') {
    const x = e.temporary('swap i32', 'i32');
    e.push(a, 'i32');
    // (x << 8 | (x & 0xffff) >> 8) & 0xffff, and less of it where the upper bits are zero.
    out.teeLocal(x).i32(8).op('i32.shl').i32(0xff00).op('i32.and').getLocal(x).i32(8).op('i32.shr_u');
    if (a.ones > 0xffffn) out.i32(0xff).op('i32.and');
    out.op('i32.or');
    return 'i32';
  }
  if (value.op === 'bswap32') {
    const x = e.temporary('swap i32', 'i32');
    e.push(a, 'i32');
    out.teeLocal(x).i32(8).op('i32.rotl').i32(0x00ff00ff).op('i32.and');
    out.getLocal(x).i32(8).op('i32.rotr').i32(0xff00ff00).op('i32.and').op('i32.or');
    return 'i32';
  }
  const x = e.temporary('swap i64', 'i64');
  e.push(a, 'i64');
  const half = (by: bigint, mask: bigint): void => {
    out.setLocal(x);
    out.getLocal(x).i64(by).op('i64.shr_u').i64(mask).op('i64.and');
    out.getLocal(x).i64(mask).op('i64.and').i64(by).op('i64.shl').op('i64.or');
  };
  half(8n, 0x00ff_00ff_00ff_00ffn);
  half(16n, 0x0000_ffff_0000_ffffn);
  out.i64(32n).op('i64.rotl');
  return 'i64';
}

const unsignedCompares = { eq: 'eq', ult: 'lt_u', ule: 'le_u', slt: 'lt_s', sle: 'le_s' } as const;

/** A comparison, in 32 bits where both sides are known to fit; otherwise in 64. */
function emitCompare(e: FunctionEmitter, value: Value): Representation {
  const { out } = e;
  const [a, b] = value.args as [Value, Value];
  const name = unsignedCompares[value.op as keyof typeof unsignedCompares];
  const isSigned = value.op === 'slt' || value.op === 'sle';
  if (isSigned) {
    const [x, y] = [signed32(a), signed32(b)];
    if (x && y) {
      pushSigned32(e, a);
      pushSigned32(e, b);
      out.op(`i32.${name}` as PlainOp);
      return 'i32';
    }
  }
  const narrow = !isSigned && isNarrow(a) && isNarrow(b);
  const as: Representation = narrow ? 'i32' : 'i64';
  e.push(a, as);
  if (value.op === 'eq' && isConst(b) && b.imm === 0n) {
    out.op(`${as}.eqz`);
    return 'i32';
  }
  e.push(b, as);
  out.op(`${as}.${name}` as PlainOp);
  return 'i32';
}

/** Does the value lie within -2^31 to 2^31 - 1? */
function signed32(value: Value): boolean {
  if (isConst(value)) return BigInt.asUintN(64, BigInt.asIntN(32, value.imm)) === value.imm;
  return value.op === 'sext32' || value.ones <= 0x7fff_ffffn;
}

/** The number as an i32 that means the same, signed. */
function pushSigned32(e: FunctionEmitter, value: Value): void {
  e.push(value.op === 'sext32' ? (value.args[0] as Value) : value, 'i32');
}
