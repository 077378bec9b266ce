/** Sums of a constant and multiples of named variables: what a contract's formulas are. */

/** `constant + sum of coefficient * variable`. No coefficient is 0. */
export interface Linear {
  readonly constant: number;
  readonly terms: ReadonlyMap<string, number>;
}

/** A number alone. */
export function constant(value: number): Linear {
  return { constant: value, terms: new Map() };
}

/** A multiple of one variable. */
export function variable(name: string, coefficient = 1): Linear {
  return { constant: 0, terms: coefficient === 0 ? new Map() : new Map([[name, coefficient]]) };
}

/** `left + factor * right`. */
export function plus(left: Linear, right: Linear, factor = 1): Linear {
  const terms = new Map(left.terms);
  for (const [name, coefficient] of right.terms) {
    const sum = (terms.get(name) ?? 0) + factor * coefficient;
    if (sum === 0) terms.delete(name);
    else terms.set(name, sum);
  }
  return { constant: left.constant + factor * right.constant, terms };
}

/** Its value; a variable that is not given is 0. */
export function evaluate({ constant: base, terms }: Linear, values: ReadonlyMap<string, number>): number {
  let sum = base;
  for (const [name, coefficient] of terms) sum += coefficient * (values.get(name) ?? 0);
  return sum;
}

/** The most that it can be: variables with a positive coefficient at their most, the others at their least. */
export function atMost(
  { constant: base, terms }: Linear,
  least: ReadonlyMap<string, number>,
  most: ReadonlyMap<string, number>,
): number {
  let sum = base;
  for (const [name, coefficient] of terms) sum += coefficient * ((coefficient > 0 ? most : least).get(name) ?? 0);
  return sum;
}

/** `41 + 12 n1 - 2 j1`. */
export function linearText({ constant: base, terms }: Linear, digits = 0): string {
  const number = (value: number): string => String(Number(value.toFixed(digits)));
  let text = base === 0 && terms.size > 0 ? '' : number(base);
  for (const [name, coefficient] of terms) {
    const size = Math.abs(coefficient);
    const factor = size === 1 ? name : `${number(size)} ${name}`;
    if (text === '') text = coefficient < 0 ? `-${factor}` : factor;
    else text += coefficient < 0 ? ` - ${factor}` : ` + ${factor}`;
  }
  return text;
}
