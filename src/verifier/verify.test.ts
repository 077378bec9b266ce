import { describe, expect, it } from 'vitest';
import { verifyText } from './testing.js';

const packet = 'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)';
const lookup = '*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = hash ll\ncall 1';

/** What is refused: the kernel's words, the slot, and the hint where there is one. */
const refused: readonly (readonly [what: string, code: string, message: RegExp, insn: number, hint?: RegExp])[] = [
  ['a register that was never set', 'r0 = r5\nexit', /^R5 !read_ok$/, 0, /not been set/],
  [
    'a write to the frame pointer',
    'r10 = 1\nr0 = 0\nexit',
    /^frame pointer is read only$/,
    0,
    /R10 is the frame pointer/,
  ],
  ['division by a constant zero', 'r0 = 1\nr0 /= 0\nexit', /^div by zero$/, 1],
  ['a shift beyond the width', 'r0 = 1\nr0 <<= 64\nexit', /^invalid shift 64$/, 1],
  ['an instruction that cannot be reached', 'r0 = 0\nexit\nr0 = 1\nexit', /^unreachable insn 2$/, 2],
  [
    'a packet access without a check',
    `${packet}\nr0 = *(u8 *)(r2 + 13)\nexit`,
    /^invalid access to packet, off=13 size=1, R2\(id=0,off=0,r=0\); R2 offset is outside of the packet$/,
    2,
    /^packet range is 0, access needs 14: compare data \+ 14 with data_end first$/,
  ],
  [
    'a packet access beyond what was checked',
    `${packet}\nr4 = r2\nr4 += 14\nif r4 > r3 goto +2\nr0 = *(u32 *)(r2 + 12)\nexit\nr0 = 1\nexit`,
    /^invalid access to packet, off=12 size=4, R2\(id=0,off=0,r=14\)/,
    5,
    /^packet range is 14, access needs 16/,
  ],
  ['arithmetic on data_end', `${packet}\nr3 += 1\nr0 = 0\nexit`, /^R3 pointer arithmetic on pkt_end prohibited$/, 2],
  [
    'a look-up that was not checked',
    `${lookup}\nr0 = *(u32 *)(r0 + 0)\nexit`,
    /^R0 invalid mem access 'map_value_or_null'$/,
    6,
    /NULL/,
  ],
  [
    'a load past the end of a map value',
    `${lookup}\nif r0 == 0 goto +1\nr0 = *(u32 *)(r0 + 16)\nexit`,
    /^invalid access to map value, value_size=16 off=16 size=4; R0 min value is outside/,
    7,
  ],
  [
    'an index into a map value that is not bounded',
    `r6 = *(u32 *)(r1 + 12)\n${lookup}\nif r0 == 0 goto +2\nr0 += r6\nr0 = *(u8 *)(r0 + 0)\nexit`,
    /^R0 unbounded memory access, make sure to bounds check any such access$/,
    9,
    /bound it/,
  ],
  ['a write to the context', '*(u32 *)(r1 + 0) = 1\nr0 = 0\nexit', /^invalid bpf_context access off=0 size=4$/, 0],
  ['a narrow read of the context', 'r0 = *(u16 *)(r1 + 0)\nexit', /^invalid bpf_context access off=0 size=2$/, 0],
  [
    'a moved context pointer',
    'r1 += 4\nr0 = *(u32 *)(r1 + 0)\nexit',
    /^dereference of modified ctx ptr R1 off=4 disallowed$/,
    1,
  ],
  [
    'a store above the stack',
    '*(u64 *)(r10 + 0) = 1\nr0 = 0\nexit',
    /^invalid write to stack R10 off=0 size=8$/,
    0,
    /512 bytes/,
  ],
  [
    'a misaligned stack access',
    '*(u64 *)(r10 - 12) = 1\nr0 = 0\nexit',
    /^misaligned stack access off 0x0\+0\+-12 size 8$/,
    0,
  ],
  [
    'a helper that XDP does not have',
    'r2 = 0\nr3 = 0\nr4 = 0\nr5 = 0\ncall 9\nr0 = 0\nexit',
    /^program of this type cannot use helper bpf_skb_store_bytes#9$/,
    4,
  ],
  ['a helper argument of the wrong type', 'r2 = r10\ncall 1\nexit', /^R1 type=ctx expected=map_ptr$/, 1],
  [
    'a reservation that is not submitted',
    'r1 = ring ll\nr2 = 8\nr3 = 0\ncall 131\nr0 = 0\nexit',
    /^Unreleased reference id=\d+ alloc_insn=4$/,
    6,
    /insn 4/,
  ],
  [
    'a loop that never changes',
    'r0 = 0\nr6 = *(u32 *)(r1 + 12)\nif r6 == 0 goto +1\ngoto -2\nexit',
    /^infinite loop detected at insn 2$/,
    2,
  ],
  ['pointers added up', `${packet}\nr2 += r3\nr0 = 0\nexit`, /^R2 pointer \+= pointer prohibited$/, 2],
  ['32-bit pointer arithmetic', `${packet}\nw2 += 1\nr0 = 0\nexit`, /^R2 32-bit pointer arithmetic prohibited$/, 2],
  [
    'a store into a read-only map',
    '*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\nr1 = fixed ll\ncall 1\nif r0 == 0 goto +1\n*(u32 *)(r0 + 0) = 1\nr0 = 0\nexit',
    /^write into map forbidden, value_size=16 off=0 size=4$/,
    7,
  ],
  [
    'a map that does not go with the helper',
    'r2 = r10\nr1 = progs ll\n*(u32 *)(r10 - 4) = 0\nr2 += -4\ncall 1\nr0 = 0\nexit',
    /^cannot pass map_type 3 into func bpf_map_lookup_elem#1$/,
    5,
  ],
  [
    'a GPL-only helper in a program that is not',
    'r1 = r10\nr1 += -8\nr2 = 8\ncall 6\nr0 = 0\nexit',
    /^cannot call GPL-restricted function from non-GPL compatible program$/,
    3,
    /_license/,
  ],
];

