/**
 * Hints that help: each program is refused, and the same one loads when what its hint says is done. Those that take C
 * are in `test/golden/verify` (`#ifdef MENDED`).
 */
import { describe, expect, it } from 'vitest';
import type { MessageCode } from './messages.js';
import { messages } from './messages.js';
import { verifyText } from './testing.js';

const packet = 'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)';
const seen = `${packet}\nr4 = r2\nr4 += 20\nif r4 > r3 goto out`;
const lookup = '*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = hash ll\ncall 1';
const value = `${lookup}\nif r0 == 0 goto out`;
const out = '\nout:\nr0 = 2\nexit';
const number = 'r6 = *(u32 *)(r1 + 12)';
const signed = `${number}\nr6 <<= 32\nr6 s>>= 32`;
const reserve = 'r1 = ring ll\nr2 = 8\nr3 = 0\ncall 131\nif r0 == 0 goto out';

/** A function and its caller that each have so much on the stack. */
const deep = (bytes: number): string =>
  `*(u8 *)(r10 - ${bytes}) = 1\ncall inner\nexit\n.type inner, @function\ninner:\n*(u8 *)(r10 - ${bytes}) = 1`;

/** What is refused, a part of the hint, and the program when it is followed. */
const cases: readonly (readonly [MessageCode, hint: string, refused: string, mended: string])[] = [
  ['frame-pointer-write', 'copy it to another', 'r10 += -8', 'r2 = r10\nr2 += -8\n*(u64 *)(r2 + 0) = 0'],
  ['not-readable', 'has not been set', 'if r1 == 0 goto skip\nr5 = 0\nskip:\nr0 = r5', 'r5 = 0\nr0 = r5'],
  ['not-readable', 'R6 to R9', 'call 5\nr2 = *(u32 *)(r1 + 0)', 'r6 = r1\ncall 5\nr2 = *(u32 *)(r6 + 0)'],
  ['pointer-alu32', 'in 64', `${seen}\nw2 += 4`, `${seen}\nr2 += 4`],
  ['null-arithmetic', 'with NULL', `${lookup}\nr0 += 4`, `${value}\nr0 += 4`],
  ['stack-pointer-subtraction', 'negative number', 'r2 = r10\nr2 -= 8', 'r2 = r10\nr2 += -8\n*(u8 *)(r2 + 0) = 1'],
  [
    'stack-pointer-subtraction',
    'subtract a constant first',
    `${number}\nr6 &= 7\nr2 = r10\nr2 -= r6`,
    `${number}\nr6 &= 7\nr6 += -8\nr2 = r10\nr2 += r6\n*(u8 *)(r2 + 0) = 1`,
  ],
  [
    'unbounded-offset',
    'bound it',
    `${value}\nr6 = *(u64 *)(r0 + 0)\nr0 += r6`,
    `${value}\nr6 = *(u64 *)(r0 + 0)\nr6 &= 7\nr0 += r6`,
  ],
  ['mem-access-or-null', 'with NULL', `${lookup}\nr1 = *(u8 *)(r0 + 0)`, `${value}\nr1 = *(u8 *)(r0 + 0)`],
  ['misaligned-access', 'aligned', '*(u32 *)(r10 - 6) = 1', '*(u32 *)(r10 - 8) = 1'],
  [
    'misaligned-access',
    'a multiple of 8',
    `${value}\nr1 = 1\nlock *(u64 *)(r0 + 4) += r1`,
    `${value}\nr1 = 1\nlock *(u64 *)(r0 + 8) += r1`,
  ],
  [
    'max-outside',
    'bound it',
    `${number}\n${value}\nr6 &= 31\nr0 += r6\nr1 = *(u8 *)(r0 + 0)`,
    `${number}\n${value}\nr6 &= 15\nr0 += r6\nr1 = *(u8 *)(r0 + 0)`,
  ],
  ['min-outside', 'before the object', `${value}\nr1 = *(u8 *)(r0 - 1)`, `${value}\nr1 = *(u8 *)(r0 + 0)`],
  [
    'packet-access',
    'compare data + 2 with data_end',
    `${packet}\nr0 = *(u16 *)(r2 + 0)`,
    `${seen}\nr0 = *(u16 *)(r2 + 0)`,
  ],
  [
    'packet-access',
    'compare data_meta + 4 with data first',
    'r2 = *(u32 *)(r1 + 8)\nr0 = *(u32 *)(r2 + 0)',
    'r2 = *(u32 *)(r1 + 8)\nr3 = *(u32 *)(r1 + 0)\nr4 = r2\nr4 += 4\nif r4 > r3 goto out\nr0 = *(u32 *)(r2 + 0)',
  ],
  [
    'packet-access',
    'bpf_xdp_adjust_head',
    `${seen}\nr0 = *(u16 *)(r2 - 2)`,
    `r6 = r1\nr2 = -2\ncall 44\nr1 = r6\n${seen}\nr0 = *(u16 *)(r2 + 0)`,
  ],
  [
    'packet-access',
    'before the variable',
    `${seen}\nr5 = *(u8 *)(r2 + 0)\nr2 += r5\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 - 2)`,
    `${seen}\nr5 = *(u8 *)(r2 + 0)\nr2 += 4\nr2 += r5\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 - 2)`,
  ],
  [
    'packet-access',
    'compare the very pointer that is read, plus 2',
    `${seen}\nr5 = *(u8 *)(r2 + 0)\nr2 += r5\nr0 = *(u16 *)(r2 + 0)`,
    `${seen}\nr5 = *(u8 *)(r2 + 0)\nr2 += r5\nr4 = r2\nr4 += 2\nif r4 > r3 goto out\nr0 = *(u16 *)(r2 + 0)`,
  ],
  [
    'map-write-forbidden',
    'read-only for programs',
    `${value.replace('hash', 'fixed')}\n*(u32 *)(r0 + 0) = 1`,
    `${value.replace('hash', 'fixed')}\nr1 = *(u32 *)(r0 + 0)`,
  ],
  ['ctx-access', 'readable whole', 'r0 = *(u8 *)(r1 + 12)', 'r0 = *(u32 *)(r1 + 12)'],
  ['ctx-modified', 'constant offsets', 'r1 += 4\nr0 = *(u32 *)(r1 + 0)', 'r0 = *(u32 *)(r1 + 4)'],
  ['stack-out-of-bounds', '512 bytes below', '*(u64 *)(r10 - 520) = 0', '*(u64 *)(r10 - 512) = 0'],
  [
    'stack-unbounded',
    'bound it',
    `${number}\nr2 = r10\nr2 += r6\nr0 = *(u8 *)(r2 - 8)`,
    `${number}\nr6 &= 7\nr6 += -8\nr2 = r10\nr2 += r6\n*(u8 *)(r2 + 0) = 1`,
  ],
  [
    'stack-var-out-of-bounds',
    'bound it',
    `${number}\nr6 &= 15\nr6 += -8\nr2 = r10\nr2 += r6\n*(u8 *)(r2 + 0) = 1`,
    `${number}\nr6 &= 7\nr6 += -8\nr2 = r10\nr2 += r6\n*(u8 *)(r2 + 0) = 1`,
  ],
  [
    'arg-size-zero',
    'at least 1',
    `${number}\nr6 &= 7\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = r6\ncall 6`,
    `${number}\nr6 &= 7\nr6 += 1\n*(u64 *)(r10 - 8) = 0\nr1 = r10\nr1 += -8\nr2 = r6\ncall 6`,
  ],
  [
    'arg-size-unbounded',
    'bound it',
    `${number}\n*(u64 *)(r10 - 8) = 0\nr1 = 0\nr2 = 0\nr3 = r10\nr3 += -8\nr4 = r6\nr5 = 0\ncall 28`,
    `${number}\nr6 &= 4\n*(u64 *)(r10 - 8) = 0\nr1 = 0\nr2 = 0\nr3 = r10\nr3 += -8\nr4 = r6\nr5 = 0\ncall 28`,
  ],
  [
    'offset-out-of-bounds',
    'bound it',
    `${signed}\n${value}\nr0 += r6`,
    `${signed}\nif r6 s< 0 goto out\nif r6 s> 8 goto out\n${value}\nr0 += r6\nr1 = *(u8 *)(r0 + 0)`,
  ],
  [
    'unbounded-access',
    'bound it',
    `call 5\nr6 = r0\nr6 >>= 1\n${value}\nr0 += r6\nr0 = *(u8 *)(r0 + 0)`,
    `call 5\nr6 = r0\nr6 >>= 1\nif r6 > 8 goto out\n${value}\nr0 += r6\nr0 = *(u8 *)(r0 + 0)`,
  ],
  [
    'arg-size-negative',
    'bound it',
    `${signed}\n*(u64 *)(r10 - 8) = 0\nr1 = 0\nr2 = 0\nr3 = r10\nr3 += -8\nr4 = r6\nr5 = 0\ncall 28`,
    `${signed}\nif r6 s< 0 goto out\nif r6 s> 4 goto out\n*(u64 *)(r10 - 8) = 0\nr1 = 0\nr2 = 0\nr3 = r10\nr3 += -8\nr4 = r6\nr5 = 0\ncall 28`,
  ],
  ['stack-too-deep', 'share 512 bytes', deep(300), deep(200)],
  ['tail-call-map', 'PROG_ARRAY', 'r2 = hash ll\nr3 = 0\ncall 12', 'r2 = progs ll\nr3 = 0\ncall 12'],
  ['unreleased-reference', 'release what insn', reserve, `${reserve}\nr1 = r0\nr2 = 0\ncall 133`],
  [
    'infinite-loop',
    'up to a constant',
    'again:\ncall 7\nif r0 != 7 goto again',
    'r6 = 0\nagain:\ncall 7\nr6 += 1\nif r6 > 20 goto out\nif r0 != 7 goto again',
  ],
];

