/**
 * What both ways behind a branch begin with stands once, before the branch:
 *
 *     if c goto a; x = y; ... a: x = y; ...     -> x = y; if c goto a; ... a: ...
 *
 * also where one of them is a branch again and its ways begin so, or no one asks for x on it. A block that does
 * nothing but make results of which the other way knows nothing goes before the branch as a whole, which saves the
 * jump behind it. For size: what is moved may run in vain.
 */
import { isLddw } from '../../isa/index.js';
import { demandsOf } from '../analyses.js';
import type { Demands } from '../demand.js';
import { isAlu, isLoad, isStore, reads, writes } from '../effects.js';
import { codeSize } from '../emit.js';
import { type Block, type FunctionCode, followers, jointOp, type Op, predecessors } from '../function-code.js';
import type { PassContext } from './pass.js';
import { opKey } from './same.js';

/** Branches in a row that something may move over. */
const maxDepth = 6;

/** Most instructions of a block that goes before a branch as a whole. */
const maxWhole = 3;

/** The pass: one change at a time, since what is asked for changes with each. */
export function heads(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (new Lifter(code, context).run()) changed = true;
  return changed;
}

/** An instruction of a block by its place. */
interface Found {
  readonly block: Block;
  readonly at: number;
}

/** Looks for one change. */
class Lifter {
  private readonly code: FunctionCode;
  private readonly context: PassContext;
  private readonly before: ReadonlyMap<Block, readonly Block[]>;
  private readonly demands: Demands;

  constructor(code: FunctionCode, context: PassContext) {
    this.code = code;
    this.context = context;
    this.before = predecessors(code);
    this.demands = demandsOf(code);
  }

  run(): boolean {
    return this.code.blocks.some((block) => this.lift(block, 'next') || this.lift(block, 'taken'));
  }

  /** Moves something from one way's beginning before the branch. */
  private lift(block: Block, way: 'taken' | 'next'): boolean {
    const { branch, taken, next } = block;
    const [from, other] = way === 'taken' ? [taken, next] : [next, taken];
    if (branch === undefined || from === undefined || other === undefined || from === other) return false;
    if (!this.isOwn(from) || from === block || other === block) return false;
    for (const [at, each] of from.ops.entries()) {
      if ((writes(each.insn) & reads(branch.insn)) !== 0 || !isMovable(each) || !mayRise(from.ops, at)) continue;
      const equal = this.ofWay(other, each, 0);
      // On its way up a load or store may not be one too many.
      if (equal === undefined || equal.length === 0 || !this.context.allow(each)) continue;
      // What is known before the branch is less than behind it.
      const all = equal.map((found) => found.block.ops[found.at] as Op); // as found
      const lifted = all.reduce(jointOp, { ...each, facts: undefined });
      for (const found of [{ block: from, at }, ...equal]) found.block.ops = found.block.ops.toSpliced(found.at, 1);
      block.ops = [...block.ops, lifted];
      return true;
    }
    return this.liftWhole(block, way, from, other);
  }

  /** Where the way has the same instruction; none: it need not have it; undefined: it must not be done before it. */
  private ofWay(block: Block, each: Op, depth: number): Found[] | undefined {
    const isOwn = this.isOwn(block);
    if (isOwn) {
      const key = opKey(each);
      const at = block.ops.findIndex((other) => opKey(other) === key);
      if (at >= 0 && mayRise(block.ops, at)) return [{ block, at }];
    }
    const { branch } = block;
    const isFree = isOwn && depth < maxDepth && branch !== undefined && (reads(branch.insn) & writes(each.insn)) === 0;
    const mayPass = isFree && block.taken !== block.next && mayRise([...block.ops, each], block.ops.length);
    const behind = mayPass ? followers(block).map((next) => this.ofWay(next, each, depth + 1)) : [undefined];
    const isUnasked = isPure(each) && (this.demands.atHead(block).regs[each.insn.dst] ?? 0n) === 0n;
    return behind.includes(undefined) ? (isUnasked ? [] : undefined) : behind.flatMap((found) => found ?? []);
  }

  /** A short block that ends in a jump, all of it. */
  private liftWhole(block: Block, way: 'taken' | 'next', from: Block, other: Block): boolean {
    const { branch } = block;
    const { ops, next } = from;
    if (ops.length === 0 || ops.length > maxWhole || from.branch !== undefined || next === undefined) return false;
    const asked = this.demands.atHead(other).regs;
    const read = branch === undefined ? 0 : reads(branch.insn);
    const [first] = ops;
    const isFree = ops.every(
      (each) => isPure(each) && (writes(each.insn) & read) === 0 && (asked[each.insn.dst] ?? 0n) === 0n,
    );
    if (!isFree || first === undefined) return false;
    const size = codeSize(this.code);
    const old = block.ops;
    block.ops = [...old, ...ops.map((each) => ({ ...each, facts: undefined }))];
    block[way] = next;
    const { blocks } = this.code;
    this.code.blocks = blocks.filter((each) => each !== from);
    if (codeSize(this.code) < size && this.context.allow(first)) return true;
    block.ops = old;
    block[way] = from;
    this.code.blocks = blocks;
    return false;
  }

  /** One block alone leads to it, by one way. */
  private isOwn(block: Block): boolean {
    const before = this.before.get(block);
    const [pred] = before ?? [];
    return before?.length === 1 && pred?.taken !== pred?.next && block !== this.code.blocks[0];
  }
}

/** Makes a register's value and does nothing else. */
function isPure({ insn, pinned }: Op): boolean {
  return !pinned && (isAlu(insn) || isLddw(insn));
}

function isMovable(each: Op): boolean {
  return isPure(each) || (!each.pinned && (isLoad(each.insn) || isStore(each.insn)));
}

/** May the instruction at `at` be done before all that stand in front of it? */
function mayRise(ops: readonly Op[], at: number): boolean {
  const { insn } = ops[at] as Op; // callers pass an index of an op
  const isMemory = isLoad(insn) || isStore(insn);
  return ops.slice(0, at).every((other) => {
    const isMet = (writes(other.insn) & (reads(insn) | writes(insn))) !== 0 || (reads(other.insn) & writes(insn)) !== 0;
    // Of memory, only loads pass each other.
    const mayPass = isPure(other) || (isLoad(other.insn) && !isStore(insn));
    return !isMet && (!isMemory || mayPass);
  });
}
