/** Which registers are alive where: a backward data flow over blocks. */
import { type MachineCode, type Operation, successorsOf } from './machine-code.js';

/** Registers that are alive at the end of each block. */
export function liveAtEnds({ blocks }: MachineCode): readonly ReadonlySet<number>[] {
  const begins = blocks.map(() => new Set<number>());
  const ends = blocks.map(() => new Set<number>());
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = blocks.length - 1; i >= 0; i--) {
      const block = blocks[i] as MachineCode['blocks'][number];
      const end = ends[i] as Set<number>;
      for (const next of successorsOf(block.end)) for (const register of begins[next] ?? []) end.add(register);
      const live = new Set(end);
      backwards(block, live, () => undefined);
      const begin = begins[i] as Set<number>;
      if (live.size === begin.size) continue;
      for (const register of live) begin.add(register);
      changed = true;
    }
  }
  return ends;
}

/**
 * Walks a block from its end; `live` is what is alive behind each operation when `visit` is called, and what is alive
 * at the block's beginning afterwards.
 */
export function backwards(
  { operations, end }: MachineCode['blocks'][number],
  live: Set<number>,
  visit: (operation: Operation, live: ReadonlySet<number>, index: number) => void,
): void {
  if (end.kind === 'branch') for (const register of end.test.uses) live.add(register);
  if (end.kind === 'exit') live.add(0);
  for (let i = operations.length - 1; i >= 0; i--) {
    const each = operations[i] as Operation;
    visit(each, live, i);
    for (const register of each.defs) live.delete(register);
    for (const register of each.uses) live.add(register);
  }
}
