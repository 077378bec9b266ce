/** Bits that phis can have, by an optimistic fixed point: nothing is possible until an argument says so. */
import {
  type FunctionCode,
  isConst,
  liveBlocks,
  mask32,
  mask64,
  opTable,
  resultOnes,
  type Value,
} from '../ir/index.js';

/** Rounds in which bits may be added one by one; then a phi that still grows may have any. */
const patience = 4;

/** Phis whose bits are fewer than they say, and which. */
export function phiBits(code: FunctionCode): ReadonlyMap<Value, bigint> {
  const phis = liveBlocks(code).flatMap((block) => block.phis);
  const bits = new Map<Value, bigint>(phis.map(({ value }) => [value, 0n]));
  for (let round = 0, changed = true; changed; round++) {
    changed = false;
    const memo = new Map<Value, bigint>();
    for (const { value: phi, args } of phis) {
      const before = bits.get(phi) ?? phi.ones;
      let after = args.reduce((all, arg) => all | bitsOf(arg, bits, memo), before) & phi.ones;
      if (after === before) continue;
      if (round >= patience) after = phi.ones & (after <= mask32 && round < 2 * patience ? mask32 : mask64);
      bits.set(phi, after);
      changed = true;
    }
  }
  return new Map([...bits].filter(([phi, ones]) => ones !== phi.ones));
}

/** Bits of a value under the present assumption about phis; the memo holds for one round only. */
function bitsOf(value: Value, phis: ReadonlyMap<Value, bigint>, memo: Map<Value, bigint>): bigint {
  if (isConst(value)) return value.imm;
  const known = phis.get(value) ?? memo.get(value);
  if (known !== undefined) return known;
  if (opTable[value.op].kind !== 'pure' || value.op === 'ptr') return value.ones;
  memo.set(value, value.ones);
  const [a, b, c] = value.args;
  const of = (arg: Value | undefined): Value | undefined =>
    arg === undefined || isConst(arg) ? arg : { ...arg, ones: bitsOf(arg, phis, memo) };
  const ones =
    value.op === 'select'
      ? bitsOf(b as Value, phis, memo) | bitsOf(c as Value, phis, memo)
      : resultOnes(value.op, of(a), of(b ?? a));
  const result = ones & value.ones;
  memo.set(value, result);
  return result;
}
