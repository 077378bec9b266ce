import { describe, expect, it } from 'vitest';
import { type Insn, op } from '../isa/index.js';
import { Btf } from './btf.js';
import { poisonedCall } from './core-patch.js';
import { type CoreProblem, CoreRelocator } from './core-relocate.js';
import { type CoreKind, coreKinds } from './core-spec.js';
import { BtfInput } from './testing/btf.js';
import { insn } from './testing/elf.js';

interface Result {
  readonly insns: readonly Insn[];
  readonly problem: CoreProblem | undefined;
}

function relocate(
  local: BtfInput,
  target: BtfInput | undefined,
  kind: CoreKind,
  type: number,
  access: string,
  code: Insn[],
): Result {
  const targetBtf = target === undefined ? undefined : new Btf(target.bytes());
  const relocator = new CoreRelocator(new Btf(local.bytes()), () => targetBtf);
  const insns = [...code];
  const problem = relocator.apply(insns, 0, { slot: 0, typeId: type, access, kind: coreKinds.indexOf(kind) });
  return { insns, problem };
}

const mov = (imm: number): Insn => insn(op.ALU64 | op.MOV, { imm });
const load = (size: number, off: number): Insn => insn(op.LDX | op.MODE_MEM | size, { dst: 1, src: 2, off });

/** struct s { int a; int b; } */
function pair(): { input: BtfInput; int: number; s: number } {
  const input = new BtfInput();
  const int = input.int('unsigned int', 4);
  return {
    input,
    int,
    s: input.struct('s', 8, [
      ['a', int, 0],
      ['b', int, 32],
    ]),
  };
}

describe('CO-RE fields', () => {
  it('moves a load to where the field is in the target', () => {
    const { input, s } = pair();
    const target = new BtfInput();
    const int = target.int('unsigned int', 4);
    target.struct('s', 24, [
      ['b', int, 96],
      ['a', int, 128],
    ]);
    expect(relocate(input, target, 'byte_off', s, '0:1', [load(op.SIZE_W, 4)])).toMatchObject({
      insns: [{ off: 12 }],
      problem: undefined,
    });
  });

  it('finds a member inside anonymous structs', () => {
    const { input, s } = pair();
    const target = new BtfInput();
    const int = target.int('unsigned int', 4);
    const inside = target.struct('', 8, [
      ['x', int, 0],
      ['b', int, 32],
    ]);
    const either = target.composite('union', '', 8, [['', inside, 0]]);
    target.struct('s', 16, [
      ['a', int, 0],
      ['', either, 64],
    ]);
    expect(relocate(input, target, 'byte_off', s, '0:1', [mov(4)]).insns[0]?.imm).toBe(12);
  });

  it('leaves the flavor out of the comparison', () => {
    const input = new BtfInput();
    const s = input.struct('s___mine', 4, [['a', input.int('int', 4), 0]]);
    const target = new BtfInput();
    target.struct('s', 8, [['a', target.int('int', 4), 32]]);
    expect(relocate(input, target, 'field_exists', s, '0:0', [mov(1)]).insns[0]?.imm).toBe(1);
  });

  it('widens and narrows loads of unsigned fields and pointers', () => {
    const { input, s } = pair();
    const target = new BtfInput();
    const long = target.int('unsigned long', 8);
    target.struct('s', 16, [
      ['a', long, 0],
      ['b', long, 64],
    ]);
    const { insns } = relocate(input, target, 'byte_off', s, '0:1', [load(op.SIZE_W, 4)]);
    expect(insns[0]).toMatchObject({ code: op.LDX | op.MODE_MEM | op.SIZE_DW, off: 8 });
  });

  it('poisons a load whose signed field changed its size', () => {
    const local = new BtfInput();
    const int = local.int('int', 4, true);
    const root = local.struct('s', 4, [['a', int, 0]]);
    const { insns, problem } = relocate(local, retarget('long', 8, true), 'byte_off', root, '0:0', [
      load(op.SIZE_W, 0),
    ]);
    expect(problem).toMatchObject({ poisoned: true, what: expect.stringContaining('another size') });
    expect(insns[0]).toMatchObject({ code: op.CALL_OP, imm: poisonedCall });
  });

  it('answers questions of existence with 0, and poisons the rest', () => {
    const { input, s } = pair();
    const target = new BtfInput();
    const int = target.int('unsigned int', 4);
    target.struct('s', 4, [['a', int, 0]]);
    expect(relocate(input, target, 'field_exists', s, '0:1', [mov(1)])).toMatchObject({
      insns: [{ imm: 0 }],
      problem: undefined,
    });
    const wide = [insn(op.LDDW, { dst: 1, imm: 4 }), insn(0)];
    const poisoned = relocate(input, target, 'byte_off', s, '0:1', wide);
    expect(poisoned.problem).toEqual({
      what: 'CO-RE relocation byte_off of `struct s.b`: the target kernel has no such thing',
      poisoned: true,
    });
    expect(poisoned.insns.map((each) => each.imm)).toEqual([poisonedCall, poisonedCall]);
  });

  it('refuses to choose between types of one name that disagree', () => {
    const { input, s } = pair();
    const target = new BtfInput();
    const int = target.int('unsigned int', 4);
    target.struct('s', 8, [['b', int, 0]]);
    target.struct('s___2', 8, [['b', int, 32]]);
    const { problem, insns } = relocate(input, target, 'byte_off', s, '0:1', [mov(4)]);
    expect(problem).toMatchObject({ poisoned: false, what: expect.stringContaining('ambiguous') });
    expect(insns[0]?.imm).toBe(4);
  });

  it('steps through arrays, within their bounds', () => {
    const make = (length: number): { input: BtfInput; s: number } => {
      const input = new BtfInput();
      const int = input.int('int', 4);
      const array = input.array(int, length);
      return {
        input,
        s: input.struct('s', 64, [
          ['n', int, 0],
          ['a', array, 64],
        ]),
      };
    };
    const local = make(8);
    const at = (length: number): Result =>
      relocate(local.input, make(length).input, 'byte_off', local.s, '0:1:3', [mov(20)]);
    expect(at(9).insns[0]?.imm).toBe(20);
    expect(at(3).problem?.poisoned).toBe(true);
    // A flexible array at the end has as many elements as one likes.
    expect(at(0).insns[0]?.imm).toBe(20);
  });

  it('says how to cut out a bitfield', () => {
    const make = (offset: number, bits: number): { input: BtfInput; s: number } => {
      const input = new BtfInput();
      const int = input.int('unsigned int', 4);
      return { input, s: input.struct('s', 16, [['f', int, offset, bits]]) };
    };
    const local = make(3, 5);
    const { input: target } = make(70, 9);
    const value = (kind: CoreKind, own: number): number | undefined =>
      relocate(local.input, target, kind, local.s, '0:0', [mov(own)]).insns[0]?.imm;
    expect(value('byte_off', 0)).toBe(8);
    expect(value('byte_sz', 4)).toBe(4);
    // 64 - (70 + 9 - 64) and 64 - 9
    expect(value('lshift_u64', 56)).toBe(49);
    expect(value('rshift_u64', 59)).toBe(55);
    expect(value('signed', 0)).toBe(0);
  });

  it('notices an instruction that does not hold what its own types say', () => {
    const { input, s } = pair();
    expect(relocate(input, input, 'byte_off', s, '0:1', [mov(5)]).problem?.what).toContain(
      'holds 5 where its own types say 4',
    );
    expect(relocate(input, input, 'byte_off', s, '0:1', [load(op.SIZE_W, 5)]).problem).toBeDefined();
  });

  it('uses the own types where there is no target', () => {
    const { input, s } = pair();
    expect(relocate(input, undefined, 'byte_off', s, '0:1', [mov(4)])).toMatchObject({
      insns: [{ imm: 4 }],
      problem: undefined,
    });
  });

  it.each(['', ':', '0:', '0:9', '0:0:0', 'x', '99999999999'])('refuses the access "%s"', (access) => {
    const { input, s } = pair();
    expect(relocate(input, input, 'byte_off', s, access, [mov(0)]).problem?.poisoned).toBe(false);
  });
});

