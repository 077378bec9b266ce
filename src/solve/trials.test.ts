import { describe, expect, it } from 'vitest';
import { evaluateTerm } from './evaluate.js';
import { NearbySolver } from './nearby-solver.js';
import { binaryOps, relationOps } from './operations.js';
import { scanCode } from './scan-code.js';
import type { Term } from './term.js';
import { Terms } from './terms.js';
import { Trials } from './trials.js';

const noArrays = { arrays: new Map(), functions: new Map() };

/** Does the code find the numbers for which the evaluator says that the term holds? `at`: numbers to look at. */
function compare(root: Term, variable: Term, at: readonly number[]): void {
  const scan = scanCode(root, variable);
  if (scan === undefined) throw new Error('no code');
  for (const from of at) {
    const holds = Array.from({ length: scan.step }, (_, lane) =>
      evaluateTerm(root, { values: new Map([['x', BigInt((from + lane) >>> 0)]]), ...noArrays }),
    ).includes(1n);
    expect([root.op, from, scan.run(from | 0, 1)]).toEqual([root.op, from, holds ? from | 0 : -1]);
  }
}

const numbers = [0, 1, 2, 5, 0x7fff_fffe, 0x8000_0000, 0xdead_beef, 0xffff_fff0, 0x0001_0000, 77_777];

describe('a scan over numbers', () => {
  // Narrow terms go into lanes of vectors where the engine has them; one wide part, and all of it is numbers.
  for (const isWide of [false, true])
    it(`agrees with the evaluator on every operation${isWide ? ', with parts of 64 bits' : ''}`, () => {
      const t = new Terms({ simplify: false });
      const x = t.unknown('x', 32);
      const parity = (term: Term): Term => t.eq(t.extract(term, 0, 0), t.bits(1, 1));
      const roots: Term[] = [];
      const width = isWide ? 64 : 32;
      const a = isWide ? t.concat(x, t.not(x)) : t.add(x, t.bits(32, 0x1234_5678));
      const low = t.extract(a, 12, 0);
      for (const part of [a, low]) {
        const w = part === low ? 13 : width;
        for (const by of [3n, 1n, 0xfff9n]) {
          const constant = t.bits(w, by);
          for (const op of binaryOps) {
            if (op === 'bvsdiv' || op === 'bvsrem') continue;
            const isShift = op === 'bvshl' || op === 'bvlshr' || op === 'bvashr';
            const made = t.binary(op, part, constant);
            for (const bit of isShift || by !== 3n ? [0, w - 1] : [0, 5, w - 1])
              roots.push(t.eq(t.extract(made, bit, bit), t.bits(1, 1)));
          }
          for (const op of relationOps) roots.push(t.relation(op, part, constant));
        }
        roots.push(parity(t.neg(part)), parity(t.signExtend(t.extract(part, 7, 1), w)), t.no(parity(part)));
        roots.push(parity(t.ite(t.relation('bvslt', part, t.bits(w, 9)), t.not(part), part)));
        roots.push(t.eq(t.concat(t.extract(part, 9, 0), t.extract(part, 12, 10)), t.bits(13, 40)));
        // A rotation.
        roots.push(parity(t.concat(t.extract(part, w - 8, 0), t.extract(part, w - 1, w - 7))));
      }
      for (const root of roots) compare(root, x, numbers);
    });

  it('has no code for what needs more than one variable, or a division by one', () => {
    const t = new Terms();
    const [x, y] = [t.unknown('x', 32), t.unknown('y', 32)];
    expect(scanCode(t.eq(x, y), x)).toBeUndefined();
    expect(scanCode(t.eq(t.binary('bvudiv', t.bits(32, 7), x), t.bits(32, 7)), x)).toBeUndefined();
  });
});

/** The last mixing of Jenkins' hash of two words, which solvers do not undo. */
function jenkins(t: Terms, first: Term, second: Term): Term {
  const seed = t.bits(32, 0xdead_bf0f);
  const rotate = (x: Term, by: number): Term => t.concat(t.extract(x, 31 - by, 0), t.extract(x, 31, 32 - by));
  const mixed = (x: Term, with_: Term, by: number): Term => t.sub(t.binary('bvxor', x, with_), rotate(with_, by));
  let [a, b, c] = [t.add(first, seed), t.add(second, seed), seed];
  for (const [by, which] of [
    [14, 'c'],
    [11, 'a'],
    [25, 'b'],
    [16, 'c'],
    [4, 'a'],
    [14, 'b'],
    [24, 'c'],
  ] as const)
    if (which === 'c') c = mixed(c, b, by);
    else if (which === 'a') a = mixed(a, c, by);
    else b = mixed(b, a, by);
  return c;
}

