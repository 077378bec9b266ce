/** What conditions cost a matcher: key bits and rows of each, and all of a program's as one table of rules. */

import { type Facts, rowCells, ternaryRows } from '../../condition/index.js';
import type { TraceRecord } from '../../runtime/index.js';

/** Of a figure over traces. */
export interface Spread {
  readonly median: number;
  readonly max: number;
}

/** What one program's conditions cost. */
export interface ConditionSize {
  /** Bits of the key that a trace's rows look at. */
  readonly bits: Spread;
  /** Ternary rows of a trace, ranges and exclusions expanded. */
  readonly rows: Spread;
  /** Guards that rows cannot express: state and computed values. */
  readonly residual: Spread;
  /** Different rows of all traces together. */
  readonly rules: number;
  /** Packet bytes that any of them looks at. */
  readonly keyBytes: number;
}

/** The figures over the traces that were recorded; those without a recording are left out. */
export function conditionSize(traces: readonly TraceRecord[]): ConditionSize {
  const facts = traces.map(({ trace }) => trace?.facts).filter((known): known is Facts => known !== undefined);
  const tables = facts.map((known) => ternaryRows(known));
  const bytes = new Set<number>();
  const rules = new Set<string>();
  for (const { rows } of tables) {
    // Rows of different traces that look the same are one rule; accepting and excluding rows are not.
    for (const { accept, bits } of rows) {
      const cells = rowCells(bits);
      rules.add(`${accept} ${JSON.stringify(cells)}`);
      for (const { column } of cells) if (column.kind === 'packet') bytes.add(column.offset);
    }
  }
  return {
    bits: spreadOf(tables.map(({ keyBits }) => keyBits)),
    rows: spreadOf(tables.map(({ rows }) => rows.length)),
    residual: spreadOf(tables.map(({ residual }) => residual)),
    rules: rules.size,
    keyBytes: bytes.size,
  };
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[Math.floor((sorted.length - 1) / 2)] ?? 0, max: sorted.at(-1) ?? 0 };
}
