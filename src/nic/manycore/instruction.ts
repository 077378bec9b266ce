/**
 * Instructions of the micro-engines, and the words of 45 bits that they are in the store, with seven bits of parity
 * above. Fields are those that Linux's driver documents (drivers/net/ethernet/netronome/nfp/nfp_asm.h); what an
 * instruction does is told where it is run (engine.ts).
 */
import { InternalError } from '../../base/index.js';

import { type Bank, constant, decodeOperand, encodeOperand, isFar, none, type Operand } from './operand.js';

/** Operations of the arithmetic unit, by their code. */
export const aluCodes = {
  b: 0x00,
  add: 0x01,
  not: 0x04,
  and: 0x08,
  'and-not-a': 0x0c,
  'sub-carry': 0x0d,
  'and-not-b': 0x10,
  'add-carry': 0x11,
  or: 0x14,
  sub: 0x15,
  xor: 0x18,
} as const;

/** Conditions of branches, by their mask. */
export const conditionCodes = { eq: 0, ne: 1, minus: 2, carry: 4, 'no-carry': 5, ge: 8, lt: 9, always: 0x18 } as const;

/** Commands to memory: token and command of the target. */
export const commandCodes = {
  read8: [0x01, 0x43],
  write8: [0x02, 0x42],
  write32: [0x02, 0x5f],
  /** Little-endian words, as the host has them. */
  read32: [0x02, 0x5c],
  add: [0x00, 0x47],
  /** Adds the 16 bits that the last result holds. */
  'add-constant': [0x02, 0x47],
} as const;

/** Registers of a core that are no operands, by address. */
export const csrCodes = { lm0: 0x64, lm1: 0x6c, lm2: 0x94, lm3: 0x9c, random: 0x148 } as const;

/** Steps of a multiplication: 16 by 16 bits take two, 32 by 32 four. */
export const multiplySteps = ['start', '16x16', '32x32'] as const;

/** One of {@link aluCodes}. */
export type AluName = keyof typeof aluCodes;
/** One of {@link conditionCodes}. */
export type ConditionName = keyof typeof conditionCodes;
/** One of {@link commandCodes}. */
export type CommandName = keyof typeof commandCodes;
/** One of {@link csrCodes}. */
export type CsrName = keyof typeof csrCodes;
/** How the right operand is shifted. `double`: left and right operand side by side, to the right. */
export type ShiftWay = 'none' | 'right' | 'left' | 'double';
/** What is done with left and shifted right operand; `sign`: the last result's sign comes in. */
export type ShiftOp = 'b' | 'and' | 'or' | 'sign';

/** One instruction. Branches and routines are meant by address. */
export type Instruction =
  | {
      readonly kind: 'alu';
      readonly op: AluName;
      readonly dst: Operand;
      readonly left: Operand;
      readonly right: Operand;
    }
  /** `amount` 0 with a way: as many as the left operand of the last arithmetic instruction says. */
  | {
      readonly kind: 'shift';
      readonly op: ShiftOp;
      readonly way: ShiftWay;
      readonly amount: number;
      readonly dst: Operand;
      readonly left: Operand;
      readonly right: Operand;
    }
  /** Bytes of `mask` come from the source, rotated (`none`) or shifted; the others stay, or are cleared. */
  | {
      readonly kind: 'field';
      readonly dst: Operand;
      readonly mask: number;
      readonly source: Operand;
      readonly way: ShiftWay;
      readonly amount: number;
      readonly clears: boolean;
    }
  /** 16 bits, shifted by `bytes`, inverted or not; `half`: only these two bytes. */
  | {
      readonly kind: 'immediate';
      readonly dst: Operand;
      readonly value: number;
      readonly bytes: number;
      readonly inverts: boolean;
      readonly half: boolean;
    }
  | { readonly kind: 'branch'; readonly when: ConditionName; readonly target: number; readonly defer: number }
  | {
      readonly kind: 'branch-bit';
      readonly source: Operand;
      readonly bit: number;
      readonly target: number;
      readonly defer: number;
    }
  /** To the address in a register. */
  | { readonly kind: 'return'; readonly source: Operand; readonly defer: number }
  | {
      readonly kind: 'multiply';
      readonly type: number;
      readonly step: number;
      readonly left: Operand;
      readonly right: Operand;
    }
  | {
      readonly kind: 'command';
      readonly command: CommandName;
      /** The address has 40 bits, `right` their upper eight; else it is the sum of both. */
      readonly isLong: boolean;
      readonly left: Operand;
      readonly right: Operand;
      /** First transfer register. */
      readonly transfer: number;
      /** Words or bytes less one. */
      readonly count: number;
      /** The thread waits, after so many more instructions; -1: it does not. */
      readonly waits: number;
      /** The last result says how many. */
      readonly isIndirect: boolean;
    }
  | { readonly kind: 'csr'; readonly csr: CsrName; readonly source: Operand; readonly isRead: boolean }
  | { readonly kind: 'nop' };

