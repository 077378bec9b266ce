import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assemble, objectImage, readObject, writeElf } from '../object/index.js';
import { verify } from '../verifier/index.js';
import { optimizeObject } from './index.js';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const swap = read('bench/programs/swap.o');
const bucket = read('examples/token-bucket/token-bucket.o');
const objectOf = (text: string): Uint8Array => writeElf(objectImage(assemble(text)));

describe('an object file optimized', () => {
  it('is smaller, the verifier accepts it, and everything else is as it was', () => {
    const { bytes, functions } = optimizeObject(bucket, { name: 'b.o' });
    const before = readObject(bucket, { name: 'b.o' });
    const after = readObject(bytes, { name: 'b.o' });
    expect(functions.every((fn) => fn.after <= fn.before)).toBe(true);
    expect(functions.some((fn) => fn.after < fn.before)).toBe(true);
    expect(after.maps).toEqual(before.maps);
    for (const program of after.programs) {
      expect(verify(program, after.maps, { btf: after.btf, license: after.license }).message).toBeUndefined();
      expect(new Set(program.lines.map(({ line }) => line)).size).toBeGreaterThan(10);
    }
  });

  it('believes nothing of r0 that the verifier knew of an operand which has become a constant', () => {
    const masked = objectOf(`.license "GPL"
.section xdp
.globl prog
prog:
  r6 = r1
  r2 = -4
  call bpf_xdp_adjust_meta
  r1 = r0
  r2 = 0x80000000 ll
  r1 &= r2
  r0 = 0
  if r1 != 0 goto out
  r0 = 2
out:
  exit
`);
    const after = readObject(optimizeObject(masked).bytes).programs[0]?.insns ?? [];
    expect(after.filter(({ code }) => (code & 0xf7) === 0x54)).toHaveLength(1);
  });

  it('comes out alike each time', () => {
    expect(optimizeObject(swap).bytes).toEqual(optimizeObject(swap).bytes);
  });

  it('stays as it is where no pass runs, byte for byte', () => {
    const { bytes, dropped } = optimizeObject(swap, { passes: new Set() });
    expect(Buffer.from(bytes).equals(Buffer.from(swap))).toBe(true);
    expect(dropped).toEqual([]);
  });

  it('takes back only the changes that somebody refuses, and says which', () => {
    const counting = objectOf(`.license "GPL"
.map sums type=array key=4 value=16 max_entries=1
.section xdp
.globl count
count:
r7 = *(u32 *)(r1 + 4)
r6 = *(u32 *)(r1 + 0)
r7 -= r6
*(u32 *)(r10 - 4) = 0
r1 = sums ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
r1 = *(u64 *)(r0 + 0)
r1 += 1
*(u64 *)(r0 + 0) = r1
r1 = *(u64 *)(r0 + 8)
r1 += r7
*(u64 *)(r0 + 8) = r1
r3 = 5
r3 += 6
r0 = 2
out:
exit
`);
    const isAtomic = ({ code }: { readonly code: number }): boolean => (code & 0xe7) === 0xc3;
    const atomics = (bytes: Uint8Array): number => readObject(bytes).programs[0]?.insns.filter(isAtomic).length ?? 0;
    const refuses = (bytes: Uint8Array): { program: string; why: string }[] =>
      atomics(bytes) > 0 ? [{ program: 'count', why: 'an atomic too many' }] : [];
    const free = optimizeObject(counting);
    const picky = optimizeObject(counting, { refuses });
    expect(atomics(free.bytes)).toBe(2);
    expect(atomics(picky.bytes)).toBe(0);
    const slots = (result: typeof free): number => result.functions.reduce((sum, fn) => sum + fn.after, 0);
    const takenBack = picky.functions.flatMap((fn) => fn.takenBack);
    expect(takenBack).toHaveLength(2);
    expect(new Set(takenBack.map(({ pass, why }) => `${pass}: ${why}`))).toEqual(
      new Set(['atomics: an atomic too many']),
    );
    expect(slots(picky)).toBeGreaterThan(slots(free));
    expect(slots(picky)).toBeLessThan(picky.functions.reduce((sum, fn) => sum + fn.before, 0));
  });

  it('keeps the check of a look-up that only newer verifiers know to find something', () => {
    const object = objectOf(`.license "GPL"
.map counters type=array key=4 value=8 max_entries=4
.section xdp
.globl prog
prog:
*(u32 *)(r10 - 4) = 0
r1 = counters ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto out
r1 = *(u64 *)(r0 + 0)
r1 += 1
*(u64 *)(r0 + 0) = r1
out:
r0 = 2
exit
`);
    const [program] = readObject(optimizeObject(object).bytes).programs;
    expect(program?.insns.some(({ code, dst }) => (code === 0x15 || code === 0x55) && dst === 0)).toBe(true);
  });

  it('leaves programs alone that are not asked for', () => {
    const { bytes } = optimizeObject(swap, { programs: ['nothing'] });
    expect(Buffer.from(bytes).equals(Buffer.from(swap))).toBe(true);
  });
});
