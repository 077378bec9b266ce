/**
 * Opcodes of the software card's compact form (card-code.ts). They are a table of their own: a new operation of the IR
 * moves none of them.
 *
 * The executor's switch names them by number, since only a switch over literals becomes a jump table. The compiler
 * sees to it that it has a case for each of them and for nothing else; that each case does what the table says of it
 * is looked at when the first executor is made ({@link checkPureOpcodes}).
 */
import { InternalError } from '../../base/index.js';
import { type OpName, opNames, opTable } from '../../ir/index.js';

/** Operations of values: `op dst a b`, and the same result as `evaluate` of the IR's table. */
export const pureOpcodes = {
  add: 6,
  sub: 7,
  mul: 8,
  udiv: 9,
  umod: 10,
  sdiv: 11,
  smod: 12,
  and: 13,
  or: 14,
  xor: 15,
  shl: 16,
  shr: 17,
  sar: 18,
  add32: 19,
  sub32: 20,
  mul32: 21,
  sdiv32: 22,
  smod32: 23,
  shl32: 24,
  sar32: 25,
  sext8: 26,
  sext16: 27,
  sext32: 28,
  bswap16: 29,
  bswap32: 30,
  bswap64: 31,
  eq: 32,
  ult: 33,
  ule: 34,
  slt: 35,
  sle: 36,
} as const;

/** All else: memory, maps, helpers, guards, and what the packet brings along. Of each width four in a row. */
export const opcodes = {
  load8: 100,
  load16: 101,
  load32: 102,
  load64: 103,
  loadChecked: 108,
  store8: 110,
  store16: 111,
  store32: 112,
  store64: 113,
  storeChecked: 118,
  atomic: 120,
  lookup: 121,
  slot: 122,
  env: 123,
  call: 124,
  guard: 125,
  len: 126,
  metalen: 127,
  ctx: 128,
  ptr: 129,
  select: 130,
} as const;

Object.freeze(pureOpcodes);
Object.freeze(opcodes);

/** A word that begins an instruction. */
export type CardOpcode = (typeof pureOpcodes)[keyof typeof pureOpcodes] | (typeof opcodes)[keyof typeof opcodes];

/** Numbers that bring out signs, carries, widths, and division by zero. */
const samples: readonly (readonly [bigint, bigint])[] = [
  [0x0123_4567_89ab_cdefn, 0xfedc_ba98_7654_3210n],
  [0xffff_ffff_8000_0000n, 0x0000_0000_ffff_ffffn],
  [0x8000_0000_0000_0000n, 0xffff_ffff_ffff_fffdn],
  [77n, 0n],
  [5n, 77n],
];

/**
 * Throws InternalError unless the table has all pure operations of the IR, no opcode twice, and `run` does with each
 * what the IR says.
 */
export function checkPureOpcodes(run: (opcode: number, a: bigint, b: bigint) => bigint): void {
  const all = [...Object.values(pureOpcodes), ...Object.values(opcodes)];
  if (new Set<number>(all).size !== all.length) throw new InternalError('card opcodes', 'two are alike');
  const table: Partial<Record<OpName, number>> = pureOpcodes;
  for (const name of opNames) {
    const { evaluate } = opTable[name];
    const opcode = table[name];
    if ((evaluate === undefined) !== (opcode === undefined))
      throw new InternalError('card opcodes', `\`${name}\` ${opcode === undefined ? 'has no opcode' : 'is not pure'}`);
    if (evaluate === undefined || opcode === undefined) continue;
    for (const [a, b] of samples)
      if (run(opcode, a, b) !== evaluate(a, b))
        throw new InternalError('card opcodes', `${opcode} does not do what \`${name}\` does to ${a} and ${b}`);
  }
}
