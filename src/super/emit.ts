/** From blocks back to slots: an order with few jumps, distances, and where labels went. */
import { InternalError } from '../base/index.js';
import { type Insn, isExit, op } from '../isa/index.js';
import type { EditedInsn } from '../object/index.js';
import type { Block, FunctionCode, Op } from './function-code.js';
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
    const exit = rest.ops[0];
    // A jump to `exit` is an exit.
    if (exit !== undefined && isExit(exit.insn)) pushOp(slots, exit, undefined);
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
 * Chains: behind a block stands the one that it falls into, if that has no place yet, else the one that it jumps to,
 * else the first in the old order that has none. A block that others fall into is left to them.
 */
function layOutBlocks(code: FunctionCode): Block[] {
  const placed = new Set<Block>();
  const order: Block[] = [];
  const place = (first: Block): void => {
    for (let block: Block | undefined = first; block !== undefined && !placed.has(block); ) {
      placed.add(block);
      order.push(block);
      const { taken, next }: Block = block;
      if (next !== undefined && !placed.has(next)) block = next;
      else if (
        taken !== undefined &&
        !placed.has(taken) &&
        invertedJump(block.branch?.insn, code.version) !== undefined
      )
        block = taken;
      else block = undefined;
    }
  };
  for (const block of code.blocks) place(block);
  return order;
}

/** Slots that the code takes when it is emitted. */
export function codeSize(code: FunctionCode): number {
  return emitCode(code)?.insns.length ?? Number.POSITIVE_INFINITY;
}
