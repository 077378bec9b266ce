/** What is worth specialising, and when a map is left alone. */
import { describe, expect, it } from 'vitest';
import { chooseSite, MapPenalties, profileOf } from './choose.js';

const site = { pc: 0, map: 0, keyAt: -8, keySize: 4, valueSize: 4 };
const key = (n: number): Uint8Array => Uint8Array.of(n, 0, 0, 0);
const profile = (...counts: readonly number[]): ReturnType<typeof profileOf> =>
  profileOf({ site, lookups: 0, keys: counts.flatMap((count, i) => Array.from({ length: count }, () => key(i))) });
const found = { at: (k: Uint8Array) => ({ key: k, value: k }) };

describe('a site', () => {
  it('gets the keys that pay for their comparison, most frequent first', () => {
    const choice = chooseSite(profile(30, 60, 1, 1, 1), { type: 'hash', all: undefined, ...found });
    expect(choice?.plan.entries.map((entry) => entry.key[0])).toEqual([1, 0]);
    expect(choice?.plan.isWhole).toBe(false);
    expect(choice?.hits).toBeCloseTo(90 / 93);
  });

  it('is left alone where keys come evenly or were hardly seen', () => {
    const even = profile(...Array.from({ length: 100 }, () => 1));
    expect(chooseSite(even, { type: 'hash', all: undefined, ...found })).toBeUndefined();
    expect(chooseSite(profile(3), { type: 'lpm_trie', all: undefined, ...found })).toBeUndefined();
  });

  it('of an empty table has no look-up, whatever was seen', () => {
    const choice = chooseSite(profile(), { type: 'lpm_trie', all: [], ...found });
    expect(choice?.plan).toMatchObject({ entries: [], isWhole: true });
  });

  it('of a small hash has all entries; of a small trie it has keys, since prefixes match others', () => {
    const all = [key(5), key(0)].map((k) => ({ key: k, value: k }));
    const whole = chooseSite(profile(90, 10), { type: 'hash', all, ...found });
    expect(whole?.plan.entries.map((entry) => entry.key[0])).toEqual([0, 5]);
    expect(whole?.plan.isWhole).toBe(true);
    expect(chooseSite(profile(90, 10), { type: 'lpm_trie', all, ...found })?.plan.isWhole).toBe(false);
  });
});

describe('a map that changes under versions', () => {
  it('has to be quiet for twice as long each time, and is left alone in the end', () => {
    const penalties = new MapPenalties(1);
    const waits: number[] = [];
    for (let time = 0; !penalties.isBlacklisted(3); time += 1000) waits.push(penalties.ended(3, time, 0.1).wait);
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, Number.POSITIVE_INFINITY]);
    expect(penalties.allows(3, 1e9)).toBe(false);
    expect(penalties.allows(4, 0)).toBe(true);
  });

  it('is forgiven when a version lived long enough', () => {
    const penalties = new MapPenalties(1);
    penalties.ended(0, 0, 0);
    expect(penalties.allows(0, 1)).toBe(false);
    expect(penalties.ended(0, 100, 50).wait).toBe(0);
    expect(penalties.allows(0, 100)).toBe(true);
  });
});
