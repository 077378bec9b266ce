/**
 * What the solver says about the guards of recorded traces: none follows from those before it, and no two traces hold
 * for one packet.
 */
import { describe, expect, test } from 'vitest';
import { minimise } from '../../src/condition/index.js';
import type { Value } from '../../src/ir/index.js';
import { generateTraffic } from '../../src/packet/index.js';
import { Session } from '../../src/runtime/index.js';
import { type Term, Terms, ValueTerms } from '../../src/solve/index.js';
import type { RecordedTrace } from '../../src/trace/index.js';
import { rounds } from '../support/effort.js';
import { exampleNames, openExample } from '../support/examples.js';
import { haveSolver, theSolver, whyNot } from '../support/solver.js';
import { partTerm } from './part-term.js';

/**
 * Distinct traces of an example, as recorded on generated traffic. Nothing is assumed: a trace that takes a map's
 * value for a constant holds for packets of the one that was recorded before and loads it, and does the same with
 * them. Branches on state are joined at once: of one that is joined later, the trace that guards it leaves first.
 */
function tracesOf(name: string, limit: number): RecordedTrace[] {
  const { object, main, maps } = openExample(name);
  const session = new Session(object, main, { keepRecordings: true, maps, assume: false, countSides: false });
  for (const packet of generateTraffic({ seed: 4, packets: 600, malformed: 0.1, vlan: 0.1, ipv6: 0.3 })) {
    session.run({ data: packet.data, time: packet.time });
    if (session.runtime.traces.length >= limit) break;
  }
  return session.runtime.traces.flatMap(({ trace }) => (trace === undefined ? [] : [trace]));
}

interface Guard {
  readonly condition: Value;
  readonly holds: boolean;
  readonly early: boolean;
}

function guardsOf(trace: RecordedTrace): Guard[] {
  return trace.code.values.flatMap(({ detail, args, early }) =>
    detail?.kind === 'guard' ? [{ condition: args[0] as Value, holds: detail.expect, early }] : [],
  );
}

function truth(values: ValueTerms, { condition, holds }: Guard, scope: string): Term {
  const term = values.truth(condition, scope);
  return holds ? term : values.terms.no(term);
}

/** The hashes of these take the solver minutes. */
const hard: readonly string[] = ['heavy-hitter'];
/** Those with hashes, which have the same on every trace: a quarter as many of these. */
const slow: readonly string[] = [...hard, 'load-balancer'];
const some = (name: string, usual: number): RecordedTrace[] =>
  tracesOf(name, slow.includes(name) ? Math.max(2, rounds(usual / 4)) : rounds(usual));
const examplesToTakeApart = exampleNames.filter((name) => ![...hard, 'lpm-router'].includes(name));

/**
 * Parts that the solver finds implied although the rules do not: mostly the least length beside `len >= ip.len + 14`,
 * `ip.len >= ip.ihl * 4` and `ip.ihl >= 5`, which takes three comparisons at once.
 */
const impliedParts: Readonly<Record<string, number>> = {
  'ddos-mitigator': 1,
  firewall: 1,
  'load-balancer': 2,
  nat: 1,
  'port-knocking': 2,
  'token-bucket': 4,
};

describe.each(exampleNames.filter((name) => !hard.includes(name)))('%s', (name) => {
  test.skipIf(!haveSolver)(`no guard is implied by those before it${whyNot}`, { timeout: 300_000 }, async () => {
    const implied: string[] = [];
    let guards = 0;
    for (const [number, trace] of some(name, 3).entries()) {
      const values = new ValueTerms(new Terms());
      const terms = guardsOf(trace).map((guard) => truth(values, guard, 'a'));
      guards += terms.length;
      // Each guard's contrary beside those before it, and all together.
      const questions = terms.map((term, i) => [...terms.slice(0, i), values.terms.no(term)]);
      const answers = await theSolver().checkEach([], [...questions, terms]);
      for (const [i, answer] of answers.entries())
        if (answer === 'unsat') implied.push(`trace ${number}, ${i < terms.length ? `guard ${i}` : 'all together'}`);
    }
    expect(guards).toBeGreaterThan(2);
    expect(implied).toEqual([]);
  });
});

describe.each(examplesToTakeApart)('%s', (name) => {
  test.skipIf(!haveSolver)(
    `no part of the normal form is implied by the others, but for those that are counted${whyNot}`,
    {
      timeout: 300_000,
    },
    async () => {
      const implied: string[] = [];
      let total = 0;
      for (const [number, trace] of some(name, 3).entries()) {
        const { parts } = minimise(trace.facts);
        const asked: number[] = [];
        const values = new ValueTerms(new Terms());
        const terms = parts.map((part) => partTerm(values, trace.facts, part));
        // Required bits are told apart from the rest by flipping them, see judge/conditions; here the solver would
        // need as many queries as there are.
        const questions = terms.flatMap((term, i) => {
          if (parts[i]?.kind === 'bit') return [];
          asked.push(i);
          // All the others are assumed, and its contrary.
          return [[...terms.filter((_, j) => i !== j), values.terms.no(term)]];
        });
        total += asked.length;
        const answers = await theSolver().checkEach([], questions);
        for (const [at, i] of asked.entries())
          if (answers[at] === 'unsat') implied.push(`trace ${number}: part ${i}, ${parts[i]?.kind}`);
      }
      expect(total).toBeGreaterThan(0);
      expect(implied.slice(impliedParts[name] ?? 0)).toEqual([]);
    },
  );
});

describe.each(exampleNames)('%s', (name) => {
  test.skipIf(!haveSolver)(
    `no packet and state satisfy the early guards of two traces${whyNot}`,
    { timeout: 300_000 },
    async () => {
      const traces = some(name, 8);
      const values = new ValueTerms(new Terms());
      const conditions = traces.map((trace, i) =>
        guardsOf(trace)
          .filter((guard) => guard.early)
          .map((guard) => truth(values, guard, `t${i}_`)),
      );
      const pairs = conditions.flatMap((a, i) =>
        conditions.slice(i + 1).map((b, j) => ({ a, b, text: `${i} and ${i + 1 + j}` })),
      );
      // Traces that part only after an effect have the same early guards; they are tried in order.
      const late = (i: number): boolean => guardsOf(traces[i] as RecordedTrace).some((guard) => !guard.early);
      const answers = await theSolver().checkEach(
        [],
        pairs.map(({ a, b }) => [...a, ...b]),
      );
      const both = pairs.filter(
        ({ text }, i) => answers[i] !== 'unsat' && !text.split(' and ').every((t) => late(Number(t))),
      );
      expect(both.map(({ text }) => text)).toEqual([]);
    },
  );
});
