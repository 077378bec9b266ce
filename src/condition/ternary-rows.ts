/**
 * A path condition as the rows of a ternary table, as a TCAM or a list of rules holds it: the first row that matches
 * decides.
 *
 * Required bits are the *base*; every row has them. An exclusion is one row in front that says no (`eth.type ==
 * 0x86dd: not this trace`) instead of a row for each bit that may differ. A range is either the product of the base
 * with its prefixes, or rows in front for the prefixes of what lies outside, whichever is fewer: `len >= 34` is two
 * rows in front (0 to 31, 32 to 33) and not fourteen behind. What a row cannot say (state, computed values, fields at
 * variable offsets) is counted apart: a card evaluates it after the match.
 */
import type { Bit } from './bits.js';
import type { Facts } from './facts.js';
import { columnOf, type KeyBit, type KeyColumn, keyBitOf, lengthBits, mostLength } from './key-bits.js';
import { minimise } from './minimise.js';
import { isOpenGap, openExclusion, openRange } from './normal-form.js';
import { largestOf, literalOf, type Subject } from './subject.js';

/** The bits that a row looks at and what they must be. */
export type RowBits = ReadonlyMap<KeyBit, number>;

/** Lengths of packets, both ends included, as the range unit of a card compares them. */
export interface Lengths {
  readonly lo: number;
  readonly hi: number;
}

/** What a row looks at: bits, and the packet's length where that is compared as a range. */
export interface RowKey {
  readonly bits: RowBits;
  /** Undefined: any; always so where lengths are bits like others. */
  readonly lengths: Lengths | undefined;
}

/** One row: every bit of it has to be as it says. */
export interface TernaryRow extends RowKey {
  /** False: a packet that matches is not this condition's, whatever the rows behind it say. */
  readonly accept: boolean;
}

/** How rows are written. */
export interface RowOptions {
  /** False: only rows that accept, so they stand in any order. Default true. */
  readonly priorities?: boolean;
  /** What would make more rows is counted as residual. */
  readonly maxRows?: number;
  /** Bounds of the packet's length are ranges, as a card with a range unit for them has it. Default false: bits. */
  readonly lengthRanges?: boolean;
}

/** The rows of one condition, and what it would take to match by them. */
export interface TernaryRows {
  /** In order of priority; the first that matches decides. */
  readonly rows: readonly TernaryRow[];
  /** Bits that some row looks at: the width of the key. */
  readonly keyBits: number;
  /** Facts that rows cannot express. */
  readonly residual: number;
  /** Some of what rows can say is not in them, since it would have taken too many; counted as residual. */
  readonly isPartial: boolean;
}

/** A range as two lists of alternatives: inside of it, and outside. */
interface RangeRows {
  readonly inside: readonly RowBits[];
  readonly outside: readonly RowBits[];
}

/**
 * Ranges multiply: twenty of two prefixes each are a million rows. Nobody has a table for more than these of one
 * condition.
 */
const mostRows = 4096;

/**
 * Rows for what a table can hold of a condition. Without priorities there may be many more: each exclusion multiplies
 * them by its bits.
 */
export function ternaryRows(guards: Facts, options: RowOptions = {}): TernaryRows {
  const { priorities = true, maxRows = mostRows, lengthRanges = false } = options;
  const { facts, parts } = minimise(guards);
  let residual = parts.filter((part) => part.kind === 'found' || part.kind === 'compare').length;
  const base = new Map<KeyBit, number>();
  for (const [bit, value] of facts.required) {
    const key = keyBitOf(facts, bit);
    if (key === undefined) residual++;
    else base.set(key, value);
  }
  const denied: RowBits[] = [];
  for (const exclusion of facts.exclusions) {
    const open = openExclusion(facts, exclusion);
    if (open === undefined) continue;
    const row = rowOf(facts, open);
    if (row === undefined) residual++;
    else denied.push(row);
  }
  const ranges: RangeRows[] = [];
  const lengths = new LengthBounds();
  const isLength = (subject: Subject): boolean => lengthRanges && isWholeLength(facts, subject);
  const addRange = (subject: Subject, lo: bigint, hi: bigint): void => {
    if (isLength(subject)) {
      lengths.narrow(Number(lo), Number(hi));
      return;
    }
    const inside = prefixRows(facts, subject, lo, hi, base);
    const below = lo === 0n ? [] : prefixRows(facts, subject, 0n, lo - 1n, base);
    const above = prefixRows(facts, subject, hi + 1n, largestOf(subject), base);
    if (inside === undefined || below === undefined || above === undefined) residual++;
    else ranges.push({ inside, outside: [...below, ...above] });
  };
  for (const range of facts.ranges.values()) {
    const open = openRange(facts, range);
    if (open !== undefined) addRange(range.subject, open.lo ?? 0n, open.hi ?? largestOf(range.subject));
  }
  for (const gap of facts.gaps) {
    if (!isOpenGap(facts, gap)) continue;
    if (isLength(gap.subject)) {
      lengths.denied.push({ lo: Number(gap.lo), hi: Number(gap.hi) });
      continue;
    }
    const outside = prefixRows(facts, gap.subject, gap.lo, gap.hi, base);
    if (outside === undefined) residual++;
    else denied.push(...outside);
  }
  if (lengthRanges) lengths.takeFrom(base);
  const { rows, left } = priorities
    ? withPriorities(base, denied, ranges, lengths, maxRows)
    : withoutPriorities(base, denied, ranges, lengths, maxRows);
  const key = new Set<KeyBit>();
  for (const row of rows) for (const bit of row.bits.keys()) key.add(bit);
  return { rows, keyBits: key.size, residual: residual + left, isPartial: left > 0 };
}