describe('refuses', () => {
  it.each(refused.map(([what, code, message, insn, hint]) => ({ what, code, message, insn, hint })))(
    '$what',
    ({ code, message, insn, hint }) => {
      const license = message.source.includes('GPL') ? 'Proprietary' : 'GPL';
      const result = verifyText(code, { license });
      expect(result.message).toMatch(message);
      expect(result.insn).toBe(insn);
      expect(result.accepted).toBe(false);
      expect(result.errno).toBeLessThan(0);
      expect(result.log).toContain(result.failures[0]?.message.split('; ')[0]);
      if (hint !== undefined) expect(result.failures[0]?.explanation.hint).toMatch(hint);
    },
  );
});

const accepted: readonly (readonly [what: string, code: string])[] = [
  [
    'data compared with data_end in each direction',
    `${packet}\nr4 = r2\nr4 += 2\nr0 = 1\nif r3 < r4 goto +1\nr0 = *(u16 *)(r2 + 0)\nexit`,
  ],
  [
    '`>=` that proves one byte more',
    `${packet}\nr4 = r2\nr4 += 1\nr0 = 1\nif r4 >= r3 goto +1\nr0 = *(u16 *)(r2 + 0)\nexit`,
  ],
  ['a checked look-up', `${lookup}\nif r0 == 0 goto +1\nr0 = *(u32 *)(r0 + 12)\nexit`],
  [
    'a constant index into an array, unchecked',
    '*(u32 *)(r10 - 8) = 3\nr2 = r10\nr2 += -8\nr1 = array ll\ncall 1\nr0 = *(u32 *)(r0 + 0)\nexit',
  ],
  [
    'an index that a mask bounds',
    `r6 = *(u32 *)(r1 + 12)\n${lookup}\nif r0 == 0 goto +3\nr6 &= 15\nr0 += r6\nr0 = *(u8 *)(r0 + 0)\nexit`,
  ],
  [
    'a copy bounded by comparing the original',
    `r6 = *(u32 *)(r1 + 12)\nr7 = r6\n${lookup}\nif r0 == 0 goto +3\nif r6 > 15 goto +2\nr0 += r7\nr0 = *(u8 *)(r0 + 0)\nexit`,
  ],
  [
    'a pointer that was spilled and filled',
    `${packet}\n*(u64 *)(r10 - 8) = r2\nr4 = r2\nr4 += 4\nr0 = 1\nif r4 > r3 goto +2\nr5 = *(u64 *)(r10 - 8)\nr0 = *(u32 *)(r5 + 0)\nexit`,
  ],
  ['a bounded loop', 'r0 = 0\nr0 += 1\nif r0 < 100 goto -2\nexit'],
  [
    'a submitted reservation',
    'r1 = ring ll\nr2 = 8\nr3 = 0\ncall 131\nif r0 == 0 goto +3\nr1 = r0\nr2 = 0\ncall 132\nr0 = 2\nexit',
  ],
];

describe('accepts', () => {
  it.each(accepted)('%s', (_, code) => {
    expect(verifyText(code).message).toBeUndefined();
  });
});

