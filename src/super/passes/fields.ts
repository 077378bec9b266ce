/**
 * A copy of an XDP program's context of which one field alone is read, as often as not: the field is read instead.
 *
 *     r9 = r1; ...; call f; w2 = *(u32 *)(r9 + 12)     -> w9 = *(u32 *)(r1 + 12); ...; call f; r2 = r9
 *
 * Fields behind the packet's addresses (interfaces, queue) are the same as long as the program runs.
 */
import { isLoad, reads, writes } from '../effects.js';
import type { Block, FunctionCode, Op } from '../function-code.js';
import { isCopy, Webs } from '../webs.js';
import type { PassContext } from './pass.js';

/** `struct xdp_md` from `ingress_ifindex` on. */
const firstConstant = 12;

/** The pass: one copy at a time. */
export function fields(code: FunctionCode, context: PassContext): boolean {
  if (!code.isXdp) return false;
  let changed = false;
  while (readOne(code, context)) changed = true;
  return changed;
}

function readOne(code: FunctionCode, context: PassContext): boolean {
  const [entry] = code.blocks;
  const copies = entry?.ops.some(({ insn }) => isCopy(insn)) ? new Webs(code) : undefined;
  if (entry === undefined || copies === undefined) return false;
  for (const [at, each] of entry.ops.entries()) {
    const { dst, src } = each.insn;
    if (!isCopy(each.insn) || src === dst || copies.webBefore(entry, at, src) !== copies.webBefore(entry, 0, 1))
      continue;
    const found = readsOf(copies, copies.webAfter(entry, at, dst));
    const [first] = found ?? [];
    if (found === undefined || first === undefined || !pays(code, entry, found) || !context.allow(each)) continue;
    const { insn, region } = first.load;
    entry.ops = entry.ops.with(at, { ...each, insn: { ...insn, dst, src }, region });
    for (const { block, load } of found) {
      const copy = { ...each.insn, dst: load.insn.dst, src: dst };
      block.ops = block.ops.map((other) =>
        other === load ? { ...load, insn: copy, region: undefined, facts: undefined } : other,
      );
    }
    return true;
  }
  return false;
}

interface Read {
  readonly block: Block;
  readonly load: Op;
}

/** All reads of a web that one copy makes, if they are loads of one constant field. */
function readsOf(webs: Webs, web: number): Read[] | undefined {
  const found: Read[] = [];
  let definitions = 0;
  for (const block of webs.order) {
    const { branch, ops } = block;
    for (const [i, each] of [...ops, ...(branch === undefined ? [] : [branch])].entries()) {
      const { insn, pinned, region } = each;
      for (let r = 0; r < 10; r++) {
        if ((writes(insn) & (1 << r)) !== 0 && webs.webAfter(block, i, r) === web) definitions++;
        if ((reads(insn) & (1 << r)) === 0 || webs.webBefore(block, i, r) !== web) continue;
        const isField = isLoad(insn) && !pinned && region === 'ctx' && insn.off >= firstConstant;
        const like = found[0]?.load.insn ?? insn;
        if (!isField || like.off !== insn.off || like.code !== insn.code) return undefined;
        found.push({ block, load: each });
      }
    }
  }
  return definitions === 1 ? found : undefined;
}

/** A load takes twice as long as a move by the table of single instructions (docs/opt.md). */
function pays(code: FunctionCode, entry: Block, found: readonly Read[]): boolean {
  if (code.profile === undefined) return true;
  return 2 * found.reduce((sum, { block }) => sum + (block.weight ?? 0), 0) >= (entry.weight ?? 0);
}
