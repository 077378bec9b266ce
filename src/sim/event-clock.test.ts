import { describe, expect, it } from 'vitest';
import { Prng } from '../packet/index.js';
import { EventClock, endOfTime } from './event-clock.js';

describe('the event clock', () => {
  it('lets events happen by time, and those of one time in the order in which they were asked for', () => {
    const clock = new EventClock();
    const seen: (readonly [number, number])[] = [];
    const kind = clock.on((first) => seen.push([clock.now, first]));
    const random = new Prng(3);
    const asked = Array.from({ length: 3000 }, (_, i) => [random.below(500), i] as const);
    for (const [time, i] of asked) clock.at(time, kind, i);
    clock.finish();
    // A stable sort is what the clock promises.
    expect(seen).toEqual([...asked].sort(([a], [b]) => a - b));
    expect(clock.pending).toBe(0);
  });

  it('tells the kind and both numbers, and events may ask for events at the same time', () => {
    const clock = new EventClock();
    const seen: string[] = [];
    const second = clock.on((a, b) => seen.push(`second ${a} ${b} at ${clock.now}`));
    const first = clock.on((a, b) => {
      seen.push(`first ${a} ${b} at ${clock.now}`);
      clock.at(clock.now, second, b, a);
    });
    clock.at(5, first, 1, 2);
    clock.advance(4);
    expect(seen).toEqual([]);
    clock.advance(9);
    expect(seen).toEqual(['first 1 2 at 5', 'second 2 1 at 5']);
    expect(clock.now).toBe(9);
  });

  it('refuses what is past, and what is behind the end of time', () => {
    const clock = new EventClock();
    const kind = clock.on(() => undefined);
    clock.advance(10);
    expect(() => clock.at(9, kind)).toThrow('an event at 9 ps, and it is 10 ps');
    expect(() => clock.at(endOfTime + 1, kind)).toThrow('an event at');
    expect(() => clock.at(Number.NaN, kind)).toThrow('an event at NaN');
    clock.at(10, kind);
    expect(clock.pending).toBe(1);
  });
});
