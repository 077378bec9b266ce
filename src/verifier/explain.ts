/** placeholder, replaced below */
import type { ProgramSpec } from '../object/index.js';
import type { Env, Rejection } from './env.js';
export interface Explanation {
  readonly hint: string | undefined;
}
export function explainRejection(_program: ProgramSpec, _rejection: Rejection, _env: Env | undefined): Explanation {
  return { hint: undefined };
}
