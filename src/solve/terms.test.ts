/** Terms mean the same whether they are simplified while they are made or not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import {
  arraySort,
  type BinaryOp,
  binaryOps,
  bitsSort,
  boolSort,
  evaluateTerm,
  evaluateTerms,
  type Model,
  type RelationOp,
  relationOps,
  type Term,
  Terms,
} from './index.js';
import { binaryRules, relationRules, type TermRule } from './rules.js';

/** How a term is made, so that it can be made twice. */
type Shape =
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly a: Shape; readonly b: Shape }
  | { readonly kind: 'unary'; readonly op: 'not' | 'neg'; readonly a: Shape }
  | { readonly kind: 'slice'; readonly low: number; readonly size: number; readonly signed: boolean; readonly a: Shape }
  | { readonly kind: 'glue'; readonly at: number; readonly a: Shape; readonly b: Shape }
  | {
      readonly kind: 'choice';
      readonly op: RelationOp;
      readonly not: boolean;
      readonly args: readonly [Shape, Shape, Shape, Shape];
    }
  | { readonly kind: 'memory'; readonly writes: readonly (readonly [Shape, Shape])[]; readonly at: Shape }
  | { readonly kind: 'call'; readonly a: Shape };

const width = 8;

const { shape } = fc.letrec<{ shape: Shape }>((tie) => {
  const inner = tie('shape');
  return {
    shape: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      fc.record({ kind: fc.constant('variable' as const), name: fc.constantFrom('x', 'y') }),
      fc.record({
        kind: fc.constant('constant' as const),
        value: fc.constantFrom(0n, 1n, 2n, 3n, 7n, 8n, 0x0fn, 0x7fn, 0x80n, 0xfen, 0xffn),
      }),
      fc.record({ kind: fc.constant('binary' as const), op: fc.constantFrom(...binaryOps), a: inner, b: inner }),
      fc.record({ kind: fc.constant('unary' as const), op: fc.constantFrom('not' as const, 'neg' as const), a: inner }),
      fc.record({
        kind: fc.constant('slice' as const),
        low: fc.integer({ min: 0, max: 7 }),
        size: fc.integer({ min: 1, max: 8 }),
        signed: fc.boolean(),
        a: inner,
      }),
      fc.record({ kind: fc.constant('glue' as const), at: fc.integer({ min: 1, max: 7 }), a: inner, b: inner }),
      fc.record({
        kind: fc.constant('choice' as const),
        op: fc.constantFrom(...relationOps),
        not: fc.boolean(),
        args: fc.tuple(inner, inner, inner, inner),
      }),
      fc.record({
        kind: fc.constant('memory' as const),
        writes: fc.array(fc.tuple(inner, inner), { maxLength: 3 }),
        at: inner,
      }),
      fc.record({ kind: fc.constant('call' as const), a: inner }),
    ) as fc.Arbitrary<Shape>,
  };
});

function build(t: Terms, s: Shape): Term {
  switch (s.kind) {
    case 'variable':
      return t.unknown(s.name, width);
    case 'constant':
      return t.bits(width, s.value);
    case 'binary':
      return t.binary(s.op, build(t, s.a), build(t, s.b));
    case 'unary':
      return s.op === 'not' ? t.not(build(t, s.a)) : t.neg(build(t, s.a));
    case 'slice': {
      const part = t.extract(build(t, s.a), Math.min(s.low + s.size, width) - 1, s.low);
      return s.signed ? t.signExtend(part, width) : t.zeroExtend(part, width);
    }
    case 'glue':
      return t.concat(t.extract(build(t, s.a), s.at - 1, 0), t.extract(build(t, s.b), width - 1, s.at));
    case 'choice': {
      const [a, b, c, d] = s.args.map((arg) => build(t, arg)) as [Term, Term, Term, Term];
      const p = t.relation(s.op, a, b);
      // A choice between truth values, too.
      const q = t.ite(p, t.ult(c, d), t.any([t.eq(a, d), t.eq(b, c)]));
      return t.ite(s.not ? t.no(p) : t.all([q, p]), c, d);
    }
    case 'memory': {
      let array = t.variable('m', arraySort(width, width));
      for (const [at, value] of s.writes) array = t.store(array, build(t, at), build(t, value));
      return t.select(array, build(t, s.at));
    }
    case 'call':
      return t.apply('f', width, [build(t, s.a)]);
  }
}

const all = Array.from({ length: 256 }, (_, i) => BigInt(i));
const memory = new Map(all.map((i) => [i, (i * 37n + 11n) & 0xffn]));
const results = new Map(all.map((i) => [String(i), (i * 91n + 5n) & 0xffn]));

function modelOf(x: bigint, y: bigint): Model {
  return {
    values: new Map([
      ['x', x],
      ['y', y],
    ]),
    arrays: new Map([['m', memory]]),
    functions: new Map([['f', results]]),
  };
}

