import { describe, expect, it } from 'vitest';
import { type Insn, op } from '../isa/index.js';
import { assemble, type ProgramSpec } from '../object/index.js';
import { verifyText } from './testing.js';
import { verify } from './verify.js';

const packet = 'r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)';
const lookup = '*(u32 *)(r10 - 4) = 1\nr2 = r10\nr2 += -4\nr1 = hash ll\ncall 1';

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

/** A function that tail-calls. */
const hop = '.type hop, @function\nhop:\nr2 = progs ll\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit';

/** Calls and jumps that let Linux save states. */
const calls = `call 7\nif r0 > 5 goto +0\n${'r2 = 1\n'.repeat(3)}if r0 > 9 goto +0\n${'r2 = 1\n'.repeat(3)}call 7\n${'r2 = 1\n'.repeat(5)}`;

/**
 * Programs near the edge, most of them found as mutants on which Linux 6.18 said something else; undefined: it loads.
 */
const edge: readonly (readonly [what: string, code: string, message: RegExp | undefined])[] = [
  [
    'forgets the packet where a function may have tail-called',
    `r7 = r1\n${packet}\nr6 = r2\nr4 = r2\nr4 += 2\nr0 = 1\nif r4 > r3 goto +3\nr1 = r7\ncall hop\nr0 = *(u8 *)(r6 + 0)\nexit\n${hop}`,
    /^R6 invalid mem access 'scalar'/,
  ],
  [
    'takes what a function returns that may tail-call for any number',
    `${lookup.replace('hash', 'array')}\nr6 = r0\nr0 = 1\nif r6 == 0 goto +3\nr1 = r9\ncall hop\nr6 += r0\nr0 = *(u8 *)(r6 + 0)\nexit\n${hop}`.replace(
      '*(u32 *)(r10 - 4)',
      'r9 = r1\n*(u32 *)(r10 - 4)',
    ),
    /^math between map_value pointer and register with unbounded/,
  ],
  [
    'follows both ways of a register compared with itself',
    'r6 = *(u32 *)(r1 + 12)\nr0 = 0\nif r6 > r6 goto +1\nexit\nr0 = r9\nexit',
    /^R9 !read_ok/,
  ],
  [
    'knows nothing of a 32-bit quotient, not even that it has 32 bits',
    `r6 = *(u32 *)(r1 + 12)\nw6 /= 3\nr0 = 0\nr7 = 0xffffffff ll\nif r6 <= r7 goto +1\nr0 = r9\nexit`,
    /^R9 !read_ok/,
  ],
  [
    'bounds a negative 32-bit range only where it is not mixed with a positive one',
    'call 7\nr7 = r0\nr7 <<= 32\nr7 s>>= 32\nr0 = 0\nif w7 s> -2 goto +1\nexit\nif r7 s> -2 goto +1\nr0 = r9\nexit',
    /^R9 !read_ok/,
  ],
  [
    'learns of a number that another minus a constant is',
    `call 7\nr6 = r0\nr7 = r6\nr7 -= 4\n${lookup}\nif r0 == 0 goto +4\nif r7 > 8 goto +3\nr0 += r6\nr0 = *(u8 *)(r0 + 0)\nr0 = 0\nr0 = 0\nexit`,
    undefined,
  ],
  [
    'learns of a number that another plus a constant is, in 32 bits',
    `call 7\nr6 = r0\nr6 &= 255\nr7 = r6\nw7 += 4\n${lookup}\nif r0 == 0 goto +4\nif r7 > 19 goto +3\nr0 += r6\nr0 = *(u8 *)(r0 + 0)\nr0 = 0\nr0 = 0\nexit`,
    undefined,
  ],
  [
    'forgets a link that lost the upper half',
    `call 7\nr6 = r0\nr7 = r6\nw7 += 4\n${lookup}\nif r0 == 0 goto +4\nif r7 > 19 goto +3\nr0 += r6\nr0 = *(u8 *)(r0 + 0)\nr0 = 0\nr0 = 0\nexit`,
    /unbounded min value/,
  ],
  [
    'refuses a linked number far from its others as an offset',
    `${lookup}\nif r0 == 0 goto +6\nr6 = *(u8 *)(r0 + 0)\nr6 += 0x7fffffc0\nw6 = w6\nr7 = r6\nr6 -= 0x7fffffc0\nr0 += r6\nr0 = 0\nexit`,
    /^map_value pointer offset -2147483584 is not allowed/,
  ],
  [
    'loses slices of a dynptr with it',
    `${lookup}\nif r0 == 0 goto +19\nr1 = r0\nr2 = 16\nr3 = 0\nr4 = r10\nr4 += -24\ncall 197\nr1 = r10\nr1 += -24\nr2 = 0\nr3 = 8\ncall 203\nif r0 == 0 goto +3\n*(u64 *)(r10 - 24) = 0\nr0 = *(u8 *)(r0 + 0)\nr0 = 0\nr0 = 0\nr0 = 0\nr0 = 0\nr0 = 0\nexit`,
    /^R0 invalid mem access 'scalar'/,
  ],
  [
    'knows the one number that a range and known bits have in common',
    'r1 = *(u32 *)(r1 + 12)\nr1 &= 0xf8\nr1 |= 4\nr0 = 2\nif r1 < 5 goto +3\nif r1 > 13 goto +2\nif r1 == 12 goto +1\nr10 = 0\nexit',
    undefined,
  ],
  [
    'keeps the bits of a number on a way that cannot be taken',
    'r1 = *(u32 *)(r1 + 12)\nw1 &= 0xff8\nw1 |= 4\nw1 <<= 24\nw1 s>>= 24\nr0 = 2\nif w1 s> 7 goto +6\nif w1 s> 4 goto +1\ngoto +4\nif w1 == 5 goto +1\ngoto +2\nr4 = r10\nr4 |= r1\nexit',
    undefined,
  ],
  [
    'knows the sign of a number whose signed and unsigned 32-bit ranges meet on one side of zero',
    'call 7\nw0 &= -1\nif w0 < 3 goto +3\nif w0 s> 1 goto +2\nif w0 s< 0 goto +1\nr10 = 0\nr0 = 2\nexit',
    undefined,
  ],
  [
    'refuses to release through a copy that arithmetic made',
    'r1 = ring ll\nr2 = 16\nr3 = 0\ncall 131\nr0 = r0\nif r0 == 0 goto +4\nr1 = 0\nr1 += r0\nr2 = 0\ncall 132\nr0 = 2\nexit',
    /^R1 must be referenced when passed to release function/,
  ],
  [
    'lets such a copy live on when the original is released',
    'r1 = ring ll\nr2 = 16\nr3 = 0\ncall 131\nif r0 == 0 goto +6\nr6 = 0\nr6 += r0\nr1 = r0\nr2 = 0\ncall 132\n*(u64 *)(r6 + 0) = 1\nr0 = 2\nexit',
    undefined,
  ],
  [
    'sees a loop that only writes below what its start had touched',
    'r6 = r1\nr7 = *(u32 *)(r6 + 12)\nr0 = *(u32 *)(r6 + 16)\nr0 = 0\n*(u64 *)(r10 - 8) = 0\nif r7 > 5 goto +2\nr0 = 2\nexit\n*(u64 *)(r10 - 16) = 0\ngoto -5',
    /^infinite loop detected/,
  ],
  [
    'forgets what lies ahead of a packet pointer that moves by a number',
    `${packet}\nr6 = *(u32 *)(r1 + 12)\nr6 &= 7\nr4 = r2\nr4 += 8\nr0 = 1\nif r4 > r3 goto +2\nr2 += r6\nr0 = *(u8 *)(r2 + 0)\nexit`,
    /^invalid access to packet, off=0 size=1, R2\(id=1,off=0,r=0\)/,
  ],
  [
    'lets a program read the first field of a socket',
    '*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr2 = r10\nr2 += -16\nr3 = 12\nr4 = -1\nr5 = 0\ncall 84\nif r0 == 0 goto +3\nr7 = *(u32 *)(r0 + 0)\nr1 = r0\ncall 86\nr0 = 2\nexit',
    undefined,
  ],
  [
    'refuses a jump behind the first half of a 64-bit constant that other paths load',
    'r0 = 0\nr6 = *(u32 *)(r1 + 12)\nif r6 != 0 goto +3\nr1 = 1 ll\nexit\ngoto -3\nexit',
    /^jump into the middle of ldimm64 insn 3/,
  ],
  [
    'wants an iterator on the stack',
    '.extern bpf_iter_num_new\nr2 = 0\nr3 = 3\ncall bpf_iter_num_new\nr0 = 0\nexit',
    /^arg#0 expected pointer to an iterator on stack/,
  ],
  [
    'sees a loop that reads and writes the same again',
    'r6 = r1\nr0 = *(u32 *)(r6 + 12)\nr7 = 1\ngoto -3',
    /^infinite loop detected/,
  ],
  [
    'keeps paths apart in a function by what its caller reads behind the call',
    `r6 = *(u32 *)(r1 + 12)\nr7 = 5\nif r6 == 0 goto +1\nr7 = 0\nr1 = r6\n*(u64 *)(r10 - 8) = r7\ncall f\nr1 = *(u64 *)(r10 - 8)\nr0 = 0\nif r1 == 0 goto +1\nr0 = r9\nexit\n.type f, @function\nf:\n${'r2 = 1\n'.repeat(8)}if r1 == 1 goto +0\nif r1 == 2 goto +0\nif r1 == 3 goto +0\nr0 = 0\nexit`,
    /^R9 !read_ok/,
  ],
  [
    'sees that a path holds what an earlier one did not',
    `r6 = *(u32 *)(r1 + 12)\n${'r2 = 1\n'.repeat(8)}if r6 == 1 goto +0\nif r6 == 2 goto +0\nif r6 == 0 goto +4\nr0 = 0\nif r6 == 3 goto +0\nr0 = 2\nexit\nr1 = ring ll\nr2 = 8\nr3 = 0\ncall 131\nr0 = 0\ngoto -9`,
    /^Unreleased reference/,
  ],
  [
    'keeps paths apart by what a caller reads far down its frame',
    `r6 = *(u32 *)(r1 + 12)\nr7 = 5\nif r6 == 0 goto +1\nr7 = 0\nr1 = r6\n*(u64 *)(r10 - 400) = r7\ncall f\nr1 = *(u64 *)(r10 - 400)\nr0 = 0\nif r1 == 0 goto +1\nr0 = r9\nexit\n.type f, @function\nf:\n${'r2 = 1\n'.repeat(8)}if r1 == 1 goto +0\nif r1 == 2 goto +0\nif r1 == 3 goto +0\nr0 = 0\nexit`,
    /^R9 !read_ok/,
  ],
  [
    'wants a look-up in a hash checked, also of a key that an array of its size would have',
    `${lookup}\nr0 = *(u32 *)(r0 + 0)\nexit`,
    /^R0 invalid mem access 'map_value_or_null'/,
  ],
  [
    'wants the element of another CPU checked, though the key is one that the array has',
    `${lookup.replace('hash', 'each').replace('call 1', 'r3 = 0\ncall 195')}\nr0 = *(u32 *)(r0 + 0)\nexit`,
    /^R0 invalid mem access 'map_value_or_null'/,
  ],
  [
    'knows of a copy what a comparison taught the register on its right',
    `r6 = *(u32 *)(r1 + 12)\nr7 = r6\nr8 = 12\n${lookup.replace('hash', 'array')}\nif r0 == 0 goto +3\nif r8 < r6 goto +2\nr0 += r7\nr0 = *(u8 *)(r0 + 0)\nr0 = 0\nexit`,
    undefined,
  ],
  [
    'adds up the frames of a chain of calls',
    '*(u64 *)(r10 - 304) = 1\ncall f\nexit\n.type f, @function\nf:\n*(u64 *)(r10 - 304) = 1\nr0 = 0\nexit',
    /^combined stack size of 2 calls is 608. Too large/,
  ],
  [
    'forgets what lay where an element of a queue is put',
    '*(u64 *)(r10 - 8) = 0\nr1 = queue ll\nr2 = r10\nr2 += -8\ncall 88\nr0 = 0\nr1 = *(u64 *)(r10 - 8)\nif r1 == 0 goto +1\nr0 = r9\nexit',
    /^R9 !read_ok/,
  ],
  [
    'knows that a Bloom filter leaves the value that it is asked about as it is',
    '*(u64 *)(r10 - 8) = 0\nr1 = bloom ll\nr2 = r10\nr2 += -8\ncall 89\nr0 = 0\nr1 = *(u64 *)(r10 - 8)\nif r1 == 0 goto +1\nr0 = r9\nexit',
    undefined,
  ],
  [
    'sees at the end of a path what it holds, though all that is read was the same on another one',
    `r6 = *(u32 *)(r1 + 12)\nif r6 == 0 goto +18\nr6 = 0\n${calls}r0 = 0\nexit\nr1 = ring ll\nr2 = 8\nr3 = 0\ncall 131\nr6 = 0\nr0 = 0\ngoto -25`,
    /^Unreleased reference/,
  ],
  [
    'keeps paths into a loop apart by what is read behind it',
    `r6 = *(u32 *)(r1 + 12)\n*(u64 *)(r10 - 8) = r10\nif r6 == 0 goto number\nboth: r6 = 0\nr7 = 0\nround: r7 += 1\n${'r2 = 1\n'.repeat(3)}if r7 < 6 goto round\nr1 = *(u64 *)(r10 - 8)\nr0 = *(u64 *)(r1 - 8)\nr0 = 2\nexit\nnumber: *(u64 *)(r10 - 8) = 5\ngoto both`,
    /^R1 invalid mem access 'scalar'/,
  ],
  ['refuses an opcode that only 32-bit swaps have', '.quad 0x00000010000000df\nr0 = 0\nexit', /^unknown opcode df/],
];

