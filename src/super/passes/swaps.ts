/**
 * Numbers are swapped once, when the code is made, instead of what they are compared with:
 *
 *     x = be16 x; if x == 0x800 goto a; if x == 0x806 goto b    -> if x == 8 goto a; if x == 0x608 goto b
 *
 * where nothing but tests for equality looks at x from there on.
 */
import { type Insn, insnClass, op } from '../../isa/index.js';
import { demandsOf, flowOf } from '../analyses.js';
import { reads, writes } from '../effects.js';
import { copyState } from '../flow.js';
import { type Block, type FunctionCode, followers, type Op, predecessors } from '../function-code.js';
import type { PassContext } from './pass.js';

/** The pass: one swap at a time, since what is known changes with each. */
export function swaps(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  for (const block of code.blocks) while (dropSwap(code, block, context)) changed = true;
  return changed;
}

/** Takes out one swap of the block, and those of others that lead to the same tests. */
function dropSwap(code: FunctionCode, block: Block, context: PassContext): boolean {
  for (const [i, each] of block.ops.entries()) {
    const bits = swapBits(each.insn);
    if (bits === undefined || !isNarrow(code, block, i, bits)) continue;
    const found = testsOf(code, block, i, bits);
    if (found === undefined || !context.allow(each)) continue;
    for (const test of found.tests) if (test.branch !== undefined) test.branch = swapped(test.branch, bits);
    for (const [start, at] of found.swaps) start.ops = start.ops.toSpliced(at, 1);
    return true;
  }
  return false;
}

/** Has what the swap at `at` turns no other bits? */
function isNarrow(code: FunctionCode, block: Block, at: number, bits: number): boolean {
  const flow = flowOf(code);
  const entry = flow.entry.get(block);
  const swap = block.ops[at] as Op; // callers pass an index of an op
  if (entry === undefined || swap.pinned) return false;
  const state = copyState(entry);
  for (const each of block.ops.slice(0, at)) flow.step(state, each);
  return (state.regs[swap.insn.dst]?.ones ?? -1n) >> BigInt(bits) === 0n;
}

/** 16 or 32, if it turns the bytes of so many bits on a little-endian machine. */
function swapBits(insn: Insn | undefined): 16 | 32 | undefined {
  if (insn === undefined) return undefined;
  const { code, imm } = insn;
  const isSwap = code === (op.ALU | op.END | op.X) || code === (op.ALU64 | op.END);
  return isSwap && (imm === 16 || imm === 32) ? imm : undefined;
}

/**
 * The blocks whose branches test what is made at `from`, and all swaps that lead to these, by block; undefined where
 * something else looks at it.
 */
function testsOf(
  code: FunctionCode,
  start: Block,
  from: number,
  bits: number,
): { readonly tests: readonly Block[]; readonly swaps: ReadonlyMap<Block, number> } | undefined {
  const register = (start.ops[from] as Op).insn.dst; // callers pass an index of an op
  const mask = 1 << register;
  const before = predecessors(code);
  const demands = demandsOf(code);
  const isWritten = (ops: readonly Op[]): boolean => ops.some(({ insn }) => (writes(insn) & mask) !== 0);
  const isRead = (ops: readonly Op[]): boolean => {
    const end = ops.findIndex(({ insn }) => (writes(insn) & mask) !== 0);
    return ops.slice(0, end < 0 ? ops.length : end + 1).some(({ insn }) => (reads(insn) & mask) !== 0);
  };
  const tests = new Set<Block>();
  const swaps = new Map<Block, number>([[start, from]]);
  const seen = new Set<Block>([start]);
  /** Blocks at whose end the register still holds what was swapped. */
  const through = new Set<Block>();
  const follow = (block: Block): boolean => {
    const swap = swaps.get(block);
    const ops = swap === undefined ? block.ops : block.ops.slice(swap + 1);
    if (isRead(ops)) return false;
    if (isWritten(ops)) return true;
    through.add(block);
    const { branch } = block;
    if (branch !== undefined && (reads(branch.insn) & mask) !== 0) {
      if (!isTest(branch, register, bits)) return false;
      tests.add(block);
    }
    for (const next of followers(block)) {
      if ((demands.atHead(next).regs[register] ?? 0n) === 0n) continue;
      if (swaps.has(next)) return false;
      seen.add(next);
    }
    return true;
  };
  for (const block of seen) {
    if (!follow(block)) return undefined;
    const others = swaps.has(block) ? [] : (before.get(block) ?? []);
    for (const pred of others) {
      // Who comes from elsewhere has to have swapped it as well.
      const last = pred.ops.findLastIndex(({ insn }) => (writes(insn) & mask) !== 0);
      const isSwap = swapBits(pred.ops[last]?.insn) === bits && isNarrow(code, pred, last, bits);
      if (seen.has(pred) || !isSwap) continue;
      swaps.set(pred, last);
      seen.add(pred);
    }
  }
  const isOwn = [...seen].every(
    (block) => swaps.has(block) || before.get(block)?.every((pred) => through.has(pred)) === true,
  );
  if (!isOwn) return undefined;
  return { tests: [...tests], swaps };
}

/** Equality with a number of so many bits, which stays one when it is swapped. */
function isTest({ insn, pinned }: Op, register: number, bits: number): boolean {
  const kind = insn.code & 0xf0;
  const isEqual = (kind === op.JEQ || kind === op.JNE) && (insn.code & op.X) === 0 && insn.dst === register;
  const isWidth = bits === 16 ? insn.imm >>> 16 === 0 : insnClass(insn) === op.JMP32;
  return isEqual && isWidth && !pinned;
}

function swapped(each: Op, bits: number): Op {
  const { imm } = each.insn;
  const half = (n: number): number => ((n & 0xff) << 8) | ((n >> 8) & 0xff);
  const number = bits === 16 ? half(imm) : (half(imm) << 16) | half(imm >>> 16);
  return { ...each, insn: { ...each.insn, imm: number }, facts: undefined };
}
