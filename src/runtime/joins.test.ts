/** Paths that part on state and meet again are one trace, with the interpreter's results on either side. */
import { describe, expect, it } from 'vitest';
import { exampleNames, openExample } from '../../test/support/examples.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { generateTraffic } from '../packet/index.js';
import { Session, type SessionOptions } from './index.js';

/** Map 0 says a zone of the first byte, map 1 has a limit, a count and a sum. */
const counting = (body: string): ObjectSpec =>
  assemble(`
	.license "GPL"
	.map zones type=hash key=4 value=4 max_entries=8 flags=0x0
	.map counts type=array key=4 value=16 max_entries=1 flags=0x0

	.section xdp
	.globl main
	.type main, @function
main:
	r6 = *(u32 *)(r1 + 0)
	r2 = *(u32 *)(r1 + 4)
	r3 = r6
	r3 += 14
	if r3 > r2 goto none
	r1 = *(u8 *)(r6 + 0)
	*(u32 *)(r10 - 4) = r1
	r1 = 0
	*(u32 *)(r10 - 8) = r1
	r2 = r10
	r2 += -8
	r1 = counts ll
	call 1
	if r0 == 0 goto none
	r7 = r0
	r2 = r10
	r2 += -4
	r1 = zones ll
	call 1
${body}
	r0 = 2
	exit
none:
	r0 = 1
	exit
`);

/** `zone ? *zone : 0` is added to the sum. */
const choice = counting(`
	r1 = 0
	if r0 == 0 goto chosen
	r1 = *(u32 *)(r0 + 0)
chosen:
	r2 = *(u64 *)(r7 + 8)
	r2 += r1
	*(u64 *)(r7 + 8) = r2
`);

/** The count grows up to the limit. */
const limited = counting(`
	r1 = *(u32 *)(r7 + 4)
	r2 = *(u32 *)(r7 + 0)
	if r1 >= r2 goto full
	r1 += 1
	*(u32 *)(r7 + 4) = r1
full:
`);

/** Both numbers must match for the verdict to be another one. */
const both = counting(`
	r1 = *(u32 *)(r7 + 0)
	if r1 != 3 goto other
	r1 = *(u32 *)(r7 + 4)
	if r1 != 4 goto other
	r0 = 3
	exit
other:
`);

const word = (...numbers: number[]): Uint8Array => new Uint8Array(Uint32Array.from(numbers).buffer);
const packet = (first: number): Uint8Array => new Uint8Array(64).fill(first, 0, 1);

/** A session that compares with the interpreter after each packet, whose card compiles at once or never. */
function sessionOf(object: ObjectSpec, options: SessionOptions): Session {
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  return new Session(object, program, { check: true, assume: false, countSides: false, ...options });
}

/** The bytes of map 1. */
function countsOf(session: Session): Uint8Array {
  return session.map('counts').get(word(0)) as Uint8Array;
}

/** Runs a packet and says what differs from the interpreter. */
function checked(session: Session, data: Uint8Array): void {
  session.run({ data, time: 0n });
  expect(session.difference).toBeUndefined();
}

describe.each([
  ['interpreted', { compiled: false }],
  ['compiled', { patience: 0 }],
] as const)('a trace with joins, %s', (_, options) => {
  it('is taken by packets whose look-up finds something and by those whose does not', () => {
    const session = sessionOf(choice, options);
    session.map('zones').set(word(1), word(700));
    for (const first of [1, 2, 1, 3]) checked(session, packet(first));
    expect([session.runtime.installs, session.runtime.hits]).toEqual([1, 3]);
    expect(countsOf(session).slice(8)).toEqual(word(1400, 0));
  });

  it('stores on the side that is taken, and leaves the other as it is', () => {
    const session = sessionOf(limited, options);
    session.map('counts').set(word(0), word(3, 0, 0, 0));
    for (let i = 0; i < 6; i++) checked(session, packet(9));
    expect([session.runtime.installs, session.runtime.hits]).toEqual([1, 5]);
    expect(countsOf(session).slice(0, 8)).toEqual(word(3, 3));
  });

  it.each([
    ['an address where a number was', 'r1 = 0', 'r1 = r6'],
    ['a number where an address was', 'r1 = r6', 'r1 = 0'],
  ])('is guarded where one side stores %s on the stack', (_, before, on) => {
    const object = counting(`
	${before}
	*(u64 *)(r10 - 16) = r1
	${on}
	r2 = *(u32 *)(r7 + 0)
	if r2 != 3 goto other
	*(u64 *)(r10 - 16) = r1
other:
	r1 = *(u64 *)(r10 - 16)
	if r1 == 0 goto none
	r0 = *(u8 *)(r1 + 0)
	exit
`);
    const session = sessionOf(object, options);
    for (const count of [3, 0, 3, 0, 3, 0]) {
      session.map('counts').set(word(0), word(count, 0, 0, 0));
      checked(session, packet(9));
    }
    // A trace for each side, and each is taken.
    expect([session.runtime.installs, session.runtime.hits]).toEqual([2, 4]);
    expect(session.runtime.traces.map(({ verdict }) => verdict).sort()).toEqual([1, 9]);
  });

  it('asks one question where several comparisons lead to the same two ends', () => {
    const session = sessionOf(both, options);
    const states = [
      [0, 0],
      [3, 0],
      [0, 4],
      [3, 4],
      [3, 5],
    ] as const;
    for (const round of [0, 1])
      for (const [a, b] of states) {
        session.map('counts').set(word(0), word(a, b, round, 0));
        checked(session, packet(9));
      }
    // One trace for each verdict.
    expect([session.runtime.installs, session.runtime.hits]).toEqual([2, 8]);
    expect(session.runtime.traces.map(({ verdict }) => verdict)).toEqual([2, 3]);
  });

  it.each(exampleNames)('decides what the interpreter decides: %s', (name) => {
    const { object, main, maps, verdicts } = openExample(name);
    const settings = { check: true, cacheSize: 24, countSides: false, maps, verdicts };
    const session = new Session(object, main, { ...settings, ...options });
    // It has many long paths, and a small cache records them again and again.
    const packets = name === 'heavy-hitter' ? 16 : 100;
    for (const { data } of generateTraffic({ seed: 8, packets, flows: 30, popularity: { zipf: 1 } }))
      checked(session, data.slice());
    expect(session.difference).toBeUndefined();
    expect(session.runtime.hits).toBeGreaterThan(0);
  });
});