/** What a condition says of the packet's length, for rows with ranges. */
class LengthBounds {
  /** Undefined: nothing. */
  bounds: Lengths | undefined;
  readonly denied: Lengths[] = [];

  narrow(lo: number, hi: number): void {
    this.bounds = { lo: Math.max(lo, this.bounds?.lo ?? 0), hi: Math.min(hi, this.bounds?.hi ?? mostLength) };
  }

  /** A length of which each bit is required is a range of one. */
  takeFrom(base: Map<KeyBit, number>): void {
    let length = 0;
    for (const [i, key] of lengthBits.entries()) {
      const value = base.get(key);
      if (value === undefined) return;
      length += value * 2 ** i;
    }
    for (const key of lengthBits) base.delete(key);
    this.narrow(length, length);
  }

  /** The bounds less what is denied. */
  allowed(): (Lengths | undefined)[] {
    if (this.denied.length === 0) return [this.bounds];
    const { lo, hi } = this.bounds ?? { lo: 0, hi: mostLength };
    const open: Lengths[] = [];
    let at = lo;
    for (const gap of [...this.denied].sort((a, b) => a.lo - b.lo)) {
      if (gap.lo > at) open.push({ lo: at, hi: Math.min(hi, gap.lo - 1) });
      at = Math.max(at, gap.hi + 1);
    }
    if (at <= hi) open.push({ lo: at, hi });
    return open;
  }
}

/** Is that the packet's length, all of it? */
function isWholeLength(facts: Facts, { bits }: Subject): boolean {
  return bits.length === lengthBits.length && bits.every((bit, i) => keyBitOf(facts, bit) === lengthBits[i]);
}

/** All bits of one row; undefined if one of them is no key bit. */
function rowOf(facts: Facts, literals: readonly { bit: Bit; value: number }[]): RowBits | undefined {
  const row = new Map<KeyBit, number>();
  for (const { bit, value } of literals) {
    const key = keyBitOf(facts, bit);
    if (key === undefined) return undefined;
    row.set(key, value);
  }
  return row;
}

/** The numbers from `lo` to `hi` as prefixes of the subject's bits; those that contradict `base` are left out. */
function prefixRows(facts: Facts, subject: Subject, lo: bigint, hi: bigint, base: RowBits): RowBits[] | undefined {
  const rows: RowBits[] = [];
  const width = BigInt(subject.bits.length);
  for (let at = lo; at <= hi; ) {
    // The largest aligned block that starts here and does not reach beyond.
    let free = 0n;
    while (free < width && (at >> free) % 2n === 0n && at + (2n << free) - 1n <= hi) free++;
    const literals = subject.bits
      .slice(Number(free))
      .map((bit, i) => literalOf(bit, Number((at >> (free + BigInt(i))) & 1n)));
    const row = consistentRow(facts, literals, base);
    if (row === undefined) return undefined;
    if (row !== 'empty') rows.push(row);
    at += 1n << free;
  }
  return rows;
}

/** Literals as a row: `empty` if they contradict one another or the base, undefined if some bit is not in the key. */
function consistentRow(
  facts: Facts,
  literals: readonly { bit: Bit; value: number }[],
  base: RowBits,
): RowBits | 'empty' | undefined {
  const row = new Map<KeyBit, number>();
  let empty = false;
  for (const { bit, value } of literals) {
    const key = keyBitOf(facts, bit);
    if (key === undefined) return undefined;
    if ((row.get(key) ?? base.get(key) ?? value) !== value) empty = true;
    row.set(key, value);
  }
  return empty ? 'empty' : row;
}

