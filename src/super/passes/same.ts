/**
 * Blocks that do the same and go on to blocks that do the same are one block: the coarsest partition in which that
 * holds (Hopcroft's for automata, refined in rounds). Takes back copies that came to nothing (split.ts, lengths.ts).
 * Where one of two is run often and the other is not rare either, both stay: a jump to the one costs more than room.
 */
import { type Block, blockOrder, type FunctionCode, jointOp, type Op } from '../function-code.js';
import type { PassContext } from './pass.js';

/** Share of all packets up to which a copy is rare. */
const rare = 0.1;

/** The pass: of blocks that do the same the one stays that is run most often. */
export function same(code: FunctionCode, context: PassContext): boolean {
  const order = blockOrder(code);
  const classes = classesOf(order);
  const limit = rare * (code.blocks[0]?.weight ?? 0);
  const first = new Map<number, Block>();
  const replaced = new Map<Block, Block>();
  const often = (block: Block): number => block.weight ?? 0;
  for (const block of [...order].sort((a, b) => often(b) - often(a) || a.id - b.id)) {
    const number = classes.get(block) as number; // each block of the order has one
    const kept = first.get(number);
    const about = block.ops[0] ?? block.branch;
    if (kept === undefined) first.set(number, block);
    else if (block !== code.blocks[0] && often(block) <= limit && about !== undefined && context.allow(about)) {
      replaced.set(block, kept);
      kept.ops = kept.ops.map((each, i) => jointOp(each, block.ops[i] as Op)); // they do the same
      if (kept.branch !== undefined && block.branch !== undefined) kept.branch = jointOp(kept.branch, block.branch);
      kept.weight = often(kept) + often(block);
      kept.takenWeight = (kept.takenWeight ?? 0) + (block.takenWeight ?? 0);
    }
  }
  if (replaced.size === 0) return false;
  for (const block of code.blocks) {
    if (block.taken !== undefined) block.taken = replaced.get(block.taken) ?? block.taken;
    if (block.next !== undefined) block.next = replaced.get(block.next) ?? block.next;
  }
  code.blocks = code.blocks.filter((block) => !replaced.has(block));
  return true;
}

/** Blocks of equal numbers do the same. */
function classesOf(order: readonly Block[]): ReadonlyMap<Block, number> {
  let classes = numbered(order, (block) => [...block.ops, block.branch].map(opKey).join(';'));
  for (let count = 0; ; ) {
    const now = new Set(classes.values()).size;
    if (now === count) return classes;
    count = now;
    const old = classes;
    const next = (block: Block | undefined): number => (block === undefined ? -1 : (old.get(block) ?? -1));
    classes = numbered(order, (block) => `${old.get(block)},${next(block.taken)},${next(block.next)}`);
  }
}

function numbered(order: readonly Block[], keyOf: (block: Block) => string): Map<Block, number> {
  const numbers = new Map<string, number>();
  return new Map(
    order.map((block) => {
      const key = keyOf(block);
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      return [block, number];
    }),
  );
}

/** Equal keys: the instructions do the same. */
export function opKey(each: Op | undefined): string {
  if (each === undefined) return '';
  const { insn, high, symbol, refers, pinned } = each;
  // What a record mends is only itself; calls of own functions by distance likewise.
  const identity = pinned || (refers >= 0 && symbol === undefined) ? `#${refers}` : '';
  return `${insn.code},${insn.dst},${insn.src},${insn.off},${insn.imm},${high},${symbol ?? ''}${identity}`;
}
