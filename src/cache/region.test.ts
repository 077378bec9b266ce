import { describe, expect, it } from 'vitest';
import type { InstalledTrace } from '../nic/index.js';
import type { RecordedTrace } from '../trace/index.js';
import { Region } from './region.js';

const recorded = (values: number): RecordedTrace =>
  ({ code: { values: Array.from({ length: values }) } }) as unknown as RecordedTrace;

/** A trace of so many values that has decided so many packets. */
const side = (values: number): { packets: number } & InstalledTrace =>
  ({ packets: 0, trace: recorded(values) }) as unknown as InstalledTrace;

const limits = { sides: 4, values: 100 };

function regionOf(...sides: readonly InstalledTrace[]): Region {
  const region = new Region(1, 1);
  for (const one of sides) region.add(one);
  return region;
}

describe('a region', () => {
  it('has room up to its limits, and again for what has left', () => {
    const [first, second] = [side(40), side(40)];
    const region = regionOf(first, second);
    expect([20, 21].map((values) => region.hasRoom(recorded(values), limits))).toEqual([true, false]);
    expect([2, 3].map((most) => region.hasRoom(recorded(1), { ...limits, sides: most }))).toEqual([false, true]);
    region.remove(first);
    expect([60, 61].map((values) => region.hasRoom(recorded(values), limits))).toEqual([true, false]);
    region.remove(first);
    expect(region.hasRoom(recorded(61), limits)).toBe(false);
    expect([region.traces, region.isEmpty]).toEqual([[second], false]);
  });

  it('gives as many sides as a newcomer needs of those that took no packet, the oldest first', () => {
    const sides = [side(40), side(30), side(20), side(10)] as const;
    const leaving = (values: number): readonly number[] | undefined => {
      const region = regionOf(...sides);
      return region.coldFor(recorded(values), limits)?.map((cold) => sides.indexOf(cold as (typeof sides)[0]));
    };
    expect(leaving(40)).toEqual([0]);
    expect(leaving(41)).toEqual([0, 1]);
    expect(leaving(70)).toEqual([0, 1]);
    expect(leaving(71)).toEqual([0, 1, 2]);
    expect(leaving(100)).toEqual([0, 1, 2, 3]);
    expect(leaving(101)).toBeUndefined();
  });

  it('keeps the sides that took a packet since room was asked for last', () => {
    const [cold, warm] = [side(50), side(50)];
    const region = regionOf(warm, cold);
    warm.packets = 3;
    expect(region.coldFor(recorded(10), limits)).toEqual([cold]);
    expect(region.coldFor(recorded(10), limits)).toEqual([warm]);
    cold.packets = 1;
    warm.packets = 4;
    expect(region.coldFor(recorded(10), limits)).toBeUndefined();
  });
});
