/** Runs vectors of the public bpf_conformance suite on an engine and compares. */
import { callRegister } from '../isa/index.js';
import { type BareEngine, bareObject } from './engines.js';
import type { IncompleteVector, Vector } from './vector-file.js';

/** How an engine did on a vector. */
export type VectorVerdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly what: string }
  /** The vector tests something that is not ours to have, or nothing at all, as `what` says. */
  | { readonly kind: 'not ours'; readonly what: string };

/** Runs one vector. r0 is compared in 64 bits; an expected error may have any words. */
export function checkVector(vector: Vector | IncompleteVector, engine: BareEngine): VectorVerdict {
  if (vector.kind === 'incomplete') return { kind: 'not ours', what: vector.what };
  if (vector.error === undefined && vector.insns.some((insn) => insn.code === callRegister))
    return { kind: 'not ours', what: 'a call through a register, which Linux does not have' };
  const outcome = engine.run(bareObject(vector.insns, vector.maps), vector.memory);
  switch (outcome.kind) {
    case 'returned':
      if (vector.result === outcome.r0) return { kind: 'passed' };
      return {
        kind: 'failed',
        what: `r0 is 0x${outcome.r0.toString(16)}, ${
          vector.result === undefined
            ? `an error was expected: ${vector.error || 'any'}`
            : `expected 0x${vector.result.toString(16)}`
        }`,
      };
    case 'error':
      return vector.error === undefined ? { kind: 'failed', what: outcome.what } : { kind: 'passed' };
    case 'unsupported':
      return vector.error === undefined ? { kind: 'not ours', what: outcome.what } : { kind: 'passed' };
  }
}
