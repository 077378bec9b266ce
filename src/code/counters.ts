/**
 * Where counters have to stand so that it follows from them how often every instruction ran, and which ways jumps went
 * (Knuth and Stevenson, "Optimal measurement points for program frequency counts", 1973, with the points fixed instead
 * of chosen by weight): at the beginning of each function, at the head of each loop, behind each tail call (which only
 * one that fails goes on behind), and where a conditional jump jumps. All other blocks run as often as they are come
 * to.
 */
import { type Insn, isConditionalJump, isExit, isLddw, isUnconditionalJump, jumpTarget } from '../isa/index.js';
import { functionEntries, isTailCall } from './calls.js';
import { leaders } from './leaders.js';

/** Counters of one program, by number from 0. */
export interface CounterPlan {
  readonly count: number;
  /** Counters at the beginning of blocks, by first slot. */
  readonly blocks: ReadonlyMap<number, number>;
  /** Counters of conditional jumps that jump, by slot. */
  readonly jumps: ReadonlyMap<number, number>;
}

/** How often each slot ran, and each conditional jump jumped. */
export interface SlotCounts {
  readonly runs: Float64Array;
  readonly jumps: Float64Array;
}

/** A block's last slot, and how control leaves it. */
interface Leaving {
  readonly last: number;
  /** Slot that follows when nothing jumps. */
  readonly next: number | undefined;
  /** Slot that the conditional jump at the end goes to, unless that is the next one as well. */
  readonly taken: number | undefined;
}

/** What is counted of a program. */
export function planCounters(insns: readonly Insn[]): CounterPlan {
  const blocks = new Map<number, number>();
  const jumps = new Map<number, number>();
  let count = 0;
  const { order, heads, leavings } = flowOf(insns);
  for (const start of order) {
    if (heads.has(start)) blocks.set(start, count++);
    const leaving = leavings.get(start);
    if (leaving?.taken !== undefined) jumps.set(leaving.last, count++);
  }
  return { count, blocks, jumps };
}

/** What follows from the counters' values: `counted[i]` is that of counter i of {@link planCounters}. */
export function slotCounts(insns: readonly Insn[], counted: ArrayLike<number>): SlotCounts {
  const plan = planCounters(insns);
  const { order, heads, leavings } = flowOf(insns);
  const runs = new Float64Array(insns.length);
  const jumps = new Float64Array(insns.length);
  const came = new Float64Array(insns.length);
  for (const start of order) {
    const measured = plan.blocks.get(start);
    const n = heads.has(start) && measured !== undefined ? (counted[measured] ?? 0) : (came[start] ?? 0);
    const leaving = leavings.get(start);
    if (leaving === undefined) continue;
    const { last, next, taken } = leaving;
    // The second slot of a 64-bit load is no instruction of its own.
    for (let pc = start; pc <= last; pc += isLddw(insns[pc] as Insn) ? 2 : 1) runs[pc] = n;
    const jumped = counted[plan.jumps.get(last) ?? -1] ?? 0;
    if (taken !== undefined) {
      jumps[last] = jumped;
      came[taken] = (came[taken] ?? 0) + jumped;
    }
    if (next !== undefined) came[next] = (came[next] ?? 0) + n - jumped;
  }
  return { runs, jumps };
}

/** Blocks that can be reached, each after all that lead to it but for ways back, and those that are counted. */
function flowOf(insns: readonly Insn[]): {
  readonly order: readonly number[];
  readonly heads: ReadonlySet<number>;
  readonly leavings: ReadonlyMap<number, Leaving>;
} {
  const starts = leaders(insns, isTailCall);
  const entries = functionEntries(insns);
  const heads = new Set(entries);
  const leavings = new Map<number, Leaving>();
  const post: number[] = [];
  /** 1: on the way from the entry to here; 2: done. */
  const state = new Map<number, 1 | 2>();
  for (const entry of entries) {
    const stack: { readonly start: number; readonly ways: number[] }[] = [];
    const enter = (start: number): void => {
      const leaving = leavingOf(insns, start, starts, entries);
      leavings.set(start, leaving);
      if (leaving.next !== undefined && isTailCall(insns[leaving.last] as Insn)) heads.add(leaving.next);
      state.set(start, 1);
      stack.push({ start, ways: [leaving.next, leaving.taken].filter((way) => way !== undefined) });
    };
    if (!state.has(entry)) enter(entry);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const way = top.ways.pop();
      if (way === undefined) {
        state.set(top.start, 2);
        post.push(top.start);
        stack.pop();
      } else if (state.get(way) === 1) heads.add(way);
      else if (!state.has(way) && way < insns.length) enter(way);
    }
  }
  return { order: post.reverse(), heads, leavings };
}

function leavingOf(
  insns: readonly Insn[],
  start: number,
  starts: ReadonlySet<number>,
  entries: ReadonlySet<number>,
): Leaving {
  for (let pc = start; pc < insns.length; ) {
    const insn = insns[pc] as Insn; // pc is in range
    const next = pc + (isLddw(insn) ? 2 : 1);
    if (isExit(insn)) return { last: pc, next: undefined, taken: undefined };
    if (isUnconditionalJump(insn)) return { last: pc, next: jumpTarget(insn, pc), taken: undefined };
    if (isConditionalJump(insn)) {
      const target = jumpTarget(insn, pc);
      return { last: pc, next: pc + 1, taken: target === pc + 1 ? undefined : target };
    }
    if (starts.has(next) || entries.has(next)) return { last: pc, next, taken: undefined };
    pc = next;
  }
  return { last: insns.length - 1, next: undefined, taken: undefined };
}
