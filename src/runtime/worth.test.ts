/** A program whose traces do not pay is left alone; what it does stays the same. */
import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { assemble } from '../object/index.js';
import { generateTraffic } from '../packet/index.js';
import { loadMaps } from '../vm/map-json.js';
import { Runtime, type RuntimeOptions } from './index.js';

interface Arrived {
  readonly data: Uint8Array;
  readonly time: bigint;
}

const strangers = (packets: number): Arrived[] =>
  Array.from(generateTraffic({ seed: 11, packets, flows: packets, popularity: 'uniform' }), ({ data, time }) => ({
    data: data.slice(),
    time,
  }));

function runtimeOf(name: string, options: RuntimeOptions = {}): Runtime {
  const { object, main, maps } = openExample(name);
  const runtime = new Runtime(object, main, {
    host: 'wasm',
    keepConditions: false,
    bypass: true,
    ...options,
  });
  if (maps !== undefined) loadMaps(runtime.machine, maps.contents);
  return runtime;
}

/** Verdicts of `count` packets, the given ones again and again. */
function verdictsOf(runtime: Runtime, packets: readonly Arrived[], count: number): number[] {
  const verdicts: number[] = [];
  for (let i = 0; i < count; i++) {
    const { data, time } = packets[i % packets.length] as Arrived;
    verdicts.push(runtime.run({ data, now: time }).verdict);
  }
  return verdicts;
}

/** A program that counts a sum up in so many turns of a loop. */
function runtimeOfSum(turns: number): Runtime {
  const object = assemble(`
    r1 = *(u32 *)(r1 + 12)
    r2 = 0
    r0 = 0
  again:
    r0 += r2
    r2 += 1
    if r2 < ${turns} goto again
    r0 += r1
    r0 &= 1
    r0 += 1
    exit`);
  return new Runtime(object, object.programs[0] as (typeof object.programs)[0], { host: 'wasm', bypass: true });
}

describe('a card that may rest', () => {
  it('rests where hits save nothing, and verdicts are the same', () => {
    const packets = strangers(64);
    const runtime = runtimeOf('ipv6-filter');
    const plain = runtimeOf('ipv6-filter', { card: false });
    expect(verdictsOf(runtime, packets, 20_000)).toEqual(verdictsOf(plain, packets, 20_000));
    // The first decision is made after 2,048 packets.
    expect(runtime.hits).toBeGreaterThan(2000);
    expect(runtime.bypassed).toBe(20_000 - 2048);
  });

  it('begins at rest where many packets are to come, and records none of them', () => {
    const packets = strangers(64);
    const runtime = runtimeOf('ipv6-filter');
    runtime.expects(100_000);
    verdictsOf(runtime, packets, 20_000);
    expect([runtime.installs, runtime.bypassed]).toEqual([0, 20_000]);
    const short = runtimeOf('ipv6-filter');
    short.expects(1000);
    verdictsOf(short, packets, 1000);
    expect(short.hits).toBeGreaterThan(900);
  });

  it('learns of a long run once that is a small share of what the host has run', () => {
    // 32,000 instructions a packet: 64 recordings are a twentieth of 73,000 packets' work.
    const runtime = runtimeOfSum(8000);
    runtime.expects(1_000_000);
    const data = new Uint8Array(64);
    while (runtime.installs === 0 && runtime.packets < 150_000) runtime.run({ data });
    expect(runtime.bypassed).toBeGreaterThan(70_000);
    expect(runtime.installs).toBe(1);
  });

  it('stays where they do', () => {
    // A trace is the sum; the program counts it up.
    const runtime = runtimeOfSum(40);
    verdictsOf(runtime, strangers(1), 20_000);
    expect(runtime.bypassed).toBe(0);
    expect(runtime.hits).toBe(19_999);
  });

  it('rests where paths go on to be new, after some hundred recordings', () => {
    const runtime = runtimeOf('heavy-hitter', { limits: { joins: false } });
    verdictsOf(runtime, strangers(260), 260);
    expect(runtime.installs).toBeGreaterThan(64);
    expect(runtime.installs).toBeLessThan(200);
    expect(runtime.bypassed).toBeGreaterThan(50);
  });

  it('never rests unless it may', () => {
    const runtime = runtimeOf('ipv6-filter', { bypass: false });
    verdictsOf(runtime, strangers(64), 20_000);
    expect(runtime.bypassed).toBe(0);
  });
});
