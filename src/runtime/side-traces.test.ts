import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exampleNames, openExample } from '../../test/support/examples.js';
import { formatTrace } from '../ir/index.js';
import { decodeCapture, generateTraffic } from '../packet/index.js';
import { Session } from './index.js';

describe.each(exampleNames)('side traces of %s', (name) => {
  const { folder, object, first: program, maps } = openExample(name);
  const own = decodeCapture(readFileSync(`${folder}traffic.pcap`)).packets.slice(0, 50);
  const mixed = [...generateTraffic({ packets: 25, flows: 12, vlan: 0.2, malformed: 0.2, replies: 0.3 })];
  const run = (sideTraces: boolean, cacheSize: number): Session => {
    const session = new Session(object, program, {
      maps,
      sideTraces,
      cacheSize,
      // Which sides of a branch a recording has seen hangs on where it begins, and on who left before it.
      countSides: false,
      keepRecordings: true,
      keepConditions: false,
    });
    for (const packet of own) session.run(packet);
    for (const packet of mixed) session.run(packet);
    return session;
  };

  it.each([4, 1000])('are what a recording from the start gives, with room for %i traces', (cacheSize) => {
    const whole = run(false, cacheSize).runtime;
    const side = run(true, cacheSize).runtime;
    expect(side.aborts).toEqual(whole.aborts);
    expect(side.traces.map(({ trace }) => trace && formatTrace(trace.code))).toEqual(
      whole.traces.map(({ trace }) => trace && formatTrace(trace.code)),
    );
    expect(side.traces.map(({ packets }) => packets)).toEqual(whole.traces.map(({ packets }) => packets));
    expect(whole.counts.sideTraces).toBe(0);
    if (side.installs > 10) expect(side.counts.sideTraces).toBeGreaterThan(0.5 * side.installs);
  });
});