describe('reports', () => {
  it('failures of independent paths with `all`', () => {
    const code = 'r6 = *(u32 *)(r1 + 12)\nif r6 == 0 goto +2\nr0 = r5\nexit\nr0 = r4\nexit';
    expect(verifyText(code).failures.map((failure) => failure.insn)).toEqual([2]);
    expect(verifyText(code, { all: true }).failures.map((failure) => failure.insn)).toEqual([2, 4]);
  });

  it('the instructions that led to a failure and what was known', () => {
    const { explanation } = verifyText(`${packet}\nr4 = r2\nr4 += 2\nr0 = *(u8 *)(r4 + 0)\nexit`).failures[0] ?? {};
    expect(explanation?.known).toEqual(['R4=pkt(off=2,r=0)']);
    expect(explanation?.slice.map((step) => step.insn)).toEqual([0, 2, 3]);
  });

  it('the log in the format of the kernel', () => {
    const { log } = verifyText('r0 = 2\nr1 = *(u32 *)(r1 + 12)\nexit', { logLevel: 2 });
    expect(log.split('\n').slice(1, 5)).toEqual([
      '0: R1=ctx() R10=fp0',
      '0: (b7) r0 = 2                        ; R0=2',
      '1: (61) r1 = *(u32 *)(r1 +12)         ; R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '2: (95) exit',
    ]);
    expect(log).toContain('processed 3 insns (limit 1000000)');
  });
});

describe('facts', () => {
  it('join what all paths bring', () => {
    const { facts } = verifyText('r6 = *(u32 *)(r1 + 12)\nr7 = 1\nif r6 == 0 goto +1\nr7 = 5\nr0 = r7\nexit', {
      facts: true,
    });
    const fact = facts?.insns[4]?.regs[7];
    expect(fact?.kind === 'scalar' && [fact.range.umin, fact.range.umax]).toEqual([1n, 5n]);
  });

  it('tell dead branches, packet ranges and zero-extensions', () => {
    const code = `${packet}\nr4 = r2\nr4 += 8\nr0 = 1\nif r4 > r3 goto +3\nw0 = *(u8 *)(r2 + 0)\nif r0 > 255 goto +1\nw0 += 1\nexit`;
    const { facts } = verifyText(code.replace('w0 = *', 'r0 = *'), { facts: true });
    expect(facts?.insns[7]).toMatchObject({ taken: false, fallThrough: true });
    expect(facts?.insns[6]?.regs[2]).toMatchObject({ kind: 'pointer', to: 'pkt', ahead: 8 });
    expect(facts?.insns[8]?.zeroExtend).toBe(true);
  });
});

describe('facts of numbers that a path tied together', () => {
  it('do not speak for a path on which they are not', () => {
    // One path spills r8 and so ties it to fp-8; the other stores something else there. The comparison teaches of r8 alone.
    const code = [
      'r6 = *(u32 *)(r1 + 12)',
      'r7 = *(u32 *)(r1 + 16)',
      'r8 = r6',
      '*(u64 *)(r10 - 8) = r8',
      'if r7 == 0 goto +2',
      'r8 = 3',
      '*(u64 *)(r10 - 8) = r7',
      'r0 = 0',
      'if r8 >= 16 goto +1',
      'r0 = *(u64 *)(r10 - 8)',
      'exit',
    ].join('\n');
    const { facts } = verifyText(code, { facts: true });
    const slot = facts?.insns[9]?.stack.find(({ off }) => off === -8);
    expect(slot?.value.kind === 'scalar' && slot.value.range.umax).toBe(0xffff_ffffn);
  });
});

describe('facts of a spilled pointer that nobody reads any more', () => {
  const code = `r2 = *(u32 *)(r1 + 0)
r3 = *(u32 *)(r1 + 4)
r4 = r2
r4 += 60
if r4 > r3 goto +3
*(u64 *)(r10 - 8) = r2
r0 = *(u32 *)(r1 + 12)
goto +5
r4 = r2
r4 += 14
if r4 > r3 goto +4
*(u64 *)(r10 - 8) = r2
r0 = *(u32 *)(r1 + 12)
r0 &= 1
exit
r0 = 0
exit`;
  it('do not claim the bytes ahead that one path has for another that has fewer', () => {
    const { facts } = verifyText(code, { facts: true });
    expect(facts?.insns[6]?.stack[0]?.value).toMatchObject({ kind: 'pointer', to: 'pkt', ahead: 60 });
    expect(facts?.insns[14]?.stack).toEqual([]);
  });
});
