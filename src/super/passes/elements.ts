/**
 * What a program does where an element is missing that is always there, is not needed: the first of an array. Its null
 * check stays, since verifiers before Linux 6.14 ask for it, and leads to some end of the function that is there
 * anyway and looks at nothing.
 *
 *     r0 = first of an array; if r0 == 0 goto a; ... exit; a: r0 = f(...); exit   -> a is gone
 */
import { insnClass, op } from '../../isa/index.js';
import { demandsOf, flowOf } from '../analyses.js';
import { codeSize } from '../emit.js';
import { copyState } from '../flow.js';
import { type Block, blockOrder, type FunctionCode, followers } from '../function-code.js';
import type { PassContext } from './pass.js';

type Way = 'taken' | 'next';

/**
 * The first element of an array is there: what is done where it is missing goes, but for the check, which verifiers ask
 * for. True if the code changed.
 */
export function elements(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  for (const block of [...code.blocks]) {
    const way = missingWay(code, block);
    if (way !== undefined && redirect(code, block, way, context)) changed = true;
  }
  return changed;
}

/** The way behind a block that is gone only where such an element is missing. */
function missingWay(code: FunctionCode, block: Block): Way | undefined {
  const insn = block.branch?.insn;
  if (insn === undefined || insnClass(insn) !== op.JMP || (insn.code & op.X) !== 0 || insn.imm !== 0) return undefined;
  const kind = insn.code & 0xf0;
  const flow = flowOf(code);
  const entry = flow.entry.get(block);
  if ((kind !== op.JEQ && kind !== op.JNE) || entry === undefined || block.taken === block.next) return undefined;
  const state = copyState(entry);
  for (const each of block.ops) flow.step(state, each);
  const value = state.regs[insn.dst];
  if (value === undefined || !flow.present.has(value)) return undefined;
  return kind === op.JEQ ? 'taken' : 'next';
}

/** Lets the way lead to the end with which the code becomes smallest, if it becomes smaller at all. */
function redirect(code: FunctionCode, block: Block, way: Way, context: PassContext): boolean {
  const { blocks } = code;
  const demands = demandsOf(code);
  const isIdle = (end: Block): boolean => {
    const { regs, stack } = demands.atHead(end);
    return stack === 0n && regs.every((bits, r) => r === 10 || bits === 0n);
  };
  const old = block[way];
  const [about] = block.branch === undefined ? [] : [block.branch];
  const ends = blocks.filter((end) => end !== old && end !== blocks[0] && isIdle(end) && !leadsTo(end, block));
  let best: Block | undefined;
  let least = codeSize(code);
  const put = (target: Block | undefined): void => {
    block[way] = target;
    const reached = new Set(blockOrder(code));
    code.blocks = blocks.filter((each) => reached.has(each));
  };
  for (const end of ends) {
    put(end);
    const size = codeSize(code);
    if (size < least) [best, least] = [end, size];
    code.blocks = blocks;
  }
  block[way] = old;
  if (best === undefined || about === undefined || !context.allow(about)) return false;
  put(best);
  return true;
}

/** Is there a way from one block to another? */
function leadsTo(from: Block, to: Block): boolean {
  const seen = new Set([from]);
  for (const block of seen) for (const next of followers(block)) seen.add(next);
  return seen.has(to);
}
