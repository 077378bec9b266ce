/**
 * Operands of the micro-engines' instructions, and how they are written in instruction words. A field has 10 bits
 * where an instruction takes any operand (`wide`), 8 where it has other things to say (`narrow`):
 *
 *                     wide                       narrow
 *     register n      n                          n
 *     local memory    0x200 | i << 5 | offset    0x50 | i << 3 | offset     window i of 0, 1; 2 and 3 by the LM bit
 *       step on       0x210 | i << 5 | (1: down)  -
 *     transfer n      0x180 | n                  0x80 | n
 *     constant        0x300 | value              0x20 | value & 31 | (value & 96) << 1
 *     nothing         0x300 as a destination     0x20
 *
 * Registers stand in two banks, A and B; an instruction reads one operand from each side, and writes one bank or both.
 * As in the driver of Linux (drivers/net/ethernet/netronome/nfp/nfp_asm.h), which says what the fields are.
 */
import { InternalError } from '../../base/index.js';

/** Which bank of registers. */
export type Bank = 'a' | 'b' | 'both';

/** What an instruction reads or writes. */
export type Operand =
  | { readonly kind: 'register'; readonly bank: Bank; readonly n: number }
  /** A word of local memory: `offset` words from where the window `index` stands, which then may move by a word. */
  | { readonly kind: 'local'; readonly index: number; readonly offset: number; readonly step: 'none' | 'up' | 'down' }
  /** Read: what memory sent. Written: what is sent to memory. */
  | { readonly kind: 'transfer'; readonly n: number }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'none' };

/** Nothing. */
export const none: Operand = { kind: 'none' };

/** A register that is read from bank A, or written there. */
export function inA(n: number): Operand {
  return { kind: 'register', bank: 'a', n };
}

/** A register of bank B. */
export function inB(n: number): Operand {
  return { kind: 'register', bank: 'b', n };
}

/** A register that both banks have. */
export function both(n: number): Operand {
  return { kind: 'register', bank: 'both', n };
}

/** A word of local memory behind a window. */
export function local(index: number, offset: number): Operand {
  return { kind: 'local', index, offset, step: 'none' };
}

/** The word at which window `index` stands; then it stands at the next one. */
export function localUp(index: number): Operand {
  return { kind: 'local', index, offset: 0, step: 'up' };
}

/** A transfer register. */
export function transfer(n: number): Operand {
  return { kind: 'transfer', n };
}

/** A constant of at most 8 bits (7 in most narrow fields). */
export function constant(value: number): Operand {
  return { kind: 'constant', value };
}

/** The greatest constants that fields hold. */
export const greatestConstant = { wide: 0xff, narrow: 0x7f } as const;

/** The greatest offsets from a window, in words. */
export const greatestOffset = { wide: 15, narrow: 7 } as const;

/** A field's width. */
export type FieldWidth = 'wide' | 'narrow';

function cannot(width: FieldWidth, operand: Operand): never {
  throw new InternalError('manycore', `no ${width} field holds ${JSON.stringify(operand)}`);
}

/** An operand as a field; `isWritten`: a destination. The eighth bit of a narrow constant is the instruction's. */
export function encodeOperand(operand: Operand, width: FieldWidth, isWritten = false): number {
  const isWide = width === 'wide';
  switch (operand.kind) {
    case 'register':
      return operand.n < 32 ? operand.n : cannot(width, operand);
    case 'transfer':
      return operand.n < 32 ? (isWide ? 0x180 : 0x80) | operand.n : cannot(width, operand);
    case 'constant':
      if (operand.value < 0 || operand.value > 0xff) return cannot(width, operand);
      return isWide ? 0x300 | operand.value : 0x20 | (operand.value & 0x1f) | ((operand.value & 0x60) << 1);
    case 'local': {
      const { index, offset, step } = operand;
      if (offset > greatestOffset[width] || (step !== 'none' && (offset !== 0 || !isWide)))
        return cannot(width, operand);
      if (!isWide) return 0x50 | ((index & 1) << 3) | offset;
      return 0x200 | ((index & 1) << 5) | (step === 'none' ? offset : 0x10 | (step === 'down' ? 1 : 0));
    }
    case 'none':
      return isWritten ? (isWide ? 0x300 : 0x20) : 0;
  }
}

/** The operand of a field; `bank` where it is a register, `isFar` the instruction's bit for windows 2 and 3. */
export function decodeOperand(
  field: number,
  width: FieldWidth,
  bank: Bank,
  isFar: boolean,
  isWritten = false,
): Operand {
  const far = isFar ? 2 : 0;
  if (width === 'narrow') {
    if ((field & 0x20) !== 0) return isWritten ? none : constant((field & 0x1f) | ((field & 0xc0) >> 1));
    if ((field & 0x80) !== 0) return transfer(field & 0x1f);
    if ((field & 0x50) === 0x50) return local(far | ((field >> 3) & 1), field & 7);
    return { kind: 'register', bank, n: field & 0x1f };
  }
  if ((field & 0x300) === 0x300) return isWritten ? none : constant(field & 0xff);
  if ((field & 0x200) !== 0) {
    const index = far | ((field >> 5) & 1);
    if ((field & 0x10) === 0) return local(index, field & 0xf);
    return { kind: 'local', index, offset: 0, step: (field & 1) === 0 ? 'up' : 'down' };
  }
  if ((field & 0x180) === 0x180) return transfer(field & 0x1f);
  return { kind: 'register', bank, n: field & 0x1f };
}

/** Windows 2 and 3 need a bit of the instruction's. */
export function isFar(operand: Operand): boolean {
  return operand.kind === 'local' && operand.index >= 2;
}

/** As the assembler writes it. */
export function operandText(operand: Operand): string {
  switch (operand.kind) {
    case 'register':
      return `${operand.bank === 'both' ? 'gpr' : operand.bank}_${operand.n}`;
    case 'transfer':
      return `$xfer_${operand.n}`;
    case 'constant':
      return `0x${operand.value.toString(16)}`;
    case 'local':
      if (operand.step !== 'none') return `*l$index${operand.index}${operand.step === 'up' ? '++' : '--'}`;
      return `*l$index${operand.index}[${operand.offset}]`;
    case 'none':
      return '--';
  }
}
