/** From blocks back to slots: an order with few jumps, distances, and where labels went. */
import { InternalError } from '../base/index.js';
import { type Insn, isExit, op } from '../isa/index.js';
import type { EditedInsn } from '../object/index.js';
import { type Block, edgeWeight, type FunctionCode, type Op } from './function-code.js';
import { invertedJump } from './jumps.js';

/** What {@link editElf} takes of a function, without where it stands. */
export interface EmittedCode {
  readonly insns: readonly EditedInsn[];
  /** Slot of the section as it was -> slot of the function. */
  readonly labels: ReadonlyMap<number, number>;
}

/** A slot of eight bytes; `to`: the block that its jump leads to, a distance once all blocks have their place. */
interface Slot {
  readonly insn: Insn;
  readonly refers: number;
  readonly line: number;
  readonly to: Block | undefined;
}

/** Instructions up to which the end of a function stands again in place of a jump to it. */
const shortEnd = 3;

/** Undefined where a jump would be too far for its field. */
export function emitCode(code: FunctionCode): EmittedCode | undefined {
  const order = layOutBlocks(code);
  const slots: Slot[] = [];
  const starts = new Map<Block, number>();
  for (const [i, block] of order.entries()) {
    starts.set(block, slots.length);
    for (const each of block.ops) pushOp(slots, each, undefined);
    const after = order[i + 1];
    const last = block.branch?.line ?? block.ops.at(-1)?.line ?? -1;
    let rest = block.next;
    if (block.branch !== undefined) {
      const inverted =
        block.taken === after && block.next !== after ? invertedJump(block.branch.insn, code.version) : undefined;
      if (inverted === undefined) pushOp(slots, block.branch, block.taken);
      else {
        pushOp(slots, { ...block.branch, insn: inverted }, block.next);
        rest = block.taken;
      }
    }
    if (rest === undefined || rest === after) continue;
    // A jump to `exit` is an exit; where speed counts, with what little is done before it.
    const most = code.profile === undefined ? 1 : shortEnd;
    const exit = rest.ops.at(-1);
    if (exit !== undefined && isExit(exit.insn) && rest.ops.length <= most)
      for (const each of rest.ops) pushOp(slots, each, undefined);
    else slots.push({ insn: { code: op.JA_OP, dst: 0, src: 0, off: 0, imm: 0 }, refers: -1, line: last, to: rest });
  }
  const insns: EditedInsn[] = [];
  for (const [at, { insn, refers, line, to }] of slots.entries()) {
    const off = to === undefined ? insn.off : (starts.get(to) ?? Number.NaN) - at - 1;
    if (Number.isNaN(off)) throw new InternalError('super', `\`${code.name}\` jumps to a block that is not placed`);
    if (off < -0x8000 || off > 0x7fff) return undefined;
    insns.push({ insn: { ...insn, off }, refers, line });
  }
  const labels = new Map<number, number>();
  for (const [block, at] of starts) for (const label of block.labels) labels.set(label, at);
  return { insns, labels };
}

/** An instruction's slots: a 64-bit load has two, of which the second refers to nothing. */
function pushOp(slots: Slot[], { insn, high, refers, line }: Op, to: Block | undefined): void {
  slots.push({ insn, refers, line, to });
  if (high === undefined) return;
  slots.push({ insn: { code: 0, dst: 0, src: 0, off: 0, imm: high }, refers: -1, line, to: undefined });
}

/**
 * Chains: behind a block stands one that it falls into, chains in the order in which their first blocks stood. Where
 * it is known what sample packets do, the way that more of them go comes first, and chains that few of them run come
 * last; else as many blocks as possible fall into another one, since each that does not costs a jump.
 */
function layOutBlocks(code: FunctionCode): Block[] {
  return code.profile === undefined ? shortest(code) : byWeight(code);
}

/** Blocks that may stand right behind a block without a jump between them, the better one first. */
function heirs({ branch, taken, next }: Block, code: FunctionCode): Block[] {
  const list = next === undefined ? [] : [next];
  const mayTurn = branch !== undefined && invertedJump(branch.insn, code.version) !== undefined;
  return mayTurn && taken !== undefined && taken !== next ? [...list, taken] : list;
}

/** Where it is known how often each way is gone. */
function byWeight(code: FunctionCode): Block[] {
  const placed = new Set<Block>();
  const order: Block[] = [];
  const [entry, ...others] = code.blocks;
  others.sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0));
  for (const first of entry === undefined ? others : [entry, ...others]) {
    for (let block: Block | undefined = first; block !== undefined && !placed.has(block); ) {
      placed.add(block);
      order.push(block);
      const isHotter: boolean = edgeWeight(block, 'taken') > edgeWeight(block, 'next');
      const free: Block[] = heirs(block, code).filter((heir) => !placed.has(heir));
      block = isHotter ? free.at(-1) : free[0];
    }
  }
  return order;
}

/**
 * The largest set of pairs "falls into" in which each block has one heir and is heir of one (Kuhn's algorithm for
 * matchings). Blocks that are nothing but `exit` come last, since a jump to one is an `exit`, too.
 */
function shortest(code: FunctionCode): Block[] {
  const [entry] = code.blocks;
  const heirOf = new Map<Block, Block>();
  const before = new Map<Block, Block>();
  const isEnd = ({ ops: [first] }: Block): boolean => first !== undefined && isExit(first.insn);
  const choices = new Map(code.blocks.map((block) => [block, heirs(block, code).filter((heir) => heir !== entry)]));
  const match = (block: Block, seen: Set<Block>, withEnds: boolean): boolean => {
    for (const heir of choices.get(block) ?? []) {
      if (seen.has(heir) || (!withEnds && isEnd(heir))) continue;
      seen.add(heir);
      const owner = before.get(heir);
      if (owner !== undefined && !match(owner, seen, withEnds)) continue;
      heirOf.set(block, heir);
      before.set(heir, block);
      return true;
    }
    return false;
  };
  for (const block of code.blocks) match(block, new Set(), false);
  for (const block of code.blocks) if (!heirOf.has(block)) match(block, new Set(), true);
  const placed = new Set<Block>();
  const order: Block[] = [];
  const place = (first: Block): void => {
    for (let block: Block | undefined = first; block !== undefined && !placed.has(block); block = heirOf.get(block)) {
      placed.add(block);
      order.push(block);
    }
  };
  // The heads of chains first; what is left then are rings, which begin anywhere.
  for (const block of code.blocks) if (!before.has(block)) place(block);
  for (const block of code.blocks) place(block);
  return order;
}

/** Slots that the code takes when it is emitted. */
export function codeSize(code: FunctionCode): number {
  return emitCode(code)?.insns.length ?? Number.POSITIVE_INFINITY;
}
