/**
 * The slice as a function of its own. Twice: with the program's own values (to see which bits of them are asked for),
 * and with those that are sent read from an item, which is what becomes code.
 */
import { InternalError } from '../base/index.js';
import { type Block, type End, type FunctionCode, makeBlock, type Phi, successors } from '../ir/index.js';
import type { Slice, SliceEnd } from './analysis-slice.js';

/**
 * The slice over the program's own values. The last block is the exit, which returns 0; blocks that cannot be reached
 * are undefined.
 */
export function slicedFunction(slice: Slice): FunctionCode {
  const { scr, needed, ends } = slice;
  const { code } = scr;
  const exit = code.blocks.length;
  const entry = ends.has(0) ? 0 : exit;
  const reached = new Set<number>([entry]);
  const preds: number[][] = Array.from({ length: exit + 1 }, () => []);
  const endOf = (id: number): End =>
    id === exit ? { kind: 'return', value: code.graph.constant(0n) } : toEnd(ends.get(id), exit);
  for (const id of reached)
    for (const to of successors(endOf(id))) {
      preds[to]?.push(id);
      reached.add(to);
    }
  const blocks = Array.from({ length: exit + 1 }, (_, id): Block | undefined => {
    if (!reached.has(id)) return undefined;
    const own = id === exit ? undefined : code.blocks[id];
    const before = (preds[id] as number[]).sort((a, b) => a - b);
    const phis = (own?.phis ?? []).filter(({ value }) => needed.has(value));
    const pinned = (own?.pinned ?? []).filter((value) => needed.has(value) && !scr.choices.has(value));
    const made = phis.map(({ value, args }): Phi => {
      const at = before.map((pred) => args[own?.preds.indexOf(pred) ?? -1]);
      if (at.includes(undefined))
        throw new InternalError('scr', `a choice of block ${id} has a way that is not its own`);
      return { value, args: at.flatMap((arg) => arg ?? []) };
    });
    return makeBlock(id, before, made, pinned, endOf(id));
  });
  if (entry !== 0) blocks[0] = makeBlock(0, [], [], [], { kind: 'jump', to: exit });
  const { program, graph, size } = code;
  return { program, graph, size: Math.max(size, graph.code.length), blocks, checked: false, hoists: false };
}

function toEnd(end: SliceEnd | undefined, exit: number): End {
  if (end === undefined || end.kind === 'exit') return { kind: 'jump', to: exit };
  if (end.kind === 'jump') return end;
  const yes = end.yes ?? exit;
  const no = end.no ?? exit;
  return yes === no ? { kind: 'jump', to: yes } : { kind: 'branch', condition: end.condition, yes, no };
}
