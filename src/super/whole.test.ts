import { describe, expect, it } from 'vitest';
import { haveSolver, theSolver, whyNot } from '../../test/support/solver.js';
import {
  assemble,
  editElf,
  type FileFunction,
  fileFunctions,
  objectImage,
  readObject,
  writeElf,
} from '../object/index.js';
import { sizedObject } from './optimize-object.js';
import { validateObject } from './proof/index.js';
import { WholeFunctions } from './whole.js';

/** A TC program that adds up bytes of a packet by way of its frame. */
const bytes = writeElf(
  objectImage(
    assemble(`.license "GPL"
.section tc
.globl prog
prog:
r2 = *(u32 *)(r1 + 76)
r3 = *(u32 *)(r1 + 80)
w0 = 0
r4 = r2
r4 += 14
if r4 > r3 goto out
w5 = *(u8 *)(r2 + 12)
*(u64 *)(r10 - 8) = r5
w5 = *(u8 *)(r2 + 13)
*(u64 *)(r10 - 16) = r5
r0 = *(u64 *)(r10 - 8)
r5 = *(u64 *)(r10 - 16)
r0 += r5
w5 = *(u32 *)(r1 + 0)
r0 += r5
w0 &= 3
out:
exit
`),
  ),
);
const [fn] = fileFunctions(bytes) as [FileFunction];
const makers = (isTaken: boolean): WholeFunctions =>
  new WholeFunctions(sizedObject(readObject(bytes)), 'v3', () => isTaken);

describe('a TC program as a whole', () => {
  it('is made anew only where a verifier that knows its type took it', () => {
    expect(makers(false).edit(fn, 0)).toBeUndefined();
    expect(makers(true).edit(fn, 0)?.insns.length).toBeLessThanOrEqual(fn.insns.length);
  });

  it.runIf(haveSolver)(`is proved to be the same${whyNot}`, async () => {
    const edit = makers(true).edit(fn, 0);
    const after = readObject(editElf(bytes, edit === undefined ? [] : [edit]).bytes);
    expect(after.programs[0]?.insns).not.toEqual(readObject(bytes).programs[0]?.insns);
    const verdicts = await validateObject(readObject(bytes), after, new Set(['prog']), theSolver());
    expect(verdicts.get('prog')?.verdict).toBe('proved');
  });
});
