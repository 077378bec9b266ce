import { describe, expect, it } from 'vitest';
import { checkCookie, type Flow, makeCookie } from './syncookie.js';

const bytes = (from: number, to: number): Uint8Array => Uint8Array.from({ length: to - from }, (_, i) => from + i);
const ipv4: Flow = {
  source: Uint8Array.of(192, 0, 2, 1),
  destination: Uint8Array.of(198, 51, 100, 7),
  ports: 0x5000d204,
};
const ipv6: Flow = { source: bytes(0, 16), destination: bytes(16, 32), ports: 0x01bb8000 };

describe('a SYN cookie', () => {
  it('is what another HalfSipHash-2-4 makes of seed, flow, minute and MSS, one that gives the published vector', () => {
    expect(makeCookie(1n, ipv4, 1000, 5, 1400)).toEqual({ cookie: 3211562515, mss: 1300 });
    expect(makeCookie(7n, ipv6, 0xffff_fff0, 250, 9000)).toEqual({ cookie: 890591949, mss: 8940 });
  });

  it.each([
    [535, 536],
    [1299, 536],
    [1300, 1300],
    [1440, 1440],
    [1459, 1440],
    [65_535, 1460],
  ])('rounds an MSS of %d down to %d', (asked, mss) => {
    const made = makeCookie(1n, ipv4, 1000, 5, asked);
    expect(made.mss).toBe(mss);
    expect(checkCookie(1n, ipv4, made.cookie, 1000, 5)).toBe(mss);
  });

  it('is taken for two minutes, across the end of the count of minutes', () => {
    const { cookie } = makeCookie(1n, ipv4, 1000, 255, 1460);
    expect([254, 255, 256, 257].map((minute) => checkCookie(1n, ipv4, cookie, 1000, minute))).toEqual([
      0, 1460, 1460, 0,
    ]);
  });

  it('is of one flow, one sequence number and one seed', () => {
    const { cookie } = makeCookie(1n, ipv4, 1000, 5, 1460);
    const others: readonly (readonly [bigint, Flow, number])[] = [
      [2n, ipv4, 1000],
      [1n, { ...ipv4, ports: 0x5000d205 }, 1000],
      [1n, { ...ipv4, source: Uint8Array.of(192, 0, 2, 2) }, 1000],
      [1n, { ...ipv4, destination: Uint8Array.of(198, 51, 100, 8) }, 1000],
      [1n, ipv4, 0x0100_1000],
    ];
    expect(others.map(([seed, flow, sequence]) => checkCookie(seed, flow, cookie, sequence, 5))).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });
});
