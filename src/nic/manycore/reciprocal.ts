/** Division of a word by a constant as a multiplication (Granlund and Montgomery, PLDI 1994, section 4). */
import { type Assembler, scratch } from './assembler.js';
import { both, constant, inA, inB, none } from './operand.js';

/** `n / d` is the upper word of `n * magic`, shifted; a magic number of 33 bits lacks its highest one. */
interface Reciprocal {
  readonly magic: number;
  readonly shift: number;
  readonly isLong: boolean;
}

/** For dividends of `bits` bits. */
function reciprocalOf(divisor: bigint, bits: bigint): Reciprocal {
  let exponent = 0n;
  while (1n << exponent < divisor) exponent++;
  let low = (1n << (32n + exponent)) / divisor;
  let high = ((1n << (32n + exponent)) + (1n << (32n + exponent - bits))) / divisor;
  let shift = exponent;
  while (low >> 1n < high >> 1n && shift > 0n) {
    low >>= 1n;
    high >>= 1n;
    shift--;
  }
  return { magic: Number(high & 0xffff_ffffn), shift: Number(shift), isLong: high >> 32n !== 0n };
}

/** The low word of register `dst` of eBPF divided by a constant above 0. */
export function divideByConstant(asm: Assembler, dst: number, divisor: bigint): void {
  const word = 2 * dst;
  const into = both(word);
  if (divisor > 0xffff_ffffn) {
    asm.immediate(into, 0);
    return;
  }
  if (divisor > 0x8000_0000n) {
    // Once or not at all: the carry of the comparison.
    asm.alu(none, 'sub', inA(word), asm.operand(Number(divisor)));
    asm.immediate(inA(scratch.first), 0);
    asm.alu(into, 'add-carry', inA(scratch.first), constant(0));
    return;
  }
  if ((divisor & (divisor - 1n)) === 0n) {
    const places = divisor.toString(2).length - 1;
    if (places > 0) asm.shift(into, 'b', none, inB(word), 'right', places);
    return;
  }
  let found = reciprocalOf(divisor, 32n);
  if (found.isLong && (divisor & 1n) === 0n) {
    // An even divisor: what is left of the dividend has fewer bits, and the magic number then has 32.
    let zeros = 0n;
    while (((divisor >> zeros) & 1n) === 0n) zeros++;
    found = reciprocalOf(divisor >> zeros, 32n - zeros);
    asm.shift(into, 'b', none, inB(word), 'right', Number(zeros));
  }
  const upper = both(scratch.second);
  asm.multiply(none, upper, inA(word), asm.operand(found.magic));
  if (!found.isLong) {
    if (found.shift === 0) asm.move(into, inB(scratch.second));
    else asm.shift(into, 'b', none, inB(scratch.second), 'right', found.shift);
    return;
  }
  // (n + upper) >> shift without the sum's carry: (((n - upper) >> 1) + upper) >> (shift - 1).
  asm.alu(into, 'sub', inA(word), inB(scratch.second));
  asm.shift(into, 'b', none, inB(word), 'right', 1);
  asm.alu(into, 'add', inA(word), inB(scratch.second));
  if (found.shift > 1) asm.shift(into, 'b', none, inB(word), 'right', found.shift - 1);
}
