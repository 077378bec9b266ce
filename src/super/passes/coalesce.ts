/**
 * Copies whose two registers can be one: a copy goes where its two sides don't meet and some register is free for both
 * (coalescing without spilling: there are no more webs than registers at any place already).
 */
import type { Block, FunctionCode } from '../function-code.js';
import { isCopy, Webs } from '../webs.js';
import type { PassContext } from './pass.js';

/** The pass: copies that go leave others that can, since less is alive. */
export function coalesce(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (coalesceOnce(new Webs(code), context)) changed = true;
  return changed;
}

/**
 * Takes out all copies that can go; false if there is none. Webs that became one meet what either met, which is more
 * than will be true, and never less.
 */
function coalesceOnce(webs: Webs, context: PassContext): boolean {
  const gone = new Map<Block, Set<number>>();
  for (const block of webs.order) {
    for (const [i, each] of block.ops.entries()) {
      const { insn } = each;
      if (!isCopy(insn) || insn.dst === insn.src || insn.src === 10) continue;
      const a = webs.webAfter(block, i, insn.dst);
      const b = webs.webBefore(block, i, insn.src);
      if (a === b || webs.isMet(a, b)) continue;
      const register = sharedRegister(webs, a, b);
      if (register === undefined || !context.allow(each)) continue;
      webs.unite(a, b);
      webs.color[webs.find(a)] = register;
      const here = gone.get(block);
      if (here === undefined) gone.set(block, new Set([i]));
      else here.add(i);
    }
  }
  if (gone.size > 0) webs.rename(gone);
  return gone.size > 0;
}

/** A register that both webs can have. */
function sharedRegister(webs: Webs, a: number, b: number): number | undefined {
  const [ofA, ofB] = [webs.color[a] as number, webs.color[b] as number]; // roots
  const isFixedA = webs.isFixed[a] === true;
  const isFixedB = webs.isFixed[b] === true;
  if (isFixedA && isFixedB && ofA !== ofB) return undefined;
  const taken = new Set([...webs.neighbours(a), ...webs.neighbours(b)].map((web) => webs.color[web]));
  const wanted = isFixedA ? [ofA] : isFixedB ? [ofB] : [ofA, ofB];
  return wanted.find((register) => register !== 10 && !taken.has(register));
}
