/** Blocks of operations: who goes where, what is live, joining blocks that follow each other. */
import { orderOf } from '../../code/index.js';
import { type Block, isSideExit, type Op, readsOf, writesOf } from './op.js';

/** Blocks that control may go to. */
export function successorsOf(block: Block): readonly number[] {
  const targets = block.ops.flatMap(({ target }) => (target >= 0 ? [target] : []));
  return block.next >= 0 ? [block.next, ...targets] : targets;
}

/** Blocks that can be reached from the first, in reverse postorder. */
export function orderBlocks(blocks: readonly Block[]): readonly number[] {
  return orderOf(blocks.length, 0, (i) => successorsOf(blocks[i] as Block)).rpo;
}

/** Registers that are live at the start of each block. */
export function liveAtStart(blocks: readonly Block[]): Uint16Array {
  const live = new Uint16Array(blocks.length);
  const order = [...orderBlocks(blocks)].reverse();
  for (let changed = true; changed; ) {
    changed = false;
    for (const i of order) {
      const block = blocks[i] as Block;
      let now = block.next >= 0 ? (live[block.next] as number) : 0;
      for (let at = block.ops.length - 1; at >= 0; at--) now = liveBefore(block.ops[at] as Op, now, live);
      if (now === live[i]) continue;
      live[i] = now;
      changed = true;
    }
  }
  return live;
}

/** What is live before an operation, from what is behind it. */
export function liveBefore(each: Op, after: number, live: Uint16Array): number {
  const aside = each.target >= 0 ? (live[each.target] as number) : 0;
  const behind = each.kind === 'jump' || each.kind === 'exit' ? 0 : after;
  // A program that Linux accepts reads none of r1 to r5 behind a call before it writes them.
  const gone = each.kind === 'call' ? 0x3e : 0;
  return (behind & ~writesOf(each) & ~gone) | aside | readsOf(each);
}

/** Takes out pure operations whose results nobody reads; returns them. */
export function removeDead(blocks: readonly Block[]): readonly Op[] {
  const removed: Op[] = [];
  for (let changed = true; changed; ) {
    changed = false;
    const live = liveAtStart(blocks);
    for (const block of blocks) {
      let now = block.next >= 0 ? (live[block.next] as number) : 0;
      for (let at = block.ops.length - 1; at >= 0; at--) {
        const each = block.ops[at] as Op;
        if ((each.kind === 'alu' || each.kind === 'load') && (writesOf(each) & now) === 0) {
          removed.push(each);
          block.ops.splice(at, 1);
          changed = true;
        } else now = liveBefore(each, now, live);
      }
    }
  }
  return removed;
}

/**
 * Makes control flow plain: what only leads elsewhere is skipped, what can't be reached is emptied, and a block whose
 * only way in is the end of another becomes a part of that. `acrossBranches`: also behind a conditional branch.
 */
export function joinBlocks(blocks: readonly Block[], acrossBranches: boolean): void {
  skipEmpty(blocks);
  for (let changed = true; changed; ) {
    changed = false;
    const order = orderBlocks(blocks);
    const ways = new Int32Array(blocks.length);
    ways[0] = 1;
    for (const i of order) for (const to of successorsOf(blocks[i] as Block)) ways[to] = (ways[to] as number) + 1;
    const reached = new Set(order);
    for (const [i, block] of blocks.entries()) {
      if (reached.has(i)) continue;
      block.ops.length = 0;
      block.next = -1;
    }
    for (const i of order) if (joinOne(blocks, i, ways, acrossBranches)) changed = true;
  }
}

function joinOne(blocks: readonly Block[], i: number, ways: Int32Array, acrossBranches: boolean): boolean {
  const block = blocks[i] as Block;
  const last = block.ops.at(-1);
  if (last?.kind === 'jump') {
    block.ops.pop();
    block.next = last.target;
  }
  if (last?.kind === 'branch') {
    if (!acrossBranches) return false;
    // The way that comes from here alone becomes the way ahead.
    if (ways[block.next] !== 1 && ways[last.target] === 1 && last.target !== block.next) {
      block.ops[block.ops.length - 1] = { ...last, target: block.next, negated: !last.negated };
      block.next = last.target;
    }
  }
  const { next } = block;
  if (next < 0 || next === i || next === 0 || ways[next] !== 1) return false;
  const behind = blocks[next] as Block;
  block.ops.push(...behind.ops);
  block.next = behind.next;
  behind.ops.length = 0;
  behind.next = -1;
  ways[next] = 0;
  return true;
}

/** Ways that lead to an empty block lead to where that goes on. */
function skipEmpty(blocks: readonly Block[]): void {
  const end = (start: number): number => {
    let at = start;
    for (let turns = 0; turns < blocks.length; turns++) {
      const block = blocks[at];
      const [first] = block?.ops ?? [];
      if (first?.kind === 'jump') at = first.target;
      else if (first === undefined && block !== undefined && block.next >= 0) at = block.next;
      else break;
    }
    return at;
  };
  for (const block of blocks) {
    if (block.next >= 0) block.next = end(block.next);
    for (const [at, each] of block.ops.entries())
      if (each.target >= 0) block.ops[at] = { ...each, target: end(each.target) };
    const last = block.ops.at(-1);
    if (last !== undefined && isSideExit(last) && last.target === block.next) block.ops.pop();
  }
}
