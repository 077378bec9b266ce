import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { body, bounds, copy, exit, insn, load, mov, start } from '../../test/support/any-program.js';
import { rounds } from '../../test/support/effort.js';
import { orderOf } from '../code/index.js';
import { Interpreter } from '../interp/index.js';
import { checkFunction } from '../ir/index.js';
import { type Insn, op } from '../isa/index.js';
import { assemble } from '../object/index.js';
import { Verdicts } from '../verifier/index.js';
import { columnsOf, Machine, type Outcome, PacketArena, packetMoves } from '../vm/index.js';
import { objectSpec, programSpec } from '../vm/testing.js';
import { planVector } from './vector-code.js';
import { WasmEngine } from './wasm-engine.js';

interface Run {
  readonly r0: bigint;
  readonly trapped: boolean;
  readonly data: Uint8Array;
  readonly outputs: Machine['outputs'];
}

function both(
  insns: readonly Insn[],
  packet: Uint8Array,
  verified: boolean,
): { wasm: Run; interp: Run; fallbacks: number } {
  const run = (make: (machine: Machine) => { run(program: Machine['programs'][number]): Outcome }): Run => {
    const machine = new Machine(objectSpec([programSpec(insns)], []));
    const engine = make(machine);
    machine.setPacket({ data: packet, now: 1234n });
    const { r0, trap } = engine.run(machine.programs[0] as Machine['programs'][number]);
    return { r0, trapped: trap !== undefined, data: machine.lane.packet.bytes(), outputs: machine.outputs };
  };
  let fallbacks = 0;
  const wasm = run((machine) => {
    const engine = new WasmEngine(machine, {
      verdicts: verified ? Verdicts.trusting() : Verdicts.none(),
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

describe('compiled code equals the interpreter', () => {
  it('where a loop adds up its own counter, both of which begin at 0', () => {
    const add = op.ALU64 | op.ADD;
    expectEqual(
      [
        insn(op.ALU64 | op.MOV, 0, 0, 0, 0),
        insn(op.ALU64 | op.MOV, 1, 0, 0, 0),
        insn(op.JMP | op.JGT | op.K, 1, 0, 3, 9),
        insn(add, 1, 0, 0, 1),
        insn(add | op.X, 0, 1, 0, 0),
        insn(op.JMP | op.JA, 0, 0, -4, 0),
        exit,
      ],
      packet,
    );
  });

  it('where a loop adds a constant to what it carries around and what it has just computed', () => {
    const add = op.ALU64 | op.ADD;
    // r1 goes around; r3 is of this turn; the sum is what r1 is on the next one.
    for (const turn of [
      [load(op.SIZE_B, 3, 6, 20)],
      [copy(3, 4), insn(op.ALU64 | op.XOR, 3, 0, 0, 5)],
      [copy(3, 4), insn(op.ALU64 | op.MUL | op.X, 3, 4)],
    ]) {
      const { wasm, interp, fallbacks } = both(
        [
          ...bounds(32),
          load(op.SIZE_B, 1, 6, 16),
          load(op.SIZE_B, 4, 6, 17),
          load(op.SIZE_B, 5, 6, 18),
          insn(op.ALU64 | op.OR, 5, 0, 0, 1),
          ...turn,
          insn(add | op.X, 1, 3),
          insn(add, 1, 0, 0, 7),
          insn(add | op.X, 4, 1),
          insn(add, 5, 0, 0, -1),
          insn(op.JMP | op.JNE, 5, 0, -(turn.length + 5), 0),
          copy(0, 1),
          exit,
        ],
        packet,
        true,
      );
      expect([fallbacks, wasm]).toEqual([0, interp]);
    }
  });

  it('on random programs of arithmetic, branches, stack and packet', () => {
    fc.assert(
      fc.property(body, fc.uint8Array({ minLength: 14, maxLength: 64 }), fc.boolean(), (insns, data, verified) => {
        expectEqual([...start, ...insns, exit], data, verified);
      }),
      { numRuns: rounds(120), seed: 20_240_501 },
    );
  });

  it('on loops with values that go around, spilled ones among them', () => {
    fc.assert(
      fc.property(body, fc.integer({ min: 1, max: 9 }), fc.boolean(), (insns, count, verified) => {
        const loop = [mov(8, count), ...insns, insn(op.ALU64 | op.SUB, 8, 0, 0, 1)];
        expectEqual([...start, ...loop, insn(op.JMP | op.JNE, 8, 0, -(insns.length + 2), 0), exit], packet, verified);
      }),
      { numRuns: rounds(60), seed: 7 },
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

  it('where the stack is written and read by accesses of any width at any place', () => {
    const widths = [op.SIZE_B, op.SIZE_H, op.SIZE_W, op.SIZE_DW];
    const bytes = [1, 2, 4, 8];
    const accesses = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((at) =>
      [0, 1, 2, 3].flatMap((wide) => [0, 1, 2, 3].map((read) => ({ at, wide, read }))),
    );
    // A double word and the next one for each, with other bytes below and above: 31 of them in a frame.
    for (let from = 0; from < accesses.length; from += 31) {
      const insns = accesses.slice(from, from + 31).flatMap(({ at, wide, read }, i) => {
        const place = -16 * (i + 1) + at;
        // Reads that begin and end with the write, and one byte behind its beginning.
        const ends = Math.max(0, (bytes[wide] as number) - (bytes[read] as number));
        const reads = [...new Set([0, ends, 1])].filter((by) => at + by + (bytes[read] as number) <= 16);
        return [
          insn(op.STX | op.MODE_MEM | op.SIZE_DW, 10, 8, -16 * (i + 1)),
          insn(op.STX | op.MODE_MEM | op.SIZE_DW, 10, 8, -16 * (i + 1) + 8),
          insn(op.STX | op.MODE_MEM | (widths[wide] as number), 10, 9, place),
          ...reads.flatMap((by) => [
            load(widths[read] as number, 3, 10, place + by),
            insn(op.ALU64 | op.MUL, 0, 0, 0, 31),
            insn(op.ALU64 | op.ADD | op.X, 0, 3),
          ]),
        ];
      });
      expectEqual(
        [...bounds(32), load(op.SIZE_DW, 8, 6, 0), load(op.SIZE_DW, 9, 6, 8), mov(0, 0), ...insns, exit],
        packet,
      );
    }
  });

  it('on blocks that jump to each other as they like, loops of several entries among them', () => {
    const work = [0, 1, 2, 3].flatMap((r) => [
      insn(op.ALU64 | op.ADD | op.X, r, r + 1),
      insn(op.ALU64 | op.XOR, r, 0, 0, 0x5a5a),
      insn(op.ALU | op.MUL, r + 1, 0, 0, 77),
      insn(op.ALU64 | op.RSH, r, 0, 0, 9),
      load(op.SIZE_B, r, 10, -8),
      insn(op.STX | op.MODE_MEM | op.SIZE_W, 10, r, -8 - r),
    ]);
    const block = fc.record({
      work: fc.array(fc.constantFrom(...work), { minLength: 1, maxLength: 3 }),
      limit: fc.integer({ min: -3, max: 300 }),
      register: fc.integer({ min: 0, max: 5 }),
      yes: fc.nat(),
      no: fc.nat(),
    });
    let irreducible = 0;
    fc.assert(
      fc.property(fc.array(block, { minLength: 2, maxLength: 6 }), fc.integer({ min: 1, max: 20 }), (blocks, turns) => {
        // A block: its work, a turn less (to the exit at 0), a branch, a jump.
        const sizes = blocks.map(({ work }) => work.length + 4);
        const startOf = (index: number): number => sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
        const end = startOf(blocks.length);
        const insns = blocks.flatMap(({ work, limit, register, yes, no }, i) => {
          const at = startOf(i) + work.length;
          const to = (block: number): number => startOf(block % blocks.length);
          return [
            ...work,
            insn(op.ALU64 | op.SUB, 8, 0, 0, 1),
            insn(op.JMP | op.JEQ, 8, 0, end - (at + 2), 0),
            insn(op.JMP | op.JGT, register, 0, to(yes) - (at + 3), limit),
            insn(op.JA_OP, 0, 0, to(no) - (at + 4)),
          ];
        });
        const program = [...start, mov(8, turns), ...insns, exit];
        const { wasm, interp, fallbacks } = both(program, packet, true);
        expect(fallbacks).toBe(0);
        expect(wasm).toEqual(interp);
        const edges = blocks.map(({ yes, no }) => [yes % blocks.length, no % blocks.length]);
        if (orderOf(blocks.length, 0, (node) => edges[node] ?? []).irreducible) irreducible++;
      }),
      { numRuns: rounds(60), seed: 11 },
    );
    expect(irreducible).toBeGreaterThan(10);
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

describe('helpers in the module answer as the interpreter does', () => {
  const call = (helper: number): Insn => insn(op.CALL_OP, 0, 0, 0, helper);

  it('a redirect with flags and without', () => {
    for (const flags of [0, 1]) {
      const { wasm, interp, fallbacks } = both([mov(1, 5), mov(2, flags), mov(3, 0), call(23), exit], packet, true);
      expect([wasm.r0, fallbacks]).toEqual([flags === 0 ? 4n : 0n, 0]);
      expect(wasm).toEqual(interp);
    }
  });

  it('a redirect by a map, whatever its flags are and whether they are known', () => {
    const flags = ['r3 = 0', 'r3 = 2', 'r3 = 8', 'r3 = 24', 'r3 = 32', 'r3 = *(u32 *)(r1 + 12)'];
    for (const ingressIfindex of [1, 2, 8]) {
      for (const flag of flags) {
        const object = assemble(
          `.map dev type=devmap key=4 value=4 max_entries=4\n.section xdp\n.globl p\np:\n${flag}\nr1 = dev ll\nr2 = 1\ncall 51\nexit\n`,
        );
        const [wasm, interp] = [true, false].map((compiled) => {
          const machine = new Machine(object);
          machine.maps[0]?.updateElem(Uint8Array.of(3, 0, 0, 0), Uint8Array.of(9, 0, 0, 0));
          machine.setPacket({ data: packet, ingressIfindex });
          const engine = compiled
            ? new WasmEngine(machine, { verdicts: Verdicts.trusting() })
            : new Interpreter(machine);
          const { r0 } = engine.run(machine.programs[0] as Machine['programs'][number]);
          return { r0, redirect: machine.redirect };
        });
        expect([flag, ingressIfindex, wasm]).toEqual([flag, ingressIfindex, interp]);
      }
    }
  });

  it.each(['devmap', 'devmap_hash', 'cpumap', 'xskmap', 'hash', 'array'])('a look-up in a map: %s', (type) => {
    const object = assemble(
      `.map m type=${type} key=4 value=4 max_entries=300\n.section xdp\n.globl p\np:\nr2 = *(u32 *)(r1 + 12)\n*(u32 *)(r10 - 4) = r2\nr2 = r10\nr2 += -4\nr1 = m ll\ncall 1\nif r0 == 0 goto +1\nr0 = *(u32 *)(r0 + 0)\nexit\n`,
    );
    const [wasm, interp] = [true, false].map((compiled) => {
      const machine = new Machine(object);
      for (const key of [1, 2, 258])
        machine.maps[0]?.updateElem(Uint8Array.of(key, key >> 8, 0, 0), Uint8Array.of(1 + (key & 3), 0, 0, 0));
      const engine = compiled ? new WasmEngine(machine, { verdicts: Verdicts.trusting() }) : new Interpreter(machine);
      return [0, 1, 2, 3, 258, 65_536].map((ingressIfindex) => {
        machine.setPacket({ data: packet, ingressIfindex });
        return engine.run(machine.programs[0] as Machine['programs'][number]).r0;
      });
    });
    expect(wasm).toEqual(interp);
    if (type !== 'cpumap' && type !== 'xskmap') expect(interp?.slice(1, 3)).toEqual([2n, 3n]);
  });

  it.each([
    ['head', 44, [-1000, -257, -256, -242, -224, -216, -200, -14, 0, 14, 50, 51, 64, 1000]],
    ['metadata', 54, [-260, -256, -36, -33, -32, -4, -2, 0, 4]],
    ['tail', 65, [-100, -51, -50, -49, -14, 0, 1, 100, 3000, 3400, 3452, 3453, 4000]],
  ])('an end that is moved, up to where there is no more room: the %s', (_, helper, deltas) => {
    for (const delta of deltas) {
      const { wasm, interp, fallbacks } = both([mov(2, delta), call(helper), exit], packet, true);
      expect([delta, fallbacks, wasm]).toEqual([delta, 0, interp]);
    }
  });

  it('a line that is printed', () => {
    const text = insn(op.ST | op.MODE_MEM | op.SIZE_DW, 10, 0, -8, 0x6968);
    const insns = [text, copy(1, 10), insn(op.ALU64 | op.ADD, 1, 0, 0, -8), mov(2, 3), call(6), exit];
    const { wasm, interp, fallbacks } = both(insns, packet, true);
    expect([wasm.outputs, fallbacks]).toEqual([[{ kind: 'printk', text: 'hi' }], 0]);
    expect(wasm).toEqual(interp);
  });

  it('the time of the packet', () => {
    const { wasm, interp, fallbacks } = both([call(5), exit], packet, true);
    expect([wasm.r0, fallbacks]).toEqual([1234n, 0]);
    expect(wasm).toEqual(interp);
  });

  it('a checksum of whole words, and none of others', () => {
    for (const size of [4, 6, 8]) {
      const store = insn(op.ST | op.MODE_MEM | op.SIZE_DW, 10, 0, -8, 0x1234_5678);
      const to = [copy(3, 10), insn(op.ALU64 | op.ADD, 3, 0, 0, -8)];
      const insns = [store, mov(1, 0), mov(2, 0), ...to, mov(4, size), mov(5, 0), call(28), exit];
      const { wasm, interp, fallbacks } = both(insns, packet, true);
      expect([BigInt.asIntN(64, wasm.r0) === -22n, fallbacks]).toEqual([size === 6, 0]);
      expect(wasm).toEqual(interp);
    }
  });

  it('a checksum of as many bytes as the packet says, on either side', () => {
    // Bytes from the packet on, taken from and added to the seed.
    const sides = [copy(1, 6), load(op.SIZE_B, 2, 6, 0), copy(3, 6), load(op.SIZE_B, 4, 6, 1)];
    const add = (dst: number, by: number): Insn => insn(op.ALU64 | op.ADD, dst, 0, 0, by);
    const insns = [...bounds(64), ...sides, add(1, 8), add(3, 24), load(op.SIZE_H, 5, 6, 2), call(28), exit];
    const answers = [true, false].map((compiled) => {
      const machine = new Machine(objectSpec([programSpec(insns)], []));
      const engine = compiled ? new WasmEngine(machine, { verdicts: Verdicts.trusting() }) : new Interpreter(machine);
      const sizes = [0, 1, 2, 3, 4, 6, 8, 12];
      return sizes.flatMap((from) =>
        sizes.map((to) => {
          machine.setPacket({ data: Uint8Array.of(from, to, 255, 254, ...packet.subarray(4)) });
          return engine.run(machine.programs[0] as Machine['programs'][number]).r0;
        }),
      );
    });
    expect(answers[0]).toEqual(answers[1]);
    // EINVAL where either is no multiple of four: so are all but 4 by 4.
    expect(answers[0]?.filter((r0) => BigInt.asIntN(32, r0) === -22n)).toHaveLength(64 - 16);
  });

  it('and a function finds its frame cleared, to the last byte, each time', () => {
    const f = [load(op.SIZE_DW, 0, 10, -512), insn(op.ST | op.MODE_MEM | op.SIZE_DW, 10, 0, -512, 7), exit];
    const insns = [insn(op.CALL_OP, 0, 1, 0, 2), insn(op.CALL_OP, 0, 1, 0, 1), exit, ...f];
    const { wasm, interp, fallbacks } = both(insns, packet, true);
    expect([wasm.r0, fallbacks]).toEqual([0n, 0]);
    expect(wasm).toEqual(interp);
  });
});

describe('four packets in one vector', () => {
  it('pay from so many operations for each load on, and never where that is set to 0', () => {
    const mix = [op.ADD, op.XOR, op.MUL, op.OR].map((code) => insn(op.ALU | code, 0, 0, 0, 12_345));
    const insns = [...bounds(14), load(op.SIZE_W, 0, 6, 0), ...mix, exit];
    const machine = new Machine(objectSpec([programSpec(insns)], []));
    const plans: unknown[] = [];
    const engine = new WasmEngine(machine, {
      verdicts: Verdicts.trusting(),
      inspect: (code) => plans.push(...[0, 1, 100].map((share) => planVector(code, share) !== undefined)),
    });
    engine.compile(machine.programs[0] as Machine['programs'][number]);
    expect(plans).toEqual([false, true, false]);
  });
});

describe('a program that is not compiled', () => {
  it('runs in the interpreter, and the engine says why', () => {
    const unknownCallback = [mov(1, 0), mov(2, 0), mov(3, 0), mov(4, 0), insn(op.CALL_OP, 0, 0, 0, 181)];
    const insns = [...unknownCallback, mov(0, 1), exit];
    const { wasm, interp, fallbacks } = both(insns, packet, true);
    expect(fallbacks).toBe(1);
    expect(wasm).toEqual(interp);
  });
});

describe('a batch', () => {
  /** The machine's first program over packets whose byte 12 is 40, 41, ...; the last one is too short for it. */
  function runBatch(insns: readonly Insn[], count: number): { arena: PacketArena; engine: WasmEngine; ran: number } {
    const machine = new Machine(objectSpec([programSpec(insns)], []));
    const engine = new WasmEngine(machine, { verdicts: Verdicts.trusting() });
    const program = machine.programs[0] as Machine['programs'][number];
    const arena = new PacketArena(machine, { moves: packetMoves(program, machine.programs) });
    const bytes = new Uint8Array(64 * count);
    for (let i = 0; i < count; i++) bytes[64 * i + 12] = 40 + i;
    arena.load(bytes);
    const lengths = Array.from({ length: count }, (_, i) => (i === count - 1 ? 10 : 60));
    arena.add(columnsOf(lengths, { stride: 64, now: 1000n, step: 1n }), 0, count, 0);
    return { arena, engine, ran: engine.runBatch(program, arena, 0, count) };
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
