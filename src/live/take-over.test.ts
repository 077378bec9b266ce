/**
 * Programs taken over from the running kernel alone. Needs root and bpf(2); elsewhere reported as skipped.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { assembleInsns, type Insn } from '../isa/index.js';
import { Bpf, KernelIds, KernelObject } from '../linux/index.js';
import { objectSpec, programSpec, readObject } from '../object/index.js';
import { helperNumber } from '../platform/index.js';
import { hiddenTraits } from './attachment.js';
import { programTags } from './program-tag.js';
import { loadVersion, takeProgram } from './taken-program.js';

const bpf = Bpf.tryOpen();
const examples = new URL('../../examples/', import.meta.url);
const names = readdirSync(examples).filter((name) => existsSync(new URL(`${name}/${name}.o`, examples)));

/** An object of one program, alive in the kernel. */
function load(insns: readonly Insn[]): KernelObject {
  const kernel = KernelObject.load(bpf as Bpf, objectSpec('test', [programSpec(insns)]));
  return kernel;
}

const assemble = (text: string): Insn[] =>
  assembleInsns(text, { helper: (name) => helperNumber(name.replace(/^bpf_/, '')) });

describe.skipIf(bpf === undefined)('a program in the kernel (skipped without bpf(2))', () => {
  const ids = bpf === undefined ? undefined : new KernelIds();

  it('all examples come back with equal tags, and load again over the same maps', () => {
    let programs = 0;
    for (const name of names) {
      const object = readObject(readFileSync(new URL(`${name}/${name}.o`, examples)), { name });
      const kernel = KernelObject.load(bpf as Bpf, object);
      for (const { spec, loaded } of kernel.programs) {
        if (!('fd' in loaded)) throw new Error(`${name}: ${loaded.log}`);
        const { id } = (ids as KernelIds).program(loaded.fd);
        const taken = takeProgram(bpf as Bpf, ids as KernelIds, (ids as KernelIds).open('program', id));
        // What it was loaded from agrees but for the numbers of maps.
        expect(taken.program.insns.length, spec.name).toBe(spec.insns.length);
        expect(programTags(taken.program.insns), spec.name).toContain(taken.info.tag);
        const again = loadVersion(bpf as Bpf, taken, taken.program, {
          name: 'again',
          ...hiddenTraits(bpf as Bpf, loaded.fd),
        });
        expect(again, spec.name).toHaveProperty('fd');
        if ('fd' in again) {
          expect((ids as KernelIds).program(again.fd).mapIds, spec.name).toEqual(taken.info.mapIds);
          (ids as KernelIds).close(again.fd);
        }
        taken.close();
        programs++;
      }
      kernel.close();
    }
    expect(programs).toBe(13);
  });

  it.each([
    [
      'division and remainder by a register',
      'call bpf_get_prandom_u32\nr2 = r0\nr3 = 7\nr4 = 9\nr3 /= r2\nr4 %= r2\nw3 /= w2\nw4 %= w2\nr0 = 2',
    ],
    [
      'all fields of the context',
      'r2 = *(u32 *)(r1 + 0)\nr2 = *(u32 *)(r1 + 8)\nr2 = *(u32 *)(r1 + 12)\nr2 = *(u32 *)(r1 + 16)\nr0 = 2',
    ],
    [
      'a spilled context',
      '*(u64 *)(r10 - 8) = r1\ncall bpf_ktime_get_ns\nr6 = *(u64 *)(r10 - 8)\nr7 = *(u32 *)(r6 + 4)\nr0 = 2',
    ],
    [
      'helpers that are written out',
      'call bpf_get_smp_processor_id\ncall bpf_jiffies64\ncall bpf_get_prandom_u32\nr0 = 2',
    ],
    ['a function that is given the context', 'call f\nr0 = 2\nexit\nf:\nr0 = *(u32 *)(r1 + 4)\nr0 = 0'],
  ])('%s', (_, text) => {
    const kernel = load(assemble(`${text}\nexit`));
    const loaded = kernel.programs[0]?.loaded;
    if (loaded === undefined || !('fd' in loaded)) throw new Error(loaded?.log);
    const { id } = (ids as KernelIds).program(loaded.fd);
    const taken = takeProgram(bpf as Bpf, ids as KernelIds, (ids as KernelIds).open('program', id));
    expect(taken.program.insns).toEqual(kernel.programs[0]?.spec.insns);
    taken.close();
    kernel.close();
  });

  it('says so where the kernel removed code, and takes the object then', () => {
    const dead = objectSpec('dead', [programSpec(assemble('r1 = 1\nif r1 == 1 goto +1\nr0 = 1\nr0 = 2\nexit'))]);
    const kernel = KernelObject.load(bpf as Bpf, dead);
    const loaded = kernel.programs[0]?.loaded;
    if (loaded === undefined || !('fd' in loaded)) throw new Error(loaded?.log);
    const { id } = (ids as KernelIds).program(loaded.fd);
    const open = (): number => (ids as KernelIds).open('program', id);
    expect(() => takeProgram(bpf as Bpf, ids as KernelIds, open())).toThrow(/cannot be turned back exactly/);
    const taken = takeProgram(bpf as Bpf, ids as KernelIds, open(), dead);
    expect(taken.program.insns).toEqual(dead.programs[0]?.insns);
    taken.close();
    kernel.close();
  });
});
