/** For tests: programs from the assembler's text, verified. */
import { assemble } from '../object/index.js';
import { type VerifyOptions, type VerifyResult, verify } from './verify.js';

/** Maps that the tests' programs use by name. */
const maps = `
.map hash type=hash key=4 value=16 max_entries=8 flags=0x0
.map array type=array key=4 value=16 max_entries=4 flags=0x0
.map fixed type=array key=4 value=16 max_entries=1 flags=0x80
.map ring type=ringbuf key=0 value=0 max_entries=4096 flags=0x0
.map progs type=prog_array key=4 value=4 max_entries=4 flags=0x0
.map each type=percpu_array key=4 value=16 max_entries=4 flags=0x0
.map queue type=queue key=0 value=8 max_entries=4 flags=0x0
.map bloom type=bloom_filter key=0 value=8 max_entries=4 flags=0x0
.map of_a_name_too_long type=array key=4 value=4 max_entries=1 flags=0x0
`;

/** Verifies a program of the given lines. */
export function verifyText(code: string, options: VerifyOptions = {}): VerifyResult {
  const object = assemble(`.license "GPL"\n${maps}\n.section xdp\n.globl prog\nprog:\n${code}\n`);
  const [program] = object.programs;
  if (program === undefined) throw new Error('the text holds no program');
  return verify(program, object.maps, {
    btf: object.btf,
    kernelBtf: object.kernelBtf,
    license: object.license,
    ...options,
  });
}
