import { describe, expect, it } from 'vitest';
import { Arrivals, parseRate, wireBytes } from './arrivals.js';

describe('rates', () => {
  it.each([
    ['capture', { unit: 'capture', value: 0, isPoisson: false }],
    ['100G', { unit: 'bits', value: 100e9, isPoisson: false }],
    ['2.5Gbps', { unit: 'bits', value: 2.5e9, isPoisson: false }],
    ['148Mpps', { unit: 'packets', value: 148e6, isPoisson: false }],
    ['900pps', { unit: 'packets', value: 900, isPoisson: false }],
    ['80%', { unit: 'load', value: 0.8, isPoisson: false }],
    ['poisson:10kpps', { unit: 'packets', value: 10e3, isPoisson: true }],
  ])('reads %s', (text, rate) => expect(parseRate(text)).toEqual(rate));

  it.each([
    ['fast', 'is none'],
    ['0pps', 'is no packet at all'],
    ['100', 'has no unit'],
    ['120%', 'is no share of what the port carries'],
    ['5M%', 'is no share of what the port carries'],
    ['-3Mpps', 'is none'],
  ])('refuses %s', (text, why) => expect(() => parseRate(text)).toThrow(`\`--rate ${text}\` ${why}`));
});

/** Times of `n` packets of a length. */
function times(rate: string, n: number, length: number, stamps = (_i: number): bigint => 0n): number[] {
  const arrivals = new Arrivals(parseRate(rate), 100, 1n);
  return Array.from({ length: n }, (_, i) => arrivals.arrival(length, stamps(i)));
}

describe('arrivals', () => {
  it('fill a port of 100 Gb/s with 148.8 million of the shortest packets a second', () => {
    expect(wireBytes(60)).toBe(84);
    expect(wireBytes(20)).toBe(84);
    expect(wireBytes(1514)).toBe(1538);
    const all = times('100G', 1000, 60);
    expect(all.at(-1)).toBe(1000 * 6720);
    // What the port does not carry does not come sooner.
    expect(times('300Mpps', 1000, 60)).toEqual(all);
    expect(times('100%', 1000, 60)).toEqual(all);
  });

  it('are evenly spaced, without the sum of rounded gaps drifting away', () => {
    const all = times('7Mpps', 7001, 60);
    expect((all.at(-1) as number) - (all[0] as number)).toBe(1e9);
  });

  it('have exponential gaps where that is asked for, the same ones each time', () => {
    const all = times('poisson:1Mpps', 20_000, 60);
    expect(all).toEqual(times('poisson:1Mpps', 20_000, 60));
    const gaps = all.slice(1).map((time, i) => time - (all[i] as number));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(Math.abs(mean / 1e6 - 1)).toBeLessThan(0.03);
    expect(Math.abs(deviation / mean - 1)).toBeLessThan(0.03);
  });

  it('by the capture keep its times, as far as the port carries them and time does not run back', () => {
    const stamps = [1000n, 1001n, 2000n, 1500n, 3000n];
    const all = times('capture', 5, 1514, (i) => stamps[i] ?? 0n);
    const wire = 1538 * 80;
    expect(all).toEqual([wire, 2 * wire, 1_000_000 + wire, 1_000_000 + 2 * wire, 2_000_000 + wire]);
  });

  it('end with simulated time', () => {
    expect(() => times('capture', 2, 60, (i) => BigInt(i) * 5_000_000_000_000n)).toThrow('ends after 4,500 seconds');
  });
});
