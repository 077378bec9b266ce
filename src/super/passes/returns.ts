/**
 * Return values are made where the program returns. A block that ends the function and is reached with one constant
 * from here and another from there is split by constant:
 *
 *     x = 1; if a goto end; x = 2; if b goto end; ... end: r0 = x; exit
 *     -> if a goto one; if b goto two; ... one: r0 = 1; exit; two: r0 = 2; exit
 *
 * so nothing is kept in a register on the way. Done where the code gets no larger in the end, which is tried out.
 */
import { isExit, op } from '../../isa/index.js';
import { flowOf } from '../analyses.js';
import { codeSize } from '../emit.js';
import { copyState } from '../flow.js';
import { type Block, copyCode, type FunctionCode, type Op, predecessors } from '../function-code.js';
import { constantOf, u32 } from '../values.js';
import { coalesce } from './coalesce.js';
import { dead } from './dead.js';
import { fold } from './fold.js';
import { jumps } from './jumps.js';
import type { PassContext } from './pass.js';

/** Most ops of a block that is split. */
const maxOps = 3;

/** The pass; true if anything changed. */
export function returns(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  for (const { id } of [...code.blocks]) {
    const trial = copyCode(code);
    if (!split(trial, id)) continue;
    settle(trial, context);
    const before = codeSize(code);
    const after = codeSize(trial);
    if (context.goal === 'size' ? after >= before : after > before) continue;
    const end = code.blocks.find((block) => block.id === id);
    const exit = end?.ops.at(-1);
    if (exit === undefined || !context.allow(exit)) continue;
    split(code, id);
    // Now, while the end makes what was kept for it.
    dead(code, context);
    changed = true;
  }
  return changed;
}

/** What other passes will make of it. */
function settle(code: FunctionCode, context: PassContext): void {
  const free: PassContext = { ...context, allow: () => true };
  dead(code, free);
  for (let round = 0; round < 4; round++) {
    const changes = [jumps, fold, dead, coalesce].map((pass) => pass(code, free));
    if (!changes.includes(true)) return;
  }
}

/** Splits the block of that number by the constants that its result has; false where there is nothing to split. */
function split(code: FunctionCode, id: number): boolean {
  const end = code.blocks.find((block) => block.id === id);
  const last = end?.ops.at(-1);
  if (end === undefined || last === undefined || !isExit(last.insn) || end === code.blocks[0]) return false;
  if (end.ops.length > maxOps) return false;
  const [first] = end.ops;
  const isCopy = first !== undefined && (first.insn.code & ~7) === (op.MOV | op.X) && first.insn.dst === 0;
  const register = isCopy ? first.insn.src : 0;
  const edges = constants(code, end, register);
  const groups = new Map<bigint, [Block, 'taken' | 'next'][]>();
  for (const { from, way, value } of edges) {
    if (value !== undefined) groups.set(value, [...(groups.get(value) ?? []), [from, way]]);
  }
  const isWhole = edges.every(({ value }) => value !== undefined);
  if (groups.size === 0 || (isWhole && groups.size === 1)) return false;
  let next = Math.max(...code.blocks.map((block) => block.id)) + 1;
  for (const [value, ways] of groups) {
    // Where the result is there already it is made anew, so that no one has to keep it.
    const made = isCopy ? [] : constantResult(value, last);
    if (made === undefined) continue;
    const copy: Block = { ...end, id: next++, ops: [...made, ...end.ops], labels: [] };
    code.blocks.push(copy);
    for (const [from, way] of ways) from[way] = copy;
  }
  return true;
}

/** `r0 = value`; undefined where that takes two slots. */
function constantResult(value: bigint, at: Op): Op[] | undefined {
  const isSigned = value === BigInt.asUintN(64, BigInt.asIntN(32, value));
  if (!isSigned && value > u32) return undefined;
  const code = (value <= u32 ? op.ALU : op.ALU64) | op.MOV;
  const insn = { code, dst: 0, src: 0, off: 0, imm: Number(BigInt.asIntN(32, value)) };
  return [
    { ...at, insn, high: undefined, refers: -1, symbol: undefined, pinned: false, core: undefined, facts: undefined },
  ];
}

/** The edges to a block, with what the register holds on each. */
function constants(
  code: FunctionCode,
  end: Block,
  register: number,
): { readonly from: Block; readonly way: 'taken' | 'next'; readonly value: bigint | undefined }[] {
  const flow = flowOf(code);
  return (predecessors(code).get(end) ?? []).flatMap((from, i, all) => {
    if (all.indexOf(from) !== i) return [];
    const known = flow.exit.get(from);
    if (known === undefined) return [];
    const state = copyState(known);
    return (['taken', 'next'] as const)
      .filter((way) => from[way] === end)
      .map((way) => ({ from, way, value: constantOf(flow.onEdge(from, end, state).regs[register]) }));
  });
}
