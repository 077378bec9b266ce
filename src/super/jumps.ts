/** Conditional jumps as relations: which one asks the opposite, and what is known of operands settles. */
import { type BpfVersion, has } from '../bpf/index.js';
import { type Insn, insnClass, op } from '../isa/index.js';

/** Each comparison's opposite; JSET and `may_goto` have none. */
const opposites: ReadonlyMap<number, number> = new Map(
  [
    [op.JEQ, op.JNE],
    [op.JGT, op.JLE],
    [op.JGE, op.JLT],
    [op.JSGT, op.JSLE],
    [op.JSGE, op.JSLT],
  ].flatMap(([a = 0, b = 0]) => [
    [a, b],
    [b, a],
  ]),
);

/** Jumps that came with v2. */
const newer: ReadonlySet<number> = new Set([op.JLT, op.JLE, op.JSLT, op.JSLE]);

/** The jump that is taken where this one is not, if that version has it. */
export function invertedJump(insn: Insn | undefined, version: BpfVersion = 'v4'): Insn | undefined {
  const opposite = insn === undefined ? undefined : opposites.get(insn.code & 0xf0);
  if (opposite !== undefined && newer.has(opposite) && !has(version, 'v2')) return undefined;
  return insn === undefined || opposite === undefined ? undefined : { ...insn, code: (insn.code & ~0xf0) | opposite };
}

/** Is the jump taken for these operands (unsigned, 64 bits)? Undefined for `may_goto`. */
export function jumpHolds(insn: Insn, left: bigint, right: bigint): boolean | undefined {
  const bits = insnClass(insn) === op.JMP32 ? 32 : 64;
  const a = BigInt.asUintN(bits, left);
  const b = BigInt.asUintN(bits, right);
  const sa = BigInt.asIntN(bits, left);
  const sb = BigInt.asIntN(bits, right);
  switch (insn.code & 0xf0) {
    case op.JEQ:
      return a === b;
    case op.JNE:
      return a !== b;
    case op.JGT:
      return a > b;
    case op.JGE:
      return a >= b;
    case op.JLT:
      return a < b;
    case op.JLE:
      return a <= b;
    case op.JSGT:
      return sa > sb;
    case op.JSGE:
      return sa >= sb;
    case op.JSLT:
      return sa < sb;
    case op.JSLE:
      return sa <= sb;
    case op.JSET:
      return (a & b) !== 0n;
    default:
      return undefined;
  }
}
