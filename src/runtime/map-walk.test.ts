import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { Session, type SessionOptions } from './index.js';

/**
 * Walks over `walked`, adds up keys and values on its stack, and changes elements on the way: `visit` is the
 * callback's body, `before` comes ahead of the walk.
 */
function walker(type: string, visit: string, before = '', more: SessionOptions = {}): Session {
  const object = assemble(`
	.license "GPL"
	.map walked type=${type} key=4 value=8 max_entries=8 flags=0x0

	.section .text
	.type each, @function
each:
	r6 = r4
	r7 = r3
	r8 = *(u32 *)(r2 + 0)
	r9 = *(u64 *)(r6 + 0)
	r9 += r8
	*(u64 *)(r6 + 0) = r9
	r0 = 0
${visit}
	exit

	.section xdp
	.globl main
	.type main, @function
main:
	r7 = *(u32 *)(r1 + 4)
	r6 = *(u32 *)(r1 + 0)
	r8 = r7
	r8 -= r6
	r9 = 0
	*(u64 *)(r10 - 16) = r9
	*(u64 *)(r10 - 8) = r8
${before}
	r1 = walked ll
	r2 = each ll
	r3 = r10
	r3 += -16
	r4 = 0
	call 0xa4
	r1 = *(u64 *)(r10 - 16)
	r0 += r1
	r0 &= 3
	exit
`);
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  return new Session(object, program, { check: true, cpus: 1, ...more });
}

const update = (session: Session, key: number, value: number): void =>
  session.change(({ maps }) => {
    expect(maps[0]?.updateElem(new Uint8Array([key, 0, 0, 0]), new Uint8Array([value, 0, 0, 0, 0, 0, 0, 0]))).toBe(0);
  });

const packet = (length: number): { data: Uint8Array; time: bigint } => ({ data: new Uint8Array(length), time: 0n });
/** Ends the walk at the element whose value is the packet's length. */
const stop = `
	r1 = *(u64 *)(r7 + 0)
	r2 = *(u64 *)(r6 + 8)
	if r1 != r2 goto +1
	r0 = 1`;
/** Counts in the element whose key is the length's last digit. */
const touch = `
	r2 = *(u64 *)(r6 + 8)
	r2 &= 7
	if r2 != r8 goto +3
	r1 = *(u64 *)(r7 + 0)
	r1 += 1
	*(u64 *)(r7 + 0) = r1`;
/** Deletes it. */
const remove = `
	r2 = *(u64 *)(r6 + 8)
	r2 &= 7
	if r2 != r8 goto +7
	*(u32 *)(r10 - 4) = r8
	r1 = walked ll
	r2 = r10
	r2 += -4
	call 0x3
	r0 = 0`;
/** Adds an element whose key is the length's last digit, for odd lengths. */
const add = `
	r1 = r8
	r1 &= 1
	if r1 == 0 goto +12
	r1 = r8
	r1 &= 7
	*(u32 *)(r10 - 20) = r1
	*(u64 *)(r10 - 32) = r8
	r1 = walked ll
	r2 = r10
	r2 += -20
	r3 = r10
	r3 += -32
	r4 = 0
	call 0x2`;

describe('a walk over a map', () => {
  const hashes = ['hash', 'percpu_hash', 'lru_hash', 'lru_percpu_hash'];

  it.each(['array', 'percpu_array', ...hashes])(
    'of type %s is recorded, and does what the interpreter does',
    (type) => {
      const session = walker(type, touch);
      const random = new Prng(3);
      for (let i = 0; i < 300; i++) {
        if (i % 40 === 0) update(session, random.below(8), random.below(100));
        session.run(packet(60 + random.below(20)));
        expect(session.difference).toBeUndefined();
      }
      expect(session.finish()).toBeUndefined();
      expect(session.runtime.aborts.size).toBe(0);
      expect(session.runtime.hits).toBeGreaterThan(100);
    },
  );

  it.each(['array', 'percpu_array', ...hashes])('of type %s travels, and names no address', (type) => {
    const kept = { keepRecordings: true, cacheSize: 100, cpus: 2, cpu: 1 } as const;
    const [first, second] = [{}, { slide: 0x17000 }].map((more) => {
      const session = walker(type, touch, '', { ...kept, ...more });
      for (let key = 0; key < 8; key++) update(session, key, 7 * key);
      for (let i = 0; i < 60; i++) session.run(packet(60 + (i % 9)));
      return JSON.stringify(session.dumpTraces());
    });
    expect(second).toBe(first);
    const traces = { json: JSON.parse(first ?? '') as unknown };
    const session = walker(type, touch, '', { ...kept, cpus: 3, slide: 0x5000, traces });
    for (let key = 0; key < 8; key++) update(session, key, 7 * key);
    for (let i = 0; i < 60; i++) session.run(packet(60 + (i % 9)));
    expect(session.finish()).toBeUndefined();
    expect(session.loaded).toContain('installed');
    expect(session.stats.hits).toBeGreaterThan(40);
  });

  it.each(hashes)('of type %s sees elements come and go', (type) => {
    const session = walker(type, remove, add);
    const random = new Prng(4);
    for (let i = 0; i < 400; i++) session.run(packet(60 + random.below(6)));
    expect(session.finish()).toBeUndefined();
    expect(session.runtime.aborts.size).toBe(0);
    expect(session.runtime.hits).toBeGreaterThan(20);
  });

  it.each(hashes)(
    'of type %s that only the control plane changes is assumed to be as it was, until it does',
    (type) => {
      const session = walker(type, stop);
      for (let i = 0; i < 8; i += 2) update(session, i, 60 + i);
      for (let round = 0; round < 6; round++) for (let length = 58; length < 70; length++) session.run(packet(length));
      const { retired } = session.runtime;
      update(session, 4, 99);
      for (let length = 58; length < 70; length++) session.run(packet(length));
      expect(session.finish()).toBeUndefined();
      expect(session.runtime.retired).toBeGreaterThan(retired);
      expect(session.runtime.aborts.size).toBe(0);
    },
  );
});
