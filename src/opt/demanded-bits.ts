/** Which bits of each value someone looks at. Backwards from what is stored, passed, compared and returned. */
import {
  argumentsOf,
  endUses,
  type FunctionCode,
  fillRight,
  isConst,
  isRoot,
  liveBlocks,
  mask32,
  mask64,
  onesOf,
  swapBytes,
  type Value,
} from '../ir/index.js';

/** By id; undefined where no one looks. */
export function demandedBits(code: FunctionCode): readonly (bigint | undefined)[] {
  const demanded = new Array<bigint | undefined>(code.graph.code.length).fill(undefined);
  const work: Value[] = [];
  const demand = (value: Value, bits: bigint): void => {
    if (isConst(value)) return;
    const before = demanded[value.id];
    const after = (before ?? 0n) | bits;
    if (after === before) return;
    demanded[value.id] = after;
    work.push(value);
  };
  for (const { pinned, end } of liveBlocks(code)) {
    for (const value of pinned) if (isRoot(value)) demand(value, mask64);
    for (const value of endUses(end)) demand(value, end.kind === 'branch' ? 1n : mask64);
  }
  const argsOf = argumentsOf(code);
  for (let value = work.pop(); value !== undefined; value = work.pop()) {
    const bits = demanded[value.id] as bigint;
    const args = argsOf(value);
    for (let i = 0; i < args.length; i++) demand(args[i] as Value, bitsOfArgument(value, i, bits));
  }
  return demanded;
}

/** Operations that look at low bits of their operand only. */
const low: Readonly<Record<string, bigint>> = {
  sext8: 0xffn,
  sext16: 0xffffn,
  sext32: mask32,
  bswap16: 0xffffn,
  bswap32: mask32,
};

/** Bits of argument `index` on which the bits `bits` of the result depend. */
function bitsOfArgument(value: Value, index: number, bits: bigint): bigint {
  const [, b] = value.args;
  const constant = b !== undefined && isConst(b) ? b.imm : undefined;
  switch (value.op) {
    case 'and':
      return index === 0 && constant !== undefined ? bits & constant : bits;
    case 'or':
      return index === 0 && constant !== undefined ? bits & ~constant & mask64 : bits;
    case 'xor':
      return bits;
    case 'add':
    case 'sub':
    case 'mul':
    case 'ptr':
      return fillRight(bits);
    case 'add32':
    case 'sub32':
    case 'mul32':
      return fillRight(bits & mask32);
    case 'shl':
      return index === 0 && constant !== undefined ? bits >> constant : mask64;
    case 'shl32':
      return index === 0 && constant !== undefined ? (bits & mask32) >> constant : mask64;
    case 'shr':
      return index === 0 && constant !== undefined ? (bits << constant) & mask64 : mask64;
    case 'sext8':
    case 'sext16':
    case 'sext32': {
      const within = low[value.op] as bigint;
      return (bits & within) | ((bits & ~within) === 0n ? 0n : (within + 1n) >> 1n);
    }
    case 'bswap16':
      return swapBytes(bits, 2);
    case 'bswap32':
      return swapBytes(bits, 4);
    case 'bswap64':
      return swapBytes(bits, 8);
    case 'select':
      return index === 0 ? 1n : bits;
    case 'phi':
      // What it says to be 0 has to be 0.
      return bits | (~value.ones & mask64);
    case 'store':
      return index === 1 && value.detail?.kind === 'memory' ? onesOf(value.detail.size) : mask64;
    default:
      return mask64;
  }
}
