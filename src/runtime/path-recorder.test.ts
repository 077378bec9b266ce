import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exampleNames, openExample } from '../../test/support/examples.js';
import { findAdmission, findPolicy, onlinePolicies, type ReplacementOptions, simulate } from '../cache/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { decodeCapture, generateTraffic } from '../packet/index.js';
import { type Arrival, PathRecorder, Session, type SessionOptions } from './index.js';

interface Case {
  readonly object: ObjectSpec;
  readonly program: ProgramSpec;
  readonly packets: readonly Arrival[];
  readonly maps: SessionOptions['maps'];
}

/** An example with the first packets of its own traffic and some that it was not written for. */
function open(name: string): Case {
  const { folder, object, first: program, maps } = openExample(name);
  const own = decodeCapture(readFileSync(`${folder}traffic.pcap`)).packets.slice(0, 24);
  const mixed = [...generateTraffic({ packets: 16, flows: 12, vlan: 0.2, malformed: 0.2, replies: 0.3 })];
  return { object, program, maps, packets: [...own, ...mixed.map(({ data, time }) => ({ data: data.slice(), time }))] };
}

const online: SessionOptions = { regions: false, penalties: false, countSides: false, assume: false, hotloop: 1 };

/**
 * Each policy meets a third of the examples and each of the other cards half of them; every example meets some of
 * both.
 */
describe.each(exampleNames.map((name, at) => ({ name, at })))('$name', ({ name, at }) => {
  const { object, program, packets, maps } = open(name);
  const recorder = new PathRecorder(object, program, { maps });
  for (const packet of packets) recorder.session.run(packet);
  const { reference } = recorder;

  const figures = (options: SessionOptions): Record<string, number> => {
    const session = new Session(object, program, { ...online, maps, ...options });
    for (const packet of packets) session.run(packet);
    const { hits, installs, evictions, refusals } = session.runtime;
    return { hits, installs, evictions, refusals, size: session.runtime.cache?.size ?? 0 };
  };

  const simulated = (options: ReplacementOptions): Record<string, number> => {
    const { hits, installs, evictions, refusals, size } = simulate(reference, options);
    return { hits, installs, evictions, refusals, size };
  };

  it('recorded every packet once', () => {
    expect(reference.packets).toBe(packets.length);
    expect(reference.paths).toBe(recorder.session.runtime.traces.length);
    expect(recorder.session.runtime.hits).toBe(
      simulate(reference, { capacity: {}, policy: onlinePolicies[0] as (typeof onlinePolicies)[number] }).hits,
    );
  });

  it.each(onlinePolicies.filter((_, i) => (i + at) % 3 === 0))(
    '$name: a small card hits as often as the simulation says',
    (policy) => {
      const cacheSize = 1 + (onlinePolicies.indexOf(policy) % 5);
      expect(figures({ policy: policy.name, cacheSize })).toEqual(
        simulated({ capacity: { traces: cacheSize }, policy }),
      );
    },
  );

  const policy = findPolicy('sieve') as (typeof onlinePolicies)[number];

  if (at % 2 === 0)
    it('so does a card with a capacity in match bits', () => {
      // The software card numbers its traces in 16 bits and keeps one place for a newcomer: that bounds what bits do
      // not.
      const capacity = { bits: 1500, traces: 0xffff };
      expect(figures({ policy: policy.name, cacheBits: 1500 })).toEqual(simulated({ capacity, policy }));
    });
  else
    it('so does a card whose size adapts', () => {
      const adaptive = { least: 2, most: 40 };
      expect(figures({ policy: policy.name, adaptive })).toEqual(simulated({ capacity: {}, policy, adaptive }));
    });

  it.each([['doorkeeper', 'tinylfu'][at % 2] as string])('so does a card with admission by %s', (admission) => {
    const options = { capacity: { traces: 4 }, policy, admission: findAdmission(admission) };
    expect(figures({ policy: policy.name, cacheSize: 4, admission })).toEqual(simulated(options));
  });
});
