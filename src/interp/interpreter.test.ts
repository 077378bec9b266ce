import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { assembleUbpf, type Insn, op } from '../isa/index.js';
import { formatTrap, Machine, type Outcome } from '../vm/index.js';
import { mapSpec, objectSpec, programSpec } from '../vm/testing.js';
import { Interpreter } from './interpreter.js';
import type { Observer } from './observer.js';

function run(insns: string | readonly Insn[], options: { data?: Uint8Array; maxSteps?: number } = {}) {
  const program = programSpec(typeof insns === 'string' ? assembleUbpf(insns) : insns);
  const machine = new Machine(objectSpec([program]));
  machine.setPacket({ data: options.data ?? new Uint8Array(64), ingressIfindex: 7 });
  const interpreter = new Interpreter(machine, { maxSteps: options.maxSteps });
  const loaded = machine.programs[0];
  if (loaded === undefined) throw new Error('no program');
  return { outcome: interpreter.run(loaded), machine, interpreter, program: loaded };
}

function trapOf(outcome: Outcome): string {
  return outcome.trap === undefined ? 'none' : formatTrap(outcome.trap);
}

const insn = (code: number, dst: number, src: number, off: number, imm: number): Insn => ({ code, dst, src, off, imm });

describe('64-bit arithmetic', () => {
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const wrap = (x: bigint): bigint => BigInt.asUintN(64, x);
  const s = (x: bigint): bigint => BigInt.asIntN(64, x);
  const operations: readonly [string, number, number, (a: bigint, b: bigint) => bigint][] = [
    ['add', op.ADD, 0, (a, b) => a + b],
    ['sub', op.SUB, 0, (a, b) => a - b],
    ['mul', op.MUL, 0, (a, b) => a * b],
    ['div', op.DIV, 0, (a, b) => (b === 0n ? 0n : a / b)],
    ['sdiv', op.DIV, 1, (a, b) => (b === 0n ? 0n : s(a) / s(b))],
    ['mod', op.MOD, 0, (a, b) => (b === 0n ? a : a % b)],
    ['smod', op.MOD, 1, (a, b) => (b === 0n ? a : s(a) % s(b))],
    ['lsh', op.LSH, 0, (a, b) => a << (b & 63n)],
    ['rsh', op.RSH, 0, (a, b) => a >> (b & 63n)],
    ['arsh', op.ARSH, 0, (a, b) => s(a) >> (b & 63n)],
    ['xor', op.XOR, 0, (a, b) => a ^ b],
  ];
  it.each(operations)('%s is what the RFC says, for a register and for an immediate', (_name, code, off, meaning) => {
    const lddw = (dst: number, value: bigint): Insn[] => [
      insn(op.LDDW, dst, 0, 0, Number(BigInt.asIntN(32, value))),
      insn(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n))),
    ];
    const operand = fc.oneof(u64, fc.constantFrom(0n, 1n, 31n, 32n, 63n, 64n, 2n ** 63n, 2n ** 64n - 1n));
    const exit = insn(op.EXIT_OP, 0, 0, 0, 0);
    fc.assert(
      fc.property(operand, operand, (a, b) => {
        const byRegister = run([...lddw(0, a), ...lddw(1, b), insn(op.ALU64 | op.X | code, 0, 1, off, 0), exit]);
        expect(byRegister.outcome.r0).toBe(wrap(meaning(a, b)));
        const imm = BigInt.asIntN(32, b);
        const byImmediate = run([...lddw(0, a), insn(op.ALU64 | code, 0, 0, off, Number(imm)), exit]);
        expect(byImmediate.outcome.r0).toBe(wrap(meaning(a, wrap(imm))));
      }),
      { numRuns: rounds(25) },
    );
  });
});

