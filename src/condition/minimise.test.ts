import { describe, expect, it, vi } from 'vitest';
import { rounds } from '../../test/support/effort.js';
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
    for (let seed = 1; seed <= rounds(120); seed++) {
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
    expect(dropped).toBeGreaterThan(8);
  });
});

/** A hash of many rounds of four words of the packet, and a guard on a few of its bits after each round. */
function hashFacts(rounds: number): Facts {
  const graph = new Graph();
  const detail = { kind: 'memory', space: 'packet', size: 4, map: -1, checked: false } as const;
  const load = (at: number): Value => graph.load(graph.pointer(graph.constant(0n)), BigInt(at), detail, 0, true);
  const words = [14, 18, 26, 30].map(load) as [Value, Value, Value, Value];
  const facts = new Facts();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 4; i++) {
      const [a, b] = [words[i] as Value, words[(i + 1) % 4] as Value];
      const mixed = graph.make('mul32', graph.make('xor', a, b), graph.constant(0x85ebca6bn));
      words[i] = graph.make('add32', mixed, graph.make('shr', b, graph.constant(13n)));
    }
    const asked = graph.and(words[round % 4] as Value, graph.constant(7n));
    facts.assert(graph.make('eq', asked, graph.constant(BigInt(round % 8))), round % 3 === 0);
  }
  return facts;
}

describe('a condition over a hash', () => {
  it('is searched in steps that grow with the hash, not with the paths through it', () => {
    const stepsOf = (rounds: number): number => {
      const facts = hashFacts(rounds);
      const bitsOf = vi.spyOn(facts.sources, 'bitsOf');
      expect(minimise(facts).parts.length).toBeGreaterThan(rounds / 2);
      return bitsOf.mock.calls.length;
    };
    const [few, many] = [stepsOf(20), stepsOf(200)];
    expect(many).toBeLessThan(20 * few);
  });

  it('gives the equations of four rounds, and of hundreds their number and what they begin with', () => {
    const short = pathCondition(hashFacts(4), names);
    expect(short.computed.length).toBeGreaterThan(4);
    expect(short.computed.every(({ text }) => !/operations on/.test(text))).toBe(true);
    const long = pathCondition(hashFacts(200), names);
    const told = long.computed.filter(({ text }) => /^\d+ operations on \S/.test(text));
    expect(told.length).toBeGreaterThan(100);
    expect(long.computed.map(({ text }) => text).join('').length).toBeLessThan(40_000);
    // Every name that is used is told of.
    const named = new Set(long.computed.map(({ name }) => name));
    for (const [name] of long.text.matchAll(/\bf\d+\b/g)) expect(named).toContain(name);
  });
});
