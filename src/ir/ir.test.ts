import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { evaluate, formatValue, Graph, mask64, type OpName, opTable, type Value } from './index.js';

const unary: readonly OpName[] = ['sext8', 'sext16', 'sext32', 'bswap16', 'bswap32', 'bswap64'];
const binary: readonly OpName[] = [
  'add',
  'sub',
  'mul',
  'udiv',
  'umod',
  'sdiv',
  'smod',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
  'sar',
  'add32',
  'sub32',
  'mul32',
  'sdiv32',
  'smod32',
  'shl32',
  'sar32',
  'eq',
  'ult',
  'ule',
  'slt',
  'sle',
];

interface Step {
  readonly op: OpName;
  readonly a: number;
  readonly b: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.constantFrom(...unary, ...binary),
  a: fc.nat(200),
  b: fc.nat(200),
});
const interesting = fc.oneof(
  fc.bigInt({ min: 0n, max: 70n }),
  fc.constantFrom(0xffn, 0xffffn, 0xffff_ffffn, 0x8000_0000n, mask64, mask64 - 13n, 1n << 63n, 0xffff_ffff_0000_0000n),
  fc.bigInt({ min: 0n, max: mask64 }),
);

/** Builds the same computation in a graph; leaves are context fields (32 bits), the length, and two 64-bit helpers. */
function build(g: Graph, constants: readonly bigint[], steps: readonly Step[]): Value[] {
  const values: Value[] = [
    g.length,
    g.ctxField(12),
    g.ctxField(16),
    g.environment(5),
    g.environment(118),
    ...constants.map((c) => g.constant(c)),
  ];
  for (const { op, a, b } of steps)
    values.push(g.make(op, values[a % values.length] as Value, values[b % values.length] as Value));
  return values;
}

function leafOf(inputs: readonly bigint[]): (value: Value) => bigint {
  return (value) => {
    if (value.op === 'len') return (inputs[0] ?? 0n) & 0xfffffn;
    if (value.op === 'ctx') return (inputs[value.imm === 12n ? 1 : 2] ?? 0n) & 0xffff_ffffn;
    if (value.op === 'env') return inputs[value.imm === 5n ? 3 : 4] ?? 0n;
    throw new Error(value.op);
  };
}

describe('folding', () => {
  it('changes no result: the rules against the operation table', () => {
    fc.assert(
      fc.property(
        fc.array(interesting, { minLength: 3, maxLength: 6 }),
        fc.array(step, { minLength: 1, maxLength: 12 }),
        fc.array(interesting, { minLength: 5, maxLength: 5 }),
        (constants, steps, inputs) => {
          const folded = build(new Graph(), constants, steps);
          const literal = build(new Graph({ fold: false }), constants, steps);
          const a = new Map<Value, bigint>();
          const b = new Map<Value, bigint>();
          for (const [i, value] of folded.entries()) {
            const result = evaluate(value, leafOf(inputs), a);
            expect(result, formatValue(value)).toBe(evaluate(literal[i] as Value, leafOf(inputs), b));
            expect(result & ~value.ones, 'bits that cannot be set').toBe(0n);
          }
        },
      ),
      { numRuns: rounds(1000) },
    );
  });

  it('turns a bounds check into a comparison with the length', () => {
    const g = new Graph();
    const data = g.pointer(g.constant(0n));
    const end = g.pointer(g.length);
    const check = g.make('ult', end, g.add(data, g.constant(14n)));
    expect([check.op, check.args[0]?.op, check.args[1]?.imm]).toEqual(['ult', 'len', 14n]);
  });

  it('sees through a bounds check after the packet grew at the front', () => {
    const g = new Graph();
    const data = g.pointer(g.constant(-20n));
    const check = g.make('ult', g.pointer(g.length), g.add(data, g.constant(34n)));
    expect([check.op, check.args[1]?.imm]).toEqual(['ult', 14n]);
    expect(g.make('ult', g.pointer(g.length), g.add(data, g.constant(20n))).imm).toBe(0n);
  });

  it('makes equal operations one value', () => {
    const g = new Graph();
    const x = g.ctxField(12);
    const y = g.ctxField(16);
    expect(g.make('xor', x, y)).toBe(g.make('xor', y, x));
    expect(opTable.xor.commutative).toBe(true);
  });
});
