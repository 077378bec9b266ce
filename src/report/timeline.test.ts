import { describe, expect, it } from 'vitest';
import { Timeline } from './timeline.js';

const counts = (packets: number): { packets: number; hits: number; installs: number; evictions: number } => ({
  packets,
  hits: packets >> 1,
  installs: 3,
  evictions: 0,
});

describe('the timeline of a run', () => {
  it('takes every packet of a short run', () => {
    const timeline = new Timeline();
    for (let packets = 1; packets <= 10; packets++) timeline.note(counts(packets));
    expect(timeline.moments.map(({ packets }) => packets)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('stays small, even and complete for a long one', () => {
    const timeline = new Timeline();
    for (let packets = 1; packets <= 100_000; packets++) timeline.note(counts(packets));
    timeline.finish(counts(100_000));
    const at = timeline.moments.map(({ packets }) => packets);
    expect(at.length).toBeLessThanOrEqual(257);
    expect(at.length).toBeGreaterThan(100);
    expect(at[0]).toBe(0);
    expect(at.at(-1)).toBe(100_000);
    const steps = new Set(at.slice(1, -1).map((packets, i) => packets - (at[i] as number)));
    expect(steps.size).toBe(1);
  });

  it('may be told of packets in batches', () => {
    const timeline = new Timeline();
    for (let packets = 1024; packets <= 8192; packets += 1024) timeline.note(counts(packets));
    expect(timeline.moments.at(-1)).toEqual(counts(8192));
  });
});
