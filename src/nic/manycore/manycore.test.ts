import { describe, expect, it } from 'vitest';
import { exampleNames, openExample } from '../../../test/support/examples.js';
import { assemble } from '../../object/index.js';
import { generateTraffic, type Packet } from '../../packet/index.js';
import { Machine } from '../../vm/index.js';
import { runEngineBeside } from '../beside.js';
import { nfp4000 } from '../cards/nfp.js';
import { compileManycore, imageOf, type ManycoreOptions, type ManycoreProgram } from './compile.js';
import { ManycoreEngine } from './engine.js';
import { aluCodes, decode, encode, type Instruction, withParity } from './instruction.js';
import { instructionText } from './listing.js';
import { both, constant, inA, inB, local, localUp, none, transfer } from './operand.js';
import { allManycoreOptimizations, type ManycoreOptimization } from './optimizations.js';

const packets: readonly Packet[] = [...generateTraffic({ seed: 3, packets: 40, flows: 12, malformed: 0.1 })];

function compiled(text: string, options: ManycoreOptions = {}): ManycoreProgram {
  const [program] = assemble(`.section xdp\n.globl f\nf:\n${text}\n`).programs;
  const made = compileManycore(program?.insns ?? [], options);
  if (made.kind === 'refused') throw new Error(made.what);
  return made;
}

const without = (name: ManycoreOptimization): ManycoreOptions => {
  return { optimizations: new Set([...allManycoreOptimizations].filter((other) => other !== name)) };
};
const lines = (text: string, options: ManycoreOptions = {}): string[] =>
  compiled(text, options).code.map(instructionText);
const commands = (text: string, options: ManycoreOptions = {}): string[] =>
  lines(text, options).filter((line) => line.startsWith('mem['));

const ports = `
  r6 = *(u32 *)(r1 + 0)
  r2 = *(u32 *)(r1 + 4)
  r3 = r6
  r3 += 54
  if r3 > r2 goto out`;
const out = `
  out:
  r0 = 1
  exit`;

describe.each(exampleNames)('%s', (name) => {
  const { object, main, maps } = openExample(name);

  it('does on the cores what the interpreter does, or is refused for callbacks', () => {
    const refused = object.programs.map(({ insns }) => compileManycore(insns)).find(({ kind }) => kind === 'refused');
    if (refused?.kind === 'refused') {
      expect(refused.what).toBe('helpers do not call functions of the program');
      return;
    }
    const make = (machine: Machine): ManycoreEngine => new ManycoreEngine(machine, nfp4000);
    const { difference, packets: count } = runEngineBeside(object, main.name, packets, make, {
      maps: maps?.contents,
      whole: false,
    });
    expect(difference).toBeUndefined();
    expect(count).toBe(packets.length);
  });
});

