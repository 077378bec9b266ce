/**
 * Checks of a packet's bounds on one path become one, the strongest, where nearly all packets are long enough:
 *
 *     if p + 14 > end goto out; ...; if p + 34 > end goto out; ...; if p + 54 > end goto out; ...
 *     -> if p + 54 > end goto short; ... ...        short: the code as it was
 *
 * What a packet that is shorter does is what it did before, so the code stands twice; in the copy the checks are
 * decided by what the first one showed (path-facts.ts). How long packets are is known from samples.
 */
import { type Insn, insnClass, op } from '../../isa/index.js';
import { flowOf } from '../analyses.js';
import { writes } from '../effects.js';
import { type Block, blockOrder, type FunctionCode, followers, type Op, opsOf } from '../function-code.js';
import type { PassContext } from './pass.js';

/** Most instructions of a function that is doubled. */
const maxOps = 1500;
/** Instructions of a check: copy, sum, comparison. */
const checkCost = 3;
/** Share of the packets that are taken to be too short: weights order blocks, and these come last. */
const shortShare = 0.02;

/** The pass: one check is made stronger at a time, since the code is another one then. */
export function lengths(code: FunctionCode, context: PassContext): boolean {
  if (code.profile === undefined || opsOf(code.blocks) > maxOps) return false;
  const checks = checksOf(code);
  for (const first of checks) {
    const later = checks.filter((each) => each.key === first.key && each.bytes > first.bytes);
    const best = strongest(code, first, later);
    if (best === undefined) continue;
    const { branch } = first.block;
    if (branch === undefined || !context.allow(branch)) return false;
    strengthen(code, first, best);
    return true;
  }
  return false;
}

/** `if p + bytes > end goto taken` */
interface Check {
  readonly block: Block;
  /** Register that holds the sum. */
  readonly register: number;
  /** Address and end without their constants. */
  readonly key: string;
  readonly bytes: number;
  /** How often it is made. */
  readonly weight: number;
}

/** All checks of that form, in the order of the code. */
function checksOf(code: FunctionCode): Check[] {
  const flow = flowOf(code);
  const checks: Check[] = [];
  for (const block of blockOrder(code)) {
    const { branch } = block;
    const state = flow.exit.get(block);
    if (branch === undefined || state === undefined || branch.region !== 'packet') continue;
    const { insn } = branch;
    if (insnClass(insn) !== op.JMP || (insn.code & 0xf8) !== (op.JGT | op.X)) continue;
    const [sum, end] = [state.regs[insn.dst], state.regs[insn.src]];
    if (sum === undefined || end === undefined || end.offset !== 0n) continue;
    const bytes = Number(BigInt.asIntN(64, sum.offset));
    const key = `${sum.base}|${end.base}`;
    checks.push({ block, register: insn.dst, key, bytes, weight: block.weight ?? 0 });
  }
  return checks;
}

/** The number of bytes that saves the most; undefined if none saves anything. */
function strongest(code: FunctionCode, first: Check, later: readonly Check[]): number | undefined {
  const all = code.profile?.lengths ?? [];
  const share = (bytes: number): number => all.filter((length) => length >= bytes).length / Math.max(1, all.length);
  let best: number | undefined;
  let most = 0;
  for (const bytes of new Set(later.map((each) => each.bytes))) {
    const saved = later.filter((each) => each.bytes <= bytes).reduce((sum, { weight }) => sum + weight, 0);
    const gain = checkCost * (share(bytes) * saved - (1 - share(bytes)) * first.weight);
    if (gain > most) [most, best] = [gain, bytes];
  }
  return best;
}

/** Puts the stronger check in front of the first one, which stays for packets that are too short. */
function strengthen(code: FunctionCode, first: Check, bytes: number): void {
  const { block, register } = first;
  const { branch, taken, next } = block;
  if (branch === undefined || taken === undefined || next === undefined) return;
  const more = bytes - first.bytes;
  let id = Math.max(...code.blocks.map((each) => each.id)) + 1;
  const add = (imm: number): Op => ({
    ...branch,
    insn: { code: op.ALU64 | op.ADD, dst: register, src: 0, off: 0, imm },
    region: undefined,
    facts: undefined,
  });
  const shortWeight = (block.weight ?? 0) * shortShare;
  const empty = { ops: [], labels: [], taken: undefined, branch: undefined, takenWeight: 0 };
  const copies = new Map<Block, Block>();
  for (const each of reachableFrom(next)) copies.set(each, { ...each, id: id++, ops: [...each.ops], labels: [] });
  for (const copy of copies.values()) {
    copy.taken = copy.taken && copies.get(copy.taken);
    copy.next = copy.next && copies.get(copy.next);
  }
  const fast: Block = { ...empty, id: id++, ops: [add(-more)], next: copies.get(next), weight: block.weight };
  const slow: Block = { ...empty, id: id++, ops: [add(-more)], branch, taken, next, weight: shortWeight };
  for (const each of copies.keys()) {
    each.weight = (each.weight ?? 0) * shortShare;
    each.takenWeight = (each.takenWeight ?? 0) * shortShare;
  }
  block.ops = withSum(block.ops, register, more) ?? [...block.ops, add(more)];
  block.taken = slow;
  block.next = fast;
  block.takenWeight = shortWeight;
  code.blocks.splice(code.blocks.indexOf(block) + 1, 0, fast, ...copies.values());
  code.blocks.push(slow);
}

/** The ops with a larger constant where the sum is made, if nothing else looks at it there. */
function withSum(ops: readonly Op[], register: number, more: number): Op[] | undefined {
  const last = ops.at(-1);
  if (last === undefined || last.pinned || !isSum(last.insn, register)) return undefined;
  return [...ops.slice(0, -1), { ...last, insn: { ...last.insn, imm: last.insn.imm + more } }];
}

function isSum(insn: Insn, register: number): boolean {
  return insn.code === (op.ALU64 | op.ADD) && insn.dst === register && writes(insn) !== 0;
}

/** The block and all that may follow it. */
function reachableFrom(first: Block): Set<Block> {
  const seen = new Set<Block>([first]);
  for (const block of seen) for (const next of followers(block)) seen.add(next);
  return seen;
}
