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
/** Class: load from memory into a register. */
export const LDX = 0x01;
/** Class: store a constant. */
export const ST = 0x02;
/** Class: store a register, and atomic operations. */
export const STX = 0x03;
/** Class: arithmetic on low halves; the upper half of the result is zero. */
export const ALU = 0x04;
/** Class: jumps that compare 64 bits, calls and exit. */
export const JMP = 0x05;
/** Class: jumps that compare low halves, and the jump whose distance is in `imm`. */
export const JMP32 = 0x06;
/** Class: arithmetic on 64 bits. */
export const ALU64 = 0x07;

/** Source bit: operand is the immediate (K) or a register (X). For END: to little (K) or big endian (X). */
export const K = 0x00;
/** The second operand is a register. */
export const X = 0x08;

/** ALU: `dst += src`. */
export const ADD = 0x00;
/** ALU: `dst -= src`. */
export const SUB = 0x10;
/** ALU: `dst *= src`. */
export const MUL = 0x20;
/** ALU: quotient, 0 by zero; signed if `off` is 1. */
export const DIV = 0x30;
/** ALU: `dst |= src`. */
export const OR = 0x40;
/** ALU: `dst &= src`. */
export const AND = 0x50;
/** ALU: shift left by the count modulo the width. */
export const LSH = 0x60;
/** ALU: shift right, zeros come in. */
export const RSH = 0x70;
/** ALU: `dst = -dst`. */
export const NEG = 0x80;
/** ALU: remainder, the dividend by zero; signed if `off` is 1. */
export const MOD = 0x90;
/** ALU: `dst ^= src`. */
export const XOR = 0xa0;
/** ALU: `dst = src`; with `off` 8, 16 or 32 the low bits sign-extended. */
export const MOV = 0xb0;
/** ALU: shift right, copies of the sign come in. */
export const ARSH = 0xc0;
/** ALU: byte order; `imm` is the width. In ALU64 an unconditional swap. */
export const END = 0xd0;

/** JMP: always. */
export const JA = 0x00;
/** JMP: if `dst == src`. */
export const JEQ = 0x10;
/** JMP: if `dst > src`, unsigned. */
export const JGT = 0x20;
/** JMP: if `dst >= src`, unsigned. */
export const JGE = 0x30;
/** JMP: if `dst & src` is not 0. */
export const JSET = 0x40;
/** JMP: if `dst != src`. */
export const JNE = 0x50;
/** JMP: if `dst > src`, signed. */
export const JSGT = 0x60;
/** JMP: if `dst >= src`, signed. */
export const JSGE = 0x70;
/** JMP: call; `src` says of what ({@link CALL_LOCAL}, {@link CALL_KFUNC}, 0: a helper). */
export const CALL = 0x80;
/** JMP: back to the caller, r0 is the result. */
export const EXIT = 0x90;
/** JMP: if `dst < src`, unsigned. */
export const JLT = 0xa0;
/** JMP: if `dst <= src`, unsigned. */
export const JLE = 0xb0;
/** JMP: if `dst < src`, signed. */
export const JSLT = 0xc0;
/** JMP: if `dst <= src`, signed. */
export const JSLE = 0xd0;
/** `may_goto` (Linux 6.10); not in RFC 9669. */
export const JCOND = 0xe0;

/** Access of 4 bytes. */
export const SIZE_W = 0x00;
/** Access of 2 bytes. */
export const SIZE_H = 0x08;
/** Access of 1 byte. */
export const SIZE_B = 0x10;
/** Access of 8 bytes. */
export const SIZE_DW = 0x18;

/** LD: a 64-bit constant, over two slots. */
export const MODE_IMM = 0x00;
/** LD: packet data at a constant offset (classic BPF's way; not for XDP). */
export const MODE_ABS = 0x20;
/** LD: packet data at a register plus a constant (likewise). */
export const MODE_IND = 0x40;
/** A plain access at a register plus `off`. */
export const MODE_MEM = 0x60;
/** LDX: the loaded value is sign-extended. */
export const MODE_MEMSX = 0x80;
/** STX: an atomic operation, which one is in `imm`. */
export const MODE_ATOMIC = 0xc0;

/** `imm` of an atomic instruction: the operation, with FETCH where the old value comes back. */
export const ATOMIC_FETCH = 0x01;
/** `*(dst + off) += src`. */
export const ATOMIC_ADD = 0x00;
/** `*(dst + off) |= src`. */
export const ATOMIC_OR = 0x40;
/** `*(dst + off) &= src`. */
export const ATOMIC_AND = 0x50;
/** `*(dst + off) ^= src`. */
export const ATOMIC_XOR = 0xa0;
/** Memory and `src` change places. */
export const ATOMIC_XCHG = 0xe1;
/** If memory is r0 it becomes `src`; r0 gets what was there. */
export const ATOMIC_CMPXCHG = 0xf1;
/** Load-acquire and store-release (Linux 6.15); not in RFC 9669. */
export const ATOMIC_LOAD_ACQ = 0x100;
/** A store that nothing before it may pass (Linux 6.15). */
export const ATOMIC_STORE_REL = 0x110;

/** Whole opcodes that are named on their own. */
export const LDDW: number = LD | MODE_IMM | SIZE_DW;
/** The opcode of calls whose target is in `imm`. */
export const CALL_OP: number = JMP | CALL;
/** The opcode of `exit`. */
export const EXIT_OP: number = JMP | EXIT;
/** The opcode of `goto`, distance in `off`. */
export const JA_OP: number = JMP | JA;
/** The opcode of `gotol`, distance in `imm`. */
export const JA32_OP: number = JMP32 | JA;

/**
 * `src` of a 64-bit immediate load: what the immediate stands for (RFC 9669, section 5.4; include/uapi/linux/bpf.h).
 */
export const PSEUDO_MAP_FD = 1;
/** Second slot's `imm`: offset in the value of a map's element 0. */
export const PSEUDO_MAP_VALUE = 2;
/** Address of a kernel variable, by BTF id. */
export const PSEUDO_BTF_ID = 3;
/** Address of a function of the program, for a callback. */
export const PSEUDO_FUNC = 4;
/** As PSEUDO_MAP_FD, with an index into the loader's list of descriptors. */
export const PSEUDO_MAP_IDX = 5;
/** As PSEUDO_MAP_VALUE, likewise. */
export const PSEUDO_MAP_IDX_VALUE = 6;

/** `src` of a call: a helper by number, a function of the program (`imm` relative to the next slot), or a kfunc. */
export const CALL_HELPER = 0;
/** `src` of a call: a function of the program, `imm` the distance in slots. */
export const CALL_LOCAL = 1;
/** `src` of a call: a kernel function, `imm` its BTF id. */
export const CALL_KFUNC = 2;
