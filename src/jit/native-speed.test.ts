/** Passes that are there for the code that engines make: results are the interpreter's, and the form is the wanted
 * one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bounds, copy, exit, insn, load, mov } from '../../test/support/any-program.js';
import { Interpreter } from '../interp/index.js';
import { checkFunction, type FunctionCode, formatFunction } from '../ir/index.js';
import { type Insn, op } from '../isa/index.js';
import { defaultSettings, parseSettings, type Settings } from '../opt/index.js';
import { Verdicts } from '../verifier/index.js';
import { columnsOf, Machine, PacketArena, packetMoves } from '../vm/index.js';
import { objectSpec, programSpec } from '../vm/testing.js';
import { WasmEngine } from './wasm-engine.js';

interface Result {
  readonly r0: bigint;
  readonly text: string;
}

const bytes = Uint8Array.from({ length: 64 }, (_, i) => (i * 37 + 11) & 0xff);

function compiled(insns: readonly Insn[], packet: Uint8Array = bytes, settings: Settings = defaultSettings): Result {
  const machine = new Machine(objectSpec([programSpec(insns)], []));
  const program = machine.programs[0] as Machine['programs'][number];
  let text = '';
  const inspect = (code: FunctionCode): void => {
    checkFunction(code, 'test');
    text = formatFunction(code);
  };
  const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting(), settings, inspect });
  machine.setPacket({ data: packet, now: 0n });
  const { r0 } = engine.run(program);
  expect(engine.fallbacks).toEqual([]);
  return { r0, text };
}

function interpreted(insns: readonly Insn[], packet: Uint8Array = bytes): bigint {
  const machine = new Machine(objectSpec([programSpec(insns)], []));
  machine.setPacket({ data: packet, now: 0n });
  return new Interpreter(machine).run(machine.programs[0] as Machine['programs'][number]).r0;
}

const add = (dst: number, src: number): Insn => insn(op.ALU64 | op.ADD | op.X, dst, src);
const addImm = (dst: number, imm: number): Insn => insn(op.ALU64 | op.ADD, dst, 0, 0, imm);

/**
 * r0 is a hash of all values of a counter, which starts at `start` and moves by `step`, while `code` holds; register
 * `at` has it, before or after the hash's in r5.
 */
function counting(start: number, step: number, code: number, bound: number, atEnd: boolean, more = 0, at = 8): Insn[] {
  const round = [copy(1, at), addImm(1, more), add(5, 1), insn(op.ALU64 | op.MUL, 5, 0, 0, 0x01000193)];
  const head = [mov(5, 7), mov(at, start)];
  const tail = [copy(0, 5), exit];
  if (atEnd) {
    const body = [...round, addImm(at, step)];
    return [...head, ...body, insn(op.JMP | code, at, 0, -(body.length + 1), bound), ...tail];
  }
  const body = [...round, addImm(at, step)];
  return [
    ...head,
    insn(op.JMP | code, at, 0, 1, bound),
    insn(op.JA_OP, 0, 0, body.length + 1),
    ...body,
    insn(op.JA_OP, 0, 0, -(body.length + 3)),
    ...tail,
  ];
}

/** Does the loop end within so many rounds? As 64-bit arithmetic has it. */
function ends(start: number, step: number, code: number, bound: number): boolean {
  const compare: Readonly<Record<number, (a: bigint, b: bigint) => boolean>> = {
    [op.JNE]: (a, b) => a !== b,
    [op.JLT]: (a, b) => BigInt.asUintN(64, a) < BigInt.asUintN(64, b),
    [op.JLE]: (a, b) => BigInt.asUintN(64, a) <= BigInt.asUintN(64, b),
    [op.JGT]: (a, b) => BigInt.asUintN(64, a) > BigInt.asUintN(64, b),
    [op.JSLT]: (a, b) => a < b,
    [op.JSLE]: (a, b) => a <= b,
    [op.JSGT]: (a, b) => a > b,
    [op.JSGE]: (a, b) => a >= b,
  };
  let value = BigInt(start);
  for (let round = 0; round < 200; round++) {
    value = BigInt.asIntN(64, value + BigInt(step));
    if (compare[code]?.(value, BigInt(bound)) !== true) return true;
  }
  return false;
}

