/**
 * The bits of an opcode byte (RFC 9669, section 3). Three low bits are the class; what the other five mean depends on
 * it:
 *
 *     7      4   3   2    0
 *     +--------+---+-------+
 *     |  code  | s | class |   ALU, ALU64, JMP, JMP32: s = 0 immediate, 1 register operand
 *     +--------+---+-------+
 *     | mode | sz  | class |   LD, LDX, ST, STX: 3 bits mode, 2 bits size
 *     +------+-----+-------+
 */

export const LD = 0x00;
export const LDX = 0x01;
export const ST = 0x02;
export const STX = 0x03;
export const ALU = 0x04;
export const JMP = 0x05;
export const JMP32 = 0x06;
export const ALU64 = 0x07;

/** Source bit: operand is the immediate (K) or a register (X). For END: to little (K) or big endian (X). */
export const K = 0x00;
export const X = 0x08;

export const ADD = 0x00;
export const SUB = 0x10;
export const MUL = 0x20;
export const DIV = 0x30;
export const OR = 0x40;
export const AND = 0x50;
export const LSH = 0x60;
export const RSH = 0x70;
export const NEG = 0x80;
export const MOD = 0x90;
export const XOR = 0xa0;
export const MOV = 0xb0;
export const ARSH = 0xc0;
export const END = 0xd0;

export const JA = 0x00;
export const JEQ = 0x10;
export const JGT = 0x20;
export const JGE = 0x30;
export const JSET = 0x40;
export const JNE = 0x50;
export const JSGT = 0x60;
export const JSGE = 0x70;
export const CALL = 0x80;
export const EXIT = 0x90;
export const JLT = 0xa0;
export const JLE = 0xb0;
export const JSLT = 0xc0;
export const JSLE = 0xd0;
/** `may_goto` (Linux 6.10); not in RFC 9669. */
export const JCOND = 0xe0;

export const SIZE_W = 0x00;
export const SIZE_H = 0x08;
export const SIZE_B = 0x10;
export const SIZE_DW = 0x18;

export const MODE_IMM = 0x00;
export const MODE_ABS = 0x20;
export const MODE_IND = 0x40;
export const MODE_MEM = 0x60;
export const MODE_MEMSX = 0x80;
export const MODE_ATOMIC = 0xc0;

/** `imm` of an atomic instruction: the operation, with FETCH where the old value comes back. */
export const ATOMIC_FETCH = 0x01;
export const ATOMIC_ADD = 0x00;
export const ATOMIC_OR = 0x40;
export const ATOMIC_AND = 0x50;
export const ATOMIC_XOR = 0xa0;
export const ATOMIC_XCHG = 0xe1;
export const ATOMIC_CMPXCHG = 0xf1;
/** Load-acquire and store-release (Linux 6.15); not in RFC 9669. */
export const ATOMIC_LOAD_ACQ = 0x100;
export const ATOMIC_STORE_REL = 0x110;

/** Whole opcodes that are named on their own. */
export const LDDW: number = LD | MODE_IMM | SIZE_DW;
export const CALL_OP: number = JMP | CALL;
export const EXIT_OP: number = JMP | EXIT;
export const JA_OP: number = JMP | JA;
export const JA32_OP: number = JMP32 | JA;

/**
 * `src` of a 64-bit immediate load: what the immediate stands for (RFC 9669, section 5.4; include/uapi/linux/bpf.h).
 */
export const PSEUDO_MAP_FD = 1;
export const PSEUDO_MAP_VALUE = 2;
export const PSEUDO_BTF_ID = 3;
export const PSEUDO_FUNC = 4;
export const PSEUDO_MAP_IDX = 5;
export const PSEUDO_MAP_IDX_VALUE = 6;

/** `src` of a call: a helper by number, a function of the program (`imm` relative to the next slot), or a kfunc. */
export const CALL_HELPER = 0;
export const CALL_LOCAL = 1;
export const CALL_KFUNC = 2;
