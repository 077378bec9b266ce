import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { haveSolver, theSolver, whyNot } from '../../test/support/solver.js';
import { formatInsn } from '../isa/index.js';
import { assemble, fileFunctions, objectImage, readObject, writeElf } from '../object/index.js';
import { verify } from '../verifier/index.js';
import { improveObject } from './index.js';
import { Inliner } from './inline.js';
import { sizedObject } from './optimize-object.js';
import { validateObject } from './proof/index.js';

const read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const router = read('examples/lpm-router/lpm-router.o');

/** A program that holds something in `kept` over a call, and a function that uses r6 and its frame. */
const program = (prog: string, fn: string): string => `.license "GPL"
.map counters type=array key=4 value=8 max_entries=1
.section xdp
.globl prog
prog:
${prog}
exit
.section .text
count:
${fn}
exit
`;

const counting = `r6 = r1
*(u32 *)(r10 - 4) = r6
r1 = counters ll
r2 = r10
r2 += -4
call bpf_map_lookup_elem
if r0 == 0 goto none
r0 = *(u64 *)(r0 + 0)
r0 += r6
exit
none:
r0 = 0`;
const once = `r7 = *(u32 *)(r1 + 12)
r6 = *(u32 *)(r1 + 16)
w8 = 3
w9 = 4
*(u64 *)(r10 - 8) = r6
w1 = 0
call count
r0 += r6
r0 += r7
r0 += r8
r0 += r9
r1 = *(u64 *)(r10 - 8)
r0 += r1`;

/** The object with all that can be inlined, and what is left of it. */
function inlined(text: string, goal: 'size' | 'speed' = 'size'): ReturnType<Inliner['inlined']> {
  const bytes = writeElf(objectImage(assemble(text)));
  const inliner = new Inliner(bytes, sizedObject(readObject(bytes)));
  return inliner.inlined(inliner.candidates(goal));
}

describe('a static function that is called once', () => {
  it('goes into its caller, whose registers and frame it leaves alone', () => {
    const made = inlined(program(once, counting));
    const [after] = readObject(made?.bytes ?? new Uint8Array()).programs;
    expect([...(made?.gone ?? [])]).toEqual(['count']);
    expect(after?.functions).toHaveLength(1);
    const { maps } = readObject(made?.bytes ?? new Uint8Array());
    expect(after && verify(after, maps).message).toBeUndefined();
    const text = after?.insns.flatMap((insn, pc) => (insn.code === 0 ? [] : formatInsn(after.insns, pc, 'llvm', {})));
    // All four registers are asked for behind the call: r6 is put below the 8 bytes of the caller.
    expect(text).toContain('*(u64 *)(r10 - 0x10) = r6');
    expect(text).toContain('r6 = *(u64 *)(r10 - 0x10)');
    expect(text).toContain('*(u32 *)(r10 - 0x14) = w6');
  });

  it('stays where both frames are too large for one', () => {
    const large = counting.replaceAll('- 4', '- 508').replaceAll('-4', '-508');
    expect(inlined(program(once, large))).toBeUndefined();
  });

  it('stays where it makes tail calls, which would end its caller', () => {
    expect(inlined(program(once, 'r2 = counters ll\nw3 = 0\ncall bpf_tail_call\nr0 = 0'))).toBeUndefined();
  });

  it('stays if it is global', () => {
    const knocking = read('examples/port-knocking/port-knocking.o');
    const functions = fileFunctions(knocking).filter(({ name }) => name === 'take_knock');
    expect(functions).toHaveLength(1);
    expect(new Inliner(knocking, sizedObject(readObject(knocking))).candidates('size')).toEqual([]);
  });

  it('takes its references and source lines into another section, and leaves no symbol', () => {
    const inliner = new Inliner(router, sizedObject(readObject(router)));
    const made = inliner.inlined(inliner.candidates('size'));
    const [before, after] = [router, made?.bytes ?? new Uint8Array()].map((each) => readObject(each));
    expect([...(made?.gone ?? [])].sort()).toEqual(['pop_vlan', 'push_vlan']);
    expect(fileFunctions(made?.bytes ?? new Uint8Array()).map(({ name }) => name)).toEqual(['lpm_router']);
    expect(after?.maps).toEqual(before?.maps);
    const lines = (object: typeof before): number[] =>
      [...new Set(object?.programs.flatMap((each) => each.lines.map(({ line }) => line)))].sort((a, b) => a - b);
    // The brace at the end of one is gone with its `exit`.
    expect(lines(after)).toEqual(lines(before).filter((line) => line !== 251));
    expect(after?.programs[0]?.unresolved).toEqual([]);
  });
});

describe('optimizing', () => {
  const bytes = writeElf(objectImage(assemble(program(once, counting))));

  it('inlines where that is smaller, says so, and can be told not to', async () => {
    const { functions } = await improveObject(bytes, { effort: 0 });
    expect(functions.find(({ name }) => name === 'count')).toMatchObject({
      after: 0,
      saved: [{ pass: 'inline', slots: 13 }],
    });
    const without = await improveObject(bytes, { effort: 0, passes: new Set(['dead']) });
    expect(without.functions.every(({ after }) => after > 0)).toBe(true);
  });

  it('leaves functions of programs alone that nobody asked for', async () => {
    const { functions } = await improveObject(bytes, { effort: 0, programs: [], passes: new Set(['inline']) });
    expect(functions.every(({ before, after }) => before === after)).toBe(true);
  });
});

describe.runIf(haveSolver)(`inlined functions${whyNot}`, () => {
  const names = new Set(['prog', 'count']);

  it('are proved with their caller', async () => {
    const text = program(once, counting);
    const before = readObject(writeElf(objectImage(assemble(text))));
    const after = readObject(inlined(text)?.bytes ?? new Uint8Array());
    const verdicts = await validateObject(before, after, names, theSolver());
    expect([...verdicts].map(([name, { verdict }]) => `${name} ${verdict}`).sort()).toEqual([
      'count proved',
      'prog proved',
    ]);
  });

  it('are refuted where a register of the caller is lost', async () => {
    const before = assemble(program(once, 'r6 = r1\nr0 = r6'));
    const after = assemble(`.license "GPL"
.map counters type=array key=4 value=8 max_entries=1
.section xdp
.globl prog
prog:
${once.replace('call count', 'r6 = r1\nr0 = r6')}
exit
`);
    const verdicts = await validateObject(before, after, names, theSolver());
    expect([...verdicts].map(([name, { verdict }]) => `${name} ${verdict}`).sort()).toEqual([
      'count refuted',
      'prog refuted',
    ]);
  });
});
