/**
 * Constant propagation through ranges: bits that phis can have, and comparisons that the intervals of their operands
 * decide, given what the branches on the path say.
 */
import { type FunctionCode, isConst, mask64, opTable, type Value } from '../ir/index.js';
import type { PassContext } from './pass.js';
import { type Fact, followed, PathFacts } from './path-facts.js';
import { phiBits } from './phi-bits.js';
import { Rewriter } from './rewriter.js';

/** The pass. Only conditions of branches are asked for: intervals of all values would cost more than they find. */
export function ranges(code: FunctionCode, { modes }: PassContext): FunctionCode {
  const bits = phiBits(code);
  const rewriter = new Rewriter(code, modes);
  const facts = new PathFacts(rewriter);
  return rewriter.run({
    enter: (block) => facts.enter(block),
    phiOnes: (phi) => bits.get(phi),
    end: (end) => (end.kind === 'branch' ? followed(end, compare(end.condition, facts.now)) : end),
    leave: (pinned, block) => {
      facts.leave(block);
      return pinned;
    },
  });
}

/** Unsigned, both ends included. */
export interface Interval {
  readonly lo: bigint;
  readonly hi: bigint;
}

const everything: Interval = { lo: 0n, hi: mask64 };
/** Operations that are looked through. */
const maxDepth = 4;

/** Whether a comparison holds, if the intervals say so. */
export function compare(condition: Value, facts: Fact | undefined): boolean | undefined {
  const [a, b] = condition.args;
  if (isConst(condition)) return condition.imm !== 0n;
  if (opTable[condition.op].width !== 1 || a === undefined || b === undefined) return undefined;
  if (a.op === 'ptr' || b.op === 'ptr') return undefined;
  const x = intervalOf(a, facts);
  const y = intervalOf(b, facts);
  switch (condition.op) {
    case 'eq':
      if (x.hi < y.lo || y.hi < x.lo) return false;
      return x.lo === x.hi && y.lo === y.hi ? true : undefined;
    case 'ult':
      return x.hi < y.lo ? true : x.lo >= y.hi ? false : undefined;
    case 'ule':
      return x.hi <= y.lo ? true : x.lo > y.hi ? false : undefined;
    case 'slt':
    case 'sle': {
      if (x.hi >> 63n !== 0n || y.hi >> 63n !== 0n) return undefined;
      const isStrict = condition.op === 'slt';
      if (isStrict ? x.hi < y.lo : x.hi <= y.lo) return true;
      return (isStrict ? x.lo >= y.hi : x.lo > y.hi) ? false : undefined;
    }
    default:
      return undefined;
  }
}

/** Numbers that a value can be where the facts hold. */
export function intervalOf(value: Value, facts: Fact | undefined, depth = 0): Interval {
  if (isConst(value)) return { lo: value.imm, hi: value.imm };
  let { lo, hi } = meet(ofBits(value), depth < maxDepth ? ofOperation(value, facts, depth) : everything);
  for (let fact = facts; fact !== undefined; fact = fact.before) {
    const { args } = fact.condition;
    if (args[0] === value || args[1] === value) ({ lo, hi } = meet({ lo, hi }, ofFact(value, fact, lo)));
  }
  // A path that cannot be: anything holds there, so nothing is claimed.
  return lo <= hi ? { lo, hi } : ofBits(value);
}

/** What both intervals say. */
function meet(a: Interval, b: Interval): Interval {
  return { lo: max(a.lo, b.lo), hi: min(a.hi, b.hi) };
}

function ofBits(value: Value): Interval {
  return { lo: 0n, hi: value.ones };
}

/**
 * What a fact about a comparison with a constant says of the value; signed comparisons say
 * nothing here. `lo`: below which the value is known not to be, so that `x != lo` moves the bound.
 */
function ofFact(value: Value, { condition, holds }: Fact, lo: bigint): Interval {
  const [a, b] = condition.args;
  if (a === undefined || b === undefined) return everything;
  if (a === value && isConst(b)) {
    const c = b.imm;
    if (condition.op === 'ult') return holds ? { lo: 0n, hi: c - 1n } : { lo: c, hi: mask64 };
    if (condition.op === 'ule') return holds ? { lo: 0n, hi: c } : { lo: c + 1n, hi: mask64 };
    if (condition.op === 'eq') return holds ? { lo: c, hi: c } : c === lo ? { lo: c + 1n, hi: mask64 } : everything;
  }
  if (b === value && isConst(a)) {
    const c = a.imm;
    if (condition.op === 'ult') return holds ? { lo: c + 1n, hi: mask64 } : { lo: 0n, hi: c };
    if (condition.op === 'ule') return holds ? { lo: c, hi: mask64 } : { lo: 0n, hi: c - 1n };
  }
  return everything;
}

/** The interval of a result from those of its operands. A sum or product that may wrap round is anything. */
function ofOperation(value: Value, facts: Fact | undefined, depth: number): Interval {
  const [a, b, c] = value.args;
  if (a === undefined || b === undefined || value.op === 'phi') return everything;
  const of = (arg: Value): Interval => intervalOf(arg, facts, depth + 1);
  const within = (lo: bigint, hi: bigint): Interval => (lo >= 0n && hi <= mask64 ? { lo, hi } : everything);
  switch (value.op) {
    case 'add': {
      const [x, y] = [of(a), of(b)];
      return within(x.lo + y.lo, x.hi + y.hi);
    }
    case 'sub': {
      const [x, y] = [of(a), of(b)];
      return within(x.lo - y.hi, x.hi - y.lo);
    }
    case 'mul': {
      const [x, y] = [of(a), of(b)];
      return within(x.lo * y.lo, x.hi * y.hi);
    }
    case 'and': {
      const [x, y] = [of(a), of(b)];
      return { lo: 0n, hi: min(x.hi, y.hi) };
    }
    case 'or':
      return { lo: max(of(a).lo, of(b).lo), hi: mask64 };
    case 'shr':
      if (!isConst(b)) return { lo: 0n, hi: of(a).hi };
      return { lo: of(a).lo >> b.imm, hi: of(a).hi >> b.imm };
    case 'shl':
      return isConst(b) ? within(of(a).lo << b.imm, of(a).hi << b.imm) : everything;
    case 'udiv':
      return isConst(b) && b.imm !== 0n ? { lo: of(a).lo / b.imm, hi: of(a).hi / b.imm } : { lo: 0n, hi: of(a).hi };
    case 'umod':
      return isConst(b) && b.imm !== 0n ? { lo: 0n, hi: min(of(a).hi, b.imm - 1n) } : { lo: 0n, hi: of(a).hi };
    case 'select': {
      const [x, y] = [of(b), of(c as Value)];
      return { lo: min(x.lo, y.lo), hi: max(x.hi, y.hi) };
    }
    default:
      return everything;
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