describe('a packet program', () => {
  it('reads the packet through 32-bit context fields', () => {
    const { outcome } = run('ldxw %r2, [%r1]\nldxb %r0, [%r2+3]\nexit', { data: Uint8Array.of(1, 2, 3, 4) });
    expect([outcome.verdict, outcome.steps, outcome.trap]).toEqual([4, 3, undefined]);
  });

  it.each([
    ['a narrow context read', 'ldxh %r0, [%r1]', 'insn 0: invalid bpf_context access off=0 size=2'],
    ['a misaligned one', 'ldxw %r0, [%r1+2]', 'insn 0: invalid bpf_context access off=2 size=4'],
    ['one past its end', 'ldxw %r0, [%r1+24]', 'insn 0: invalid bpf_context access off=24 size=4'],
    ['a context store', 'stxw [%r1+16], %r1', 'insn 0: invalid bpf_context access off=16 size=4'],
    ['a null pointer', 'mov %r2, 0\nldxb %r0, [%r2+8]', 'insn 1: read of 1 byte at 0x8: null pointer'],
    ['a wild pointer', 'mov %r2, -1\nldxb %r0, [%r2]', 'insn 1: read of 1 byte at 0xffffffffffffffff: no such memory'],
    ['the end of the packet', 'ldxw %r2, [%r1]\nldxdw %r0, [%r2+60]', '4 bytes past the end of packet'],
    ['the end of the stack', 'ldxw %r0, [%r10]', '4 bytes past the end of stack frame 0'],
    ['its start', 'stw [%r10-516], 0', '4 bytes before the start of stack frame 0'],
    ['an unknown opcode', 'mov %r0, 0\nja +0', 'jump out of the program, or no exit at its end'],
  ])('is stopped by %s', (_name, text, expected) => {
    const { outcome } = run(`${text}\n${text.includes('ja') ? '' : 'exit'}`);
    expect(outcome.verdict).toBe(0);
    expect(trapOf(outcome)).toContain(expected);
  });

  it.each([
    [insn(0xff, 0, 0, 0, 0), 'unknown opcode ff'],
    [insn(op.ALU64 | op.MOV, 10, 0, 0, 1), 'frame pointer is read only'],
    [insn(op.ALU64 | op.MOV, 11, 0, 0, 1), 'R11 is invalid'],
    [insn(op.ALU64 | op.MOV, 1, 0, 1, 1), 'BPF_MOV uses reserved fields'],
    [insn(0x30, 0, 0, 0, 0), 'BPF_LD_[ABS|IND] instructions not allowed for this program type'],
    [insn(op.LDDW, 0, 0, 0, 0), 'invalid bpf_ld_imm64 insn'],
    [insn(0xdb, 10, 1, -8, 0x33), 'BPF_ATOMIC uses invalid atomic opcode 33'],
  ])('is stopped by %j', (bad, expected) => {
    expect(trapOf(run([bad, insn(op.EXIT_OP, 0, 0, 0, 0)]).outcome)).toBe(`prog: insn 0: ${expected}`);
  });

  it('is stopped after too many steps, and goes on with the next packet', () => {
    const { outcome, machine, interpreter, program } = run('ja -1', { maxSteps: 1000 });
    expect([outcome.verdict, outcome.steps]).toEqual([0, 1000]);
    expect(trapOf(outcome)).toBe('prog: insn 0: stopped after 1000 instructions');
    machine.setPacket({ data: new Uint8Array(14) });
    expect(interpreter.run(program).trap?.trap.kind).toBe('steps');
  });

  it('finds its stack cleared in every call', () => {
    const text = 'call local f\ncall local f\nexit\nf:\nldxdw %r0, [%r10-8]\nstdw [%r10-8], 5\nexit';
    expect(run(text).outcome.r0).toBe(0n);
  });

  it('may call eight frames deep and no deeper', () => {
    const chain = (calls: number): string =>
      `${Array.from({ length: calls }, (_, i) => `call local f${i}\nexit\nf${i}:`).join('\n')}\nmov %r0, 2\nexit`;
    expect(run(chain(7)).outcome.verdict).toBe(2);
    expect(trapOf(run(chain(8)).outcome)).toContain('the call stack of 9 frames is too deep !');
  });

  it('cannot reach a frame that was left', () => {
    const text = 'call local f\nldxdw %r0, [%r0-8]\nexit\nf:\nmov %r0, %r10\nexit';
    expect(trapOf(run(text).outcome)).toContain('stack frame 1');
  });

  it('gets out of a may_goto loop', () => {
    const program = [insn(0xe5, 0, 0, 1, 0), insn(op.JA_OP, 0, 0, -2, 0), insn(op.EXIT_OP, 0, 0, 0, 0)];
    expect(run(program, { maxSteps: 1 << 25 }).outcome.trap).toBeUndefined();
  });

  it('must not end with a lock held', () => {
    const program = programSpec([
      insn(op.LDDW, 1, op.PSEUDO_MAP_VALUE, 0, 0),
      insn(0, 0, 0, 0, 0),
      insn(op.CALL_OP, 0, 0, 0, 93),
      insn(op.EXIT_OP, 0, 0, 0, 0),
    ]);
    const machine = new Machine(objectSpec([program], [mapSpec('locks', 'array', { valueSize: 8, maxEntries: 1 })]));
    machine.setPacket({ data: new Uint8Array(64) });
    const [loaded] = machine.programs;
    if (loaded === undefined) throw new Error('no program');
    expect(trapOf(new Interpreter(machine).run(loaded))).toContain('bpf_spin_lock-ed region');
  });

  it('shows each instruction to the observer before it runs', () => {
    const { machine, program } = run('mov %r0, 2\ncall local f\nexit\nf:\nmov %r0, 1\nexit');
    const seen: string[] = [];
    const interpreter = new Interpreter(machine);
    const observer: Observer = {
      before: (_program, pc, depth) => seen.push(`${depth}:${pc}=${interpreter.registers.u64[0]}`),
    };
    interpreter.observer = observer;
    interpreter.run(program);
    expect(seen).toEqual(['0:0=0', '0:1=2', '1:3=2', '1:4=1', '0:2=1']);
  });
});

