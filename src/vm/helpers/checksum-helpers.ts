/**
 * bpf_csum_diff as Linux 6.13 and later computes it (net/core/filter.c): the difference of two Internet checksums,
 * folded to 16 bits.
 */
import { errno } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import type { GuestMemory } from '../memory.js';
import { setSigned, setUnsigned, u32 } from './helper.js';

/** Ones' complement sum of two 32-bit words: the carry comes back in. */
function add(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffffffff ? sum - 0xffffffff : sum;
}

/** csum_partial: ones' complement sum of 32-bit words on top of `sum`. `size` is a multiple of 4. */
function partial(memory: GuestMemory, address: number, size: number, sum: number): number {
  let total = sum;
  for (let at = 0; at < size; at += 4) total = add(total, memory.load32(address + at));
  return total;
}

/**
 * r1, r2: bytes that go; r3, r4: bytes that come; r5: the sum so far. r0: the new sum, or -EINVAL for sizes that are
 * no multiples of 4.
 */
export function csumDiff(machine: Machine, registers: Registers): void {
  const fromSize = u32(registers, 2);
  const toSize = u32(registers, 4);
  const from = machine.readable(registers, 1, fromSize);
  const to = machine.readable(registers, 3, toSize);
  if (((fromSize | toSize) & 3) !== 0) {
    setSigned(registers, -errno.EINVAL);
    return;
  }
  const { memory } = machine;
  let sum = u32(registers, 5);
  if (fromSize > 0 && toSize > 0) {
    // csum_sub(a, b) is a + ~b.
    sum = add(partial(memory, to, toSize, sum), ~partial(memory, from, fromSize, 0) >>> 0);
  } else if (toSize > 0) {
    sum = partial(memory, to, toSize, sum);
  } else if (fromSize > 0) {
    sum = ~partial(memory, from, fromSize, ~sum >>> 0) >>> 0;
  }
  const folded = (sum & 0xffff) + (sum >>> 16);
  setUnsigned(registers, (folded & 0xffff) + (folded >>> 16));
}
