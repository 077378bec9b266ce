/** Words for bits: what they are called, and how that name's number stands to them. */
import type { FieldFormat } from '../packet/index.js';
import type { ByteRun } from './byte-run.js';

/** How a subject reads: its name and how its values are written. */
export interface Words {
  readonly text: string;
  readonly format: FieldFormat;
  /** Bits that the number in the text has below those that are meant: 4 in `(pkt[46:1] & 0xf0)`. Default 0. */
  readonly shift?: number;
  /** With a shift: the bits that are meant as the number that they are: `(pkt[46:1] >> 4)`. */
  readonly number?: string;
  /** The text names just the bits that are meant, a part of their bytes: `ip.ihl`, `flows.value.blocked`. */
  readonly isPart?: boolean;
}

/** Bytes with a mask, told by what they are called. */
export function masked(name: string, { mask, width }: ByteRun): Words {
  const shift = zerosBelow(mask);
  const text = `(${name} & 0x${mask.toString(16)})`;
  const reachesTop = mask + (1n << BigInt(shift)) === 1n << BigInt(8 * width);
  return { text, format: 'hex', shift, number: reachesTop ? `(${name} >> ${shift})` : `(${text} >> ${shift})` };
}

/** The bits that are meant, times a power of two. */
export function scaled({ text, shift = 0, number = text }: Words, zeros: number): string {
  if (zeros === shift) return text;
  const own = shift === 0 ? text : number;
  return zeros === 0 ? own : `${own} * ${2 ** zeros}`;
}

/** How many bits below the lowest one of a mask are not in it. */
export function zerosBelow(mask: bigint): number {
  let n = 0;
  while (mask !== 0n && ((mask >> BigInt(n)) & 1n) === 0n) n++;
  return n;
}
