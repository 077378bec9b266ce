/** Traces that part on state share a place, and everything that they do stays what it was. */
import { describe, expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { LinearCard } from '../nic/testing.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { generateTraffic } from '../packet/index.js';
import { regionBody, regionLines, regionWords, sharedCondition } from '../trace/index.js';
import { Session, type SessionOptions } from './index.js';

/**
 * The first byte is a key of map 0; what is found there chooses the verdict. The second byte says how packets are
 * classed: 7 is another class.
 */
const program = assemble(`
	.license "GPL"
	.map verdicts type=hash key=4 value=4 max_entries=8 flags=0x0
	.map counts type=array key=4 value=8 max_entries=1 flags=0x0

	.section xdp
	.globl main
	.type main, @function
main:
	r6 = *(u32 *)(r1 + 0)
	r2 = *(u32 *)(r1 + 4)
	r3 = r6
	r3 += 14
	if r3 > r2 goto none
	r1 = 0
	*(u32 *)(r10 - 8) = r1
	r2 = r10
	r2 += -8
	r1 = counts ll
	call 1
	if r0 == 0 goto none
	r1 = 1
	lock *(u64 *)(r0 + 0) += r1
	r7 = *(u8 *)(r6 + 1)
	if r7 == 7 goto other
	r1 = *(u8 *)(r6 + 0)
	*(u32 *)(r10 - 4) = r1
	r2 = r10
	r2 += -4
	r1 = verdicts ll
	call 1
	if r0 == 0 goto none
	r1 = *(u32 *)(r0 + 0)
	if r1 == 1 goto drop
	if r1 == 2 goto back
	r0 = 2
	exit
drop:
	r0 = 1
	exit
back:
	r0 = 3
	exit
other:
	r0 = 2
	exit
none:
	r0 = 0
	exit
`);

const word = (x: number): Uint8Array => new Uint8Array(Uint32Array.from([x]).buffer);
const packet = (first: number, second = 0): Uint8Array => {
  const data = new Uint8Array(64);
  data.set([first, second]);
  return data;
};

/** A session that compares with the interpreter after each packet; keys 1, 2 and 3 are there. */
function sessionOf(options: SessionOptions, object: ObjectSpec = program): Session {
  const [main] = object.programs;
  if (main === undefined) throw new Error('no program');
  const session = new Session(object, main, { check: true, assume: false, limits: { joins: false }, ...options });
  if (object === program) for (const key of [1, 2, 3]) session.map('verdicts').set(word(key), word(key));
  return session;
}

/** Runs packets and says what differs from the interpreter. */
function checked(session: Session, packets: readonly Uint8Array[]): void {
  for (const data of packets) session.run({ data, time: 0n });
  expect(session.difference).toBeUndefined();
}

describe.each([
  ['interpreted', { compiled: false }],
  ['compiled', { patience: 0 }],
] as const)('regions, %s', (_, options) => {
  it('hold the ways of one class of packets in one place', () => {
    const session = sessionOf({ ...options, cacheSize: 2, regions: true });
    checked(session, [packet(1), packet(2), packet(3), packet(9), packet(0, 7)]);
    const { runtime } = session;
    expect([runtime.installs, runtime.cache?.length, runtime.evictions]).toEqual([5, 2, 0]);
    checked(session, [packet(1), packet(2), packet(3), packet(9), packet(0, 7)]);
    expect(runtime.hits).toBe(5);
  });

  it('without them each way wants a place of its own', () => {
    const session = sessionOf({ ...options, cacheSize: 2, regions: false });
    checked(session, [packet(1), packet(2), packet(3), packet(9), packet(1), packet(2), packet(3), packet(9)]);
    expect(session.runtime.hits).toBe(0);
    expect(session.runtime.evictions).toBe(6);
  });

  it('have no more sides than they may; one that took no packet makes room', () => {
    const session = sessionOf({ ...options, cacheSize: 1, regions: 2 });
    // The third finds both sides used since they came; a full card of one place then starts anew.
    checked(session, [packet(1), packet(2), packet(1), packet(2), packet(3)]);
    expect([session.runtime.cache?.regions[0]?.traces.length, session.runtime.evictions]).toEqual([1, 1]);
    // Of this one and the next only the last is used: the other one's side is cold.
    checked(session, [packet(1), packet(1), packet(1), packet(9)]);
    expect(session.runtime.cache?.regions.map(({ traces }) => traces.length)).toEqual([2]);
    checked(session, [packet(1), packet(9)]);
    expect(session.runtime.hits).toBe(6);
  });

  it('where the card is full, other classes of packets share a place instead of driving each other out', () => {
    const session = sessionOf({ ...options, cacheSize: 1, regions: true });
    checked(session, [packet(1), packet(0, 7), packet(1), packet(0, 7)]);
    expect([session.runtime.hits, session.runtime.cache?.length, session.runtime.evictions]).toEqual([2, 1, 0]);
  });

  it('a side leaves by itself when the control plane changes what it had assumed', () => {
    const session = sessionOf({ ...options, regions: true, assume: true });
    checked(session, [packet(1), packet(2), packet(1), packet(2)]);
    session.map('verdicts').set(word(2), word(1));
    checked(session, [packet(1), packet(2), packet(1), packet(2)]);
    expect(session.runtime.hits).toBeGreaterThan(3);
  });

  it.each(['firewall', 'load-balancer', 'token-bucket'])('decide what the interpreter decides: %s', (name) => {
    const { object, main, maps } = openExample(name);
    const session = new Session(object, main, { check: true, cacheSize: 4, regions: true, maps, ...options });
    for (const { data } of generateTraffic({ seed: 8, packets: 200, flows: 30, popularity: { zipf: 1 } }))
      checked(session, [data.slice()]);
    expect(session.runtime.cache?.length).toBeLessThanOrEqual(4);
    expect(session.runtime.hits).toBeGreaterThan(0);
  });
});

describe('regions are what', () => {
  it('a card that holds few traces makes room for, one by one', () => {
    const session = sessionOf({ makeCard: ({ machine }) => new LinearCard(machine, 4, true) });
    const packets = [packet(1), packet(2), packet(3)];
    checked(session, [...packets, packet(0, 7), packet(9), ...packets]);
    const { cache, evictions, refusals } = session.runtime;
    expect(cache?.regions.flatMap(({ traces }) => traces).length).toBeLessThan(4);
    expect([evictions > 0, refusals]).toEqual([true, 0]);
  });

  it('a session has by default; not where bits are counted, or each trace is to have its place', () => {
    const packets = [packet(1), packet(2), packet(3), packet(9)];
    const places = [{}, { regions: false }, { cacheBits: 100_000 }, { cacheBits: 100_000, regions: true }].map(
      (options) => {
        const session = sessionOf(options);
        checked(session, packets);
        return session.runtime.cache?.length;
      },
    );
    expect(places).toEqual([1, 4, 4, 4]);
  });
});

describe('a region in words', () => {
  it('has one condition and a body with branches', () => {
    const session = sessionOf({ regions: true, compiled: false });
    checked(session, [packet(1), packet(2), packet(3), packet(9)]);
    const { cache, names, traces } = session.runtime;
    const sides = cache?.regions[0]?.traces.map(({ trace }) => trace) ?? [];
    const body = regionBody(sides);
    const [first] = sides;
    expect(first === undefined ? '' : sharedCondition(first, body, names).text).toBe(
      'len >= 14 && eth.dst[1:1] != 0x07',
    );
    const words = regionWords(sides, body, names);
    expect(regionWords(sides, body, names, () => false)).toBeUndefined();
    expect(words && regionLines(words, (side) => `verdict ${traces[side]?.verdict}`)).toEqual([
      'if verdicts[eth.dst[0:1], 0] not found {',
      '  verdict 0',
      '} else if verdicts.value[0:4] == 1 {',
      '  verdict 1',
      '} else if verdicts.value[0:4] == 2 {',
      '  verdict 3',
      '} else {',
      '  verdict 2',
      '}',
    ]);
  });
});
