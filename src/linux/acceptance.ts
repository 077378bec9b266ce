/** Which of an object's programs the running kernel takes: loaded and closed again. */
import type { ObjectSpec } from '../object/index.js';
import { plainProgTypes } from './attr.js';
import type { Bpf } from './bpf.js';
import { KernelObject } from './kernel-object.js';
import { lastWords } from './refusal.js';

/** A program that the kernel was shown. */
export interface Acceptance {
  readonly program: string;
  /** The verifier's last words; undefined: it takes the program. */
  readonly refusal: string | undefined;
}

/**
 * One for each program of a type that loads by itself (others say what they attach to, and are left out). Throws
 * InputError when the kernel refuses a map.
 */
export function acceptances(
  bpf: Bpf,
  object: ObjectSpec,
  { strictAlignment = false }: { readonly strictAlignment?: boolean } = {},
): Acceptance[] {
  const programs = object.programs.filter(({ type }) => plainProgTypes[type] !== undefined).map(({ name }) => name);
  const kernel = KernelObject.load(bpf, object, { programs, strictAlignment });
  try {
    return kernel.programs.map(({ spec, loaded }) => ({
      program: spec.name,
      refusal: 'fd' in loaded ? undefined : lastWords(loaded.log) || `errno ${loaded.errno}`,
    }));
  } finally {
    kernel.close();
  }
}
