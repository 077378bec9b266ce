import { describe, expect, it } from 'vitest';
import { Graph, type Value } from '../ir/index.js';
import { Prng } from '../packet/index.js';
import { pathCondition } from './condition.js';
import { conjuncts } from './conjuncts.js';
import { Facts } from './facts.js';
import { minimise } from './minimise.js';
import { packetSupport } from './support.js';
import { ternaryRows } from './ternary-rows.js';

const names = {
  map: (map: number) => `map${map}`,
  program: (number: number) => `program ${number}`,
  value: () => undefined,
  location: () => 'somewhere',
  valueField: () => undefined,
  locationField: () => undefined,
};

/**
 * What guards of a path leave behind that tests a few bits of one byte over and over, so that some say nothing new.
 */
function factsOf(seed: number): Facts {
  const random = new Prng(seed);
  const graph = new Graph();
  const detail = { kind: 'memory', space: 'packet', size: 1, map: -1, checked: false } as const;
  const byte = graph.load(graph.pointer(graph.constant(0n)), 0n, detail, 0, true);
  const facts = new Facts();
  const x = random.below(8);
  const low = (value: Value, mask: number): Value => graph.and(value, graph.constant(BigInt(mask)));
  for (let i = 0; i < 6; i++) {
    const mask = 1 + random.below(7);
    const constant = random.below(8);
    const a = low(byte, mask);
    const b = random.chance(0.3)
      ? low(graph.make('shr', byte, graph.constant(1n)), 3)
      : graph.constant(BigInt(constant));
    const op = random.pick(['eq', 'ult', 'ule'] as const);
    const right = b.op === 'const' ? constant : (x >> 1) & 3;
    const left = x & mask;
    const holds = op === 'eq' ? left === right : op === 'ult' ? left < right : left <= right;
    const condition = graph.make(op, a, b);
    if (condition.op !== 'const' && facts.decide(condition) === undefined) facts.assert(condition, holds);
  }
  return facts;
}

/** All that a condition says, part by part. */
const partsOf = (facts: Facts): string[] =>
  conjuncts(facts).map((part) => {
    if (part.kind === 'bit') return `${part.literal.bit} is ${part.literal.value}`;
    if (part.kind === 'exclusion') return `not ${part.open.map(({ bit, value }) => `${bit}=${value}`).join()}`;
    if (part.kind === 'least' || part.kind === 'most') return `${part.kind} ${part.subject.key} ${part.bound}`;
    if (part.kind === 'gap') return `gap ${part.gap.subject.key} ${part.gap.lo} ${part.gap.hi}`;
    if (part.kind === 'compare')
      return `${part.compare.op} ${part.compare.a.id} ${part.compare.b.id} ${part.compare.holds}`;
    return part.kind;
  });

describe('reading a condition', () => {
  it('changes nothing of it, whoever reads first', () => {
    let dropped = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const facts = factsOf(seed);
      const before = partsOf(facts);
      const text = pathCondition(facts, names).text;
      expect(partsOf(facts), `seed ${seed}`).toEqual(before);
      const { rows, keyBits } = ternaryRows(facts);
      const other = factsOf(seed);
      expect(ternaryRows(other).rows, `seed ${seed}`).toEqual(rows);
      expect(ternaryRows(other).keyBits, `seed ${seed}`).toBe(keyBits);
      packetSupport(other);
      expect(pathCondition(other, names).text, `seed ${seed}`).toBe(text);
      if (minimise(facts).parts.length < before.length) dropped++;
    }
    // Else nothing was there to be dropped, and the test would say nothing.
    expect(dropped).toBeGreaterThan(20);
  });
});
