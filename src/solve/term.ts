/**
 * A term: one operation of SMT-LIB on other terms. Terms are made by {@link Terms} only, which hands out the same
 * object for the same operation on the same arguments: equal terms are identical, and a term's arguments always have
 * smaller numbers than it has.
 */
import { InternalError } from '../base/index.js';
import type { TermOp } from './operations.js';
import type { Sort } from './sort.js';

/** A node of a DAG: arguments are shared, nothing in it changes. */
export interface Term {
  /** Order of birth among the terms of one {@link Terms}. */
  readonly id: number;
  readonly op: TermOp;
  readonly sort: Sort;
  readonly args: readonly Term[];
  /** `const`: the value, unsigned, 0 or 1 for truth values. `extract`: the lowest bit that is taken. Else 0. */
  readonly value: bigint;
  /** Name of a `variable`, or of the function of an `apply`; else empty. */
  readonly name: string;
}

/** A term whose value is known, {@link Term.value}. */
export function isConstant(term: Term): boolean {
  return term.op === 'const';
}

/** Bits of a bit vector. Throws for other sorts. */
export function widthOf({ sort, op }: Term): number {
  if (sort.kind !== 'bits') throw new InternalError('solve', `\`${op}\` is no bit vector`);
  return sort.width;
}

/**
 * All terms that `roots` are made of, each once, arguments before what uses them; no recursion, whatever the depth.
 */
export function termsBelow(roots: Iterable<Term>): Term[] {
  const found = new Set<Term>();
  const open = [...roots];
  for (let term = open.pop(); term !== undefined; term = open.pop()) {
    if (found.has(term)) continue;
    found.add(term);
    open.push(...term.args);
  }
  return [...found].sort((a, b) => a.id - b.id);
}
