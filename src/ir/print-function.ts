/**
 * Text of a whole program. Blocks stand by number, but none in front of one that dominates it, so what is read has
 * been printed. Pure values are printed in the first block that needs them, constants in place; values are numbered as
 * they are printed:
 *
 *     block 2 <- 1
 *       v3 = load.2 packet[v2 + 12]
 *       v4 = v3 == 0xdd86
 *       branch v4, 4, 3
 *
 * The exact form (see print.ts) begins with a line `function NAME` and what the function says of itself.
 */
import { type Block, type End, endUses, type FunctionCode, liveBlocks, successors } from './function.js';
import { orderOfCode } from './function-order.js';
import { argumentsOf } from './phis.js';
import { type Names, operandText, plainNames, type TextStyle, valueText } from './print.js';
import { isConst, type Value } from './value.js';

/** A function, block by block: predecessors, phis, values where they are computed, the end. */
export function formatFunction(code: FunctionCode, names: Names = plainNames, isExact = false): string {
  const lists = linesOf(code);
  const numbers = new Map<Value, number>();
  for (const list of lists.values()) for (const value of list) numbers.set(value, numbers.size);
  const label = (value: Value): string => `v${numbers.get(value) ?? -1}`;
  const style: TextStyle = { names, label, isExact, argsOf: argumentsOf(code) };
  const lines: string[] = isExact ? [headOf(code)] : [];
  for (const [id, values] of lists) {
    const block = code.blocks[id] as Block;
    lines.push(`block ${id}${block.preds.length === 0 ? '' : ` <- ${block.preds.join(', ')}`}`);
    for (const value of values) lines.push(`  ${valueText(value, style)}`);
    lines.push(`  ${endText(block.end, style)}`);
  }
  return lines.join('\n');
}

function headOf(code: FunctionCode): string {
  const flags = [code.checked ? ' checked' : '', code.hoists ? ' hoists' : ''];
  return `function ${code.program.spec.name}${flags.join('')}`;
}

/** Values of each block, and blocks, in the order in which they are printed. */
export function linesOf(code: FunctionCode): ReadonlyMap<number, readonly Value[]> {
  const printed = new Set<Value>();
  const lists = new Map<number, Value[]>();
  for (const block of liveBlocks(code)) for (const { value } of block.phis) printed.add(value);
  for (const block of blocksInOrder(code)) {
    const list: Value[] = block.phis.map(({ value }) => value);
    lists.set(block.id, list);
    for (const value of neededBy(code, block)) addInOrder(value, printed, list);
  }
  return lists;
}

/** By number, but dominators first. */
function blocksInOrder(code: FunctionCode): Block[] {
  const { idom } = orderOfCode(code);
  const listed = new Set<number>();
  const list: Block[] = [];
  for (const block of liveBlocks(code)) {
    const above: number[] = [];
    for (let id = block.id; id >= 0 && !listed.has(id); id = idom[id] as number) {
      above.push(id);
      listed.add(id);
    }
    for (const id of above.reverse()) list.push(code.blocks[id] as Block);
  }
  return list;
}

/** What the block has to have computed when it ends. */
function neededBy(code: FunctionCode, block: Block): readonly Value[] {
  const { end } = block;
  const passed = successors(end).flatMap((to) => {
    const target = code.blocks[to];
    const index = target?.preds.indexOf(block.id) ?? -1;
    return (target?.phis ?? []).map((phi) => phi.args[index] as Value);
  });
  return [...block.pinned, ...endUses(end), ...(end.kind === 'tail call' ? [end.table] : []), ...passed];
}

/** Appends what `value` is computed from and has not been printed, then itself; without recursion. */
function addInOrder(value: Value, printed: Set<Value>, list: Value[]): void {
  const stack = [value];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const missing = printed.has(top) ? undefined : top.args.find((arg) => !isConst(arg) && !printed.has(arg));
    if (missing !== undefined) {
      stack.push(missing);
      continue;
    }
    stack.pop();
    if (printed.has(top) || isConst(top)) continue;
    printed.add(top);
    list.push(top);
  }
}

function endText(end: End, style: TextStyle): string {
  const operand = (value: Value): string => operandText(value, style);
  switch (end.kind) {
    case 'jump':
      return `jump ${end.to}`;
    case 'branch':
      return `branch ${operand(end.condition)}, ${end.yes}, ${end.no}`;
    case 'return':
      return `return ${operand(end.value)}`;
    case 'tail call': {
      const exact = style.isExact ? ` {table ${operand(end.table)}, at ${end.pc}}` : '';
      return `tail call ${style.names.map(end.map)}[${operand(end.slot)}], else ${end.to}${exact}`;
    }
    case 'miss':
      return `miss ${operand(end.exit)}`;
    case 'trap':
      return `trap ${end.unsupported ? 'unsupported ' : ''}insn ${end.pc}: ${end.what}`;
  }
}
