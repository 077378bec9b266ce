/** What is known of conditions on a path: a list that shares its tail with the paths that it branched from. */
import type { Value } from './value.js';

export interface Fact {
  readonly condition: Value;
  readonly holds: boolean;
  readonly before: Fact | undefined;
  readonly length: number;
}

export function withFact(before: Fact | undefined, condition: Value, holds: boolean): Fact {
  return { condition, holds, before, length: (before?.length ?? 0) + 1 };
}

/** What both paths know: their common tail. */
export function commonFacts(a: Fact | undefined, b: Fact | undefined): Fact | undefined {
  let x = a;
  let y = b;
  while (x !== y) {
    if ((x?.length ?? 0) >= (y?.length ?? 0)) x = x?.before;
    else y = y?.before;
  }
  return x;
}

/** Whether the condition holds, if that follows. */
export function decide(facts: Fact | undefined, condition: Value): boolean | undefined {
  if (condition.op === 'const') return condition.imm !== 0n;
  for (let fact = facts; fact !== undefined; fact = fact.before) {
    const implied = imply(fact, condition);
    if (implied !== undefined) return implied;
  }
  return undefined;
}

function imply({ condition: known, holds }: Fact, asked: Value): boolean | undefined {
  if (known === asked) return holds;
  const [x, c] = known.args;
  const [y, d] = asked.args;
  if (x === undefined || c === undefined || x !== y || d === undefined) return undefined;
  if (c.op !== 'const' || d.op !== 'const') return undefined;
  if (known.op === 'eq' && holds) {
    // x = c
    if (asked.op === 'eq') return c.imm === d.imm;
    return asked.op === 'ult' ? c.imm < d.imm : undefined;
  }
  if (known.op !== 'ult') return undefined;
  if (holds) {
    // x < c
    if (asked.op === 'ult') return c.imm <= d.imm ? true : undefined;
    return asked.op === 'eq' && d.imm >= c.imm ? false : undefined;
  }
  // x >= c
  if (asked.op === 'ult') return d.imm <= c.imm ? false : undefined;
  return asked.op === 'eq' && d.imm < c.imm ? false : undefined;
}
