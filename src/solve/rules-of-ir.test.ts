/**
 * Each rule of src/ir/rules proved with z3: a seeded search finds expressions that the rule fires on, and for each of
 * them the solver is asked for inputs that tell the expression from what the rule makes of it. There must be none.
 * Constants are samples; everything else is free.
 */

import { describe, expect, it } from 'vitest';
import { haveSolver, theSolver, whyNot } from '../../test/support/solver.js';
import { Graph, isConst, mask64, type OpName, opNames, opTable, resultOnes, type Value } from '../ir/index.js';
import { rules, selectRules } from '../ir/rules/index.js';
import { Prng } from '../packet/index.js';
import { Terms, ValueTerms } from './index.js';

const binary = opNames.filter((op) => opTable[op].evaluate !== undefined && opTable[op].arity === 2);
const unary = opNames.filter((op) => opTable[op].evaluate !== undefined && opTable[op].arity === 1);
const samples = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  14n,
  16n,
  24n,
  31n,
  32n,
  40n,
  48n,
  56n,
  63n,
  64n,
  0x7fn,
  0x80n,
  0xffn,
  0xff00n,
  0xfffen,
  0xffffn,
  0x10000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  1n << 63n,
  mask64 - 1n,
  mask64,
  mask64 - 0xffn,
];

/** Instances of each rule that are proved. */
const wanted = 4;
const attempts = 400_000;

interface Instance {
  readonly rule: string;
  readonly before: Value;
  readonly after: Value;
}

/** Leaves (some of few bits) and constants, and operations on them; `g` folds nothing, so shapes stay as they are. */
function pools(g: Graph): readonly (readonly Value[])[] {
  const leaves = [g.environment(5), g.environment(118), g.length, g.ctxField(12), g.ctxField(16)];
  const constants = samples.map((sample) => g.constant(sample));
  const all = [...leaves];
  const special: Value[] = [];
  const raw = (op: OpName, args: readonly Value[]): Value => g.literal(op, args, 0n, undefined, mask64, true);
  for (const leaf of leaves) {
    for (const op of unary) special.push(raw(op, [leaf]));
    for (const c of [0n, 9n, 14n]) special.push(raw('sub', [g.constant(c), leaf]));
    for (const c of [4n, 8n, 16n]) special.push(raw('shl', [leaf, g.constant(c)]));
    all.push(raw('ptr', [leaf]));
    for (const op of binary) {
      for (const constant of constants) {
        if (isCount(op) && constant.imm > 63n) continue;
        all.push(raw(op, [leaf, constant]));
      }
      for (const other of leaves) all.push(raw(op, [leaf, other]));
    }
    for (const c of [0n, 4n, 14n, 34n, mask64 - 13n]) all.push(raw('ptr', [raw('add', [leaf, g.constant(c)])]));
  }
  for (const c of [0n, 14n, mask64 - 19n]) all.push(raw('ptr', [g.constant(c)]));
  for (const [c, d] of [
    [8n, 0xffn],
    [16n, 0xffffn],
    [32n, 0xffff_ffffn],
  ] as const) {
    const shifted = raw('shr', [leaves[0] as Value, g.constant(c)]);
    const masked = raw('and', [shifted, g.constant(d)]);
    all.push(
      masked,
      raw('shl', [masked, g.constant(c)]),
      raw('or', [leaves[1] as Value, raw('and', [leaves[0] as Value, g.constant(d)])]),
    );
  }
  return [all, constants, special];
}

const isCount = (op: OpName): boolean => op.startsWith('sh') || op.startsWith('sar');

/** Shapes that the search is unlikely to meet. */
function rareShapes(g: Graph): readonly (readonly [OpName, Value, Value])[] {
  const [x, y] = [g.environment(5), g.environment(118)];
  const raw = (op: OpName, a: Value, b: Value): Value => g.literal(op, [a, b], 0n, undefined, mask64, true);
  const and = (a: Value, c: bigint): Value => raw('and', a, g.constant(c));
  return [
    ['or', raw('or', y, and(x, 0xffn)), and(x, 0xff00n)],
    ['or', raw('or', and(y, 0x70n), and(x, 0xffn)), and(x, 0x3n)],
    ['shl', and(raw('shr', x, g.constant(8n)), 0xffn), g.constant(8n)],
    ['shl', and(raw('shr', x, g.constant(40n)), mask64), g.constant(40n)],
    ['eq', g.pointer(g.length), g.constant(0n)],
    ['eq', g.data(1), g.constant(0n)],
    ['eq', g.frame(0), g.constant(0n)],
    ['eq', g.element(1, g.environment(5)), g.constant(0n)],
    ['eq', g.pointer(g.constant(mask64 - 15n)), g.constant(0n)],
  ];
}

