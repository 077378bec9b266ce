import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { evaluate, Graph, type Value } from '../ir/index.js';
import { Facts } from './facts.js';
import { keyBitOf } from './key-bits.js';
import { ruleTable } from './rule-table.js';
import { type RowKey, rowCells, type TernaryRow, ternaryRows } from './ternary-rows.js';

/** A packet of two bytes and a length: four bits of each steer. */
interface Tiny {
  readonly a: number;
  readonly b: number;
  readonly len: number;
}

const bits = 4;

function* allTiny(): Generator<Tiny> {
  for (let a = 0; a < 1 << bits; a++)
    for (let b = 0; b < 1 << bits; b++) for (let len = 0; len < 1 << bits; len++) yield { a, b, len };
}

function byteAt(graph: Graph, offset: number): Value {
  const detail = { kind: 'memory', space: 'packet', size: 1, map: -1, checked: false } as const;
  return graph.and(
    graph.load(graph.pointer(graph.constant(0n)), BigInt(offset), detail, 0, true),
    graph.constant(0xfn),
  );
}

/** A question about a packet, as a comparison. */
interface Question {
  readonly subject: number;
  readonly op: 'eq' | 'ult' | 'ule';
  readonly constant: number;
  readonly offset: number;
}

function ask(graph: Graph, { subject, op, constant, offset }: Question): Value {
  const a = byteAt(graph, 0);
  const b = byteAt(graph, 1);
  const len = graph.and(graph.length, graph.constant(0xfn));
  const joined = graph.make('or', a, graph.make('shl', b, graph.constant(4n)));
  const swapped = graph.make('or', b, graph.make('shl', a, graph.constant(4n)));
  const subjects = [
    a,
    b,
    len,
    joined,
    swapped,
    graph.and(a, graph.constant(6n)),
    graph.make('xor', a, graph.constant(5n)),
    graph.add(joined, graph.constant(BigInt(-offset))),
    graph.add(a, graph.constant(BigInt(-offset))),
    graph.length,
  ];
  return graph.make(op, subjects[subject % subjects.length] as Value, graph.constant(BigInt(constant)));
}

function truth(condition: Value, tiny: Tiny): boolean {
  return (
    evaluate(condition, (leaf) =>
      leaf.op === 'len' ? BigInt(tiny.len) : BigInt(leaf.imm === 0n ? tiny.a : tiny.b),
    ) !== 0n
  );
}

/** The same of a question, by hand: what is below zero is above every constant. */
function answer({ subject, op, constant, offset }: Question, { a, b, len }: Tiny): boolean {
  const joined = a | (b << 4);
  const value = [a, b, len, joined, b | (a << 4), a & 6, a ^ 5, joined - offset, a - offset, len][subject] as number;
  if (value < 0) return false;
  return op === 'eq' ? value === constant : op === 'ult' ? value < constant : value <= constant;
}

function matches({ bits: row, lengths }: RowKey, tiny: Tiny): boolean {
  if (lengths !== undefined && (tiny.len < lengths.lo || tiny.len > lengths.hi)) return false;
  return rowCells(row).every(({ column, mask, value }) => {
    const own = column.kind === 'packet' ? (column.offset === 0 ? tiny.a : tiny.b) : tiny.len;
    return (own & mask) === value;
  });
}

function accepts(rows: readonly TernaryRow[], tiny: Tiny): boolean {
  return rows.find((row) => matches(row, tiny))?.accept === true;
}

/** The questions that a packet is asked in turn, and its path: what they came to. */
function pathOf(
  graph: Graph,
  questions: readonly Question[],
  tiny: Tiny,
): { facts: Facts; guards: { condition: Value; holds: boolean }[] } {
  const facts = new Facts();
  const guards = questions.map((question) => {
    const condition = ask(graph, question);
    const holds = truth(condition, tiny);
    expect(answer(question, tiny)).toBe(holds);
    const known = facts.decide(condition);
    if (known === undefined && condition.op !== 'const') facts.assert(condition, holds);
    else expect(known ?? holds).toBe(holds);
    return { condition, holds };
  });
  return { facts, guards };
}

const question: fc.Arbitrary<Question> = fc.record({
  subject: fc.nat(9),
  op: fc.constantFrom('eq' as const, 'ult' as const, 'ule' as const),
  constant: fc.oneof(fc.nat(15), fc.nat(255)),
  offset: fc.nat(20),
});
/** All there are. */
const everyTiny: readonly Tiny[] = [...allTiny()];

const tiny: fc.Arbitrary<Tiny> = fc.record({ a: fc.nat(15), b: fc.nat(15), len: fc.nat(15) });