describe('words', () => {
  // Composed by hand from the fields of nfp_asm.h.
  it.each([
    [{ kind: 'nop' }, 0xf0000c0300n],
    [{ kind: 'alu', op: 'add', dst: both(4), left: inA(4), right: inB(6) }, 0x2a0804_01804n],
    [{ kind: 'immediate', dst: both(1), value: 0, bytes: 0, inverts: false, half: false }, 0x2f0000c0001n],
    [{ kind: 'branch', when: 'always', target: 15_001, defer: 2 }, 0x1dea6608038n],
    [
      {
        kind: 'command',
        command: 'read32',
        isLong: false,
        left: inA(12),
        right: constant(12),
        transfer: 0,
        count: 0,
        waits: 0,
        isIndirect: false,
      },
      0x105c1008b00cn,
    ],
  ] as const)('%j is 0x%s', (each, word) => {
    expect(encode(each).toString(16)).toBe(word.toString(16));
  });

  it('read back as they were written', () => {
    const wide = [inA(3), inA(0), constant(200), local(0, 15), local(2, 3), localUp(3), transfer(7)];
    const others = [inB(5), inB(21), transfer(31), local(1, 2)];
    const written: Instruction[] = [];
    for (const op of Object.keys(aluCodes) as (keyof typeof aluCodes)[])
      for (const left of wide)
        for (const dst of [none, both(2), inA(1), inB(9), transfer(3), local(0, 4)])
          written.push({ kind: 'alu', op, dst, left, right: inB(8) });
    for (const right of others) written.push({ kind: 'alu', op: 'sub', dst: both(2), left: inA(1), right });
    written.push({ kind: 'alu', op: 'sub', dst: both(2), left: inB(1), right: inA(6) });
    for (const way of ['right', 'left', 'double'] as const)
      for (const amount of [0, 1, 31])
        written.push({ kind: 'shift', op: 'or', way, amount, dst: both(3), left: inA(2), right: inB(1) });
    written.push({ kind: 'shift', op: 'and', way: 'none', amount: 0, dst: inB(2), left: constant(255), right: inB(2) });
    for (const source of [inA(4), inB(4), transfer(9), local(3, 7), constant(130)])
      written.push({ kind: 'field', dst: both(3), mask: 5, source, way: 'left', amount: 16, clears: true });
    for (const dst of [both(7), inA(7), inB(7), transfer(2), local(3, 1)])
      written.push({ kind: 'immediate', dst, value: 0xabcd, bytes: 2, inverts: true, half: false });
    written.push({ kind: 'branch', when: 'lt', target: 8191, defer: 0 });
    written.push({ kind: 'branch-bit', source: inA(4), bit: 5, target: 100, defer: 0 });
    for (const source of [inA(21), inB(21)]) written.push({ kind: 'return', source, defer: 3 });
    for (const step of [0, 3]) written.push({ kind: 'multiply', type: 2, step, left: inA(1), right: inB(3) });
    for (const left of [both(4), inA(4), inB(4)])
      written.push({ kind: 'multiply', type: 2, step: 5, left, right: none });
    for (const source of [inA(22), inB(4)]) written.push({ kind: 'csr', csr: 'lm3', source, isRead: false });
    written.push({ kind: 'csr', csr: 'random', source: none, isRead: true });
    for (const each of written) {
      const word = withParity(encode(each));
      expect(encode(decode(word)), instructionText(each)).toBe(encode(each));
      expect(instructionText(decode(word))).toBe(instructionText(each));
    }
  });

  it('have seven bits of parity, each of which sees every flipped bit of its own', () => {
    const word = encode({ kind: 'nop' });
    expect(withParity(0n)).toBe(0n);
    for (let bit = 0n; bit < 45n; bit++)
      expect((withParity(word ^ (1n << bit)) ^ withParity(word)) >> 45n).not.toBe(0n);
    expect(imageOf(compiled('r0 = 1\nexit')).length).toBe(compiled('r0 = 1\nexit').words.length + 8);
  });
});

