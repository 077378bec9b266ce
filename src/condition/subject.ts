/** Numbers made of source bits: what ranges, gaps and required bits of a path condition are about. */
import { type Bit, constantBits, isInverted, plain } from './bits.js';

/** A number made of source bits, least significant first. */
export interface Subject {
  readonly key: string;
  readonly bits: readonly Bit[];
}

/** The largest number that so many bits can make. */
export function largestOf(subject: Subject): bigint {
  return (1n << BigInt(subject.bits.length)) - 1n;
}

/** One bit and the value that it must have (or, in an exclusion, must not have together with the others). */
export interface Literal {
  readonly bit: Bit;
  readonly value: number;
}

/** Literals with their inversion undone: bit `i` of a subject's number `x` as a literal over a plain bit. */
export function literalOf(bit: Bit, value: number): Literal {
  return { bit: plain(bit), value: isInverted(bit) ? 1 - value : value };
}

/** Plain bits and the values that they have together. */
export interface Literals {
  readonly bits: Bit[];
  readonly values: number[];
}

/**
 * The source bits that must have certain values for the bits `from` to be the number; undefined if that is impossible.
 */
export function literalsOf(from: readonly Bit[], constant: bigint): Literals | undefined {
  const wanted = constantBits(constant);
  for (let i = 0; i < from.length; i++) if ((from[i] as Bit) < 2 && from[i] !== wanted[i]) return undefined;
  const bits: Bit[] = [];
  const values: number[] = [];
  let highest = 0;
  for (let i = 0; i < from.length; i++) {
    const bit = from[i] as Bit;
    if (bit < 2) continue;
    const want = wanted[i] as number;
    const literal = isInverted(bit) ? 1 - want : want;
    const own = plain(bit);
    // Bits mostly stand in ascending order, and then none comes twice.
    const before = own > highest ? -1 : bits.indexOf(own);
    if (before < 0) {
      if (own > highest) highest = own;
      bits.push(own);
      values.push(literal);
    } else if (values[before] !== literal) {
      return undefined;
    }
  }
  return { bits, values };
}

/** The bits as a number times a power of two. */
export function scaledSubject(bits: readonly Bit[]): { readonly subject: Subject; readonly shift: bigint } | undefined {
  let zeros = 0;
  while (zeros < bits.length && bits[zeros] === 0) zeros++;
  const subject = subjectOf(zeros === 0 ? bits : bits.slice(zeros));
  return subject === undefined ? undefined : { subject, shift: BigInt(zeros) };
}

/** The bits as a number with nothing but source bits, or undefined. Zeros above are dropped. */
export function subjectOf(bits: readonly Bit[]): Subject | undefined {
  let top = bits.length;
  while (top > 0 && bits[top - 1] === 0) top--;
  if (top === 0) return undefined;
  for (let i = 0; i < top; i++) if ((bits[i] as Bit) < 2) return undefined;
  const own = bits.slice(0, top);
  return { key: runsOf(own), bits: own };
}

/**
 * Bits as text, each run of neighbours as its first bit and length: the same for the same bits, and short for bytes.
 */
function runsOf(bits: readonly Bit[]): string {
  let text = '';
  let start = 0;
  for (let i = 1; i <= bits.length; i++) {
    if (i < bits.length && bits[i] === (bits[i - 1] as Bit) + 2) continue;
    text += `${bits[start]}+${i - start} `;
    start = i;
  }
  return text;
}