/** Rows that say no in front of rows that say yes: what is excluded costs one row each. */
function withPriorities(
  base: RowBits,
  denied: readonly RowBits[],
  ranges: readonly RangeRows[],
  { bounds: lengths, denied: deniedLengths }: LengthBounds,
  maxRows: number,
): RowList {
  const front = [...denied];
  const products: (readonly RowBits[])[] = [];
  // From the one that gains most by standing in front: what is left multiplies.
  for (const { inside, outside } of ranges) {
    if (inside.length > 1 && outside.length < inside.length) front.push(...outside);
    else products.push(inside);
  }
  const rows: TernaryRow[] = [];
  for (const row of front) {
    const bits = intersectRows(base, row);
    if (bits !== undefined) rows.push({ accept: false, bits, lengths });
  }
  for (const gap of deniedLengths) rows.push({ accept: false, bits: base, lengths: gap });
  const { alternatives, left } = fittingProduct(base, products, maxRows);
  for (const bits of alternatives) rows.push({ accept: true, bits, lengths });
  return { rows, left };
}

/** `left`: parts that would have made too many rows, and have to be evaluated after the match. */
interface RowList {
  readonly rows: TernaryRow[];
  readonly left: number;
}

/** For tables without priorities: exclusions multiply into alternatives that do not overlap. */
function withoutPriorities(
  base: RowBits,
  denied: readonly RowBits[],
  ranges: readonly RangeRows[],
  lengths: LengthBounds,
  maxRows: number,
): RowList {
  // Not all of these bits: the first that differs is the first, or the second, ...
  const differs = denied.map((row) => {
    const entries = [...row];
    return entries.map(
      ([bit, value], i): RowBits => new Map<KeyBit, number>([...entries.slice(0, i), [bit, 1 - value]]),
    );
  });
  const { alternatives, left } = fittingProduct(base, [...ranges.map(({ inside }) => inside), ...differs], maxRows);
  const rows = lengths
    .allowed()
    .flatMap((own) => alternatives.map((bits): TernaryRow => ({ accept: true, bits, lengths: own })));
  return { rows, left };
}

/**
 * One alternative of each list, joined with the base, in all ways that do not contradict; short lists first, as long
 * as it is not too many.
 */
function fittingProduct(
  base: RowBits,
  lists: readonly (readonly RowBits[])[],
  maxRows: number,
): { readonly alternatives: readonly RowBits[]; readonly left: number } {
  const sorted = [...lists].sort((a, b) => a.length - b.length);
  let alternatives: readonly RowBits[] = [base];
  for (const [fitting, list] of sorted.entries()) {
    const next: RowBits[] = [];
    for (const row of alternatives) {
      for (const other of list) {
        const both = intersectRows(row, other);
        if (both !== undefined) next.push(both);
      }
      if (next.length > maxRows) return { alternatives, left: sorted.length - fitting };
    }
    alternatives = next;
  }
  return { alternatives, left: 0 };
}

/** What matches both; undefined if nothing can. */
export function intersectRows(a: RowBits, b: RowBits): RowBits | undefined {
  const both = new Map(a);
  for (const [bit, value] of b) {
    if ((both.get(bit) ?? value) !== value) return undefined;
    both.set(bit, value);
  }
  return both;
}

/** What matches both rows; undefined if nothing can. */
export function intersectKeys(a: RowKey, b: RowKey): RowKey | undefined {
  const bits = intersectRows(a.bits, b.bits);
  if (bits === undefined) return undefined;
  const lo = Math.max(a.lengths?.lo ?? 0, b.lengths?.lo ?? 0);
  const hi = Math.min(a.lengths?.hi ?? mostLength, b.lengths?.hi ?? mostLength);
  if (lo > hi) return undefined;
  return { bits, lengths: a.lengths === undefined && b.lengths === undefined ? undefined : { lo, hi } };
}

/** True if all that matches `inner` matches `outer`. */
export function coversKey(outer: RowKey, inner: RowKey): boolean {
  for (const [bit, value] of outer.bits) if (inner.bits.get(bit) !== value) return false;
  const { lo, hi } = inner.lengths ?? { lo: 0, hi: mostLength };
  return (outer.lengths?.lo ?? 0) <= lo && hi <= (outer.lengths?.hi ?? mostLength);
}

/** A cell of a row: the masked bits of one column, as the number that they are there. */
export interface TernaryCell {
  readonly column: KeyColumn;
  readonly mask: number;
  readonly value: number;
}

/** The cells of a row in the order of the key: packet bytes first. */
export function rowCells(bits: RowBits): TernaryCell[] {
  const cells: { column: KeyColumn; mask: number; value: number }[] = [];
  let name = '';
  for (const bit of [...bits.keys()].sort((a, b) => a - b)) {
    const { column, position } = columnOf(bit);
    const own = `${column.kind}${'offset' in column ? column.offset : ''}`;
    if (own !== name) {
      cells.push({ column, mask: 0, value: 0 });
      name = own;
    }
    const cell = cells.at(-1) as { mask: number; value: number };
    cell.mask += 2 ** position;
    if (bits.get(bit) === 1) cell.value += 2 ** position;
  }
  return cells;
}
