/**
 * Small programs whose control flow hangs on ten packet bits, so that a path condition can be compared with every
 * packet there is: 4, 3 and 3 low bits of the packet's first three bytes. Whatever a program loads is masked down to
 * them first.
 */
import { type Insn, op } from '../../isa/index.js';
import type { ObjectSpec } from '../../object/index.js';
import type { Prng } from '../../packet/index.js';
import { bareObject } from '../engines.js';

const masks = [15, 7, 7] as const;
/** Bytes that a program may touch; all but the first three are zero. */
export const smallPacketSize = 8;

/** All packets of the format. */
export function smallPackets(): Uint8Array[] {
  return Array.from({ length: 1 << 10 }, (_, x) => {
    const data = new Uint8Array(smallPacketSize + 6);
    data[0] = x & 15;
    data[1] = (x >> 4) & 7;
    data[2] = x >> 7;
    return data;
  });
}

/** Position in the number of a packet of bit `bit` (8 * byte + position), or -1. */
export function steeringBit(bit: number): number {
  const byte = bit >> 3;
  const at = bit & 7;
  if (byte === 0) return at < 4 ? at : -1;
  if (byte === 1) return at < 3 ? 4 + at : -1;
  return byte === 2 && at < 3 ? 7 + at : -1;
}

const insn = (code: number, dst: number, src: number, off: number, imm: number): Insn => ({ code, dst, src, off, imm });

/** All comparisons of 64 bits, signed ones and the test of bits included. */
const jumps = [op.JEQ, op.JNE, op.JGT, op.JGE, op.JLT, op.JLE, op.JSGT, op.JSGE, op.JSLT, op.JSLE, op.JSET];
const alus = [op.ADD, op.SUB, op.OR, op.AND, op.XOR, op.LSH, op.RSH, op.ARSH, op.MUL, op.MOV];

/** A program from a generator's next numbers. */
export function smallProgram(random: Prng): ObjectSpec {
  const body: Insn[] = [];
  const register = (): number => 2 + random.below(4);
  const load = (dst: number, byte: number): void => {
    body.push(insn(op.LDX | op.MODE_MEM | op.SIZE_B, dst, 6, byte, 0));
    body.push(insn(op.ALU64 | op.AND, dst, 0, 0, masks[byte] ?? 0));
  };
  load(2, 0);
  load(3, 1);
  load(4, 2);
  body.push(insn(op.ALU64 | op.MOV | op.X, 5, 2, 0, 0));
  for (let steps = 4 + random.below(10); steps > 0; steps--) {
    const choice = random.below(10);
    const cls = random.chance(0.6);
    if (choice < 5) {
      const kind = random.pick(jumps);
      const isImmediate = random.chance(0.75);
      const imm = random.chance(0.1) ? -random.below(20) : random.below(20);
      // Over the next instruction, or out.
      const off = random.chance(0.6) ? 1 : -1;
      body.push(
        insn(
          (cls ? op.JMP : op.JMP32) | kind | (isImmediate ? 0 : op.X),
          register(),
          isImmediate ? 0 : register(),
          off,
          isImmediate ? imm : 0,
        ),
      );
      if (off === 1) body.push(insn(op.ALU64 | op.XOR, register(), 0, 0, 1 + random.below(15)));
    } else if (choice < 9) {
      const kind = random.pick(alus);
      const isImmediate = random.chance(0.6);
      const isShift = kind === op.LSH || kind === op.RSH || kind === op.ARSH;
      const imm = isShift ? random.below(8) : random.below(32) - (random.chance(0.2) ? 16 : 0);
      body.push(
        insn(
          (cls ? op.ALU64 : op.ALU) | kind | (isImmediate || isShift ? 0 : op.X),
          register(),
          isImmediate || isShift ? 0 : register(),
          0,
          isImmediate || isShift ? imm : 0,
        ),
      );
    } else load(register(), random.below(3));
  }
  const prologue = [
    insn(op.LDX | op.MODE_MEM | op.SIZE_W, 6, 1, 0, 0),
    insn(op.LDX | op.MODE_MEM | op.SIZE_W, 7, 1, 4, 0),
    insn(op.ALU64 | op.MOV, 0, 0, 0, 2),
    insn(op.ALU64 | op.MOV | op.X, 8, 6, 0, 0),
    insn(op.ALU64 | op.ADD, 8, 0, 0, smallPacketSize),
    insn(op.JMP | op.JGT | op.X, 8, 7, -1, 0),
  ];
  const epilogue = [insn(op.ALU64 | op.MOV, 0, 0, 0, 1), insn(op.JMP | op.EXIT, 0, 0, 0, 0)];
  const all = [...prologue, ...body, ...epilogue];
  // `-1` is the exit.
  const exit = all.length - 1;
  const jump = (one: Insn, at: number): Insn => (one.off === -1 ? { ...one, off: exit - at - 1 } : one);
  return bareObject(all.map(jump));
}
