/** From bytecode to optimized IR: what every engine that runs IR begins with. */
import { encodingFault } from '../interp/encoding.js';
import { buildFunction, type FunctionCode } from '../ir/index.js';
import type { ProgramFacts } from '../verifier/index.js';
import type { LoadedProgram, Machine } from '../vm/index.js';
import { type OptimizeOptions, optimize } from './optimize.js';

export interface TranslateOptions extends OptimizeOptions {
  /**
   * Has a verifier accepted the program? Then accesses are not checked, and the program is optimized. Default: none has, every access is checked
   * as it happens.
   */
  readonly verified?: ((program: LoadedProgram) => boolean) | undefined;
  /** What the verifier found out about a program that it accepted. */
  readonly facts?: ((program: LoadedProgram) => ProgramFacts | undefined) | undefined;
}

/** `bare`: r1 and r2 come from outside, and there is no context. Throws `Unsupported` for what is left to the interpreter. */
export function translate(
  machine: Machine,
  program: LoadedProgram,
  options: TranslateOptions,
  bare = false,
): FunctionCode {
  const trust = options.verified?.(program) === true ? 'verified' : 'checked';
  const facts = options.facts?.(program);
  return optimize(buildFunction(machine, program, { trust, bare, fault: encodingFault, facts }), machine, options);
}