/** Last steps of a multiplication: the product's low word, and its high one. */
export const lastSteps = { low: 4, high: 5 } as const;

const shiftCodes = { none: 0, right: 1, left: 2, double: 3 } as const;
const shiftOpCodes = { b: 0, and: 2, or: 5, sign: 6 } as const;

/** A field of a word: its lowest bit and its width. */
type Field = readonly [low: number, bits: number];

/** The words' fields; products, since they lie beyond 32 bits. */
class Word {
  value: number;

  constructor(value: number) {
    this.value = value;
  }

  put([low, bits]: Field, value: number): this {
    if (value < 0 || value >= 2 ** bits) throw new InternalError('manycore', `${value} in ${bits} bits`);
    this.value += value * 2 ** low;
    return this;
  }

  get([low, bits]: Field): number {
    return Math.floor(this.value / 2 ** low) % 2 ** bits;
  }
}

const wide = { a: [0, 10], b: [10, 10] } as const;
const narrow = { a: [0, 8], b: [10, 8] } as const;
const writesBoth: Field = [41, 1];
const sourceFar: Field = [42, 1];
const dstFar: Field = [43, 1];
const deferField: Field = [20, 2];
const targetLow: Field = [22, 13];
const targetHigh: Field = [40, 1];
const bases = {
  alu: 0xa0_0000_0000,
  shift: 0x80_0000_0000,
  field: 0xc0_0000_0000,
  immediate: 0xf0_0000_0000,
  branch: 0xd8_0000_0020,
  bit: 0xd0_0000_0000,
  return: 0xe8_0000_0000,
  multiply: 0xf8_0000_0000,
  csr: 0xfc_0000_0000,
} as const;

/** Two operands, each on the side that its bank is on. */
function sides(left: Operand, right: Operand): { a: Operand; b: Operand; swapped: boolean } {
  const swapped = bankOf(left) === 'b' || bankOf(right) === 'a';
  return swapped ? { a: right, b: left, swapped } : { a: left, b: right, swapped };
}

function bankOf(operand: Operand): Bank | undefined {
  return operand.kind === 'register' ? operand.bank : undefined;
}

const flag = (is: boolean): number => (is ? 1 : 0);

/** The word of an instruction, without parity. */
export function encode(each: Instruction): bigint {
  return BigInt(wordOf(each).value);
}

