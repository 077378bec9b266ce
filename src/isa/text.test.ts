import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyInsn } from '../../test/support/any-insn.js';
import { rounds } from '../../test/support/effort.js';
import { InputError } from '../base/index.js';
import { assembleInsns } from './assemble.js';
import { formatInsn } from './format.js';
import type { Insn } from './insn.js';

const names = {
  helper: (number: number) => (number === 1 ? 'bpf_map_lookup_elem' : undefined),
  map: (imm: number) => (imm === 3 ? 'flows' : undefined),
};
const numbers = {
  helper: (name: string) => (name.replace('bpf_', '') === 'map_lookup_elem' ? 1 : undefined),
  map: (name: string) => (name === 'flows' ? 3 : undefined),
};

function text(insns: readonly Insn[], style: 'llvm' | 'kernel'): string[] {
  return insns.map((_, pc) => formatInsn(insns, pc, style, names)).filter((line) => line !== '');
}

/** [LLVM, kernel] */
const pairs: readonly (readonly [string, string])[] = [
  ['r1 += 0x8', '(07) r1 += 8'],
  ['w1 &= -0x2', '(54) w1 &= -2'],
  ['r1 s>>= r2', '(cf) r1 s>>= r2'],
  ['r1 s/= r2', '(3f) r1 s/= r2'],
  ['w3 s%= -0x7', '(94) w3 s%= -7'],
  ['w1 = (s8)w2', '(bc) w1 = (s8)w2'],
  ['r1 = (s32)r2', '(bf) r1 = (s32)r2'],
  ['r1 = -r1', '(87) r1 = -r1'],
  ['r1 = be16 r1', '(dc) r1 = be16 r1'],
  ['r1 = bswap32 r1', '(d7) r1 = bswap32 r1'],
  ['w1 = *(u32 *)(r2 + 0x4)', '(61) r1 = *(u32 *)(r2 +4)'],
  ['r0 = *(s8 *)(r1 + 0x0)', '(91) r0 = *(s8 *)(r1 +0)'],
  ['*(u16 *)(r10 - 0x8) = w1', '(6b) *(u16 *)(r10 -8) = r1'],
  ['*(u64 *)(r10 - 0x8) = -0x1', '(7a) *(u64 *)(r10 -8) = -1'],
  ['lock *(u64 *)(r1 + 0x0) += r2', '(db) lock *(u64 *)(r1 +0) += r2'],
  ['r0 = atomic_fetch_add((u64 *)(r1 + 0x0), r0)', '(db) r0 = atomic64_fetch_add((u64 *)(r1 +0), r0)'],
  ['w2 = atomic_fetch_xor((u32 *)(r1 + 0x0), w2)', '(c3) r2 = atomic_fetch_xor((u32 *)(r1 +0), r2)'],
  ['r2 = xchg_64(r1 - 0x8, r2)', '(db) r2 = atomic64_xchg((u64 *)(r1 -8), r2)'],
  ['w0 = cmpxchg32_32(r1 - 0x8, w0, w2)', '(c3) r0 = atomic_cmpxchg((u32 *)(r1 -8), r0, r2)'],
  ['w1 = load_acquire((u8 *)(r2 + 0x1))', '(d3) r1 = load_acquire((u8 *)(r2 +1))'],
  ['store_release((u64 *)(r1 + 0x0), r2)', '(db) store_release((u64 *)(r1 +0), r2)'],
  ['r1 = 0x123456789abcdef ll', '(18) r1 = 0x123456789abcdef'],
  ['r1 = flows ll', '(18) r1 = map[flows]'],
  ['r1 = flows + 0x8 ll', '(18) r1 = map[flows][0]+8'],
  ['r0 = *(u16 *)skb[0xc]', '(28) r0 = *(u16 *)skb[12]'],
  ['if r3 > r2 goto +0x1c', '(2d) if r3 > r2 goto pc+28'],
  ['if w1 s<= -0x7 goto -0x2', '(d6) if w1 s<= 0xfffffff9 goto pc-2'],
  ['goto +0x5', '(05) goto pc+5'],
  ['gotol +0x12345', '(06) gotol pc+74565'],
  ['may_goto +0x1', '(e5) may_goto pc+1'],
  ['call bpf_map_lookup_elem', '(85) call bpf_map_lookup_elem#1'],
  ['call 0x2', '(85) call unknown#2'],
  ['exit', '(95) exit'],
];

