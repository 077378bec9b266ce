/** Calls of kernel functions. Those that jitnic's engines do not run are refused by name. */
import type { Env } from './env.js';

export function checkKfuncCall(env: Env, index: number): void {
  const kfunc = env.program.kfuncs[index];
  if (kfunc === undefined) env.reject('kfunc-unknown', { id: index });
  env.reject('kfunc-unsupported', { name: kfunc.name });
}