function wordOf(each: Instruction): Word {
  switch (each.kind) {
    case 'alu': {
      const { a, b, swapped } = sides(each.left, each.right);
      const word = operands(new Word(bases.alu), a, b, each.dst);
      word.put([20, 10], encodeOperand(each.dst, 'wide', true)).put([30, 1], flag(swapped));
      return word.put([31, 5], aluCodes[each.op]).put([36, 1], flag(bankOf(each.dst) === 'b'));
    }
    case 'shift':
      return shiftWord(each);
    case 'field': {
      const { a, b, swapped } = sides(each.dst, each.source);
      const word = new Word(bases.field)
        .put(narrow.a, encodeOperand(a, 'narrow'))
        .put(narrow.b, encodeOperand(b, 'narrow'));
      word.put([8, 2], shiftCodes[each.way]).put([18, 1], highBit(a, b)).put([19, 1], flag(swapped));
      word.put([20, 1], flag(each.clears)).put([24, 4], each.mask).put([28, 5], amountOf(each.way, each.amount));
      return word
        .put(writesBoth, flag(bankOf(each.dst) === 'both'))
        .put(sourceFar, flag(isFar(each.source)))
        .put(dstFar, flag(isFar(each.dst)));
    }
    case 'immediate': {
      const { a, b } = sides(each.dst, constant(each.value & 0xff));
      const word = new Word(bases.immediate);
      word.put(wide.a, encodeOperand(a, 'wide', a === each.dst)).put(wide.b, encodeOperand(b, 'wide', b === each.dst));
      word
        .put([20, 8], each.value >> 8)
        .put([29, 2], each.half ? 2 : 0)
        .put([31, 1], flag(each.inverts));
      return word
        .put([33, 2], each.bytes)
        .put(writesBoth, flag(bankOf(each.dst) === 'both'))
        .put(dstFar, flag(isFar(each.dst)));
    }
    case 'nop':
      return new Word(bases.immediate).put(wide.a, 0x300).put(wide.b, 0x300);
    case 'branch': {
      const word = new Word(bases.branch).put([0, 5], conditionCodes[each.when]);
      word.put([8, 2], flag(each.when !== 'always')).put([14, 4], 2);
      return targetOf(word, each.target).put(deferField, each.defer);
    }
    case 'branch-bit': {
      // The bit is named by the rotation to the right that brings it to the top.
      const { a, b } = sides(each.source, constant(each.bit + 1));
      const word = new Word(bases.bit)
        .put(narrow.a, encodeOperand(a, 'narrow'))
        .put(narrow.b, encodeOperand(b, 'narrow'));
      return targetOf(word.put([18, 1], 1), each.target).put(deferField, each.defer);
    }
    case 'return':
      return returnWord(each.source).put(deferField, each.defer);
    case 'multiply': {
      const isLast = each.step >= lastSteps.low;
      const { a, b, swapped } = isLast ? { a: none, b: none, swapped: false } : sides(each.left, each.right);
      const word = new Word(bases.multiply);
      word
        .put(wide.a, isLast ? encodeOperand(each.left, 'wide', true) : encodeOperand(a, 'wide'))
        .put(wide.b, encodeOperand(b, 'wide'));
      word
        .put([20, 3], each.step)
        .put([23, 1], flag(isLast && bankOf(each.left) === 'b'))
        .put([30, 1], flag(swapped))
        .put([31, 2], each.type);
      return word.put(writesBoth, flag(isLast && bankOf(each.left) === 'both'));
    }
    case 'command': {
      const [token, command] = commandCodes[each.command];
      const word = new Word(0)
        .put(narrow.a, encodeOperand(each.left, 'narrow'))
        .put(narrow.b, encodeOperand(each.right, 'narrow'));
      word
        .put([8, 2], each.waits < 0 ? 3 : each.waits)
        .put([18, 2], token)
        .put([20, 5], each.transfer)
        .put([25, 3], each.count);
      word
        .put([28, 4], flag(each.waits >= 0))
        .put([32, 7], command)
        .put([41, 1], flag(each.isIndirect));
      return word.put([42, 3], each.isLong ? 1 : 4);
    }
    case 'csr': {
      const word = new Word(bases.csr).put([22, 11], csrCodes[each.csr] / 4).put([21, 1], flag(!each.isRead));
      if (each.isRead) return word;
      const { a, b } = sides(each.source, constant(0));
      return word
        .put(wide.a, encodeOperand(a, 'wide'))
        .put(wide.b, encodeOperand(b, 'wide'))
        .put(sourceFar, flag(isFar(each.source)));
    }
  }
}

function operands(word: Word, a: Operand, b: Operand, dst: Operand): Word {
  word.put(wide.a, encodeOperand(a, 'wide')).put(wide.b, encodeOperand(b, 'wide'));
  word.put(sourceFar, flag(isFar(a) || isFar(b))).put(dstFar, flag(isFar(dst)));
  return word.put(writesBoth, flag(bankOf(dst) === 'both'));
}

/** The field of a destination is the distance to add here, and there is none. */
function returnWord(source: Operand): Word {
  const { a, b } = sides(source, constant(0));
  const word = new Word(bases.return).put(wide.a, encodeOperand(a, 'wide')).put(wide.b, encodeOperand(b, 'wide'));
  return word.put(sourceFar, flag(isFar(source)));
}

function shiftWord(each: Extract<Instruction, { kind: 'shift' }>): Word {
  const { a, b, swapped } = sides(each.left, each.right);
  const word = new Word(bases.shift)
    .put(narrow.a, encodeOperand(a, 'narrow'))
    .put(narrow.b, encodeOperand(b, 'narrow'));
  word.put([8, 2], shiftCodes[each.way]).put([18, 1], highBit(a, b)).put([19, 1], flag(swapped));
  word.put([20, 8], encodeOperand(each.dst, 'narrow', true)).put([28, 5], amountOf(each.way, each.amount));
  word.put([33, 3], shiftOpCodes[each.op]).put([36, 1], flag(bankOf(each.dst) === 'b'));
  word.put(writesBoth, flag(bankOf(each.dst) === 'both'));
  return word.put(sourceFar, flag(isFar(a) || isFar(b))).put(dstFar, flag(isFar(each.dst)));
}

