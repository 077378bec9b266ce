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

/** Takes out one swap of the block. */
function dropSwap(code: FunctionCode, block: Block, context: PassContext): boolean {
  const flow = flowOf(code);
  const entry = flow.entry.get(block);
  if (entry === undefined || !block.ops.some(({ insn }) => swapBits(insn) !== undefined)) return false;
  const state = copyState(entry);
  for (const [i, each] of block.ops.entries()) {
    const bits = swapBits(each.insn);
    const isNarrow = bits !== undefined && (state.regs[each.insn.dst]?.ones ?? -1n) >> BigInt(bits) === 0n;
    flow.step(state, each);
    if (bits === undefined || !isNarrow || each.pinned) continue;
    const tests = testsOf(code, block, i, bits);
    if (tests === undefined || !context.allow(each)) continue;
    for (const test of tests) if (test.branch !== undefined) test.branch = swapped(test.branch, bits);
    block.ops = block.ops.toSpliced(i, 1);
    return true;
  }
  return false;
}

/** 16 or 32, if it turns the bytes of so many bits on a little-endian machine. */
function swapBits({ code, imm }: Insn): 16 | 32 | undefined {
  const isSwap = code === (op.ALU | op.END | op.X) || code === (op.ALU64 | op.END);
  return isSwap && (imm === 16 || imm === 32) ? imm : undefined;
}

/** The blocks whose branches test what is made at `from`; undefined where something else looks at it. */
function testsOf(code: FunctionCode, start: Block, from: number, bits: number): Block[] | undefined {
  const register = (start.ops[from] as Op).insn.dst; // callers pass an index of an op
  const mask = 1 << register;
  const before = predecessors(code);
  const demands = demandsOf(code);
  const isWritten = (ops: readonly Op[]): boolean => ops.some(({ insn }) => (writes(insn) & mask) !== 0);
  const isRead = (ops: readonly Op[]): boolean => {
    const end = ops.findIndex(({ insn }) => (writes(insn) & mask) !== 0);
    return ops.slice(0, end < 0 ? ops.length : end + 1).some(({ insn }) => (reads(insn) & mask) !== 0);
  };
  const tests: Block[] = [];
  const seen = new Set<Block>([start]);
  for (const block of seen) {
    const ops = block === start ? block.ops.slice(from + 1) : block.ops;
    if (isRead(ops)) return undefined;
    if (isWritten(ops)) continue;
    const { branch } = block;
    if (branch !== undefined && (reads(branch.insn) & mask) !== 0) {
      if (!isTest(branch, register, bits)) return undefined;
      tests.push(block);
    }
    for (const next of followers(block)) {
      if ((demands.atHead(next).regs[register] ?? 0n) === 0n) continue;
      if (next === start) return undefined;
      seen.add(next);
    }
  }
  // Nobody comes to these from elsewhere with something else in the register.
  const isOwn = [...seen].every(
    (block) => block === start || before.get(block)?.every((pred) => seen.has(pred)) === true,
  );
  return isOwn ? tests : undefined;
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
