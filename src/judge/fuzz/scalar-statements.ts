/** Statements on numbers: arithmetic, and the edges of it. */

import { aluKinds, jumpKinds, op } from '../../isa/index.js';
import { accumulatorAt, fp, interesting } from './conventions.js';
import type { Generator } from './generate.js';
import { scalar } from './type-state.js';

/** An arithmetic operation on numbers, of 32 or 64 bits. */
export function alu(g: Generator): void {
  const { out, random, state } = g;
  if (random.chance(0.15)) {
    g.freshScalar(g.target());
    return;
  }
  const cls = random.chance(0.5) ? op.ALU64 : op.ALU;
  const width = cls === op.ALU64 ? 64 : 32;
  const dst = g.changeable();
  if (random.chance(0.08)) {
    out.emit(cls | op.NEG, dst);
    state.set(dst, scalar);
    return;
  }
  const operation = random.pick(aluKinds);
  const signed = (operation === op.DIV || operation === op.MOD) && random.chance(0.4) ? 1 : 0;
  if (random.chance(0.5)) {
    const src = random.pick(g.scalars());
    out.emit(cls | operation | op.X, dst, src, signed);
    state.set(dst, scalar);
    return;
  }
  let imm = g.immediate();
  if (operation === op.LSH || operation === op.RSH || operation === op.ARSH) imm = random.below(width);
  if ((operation === op.DIV || operation === op.MOD) && imm === 0) imm = 3;
  out.emit(cls | operation | op.K, dst, 0, signed, imm);
  state.set(dst, operation === op.AND && imm >= 0 ? { kind: 'scalar', max: imm } : scalar);
}

/**
 * One operation on two numbers in whose sign bits and upper halves a mistake would show, and the result put where
 * nothing overwrites it.
 */
export function edge(g: Generator): void {
  const { out, random, state } = g;
  const [dst, src] = edgeOperands(g);
  if (dst === src) return;
  const cls = random.chance(0.5) ? op.ALU64 : op.ALU;
  const width = cls === op.ALU64 ? 64 : 32;
  const operation = random.pick([...aluKinds, op.DIV, op.MOD, op.ARSH]);
  const signed = (operation === op.DIV || operation === op.MOD) && random.chance(0.5) ? 1 : 0;
  const isShift = operation === op.LSH || operation === op.RSH || operation === op.ARSH;
  if (random.chance(0.5)) {
    const imm = isShift ? random.below(width) : random.pick([3, -3, 7, -1, 0x10001, g.immediate() || 5]);
    out.emit(cls | operation | op.K, dst, 0, signed, imm);
  } else {
    out.emit(cls | operation | op.X, dst, src, signed);
  }
  state.set(dst, scalar);
  accumulate(g, dst, src);
}

/** The same with a condition: which way it went is remembered. */
export function edgeJump(g: Generator): void {
  const { out, random } = g;
  const [a, b] = edgeOperands(g);
  if (a === b) return;
  const cls = random.chance(0.5) ? op.JMP : op.JMP32;
  const over = out.label();
  if (random.chance(0.5)) out.jump(cls | random.pick(jumpKinds) | op.X, over, a, b);
  else out.jump(cls | random.pick(jumpKinds) | op.K, over, a, 0, g.immediate());
  out.movImm(a, 1 + random.below(1000));
  accumulate(g, a, b);
  out.bind(over);
  g.state.set(a, scalar);
}

/** Two registers with numbers, often unlike in their halves. */
export function edgeOperands(g: Generator): [number, number] {
  const { out, random, state } = g;
  const number = (reg: number): void => {
    const half = (): bigint => BigInt(random.chance(0.5) ? random.pick(interesting) >>> 0 : random.u32());
    out.load64(reg, (half() << 32n) | half());
    state.set(reg, scalar);
  };
  const first = g.target();
  if (state.get(first).kind !== 'scalar' || random.chance(0.6)) number(first);
  const others = g.scalars().filter((r) => r !== first && !g.reserved.has(r));
  const second = others.length > 0 ? random.pick(others) : g.target();
  if (second !== first && (state.get(second).kind !== 'scalar' || random.chance(0.4))) number(second);
  return [first, second];
}

/** accumulator = (accumulator ^ reg) * odd number; `spare` is lost. */
export function accumulate(g: Generator, reg: number, spare: number): void {
  const { out, state } = g;
  out.emit(op.LDX | op.MODE_MEM | op.SIZE_DW, spare, fp, -accumulatorAt);
  out.emit(op.ALU64 | op.XOR | op.X, spare, reg);
  out.emit(op.ALU64 | op.MUL | op.K, spare, 0, 0, -0x61c88647);
  out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, fp, spare, -accumulatorAt);
  state.set(spare, scalar);
}

/** A byte swap or a sign extension. */
export function endianOrExtend(g: Generator): void {
  const { out, random, state } = g;
  const dst = g.changeable();
  switch (random.below(4)) {
    case 0:
      out.emit(op.ALU | op.END | random.pick([op.K, op.X]), dst, 0, 0, random.pick([16, 32, 64]));
      break;
    case 1:
      out.emit(op.ALU64 | op.END, dst, 0, 0, random.pick([16, 32, 64]));
      break;
    case 2:
      out.emit(op.ALU64 | op.MOV | op.X, dst, random.pick(g.scalars()), random.pick([8, 16, 32]));
      break;
    default:
      out.emit(op.ALU | op.MOV | op.X, dst, random.pick(g.scalars()), random.pick([8, 16]));
  }
  state.set(dst, scalar);
}
