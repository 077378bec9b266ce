/**
 * Equal ends of blocks that go on to the same place stand once. Instructions are equal that look alike, and those that
 * do the same with what their registers hold:
 *
 *     [fp - 4] = r3; goto on; ... [fp - 4] = 0 (r3 is 0 there); goto on    -> the first of the two
 *
 * Costs a jump where neither block falls into what is shared, so it is done where the code becomes smaller, and for
 * size only.
 */
import { accessSize, insnClass, isLddw, op } from '../../isa/index.js';
import { flowOf } from '../analyses.js';
import { isAlu, isStore } from '../effects.js';
import { codeSize } from '../emit.js';
import { copyState, type Flow, type State } from '../flow.js';
import { type Block, type FunctionCode, jointOp, type Op } from '../function-code.js';
import type { Value } from '../values.js';
import type { PassContext } from './pass.js';
import { opKey } from './same.js';

/** The pass, one pair of blocks after another. */
export function tails(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (shareOne(code, context)) changed = true;
  return changed;
}

/**
 * Finds two blocks with an equal end that is worth sharing. Only blocks whose last instructions have to do with the
 * same register or place are compared.
 */
function shareOne(code: FunctionCode, context: PassContext): boolean {
  const groups = new Map<string, Block[]>();
  for (const block of code.blocks) {
    const last = block.ops.at(-1);
    if (last === undefined) continue;
    const key = `${block.taken?.id}|${block.next?.id}|${opKey(block.branch)}|${targetOf(last)}`;
    groups.set(key, [...(groups.get(key) ?? []), block]);
  }
  const before = codeSize(code);
  const flow = flowOf(code);
  const states = new Map<Block, readonly State[]>();
  for (const group of groups.values()) {
    if (group.length < 2) continue;
    for (const block of group) states.set(block, statesOf(block, flow));
    for (const a of group) {
      for (const b of group) {
        const last = a.ops.at(-1);
        if (a === b || !isSameBranch(a, b) || last === undefined) continue;
        const length = commonTail(a, b, flow, states.get(a) ?? []);
        if (length === 0 || !context.allow(last)) continue;
        const undo = share(code, a, b, length);
        if (codeSize(code) < before) return true;
        undo();
      }
    }
  }
  return false;
}

/** What an instruction changes; where the same is changed, it may be the same change. */
function targetOf(each: Op): string {
  const { insn } = each;
  if (isSum(each)) return `r${insn.dst}`;
  return isPlainStore(each) ? `[${insn.dst} ${insn.off} ${accessSize(insn)}]` : opKey(each);
}

/** What is known before each instruction of a block; none for one that nothing comes to. */
function statesOf(block: Block, flow: Flow): readonly State[] {
  const entry = flow.entry.get(block);
  if (entry === undefined) return [];
  const state = copyState(entry);
  return block.ops.map((each) => {
    const before = copyState(state);
    flow.step(state, each);
    return before;
  });
}

function isSameBranch(a: Block, b: Block): boolean {
  return a.taken === b.taken && a.next === b.next && opKey(a.branch) === opKey(b.branch);
}

/** How many of the last instructions of `b` can stand for those of `a`, which knows `states` before each of its. */
function commonTail(a: Block, b: Block, flow: Flow, states: readonly State[]): number {
  let length = 0;
  while (length < a.ops.length && length < b.ops.length) {
    const [own, other] = [a.ops.at(-1 - length), b.ops.at(-1 - length)];
    const state = states[a.ops.length - 1 - length];
    if (own === undefined || other === undefined) break;
    if (opKey(own) !== opKey(other) && (state === undefined || !isSame(own, other, flow, state))) break;
    length++;
  }
  return length;
}

/** Do both do the same with what registers hold? */
function isSame(one: Op, other: Op, flow: Flow, state: State): boolean {
  if (targetOf(one) !== targetOf(other)) return false;
  if (isPlainStore(one) && isPlainStore(other)) {
    const size = accessSize(one.insn);
    const [x, y] = [one, other].map((each): Value => flow.low(storedBy(each, flow, state), size));
    return x === y;
  }
  if (!isSum(one) || !isSum(other)) return false;
  const [x, y] = [one, other].map((each) => {
    const after = copyState(state);
    flow.step(after, each);
    return after.regs[each.insn.dst];
  });
  return x === y;
}

function storedBy({ insn }: Op, flow: Flow, { regs }: State): Value {
  return insnClass(insn) === op.ST ? flow.values.constant(BigInt(insn.imm)) : (regs[insn.src] as Value); // 11 registers
}

function isSum({ insn, pinned }: Op): boolean {
  return !pinned && (isAlu(insn) || isLddw(insn));
}

function isPlainStore({ insn, pinned }: Op): boolean {
  return !pinned && isStore(insn);
}

/** The end of `b` in place of both; gives back what undoes it. */
function share(code: FunctionCode, a: Block, b: Block, length: number): () => void {
  const saved = [a, b].map(({ ops, branch, taken, next }) => ({ ops, branch, taken, next }));
  const blocks = [...code.blocks];
  const undo = (): void => {
    Object.assign(a, saved[0]);
    Object.assign(b, saved[1]);
    code.blocks = blocks;
  };
  const own = a.ops.slice(-length);
  const ops = b.ops.slice(-length).map((each, i) => jointOp(each, own[i] as Op)); // as many
  const branch = b.branch === undefined || a.branch === undefined ? undefined : jointOp(b.branch, a.branch);
  let shared: Block;
  if (a.ops.length === length && a !== code.blocks[0]) shared = a;
  else if (b.ops.length === length && b !== code.blocks[0]) shared = b;
  else {
    const id = Math.max(...code.blocks.map((block) => block.id)) + 1;
    shared = { ...b, id, labels: [] };
    code.blocks.splice(code.blocks.indexOf(b) + 1, 0, shared);
  }
  // One place stands for several lines: the second one's.
  Object.assign(shared, { ops, branch });
  for (const block of [a, b]) {
    if (block === shared) continue;
    block.ops = block.ops.slice(0, block.ops.length - length);
    block.branch = undefined;
    block.taken = undefined;
    block.next = shared;
  }
  return undo;
}
