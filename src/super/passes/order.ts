/**
 * Tests of one value against several numbers, one after the other, in the order in which sample packets meet them:
 *
 *     if x == 1 goto a; if x == 2 goto b; if x == 3 goto c    -> the one first that holds most often
 *
 * The numbers differ, so at most one of the tests holds, whatever the order.
 */
import { insnClass, op } from '../../isa/index.js';
import { type Block, edgeWeight, type FunctionCode, type Op, predecessors } from '../function-code.js';
import { invertedJump } from '../jumps.js';
import type { PassContext } from './pass.js';

/** The pass: chains of tests, sorted by how often each holds. */
export function order(code: FunctionCode, context: PassContext): boolean {
  if (code.profile === undefined) return false;
  const before = predecessors(code);
  let changed = false;
  for (const block of code.blocks) {
    const tests = chainFrom(block, before, code);
    if (tests.length < 2) continue;
    const sorted = [...tests].sort((a, b) => b.weight - a.weight);
    const isSorted = sorted.every((test, i) => test === tests[i]);
    const { branch } = block;
    if (isSorted || branch === undefined || !context.allow(branch)) continue;
    rebuild(tests, sorted);
    changed = true;
  }
  return changed;
}

/** `if x == number goto to`; what does not hold goes on to the next test. */
interface Test {
  readonly block: Block;
  readonly branch: Op;
  readonly to: Block;
  readonly rest: Block;
  readonly weight: number;
}

/** The tests that begin with a block's branch; all but the first stand in blocks that have nothing else. */
function chainFrom(first: Block, before: ReadonlyMap<Block, readonly Block[]>, code: FunctionCode): Test[] {
  const tests: Test[] = [];
  const numbers = new Set<number>();
  for (let block: Block | undefined = first; block !== undefined; block = tests.at(-1)?.rest) {
    const isFree: boolean = block === first || (block.ops.length === 0 && before.get(block)?.length === 1);
    const test: Test | undefined = isFree ? testOf(block, code) : undefined;
    const head = tests[0]?.branch.insn ?? test?.branch.insn;
    if (test === undefined || head === undefined) break;
    const { insn } = test.branch;
    const isSame = insn.dst === head.dst && insnClass(insn) === insnClass(head);
    if (!isSame || numbers.has(insn.imm) || tests.some((each) => each.block === block)) break;
    numbers.add(insn.imm);
    tests.push(test);
  }
  return tests;
}

/** The block's branch as a test for equality with a number. */
function testOf(block: Block, { version }: FunctionCode): Test | undefined {
  const { branch, taken, next } = block;
  if (branch === undefined || taken === undefined || next === undefined || taken === next || branch.pinned)
    return undefined;
  const { insn } = branch;
  if ((insn.code & op.X) !== 0) return undefined;
  const kind = insn.code & 0xf0;
  if (kind === op.JEQ) return { block, branch, to: taken, rest: next, weight: edgeWeight(block, 'taken') };
  const inverted = kind === op.JNE ? invertedJump(insn, version) : undefined;
  if (inverted === undefined) return undefined;
  return {
    block,
    branch: { ...branch, insn: inverted },
    to: next,
    rest: taken,
    weight: edgeWeight(block, 'next'),
  };
}

/** The same blocks in their places, with the tests in another order. */
function rebuild(tests: readonly Test[], sorted: readonly Test[]): void {
  const end = tests.at(-1)?.rest;
  let left = tests[0]?.block.weight ?? 0;
  for (const [i, { block }] of tests.entries()) {
    const test = sorted[i] as Test; // as many
    block.branch = test.branch;
    block.taken = test.to;
    block.next = tests[i + 1]?.block ?? end;
    block.weight = left;
    block.takenWeight = Math.min(left, test.weight);
    left = Math.max(0, left - test.weight);
  }
}