describe.each([
  ['interpreted', { compiled: false, countSides: true }],
  ['compiled', { patience: 0, countSides: true }],
] as const)('a branch on state, %s', (_, options) => {
  const run = (firsts: readonly number[]): Session => {
    const session = sessionOf(choice, options);
    session.map('zones').set(word(1), word(700));
    for (const first of firsts) checked(session, packet(first));
    return session;
  };

  it('is guarded as long as packets take one side', () => {
    const { runtime } = run([1, 1, 1, 1]);
    expect(runtime.traces.map(({ condition }) => condition.text)).toEqual([
      'len >= 14 && zones[eth.dst[0:1], 0] found',
    ]);
    expect(runtime.hits).toBe(3);
  });

  it('is joined when they take the other one, and the trace that guards it leaves', () => {
    const session = run([1, 1, 2, 1, 2, 1]);
    const { runtime } = session;
    expect([runtime.installs, runtime.counts.overtaken, runtime.cache?.length, runtime.hits]).toEqual([2, 1, 1, 4]);
    expect(countsOf(session).slice(8)).toEqual(word(2800, 0));
  });

  it('stays guarded where the other side is rare', () => {
    const { runtime } = run([...Array.from({ length: 20 }, () => 1), 2, 2, 1]);
    expect([runtime.installs, runtime.counts.overtaken, runtime.cache?.length, runtime.hits]).toEqual([2, 0, 1, 21]);
  });

  it.each(['firewall', 'load-balancer', 'token-bucket'])('comes to what the interpreter comes to: %s', (name) => {
    const { object, main, maps, verdicts } = openExample(name);
    const session = new Session(object, main, { check: true, cacheSize: 24, maps, verdicts, ...options });
    for (const { data } of generateTraffic({ seed: 9, packets: 200, flows: 30, popularity: { zipf: 1 } }))
      checked(session, data.slice());
    expect(session.difference).toBeUndefined();
    expect(session.runtime.hits).toBeGreaterThan(0);
  });
});

describe('without joins', () => {
  it('each side has a trace of its own', () => {
    const session = sessionOf(choice, { compiled: false, limits: { joins: false } });
    session.map('zones').set(word(1), word(700));
    for (const first of [1, 2, 1, 3]) checked(session, packet(first));
    expect([session.runtime.installs, session.runtime.hits]).toEqual([2, 2]);
  });
});

describe('a condition with joins', () => {
  it('says what was chosen between', () => {
    const session = sessionOf(
      counting(`
	r1 = 5
	if r0 == 0 goto chosen
	r1 = *(u32 *)(r0 + 0)
chosen:
	if r1 > 9 goto none
`),
      { compiled: false },
    );
    checked(session, packet(1));
    const [trace] = session.runtime.traces;
    expect(trace?.condition.text).toBe('len >= 14 && (zones[eth.dst[0:1], 0] not found ? 5 : zones.value[0:4]) < 10');
  });

  it('asks for the end that fewer comparisons lead to, of equals for the one that the program leads to first', () => {
    const asked = (jumps: string): string | undefined => {
      const session = sessionOf(
        counting(`
	r1 = *(u32 *)(r7 + 0)
	r2 = *(u32 *)(r7 + 4)
	r3 = *(u32 *)(r7 + 8)
${jumps}
one:
	r0 = 3
	exit
two:
	r0 = 4
	exit
`),
        { compiled: false },
      );
      checked(session, packet(1));
      return session.runtime.traces[0]?.condition.text;
    };
    // The packet goes to the second end of the first program and to the first end of the second one.
    expect(asked('if r1 == 3 goto one\nif r2 == 4 goto two\nif r3 == 5 goto one\ngoto two')).toMatch(/ == 0$/);
    expect(asked('if r1 == 3 goto two\nif r2 == 4 goto one\nif r3 == 5 goto two\ngoto one')).toMatch(/ == 1$/);
    expect(asked('if r1 == 3 goto two\nif r2 == 4 goto two\ngoto one')).toBe(
      'len >= 14 && ((counts[0:4] != 3) & (counts[4:4] != 4)) == 1',
    );
  });
});
