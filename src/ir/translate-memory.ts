/** Loads, stores and atomic operations, as they are written: what they touch is said where the verifier knows it. */
import { onesOf, signExtend } from './lower-alu.js';
import type { Translation } from './translation.js';
import type { Detail, Value } from './value.js';

/** Where an instruction accesses memory: register `base` plus `offset`. */
export interface Access {
  readonly pc: number;
  readonly base: number;
  readonly offset: number;
  readonly size: number;
}

/** The value of `size` bytes, zero- or sign-extended. `ones`: bits that it can have, as far as that is known. */
export function translateLoad(t: Translation, access: Access, isSigned: boolean, ones: bigint): Value {
  const all = onesOf(access.size);
  const base = t.register(access.base);
  const imm = BigInt(access.offset);
  const value = t.pin('load', [base], imm, detailOf(t, access), isSigned ? all : all & ones);
  return isSigned ? signExtend(t.graph, value, access.size) : value;
}

/** Stores the low `access.size` bytes of a value. */
export function translateStore(t: Translation, access: Access, value: Value): void {
  t.pin('store', [t.register(access.base), value], BigInt(access.offset), detailOf(t, access));
}

/** An atomic operation (RFC 9669, section 5.3); `kind` is the instruction's immediate. Yields the old content. */
export function translateAtomic(t: Translation, access: Access, kind: number, operands: readonly Value[]): Value {
  const detail: Detail = { ...detailOf(t, access), kind: 'atomic', atomic: kind };
  const args = [t.register(access.base), ...operands];
  return t.pin('atomic', args, BigInt(access.offset), detail, onesOf(access.size));
}

function detailOf(t: Translation, { pc, base, size }: Access): Detail & { readonly kind: 'memory' } {
  if (!t.trusted) return { kind: 'memory', space: 'other', size, map: -1, checked: true };
  return { kind: 'memory', ...t.facts.placeOf(pc, base), size, checked: false };
}
