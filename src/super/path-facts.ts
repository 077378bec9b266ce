/**
 * What branches on the way have shown of values: how large they are, which numbers they are not, and how many bytes of
 * a packet there are. A name's value never changes (values.ts), so a fact once shown holds on every path that goes on
 * from there; where paths meet, what all of them have stays.
 */
import { type Insn, insnClass, op } from '../isa/index.js';
import { usesSource } from './effects.js';
import type { Op } from './function-code.js';
import { invertedJump, jumpHolds } from './jumps.js';
import { constantOf, u32, u64, type Value } from './values.js';

/** Least and greatest of a value, unsigned. */
export type Bounds = readonly [min: bigint, max: bigint];

/** Immutable: a branch makes another one. */
export interface PathFacts {
  readonly bounds: ReadonlyMap<Value, Bounds>;
  /** Numbers, of 64 bits, that a value does not have. */
  readonly apart: ReadonlyMap<Value, ReadonlySet<bigint>>;
  /**
   * By an address in a packet and its end, both without their constants (`terms|terms`): the most that can be added to
   * the first and is not past the second. Both are pointers that the verifier knows, so sums of them do not wrap.
   */
  readonly room: ReadonlyMap<string, bigint>;
}

/** Nothing known: at a function's head, and where a loop comes back. */
export const noFacts: PathFacts = { bounds: new Map(), apart: new Map(), room: new Map() };

/** What is known of a value's size. */
export function boundsOf({ bounds }: PathFacts, value: Value): Bounds {
  return bounds.get(value) ?? [value.terms.length === 0 ? value.offset : 0n, value.ones];
}

const lesser = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** What holds on all of the paths. */
export function commonFacts([first, ...rest]: readonly PathFacts[]): PathFacts {
  if (first === undefined) return noFacts;
  if (rest.length === 0) return first;
  const bounds = new Map<Value, Bounds>();
  for (const value of first.bounds.keys()) {
    const all = [first, ...rest].map((each) => boundsOf(each, value));
    bounds.set(value, [all.map(([min]) => min).reduce(lesser), all.map(([, max]) => max).reduce(greater)]);
  }
  const apart = new Map<Value, ReadonlySet<bigint>>();
  for (const [value, numbers] of first.apart) {
    const common = [...numbers].filter((number) => rest.every((each) => each.apart.get(value)?.has(number) === true));
    if (common.length > 0) apart.set(value, new Set(common));
  }
  const room = new Map<string, bigint>();
  for (const [key, bytes] of first.room) {
    const all = rest.map((each) => each.room.get(key));
    if (all.every((each) => each !== undefined)) room.set(key, all.reduce(lesser, bytes));
  }
  return { bounds, apart, room };
}

/** The operands of a comparison as they are named. */
export interface Operands {
  readonly left: Value;
  readonly right: Value;
}

/** The facts on one way of a branch. */
export function factsAlong(facts: PathFacts, branch: Op, isTaken: boolean, operands: Operands): PathFacts {
  const { insn } = branch;
  const held = isTaken ? insn : invertedJump(insn);
  if (held === undefined) return facts;
  const kind = held.code & 0xf0;
  if (branch.region === 'packet' && usesSource(insn)) return withRoom(facts, kind, operands);
  const right = constantOf(operands.right);
  if (right === undefined || operands.left.terms.length === 0) return facts;
  const isNarrow = insnClass(insn) === op.JMP32;
  if (kind === op.JNE) return isNarrow && operands.left.ones > u32 ? facts : withApart(facts, operands, isNarrow);
  return withBounds(facts, held, operands.left, right);
}

/** `left != right` */
function withApart(facts: PathFacts, { left, right }: Operands, isNarrow: boolean): PathFacts {
  const number = isNarrow ? right.offset & u32 : right.offset;
  const known = facts.apart.get(left) ?? [];
  return { ...facts, apart: new Map(facts.apart).set(left, new Set([...known, number])) };
}

/** The state with what a comparison with a constant says of the left side's size. */
function withBounds(facts: PathFacts, held: Insn, value: Value, right: bigint): PathFacts {
  const limit = insnClass(held) === op.JMP32 ? u32 : u64;
  const half = (limit + 1n) / 2n;
  const y = right & limit;
  let [min, max] = boundsOf(facts, value);
  const kind = held.code & 0xf0;
  if (max > limit || (isSigned(kind) && (max >= half || y >= half))) return facts;
  if ((kind === op.JGT || kind === op.JSGT) && y < limit) min = greater(min, y + 1n);
  else if (kind === op.JGE || kind === op.JSGE) min = greater(min, y);
  else if ((kind === op.JLT || kind === op.JSLT) && y > 0n) max = lesser(max, y - 1n);
  else if (kind === op.JLE || kind === op.JSLE) max = lesser(max, y);
  else if (kind === op.JEQ) [min, max] = [greater(min, y), lesser(max, y)];
  else return facts;
  if (min > max) return facts;
  return { ...facts, bounds: new Map(facts.bounds).set(value, [min, max]) };
}

