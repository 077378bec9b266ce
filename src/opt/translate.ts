/** From bytecode to optimized IR: what every engine that runs IR begins with. */
import { encodingFault } from '../interp/encoding.js';
import { buildFunction, type FunctionCode, type Program, type World } from '../ir/index.js';
import type { ProgramFacts } from '../verifier/index.js';
import { type OptimizeOptions, optimize } from './optimize.js';

/** `P`: what the caller's programs are; all that is asked of them here is what a {@link Program} says. */
export interface TranslateOptions<P extends Program = Program> extends OptimizeOptions {
  /**
   * Has a verifier accepted the program? Then accesses are not checked, and the program is optimized. Default: none has, every access is checked
   * as it happens.
   */
  readonly verified?: ((program: P) => boolean) | undefined;
  /** What the verifier found out about a program that it accepted. */
  readonly facts?: ((program: P) => ProgramFacts | undefined) | undefined;
}

/** `bare`: r1 and r2 come from outside, and there is no context. Throws `Unsupported` for what is left to the interpreter. */
export function translate<P extends Program>(
  world: World,
  program: P,
  options: TranslateOptions<P>,
  bare = false,
): FunctionCode {
  const trust = options.verified?.(program) === true ? 'verified' : 'checked';
  const facts = options.facts?.(program);
  return optimize(buildFunction(world, program, { trust, bare, fault: encodingFault, facts }), world, options);
}