describe('instructions as text', () => {
  test.each(pairs)('%s', (llvm, kernel) => {
    const insns = assembleInsns(llvm, numbers);
    expect(text(insns, 'llvm')).toEqual([llvm]);
    expect(text(insns, 'kernel')).toEqual([kernel]);
    expect(assembleInsns(kernel.replace(' unknown#', ' '), numbers)).toEqual(insns);
  });

  test('say nothing new about what a local call calls', () => {
    const insns = assembleInsns('call f\nexit\nf: r0 = 0\nexit');
    const named = { func: (slot: number) => (slot === 2 ? 'f' : undefined) };
    expect(formatInsn(insns, 0, 'llvm', named)).toBe('call f');
    expect(formatInsn(insns, 0, 'kernel', named)).toBe('(85) call pc+1#f');
    expect(formatInsn(insns, 0, 'kernel')).toBe('(85) call pc+1');
  });

  test.each(['llvm', 'kernel'] as const)('assemble back to themselves in %s syntax', (style) => {
    fc.assert(
      fc.property(anyInsn, ({ form, slots }) => {
        const { operation } = form;
        // These carry numbers that only names can stand for.
        if (style === 'kernel' && operation.kind === 'lddw' && operation.what !== 'number') return;
        if (operation.kind === 'call' && operation.what !== 'helper') return;
        const lines = slots.map((_, pc) => formatInsn(slots, pc, style));
        expect(assembleInsns(lines.join('\n').replace('call unknown#', 'call '))).toEqual(slots);
      }),
      { numRuns: rounds(800) },
    );
  });
});

describe('the assembler', () => {
  test('takes both syntaxes, labels and comments in one text', () => {
    const source = `
      // the classic
      r0 = 2            /* pass
                           always */
      loop:
      (07) r0 += -1     # count down
      if r0 != 0x0 goto loop ; again
      1: goto 1f
      goto done
      1: r0 = 0xff
      12: (b7) r0 = 1
      done: exit`;
    expect(text(assembleInsns(source), 'llvm')).toEqual([
      'r0 = 0x2',
      'r0 += -0x1',
      'if r0 != 0x0 goto -0x2',
      'goto +0x1',
      'goto +0x2',
      'r0 = 0xff',
      'r0 = 0x1',
      'exit',
    ]);
  });

  test('takes what llvm-objdump prints', () => {
    const source = `
0000000000000000 <f>:
       0:	18 01 00 00 ff ff ff ff 00 00 00 00 ff ff ff ff	r1 = -0x1 ll
       2:	55 01 01 00 00 00 00 00	if r1 != 0x0 goto +0x1 <f+0x20>
       3:	85 10 00 00 fc ff ff ff	call -0x4
       4:	95 00 00 00 00 00 00 00	exit`;
    expect(assembleInsns(source).map((insn) => insn.code)).toEqual([0x18, 0, 0x55, 0x85, 0x95]);
  });

  test('a label behind a distance wins over it', () => {
    expect(assembleInsns('goto +0x0 <end>\nr0 = 0\nend: exit')[0]?.off).toBe(1);
  });

  test.each([
    ['r0 = 1\nr11 = 2', 'line:2: R11 is invalid in `r11 = 2`', 'r0 to r10'],
    ['r0 @ 1', '`@` is no operator', '+='],
    ['if r0 == 1 goto nowhere', 'there is no label `nowhere`', 'LABEL:'],
    ['r0 += 0x123456789', 'constant 4886718345 does not fit', 'll'],
    ['r0 = *(u24 *)(r1 + 0)', '`u24` is no access type', 'u8'],
    ['r0 = *(u32 *)(r1 + 40000)', 'offset 40000 is not between', ''],
    ['r0 += w1', 'operands of different width', 'two r'],
    ['r0 = map_that_is_not ll', 'neither a map nor a function', ''],
    ['call nobody', 'neither a label nor a helper', ''],
    ['a: exit\na: exit', 'defined twice', ''],
    ['callx r1', 'indirect calls do not exist', 'by its name'],
    ['(07) r0 = 1', 'the text is opcode b7, not (07)', ''],
    ['exit exit', 'unexpected `exit`', ''],
  ])('refuses %j', (source, what, hint) => {
    const error = (() => {
      try {
        assembleInsns(source);
      } catch (caught) {
        return caught;
      }
      return undefined;
    })();
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).format()).toContain(what);
    expect((error as InputError).hint ?? '').toContain(hint);
  });

  test('answers any text with slots or an InputError', () => {
    const pieces = fc.constantFrom(
      'r1',
      'w2',
      '=',
      '+=',
      '*(u32 *)',
      '(',
      ')',
      'if',
      'goto',
      '5',
      '-1',
      'll',
      '"',
      'call',
      '[',
      '<',
      '>',
      'x',
      '.quad',
      ',',
      'lock',
      '\\',
      '%r1',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces).map((list) => list.join(' ')),
        ),
        (source) => {
          try {
            assembleInsns(source);
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        },
      ),
      { numRuns: rounds(800) },
    );
  });
});
