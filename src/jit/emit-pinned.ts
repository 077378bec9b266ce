/** Loads, stores, atomic operations, look-ups and calls. */
import { InternalError } from '../base/index.js';
import { type Detail, mask32, type Value } from '../ir/index.js';
import { op } from '../isa/index.js';
import { xdpMd } from '../platform/index.js';
import type { MemoryOp, PlainOp } from '../wasm/index.js';
import { emitCall } from './emit-call.js';
import type { FunctionEmitter } from './function-emitter.js';
import { arrayOf, fixedAddress } from './place.js';
import { accessFlags } from './services.js';

/** Details that say how many bytes are touched. */
type Access = Detail & { readonly kind: 'memory' | 'atomic' };

/** An address is at most this far below its object: see {@link pushAddress}. */
const maxDistance = 0x8000n;

/** Code for a value that has its place in a block: accesses, calls, look-ups. */
export function emitPinned(e: FunctionEmitter, value: Value): void {
  switch (value.op) {
    case 'load':
      emitLoad(e, value);
      return;
    case 'store':
      emitStore(e, value);
      return;
    case 'fill':
      emitFill(e, value);
      return;
    case 'atomic':
      emitAtomic(e, value);
      return;
    case 'lookup':
    case 'call':
      emitCall(e, value);
      return;
    default:
      throw new InternalError('jit', `v${value.id}: ${value.op} is not pinned`);
  }
}

/** Size, place and checking of a memory access. */
function accessOf(value: Value): Access {
  const { detail } = value;
  if (detail?.kind !== 'memory' && detail?.kind !== 'atomic')
    throw new InternalError('jit', `v${value.id} has no size`);
  return detail;
}

/**
 * Pushes the base of an access and returns what its immediate adds. WebAssembly adds that without wrapping, so it may
 * be used only where base plus offset is what the program meant: where the base is known to have 32 bits, or where it
 * is a pointer to near its object, which lies above the first 64 KiB.
 */
function pushAddress(e: FunctionEmitter, value: Value, kind: number): number {
  const { out } = e;
  const base = value.args[0] as Value;
  const { size } = accessOf(value);
  const access = accessOf(value);
  if (access.checked) {
    const address = e.temporary('address', 'i64');
    e.push(base, 'i64');
    out.i64(value.imm).op('i64.add').teeLocal(address);
    e.frame.services.emitCheck(out, size, kind, e.code.program, value.origin.pc);
    out.getLocal(address).op('i32.wrap_i64');
    return 0;
  }
  const offset = value.imm;
  if (base.op === 'context' && offset >= 0n && offset < BigInt(xdpMd.size)) {
    out.getLocal(e.frame.record);
    return Number(offset);
  }
  const fixed = fixedAddress(e.frame.machine, e.code.program, base);
  if (fixed !== undefined) {
    out.i32(Number(BigInt.asIntN(32, fixed + offset)));
    return 0;
  }
  if (base.op === 'element') {
    // Where the array lies goes to the immediate, as long as the whole is no more than an address.
    const at = BigInt(arrayOf(e.frame.machine, base).base) + offset;
    e.pushElementOffset(base);
    if (at >= 0n && at <= mask32) return Number(at);
    out.i32(Number(BigInt.asIntN(32, at))).op('i32.add');
    return 0;
  }
  e.push(base, 'i32');
  if (offset === 0n) return 0;
  if (offset > 0n && offset <= mask32 && (offset <= maxDistance || base.ones <= mask32)) return Number(offset);
  out.i32(Number(BigInt.asIntN(32, offset))).op('i32.add');
  return 0;
}

/** A load, zero-extended. It happens where it stands, used or not; checked ones may stop the program. */
function emitLoad(e: FunctionEmitter, value: Value): void {
  const { size } = accessOf(value);
  const as = e.represent(value);
  const offset = pushAddress(e, value, accessFlags.read);
  const suffix = size === 8 || (size === 4 && as === 'i32') ? '' : `${8 * size}_u`;
  const name = size === 8 && as === 'i32' ? 'i32.load' : `${as}.load${suffix}`;
  e.out.memory(name as MemoryOp, offset);
  if (e.isUsed(value)) e.out.setLocal(e.localOf(value));
  else e.out.op('drop');
}

/** The store of the `size` low bytes: 8 take an i64, fewer an i32. */
function storeOp(size: number): MemoryOp {
  return size === 8 ? 'i64.store' : size === 4 ? 'i32.store' : size === 2 ? 'i32.store16' : 'i32.store8';
}

