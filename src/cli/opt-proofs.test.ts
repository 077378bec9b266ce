import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haveSolver, whyNot } from '../../test/support/solver.js';
import { openSolver } from '../linux/open-solver.js';
import { assemble, type ObjectSpec } from '../object/index.js';
import { proveFunctions } from './opt-proofs.js';

function program(lines: string): ObjectSpec {
  return assemble(`.license "GPL"\n.section xdp\n.globl prog\nprog:
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r4 = r2
    r4 += 14
    r0 = 1
    if r4 > r3 goto out
    ${lines}
out:
    exit\n`);
}

describe.skipIf(!haveSolver)(`functions that were changed${whyNot}`, () => {
  const before = program('r0 = *(u16 *)(r2 + 12)\nr0 = be16 r0\nr0 &= 3');

  let solver: Awaited<ReturnType<typeof openSolver>>;
  beforeAll(async () => {
    solver = await openSolver();
  });
  afterAll(async () => solver?.close());

  it('are proved to do the same', async () => {
    const after = program('r0 = *(u8 *)(r2 + 13)\nw0 &= 3');
    const proofs = await proveFunctions(before, after, new Set(['prog']), solver);
    expect(proofs.get('prog')).toEqual({ verdict: 'proved' });
  });

  it('are refuted with a packet of the length that it takes', async () => {
    const after = program('r0 = *(u8 *)(r2 + 12)\nr0 &= 3');
    const proof = (await proveFunctions(before, after, new Set(['prog']), solver)).get('prog');
    expect(proof).toMatchObject({ verdict: 'refuted', why: 'the result' });
    expect(proof?.packet?.length).toBeGreaterThanOrEqual(28);
  });
});
