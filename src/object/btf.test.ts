import { describe, expect, it } from 'vitest';
import { InputError } from '../base/index.js';
import { Btf, essentialName } from './btf.js';
import { formatDefinition, formatType } from './btf-format.js';
import { BtfInput } from './testing/btf.js';

describe('BTF reader', () => {
  it('reads every kind', () => {
    const input = new BtfInput();
    const int = input.int('int', 4, true);
    const ptr = input.ptr(int);
    const array = input.array(int, 7);
    const struct = input.struct('flow', 8, [
      ['a', int, 0, 0],
      ['b', int, 33, 5],
    ]);
    const union = input.composite('union', 'u', 4, [['x', int, 0]]);
    const plain = input.enum('e', [['A', 0xffffffff]]);
    const fwd = input.add('later', 7, 0, 0, [], true);
    const typedef = input.typedef('flow_t', struct);
    const qualified = [9, 10, 11].reduce((type, kind) => input.add('', kind, 0, type), typedef);
    const proto = input.add('', 13, 2, int, [input.strings.add('x'), ptr, 0, 0]);
    const func = input.add('f', 12, 1, proto);
    const variable = input.add('v', 14, 0, int, [2]);
    const datasec = input.add('.data', 15, 1, 4, [variable, 0, 4]);
    const float = input.add('double', 16, 0, 8);
    const declTag = input.add('tag', 17, 0, struct, [0xffffffff]);
    const typeTag = input.add('user', 18, 0, int);
    const big = input.add('big', 19, 1, 8, [input.strings.add('B'), 0xfffffffe, 0xffffffff], true);
    const btf = new Btf(input.bytes());
    btf.validate();
    expect(btf.type(int)).toMatchObject({ kind: 'int', size: 4, bits: 32, signed: true, char: false });
    expect(btf.type(array)).toMatchObject({ kind: 'array', type: int, length: 7 });
    expect(btf.type(struct)).toMatchObject({
      kind: 'struct',
      members: [
        { name: 'a', bitOffset: 0, bitSize: 0 },
        { name: 'b', bitOffset: 33, bitSize: 5 },
      ],
    });
    expect(btf.type(union)).toMatchObject({ kind: 'union', size: 4 });
    expect(btf.type(plain)).toMatchObject({ values: [{ name: 'A', value: 0xffffffffn }] });
    expect(btf.type(fwd)).toMatchObject({ kind: 'fwd', union: true });
    expect(btf.resolve(qualified).id).toBe(struct);
    expect(btf.type(func)).toMatchObject({ kind: 'func', linkage: 'global', type: proto });
    expect(btf.type(variable)).toMatchObject({ kind: 'var', linkage: 'extern' });
    expect(btf.type(datasec)).toMatchObject({ vars: [{ type: variable, offset: 0, size: 4 }] });
    expect(btf.type(float)).toMatchObject({ kind: 'float', size: 8 });
    expect(btf.type(declTag)).toMatchObject({ kind: 'decl_tag', component: -1 });
    expect(btf.type(typeTag)).toMatchObject({ kind: 'type_tag', type: int });
    expect(btf.type(big)).toMatchObject({ kind: 'enum64', values: [{ value: -2n }] });
    expect(btf.sizeOf(array)).toBe(28);
    expect(btf.sizeOf(ptr)).toBe(8);
    expect(btf.sizeOf(proto)).toBeUndefined();
    expect(btf.alignOf(struct)).toBe(4);
    expect(btf.find('flow', 'struct')?.id).toBe(struct);
    expect(btf.find('flow', 'union')).toBeUndefined();
  });

  it('finds all flavors of a name', () => {
    const input = new BtfInput();
    const ids = ['sk_buff', 'other', 'sk_buff___old', 'sk_buff___v2', '___x'].map((name) => input.struct(name, 0, []));
    const btf = new Btf(input.bytes());
    expect(btf.named('sk_buff')).toEqual([ids[0], ids[2], ids[3]]);
    expect(btf.named('___x')).toEqual([ids[4]]);
    expect(btf.named('nothing')).toEqual([]);
  });

  it.each([
    ['a___b', 'a'],
    ['a___b___c', 'a___b'],
    ['a____b', 'a____b'],
    ['___a', '___a'],
    ['a___', 'a___'],
    ['plain', 'plain'],
  ])('takes the flavor off %s', (name, essential) => {
    expect(essentialName(name)).toBe(essential);
    const input = new BtfInput();
    const id = input.struct(name, 0, []);
    expect(new Btf(input.bytes()).named(essential)).toEqual([id]);
  });

  it.each<[string, (input: BtfInput) => void]>([
    ['a typedef of itself', (b) => b.typedef('t', 2)],
    ['two typedefs of each other', (b) => [b.typedef('a', 3), b.typedef('b', 2)]],
    ['a struct with itself inside', (b) => b.struct('s', 4, [['self', 2, 0]])],
    ['an array of itself', (b) => b.array(2, 4)],
    ['a pointer to itself', (b) => b.ptr(2)],
    ['a reference to a type that there is not', (b) => b.ptr(99)],
    ['a linkage that there is not', (b) => b.add('v', 14, 0, 1, [7])],
    ['an integer of too many bits', (b) => b.add('i', 1, 0, 2, [64])],
  ])('refuses %s', (_what, damage) => {
    const input = new BtfInput();
    input.int('int', 4);
    damage(input);
    expect(() => new Btf(input.bytes()).validate()).toThrow(InputError);
  });

  it('accepts a struct that points to itself', () => {
    const input = new BtfInput();
    input.struct('list', 16, [
      ['next', 2, 0],
      ['prev', 2, 64],
    ]);
    input.ptr(1);
    const btf = new Btf(input.bytes());
    expect(() => btf.validate()).not.toThrow();
    expect(formatDefinition(btf, 1)).toBe(
      'struct list { /* 16 bytes */\n    struct list *next; /* 0 */\n    struct list *prev; /* 8 */\n};',
    );
  });

  it('refuses a kind, a name and a length that are damaged', () => {
    const input = new BtfInput();
    input.int('int', 4);
    const bytes = input.bytes();
    const damaged = (at: number, value: number): Uint8Array => {
      const copy = bytes.slice();
      new DataView(copy.buffer).setUint32(at, value, true);
      return copy;
    };
    expect(() => new Btf(damaged(28, 0x1f000000))).toThrow(/kind 31/);
    expect(() => new Btf(damaged(24, 0xffff)).validate()).toThrow(/string offset/);
    expect(() => new Btf(damaged(12, 0x7fffffff))).toThrow(/type section/);
    expect(() => new Btf(damaged(0, 0x0100eb9e))).toThrow(InputError);
    expect(() => new Btf(bytes.subarray(0, 20))).toThrow(InputError);
  });
});

