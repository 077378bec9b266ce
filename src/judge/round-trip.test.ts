import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { Prng } from '../packet/index.js';
import { roundTrips } from './round-trip.js';

function packets(seed: number): { readonly data: Uint8Array }[] {
  const prng = new Prng(seed);
  return Array.from({ length: 60 }, () => {
    const data = new Uint8Array(40 + prng.below(60)).map(() => prng.below(256));
    // IPv4 without options, TCP or UDP, more often than chance would have it.
    data.set([8, 0, 0x45, prng.below(4), 0, data.length - 14], 12);
    data.set([0, 0, 64, prng.chance(0.5) ? 6 : 17], 20);
    return { data };
  });
}

describe('a program made of its intermediate representation', () => {
  for (const version of ['v1', 'v2', 'v3', 'v4'] as const)
    for (const name of ['ipv6-filter', 'token-bucket', 'port-knocking'])
      it(`is accepted and does the same: ${name}, -mcpu=${version}`, () => {
        const rows = roundTrips(openExample(name).object, packets(5), version, 3);
        expect(rows.length).toBeGreaterThan(0);
        for (const row of rows) expect(row).toMatchObject({ status: 'equal', kept: [] });
      });

  it('is no longer than before', () => {
    const rows = roundTrips(openExample('lpm-router').object, packets(6), 'v3', 3);
    expect(rows[0]?.after).toBeLessThan(rows[0]?.before ?? 0);
  });
});