/** The eighth bit of a constant in a narrow field. */
function highBit(a: Operand, b: Operand): number {
  return [a, b].some((operand) => operand.kind === 'constant' && operand.value > 0x7f) ? 1 : 0;
}

/** Shifts to the left are written as what is missing to 32. */
function amountOf(way: ShiftWay, amount: number): number {
  return way === 'left' && amount > 0 ? 32 - amount : amount;
}

function targetOf(word: Word, target: number): Word {
  return word.put(targetLow, target % 8192).put(targetHigh, Math.floor(target / 8192));
}

/** The same word with another target. */
export function withTarget(each: Instruction, target: number): Instruction {
  return each.kind === 'branch' || each.kind === 'branch-bit' ? { ...each, target } : each;
}

const nameOf = <K extends string>(codes: Readonly<Record<K, number>>, code: number): K => {
  const found = (Object.keys(codes) as K[]).find((name) => codes[name] === code);
  if (found === undefined) throw new InternalError('manycore', `no code 0x${code.toString(16)}`);
  return found;
};

/** The instruction of a word, parity or not. Throws InternalError for one that none is encoded as. */
export function decode(bits: bigint): Instruction {
  const word = new Word(Number(bits & ((1n << 45n) - 1n)));
  const top = word.get([36, 4]);
  const mode = word.get([42, 3]);
  if (word.get([39, 1]) === 0) return decodeCommand(word, mode);
  switch (top) {
    case 0x8:
    case 0x9:
      return decodeShift(word);
    case 0xa:
    case 0xb:
      return decodeAlu(word);
    case 0xc:
      return decodeField(word);
    case 0xd:
      return decodeBranch(word);
    case 0xe:
      return {
        kind: 'return',
        source: onlyOf(side(word, 'a', 'wide'), side(word, 'b', 'wide')),
        defer: word.get(deferField),
      };
    default:
      return decodeRest(word);
  }
}

function side(word: Word, bank: 'a' | 'b', width: 'wide' | 'narrow'): Operand {
  const field = width === 'wide' ? wide[bank] : narrow[bank];
  return decodeOperand(word.get(field), width, bank, word.get(sourceFar) === 1);
}

/** Left and right operand as they were written. */
function pair(word: Word, width: 'wide' | 'narrow', swapped: boolean): { left: Operand; right: Operand } {
  let [a, b] = [side(word, 'a', width), side(word, 'b', width)];
  if (width === 'narrow' && word.get([18, 1]) === 1) {
    const raise = (of: Operand): Operand => (of.kind === 'constant' ? constant(of.value | 0x80) : of);
    [a, b] = [raise(a), raise(b)];
  }
  return swapped ? { left: b, right: a } : { left: a, right: b };
}

/** Of two operands the one that is no constant. */
function onlyOf(a: Operand, b: Operand): Operand {
  return a.kind === 'constant' ? b : a;
}

function destination(word: Word, field: number, width: 'wide' | 'narrow', isB: boolean): Operand {
  const bank = word.get(writesBoth) === 1 ? 'both' : isB ? 'b' : 'a';
  return decodeOperand(field, width, bank, word.get(dstFar) === 1, true);
}

function decodeAlu(word: Word): Instruction {
  const dst = destination(word, word.get([20, 10]), 'wide', word.get([36, 1]) === 1);
  return { kind: 'alu', op: nameOf(aluCodes, word.get([31, 5])), dst, ...pair(word, 'wide', word.get([30, 1]) === 1) };
}

function amountFrom(way: ShiftWay, field: number): number {
  return way === 'left' && field > 0 ? 32 - field : field;
}

function decodeShift(word: Word): Instruction {
  const way = nameOf(shiftCodes, word.get([8, 2]));
  const dst = destination(word, word.get([20, 8]), 'narrow', word.get([36, 1]) === 1);
  const op = nameOf(shiftOpCodes, word.get([33, 3]));
  const amount = amountFrom(way, word.get([28, 5]));
  return { kind: 'shift', op, way, amount, dst, ...pair(word, 'narrow', word.get([19, 1]) === 1) };
}

