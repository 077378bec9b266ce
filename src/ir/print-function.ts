/**
 * Text of a whole program. Pure values are printed in the first block that needs them, constants in place:
 *
 *     block 2 <- 1
 *       v9 = load.2 packet[12]
 *       v10 = v9 == 0xdd86
 *       branch v10, 4, 3
 */
import { endUses, type FunctionCode, successors } from './function.js';
import { formatConstant, formatValue, type Names, plainNames } from './print.js';
import { isConst, type Value } from './value.js';

export function formatFunction(code: FunctionCode, names: Names = plainNames): string {
  const lines: string[] = [];
  const printed = new Set<Value>();
  const need = (value: Value): void => {
    if (isConst(value) || printed.has(value) || value.op === 'phi') return;
    printed.add(value);
    for (const arg of value.args) need(arg);
    lines.push(`  ${formatValue(value, names)}`);
  };
  const operand = (value: Value): string => (isConst(value) ? formatConstant(value.imm) : `v${value.id}`);
  for (const block of code.blocks) {
    if (block === undefined) continue;
    lines.push(`block ${block.id}${block.preds.length === 0 ? '' : ` <- ${block.preds.join(', ')}`}`);
    for (const phi of block.phis) lines.push(`  v${phi.id} = phi(${phi.args.map(operand).join(', ')})`);
    for (const value of block.pinned) need(value);
    for (const value of endUses(block.end)) need(value);
    for (const to of successors(block.end)) {
      const target = code.blocks[to];
      const index = target?.preds.indexOf(block.id) ?? -1;
      for (const phi of target?.phis ?? []) if (index >= 0) need(phi.args[index] as Value);
    }
    const { end } = block;
    switch (end.kind) {
      case 'jump':
        lines.push(`  jump ${end.to}`);
        break;
      case 'branch':
        lines.push(`  branch ${operand(end.condition)}, ${end.yes}, ${end.no}`);
        break;
      case 'return':
        lines.push(`  return ${operand(end.value)}`);
        break;
      case 'tail call':
        lines.push(`  tail call ${names.map(end.map)}[${operand(end.slot)}], else ${end.to}`);
        break;
      case 'trap':
        lines.push(`  trap insn ${end.pc}: ${end.what}`);
        break;
    }
  }
  return lines.join('\n');
}