describe('CO-RE types and enumerators', () => {
  function withEnum(value: number): BtfInput {
    const input = new BtfInput();
    input.enum('color___k', [
      ['RED', 0],
      ['BLUE___x', value],
    ]);
    return input;
  }

  it('takes the value of the enumerator of that name', () => {
    expect(relocate(withEnum(3), withEnum(77), 'enumval_value', 1, '1', [mov(3)]).insns[0]?.imm).toBe(77);
    const wide = [insn(op.LDDW, { imm: 3 }), insn(0)];
    expect(relocate(withEnum(3), withEnum(0xffffffff), 'enumval_value', 1, '1', wide).insns.map((i) => i.imm)).toEqual([
      -1, 0,
    ]);
  });

  it('says whether an enumerator is there', () => {
    const other = new BtfInput();
    other.enum('color', [['GREEN', 1]]);
    expect(relocate(withEnum(3), withEnum(4), 'enumval_exists', 1, '1', [mov(1)]).insns[0]?.imm).toBe(1);
    expect(relocate(withEnum(3), other, 'enumval_exists', 1, '1', [mov(1)]).insns[0]?.imm).toBe(0);
  });

  it('says whether a type is there, how large it is and which number it has', () => {
    const { input, s } = pair();
    const target = new BtfInput();
    const int = target.int('int', 4);
    target.struct('before', 0, []);
    target.struct('s', 40, [['a', int, 0]]);
    const value = (kind: CoreKind, own: number): number | undefined =>
      relocate(input, target, kind, s, '0', [mov(own)]).insns[0]?.imm;
    expect(value('type_exists', 1)).toBe(1);
    expect(value('type_size', 8)).toBe(40);
    expect(value('target_type_id', 0)).toBe(3);
    expect(value('local_type_id', 0)).toBe(s);
    // `b` is missing
    expect(value('type_matches', 1)).toBe(0);
  });

  it('answers 0 for a type that the target does not have', () => {
    const { input, s } = pair();
    for (const [kind, own] of [
      ['type_exists', 1],
      ['type_size', 8],
      ['target_type_id', 2],
      ['type_matches', 1],
    ] as const) {
      expect(relocate(input, new BtfInput(), kind, s, '0', [mov(own)])).toMatchObject({
        insns: [{ imm: 0 }],
        problem: undefined,
      });
    }
  });

  it('does not walk for ever through types that refer to each other', () => {
    const input = new BtfInput();
    let type = input.int('int', 4);
    for (let i = 0; i < 31; i++) type = input.add('', 13, 2, type, [0, type, 0, type]);
    const root = input.typedef('deep', type);
    expect(() => relocate(input, input, 'type_exists', root, '0', [mov(1)])).toThrow(/steps/);
  });
});

function retarget(name: string, size: number, signed: boolean): BtfInput {
  const target = new BtfInput();
  const type = target.int(name, size, signed);
  target.struct('s', size, [['a', type, 0]]);
  return target;
}