describe('as Linux', () => {
  it.each(edge)('%s', (_, code, message) => {
    const result = verifyText(code);
    if (message === undefined) expect(result.message).toBeUndefined();
    else expect(result.message).toMatch(message);
  });
});

/** What is known of comparisons of a number from 4 to 7, whatever width and sign: always so, never, or neither. */
const decided = {
  always: ['!= 3', '!= 8', '> 3', '>= 4', '< 8', '<= 7', '& 4', '& 12'],
  never: ['== 3', '== 8', '> 7', '>= 8', '< 4', '<= 3', '& 8'],
  neither: ['== 4', '== 7', '!= 4', '> 4', '> 6', '>= 5', '>= 7', '< 5', '< 7', '<= 4', '<= 6', '& 3'],
} as const;

describe('a comparison', () => {
  const cases = Object.entries(decided).flatMap(([holds, all]) =>
    all.map((comparison) => [comparison, holds] as const),
  );

  it.each(cases)('r6 %s, of a number from 4 to 7: %s', (comparison, holds) => {
    const signs = /[<>]/.test(comparison) ? ['', 's'] : [''];
    for (const register of ['r6', 'w6'])
      for (const sign of signs)
        for (const other of ['', 'r7']) {
          const [operator = '', number = ''] = comparison.split(' ');
          const against = other === '' ? number : other.replace('r', register.slice(0, 1));
          const start = `r6 = *(u32 *)(r1 + 12)\nr6 &= 3\nr6 += 4\nr7 = ${number}\nr0 = 0\n`;
          // A way that is not gone may read what nobody wrote.
          const says = (ways: string): boolean =>
            verifyText(`${start}if ${register} ${sign}${operator} ${against} goto taken\n${ways}`).message ===
            undefined;
          const [never, always] = [says('exit\ntaken: r0 = r9\nexit'), says('r0 = r9\ntaken: exit')];
          expect([never, always], `${register} ${sign}${operator} ${against}`).toEqual([
            holds === 'never',
            holds === 'always',
          ]);
        }
  });
});

