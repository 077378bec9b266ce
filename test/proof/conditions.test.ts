/** What the solver says about the guards of recorded traces: none follows from those before it, and no two traces hold for one packet. */
import { describe, expect, test } from 'vitest';
import { minimise } from '../../src/condition/index.js';
import type { Value } from '../../src/ir/index.js';
import { SmtWriter } from '../../src/ir/smt.js';
import { generateTraffic } from '../../src/packet/index.js';
import { Session } from '../../src/runtime/index.js';
import type { RecordedTrace } from '../../src/trace/index.js';
import { exampleNames, openExample } from '../support/examples.js';
import { partTerm } from './part-term.js';
import { solve } from './solver.js';

/**
 * Distinct traces of an example, as recorded on generated traffic. Nothing is assumed: a trace that takes a map's value for a constant holds for packets of the
 * one that was recorded before and loads it, and does the same with them.
 */
function tracesOf(name: string, limit: number): RecordedTrace[] {
  const { object, main, maps } = openExample(name);
  const session = new Session(object, main, { keepRecordings: true, maps, assume: false });
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

function truth(writer: SmtWriter, { condition, holds }: Guard, scope: string): string {
  const text = writer.truth(condition, scope);
  return holds ? text : `(not ${text})`;
}

/** The hashes of these take the solver minutes. */
const hard: readonly string[] = ['heavy-hitter'];
const examplesToTakeApart = exampleNames.filter((name) => ![...hard, 'lpm-router'].includes(name));

/**
 * Parts that the solver finds implied although the rules do not: mostly the least length beside `len >= ip.len + 14`, `ip.len >= ip.ihl * 4` and
 * `ip.ihl >= 5`, which takes three comparisons at once.
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
  test('no guard is implied by those before it', { timeout: 300_000 }, async () => {
    const implied: string[] = [];
    let guards = 0;
    for (const [number, trace] of tracesOf(name, 3).entries()) {
      const writer = new SmtWriter();
      const terms = guardsOf(trace).map((guard) => truth(writer, guard, 'a'));
      guards += terms.length;
      const queries = terms.map((term) => `(push)(assert (not ${term}))(check-sat)(pop)(assert ${term})`);
      const answers = await solve(`${writer.text()}\n${queries.join('\n')}\n(check-sat)`);
      for (const [i, answer] of answers.entries())
        if (answer === 'unsat') implied.push(`trace ${number}, guard ${i}: ${terms[i] ?? 'all together'}`);
    }
    expect(guards).toBeGreaterThan(2);
    expect(implied).toEqual([]);
  });
});

describe.each(examplesToTakeApart)('%s', (name) => {
  test('no part of the normal form is implied by the others, but for those that are counted', {
    timeout: 300_000,
  }, async () => {
    const implied: string[] = [];
    let total = 0;
    for (const [number, trace] of tracesOf(name, 3).entries()) {
      const { parts } = minimise(trace.facts);
      const asked: number[] = [];
      const writer = new SmtWriter();
      const terms = parts.map((part) => partTerm(writer, trace.facts, part));
      // Each part has a name; all the others are assumed, and its contrary.
      const names = terms.map((term, i) => `(define-fun p${i} () Bool ${term})`);
      // Required bits are told apart from the rest by flipping them, see judge/conditions; here the solver would need as many queries as there are.
      const queries = terms.flatMap((_, i) => {
        if (parts[i]?.kind === 'bit') return [];
        const others = terms.flatMap((_other, j) => (i === j ? [] : [`p${j}`]));
        asked.push(i);
        return `(push)(assert (and true ${others.join(' ')}))(assert (not p${i}))(check-sat)(pop)`;
      });
      total += asked.length;
      const answers = await solve(`${writer.text()}\n${names.join('\n')}\n${queries.join('\n')}`);
      for (const [at, i] of asked.entries())
        if (answers[at] === 'unsat') implied.push(`trace ${number}: ${parts[i]?.kind} ${terms[i]}`);
    }
    expect(total).toBeGreaterThan(0);
    expect(implied.slice(impliedParts[name] ?? 0)).toEqual([]);
  });
});

describe.each(exampleNames)('%s', (name) => {
  test('no packet and state satisfy the early guards of two traces', { timeout: 300_000 }, async () => {
    const traces = tracesOf(name, 8);
    const writer = new SmtWriter();
    const conditions = traces.map((trace, i) => {
      const terms = guardsOf(trace)
        .filter((guard) => guard.early)
        .map((guard) => truth(writer, guard, `t${i}_`));
      return `(and true ${terms.join(' ')})`;
    });
    const pairs = conditions.flatMap((a, i) =>
      conditions.slice(i + 1).map((b, j) => ({ a, b, text: `${i} and ${i + 1 + j}` })),
    );
    // Traces that part only after an effect have the same early guards; they are tried in order.
    const late = (i: number): boolean => guardsOf(traces[i] as RecordedTrace).some((guard) => !guard.early);
    const queries = pairs.map(({ a, b }) => `(push)(assert ${a})(assert ${b})(check-sat)(pop)`);
    const answers = await solve(`${writer.text()}\n${queries.join('\n')}`);
    const both = pairs.filter(
      ({ text }, i) => answers[i] !== 'unsat' && !text.split(' and ').every((t) => late(Number(t))),
    );
    expect(both.map(({ text }) => text)).toEqual([]);
  });
});
