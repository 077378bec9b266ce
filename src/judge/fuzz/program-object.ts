/**
 * Generated programs as an {@link ObjectSpec}. It holds only the maps that they refer to, so that nothing is created,
 * filled and compared in vain, and the little BTF that the kernel asks for when a program has callbacks or global
 * functions: one FUNC for each function.
 */

import { pruneMaps } from '../../code/index.js';
import { Btf, BtfBuilder, type ObjectSpec, objectSpec, type ProgramSpec, programSpec } from '../../object/index.js';
import type { GeneratedProgram } from './generate.js';
import { fuzzMaps } from './maps.js';

/** What BTF says of a function: its name and linkage. */
interface NamedFunction {
  readonly name: string;
  readonly global: boolean;
}

/**
 * `int f()` for each static function, `int f(int, int)` for each global one: those the kernel verifies by what their
 * type says. With the id of each FUNC, in order.
 */
function functionBtf(functions: readonly NamedFunction[]): { readonly btf: Btf; readonly ids: readonly number[] } {
  const builder = new BtfBuilder(undefined);
  const int = builder.int();
  const protos = { static: builder.funcProto(int, []), global: builder.funcProto(int, [int, int]) };
  const ids = functions.map((f) => {
    const linkage = f.global ? 'global' : 'static';
    return builder.func(f.name, protos[linkage], linkage);
  });
  return { btf: new Btf(builder.bytes()), ids };
}

/** One object of several programs, which may tail-call each other. */
export function programObject(generated: readonly GeneratedProgram[], name = 'fuzz'): ObjectSpec {
  const functions = generated.flatMap((program) => program.functions);
  const { btf, ids } = functionBtf(functions);
  const programs = generated.map(
    (program): ProgramSpec =>
      programSpec(program.insns, {
        name: program.name,
        section: program.frags ? 'xdp.frags' : 'xdp',
        frags: program.frags,
        functions: program.functions.map((f) => ({ ...f, btfId: ids[functions.indexOf(f)] ?? 0 })),
      }),
  );
  return pruneMaps({ ...objectSpec(name, programs, fuzzMaps), btf });
}