/** Instructions that Linux 6.18 checks of each: where it compares states, and which it takes for the same. */
const counts: readonly (readonly [what: string, code: string, insns: number, states: number])[] = [
  ['both ways out of a function that tail-calls', `call hop\nr0 += 1\nr0 &= 1\nexit\n${hop}`, 12, 1],
  [
    'behind a call of a helper',
    `call 7\nif r0 > 5 goto +0\n${'r2 = 1\n'.repeat(3)}if r0 > 9 goto +0\n${'r2 = 1\n'.repeat(3)}call 7\n${'r2 = 1\n'.repeat(5)}r0 = 2\nexit`,
    27,
    2,
  ],
  [
    'where a tail call goes past its table, whatever the index',
    `r9 = r1\nr6 = *(u32 *)(r1 + 12)\nr7 = 5\nif r6 == 0 goto +1\nr7 = 4\nr6 = 0\n${calls}r1 = r9\nr3 = r7\nr2 = progs ll\ncall 12\nr0 = 0\nexit`,
    44,
    4,
  ],
  [
    'with a spilled number that nobody else holds',
    `r6 = r1\ncall 7\n*(u64 *)(r10 - 8) = r0\nr0 = 0\ncall 7\nif r0 > 5 goto +0\n${'r2 = 1\n'.repeat(3)}call 7\nif r0 > 5 goto +0\n${'r2 = 1\n'.repeat(3)}if r0 > 5 goto +0\nr3 = *(u64 *)(r10 - 8)\nr3 &= 7\nr0 = 2\nexit`,
    32,
    3,
  ],
];

