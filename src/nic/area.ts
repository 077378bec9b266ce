/**
 * What a card would take of an FPGA, in six-input look-up tables: an estimate from costs of single operations that
 * were measured with open tools (yosys 0.23, UltraScale+) and from published cores. It is there to compare cards with
 * each other; shell, network and link controllers are left out, and memories are no look-up tables.
 */
import { type CardDescription, numberOf, wordOf } from './description.js';

/** Look-up tables of a card, by part. */
export interface CardArea {
  readonly luts: number;
  readonly parts: readonly { readonly name: string; readonly luts: number }[];
}

/** A ternary match of 16 bytes, the condition a constant or loaded at run time. */
const match = { constant: 6, ternary: 73, none: 0 } as const;

/**
 * A slot of a stage that can do any operation of a trace: 64-bit addition (64), equality of registers (46), less-than
 * (44), shift by a variable (213), and one table a bit for logic and choice (64).
 */
const slot = 64 + 46 + 44 + 213 + 64;

/** hXDP's core with four lanes (OSDI 2020: 27k LUT on a Virtex-7); others are taken to grow with their lanes. */
const lane = 27_000 / 4;

/** Undefined for cards that are no FPGA. */
export function areaOf(card: CardDescription): CardArea | undefined {
  if (card.kind === 'manycore') return undefined;
  const kind = wordOf(card, 'front.match') as keyof typeof match;
  const cells = numberOf(card, 'front.entries') * Math.ceil(numberOf(card, 'front.key_bits') / 128);
  const lanes = numberOf(card, 'units.cores') * numberOf(card, 'units.lanes');
  const parts = [
    { name: 'match table', luts: cells * match[kind] },
    card.kind === 'vliw'
      ? { name: 'core', luts: Math.round(lanes * lane) }
      : { name: 'stages', luts: lanes * numberOf(card, 'units.stages') * slot },
  ];
  return { luts: parts.reduce((sum, { luts }) => sum + luts, 0), parts };
}
