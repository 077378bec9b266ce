/** Fewer variables by what is known to be equal: Gauss's elimination over formulas. */
import { type Linear, plus } from './linear.js';

/** Coefficients below this are rounding. */
const tiny = 1e-9;

/**
 * Formulas for variables that follow from the others, given expressions that are 0. `rank`: of two variables the one
 * with the lower rank is done without. Flow through code makes coefficients of 1 and -1 only, but for calls from
 * several places, so nothing is lost to rounding.
 */
export function eliminate(zeros: readonly Linear[], rank: (name: string) => number): ReadonlyMap<string, Linear> {
  const known = new Map<string, Linear>();
  for (const zero of zeros) {
    const left = substitute(zero, known);
    const names = [...left.terms.keys()].filter((name) => Math.abs(left.terms.get(name) ?? 0) > tiny);
    const pivot = names.sort((a, b) => rank(a) - rank(b))[0];
    if (pivot === undefined) continue;
    const coefficient = left.terms.get(pivot) as number;
    const terms = new Map([...left.terms].filter(([name]) => name !== pivot));
    const solved = scaled({ constant: left.constant, terms }, -1 / coefficient);
    for (const [name, value] of known) known.set(name, substitute(value, new Map([[pivot, solved]])));
    known.set(pivot, solved);
  }
  return known;
}

/** The formula with known variables replaced by what they are. */
export function substitute(formula: Linear, known: ReadonlyMap<string, Linear>): Linear {
  let result: Linear = { constant: formula.constant, terms: new Map() };
  for (const [name, coefficient] of formula.terms) {
    const value = known.get(name);
    result = plus(result, value ?? { constant: 0, terms: new Map([[name, 1]]) }, coefficient);
  }
  return result;
}

function scaled({ constant, terms }: Linear, factor: number): Linear {
  return { constant: constant * factor, terms: new Map([...terms].map(([name, value]) => [name, value * factor])) };
}