describe('checks as many instructions as Linux', () => {
  it.each(counts)('%s', (_, code, insns, states) => {
    const { stats } = verifyText(code);
    expect([stats.insns, stats.totalStates]).toEqual([insns, states]);
  });
});

describe('reports', () => {
  it('failures of independent paths with `all`', () => {
    const code = 'r6 = *(u32 *)(r1 + 12)\nif r6 == 0 goto +2\nr0 = r5\nexit\nr0 = r4\nexit';
    expect(verifyText(code).failures.map((failure) => failure.insn)).toEqual([2]);
    expect(verifyText(code, { all: true }).failures.map((failure) => failure.insn)).toEqual([2, 4]);
  });

  it('the constant that a jump breaks in two, whether the jump lies before or behind it', () => {
    const behind = verifyText('r0 = 0\nr1 = 1 ll\nif r0 == 5 goto -2\nexit');
    const before = verifyText('r0 = 0\nif r0 == 5 goto +1\nr1 = 1 ll\nexit');
    expect([behind.insn, behind.message]).toEqual([1, 'jump into the middle of ldimm64 insn 1']);
    expect([before.insn, before.message]).toEqual([2, 'jump into the middle of ldimm64 insn 2']);
  });

  it('the instructions that led to a failure and what was known', () => {
    const { explanation } = verifyText(`${packet}\nr4 = r2\nr4 += 2\nr0 = *(u8 *)(r4 + 0)\nexit`).failures[0] ?? {};
    expect(explanation?.known).toEqual(['R4=pkt(off=2,r=0)']);
    expect(explanation?.slice.map((step) => step.insn)).toEqual([0, 2, 3]);
  });

  it('what to do where a call may have moved the packet', () => {
    const code = `r6 = r1\n${packet}\nr4 = r2\nr4 += 14\nif r4 > r3 goto +4\nr7 = r2\nr1 = r6\nr2 = 0\ncall 44\nr0 = *(u8 *)(r7 + 0)\nexit`;
    expect(verifyText(code).failures[0]?.explanation.hint).toMatch(/^insn 9 \(call .*44\) may have moved the packet/);
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

describe('the log', () => {
  it('of a refusal alone has the instruction and the reason, and is empty where nobody wants one', () => {
    const logOf = (logLevel: 0 | 1): string => verifyText('r0 = r9\nexit', { logLevel }).log;
    expect(logOf(1).split('\n').slice(0, 3)).toEqual(['func#0 @0', '0: (bf) r0 = r9', 'R9 !read_ok']);
    expect(logOf(0)).toBe('');
  });

  it('has as much of a map’s name as Linux keeps', () => {
    const { log } = verifyText('r1 = of_a_name_too_long ll\nr0 = 0\nexit', { logLevel: 2 });
    expect(log).toContain('R1=map_ptr(map=of_a_name_too_l,ks=4,vs=4)');
  });
});

describe('facts', () => {
  it('of a pointer on one path and zero on another say that it may be null, whichever comes first', () => {
    for (const [first, second] of [
      ['r7 = 0', 'r7 = r10'],
      ['r7 = r10', 'r7 = 0'],
    ]) {
      const code = `r6 = *(u32 *)(r1 + 12)\n${first}\nif r6 == 0 goto +1\n${second}\nr0 = 0\nif r7 == 0 goto +0\nexit`;
      const { facts } = verifyText(code, { facts: true });
      expect(facts?.insns[5]?.regs[7]).toMatchObject({ kind: 'pointer', to: 'fp', nullable: true });
    }
  });

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

describe('functions without types', () => {
  it('may not tail-call, wherever they begin', () => {
    const [program] = assemble('.license "GPL"\n.section xdp\n.globl p\np:\nexit\n').programs;
    const call = (src: number, imm: number): Insn => ({ code: op.CALL_OP, dst: 0, src, off: 0, imm });
    const exit: Insn = { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 };
    // One at 1 that tail-calls, and one at 3 that calls it.
    const insns = [exit, call(0, 12), exit, call(1, -3), exit];
    const { message } = verify({ ...(program as ProgramSpec), insns, functions: [] }, [], { license: 'GPL' });
    expect(message).toMatch(/tail_call/);
  });
});

describe('a verdict', () => {
  /** Ten bits of the packet are counted into r7: paths that differ in numbers that nothing depends on. */
  const branches = Array.from({ length: 10 }, (_, i) => `if r6 & ${1 << i} goto +1\nr7 += ${1 << i}`).join('\n');
  const start = 'r6 = *(u32 *)(r1 + 12)\nr7 = 0';

  it('takes the steps that Linux takes, whether facts are asked for or not', () => {
    const code = `${start}\n${branches}\nr0 = 0\nexit`;
    const plain = verifyText(code);
    const withFacts = verifyText(code, { facts: true });
    expect(withFacts.stats).toEqual(plain.stats);
    expect(withFacts.facts?.insns.every(({ reached }) => reached)).toBe(true);
  });

  it('is 0 or the number of an error', () => {
    expect(['r0 = 0\nexit', 'r0 = r9\nexit'].map((code) => verifyText(code).errno)).toEqual([0, -13]);
  });

  it('of refusal comes without facts, though the fault lies behind all of them', () => {
    const { accepted, facts, insn } = verifyText(`${start}\n${branches}\nr0 = r9\nexit`, { facts: true });
    expect([accepted, facts, insn]).toEqual([false, undefined, 22]);
  });
});

describe('facts of numbers that a path tied together', () => {
  it('do not speak for a path on which they are not', () => {
    // One path spills r8 and so ties it to fp-8; the other stores something else there. The comparison teaches of r8
    // alone.
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
