/** Random instructions for property tests: any row of the table with any operands. */
import fc from 'fast-check';
import { buildInsn, type Insn, type InsnForm, instructions } from '../../src/isa/index.js';

/** The slots of one valid instruction (two of a 64-bit load), with its form. */
export const anyInsn: fc.Arbitrary<{ form: InsnForm; slots: Insn[] }> = fc
  .record({
    form: fc.constantFrom(...instructions),
    dst: fc.nat({ max: 10 }),
    src: fc.nat({ max: 10 }),
    off: fc.integer({ min: -0x8000, max: 0x7fff }),
    imm: fc.oneof(fc.integer({ min: -0x80000000, max: 0x7fffffff }), fc.integer({ min: -3, max: 3 })),
    high: fc.oneof(fc.integer({ min: -0x80000000, max: 0x7fffffff }), fc.integer({ min: -1, max: 1 })),
  })
  .map(({ form, dst, src, off, imm, high }) => {
    const first = buildInsn(form, { dst, src, off, imm });
    const second = { code: 0, dst: 0, src: 0, off: 0, imm: high };
    return { form, slots: form.slots === 2 ? [first, second] : [first] };
  });
