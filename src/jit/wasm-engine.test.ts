import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../interp/index.js';
import { checkFunction } from '../ir/index.js';
import { type Insn, op } from '../isa/index.js';
import { Machine, type Outcome, PacketArena, packetMoves, record } from '../vm/index.js';
import { objectOf } from './testing.js';
import { WasmEngine } from './wasm-engine.js';

const insn = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });
const mov = (dst: number, imm: number): Insn => insn(op.ALU64 | op.MOV, dst, 0, 0, imm);
const copy = (dst: number, src: number): Insn => insn(op.ALU64 | op.MOV | op.X, dst, src);
const load = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.LDX | op.MODE_MEM | size, dst, src, off);
const store = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.STX | op.MODE_MEM | size, dst, src, off);
const exit = insn(op.EXIT_OP);
/** if (data + n > data_end) return PASS; leaves data in r6. */
const bounds = (n: number): Insn[] => [
  load(op.SIZE_W, 6, 1, 0),
  load(op.SIZE_W, 7, 1, 4),
  copy(2, 6),
  insn(op.ALU64 | op.ADD, 2, 0, 0, n),
  mov(0, 2),
  insn(op.JMP | op.JGT | op.X, 2, 7, 1),
  insn(op.JA_OP, 0, 0, 1),
  exit,
];

interface Run {
  readonly r0: bigint;
  readonly trapped: boolean;
  readonly data: Uint8Array;
}

function both(
  insns: readonly Insn[],
  packet: Uint8Array,
  verified: boolean,
): { wasm: Run; interp: Run; fallbacks: number } {
  const run = (make: (machine: Machine) => { run(program: Machine['programs'][number]): Outcome }): Run => {
    const machine = new Machine(objectOf(insns));
    const engine = make(machine);
    machine.setPacket({ data: packet, now: 1234n });
    const { r0, trap } = engine.run(machine.programs[0] as Machine['programs'][number]);
    return { r0, trapped: trap !== undefined, data: machine.packetBytes() };
  };
  let fallbacks = 0;
  const wasm = run((machine) => {
    const engine = new WasmEngine(machine, {
      verified: () => verified,
      inspect: (code) => checkFunction(code, 'test'),
    });
    engine.compile(machine.programs[0] as Machine['programs'][number]);
    fallbacks = engine.fallbacks.length;
    return engine;
  });
  return { wasm, interp: run((machine) => new Interpreter(machine)), fallbacks };
}

function expectEqual(insns: readonly Insn[], packet: Uint8Array, verified = true): void {
  const { wasm, interp } = both(insns, packet, verified);
  expect(wasm).toEqual(interp);
}

const packet = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) & 0xff);

/** A random operation on r0 to r5 that no operand makes invalid. */
const arithmetic = fc
  .record({
    kind: fc.constantFrom(
      op.ADD,
      op.SUB,
      op.MUL,
      op.DIV,
      op.OR,
      op.AND,
      op.LSH,
      op.RSH,
      op.MOD,
      op.XOR,
      op.MOV,
      op.ARSH,
    ),
    wide: fc.boolean(),
    isRegister: fc.boolean(),
    dst: fc.integer({ min: 0, max: 5 }),
    src: fc.integer({ min: 0, max: 5 }),
    imm: fc.oneof(fc.integer(), fc.integer({ min: -2, max: 70 })),
    isSigned: fc.boolean(),
  })
  .map(({ kind, wide, isRegister, dst, src, imm, isSigned }): Insn => {
    const off = isSigned && (kind === op.DIV || kind === op.MOD) ? 1 : 0;
    const code = (wide ? op.ALU64 : op.ALU) | kind;
    return isRegister ? insn(code | op.X, dst, src, off) : insn(code, dst, 0, off, imm);
  });

const swap = fc
  .record({ big: fc.boolean(), dst: fc.integer({ min: 0, max: 5 }), imm: fc.constantFrom(16, 32, 64) })
  .map(({ big, dst, imm }) => insn(op.ALU | op.END | (big ? op.X : 0), dst, 0, 0, imm));

const spill = fc
  .record({
    size: fc.constantFrom(op.SIZE_B, op.SIZE_H, op.SIZE_W, op.SIZE_DW),
    register: fc.integer({ min: 0, max: 5 }),
    slot: fc.integer({ min: 1, max: 6 }),
    isLoad: fc.boolean(),
    shift: fc.integer({ min: 0, max: 7 }),
  })
  .map(({ size, register, slot, isLoad, shift }) => {
    const off = -8 * slot - shift;
    return isLoad ? load(size, register, 10, off) : store(size, 10, register, off);
  });

const branch = fc
  .record({
    kind: fc.constantFrom(op.JEQ, op.JNE, op.JGT, op.JGE, op.JLT, op.JLE, op.JSET, op.JSGT, op.JSGE, op.JSLT, op.JSLE),
    wide: fc.boolean(),
    isRegister: fc.boolean(),
    dst: fc.integer({ min: 0, max: 5 }),
    src: fc.integer({ min: 0, max: 5 }),
    imm: fc.integer({ min: -3, max: 300 }),
    off: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ kind, wide, isRegister, dst, src, imm, off }) => {
    const code = (wide ? op.JMP : op.JMP32) | kind;
    return isRegister ? insn(code | op.X, dst, src, off) : insn(code, dst, 0, off, imm);
  });

const packetAccess = fc
  .record({
    size: fc.constantFrom(op.SIZE_B, op.SIZE_H, op.SIZE_W, op.SIZE_DW),
    register: fc.integer({ min: 0, max: 5 }),
    off: fc.integer({ min: 0, max: 24 }),
    isLoad: fc.boolean(),
  })
  .map(({ size, register, off, isLoad }) => (isLoad ? load(size, register, 6, off) : store(size, 6, register, off)));

