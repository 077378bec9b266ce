import { describe, expect, it } from 'vitest';
import { encodingFault } from '../code/index.js';
import { buildFunction, formatFunction, worldOf } from '../ir/index.js';
import { type Insn, op } from '../isa/index.js';
import { objectSpec, programSpec } from '../object/index.js';
import { optimize } from './index.js';

const insn = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });
const load = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.LDX | op.MODE_MEM | size, dst, src, off);
const store = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.STX | op.MODE_MEM | size, dst, src, off);

/** The IR of a verified program that has data in r6 and 32 bytes of it. */
function text(body: readonly Insn[]): string {
  const insns = [
    load(op.SIZE_W, 6, 1, 0),
    load(op.SIZE_W, 7, 1, 4),
    insn(op.ALU64 | op.MOV | op.X, 2, 6),
    insn(op.ALU64 | op.ADD, 2, 0, 0, 32),
    insn(op.ALU64 | op.MOV, 0, 0, 0, 2),
    insn(op.JMP | op.JGT | op.X, 2, 7, body.length),
    ...body,
    insn(op.EXIT_OP),
  ];
  const world = worldOf(objectSpec('test', [programSpec(insns)], []));
  const program = world.programs[0];
  if (program === undefined) throw new Error('no program');
  const built = buildFunction(world, program, { trust: 'verified', fault: encodingFault });
  return formatFunction(optimize(built, world, { check: true }));
}

const count = (haystack: string, needle: string): number => haystack.split(needle).length - 1;

describe('memory accesses of verified code', () => {
  it('checks a packet length once, as a length', () => {
    expect(text([insn(op.ALU64 | op.MOV, 0, 0, 0, 1)])).toMatch(
      /(v\d+) = len\n {2}(v\d+) = \1 < 32\n.*(branch|select\()\2?/,
    );
  });

  it.each([
    ['or', op.OR],
    ['sum', op.ADD],
  ])('loads a byte-swapped half word at once when its bytes are put together: %s', (_, union) => {
    const listing = text([
      load(op.SIZE_B, 1, 6, 12),
      load(op.SIZE_B, 0, 6, 13),
      insn(op.ALU64 | op.LSH, 1, 0, 0, 8),
      insn(op.ALU64 | union | op.X, 0, 1),
    ]);
    expect(listing).toMatch(/load\.2 .*\+ 12/);
    expect(listing).toContain('bswap16');
  });

  it('stores halves of a number with one access, though one was masked before it was shifted', () => {
    const listing = text([
      load(op.SIZE_DW, 1, 6, 0),
      insn(op.ALU64 | op.MOV | op.X, 2, 1),
      insn(op.ALU | op.AND, 2, 0, 0, -65_536),
      insn(op.ALU64 | op.RSH, 2, 0, 0, 16),
      store(op.SIZE_H, 6, 1, 16),
      store(op.SIZE_H, 6, 2, 18),
    ]);
    expect(listing).toMatch(/store\.4 .*\+ 16/);
  });

  it('stores halves that were swapped by themselves as the swapped whole', () => {
    const toBig = (dst: number): Insn => insn(op.ALU | op.END | op.X, dst, 0, 0, 16);
    const listing = text([
      load(op.SIZE_W, 1, 6, 0),
      insn(op.ALU64 | op.MOV | op.X, 2, 1),
      insn(op.ALU64 | op.RSH, 2, 0, 0, 16),
      toBig(2),
      toBig(1),
      store(op.SIZE_H, 6, 2, 16),
      store(op.SIZE_H, 6, 1, 18),
    ]);
    expect(listing).toContain('bswap32');
    expect(listing).toMatch(/store\.4 .*\+ 16/);
  });

  it('copies neighbours with one access', () => {
    const listing = text([
      load(op.SIZE_H, 1, 6, 0),
      load(op.SIZE_H, 2, 6, 2),
      store(op.SIZE_H, 6, 1, 16),
      store(op.SIZE_H, 6, 2, 18),
    ]);
    expect(listing).toMatch(/store\.4 .*\+ 16/);
    expect(count(listing, 'store.')).toBe(1);
  });

  it('does not combine across a store to the bytes that are copied', () => {
    const listing = text([
      load(op.SIZE_H, 1, 6, 0),
      store(op.SIZE_H, 6, 0, 2),
      load(op.SIZE_H, 2, 6, 2),
      store(op.SIZE_H, 6, 1, 16),
      store(op.SIZE_H, 6, 2, 18),
    ]);
    expect(count(listing, 'store.2')).toBe(3);
  });

  it('keeps stack slots out of memory', () => {
    const listing = text([store(op.SIZE_DW, 10, 6, -8), load(op.SIZE_DW, 1, 10, -8), load(op.SIZE_B, 0, 1, 3)]);
    expect(listing).not.toContain('store');
    expect(listing).toMatch(/load\.1 packet/);
  });
});
