/** Names for the numbers in a program's instructions: what listings, logs and debuggers print. */
import type { InsnNames } from '../isa/index.js';
import { helperName } from '../platform/index.js';
import type { ObjectSpec, ProgramSpec } from './spec.js';

/** For `formatInsn`, of instructions as the object has them (maps by index). */
export function programNames(object: ObjectSpec, program: ProgramSpec): InsnNames {
  return {
    helper: helperName,
    map: (index) => object.maps[index]?.name,
    kfunc: (index) => program.kfuncs[index]?.name,
    ksym: (index) => program.ksyms[index]?.name,
    func: (slot) => program.functions.find((fn) => fn.start === slot)?.name,
  };
}
