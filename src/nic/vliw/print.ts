/**
 * Rows as text, a line an operation: `row.lane`, then the operation; `row.g` is a guard. Exits name rows:
 *
 *     0.0  r1 = *(u32 *)(r1 + 0x0)
 *     0.g  if start + 14 > end goto 35
 */
import { formatInsn, type Insn } from '../../isa/index.js';
import { helperName } from '../../platform/index.js';
import type { CompiledProgram } from './compile.js';
import type { Op } from './op.js';

/** The program's rows; `names`: what the maps are called that 64-bit loads name. */
export function formatRows(program: CompiledProgram, insns: readonly Insn[], map: (imm: number) => string): string {
  const lines: string[] = [];
  const digits = String(Math.max(0, program.rows.length - 1)).length;
  for (const [row, { lanes, guards }] of program.rows.entries()) {
    const place = (lane: string): string => `${String(row).padStart(digits)}.${lane}`;
    for (const [lane, each] of lanes.entries())
      if (each !== undefined) lines.push(`${place(String(lane))}  ${opText(each, program, insns, map)}`);
    for (const each of guards) lines.push(`${place('g')}  ${opText(each, program, insns, map)}`);
    if (guards.length === 0 && lanes.every((each) => each === undefined)) lines.push(`${place('-')}  wait`);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function opText(each: Op, program: CompiledProgram, insns: readonly Insn[], map: (imm: number) => string): string {
  const goto = each.target >= 0 ? ` goto ${program.starts[each.target]}` : '';
  const plain = plainText(each, insns, map);
  switch (each.kind) {
    case 'jump':
      return goto.trim();
    case 'exit':
      return each.verdict === undefined ? 'exit' : `exit ${each.verdict}`;
    case 'branch': {
      const comparison = plain.replace(/^if (.*?) goto .*$/, '$1');
      return each.negated ? `if !(${comparison})${goto}` : `if ${comparison}${goto}`;
    }
    case 'guard': {
      const [, left = '', sign = '', right = ''] = /^if (\S+) (\S+) (\S+) goto/.exec(plain) ?? [];
      const pointer = `${each.base < 0 ? 'start' : `r${each.base}`}${each.distance === 0 ? '' : ` + ${each.distance}`}`;
      const comparison = each.reversed ? `end ${sign} ${pointer}` : `${pointer} ${sign} end`;
      return left === '' || right === '' ? plain : `if ${each.negated ? `!(${comparison})` : comparison}${goto}`;
    }
    case 'load':
    case 'store':
      return each.size === 6 ? plain.replace(/\*\([us]\d+ \*\)/, '*(u48 *)') : plain;
    default:
      return each.first < 0 && each.firstImm === undefined ? plain : threeOperands(each, plain);
  }
}

/** As eBPF; a 64-bit load's second slot is where it was. */
function plainText({ insn, pc }: Op, insns: readonly Insn[], map: (imm: number) => string): string {
  return formatInsn([insn, insns[pc + 1] ?? insn], 0, 'llvm', { helper: helperName, map });
}

/** `r4 += 0x2a` of r2 is `r4 = r2 + 0x2a`. */
function threeOperands({ first, firstImm, insn }: Op, plain: string): string {
  const operand = firstImm === undefined ? `${plain.startsWith('w') ? 'w' : 'r'}${first}` : String(firstImm);
  const found = /^(\S+) (\S+)= (.*)$/.exec(plain);
  if (found === null || found[2] === '') return plain.replace(new RegExp(`([rw])${insn.dst}$`), operand);
  return `${found[1]} = ${operand} ${found[2]} ${found[3]}`;
}