/** Straight or branching forward only; jumps stay inside. */
const body = fc
  .array(fc.oneof(arithmetic, arithmetic, swap, spill, branch, packetAccess), { maxLength: 60 })
  .map((insns) =>
    insns.map((one, i) => {
      const isBranch = (one.code & 7) === op.JMP || (one.code & 7) === op.JMP32;
      return isBranch ? { ...one, off: Math.min(one.off, insns.length - 1 - i) } : one;
    }),
  );

const start = [...bounds(32), ...[0, 1, 2, 3, 4, 5].map((r) => load(op.SIZE_DW, r, 6, 4 * r))];

describe('compiled code equals the interpreter', () => {
  it('on random programs of arithmetic, branches, stack and packet', () => {
    fc.assert(
      fc.property(body, fc.uint8Array({ minLength: 14, maxLength: 64 }), fc.boolean(), (insns, data, verified) => {
        expectEqual([...start, ...insns, exit], data, verified);
      }),
      { numRuns: 300, seed: 20_240_501 },
    );
  });

  it('on loops with values that go around, spilled ones among them', () => {
    fc.assert(
      fc.property(body, fc.integer({ min: 1, max: 9 }), fc.boolean(), (insns, count, verified) => {
        const loop = [mov(8, count), ...insns, insn(op.ALU64 | op.SUB, 8, 0, 0, 1)];
        expectEqual([...start, ...loop, insn(op.JMP | op.JNE, 8, 0, -(insns.length + 2), 0), exit], packet, verified);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it('where a loop has two entries', () => {
    const insns = [
      ...start,
      mov(8, 5),
      insn(op.JMP | op.JGT, 0, 0, 1, 100),
      insn(op.ALU64 | op.ADD, 0, 0, 0, 3),
      insn(op.ALU64 | op.MUL, 0, 0, 0, 5),
      insn(op.ALU64 | op.SUB, 8, 0, 0, 1),
      insn(op.JMP | op.JGT, 8, 0, -3, 2),
      insn(op.JMP | op.JGT, 8, 0, -5, 0),
      exit,
    ];
    expectEqual(insns, packet);
  });

  it('where accesses leave their object: the same trap at the same place', () => {
    const wild = [mov(2, 0), load(op.SIZE_W, 0, 2, 0), exit];
    const beyond = [load(op.SIZE_W, 6, 1, 0), load(op.SIZE_B, 0, 6, 100), exit];
    const context = [insn(op.ST | op.MODE_MEM | op.SIZE_W, 1, 0, 0, 1), mov(0, 1), exit];
    for (const insns of [wild, beyond, context]) {
      const { wasm, interp } = both(insns, packet, false);
      expect(wasm).toEqual(interp);
      expect(wasm.trapped).toBe(true);
    }
  });
});

describe('a program that is not compiled', () => {
  it('runs in the interpreter, and the engine says why', () => {
    const insns = [insn(op.JMP | op.JCOND, 0, 0, 0), mov(0, 1), exit];
    const { wasm, interp, fallbacks } = both(insns, packet, true);
    expect(fallbacks).toBe(1);
    expect(wasm).toEqual(interp);
  });
});

describe('a batch', () => {
  /** The machine's first program over packets whose byte 12 is 40, 41, ...; the last one is too short for it. */
  function runBatch(insns: readonly Insn[], count: number): { arena: PacketArena; engine: WasmEngine; ran: number } {
    const machine = new Machine(objectOf(insns));
    const engine = new WasmEngine(machine, { verified: () => true });
    const program = machine.programs[0] as Machine['programs'][number];
    const arena = new PacketArena(machine, { moves: packetMoves(program, machine.programs) });
    const bytes = new Uint8Array(64 * count);
    for (let i = 0; i < count; i++) bytes[64 * i + 12] = 40 + i;
    arena.load(bytes);
    for (let i = 0; i < count; i++) arena.add(64 * i, i === count - 1 ? 10 : 60, 1000 + i, 0, 0);
    return { arena, engine, ran: engine.runBatch(program, arena.first, count, record.size) };
  }

  it('runs each packet of the records, and answers in them', () => {
    const { arena, ran } = runBatch([...bounds(14), load(op.SIZE_B, 0, 6, 12), exit], 4);
    expect(ran).toBe(4);
    expect([0, 1, 2, 3].map((i) => arena.verdict(i))).toEqual([40, 41, 42, 2]);
  });

  it('gives helpers the time of their packet', () => {
    const { arena } = runBatch([insn(op.JMP | op.CALL, 0, 0, 0, 125), exit], 3);
    expect([0, 1, 2].map((i) => arena.verdict(i))).toEqual([1000, 1001, 1002]);
  });

  it('stops behind the packet that a trap stopped, and says why', () => {
    // map_delete_elem on what is no map, for one packet.
    const call = insn(op.JMP | op.CALL, 0, 0, 0, 3);
    const insns = [
      ...bounds(14),
      load(op.SIZE_B, 0, 6, 12),
      insn(op.JMP | op.JEQ, 0, 0, 1, 41),
      exit,
      mov(1, 0),
      copy(2, 10),
      call,
      exit,
    ];
    const { arena, engine, ran } = runBatch(insns, 4);
    expect(ran).toBe(1);
    expect(arena.verdict(1)).toBe(0);
    expect(engine.batchTrap?.insn).toBe(insns.indexOf(call));
  });
});
