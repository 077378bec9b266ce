import { describe, expect, it } from 'vitest';
import { firstImpossible, type Operation } from './linearizable.js';

/** `[call, return, read, write]`. */
function history(...rows: [number, number, string | undefined, string | undefined][]): Operation[] {
  return rows.map(([call, end, read, write]) => ({ call, return: end, read, write }));
}

describe('linearizability', () => {
  it('takes what one after the other would have given', () => {
    expect(firstImpossible(history([0, 1, '0', '1'], [2, 3, '1', '2'], [4, 5, '2', undefined]), '0')).toBeUndefined();
  });

  it('lets operations that overlap take either order', () => {
    expect(
      firstImpossible(history([0, 5, undefined, 'a'], [1, 4, undefined, 'b'], [6, 7, 'a', undefined]), '0'),
    ).toBeUndefined();
    expect(
      firstImpossible(history([0, 5, undefined, 'a'], [1, 4, undefined, 'b'], [6, 7, 'b', undefined]), '0'),
    ).toBeUndefined();
  });

  it('finds a lost update', () => {
    const lost = history([0, 3, '0', '1'], [1, 4, '0', '1']);
    expect(firstImpossible(lost, '0')).toBe(lost[1]);
  });

  it('finds a read of what was overwritten before it was asked', () => {
    const stale = history([0, 1, undefined, 'a'], [2, 3, '0', undefined]);
    expect(firstImpossible(stale, '0')).toBe(stale[1]);
  });

  it('finds that two readers saw two orders', () => {
    const rows = history(
      [0, 9, undefined, 'a'],
      [0, 9, undefined, 'b'],
      [1, 2, 'a', undefined],
      [3, 4, 'b', undefined],
      [5, 6, 'a', undefined],
    );
    expect(firstImpossible(rows, '0')).toBe(rows[4]);
  });

  it('adds', () => {
    const sum = (read: string): Operation[] => [
      { call: 0, return: 5, read: undefined, write: undefined, add: 2n },
      { call: 1, return: 2, read: undefined, write: undefined, add: 3n },
      { call: 3, return: 4, read, write: undefined },
    ];
    expect(firstImpossible(sum('3'), '0')).toBeUndefined();
    expect(firstImpossible(sum('5'), '0')).toBeUndefined();
    expect(firstImpossible(sum('2'), '0')).toEqual(sum('2')[2]);
  });

  it('costs no more for a long history than for a short one', () => {
    const rows: [number, number, string, string][] = [];
    for (let at = 0; at < 20_000; at++) rows.push([at * 2, at * 2 + 3, String(at), String(at + 1)]);
    expect(firstImpossible(history(...rows), '0')).toBeUndefined();
  });
});