describe('tail calls', () => {
  const tailCall = (slot: number): Insn[] => [
    insn(op.LDDW, 2, op.PSEUDO_MAP_FD, 0, 0),
    insn(0, 0, 0, 0, 0),
    insn(op.ALU64 | op.MOV, 3, 0, 0, slot),
    insn(op.CALL_OP, 0, 0, 0, 12),
  ];
  const pass = (verdict: number): Insn[] => [insn(op.ALU64 | op.MOV, 0, 0, 0, verdict), insn(op.EXIT_OP, 0, 0, 0, 0)];
  const jumps = mapSpec('jumps', 'prog_array', {
    init: {
      kind: 'programs',
      slots: new Map([
        [0, 'self'],
        [1, 'other'],
      ]),
    },
  });

  function verdictOf(main: readonly Insn[]): { verdict: number; steps: number } {
    const machine = new Machine(
      objectSpec([programSpec(main, { name: 'self' }), programSpec(pass(3), { name: 'other' })], [jumps]),
    );
    machine.setPacket({ data: new Uint8Array(64) });
    const [program] = machine.programs;
    if (program === undefined) throw new Error('no program');
    const { verdict, steps, trap } = new Interpreter(machine).run(program);
    expect(trap).toBeUndefined();
    return { verdict, steps };
  }

  it('replace the program, or fall through when the slot is empty', () => {
    expect(verdictOf([...tailCall(1), ...pass(2)]).verdict).toBe(3);
    expect(verdictOf([...tailCall(2), ...pass(2)]).verdict).toBe(2);
    expect(verdictOf([...tailCall(99), ...pass(2)]).verdict).toBe(2);
  });

  it('end after 33', () => {
    expect(verdictOf([...tailCall(0), ...pass(1)])).toEqual({ verdict: 1, steps: 34 * 3 + 2 });
  });

  it('return from a subprogram to its caller', () => {
    const main = [
      insn(op.CALL_OP, 0, op.CALL_LOCAL, 0, 2),
      insn(op.ALU64 | op.ADD, 0, 0, 0, 40),
      insn(op.EXIT_OP, 0, 0, 0, 0),
      ...tailCall(1),
      ...pass(1),
    ];
    expect(verdictOf(main).verdict).toBe(43);
  });
});

describe('loading', () => {
  const call = (id: number): Insn => insn(op.CALL_OP, 0, 0, 0, id);
  const exit = insn(op.EXIT_OP, 0, 0, 0, 0);
  const lines = [{ insn: 0, file: 'prog.c', line: 12, column: 3, text: 'bpf_foo();' }];

  it.each([
    [9, 'program of this type cannot use helper bpf_skb_store_bytes#9'],
    [9999, 'invalid func unknown#9999'],
    [169, 'helper bpf_timer_init#169 is not supported'],
  ])('refuses helper %i where it can be reached, naming the place', (id, what) => {
    const machine = new Machine(objectSpec([programSpec([call(id), exit], { lines })]));
    expect(machine.programs[0]?.refusal?.format()).toBe(`test.o: section xdp: insn 0: prog.c:12: ${what}`);
  });

  it('does not mind one behind a constant branch, also on read-only data', () => {
    const rodata = mapSpec('.rodata', 'array', {
      section: '.rodata',
      valueSize: 4,
      maxEntries: 1,
      flags: 0x80,
      init: { kind: 'data', bytes: Uint8Array.of(0, 0, 0, 0) },
    });
    const program = programSpec([
      insn(op.LDDW, 1, op.PSEUDO_MAP_VALUE, 0, 0),
      insn(0, 0, 0, 0, 0),
      insn(0x61, 1, 1, 0, 0),
      insn(op.JMP | op.JEQ, 1, 0, 1, 0),
      call(9999),
      insn(op.ALU64 | op.MOV, 0, 0, 0, 2),
      exit,
    ]);
    const machine = new Machine(objectSpec([program], [rodata]));
    machine.setPacket({ data: new Uint8Array(64) });
    const [loaded] = machine.programs;
    if (loaded === undefined) throw new Error('no program');
    machine.admit(loaded);
    const interpreter = new Interpreter(machine);
    expect(interpreter.run(loaded).verdict).toBe(2);
    // Read-only data changed under our feet: the call is reached after all.
    machine.memory.store32(machine.maps[0]?.directValue() ?? 0, 1);
    expect(() => interpreter.run(loaded)).toThrow('invalid func unknown#9999');
  });

  it('refuses programs of other types by name', () => {
    const program = programSpec([exit], { type: 'sched_cls', section: 'tc' });
    expect(new Machine(objectSpec([program])).programs[0]?.refusal?.message).toContain('sched_cls');
  });

  it('keeps code addresses from loads', () => {
    const program = programSpec([
      insn(op.LDDW, 2, op.PSEUDO_FUNC, 0, 2),
      insn(0, 0, 0, 0, 0),
      insn(0x79, 0, 2, 0, 0),
      exit,
      exit,
    ]);
    const machine = new Machine(objectSpec([program]));
    machine.setPacket({ data: new Uint8Array(64) });
    const [loaded] = machine.programs;
    if (loaded === undefined) throw new Error('no program');
    expect(trapOf(new Interpreter(machine).run(loaded))).toContain('code of prog');
  });
});
