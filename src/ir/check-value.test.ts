import { describe, expect, it } from 'vitest';
import { programSpec } from '../object/index.js';
import { checkTrace } from './check.js';
import { checkValues } from './check-function.js';
import { FunctionDraft } from './function-draft.js';
import { Graph } from './graph.js';
import { type Detail, mask32, mask64, type Value } from './value.js';

const memory: Detail = { kind: 'memory', space: 'packet', size: 4, map: -1, checked: false };

/** What the checker says of a function that returns what `make` makes, or of the values that are made on the way. */
function complaint(make: (graph: Graph) => { readonly pinned?: readonly Value[]; readonly result: Value }): string {
  const graph = new Graph({ fold: false });
  const draft = new FunctionDraft({ index: 0, spec: programSpec([]) }, graph);
  const block = draft.block();
  const { pinned = [], result } = make(graph);
  for (const value of pinned) draft.pin(block, value);
  draft.end(block, { kind: 'return', value: result });
  try {
    checkValues(draft.finish(), 'test');
    return 'nothing';
  } catch (error) {
    return (error as Error).message.replace(/^.*\): /s, '');
  }
}

/** A pure value with a field of its own choice. */
function forged(graph: Graph, value: Value, change: Partial<Value>): Value {
  const made = { ...value, ...change, id: graph.code.length };
  (graph.code as Value[]).push(made);
  return made;
}

describe('the checker of values', () => {
  it('has nothing against what graphs make', () => {
    expect(
      complaint((g) => {
        const load = g.effect('load', [g.pointer(g.constant(14n))], 0n, memory, mask32);
        return { pinned: [load], result: g.select(g.make('ult', load, g.length), g.add(load, g.context), g.frame(3)) };
      }),
    ).toBe('nothing');
  });

  it('counts operands', () => {
    expect(complaint((g) => ({ result: forged(g, g.add(g.length, g.length), { args: [g.length] }) }))).toContain(
      'has 1 arguments, not 2',
    );
    const xchg: Detail = { kind: 'atomic', space: 'map', size: 8, map: 0, checked: false, atomic: 0xe1 };
    expect(
      complaint((g) => {
        const value = g.effect('atomic', [g.context, g.length, g.length], 0n, xchg);
        return { pinned: [value], result: value };
      }),
    ).toContain('has 3 arguments, not 2');
  });

  it('wants operands that have a result, conditions of one bit, counts below the width', () => {
    expect(
      complaint((g) => {
        const store = g.effect('store', [g.context, g.length], 0n, memory);
        return { pinned: [store], result: g.add(store, g.length) };
      }),
    ).toContain('which has no result');
    expect(complaint((g) => ({ result: g.select(g.length, g.length, g.context) }))).toContain('which is not 0 or 1');
    expect(complaint((g) => ({ result: g.pointer(g.pointer(g.length)) }))).toContain('pointer to a pointer');
    expect(
      complaint((g) => {
        const shift = g.make('shl32', g.length, g.constant(3n));
        return { result: forged(g, shift, { args: [g.length, g.constant(32n)] }) };
      }),
    ).toContain('shifts by 32');
  });

  it('wants a detail of the kind and size that the operation has', () => {
    const loaded = (detail: Detail | undefined, ones = 0xffn): string =>
      complaint((g) => {
        const load = g.effect('load', [g.context], 0n, detail, ones);
        return { pinned: [load], result: load };
      });
    expect(loaded(undefined)).toContain('is described as nothing, not memory');
    expect(loaded({ kind: 'slot', map: 0 })).toContain('is described as slot, not memory');
    expect(loaded({ ...memory, size: 3 })).toContain('touches 3 bytes');
    expect(loaded({ ...memory, map: 2 })).toContain('touches packet and map 2');
    expect(loaded({ ...memory, size: 1 }, 0xffffn)).toContain('has bits 0xffff in 1 bytes');
  });

  it('wants bits within the width, and no fewer than the operands allow', () => {
    expect(complaint((g) => ({ result: forged(g, g.make('eq', g.length, g.context), { ones: 3n }) }))).toContain(
      'has bits 0x3 in a width of 1',
    );
    expect(complaint((g) => ({ result: forged(g, g.make('add32', g.length, g.context), { ones: mask64 }) }))).toContain(
      'in a width of 32',
    );
    expect(
      complaint((g) => ({ result: forged(g, g.make('xor', g.length, g.constant(1n << 40n)), { ones: mask32 }) })),
    ).toContain('cannot have bits 0x10000000000, but its arguments can');
    expect(complaint((g) => ({ result: forged(g, g.constant(6n), { ones: 4n }) }))).toContain('cannot have bits 0x2');
  });

  it('wants numbers of frames and fields that there are', () => {
    expect(complaint((g) => ({ result: g.frame(239) }))).toContain('is of call depth 239');
    expect(complaint((g) => ({ result: g.ctxField(2) }))).toContain('is no field: offset 2');
    expect(complaint((g) => ({ result: forged(g, g.constant(1n), { imm: -1n }) }))).toContain('more than 64 bits');
  });
});

describe('the checker of traces', () => {
  const accessTo = (makeBase: (graph: Graph) => Value): (() => void) => {
    const graph = new Graph();
    const detail = { kind: 'memory', space: 'packet', size: 2, map: -1, checked: false } as const;
    const load = graph.load(makeBase(graph), 12n, detail, 0, true);
    graph.effect('ret', [load], 0n, undefined);
    return () => checkTrace({ values: graph.code, transactional: false }, 'test');
  };

  it('has packets accessed through a pointer that says how far in they go', () => {
    expect(accessTo((graph) => graph.pointer(graph.constant(0n)))).not.toThrow();
    expect(accessTo((graph) => graph.pointer(graph.length))).not.toThrow();
    expect(accessTo((graph) => graph.constant(0n))).toThrow('not through a `ptr`');
  });
});