/** A store of the low bytes of a value. */
function emitStore(e: FunctionEmitter, value: Value): void {
  const { size } = accessOf(value);
  const offset = pushAddress(e, value, accessFlags.write);
  e.push(value.args[1] as Value, size === 8 ? 'i64' : 'i32');
  e.out.memory(storeOp(size), offset);
}

/** Zeros over `size` bytes: one store for a word, `memory.fill` for a frame. */
function emitFill(e: FunctionEmitter, value: Value): void {
  const { out } = e;
  const { size } = accessOf(value);
  const offset = pushAddress(e, value, accessFlags.write);
  if (size === 8) {
    out.i64(0n).memory('i64.store', offset);
    return;
  }
  if (offset !== 0) out.i32(offset).op('i32.add');
  out.i32(0).i32(size).memoryFill();
}

/** One program runs at a time, so plain loads and stores are atomic. */
/** By operation without BPF_FETCH, which is part of XCHG. */
const atomicNames: Readonly<Record<number, 'add' | 'or' | 'and' | 'xor' | 'xchg'>> = {
  [op.ATOMIC_ADD]: 'add',
  [op.ATOMIC_OR]: 'or',
  [op.ATOMIC_AND]: 'and',
  [op.ATOMIC_XOR]: 'xor',
  [op.ATOMIC_XCHG & ~op.ATOMIC_FETCH]: 'xchg',
};

/** Load, operation, store where one thread has the memory; WebAssembly's atomics where several share it. */
function emitAtomic(e: FunctionEmitter, value: Value): void {
  const { out } = e;
  const { detail } = value;
  if (detail?.kind !== 'atomic') throw new InternalError('jit', `v${value.id} is not atomic`);
  const { size, atomic } = detail;
  const as = size === 8 ? 'i64' : 'i32';
  const address = e.temporary('atomic', 'i32');
  const offset = pushAddress(e, value, accessFlags.atomic);
  if (e.frame.machine.memory.isShared) {
    emitSharedAtomic(e, value, offset);
    return;
  }
  out.setLocal(address);
  const load: MemoryOp = `${as}.load`;
  const operand = value.args[1] as Value;
  const keep = e.isUsed(value) || atomic === op.ATOMIC_CMPXCHG;
  const old = keep ? e.temporary(`old ${as}`, as) : -1;
  if (keep) out.getLocal(address).memory(load, offset).setLocal(old);
  const pushOld = (): void => {
    if (keep) out.getLocal(old);
    else out.getLocal(address).memory(load, offset);
  };
  if (atomic === op.ATOMIC_CMPXCHG) {
    out.getLocal(address);
    e.push(operand, as);
    out.getLocal(old).getLocal(old);
    e.push(value.args[2] as Value, as);
    out.op(`${as}.eq`).op('select').memory(storeOp(size), offset);
  } else if (atomic === op.ATOMIC_XCHG) {
    out.getLocal(address);
    e.push(operand, as);
    out.memory(storeOp(size), offset);
  } else {
    const name = atomicNames[atomic & ~op.ATOMIC_FETCH];
    if (name === undefined) throw new InternalError('jit', `atomic operation ${atomic}`);
    out.getLocal(address);
    pushOld();
    e.push(operand, as);
    out.op(`${as}.${name}` as PlainOp).memory(storeOp(size), offset);
  }
  if (!e.isUsed(value)) return;
  out.getLocal(old);
  setOld(e, value, as);
}

/** The same where other threads see the memory. The address is on the stack. */
function emitSharedAtomic(e: FunctionEmitter, value: Value, offset: number): void {
  const { out } = e;
  const { detail } = value;
  if (detail?.kind !== 'atomic') throw new InternalError('jit', `v${value.id} is not atomic`);
  const { size, atomic } = detail;
  const as = size === 8 ? 'i64' : 'i32';
  if (atomic === op.ATOMIC_CMPXCHG) e.push(value.args[2] as Value, as);
  e.push(value.args[1] as Value, as);
  const name = atomic === op.ATOMIC_CMPXCHG ? 'cmpxchg' : atomicNames[atomic & ~op.ATOMIC_FETCH];
  if (name === undefined) throw new InternalError('jit', `atomic operation ${atomic}`);
  out.atomic(`${as}.atomic.rmw.${name}`, offset);
  if (e.isUsed(value)) setOld(e, value, as);
  else out.op('drop');
}

/** Takes the old value from the stack. */
function setOld(e: FunctionEmitter, value: Value, as: 'i32' | 'i64'): void {
  const { out } = e;
  const own = e.represent(value);
  if (own !== as) out.op(own === 'i32' ? 'i32.wrap_i64' : 'i64.extend_i32_u');
  out.setLocal(e.localOf(value));
}