function findInstances(): Map<string, Instance[]> {
  const g = new Graph({ fold: false });
  // What a rule makes is folded no further: each is proved by itself.
  const values = pools(g);
  const prng = new Prng(7);
  const found = new Map<string, Instance[]>();
  for (const [op, list] of Object.entries(rules)) for (const rule of list) found.set(`${op}: ${rule.identity}`, []);
  const pick = (): Value => {
    const list = values[prng.below(values.length)] as readonly Value[];
    return list[prng.below(list.length)] as Value;
  };
  const targets = opNames.filter((op) => (rules[op] ?? []).length > 0);
  const attempt = (op: OpName, a: Value, b: Value): void => {
    for (const rule of rules[op] ?? []) {
      const instances = found.get(`${op}: ${rule.identity}`) as Instance[];
      if (instances.length >= wanted) continue;
      const after = rule.apply(g, a, b, op);
      if (after === undefined) continue;
      const args = opTable[op].arity === 2 ? [a, b] : [a];
      instances.push({ rule: rule.identity, before: g.literal(op, args, 0n, undefined, mask64, true), after });
    }
  };
  for (const [op, a, b] of rareShapes(g)) attempt(op, a, b);
  for (let i = 0; i < attempts; i++) {
    const op = targets[i % targets.length] as OpName;
    let a = pick();
    // Many rules are about one value on both sides.
    const related = [pick(), a, a.args[0], a.args[1]][prng.below(4)] ?? pick();
    let b = opTable[op].arity === 2 ? related : a;
    if (prng.below(2) === 0 && opTable[op].arity === 2) [a, b] = [b, a];
    if (opTable[op].commutative === true && isConst(a)) [a, b] = [b, a];
    if ((isConst(a) && isConst(b)) || (isCount(op) && isConst(b) && b.imm > (op.endsWith('32') ? 31n : 63n))) continue;
    attempt(op, a, b);
  }
  const [c, x, y] = [g.make('ult', g.environment(5), g.environment(118)), g.length, g.ctxField(12)];
  const [zero, one] = [g.constant(0n), g.constant(1n)];
  const choices = [
    [c, x, x],
    [zero, x, y],
    [one, x, y],
    [c, one, zero],
    [c, zero, one],
  ] as const;
  for (const rule of selectRules) {
    const instances: Instance[] = [];
    found.set(`select: ${rule.identity}`, instances);
    for (const args of choices) {
      const after = rule.apply(g, ...args);
      if (after !== undefined)
        instances.push({ rule: rule.identity, before: g.literal('select', args, 0n, undefined, mask64, true), after });
    }
  }
  return found;
}

describe('the rules', () => {
  it.skipIf(!haveSolver)(
    `hold for all values: none of their instances has a counterexample${whyNot}`,
    async () => {
      const found = findInstances();
      const without = [...found].filter(([, instances]) => instances.length === 0).map(([name]) => name);
      expect(without, 'rules that the search does not reach').toEqual([]);
      const all = [...found].flatMap(([name, instances]) => instances.map((instance) => ({ ...instance, rule: name })));
      const terms = new Terms();
      const values = new ValueTerms(terms);
      // The packet lies in guest memory, with room for what can be in front of it and behind.
      const placed = [
        terms.ule(terms.bits(64, 0x20000), values.packetStart),
        terms.ule(values.packetStart, terms.bits(64, 0xbffe_0000n)),
      ];
      const questions = all.map(({ before, after }) => [terms.distinct(values.term(before), values.term(after))]);
      const answers = await theSolver().checkEach(placed, questions);
      expect(all.map(({ rule }, i) => `${rule}: ${answers[i]}`).filter((line) => !line.endsWith(': unsat'))).toEqual(
        [],
      );
    },
    300_000,
  );

  it('leave no bit that the table of bits does not expect', () => {
    for (const instance of [...findInstances().values()].flat()) {
      const { before } = instance;
      const [a, b] = before.args;
      if (before.op !== 'select') expect(before.ones).toBe(resultOnes(before.op, a, b ?? a));
    }
  });
});