function isSigned(kind: number): boolean {
  return kind === op.JSGT || kind === op.JSGE || kind === op.JSLT || kind === op.JSLE;
}

/** Two sums apart from their constants, and by how much the first one's is larger. */
function distance(a: Value, b: Value): { readonly key: string; readonly more: bigint } {
  return { key: `${a.base}|${b.base}`, more: BigInt.asIntN(64, a.offset - b.offset) };
}

/** A comparison of two addresses in a packet, or of one with the end. */
function withRoom(facts: PathFacts, kind: number, { left, right }: Operands): PathFacts {
  const isLess = kind === op.JLT || kind === op.JLE;
  if (!isLess && kind !== op.JGT && kind !== op.JGE) return facts;
  const { key, more } = isLess ? distance(left, right) : distance(right, left);
  const bytes = kind === op.JLT || kind === op.JGT ? more + 1n : more;
  const known = facts.room.get(key);
  if (known !== undefined && known >= bytes) return facts;
  return { ...facts, room: new Map(facts.room).set(key, bytes) };
}

/** Is the branch decided by what its way has shown? */
export function decidedBy(facts: PathFacts, branch: Op, { left, right }: Operands): boolean | undefined {
  const { insn } = branch;
  const x = constantOf(left);
  const y = constantOf(right);
  if (x !== undefined && y !== undefined) return jumpHolds(insn, x, y);
  if (branch.region === 'packet' && usesSource(insn)) return decidedByRoom(facts, insn.code & 0xf0, { left, right });
  if (y === undefined) return undefined;
  return (
    decidedByBits(insn, left.ones, y) ??
    decidedByBounds(insn, boundsOf(facts, left), y) ??
    decidedByNumbers(facts, insn, left, y)
  );
}

/** `a + x <= b`, so every smaller sum is not past b either. */
function decidedByRoom({ room }: PathFacts, kind: number, { left, right }: Operands): boolean | undefined {
  const isIn = (a: Value, b: Value, least: bigint): boolean => {
    const { key, more } = distance(a, b);
    const known = room.get(key);
    return known !== undefined && more + least <= known;
  };
  switch (kind) {
    case op.JGT:
      return isIn(left, right, 0n) ? false : undefined;
    case op.JGE:
      return isIn(left, right, 1n) ? false : undefined;
    case op.JLE:
      return isIn(left, right, 0n) ? true : undefined;
    case op.JLT:
      return isIn(left, right, 1n) ? true : undefined;
    default:
      return undefined;
  }
}

/** Equalities with a number that the value was seen not to have. */
function decidedByNumbers({ apart }: PathFacts, insn: Insn, left: Value, right: bigint): boolean | undefined {
  const kind = insn.code & 0xf0;
  if (kind !== op.JEQ && kind !== op.JNE) return undefined;
  const isNarrow = insnClass(insn) === op.JMP32;
  if (isNarrow && left.ones > u32) return undefined;
  const isApart = apart.get(left)?.has(BigInt.asUintN(isNarrow ? 32 : 64, right)) === true;
  return isApart ? kind === op.JNE : undefined;
}

/** The most that the left side can be, against a constant. */
function decidedByBits(insn: Insn, ones: bigint, right: bigint): boolean | undefined {
  const isNarrow = insnClass(insn) === op.JMP32;
  const most = isNarrow ? ones & u32 : ones;
  const y = isNarrow ? right & u32 : right;
  switch (insn.code & 0xf0) {
    case op.JGT:
      return most <= y ? false : undefined;
    case op.JLE:
      return most <= y ? true : undefined;
    case op.JGE:
      return y === 0n ? true : most < y ? false : undefined;
    case op.JLT:
      return y === 0n ? false : most < y ? true : undefined;
    case op.JEQ:
      return (y & ~most) !== 0n ? false : undefined;
    case op.JNE:
      return (y & ~most) !== 0n ? true : undefined;
    case op.JSET:
      return (most & y) === 0n ? false : undefined;
    default:
      return undefined;
  }
}

/** Both ends of the range on one side of the constant; the relation is monotone. */
function decidedByBounds(insn: Insn, [min, max]: Bounds, right: bigint): boolean | undefined {
  const limit = insnClass(insn) === op.JMP32 ? u32 : u64;
  const half = (limit + 1n) / 2n;
  const y = right & limit;
  const kind = insn.code & 0xf0;
  if (max > limit || (isSigned(kind) && (max >= half || y >= half))) return undefined;
  if (kind === op.JEQ || kind === op.JNE) return y < min || y > max ? kind === op.JNE : undefined;
  if (kind === op.JSET || kind === op.JCOND) return undefined;
  const low = jumpHolds(insn, min, y);
  return low === jumpHolds(insn, max, y) ? low : undefined;
}
