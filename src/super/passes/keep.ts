/**
 * An argument that a rare way alone asks for stays where it is until then:
 *
 *     r6 = r1; r1 = *(u32 *)(r6 + 4); if r1 == 0 goto out; (r6 is read here)
 *         -> r6 = r1; r5 = *(u32 *)(r1 + 4); if r5 == 0 goto out; (...)
 *
 * What compilers put into the argument's register as soon as it is copied gets another one that is free, so the copy
 * has nothing in its way and `sink` moves it to where it is asked for. Only names of registers change here.
 */
import { isCall } from '../../isa/index.js';
import { isPacketLoad, writes } from '../effects.js';
import { type Block, type FunctionCode, followers } from '../function-code.js';
import { isCopy, Webs } from '../webs.js';
import type { PassContext } from './pass.js';

/** Registers that calls leave with anything, the least wanted first. */
const free: readonly number[] = [5, 4, 3, 2, 0, 1];

/** The pass: copies of arguments at the function's beginning, one by one. */
export function keep(code: FunctionCode, context: PassContext): boolean {
  const [entry] = code.blocks;
  if (entry === undefined) return false;
  let changed = false;
  for (const [i, each] of entry.ops.entries()) {
    const { dst, src } = each.insn;
    if (isCall(each.insn) || isPacketLoad(each.insn)) break;
    if (!isCopy(each.insn) || src === 10 || src === dst) continue;
    const webs = new Webs(code);
    const isArgument = webs.webBefore(entry, i, src) === webs.webBefore(entry, 0, src);
    if (!isArgument) continue;
    const { inTheWay, isInVain } = survey(webs, entry, i, dst, src);
    if (!isInVain || inTheWay.size === 0) continue;
    const moved = [...inTheWay].filter((web) => {
      const taken = new Set([...webs.neighbours(web)].map((other) => webs.color[other]));
      const register = free.find((r) => r !== src && !taken.has(r));
      if (register !== undefined) webs.color[web] = register;
      return register !== undefined;
    });
    if (moved.length === 0 || !context.allow(each)) continue;
    webs.rename(new Map());
    changed = true;
  }
  return changed;
}

/**
 * Follows all ways from the copy to the first calls: the webs that take the argument's register while the copy may
 * still be read, and whether there are ways that never read it.
 */
function survey(
  webs: Webs,
  entry: Block,
  start: number,
  copy: number,
  argument: number,
): { readonly inTheWay: ReadonlySet<number>; readonly isInVain: boolean } {
  const web = webs.webAfter(entry, start, copy);
  const meeting = webs.neighbours(web);
  const inTheWay = new Set<number>();
  const seen = new Set([entry]);
  let isInVain = false;
  for (const block of seen) {
    const from = block === entry ? start + 1 : 0;
    const ops = block.ops.slice(from);
    const stop = ops.findIndex(({ insn }) => isCall(insn) || isPacketLoad(insn));
    for (const [at, { insn }] of (stop < 0 ? ops : ops.slice(0, stop)).entries()) {
      if ((writes(insn) & (1 << argument)) === 0) continue;
      const other = webs.webAfter(block, from + at, argument);
      if (meeting.has(other) && webs.isFixed[other] !== true) inTheWay.add(other);
    }
    if (stop >= 0) continue;
    for (const next of followers(block)) {
      const isRead = ((webs.liveIn.get(next) ?? 0) & (1 << copy)) !== 0;
      if (isRead) seen.add(next);
      else isInVain = true;
    }
  }
  return { inTheWay, isInVain };
}