describe('counters of loops in 32 bits', () => {
  const loopsStay = parseSettings(['-pure-loops']);
  const near = fc.integer({ min: -70, max: 70 });
  const edge = fc.constantFrom(0x7fffffff, 0x7ffffff0, -0x80000000, -0x7ffffff0);
  const number = fc.oneof(near, near, near, edge);
  const step = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constantFrom(1, -1, 0x40000000, -0x40000000));
  const codes = fc.constantFrom(op.JNE, op.JLT, op.JLE, op.JGT, op.JSLT, op.JSLE, op.JSGT, op.JSGE);

  it('come out as in the interpreter, whatever they start at, move by and are compared with', () => {
    let narrowed = 0;
    fc.assert(
      fc.property(number, step, codes, number, fc.boolean(), near, fc.constantFrom(2, 8), (...input) => {
        const [start, by, code, bound, atEnd, more, at] = input;
        fc.pre(by !== 0 && ends(start, by, code, bound));
        const insns = counting(start, by, code, bound, atEnd, more, at);
        const { r0, text } = compiled(insns, bytes, loopsStay);
        expect(r0).toBe(interpreted(insns));
        // And as a loop that is computed away.
        expect(compiled(insns).r0).toBe(r0);
        if (/\+32/.test(text)) narrowed++;
      }),
      { numRuns: 150, seed: 11 },
    );
    expect(narrowed).toBeGreaterThan(20);
  });

  it('stay in 64 bits where the switch says so, and where the bound is out of 32 bits', () => {
    const insns = counting(-1, 1, op.JNE, 98, true);
    expect(compiled(insns, bytes, loopsStay).text).toMatch(/\+32 1\n/);
    expect(compiled(insns, bytes, parseSettings(['-counters', '-pure-loops'])).text).not.toMatch(/\+32/);
    const far = counting(0x7ffffffe, 1, op.JSGT, 5, true);
    expect(
      compiled([...far.slice(0, -3), insn(op.JMP | op.JEQ, 8, 0, -6, 0x7fffffff), ...far.slice(-2)]).text,
    ).not.toMatch(/\+32/);
  });
});

/** The checksum of `words` half words from `at` on, folded `folds` times; r0 is what is left. */
function checksum(offsets: readonly number[], folds: number, start = 0): Insn[] {
  return [
    ...bounds(64),
    mov(0, start),
    ...offsets.flatMap((off) => [load(op.SIZE_H, 1, 6, off), add(0, 1)]),
    ...Array.from({ length: folds }, () => [
      copy(1, 0),
      insn(op.ALU64 | op.RSH, 1, 0, 0, 16),
      insn(op.ALU64 | op.AND, 0, 0, 0, 0xffff),
      add(0, 1),
    ]).flat(),
    exit,
  ];
}

describe('sums of half words', () => {
  const header = Array.from({ length: 10 }, (_, i) => 14 + 2 * i);

  it('of a header are sums of words, with the switch on', () => {
    const { text } = compiled(checksum(header, 2));
    expect(text.match(/load\.4 packet/g)).toHaveLength(5);
    expect(text).not.toMatch(/load\.2/);
    expect(compiled(checksum(header, 2), bytes, parseSettings(['-wide-sums'])).text).not.toMatch(/load\.4 packet/);
  });

  it('stay what they are where they are not folded to the end, or few', () => {
    expect(compiled(checksum(header, 1)).text).not.toMatch(/load\.4 packet/);
    expect(compiled(checksum(header.slice(0, 4), 2)).text).not.toMatch(/load\.4 packet/);
  });

  it('are the same number, 0 and 0xffff among them', () => {
    const packets = fc.oneof(
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      fc.constantFrom(0, 0xff).map((byte) => new Uint8Array(64).fill(byte)),
    );
    const offsets = fc.array(fc.integer({ min: 0, max: 31 }), { minLength: 6, maxLength: 24 });
    fc.assert(
      fc.property(packets, offsets, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 70_000 }), (...input) => {
        const [packet, words, folds, first] = input;
        const insns = checksum([...words.map((word) => 2 * word), ...header], folds, first);
        expect(compiled(insns, packet).r0).toBe(interpreted(insns, packet));
      }),
      { numRuns: 50, seed: 5 },
    );
  });
});

