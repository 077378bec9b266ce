/**
 * Atomic operations (RFC 9669, section 5.3). One program runs at a time, so plain loads and stores are atomic here.
 */
import type { GuestMemory, Registers } from '../vm/index.js';

const add = 0x00;
const or = 0x40;
const and = 0x50;
const xor = 0xa0;
const cmpxchg = 0xf1;
const loadAcquire = 0x100;
const storeRelease = 0x110;
const fetch = 0x01;

/**
 * Applies operation `kind` to `size` bytes at `address`. With FETCH the old value goes to register `src` (`dst` for a
 * load-acquire, r0 for a compare-and-exchange); a 32-bit one is zero-extended.
 */
export function atomic(
  memory: GuestMemory,
  registers: Registers,
  kind: number,
  address: number,
  size: number,
  dst: number,
  src: number,
): void {
  if (kind === loadAcquire || kind === storeRelease || size < 4)
    plain(memory, registers, kind, address, size, dst, src);
  else if (size === 4) atomic32(memory, registers, kind, address, src);
  else atomic64(memory, registers, kind, address, src);
}

/** 32 bits: what is fetched is zero-extended. */
function atomic32(memory: GuestMemory, registers: Registers, kind: number, address: number, src: number): void {
  const { u32 } = registers;
  const old = memory.load32(address);
  const operand = u32[2 * src] as number;
  const [store, result] = kind === cmpxchg ? [old === u32[0], 0] : [true, src];
  if (store) memory.store32(address, combine32(kind, old, operand));
  if ((kind & fetch) === 0) return;
  u32[2 * result] = old;
  u32[2 * result + 1] = 0;
}

/** What is stored, from what was there and the operand. */
function combine32(kind: number, old: number, operand: number): number {
  switch (kind & ~fetch) {
    case add:
      return (old + operand) >>> 0;
    case or:
      return (old | operand) >>> 0;
    case and:
      return (old & operand) >>> 0;
    case xor:
      return (old ^ operand) >>> 0;
    default:
      // Exchange, and compare-and-exchange that matched.
      return operand;
  }
}

/** On 8 bytes; a compare and exchange compares with r0 and fetches into it. */
function atomic64(memory: GuestMemory, registers: Registers, kind: number, address: number, src: number): void {
  const { u64 } = registers;
  const old = memory.load64(address);
  const operand = u64[src] as bigint;
  const [store, result] = kind === cmpxchg ? [old === u64[0], 0] : [true, src];
  if (store) memory.store64(address, combine64(kind, old, operand));
  if ((kind & fetch) !== 0) u64[result] = old;
}

/** The same in 64 bits. */
function combine64(kind: number, old: bigint, operand: bigint): bigint {
  switch (kind & ~fetch) {
    case add:
      return BigInt.asUintN(64, old + operand);
    case or:
      return old | operand;
    case and:
      return old & operand;
    case xor:
      return old ^ operand;
    default:
      return operand;
  }
}

/** Load-acquire and store-release (Linux 6.15) of 1, 2, 4 or 8 bytes. */
function plain(
  memory: GuestMemory,
  registers: Registers,
  kind: number,
  address: number,
  size: number,
  dst: number,
  src: number,
): void {
  const { u32, u64 } = registers;
  if (kind === loadAcquire) {
    if (size === 8) {
      u64[dst] = memory.load64(address);
      return;
    }
    u32[2 * dst] = size === 1 ? memory.load8(address) : size === 2 ? memory.load16(address) : memory.load32(address);
    u32[2 * dst + 1] = 0;
    return;
  }
  const value = u32[2 * src] as number;
  if (size === 1) memory.store8(address, value);
  else if (size === 2) memory.store16(address, value);
  else if (size === 4) memory.store32(address, value);
  else memory.store64(address, u64[src] as bigint);
}