describe('terms', () => {
  it('have one value, simplified or not', () => {
    const byte = fc.bigInt({ min: 0n, max: 255n });
    fc.assert(
      fc.property(shape, byte, byte, (s, x, y) => {
        const model = modelOf(x, y);
        const plain = evaluateTerm(build(new Terms({ simplify: false }), s), model);
        expect(evaluateTerm(build(new Terms(), s), model)).toBe(plain);
      }),
      { numRuns: rounds(800), seed: 11 },
    );
  });

  it('that are equal are one object, and commutative ones in either order', () => {
    const t = new Terms();
    const [x, y] = [t.unknown('x', 32), t.unknown('y', 32)];
    expect(t.add(x, y)).toBe(t.add(y, x));
    expect(t.add(t.add(x, t.bits(32, 4)), t.bits(32, -4))).toBe(x);
    expect(t.eq(t.add(x, t.bits(32, 1)), t.add(x, t.bits(32, 2)))).toBe(t.false);
  });

  it('see through memory: what was stored is loaded, and stores elsewhere on the same base do not count', () => {
    const t = new Terms();
    const base = t.unknown('fp', 64);
    const memory = t.variable('stack', arraySort(64, 8));
    const at = (offset: number): Term => t.add(base, t.bits(64, offset));
    const written = t.store(t.store(memory, at(-8), t.unknown('a', 8)), at(-7), t.unknown('b', 8));
    expect(t.select(written, at(-8))).toBe(t.unknown('a', 8));
    expect(t.select(written, at(-6))).toBe(t.select(memory, at(-6)));
  });

  it('of mixed widths are refused where they are made', () => {
    const t = new Terms();
    expect(() => t.add(t.unknown('x', 8), t.unknown('y', 9))).toThrow('8 and 9 bits');
    expect(() => t.extract(t.unknown('x', 8), 8, 0)).toThrow('bits 8 to 0');
    expect(() => t.variable('x', boolSort)).toThrow('two sorts');
    expect(() => t.select(t.variable('m', arraySort(64, 8)), t.unknown('x', 8))).toThrow('no index');
    expect(t.variable('x', bitsSort(8))).toBe(t.unknown('x', 8));
  });

  it('obey each rule, and each rule is met', () => {
    // All pairs of small terms that rules look at.
    const small = (t: Terms): Term[] => {
      const [x, y] = [t.unknown('x', width), t.unknown('y', width)];
      const constants = [0, 1, 3, 5, 0xf0, 0xff].map((c) => t.bits(width, c));
      const p = t.ult(x, y);
      return [
        ...[x, y, ...constants, t.neg(x), t.not(x)],
        ...[1, 5, 0xff].map((c) => t.add(x, t.bits(width, c))),
        ...[2, 5].map((c) => t.add(y, t.bits(width, c))),
        ...[0x55, 0x3c].map((c) => t.and(x, t.bits(width, c))),
        t.zeroExtend(t.extract(x, 3, 0), width),
        t.ite(p, t.bits(width, 1), t.bits(width, 5)),
        t.ite(p, t.bits(width, 3), t.bits(width, 0)),
      ];
    };
    const truths = (t: Terms): Term[] => [t.true, t.false, t.ult(t.unknown('x', width), t.unknown('y', width))];
    const models = [0n, 1n, 4n, 0x35n, 0x80n, 0xfdn, 0xffn].flatMap((x) => [0n, 5n, 0xf0n].map((y) => modelOf(x, y)));
    const [made, plain] = [new Terms(), new Terms({ simplify: false })];
    const missed = new Map<string, readonly TermRule[]>(Object.entries({ ...binaryRules, ...relationRules }));
    const met = new Set<TermRule>();
    const compare = (op: BinaryOp | RelationOp, [a, b]: [Term, Term], [c, d]: [Term, Term]): void => {
      const w = a.sort.kind === 'bits' ? width : 0;
      for (const rule of missed.get(op) ?? []) if (rule.apply(made, a, b, w) !== undefined) met.add(rule);
      const both = isBinary(op)
        ? [made.binary(op, a, b), plain.binary(op, c, d)]
        : [made.relation(op, a, b), plain.relation(op, c, d)];
      for (const model of models) {
        const [simple, written] = evaluateTerms(both, model);
        expect(simple, `${op} of ${a.op} and ${b.op}`).toBe(written);
      }
    };
    for (const [terms, others, ops] of [
      [small(made), small(plain), [...binaryOps, ...relationOps]],
      [truths(made), truths(plain), ['=']],
    ] as [Term[], Term[], (BinaryOp | RelationOp)[]][])
      for (const [i, a] of terms.entries())
        for (const [j, b] of terms.entries())
          for (const op of ops) compare(op, [a, b], [others[i] as Term, others[j] as Term]);
    const rules = [...missed.values()].flat();
    expect(rules.filter((rule) => !met.has(rule)).map(({ identity }) => identity)).toEqual([]);
  });
});

function isBinary(op: BinaryOp | RelationOp): op is BinaryOp {
  return (binaryOps as readonly string[]).includes(op);
}