describe('the packet loop', () => {
  // Verdict by the first byte; too short a packet passes.
  const insns = [...bounds(14), load(op.SIZE_B, 0, 6, 0), insn(op.ALU64 | op.AND, 0, 0, 0, 3), exit];

  it.each([0, 400])('runs batches of every size, with room of %i bytes for a second copy', (unroll) => {
    const machine = new Machine(objectSpec([programSpec(insns)], []));
    const program = machine.programs[0] as Machine['programs'][number];
    machine.admit(program);
    const settings = parseSettings([`unroll=${unroll}`]);
    const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting(), settings });
    const arena = new PacketArena(machine, {
      moves: packetMoves(program, machine.programs),
      capacity: 16,
      windowBytes: 1024,
      frameBytes: 65_536,
    });
    const data = Uint8Array.from({ length: 1024 }, (_, i) => (i >> 6) * 5 + 1);
    for (let count = 1; count <= 16; count++) {
      arena.clear();
      arena.load(data);
      const lengths = Array.from({ length: count }, (_, i) => (i % 5 === 4 ? 10 : 64));
      arena.add(columnsOf(lengths, { stride: 64, now: 0n }), 0, count, 0);
      for (let from = 0; from < Math.min(3, count); from++) {
        expect(engine.runBatch(program, arena, from, count)).toBe(count - from);
      }
      const verdicts = lengths.map((length, i) => (length < 14 ? 2 : (i * 5 + 1) & 3));
      expect(lengths.map((_, i) => arena.verdict(i))).toEqual(verdicts);
    }
  });
});

describe('loops that only compute', () => {
  it('are gone, as long as the budget lasts', () => {
    const insns = counting(0, 1, op.JNE, 50, true);
    const { r0, text } = compiled(insns);
    expect(r0).toBe(interpreted(insns));
    expect(text).not.toMatch(/phi/);
    expect(compiled(insns, bytes, parseSettings(['rounds=10'])).text).toMatch(/phi/);
    expect(compiled(insns, bytes, parseSettings(['-pure-loops'])).text).toMatch(/phi/);
  });

  it('stay where the packet says how often, and inside another loop are what they are there', () => {
    const byPacket = [...bounds(14), load(op.SIZE_B, 8, 6, 0), ...counting(0, -1, op.JNE, 0, true).slice(2)];
    expect(compiled([mov(5, 7), ...byPacket]).r0).toBe(interpreted([mov(5, 7), ...byPacket]));
    // The inner loop starts at what the outer one has made of r5.
    const inner = counting(0, 1, op.JNE, 5, true).slice(1, -2);
    const outer = [mov(5, 3), mov(9, 4), ...inner, addImm(9, -1)];
    const nested = [...outer, insn(op.JMP | op.JNE, 9, 0, -(inner.length + 2), 0), copy(0, 5), exit];
    expect(compiled(nested).r0).toBe(interpreted(nested));
  });
});

const halfStore = (size: number, dst: number, src: number, off: number): Insn =>
  insn(op.STX | op.MODE_MEM | size, dst, src, off);

