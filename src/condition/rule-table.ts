/**
 * The traces of one program as one list of ternary rules with priorities, as rule tables for cards and switches are
 * written down: the first rule that matches decides. A rule of a trace whose condition has more to it than rows can
 * say (state, computed values) matches only if that holds too.
 *
 * Rows that exclude (see ternary-rows.ts) send a packet to the host, so they must not stand in front of another
 * trace's rows for the same packets. Traces are put in an order in which they do not; where there is none, a trace is
 * written without such rows.
 */

import type { Facts } from './facts.js';
import { leastRules } from './least-rules.js';
import {
  coversKey,
  intersectKeys,
  type RowKey,
  type TernaryRow,
  type TernaryRows,
  ternaryRows,
} from './ternary-rows.js';

/** One line of a rule table; its priority is its place in the list. */
export interface Rule extends RowKey {
  /** Position of the trace in the list that was given; undefined: to the host. */
  readonly trace: number | undefined;
  /** The trace that the rule was made for. */
  readonly owner: number;
  /** True if the rule matches only where the trace's state and residual conditions hold. */
  readonly conditional: boolean;
  /** True if not even all of the trace's ternary conditions are in the bits, since that would take too many rules. */
  readonly isPartial: boolean;
}

/** Rows of one trace that has to do without excluding ones. */
const mostRows = 256;

/** How a table is written. */
export interface RuleOptions {
  /** A trace that would take more without excluding rows is written as a partial one. */
  readonly maxRows?: number;
  /** For a card that compares lengths as ranges. Default false: they are bits like others. */
  readonly lengthRanges?: boolean;
}

/** Rules in order of priority, as few as leave each packet to who would have it ({@link leastRules}). */
export function ruleTable(traces: readonly Facts[], options: RuleOptions = {}): Rule[] {
  const { maxRows = mostRows, lengthRanges = false } = options;
  const sets = traces.map((facts) => ternaryRows(facts, { lengthRanges }));
  const rows = sets.map((set) => set.rows);
  const order: number[] = [];
  const left = new Set(traces.keys());
  // For each trace, those whose packets its excluding rows would take; what has been put in order does not count any
  // more.
  const inFrontOf = rows.map((own, t) => [...rows.keys()].filter((u) => u !== t && shadows(own, rows[u] ?? [])));
  const plain = new Map<number, TernaryRows>();
  const withoutExcluding = (t: number): TernaryRows => {
    const known = plain.get(t) ?? ternaryRows(traces[t] as Facts, { priorities: false, maxRows, lengthRanges });
    plain.set(t, known);
    return known;
  };
  while (left.size > 0) {
    // Next comes a trace whose excluding rows take nothing from those still to come; else the one that takes fewest
    // rows when it is written without them.
    const next = [...left].find((t) => !inFrontOf[t]?.some((u) => left.has(u)));
    const chosen =
      next ?? [...left].reduce((x, y) => (withoutExcluding(y).rows.length < withoutExcluding(x).rows.length ? y : x));
    if (next === undefined) {
      sets[chosen] = withoutExcluding(chosen);
      rows[chosen] = withoutExcluding(chosen).rows;
    }
    order.push(chosen);
    left.delete(chosen);
  }
  const rules: Rule[] = [];
  for (const t of order) {
    for (const { accept, bits, lengths } of rows[t] ?? []) {
      const conditional = accept && (sets[t]?.residual ?? 0) > 0;
      const isPartial = conditional && sets[t]?.isPartial === true;
      rules.push({ trace: accept ? t : undefined, owner: t, bits, lengths, conditional, isPartial });
    }
  }
  return leastRules(rules);
}

/** True if a row of `a` that excludes may match a packet that `b` accepts. */
function shadows(a: readonly TernaryRow[], b: readonly TernaryRow[]): boolean {
  const denied = b.filter((row) => !row.accept);
  return a.some(
    (row) =>
      !row.accept &&
      b.some((other) => {
        if (!other.accept) return false;
        const both = intersectKeys(row, other);
        return both !== undefined && !denied.some((excluded) => coversKey(excluded, both));
      }),
  );
}
