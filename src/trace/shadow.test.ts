import { describe, expect, it } from 'vitest';
import { Graph, type Space, type Value } from '../ir/index.js';
import { mayOverlap, Shadow, slice, spanOf, type Target } from './shadow.js';

const graph = new Graph();
const value = graph.constant(7n);

const at = (space: Space, map: number, offset: number, base?: Value): Target => ({
  space,
  map,
  base,
  offset,
  anchor: undefined,
});

/** A number from 0 to `most`, all of whose bits may be set. */
const upTo = (most: bigint): Value => graph.and(graph.length, graph.constant(most));

describe('known bytes', () => {
  const known = (shadow: Shadow, target: Target): boolean => shadow.bytes(target, 1)[0] !== undefined;

  it('are forgotten with all of their space, or with their map alone', () => {
    const [packet, map0, map1] = [at('packet', -1, 0), at('map', 0, 0, upTo(1n)), at('map', 1, 0, upTo(3n))];
    const left = (space: Space, map: number): boolean[] => {
      const shadow = new Shadow();
      for (const target of [packet, map0, map1]) shadow.store(target, 1, value);
      shadow.clobberAll(space, map);
      return [packet, map0, map1].map((target) => known(shadow, target));
    };
    expect(left('map', 0)).toEqual([true, false, true]);
    expect(left('map', -1)).toEqual([true, false, false]);
    expect(left('packet', -1)).toEqual([false, true, true]);
  });

  it('of a map that nobody has named are forgotten with any map', () => {
    const unnamed = at('map', -1, 0, upTo(7n));
    const shadow = new Shadow();
    shadow.store(unnamed, 1, value);
    shadow.clobberAll('map', 1);
    expect(known(shadow, unnamed)).toBe(false);
  });

  it('are forgotten where a store under another base may have hit them, and no others', () => {
    const shadow = new Shadow();
    for (const offset of [0, 14, 29, 30]) shadow.store(at('packet', -1, offset), 1, value);
    // Two bytes somewhere from 14 to 29.
    shadow.store(at('packet', -1, 14, upTo(14n)), 2, value);
    expect([0, 14, 29, 30].map((offset) => known(shadow, at('packet', -1, offset)))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});

describe('two accesses', () => {
  // 14 + (len & 3): four bytes from 14 to 20 at most.
  const moving = at('packet', -1, 14, upTo(3n));

  it('reach from the least to the most of what is added', () => {
    expect(spanOf(moving, 4)).toEqual([14, 21]);
    expect(spanOf(at('packet', -1, 14), 4)).toEqual([14, 18]);
  });

  it('of different bases meet where their spans do, and not where one ends as the other begins', () => {
    const other = (offset: number, size: number): boolean[] => {
      const fixed = at('packet', -1, offset);
      return [mayOverlap(moving, 4, fixed, size), mayOverlap(fixed, size, moving, 4)];
    };
    expect(other(12, 2)).toEqual([false, false]);
    expect(other(12, 3)).toEqual([true, true]);
    expect(other(20, 1)).toEqual([true, true]);
    expect(other(21, 1)).toEqual([false, false]);
  });

  it('of one base meet where they have a byte in common', () => {
    const next = { ...moving, offset: 18 };
    expect([mayOverlap(moving, 4, next, 1), mayOverlap(next, 1, moving, 4)]).toEqual([false, false]);
    expect([mayOverlap(moving, 5, next, 1), mayOverlap(next, 1, moving, 5)]).toEqual([true, true]);
  });

  it('of two maps never meet, of one that is not known they may', () => {
    const [a, b, any] = [0, 1, -1].map((map) => at('map', map, 0, upTo(1n))) as [Target, Target, Target];
    expect([mayOverlap(a, 1, b, 1), mayOverlap(a, 1, any, 1), mayOverlap(any, 1, a, 1)]).toEqual([false, true, true]);
  });
});

describe('bytes of a value', () => {
  it('are the value itself where they are all of it, with nothing made for that', () => {
    const own = new Graph();
    const whole = own.metaLength;
    const made = own.code.length;
    expect(slice(own, whole, 0, 8)).toBe(whole);
    expect(own.code.length).toBe(made);
  });

  it('are shifted down and cut to their number', () => {
    const detail = { kind: 'memory', space: 'map', size: 8, map: 0, checked: false } as const;
    const word = graph.load(graph.data(0), 0n, detail, 0, false);
    const cut = slice(graph, word, 2, 1);
    expect([cut.op, cut.args[1]?.imm, cut.args[0]?.op]).toEqual(['and', 0xffn, 'shr']);
    expect(slice(graph, graph.constant(0x1122_3344_5566_7788n), 1, 7).imm).toBe(0x11_2233_4455_6677n);
  });
});