describe('the optimizations', () => {
  it('read neighbouring packet bytes once', () => {
    const text = `${ports}
  r1 = *(u8 *)(r6 + 12)
  r2 = *(u8 *)(r6 + 13)
  r3 = *(u32 *)(r6 + 26)
  r1 += r2
  r1 += r3${out}`;
    expect(commands(text)).toEqual(['mem[read32_swap, $xfer_0, a_12, 0xc, 5], ctx_swap']);
    expect(commands(text, without('packet-cache')).length).toBe(3);
  });

  it('do not keep packet bytes over a store', () => {
    const text = `${ports}
  r1 = *(u8 *)(r6 + 12)
  *(u8 *)(r6 + 13) = r1
  r2 = *(u8 *)(r6 + 13)
  r1 += r2${out}`;
    expect(commands(text).length).toBe(3);
  });

  it('copy at once what does not overlap', () => {
    const copy = (to: number): string => `${ports}
  r1 = *(u32 *)(r6 + 0)
  *(u32 *)(r6 + ${to}) = r1
  r1 = *(u32 *)(r6 + 4)
  *(u32 *)(r6 + ${to + 4}) = r1
  r1 = *(u32 *)(r6 + 8)
  *(u32 *)(r6 + ${to + 8}) = r1${out}`;
    expect(commands(copy(20)).length).toBe(2);
    expect(commands(copy(20), without('gathered-copies')).length).toBe(6);
    expect(commands(copy(4)).length).toBe(6);
    for (const to of [20, 4, 12, 11]) {
      const object = assemble(`.section xdp\n.globl f\nf:\n${copy(to)}\n`);
      const make = (machine: Machine): ManycoreEngine => new ManycoreEngine(machine, nfp4000);
      expect(runEngineBeside(object, 'f', packets, make, { whole: false }).difference).toBeUndefined();
    }
  });

  it('subtract what is shorter than what would be added', () => {
    const text = 'r2 = *(u32 *)(r1 + 4)\nr2 += -5\nr0 = r2\nexit';
    expect(lines(text)).toContain('alu[gpr_4, a_4, -, 0x5]');
    expect(lines(text, without('negative-immediates')).length).toBe(lines(text).length + 2);
  });

  it('clear upper words only where somebody looks at them', () => {
    const text = 'r2 = *(u32 *)(r1 + 4)\nw2 += 1\nw0 = w2\nexit';
    expect(lines(text, without('zero-extension')).length).toBeGreaterThan(lines(text).length);
  });

  it.each([1, 2, 3, 7, 10, 14, 100, 641, 65_537, 0x7fff_ffff, -0x8000_0000, -2])(
    'divide by %i as division does',
    (by) => {
      const text = `r2 = *(u32 *)(r1 + 0)\nr4 = *(u32 *)(r1 + 4)\nr3 = r2\nr3 += 34\nr0 = 1\nif r3 > r4 goto out
  w5 = *(u32 *)(r2 + 26)\nw5 /= ${by}\n*(u32 *)(r2 + 0) = r5\nw5 = -1\nw5 /= ${by}\n*(u32 *)(r2 + 4) = r5
  out:\nexit`;
      const object = assemble(`.section xdp\n.globl f\nf:\n${text}\n`);
      for (const options of [{}, without('reciprocal')]) {
        const { optimizations } = options;
        const make = (machine: Machine): ManycoreEngine =>
          new ManycoreEngine(machine, nfp4000, optimizations === undefined ? {} : { optimizations });
        expect(runEngineBeside(object, 'f', packets, make, { whole: false }).difference).toBeUndefined();
      }
      expect(lines(text).some((line) => line.includes('div32'))).toBe(false);
      expect(lines(text, without('reciprocal')).some((line) => line.includes('div32'))).toBe(true);
    },
  );
});

describe('functions of a program', () => {
  const text = `.section xdp
  .globl f
  f:
  r6 = 5
  r7 = 7
  r1 = 3
  call g
  r0 += r6
  r0 += r7
  exit
  .text
  g:
  .type g, @function
  r6 = r1
  *(u64 *)(r10 - 8) = r6
  r1 = 4
  call h
  r1 = *(u64 *)(r10 - 8)
  r0 += r1
  r0 += r6
  exit
  h:
  .type h, @function
  *(u64 *)(r10 - 8) = r1
  r0 = *(u64 *)(r10 - 8)
  exit`;

  it('have frames of their own, and leave r6 to r9 as they were', () => {
    const object = assemble(text);
    const machine = new Machine(object);
    machine.setPacket({ data: new Uint8Array(60) });
    const [program] = machine.programs;
    const engine = new ManycoreEngine(machine, nfp4000);
    // 4 + 3 + 3, and r6 and r7 of the caller.
    expect(program && engine.run(program).r0).toBe(22n);
  });
});

describe('the end of a program', () => {
  it.each([
    [0, 0x82],
    [1, 0x22],
    [2, 0x11],
    [3, 0x44],
    [4, 0x82],
    [77, 0x82],
  ])('tells the firmware of verdict %i by 0x%s', (verdict, result) => {
    const machine = new Machine(assemble(`.section xdp\n.globl f\nf:\nr0 = ${verdict}\nexit\n`));
    machine.setPacket({ data: new Uint8Array(60) });
    const engine = new ManycoreEngine(machine, nfp4000);
    const [program] = machine.programs;
    expect(program && engine.run(program).verdict).toBe(verdict);
    expect(engine.result).toBe(result);
  });
});