describe('exchanges in the packet', () => {
  const sizes = [
    [op.SIZE_B, 1],
    [op.SIZE_H, 2],
    [op.SIZE_W, 4],
  ] as const;

  /** Exchanges [a] and [b], with something in between. */
  const exchange = (size: number, a: number, b: number, between: readonly Insn[] = []): Insn[] => [
    ...bounds(64),
    load(size, 1, 6, a),
    load(size, 2, 6, b),
    halfStore(size, 6, 2, a),
    ...between,
    halfStore(size, 6, 1, b),
    mov(0, 2),
    exit,
  ];

  const bytesAfter = (insns: readonly Insn[], make: (machine: Machine) => Pick<Interpreter, 'run'>): Uint8Array => {
    const machine = new Machine(objectSpec([programSpec(insns)], []));
    machine.setPacket({ data: bytes, now: 0n });
    make(machine).run(machine.programs[0] as Machine['programs'][number]);
    return machine.lane.packet.bytes();
  };

  it.each(sizes)('of size %i are rotations, and leave what the interpreter leaves', (size, length) => {
    const others = [
      exchange(size, 26, 26 + length),
      exchange(size, 26 + length, 26),
      exchange(size, 26, 26 + length + 1),
      exchange(size, 26, 26 + length, [load(op.SIZE_B, 0, 6, 26), halfStore(op.SIZE_B, 6, 0, 40)]),
      exchange(size, 26, 26 + length, [mov(0, 9), halfStore(op.SIZE_B, 6, 0, 26)]),
      exchange(size, 26, 26 + length, [mov(0, 9), halfStore(op.SIZE_B, 6, 0, 12)]),
    ];
    for (const insns of others) {
      const wasm = bytesAfter(insns, (machine) => new WasmEngine(machine, { verdicts: Verdicts.trusting() }));
      expect(wasm).toEqual(bytesAfter(insns, (machine) => new Interpreter(machine)));
    }
    expect(compiled(exchange(size, 26, 26 + length)).text.match(/store/g)).toHaveLength(1);
    const off = compiled(exchange(size, 26, 26 + length), bytes, parseSettings(['-exchanges']));
    expect(off.text.match(/store/g)).toHaveLength(2);
  });
});

describe('four packets at once', () => {
  const kinds = [op.ADD, op.SUB, op.MUL, op.AND, op.OR, op.XOR, op.LSH, op.RSH, op.ARSH];
  const step = fc.record({
    kind: fc.constantFrom(...kinds),
    dst: fc.integer({ min: 1, max: 5 }),
    src: fc.integer({ min: 1, max: 5 }),
    imm: fc.integer({ min: 0, max: 31 }),
    isRegister: fc.boolean(),
  });
  const program = (steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): Insn[] => [
    ...bounds(40),
    ...[0, 4, 8, 12].map((off, i) => load(op.SIZE_W, i + 1, 6, off)),
    load(op.SIZE_H, 5, 6, 23),
    ...steps.map(({ kind, dst, src, imm, isRegister }) => {
      const isShift = kind === op.LSH || kind === op.RSH || kind === op.ARSH;
      return isRegister && !isShift ? insn(op.ALU | kind | op.X, dst, src) : insn(op.ALU | kind, dst, 0, 0, imm);
    }),
    insn(op.ALU | op.MOV | op.X, 0, 1),
    insn(op.ALU | op.XOR | op.X, 0, 2),
    insn(op.ALU | op.XOR | op.X, 0, 3),
    insn(op.ALU | op.SUB | op.X, 0, 4),
    insn(op.ALU | op.XOR | op.X, 0, 5),
    insn(op.ALU | op.END | op.X, 0, 0, 0, 32),
    exit,
  ];

  it('have the verdicts that they have one by one, short packets among them', () => {
    let vectors = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 40 }), fc.integer({ min: 1, max: 11 }), (steps, count) => {
        const insns = program(steps);
        const lengths = Array.from({ length: count }, (_, i) => ((count * 3 + i) % 7 === 6 ? 39 : 64));
        const data = Uint8Array.from({ length: 64 * count }, (_, i) => (i * i * 31 + i * 7) & 0xff);
        const results = [4, 0].map((vector) => {
          const machine = new Machine(objectSpec([programSpec(insns)], []));
          const loaded = machine.programs[0] as Machine['programs'][number];
          machine.admit(loaded);
          const settings = parseSettings([`vector=${vector}`]);
          const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting(), settings });
          const size = engine.compile(loaded)?.module.bytes.length ?? 0;
          const arena = new PacketArena(machine, { moves: packetMoves(loaded, machine.programs) });
          arena.load(data);
          arena.add(columnsOf(lengths, { stride: 64, now: 0n }), 0, count, 0);
          expect(engine.runBatch(loaded, arena, 0, count)).toBe(count);
          return { size, verdicts: lengths.map((_, i) => arena.verdict(i)) };
        });
        expect(results[0]?.verdicts).toEqual(results[1]?.verdicts);
        if (results[0]?.size !== results[1]?.size) vectors++;
      }),
      { numRuns: 40, seed: 3 },
    );
    expect(vectors).toBeGreaterThan(10);
  });
});
