/** A program as the assembler of micro-engines writes it, with the slots that instructions come from. */
import type { Instruction, ShiftWay } from './instruction.js';
import { multiplySteps } from './instruction.js';
import { operandText } from './operand.js';
import { routineAt } from './routines.js';

const aluText = {
  b: 'B',
  add: '+',
  'add-carry': '+carry',
  sub: '-',
  'sub-carry': '-carry',
  and: 'AND',
  'and-not-a': '~A AND',
  'and-not-b': 'AND~',
  not: '~B',
  or: 'OR',
  xor: 'XOR',
} as const;

const branchText = {
  eq: 'beq',
  ne: 'bne',
  minus: 'bmi',
  carry: 'bhs',
  'no-carry': 'blo',
  ge: 'bge',
  lt: 'blt',
  always: 'br',
} as const;

const commandText = {
  read8: 'mem[read8',
  write8: 'mem[write8_swap',
  write32: 'mem[write32_swap',
  read32: 'mem[read32_swap',
  add: 'mem[add',
  'add-constant': 'mem[add_imm',
} as const;

function shifted(text: string, way: ShiftWay, amount: number): string {
  if (way === 'none') return amount === 0 ? text : `${text}, >>rot${amount}`;
  const sign = way === 'left' ? '<<' : '>>';
  return `${text}, ${sign}${amount === 0 ? 'indirect' : amount}`;
}

function targetText(target: number): string {
  const routine = routineAt(target);
  switch (routine?.kind) {
    case undefined:
      return `.${target}`;
    case 'next packet':
      return 'next_packet';
    case 'helper':
      return `helper_${routine.id}`;
    case 'division':
      return `${routine.signed ? 's' : ''}${routine.remainder ? 'mod' : 'div'}${routine.wide ? 64 : 32}_${target}`;
    case 'atomic':
      return `atomic${routine.wide ? 64 : 32}_${target}`;
  }
}

const defers = (defer: number): string => (defer > 0 ? `, defer[${defer}]` : '');

/** One instruction as text. */
export function instructionText(each: Instruction): string {
  switch (each.kind) {
    case 'alu': {
      const { op, dst, left, right } = each;
      const first = op === 'b' || op === 'not' ? '--' : operandText(left);
      return `alu[${operandText(dst)}, ${first}, ${aluText[op]}, ${operandText(right)}]`;
    }
    case 'shift': {
      const { op, way, amount, dst, left, right } = each;
      const name = op === 'sign' ? 'asr' : way === 'double' ? 'dbl_shf' : 'alu_shf';
      const first = op === 'b' && way !== 'double' ? '--' : operandText(left);
      const middle = { b: 'B', and: 'AND', or: 'OR', sign: 'B' }[op];
      return `${name}[${operandText(dst)}, ${first}, ${middle}, ${shifted(operandText(right), way, amount)}]`;
    }
    case 'field': {
      const { dst, mask, source, way, amount, clears } = each;
      const bits = mask.toString(2).padStart(4, '0');
      return `ld_field${clears ? '_w_clr' : ''}[${operandText(dst)}, ${bits}, ${shifted(operandText(source), way, amount)}]`;
    }
    case 'immediate': {
      const { dst, value, bytes, inverts, half } = each;
      const name = half ? 'immed_w1' : 'immed';
      const number = `0x${(inverts ? 0xffff ^ value : value).toString(16)}`;
      const place = bytes === 0 || half ? '' : `, <<${8 * bytes}`;
      return `${name}[${operandText(dst)}, ${inverts ? '~' : ''}${inverts ? `0x${value.toString(16)}` : number}${place}]`;
    }
    case 'branch':
      return `${branchText[each.when]}[${targetText(each.target)}]${defers(each.defer)}`;
    case 'branch-bit':
      return `br_bset[${operandText(each.source)}, ${each.bit}, ${targetText(each.target)}]${defers(each.defer)}`;
    case 'return':
      return `rtn[${operandText(each.source)}]${defers(each.defer)}`;
    case 'multiply': {
      const { type, step, left, right } = each;
      const name = step === 4 ? 'last' : step === 5 ? 'last2' : type === 0 ? 'start' : `step${step + 1}`;
      const operands = step >= 4 ? operandText(left) : `${operandText(left)}, ${operandText(right)}`;
      return `mul_${name}_${multiplySteps[type] ?? ''}[${operands}]`;
    }
    case 'command': {
      const { command, isLong, left, right, count, waits, isIndirect } = each;
      const from = `$xfer_${each.transfer}`;
      const much = isIndirect ? 'indirect_ref' : String(count + 1);
      const wait = waits < 0 ? '' : `, ctx_swap${waits > 0 ? ` defer[${waits}]` : ''}`;
      const where = `${operandText(left)}, ${isLong ? '<<8, ' : ''}${operandText(right)}`;
      return `${commandText[command]}, ${from}, ${where}, ${much}]${wait}`;
    }
    case 'csr':
      return each.isRead ? `local_csr_rd[${each.csr}]` : `local_csr_wr[${each.csr}, ${operandText(each.source)}]`;
    case 'nop':
      return 'nop';
  }
}

/** What a listing is of. */
interface Listed {
  readonly code: readonly Instruction[];
  readonly words: readonly bigint[];
  readonly slots: readonly number[];
}

/** Address, word and text of each instruction; `slotText`: what stands above those that come from a slot. */
export function formatManycore({ code, words, slots }: Listed, slotText: (slot: number) => string): string {
  const lines: string[] = [];
  let slot = -1;
  for (const [i, each] of code.entries()) {
    const from = slots[i] ?? -1;
    if (from !== slot && from >= 0) lines.push(`; ${from}: ${slotText(from)}`);
    slot = from;
    const word = (words[i] ?? 0n).toString(16).padStart(12, '0');
    lines.push(`${String(i).padStart(5)}  ${word}  ${instructionText(each)}`);
  }
  return `${lines.join('\n')}\n`;
}
