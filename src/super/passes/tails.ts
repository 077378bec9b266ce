/**
 * Equal ends of blocks that go on to the same place stand once. Costs a jump where neither block falls into what is
 * shared, so it is done where the code becomes smaller, and for size only.
 */
import { codeSize } from '../emit.js';
import type { Block, FunctionCode } from '../function-code.js';
import type { PassContext } from './pass.js';
import { opKey } from './same.js';

/** The pass, one pair of blocks after another. */
export function tails(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (shareOne(code, context)) changed = true;
  return changed;
}

/**
 * Finds two blocks with an equal end that is worth sharing. Only blocks whose last instructions are equal are
 * compared.
 */
function shareOne(code: FunctionCode, context: PassContext): boolean {
  const groups = new Map<string, Block[]>();
  for (const block of code.blocks) {
    if (block.ops.length === 0) continue;
    const key = `${block.taken?.id}|${block.next?.id}|${opKey(block.branch)}|${opKey(block.ops.at(-1))}`;
    groups.set(key, [...(groups.get(key) ?? []), block]);
  }
  const before = codeSize(code);
  for (const group of groups.values()) {
    for (const [i, a] of group.entries()) {
      for (const b of group.slice(i + 1)) {
        if (!isSameBranch(a, b)) continue;
        const length = commonTail(a, b);
        const last = a.ops.at(-1);
        if (length === 0 || last === undefined || !context.allow(last)) continue;
        const undo = share(code, a, b, length);
        if (codeSize(code) < before) return true;
        undo();
      }
    }
  }
  return false;
}

function isSameBranch(a: Block, b: Block): boolean {
  return a.taken === b.taken && a.next === b.next && opKey(a.branch) === opKey(b.branch);
}

/** How many instructions at their ends are equal. */
function commonTail(a: Block, b: Block): number {
  let length = 0;
  while (length < a.ops.length && length < b.ops.length) {
    if (opKey(a.ops.at(-1 - length)) !== opKey(b.ops.at(-1 - length))) break;
    length++;
  }
  return length;
}

/** Gives back what undoes it. */
function share(code: FunctionCode, a: Block, b: Block, length: number): () => void {
  const saved = [a, b].map(({ ops, branch, taken, next }) => ({ ops, branch, taken, next }));
  const blocks = [...code.blocks];
  const undo = (): void => {
    Object.assign(a, saved[0]);
    Object.assign(b, saved[1]);
    code.blocks = blocks;
  };
  let shared: Block;
  if (a.ops.length === length && a !== code.blocks[0]) shared = a;
  else if (b.ops.length === length && b !== code.blocks[0]) shared = b;
  else {
    const id = Math.max(...code.blocks.map((block) => block.id)) + 1;
    shared = { ...a, id, ops: a.ops.slice(-length), labels: [] };
    code.blocks.splice(code.blocks.indexOf(b) + 1, 0, shared);
  }
  // One place stands for several lines: the first one's.
  for (const block of [a, b]) {
    if (block === shared) continue;
    block.ops = block.ops.slice(0, block.ops.length - length);
    block.branch = undefined;
    block.taken = undefined;
    block.next = shared;
  }
  return undo;
}
