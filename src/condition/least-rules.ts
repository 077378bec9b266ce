/**
 * Fewer rules that do the same, as espresso makes fewer terms of a sum: rules are expanded as far as nobody else's
 * packets are touched, and what others then cover is dropped. Priorities help: a rule that sends packets to the host
 * only has to spare those that a rule behind it would take, since whatever no rule takes is the host's anyway.
 *
 * Rules of traces stay exact, since their packets are those of a condition; two of them that differ in one bit alone,
 * or whose lengths meet, are one.
 */
import type { Rule } from './rule-table.js';
import { coversKey, intersectKeys, type Lengths, type RowKey } from './ternary-rows.js';

/** Longer tables are for no card, and each rule is held against all others. */
const mostRules = 2048;

/** Rules in order of priority that decide each packet as the given ones do. */
export function leastRules(rules: readonly Rule[]): Rule[] {
  if (rules.length > mostRules) return withoutCovered(rules);
  let least = withoutCovered(joined(rules));
  for (let size = Number.POSITIVE_INFINITY; least.length < size; ) {
    size = least.length;
    least = withoutIdle(withoutCovered(expanded(least)));
  }
  return least;
}

/** Is there anything that both match? */
function doMeet(a: RowKey, b: RowKey): boolean {
  if (
    a.lengths !== undefined &&
    b.lengths !== undefined &&
    (a.lengths.lo > b.lengths.hi || b.lengths.lo > a.lengths.hi)
  )
    return false;
  const [few, many] = a.bits.size <= b.bits.size ? [a.bits, b.bits] : [b.bits, a.bits];
  for (const [bit, value] of few) if ((many.get(bit) ?? value) !== value) return false;
  return true;
}

const toHost = (rule: Rule): boolean => rule.trace === undefined;

/** Rules of a trace in the place of two, where none between them has any of the packets. */
function joined(rules: readonly Rule[]): Rule[] {
  const left = [...rules];
  for (let i = 0; i < left.length; i++) {
    for (let j = i + 1; j < left.length; j++) {
      const [first, second] = [left[i] as Rule, left[j] as Rule];
      if (first.trace !== second.trace || toHost(first)) continue;
      const both = unionOf(first, second);
      if (both === undefined || left.slice(i + 1, j).some((rule) => doMeet(rule, second))) continue;
      left[i] = { ...first, ...both };
      left.splice(j, 1);
      // What has grown may meet others.
      j = i;
    }
  }
  return left;
}

/** The one key that matches just what two match; undefined: there is none. */
function unionOf(a: RowKey, b: RowKey): RowKey | undefined {
  if (a.bits.size !== b.bits.size) return undefined;
  let differs: number | undefined;
  for (const [bit, value] of a.bits) {
    const other = b.bits.get(bit);
    if (other === undefined) return undefined;
    if (other === value) continue;
    if (differs !== undefined) return undefined;
    differs = bit;
  }
  const isSame = a.lengths?.lo === b.lengths?.lo && a.lengths?.hi === b.lengths?.hi;
  if (differs !== undefined) {
    if (!isSame) return undefined;
    const bits = new Map(a.bits);
    bits.delete(differs);
    return { bits, lengths: a.lengths };
  }
  return isSame ? a : meeting(a, b);
}

/** Two ranges of lengths without a gap between them. */
function meeting({ bits, lengths: a }: RowKey, { lengths: b }: RowKey): RowKey | undefined {
  if (a === undefined || b === undefined || a.lo > b.hi + 1 || b.lo > a.hi + 1) return undefined;
  const lengths: Lengths = { lo: Math.min(a.lo, b.lo), hi: Math.max(a.hi, b.hi) };
  return { bits, lengths };
}

/** Rules to the host look at no more than keeps them from packets that a rule behind them takes. */
function expanded(rules: readonly Rule[]): Rule[] {
  const result = [...rules];
  for (const [at, rule] of result.entries()) {
    if (!toHost(rule)) continue;
    const before = result.slice(0, at).filter((other) => !other.conditional);
    // Whom of those behind the rule it must not take packets from, and whether a rule to the host has them already.
    const spares = (key: RowKey): boolean =>
      result.every((taker, place) => {
        if (place <= at || toHost(taker) || !doMeet(key, taker)) return true;
        const both = intersectKeys(key, taker);
        if (both === undefined || coversKey(rule, both) || before.some((other) => coversKey(other, both))) return true;
        return result.some((other, i) => i > at && i < place && toHost(other) && coversKey(other, both));
      });
    let key: RowKey = rule;
    const attempt = (wider: RowKey): void => {
      if (spares(wider)) key = wider;
    };
    if (key.lengths !== undefined) attempt({ bits: key.bits, lengths: undefined });
    for (const bit of rule.bits.keys()) {
      const bits = new Map(key.bits);
      bits.delete(bit);
      attempt({ bits, lengths: key.lengths });
    }
    result[at] = { ...rule, ...key };
  }
  return result;
}

/** Without rules all of whose packets those before them have decided. */
function withoutCovered(rules: readonly Rule[]): Rule[] {
  return rules.filter((rule, at) => !rules.slice(0, at).some((other) => !other.conditional && coversKey(other, rule)));
}

/** Without rules to the host that keep no packet from any rule behind them. */
function withoutIdle(rules: readonly Rule[]): Rule[] {
  return rules.filter(
    (rule, at) => !toHost(rule) || rules.slice(at + 1).some((other) => !toHost(other) && doMeet(rule, other)),
  );
}
