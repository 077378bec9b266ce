/**
 * 32-bit narrowing, and of any other width: masks and sign extensions that only touch bits at which no one looks are
 * dropped, as before an operation on low halves or a store of fewer bytes. (Which values are then kept in 32 bits is
 * decided when code is made, by the same question: jit/representation.ts.)
 */
import { type FunctionCode, isConst, mask32, type Value } from '../ir/index.js';
import { demandedBits } from './demanded-bits.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/** The pass. A value with no entry is looked at in full. */
export function narrow(code: FunctionCode, { modes }: PassContext): FunctionCode {
  const demanded = demandedBits(code);
  return new Rewriter(code, modes).run({
    pure: (old, args) => {
      const bits = demanded[old.id];
      return bits === undefined ? undefined : sameOn(old, args, bits);
    },
  });
}

/** An argument that is equal to the value on the bits that count. */
function sameOn(value: Value, args: readonly Value[], bits: bigint): Value | undefined {
  const [a, b] = args;
  if (a === undefined) return undefined;
  const constant = b !== undefined && isConst(b) ? b.imm : undefined;
  switch (value.op) {
    case 'and':
      return constant !== undefined && (bits & ~constant & a.ones) === 0n ? a : undefined;
    case 'or':
    case 'xor':
      return constant !== undefined && (bits & constant) === 0n ? a : undefined;
    case 'sext8':
      return bits <= 0xffn ? a : undefined;
    case 'sext16':
      return bits <= 0xffffn ? a : undefined;
    case 'sext32':
      return bits <= mask32 ? a : undefined;
    default:
      return undefined;
  }
}
