/**
 * IR to eBPF: selection, registers, layout. What comes out names maps, data and functions by index, as
 * `object/spec.ts` has it, so that it can be put into a program or a file.
 */
import type { FunctionCode } from '../ir/index.js';
import { allocateRegisters } from './allocate.js';
import { type EmittedCode, emitCode } from './emit.js';
import { BpfRefusal } from './refusal.js';
import { selectInstructions } from './select.js';
import type { BpfVersion } from './version.js';

/** The bytecode of a function, or why there is none. */
export type CompiledFunction =
  | { readonly kind: 'code'; readonly code: EmittedCode }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * `code` is one function whose calls are calls (`BuildOptions.only`), optimized by passes for the target `bpf` at
 * most. The same arguments give the same code.
 */
export function compileFunction(code: FunctionCode, version: BpfVersion): CompiledFunction {
  try {
    return { kind: 'code', code: emitCode(allocateRegisters(selectInstructions(code, version)), version === 'v1') };
  } catch (error) {
    if (!(error instanceof BpfRefusal)) throw error;
    return { kind: 'refused', why: error.message };
  }
}
