/**
 * Addresses behind the instruction store: routines of the firmware that programs branch to. Helpers are where the
 * driver of Linux writes them, at 15,000 and their number; the others are of our own making.
 *
 *     8,192    divisions: remainder, signed, 64 bits, dividend, divisor (15: the constant in register 20)
 *     10,240   atomic operations that a command can't do: 64 bits, pointer's register, value's register; the address
 *              is in registers 20 of both banks, the operation in register 21 of bank B
 *     15,000   the packet is done; above it, helpers
 *
 * All return to the address in register 21 of bank A, helpers to that in register 0 of bank B.
 */

const divisions = 8192;
const atomics = 10_240;
const helpers = 15_000;

/** Where a packet is done. */
export const nextPacket: number = helpers;

/** What is behind the instruction store. */
export type Routine =
  | { readonly kind: 'next packet' }
  | { readonly kind: 'helper'; readonly id: number }
  | {
      readonly kind: 'division';
      readonly remainder: boolean;
      readonly signed: boolean;
      readonly wide: boolean;
      readonly dst: number;
      readonly src: number;
    }
  | { readonly kind: 'atomic'; readonly wide: boolean; readonly dst: number; readonly src: number };

const bit = (is: boolean, at: number): number => (is ? 1 << at : 0);

/** The routine that divides register `dst` by register `src`. */
export function divisionRoutine(remainder: boolean, signed: boolean, wide: boolean, dst: number, src: number): number {
  return divisions + bit(remainder, 10) + bit(signed, 9) + bit(wide, 8) + (dst << 4) + src;
}

/** The routine for an atomic operation with the value in `src`. */
export function atomicRoutine(wide: boolean, dst: number, src: number): number {
  return atomics + bit(wide, 8) + (dst << 4) + src;
}

/** The routine of a helper. */
export function helperRoutine(id: number): number {
  return helpers + id;
}

/** What is at an address; undefined: the program's own store. */
export function routineAt(address: number): Routine | undefined {
  if (address < divisions) return undefined;
  if (address === nextPacket) return { kind: 'next packet' };
  if (address > helpers) return { kind: 'helper', id: address - helpers };
  const [dst, src] = [(address >> 4) & 15, address & 15];
  const wide = (address & 0x100) !== 0;
  if (address >= atomics) return { kind: 'atomic', wide, dst, src };
  const [remainder, signed] = [(address & 0x400) !== 0, (address & 0x200) !== 0];
  return { kind: 'division', remainder, signed, wide, dst, src };
}