describe('a hint', () => {
  it.each(cases)('for %s: %s', (code, hint, refused, mended) => {
    const [failure] = verifyText(`${refused}${out}`).failures;
    expect(failure?.code).toBe(code);
    expect(failure?.explanation.hint).toContain(hint);
    expect(verifyText(`${mended}${out}`).message).toBeUndefined();
  });

  it('for each message that has one is tried here, in C, or states a fact', () => {
    // In C, in `test/golden/verify` or of a card; what the object has to be made with; and what is so, without advice.
    const elsewhere: readonly MessageCode[] = [
      ...(['map-refused', 'format-string', 'kfunc-arg-null', 'device-refused'] as const),
      ...(['tail-call-no-btf', 'no-func-info', 'helper-gpl', 'kfunc-gpl', 'kfunc-device'] as const),
      ...(['ld-abs', 'kernel-object', 'conn-write', 'call-depth', 'call-chain-depth', 'too-complex'] as const),
      ...(['loop-count', 'callback-return', 'async-return', 'async-scalar', 'dead-callback'] as const),
      ...(['kfunc-arg-dynptr', 'kfunc-arg-pointee', 'dynptr-unacquired'] as const),
    ];
    const tried = new Set<string>([...cases.map(([code]) => code), ...elsewhere]);
    expect(
      Object.entries(messages).flatMap(([code, row]) => ('hint' in row && !tried.has(code) ? [code] : [])),
    ).toEqual([]);
  });
});