describe('questions that are answered by trying', () => {
  const t = new Terms();
  const word = (name: string, high: number): Term =>
    t.concatAll([t.bits(16, high), t.unknown(`${name} 1`, 8), t.unknown(`${name} 0`, 8)]);
  const hash = (x: Term, y: Term, values: Map<string, bigint>): bigint =>
    evaluateTerm(jenkins(t, x, y), { values, ...noArrays });

  function toTheEnd(trials: Trials): Term[] {
    const all: Term[] = [];
    while (trials.isOpen) all.push(...trials.proceed().settled);
    return all;
  }

  it('finds what a hash makes a number of, which the solver gives up on', () => {
    const [x, y] = [word('x', 7), t.bits(32, 80)];
    const target = hash(
      x,
      y,
      new Map([
        ['x 1', 0x4an],
        ['x 0', 0xc3n],
      ]),
    );
    const wanted = t.eq(jenkins(t, x, y), t.bits(32, target));
    expect(new NearbySolver().solve([], wanted, new Map(), 20).verdict).toBe('unknown');
    const trials = new Trials(t);
    expect(trials.ask(wanted, new Map())).toBe('later');
    expect(trials.ask(wanted, new Map())).toBe('later');
    expect(toTheEnd(trials)).toEqual([wanted]);
    const answers = trials.answers(wanted);
    expect(answers.length).toBe(1);
    expect(evaluateTerm(wanted, { values: answers[0] as Map<string, bigint>, ...noArrays })).toBe(1n);
    // With an answer at hand the solver has one, if it breaks nothing.
    expect(new NearbySolver().solve([], wanted, new Map(), 0, answers).verdict).toBe('sat');
    const other = t.distinct(t.unknown('x 0', 8), t.bits(8, answers[0]?.get('x 0') ?? 0n));
    expect(new NearbySolver().solve([other], wanted, new Map([['x 0', 1n]]), 0, answers).verdict).toBe('unknown');
    // Tried again from where it was found, it comes to the end.
    trials.ask(wanted, new Map());
    toTheEnd(trials);
    expect(trials.isRefuted(wanted)).toBe(false);
    expect(trials.ask(wanted, new Map())).toBe('never');
  });

  it('refutes what none of all values answers, and only that', () => {
    const variable = t.unknown('few', 10);
    const result = jenkins(t, t.zeroExtend(variable, 32), t.bits(32, 81));
    const wanted = t.eq(t.extract(result, 31, 3), t.bits(29, 12_345));
    const trials = new Trials(t);
    expect(trials.ask(wanted, new Map())).toBe('later');
    toTheEnd(trials);
    // By the evaluator, one by one.
    const possible = Array.from({ length: 1024 }, (_, i) =>
      evaluateTerm(wanted, { values: new Map([['few', BigInt(i)]]), ...noArrays }),
    ).includes(1n);
    expect([trials.isRefuted(wanted), possible]).toEqual([true, false]);
    expect(trials.ask(wanted, new Map())).toBe('now');
    // Where something was held fixed nothing is refuted.
    const wide = t.eq(
      jenkins(t, t.zeroExtend(t.unknown('p', 18), 32), t.zeroExtend(t.unknown('q', 18), 32)),
      t.bits(32, 3),
    );
    expect(
      trials.ask(
        wide,
        new Map([
          ['q', 5n],
          ['p', 5n],
        ]),
      ),
    ).toBe('later');
    toTheEnd(trials);
    expect(trials.isRefuted(wide)).toBe(false);
  });

  it('tries what answered another question, of the same variables or of others in their place', () => {
    const target = hash(
      word('x', 0),
      t.bits(32, 0),
      new Map([
        ['x 1', 9n],
        ['x 0', 200n],
      ]),
    );
    const of = (name: string, y: Term): Term => t.eq(jenkins(t, word(name, 0), y), t.bits(32, target));
    const trials = new Trials(t);
    trials.ask(of('x', t.bits(32, 0)), new Map());
    toTheEnd(trials);
    const start = new Map([['port', 7n]]);
    expect(trials.ask(of('x', t.zeroExtend(t.unknown('port', 16), 32)), start)).toBe('now');
    expect(trials.ask(of('z', t.bits(32, 0)), new Map())).toBe('now');
    expect(trials.isOpen).toBe(false);
  });
});