describe('rows of a ternary table', () => {
  it.each([false, true])(
    'match exactly the packets that the guards let through (ranges of lengths: %s)',
    (lengthRanges) => {
      fc.assert(
        fc.property(fc.array(question, { maxLength: 6 }), tiny, (questions, start) => {
          const { facts, guards } = pathOf(new Graph(), questions, start);
          const table = ternaryRows(facts, { lengthRanges });
          const plain = ternaryRows(facts, { priorities: false, lengthRanges });
          expect(plain.rows.every((row) => row.accept)).toBe(true);
          // Thousands of packets: asserting once takes a tenth of the time.
          const wrong = everyTiny.filter((packet) => {
            const wanted = questions.every((one, i) => answer(one, packet) === guards[i]?.holds);
            // What rows cannot express makes them match more, never less.
            if (table.residual > 0 && !wanted) return false;
            return accepts(table.rows, packet) !== wanted || accepts(plain.rows, packet) !== wanted;
          });
          expect(wrong).toEqual([]);
        }),
        { numRuns: rounds(12) },
      );
    },
  );

  it.each([false, true])(
    'of many traces never send a packet to another trace (ranges of lengths: %s)',
    (lengthRanges) => {
      fc.assert(
        fc.property(
          fc.array(question, { minLength: 1, maxLength: 5 }),
          fc.array(tiny, { minLength: 1, maxLength: 12 }),
          (questions, packets) => {
            const graph = new Graph();
            const paths = new Map<string, ReturnType<typeof pathOf>>();
            const keyOf = (packet: Tiny): string => questions.map((one) => (answer(one, packet) ? 'y' : 'n')).join('');
            for (const packet of packets) {
              const key = keyOf(packet);
              if (!paths.has(key)) paths.set(key, pathOf(graph, questions, packet));
            }
            const keys = [...paths.keys()];
            const facts = [...paths.values()].map((path) => path.facts);
            if (facts.some((one) => ternaryRows(one).residual > 0)) return;
            const rules = ruleTable(facts, { maxRows: Number.POSITIVE_INFINITY, lengthRanges });
            const wrong = everyTiny.filter((packet) => {
              const first = rules.find((rule) => matches(rule, packet));
              return (first?.trace ?? -1) !== keys.indexOf(keyOf(packet));
            });
            expect(wrong).toEqual([]);
          },
        ),
        { numRuns: rounds(12) },
      );
    },
  );

  it('a range costs as few rows as the shorter of inside and outside', () => {
    const graph = new Graph();
    const facts = new Facts();
    facts.assert(graph.make('ult', graph.length, graph.constant(34n)), false);
    const { rows, keyBits } = ternaryRows(facts);
    expect(rows.map((row) => row.accept)).toEqual([false, false, true]);
    expect(keyBits).toBe(19);
  });

  it('a range of lengths is no row where a card compares them', () => {
    const graph = new Graph();
    const facts = new Facts();
    facts.assert(graph.make('ult', graph.length, graph.constant(34n)), false);
    facts.assert(graph.make('ult', graph.length, graph.constant(61n)), true);
    expect(ternaryRows(facts, { lengthRanges: true }).rows.map(({ lengths }) => lengths)).toEqual([{ lo: 34, hi: 60 }]);
  });

  it('of a table exclude what several traces exclude in one row', () => {
    const graph = new Graph();
    const detail = { kind: 'memory', space: 'packet', size: 2, map: -1, checked: false } as const;
    const type = graph.load(graph.pointer(graph.constant(0n)), 12n, detail, 0, true);
    const port = graph.load(graph.pointer(graph.constant(0n)), 36n, detail, 0, true);
    // Four ports, a trace each, of packets that are no IPv6, and of those only long ones.
    const traces = [1n, 2n, 3n, 4n].map((x) => {
      const facts = new Facts();
      facts.assert(graph.make('ult', graph.length, graph.constant(40n)), false);
      facts.assert(graph.make('eq', type, graph.constant(0xdd86n)), false);
      facts.assert(graph.make('eq', port, graph.constant(x)), true);
      return facts;
    });
    const count = (rules: readonly { trace: number | undefined }[]): number[] => [
      rules.filter(({ trace }) => trace !== undefined).length,
      rules.filter(({ trace }) => trace === undefined).length,
    ];
    expect(count(ruleTable(traces, { lengthRanges: true }))).toEqual([4, 1]);
    // Lengths 0 to 31 and 32 to 39.
    expect(count(ruleTable(traces))).toEqual([4, 3]);
  });

  it('a field that is not a value costs one row in front', () => {
    const graph = new Graph();
    const facts = new Facts();
    const detail = { kind: 'memory', space: 'packet', size: 2, map: -1, checked: false } as const;
    const type = graph.load(graph.pointer(graph.constant(0n)), 12n, detail, 0, true);
    facts.assert(graph.make('eq', type, graph.constant(0xdd86n)), false);
    expect(ternaryRows(facts).rows.map(({ accept, bits: row }) => [accept, row.size])).toEqual([
      [false, 16],
      [true, 0],
    ]);
    expect(ternaryRows(facts, { priorities: false }).rows).toHaveLength(16);
    expect([...(ternaryRows(facts).rows[0]?.bits.keys() ?? [])][0]).toBe(12 * 8);
  });

  it('state and computed values are counted apart', () => {
    const graph = new Graph();
    const facts = new Facts();
    const hash = graph.make('mul', byteAt(graph, 0), byteAt(graph, 1));
    facts.assert(graph.make('eq', hash, graph.constant(6n)), true);
    const { rows, residual } = ternaryRows(facts);
    expect(rows).toHaveLength(1);
    expect(residual).toBeGreaterThan(0);
    expect(keyBitOf(facts, [...facts.required.keys()][0] as number)).toBeUndefined();
  });
});