function decodeField(word: Word): Instruction {
  const swapped = word.get([19, 1]) === 1;
  const { right: source } = pair(word, 'narrow', swapped);
  const dst = destination(word, word.get(swapped ? narrow.b : narrow.a), 'narrow', swapped);
  const way = nameOf(shiftCodes, word.get([8, 2]));
  const amount = amountFrom(way, word.get([28, 5]));
  return { kind: 'field', dst, mask: word.get([24, 4]), source, way, amount, clears: word.get([20, 1]) === 1 };
}

function decodeBranch(word: Word): Instruction {
  const target = word.get(targetLow) + 8192 * word.get(targetHigh);
  const defer = word.get(deferField);
  if (word.get([35, 1]) === 1) {
    return { kind: 'branch', when: nameOf(conditionCodes, word.get([0, 5])), target, defer };
  }
  const [a, b] = [side(word, 'a', 'narrow'), side(word, 'b', 'narrow')];
  const [source, bit] = a.kind === 'constant' ? [b, a] : [a, b];
  return { kind: 'branch-bit', source, bit: bit.kind === 'constant' ? bit.value - 1 : 0, target, defer };
}

function decodeRest(word: Word): Instruction {
  if (word.get([35, 1]) === 0) {
    const [a, b] = [word.get(wide.a), word.get(wide.b)];
    if (a === 0x300 && b === 0x300 && word.get([20, 16]) === 0) return { kind: 'nop' };
    const isB = (a & 0x300) === 0x300 && (b & 0x300) !== 0x300;
    const dst = destination(word, isB ? b : a, 'wide', isB);
    const value = (word.get([20, 8]) << 8) | ((isB ? a : b) & 0xff);
    return {
      kind: 'immediate',
      dst,
      value,
      bytes: word.get([33, 2]),
      inverts: word.get([31, 1]) === 1,
      half: word.get([29, 2]) === 2,
    };
  }
  if (word.get([34, 1]) === 0) {
    const [type, step] = [word.get([31, 2]), word.get([20, 3])];
    if (step < lastSteps.low) return { kind: 'multiply', type, step, ...pair(word, 'wide', word.get([30, 1]) === 1) };
    const left = destination(word, word.get(wide.a), 'wide', word.get([23, 1]) === 1);
    return { kind: 'multiply', type, step, left, right: none };
  }
  const csr = nameOf(csrCodes, word.get([22, 11]) * 4);
  const isRead = word.get([21, 1]) === 0;
  const [a, b] = [side(word, 'a', 'wide'), side(word, 'b', 'wide')];
  return { kind: 'csr', csr, isRead, source: isRead ? none : onlyOf(a, b) };
}

function decodeCommand(word: Word, mode: number): Instruction {
  const code = word.get([32, 7]);
  const token = word.get([18, 2]);
  const names = Object.keys(commandCodes) as CommandName[];
  const command = names.find((name) => commandCodes[name][0] === token && commandCodes[name][1] === code);
  if (command === undefined) throw new InternalError('manycore', `no command 0x${code.toString(16)}`);
  const waits = word.get([8, 2]);
  return {
    kind: 'command',
    command,
    isLong: mode === 1,
    left: decodeOperand(word.get(narrow.a), 'narrow', 'a', false),
    right: decodeOperand(word.get(narrow.b), 'narrow', 'b', false),
    transfer: word.get([20, 5]),
    count: word.get([25, 3]),
    waits: waits === 3 ? -1 : waits,
    isIndirect: word.get([41, 1]) === 1,
  };
}

/** Words whose common bits' parity is one bit each, of the seven that the store keeps beside an instruction. */
const parityMasks = [
  0x0ff800007fffn,
  0x11f801ff801fn,
  0x1e387e0781e1n,
  0x17cb8e388e22n,
  0x1af5b2c93244n,
  0x1f56d5525488n,
  0x0daf69a46910n,
] as const;

/** The word as the instruction store holds it: bits 45 to 51 are its parity. */
export function withParity(word: bigint): bigint {
  let ecc = 0n;
  for (const [i, mask] of parityMasks.entries()) {
    let bits = word & mask;
    let odd = 0n;
    for (; bits !== 0n; bits &= bits - 1n) odd ^= 1n;
    ecc |= odd << BigInt(i);
  }
  return word | (ecc << 45n);
}