describe('C text of types', () => {
  const input = new BtfInput();
  const int = input.int('int', 4, true);
  const constInt = input.add('', 10, 0, int);
  const struct = input.struct('flow', 4, [['f', int, 3, 5]]);
  const structPtr = input.ptr(struct);
  const constPtr = input.add('', 10, 0, structPtr);
  const array = input.array(input.array(int, 3), 2);
  const proto = input.add('', 13, 3, structPtr, [input.strings.add('key'), constInt, 0, array, 0, 0]);
  const fnPtr = input.ptr(proto);
  const fnPtrs = input.array(fnPtr, 4);
  const arrayPtr = input.ptr(array);
  const noArgs = input.add('', 13, 0, 0);
  const btf = new Btf(input.bytes());

  it.each([
    [int, 'x', 'int x'],
    [int, '', 'int'],
    [constInt, 'x', 'const int x'],
    [structPtr, 'p', 'struct flow *p'],
    [constPtr, 'p', 'struct flow *const p'],
    [input.ptr(constInt), 'p', 'const int *p'],
    [array, 'a', 'int a[2][3]'],
    [arrayPtr, 'a', 'int (*a)[2][3]'],
    [fnPtr, 'cb', 'struct flow *(*cb)(const int key, int[2][3], ...)'],
    [fnPtrs, 'cb', 'struct flow *(*cb[4])(const int key, int[2][3], ...)'],
    [noArgs, 'f', 'void f(void)'],
  ])('type %i named "%s" is %s', (id, name, text) => {
    expect(formatType(id < btf.count ? btf : new Btf(input.bytes()), id, name)).toBe(text);
  });

  it('gives bitfields their byte and bit', () => {
    expect(formatDefinition(btf, struct)).toContain('int f: 5; /* 0:3 */');
  });

  it('ends for types that grow without bound', () => {
    const many = new BtfInput();
    let type = many.int('int', 4);
    for (let i = 0; i < 40; i++) type = many.add('', 13, 2, type, [0, type, 0, type]);
    expect(formatType(new Btf(many.bytes()), type).length).toBeLessThan(10_000);
  });
});
