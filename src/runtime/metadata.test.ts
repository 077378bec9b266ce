import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { Prng } from '../packet/index.js';
import { Checker } from './check.js';
import { Runtime } from './index.js';

function beside(body: string, compiled: boolean): { readonly runtime: Runtime; readonly checker: Checker } {
  const object = assemble(`
	.license "GPL"
	.section xdp
	.globl main
	.type main, @function
main:
	r6 = r1
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
${body}
`);
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const options = { compiled, patience: 20 };
  const runtime = new Runtime(object, program, options);
  return { runtime, checker: new Checker(runtime, options) };
}

const programs = {
  'looks at the packet alone': `
	r4 = r2
	r4 += 16
	if r4 > r3 goto +2
	r0 = *(u8 *)(r2 + 4)
	*(u8 *)(r2 + 5) = r0
	r0 = 2
	exit`,
  'reads a mark in front of the packet': `
	r5 = *(u32 *)(r1 + 8)
	r0 = 1
	r4 = r5
	r4 += 4
	if r4 > r2 goto +4
	r0 = *(u32 *)(r5 + 0)
	r0 &= 3
	r0 += 1
	*(u32 *)(r5 + 0) = r0
	exit`,
  'makes room for more': `
	r2 = -8
	call 0x36
	r5 = *(u32 *)(r6 + 8)
	r2 = *(u32 *)(r6 + 0)
	r4 = r5
	r4 += 8
	if r4 > r2 goto +2
	r1 = 7
	*(u64 *)(r5 + 0) = r1
	r0 &= 1
	r0 += 1
	exit`,
  'puts a header in front, with the metadata before it': `
	r2 = -16
	call 0x2c
	r2 = *(u32 *)(r6 + 0)
	r3 = *(u32 *)(r6 + 4)
	r4 = r2
	r4 += 16
	if r4 > r3 goto +2
	r1 = 0x1234
	*(u32 *)(r2 + 2) = r1
	r0 &= 1
	r0 += 2
	exit`,
};

describe.each(Object.entries(programs))('a program that %s', (_name, body) => {
  it.each([false, true])('takes packets with metadata on the card (compiled: %s)', (compiled) => {
    const { runtime, checker } = beside(body, compiled);
    const random = new Prng(11);
    for (let i = 0; i < 300; i++) {
      const data = new Uint8Array(40 + random.below(3)).map(() => random.below(4));
      const meta = new Uint8Array(4 * random.below(4)).map(() => random.below(4));
      const { difference } = checker.run(meta.length === 0 ? { data } : { data, meta });
      expect(difference).toBeUndefined();
    }
    expect(checker.finish()).toBeUndefined();
    expect(runtime.aborts.size).toBe(0);
    expect(runtime.hits).toBeGreaterThan(200);
    if (compiled) expect(runtime.card?.compiledTraces).toBeGreaterThan(0);
  });
});

it('one trace serves packets with and without where the program does not look, and the condition says so where it does', () => {
  const plain = beside(programs['looks at the packet alone'], true).runtime;
  for (const meta of [0, 4, 8, 0]) plain.run({ data: new Uint8Array(40), meta: new Uint8Array(meta) });
  expect(plain.traces.map(({ condition }) => condition.text)).toEqual(['len >= 16']);
  const looking = beside(programs['makes room for more'], true).runtime;
  for (const meta of [0, 4, 8, 0]) looking.run({ data: new Uint8Array(40), meta: new Uint8Array(meta) });
  expect(looking.traces.map(({ condition }) => condition.text)).toEqual([
    'meta_len == 0',
    'meta_len == 4',
    'meta_len == 8',
  ]);
});
