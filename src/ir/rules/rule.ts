/** What a rule is, and how rules look at values. */
import type { Graph } from '../graph.js';
import type { OpName } from '../ops.js';
import { signed, type Value } from '../value.js';

/**
 * `identity` is what it does, in words that a proof reads; `apply` returns the simpler value, or undefined where the
 * pattern is not there. Arguments are canonical: a constant is the second.
 */
export interface Rule {
  readonly identity: string;
  readonly apply: (g: Graph, a: Value, b: Value, op: OpName) => Value | undefined;
}

/** A rule of `select`, which has three arguments. */
export interface SelectRule {
  readonly identity: string;
  readonly apply: (g: Graph, condition: Value, yes: Value, no: Value) => Value | undefined;
}

/** Rules by operation. */
export type RuleTable = Partial<Record<OpName, readonly Rule[]>>;

/** Is it a constant? */
export const isC = (v: Value): boolean => v.op === 'const';
/** Is it the constant `c`? */
export const is = (v: Value, c: bigint): boolean => v.op === 'const' && v.imm === c;
/** First and second argument; only asked of operations that have them. */
export const arg0 = (v: Value): Value => v.args[0] as Value;
/** Second argument of an operation that has two. */
export const arg1 = (v: Value): Value => v.args[1] as Value;
/** Is it of operation `op`? */
export const has = (v: Value, op: OpName): boolean => v.op === op;
/** Is it of operation `op`, with a constant for its second argument? */
export const withConst = (v: Value, op: OpName): boolean => v.op === op && isC(arg1(v));

/** Symbolic part and signed constant part. */
export function splitOffset(value: Value): readonly [Value | undefined, bigint] {
  const [symbol, constant] = split(value);
  if (symbol.op === 'const') return [undefined, signed(symbol.imm) + constant];
  return [symbol, constant];
}

/** A value as a sum: what is no constant, and the signed constant that is added to it. */
export function split(value: Value): readonly [Value, bigint] {
  return withConst(value, 'add') ? [arg0(value), signed(arg1(value).imm)] : [value, 0n];
}
