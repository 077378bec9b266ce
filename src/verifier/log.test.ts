/**
 * Logs of level 2 as Linux 6.18.44 wrote them, but for what only it writes (times, how precision is followed back).
 */
import { describe, expect, it } from 'vitest';
import { verifyText } from './testing.js';

const recorded: readonly (readonly [what: string, code: readonly string[], log: readonly string[]])[] = [
  [
    'what a check relied on: the state stands on a line of its own',
    ['r2 = 5', 'if r2 == 5 goto +1', 'r0 = 7', 'r3 = r10', 'r4 = -8', 'r3 += r4', 'r0 = 2', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (b7) r2 = 5                        ; R2=5',
      '1: (15) if r2 == 0x5 goto pc+1',
      '1: R2=5',
      '3: (bf) r3 = r10                      ; R3=fp0 R10=fp0',
      '4: (b7) r4 = -8                       ; R4=-8',
      '5: (0f) r3 += r4',
      '6: R3=fp-8 R4=-8',
      '6: (b7) r0 = 2                        ; R0=2',
      '7: (95) exit',
    ],
  ],
  [
    'a slot that a load touches',
    ['r6 = *(u32 *)(r1 + 12)', '*(u64 *)(r10 - 16) = r6', 'r2 = *(u64 *)(r10 - 16)', 'r0 = 2', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r6 = *(u32 *)(r1 +12)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '1: (7b) *(u64 *)(r10 -16) = r6        ; R6=scalar(id=1,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0 fp-16=scalar(id=1,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '2: (79) r2 = *(u64 *)(r10 -16)        ; R2=scalar(id=1,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0 fp-16=scalar(id=1,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '3: (b7) r0 = 2                        ; R0=2',
      '4: (95) exit',
    ],
  ],
  [
    'the other way of a branch, and all of its state again',
    ['r6 = *(u32 *)(r1 + 12)', 'r0 = 1', 'if r6 > 7 goto +1', 'r0 = r6', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r6 = *(u32 *)(r1 +12)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '1: (b7) r0 = 1                        ; R0=1',
      '2: (25) if r6 > 0x7 goto pc+1         ; R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))',
      '3: (bf) r0 = r6                       ; R0=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7)) R6=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))',
      '4: (95) exit',
      'from 2 to 4: R0=1 R1=ctx() R6=scalar(smin=umin=umin32=8,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0',
      '4: R0=1 R1=ctx() R6=scalar(smin=umin=umin32=8,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0',
      '4: (95) exit',
    ],
  ],
  [
    'a call and its return',
    ['r1 = 7', 'call fn', 'r6 = r0', 'exit', '.type fn, @function', 'fn:', 'r0 = r1', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (b7) r1 = 7                        ; R1=7',
      '1: (85) call pc+2',
      'caller:',
      ' R10=fp0',
      'callee:',
      ' frame1: R1=7 R10=fp0',
      '4: frame1: R1=7 R10=fp0',
      '4: (bf) r0 = r1                       ; frame1: R0=7 R1=7',
      '5: (95) exit',
      'returning from callee:',
      ' frame1: R0=7 R1=7 R10=fp0',
      'to caller at 2:',
      ' R0=7 R10=fp0',
      'from 5 to 2: R0=7 R10=fp0',
      '2: (bf) r6 = r0                       ; R0=7 R6=7',
      '3: (95) exit',
    ],
  ],
  [
    'a loop, entered and left',
    ['r0 = 0', 'r0 += 1', 'if r0 < 3 goto -2', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (b7) r0 = 0                        ; R0=0',
      '1: (07) r0 += 1                       ; R0=1',
      '2: (a5) if r0 < 0x3 goto pc-2',
      '2: R0=1',
      '1: (07) r0 += 1                       ; R0=2',
      '2: (a5) if r0 < 0x3 goto pc-2',
      '2: R0=2',
      '1: (07) r0 += 1                       ; R0=3',
      '2: (a5) if r0 < 0x3 goto pc-2',
      '2: R0=3',
      '3: (95) exit',
    ],
  ],
  [
    'a loop without end, and the two states',
    ['r6 = *(u32 *)(r1 + 12)', 'r0 = 0', 'if r6 == 0 goto -1', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r6 = *(u32 *)(r1 +12)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '1: (b7) r0 = 0                        ; R0=0',
      '2: (15) if r6 == 0x0 goto pc-1        ; R6=scalar(smin=umin=umin32=1,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '3: (95) exit',
      'from 2 to 2: R0=0 R1=ctx() R6=0 R10=fp0',
      '2: R0=0 R1=ctx() R6=0 R10=fp0',
      '2: (15) if r6 == 0x0 goto pc-1',
      '2: R6=0',
      '2: (15) if r6 == 0x0 goto pc-1',
      '2: R6=0',
      '2: (15) if r6 == 0x0 goto pc-1',
      '2: R6=0',
      'SCC enter (1)',
      '2: (15) if r6 == 0x0 goto pc-1',
      '2: R6=0',
      'infinite loop detected at insn 2',
      'cur state: R0=0 R1=ctx() R6=0 R10=fp0',
      'old state: R0=0 R1=ctx() R6=P0 R10=fp0',
    ],
  ],
  [
    'what is held',
    [
      'r1 = ring ll',
      'r2 = 8',
      'r3 = 0',
      'call 131',
      'if r0 == 0 goto +3',
      'r1 = r0',
      'r2 = 0',
      'call 132',
      'r0 = 2',
      'exit',
    ],
    [
      '0: R1=ctx() R10=fp0',
      '0: (18) r1 = 0xffff8881f6186600       ; R1=map_ptr(map=ring,ks=0,vs=0)',
      '2: (b7) r2 = 8                        ; R2=8',
      '3: (b7) r3 = 0                        ; R3=0',
      '4: (85) call bpf_ringbuf_reserve#131',
      '5: R0=ringbuf_mem_or_null(id=2,ref_obj_id=2,sz=8) refs=2',
      '5: (15) if r0 == 0x0 goto pc+3        ; R0=ringbuf_mem(ref_obj_id=2,sz=8) refs=2',
      '6: (bf) r1 = r0                       ; R0=ringbuf_mem(ref_obj_id=2,sz=8) R1=ringbuf_mem(ref_obj_id=2,sz=8) refs=2',
      '7: (b7) r2 = 0                        ; R2=0 refs=2',
      '8: (85) call bpf_ringbuf_submit#132   ;',
      '9: (b7) r0 = 2                        ; R0=2',
      '10: (95) exit',
      'from 5 to 9: safe',
    ],
  ],
  [
    'small numbers in decimal, others in hexadecimal; equal bounds joined',
    ['r6 = *(u32 *)(r1 + 12)', 'r7 = r6', 'r7 <<= 32', 'r7 s>>= 40', 'r6 &= 0xffff', 'r0 = 0x8000', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r6 = *(u32 *)(r1 +12)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '1: (bf) r7 = r6                       ; R6=scalar(id=1,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R7=scalar(id=1,smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '2: (67) r7 <<= 32                     ; R7=scalar(smax=0x7fffffff00000000,umax=0xffffffff00000000,smin32=0,smax32=umax32=0,var_off=(0x0; 0xffffffff00000000))',
      '3: (c7) r7 s>>= 40                    ; R7=scalar(smin=0xffffffffff800000,smax=smax32=0x7fffff,smin32=0xff800000)',
      '4: (57) r6 &= 65535                   ; R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=0xffff,var_off=(0x0; 0xffff))',
      '5: (b7) r0 = 32768                    ; R0=0x8000',
      '6: (95) exit',
    ],
  ],
  [
    'a pointer past the end of the packet',
    ['r2 = *(u32 *)(r1 + 0)', 'r3 = *(u32 *)(r1 + 4)', 'r2 += 14', 'r0 = 1', 'if r2 > r3 goto +1', 'r0 = 2', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r2 = *(u32 *)(r1 +0)          ; R1=ctx() R2=pkt(r=0)',
      '1: (61) r3 = *(u32 *)(r1 +4)          ; R1=ctx() R3=pkt_end()',
      '2: (07) r2 += 14                      ; R2=pkt(off=14,r=0)',
      '3: (b7) r0 = 1                        ; R0=1',
      '4: (2d) if r2 > r3 goto pc+1          ; R2=pkt(off=14,r=14) R3=pkt_end()',
      '5: (b7) r0 = 2                        ; R0=2',
      '6: (95) exit',
      'from 4 to 6: R0=1 R1=ctx() R2=pkt(off=14,r=0xfffffffffffffffe) R3=pkt_end() R10=fp0',
      '6: R0=1 R1=ctx() R2=pkt(off=14,r=0xfffffffffffffffe) R3=pkt_end() R10=fp0',
      '6: (95) exit',
    ],
  ],
  [
    'a sign extension that changes nothing forgets bits',
    ['r6 = *(u32 *)(r1 + 12)', 'r6 &= 5', 'r0 = (s16)r6', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r6 = *(u32 *)(r1 +12)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '1: (57) r6 &= 5                       ; R6=scalar(smin=smin32=0,smax=umax=smax32=umax32=5,var_off=(0x0; 0x5))',
      '2: (bf) r0 = (s16)r6                  ; R0=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=5,var_off=(0x0; 0x7)) R6=scalar(id=1,smin=smin32=0,smax=umax=smax32=umax32=5,var_off=(0x0; 0x5))',
      '3: (95) exit',
    ],
  ],
  [
    'a test of bits that fails forgets the range',
    ['r6 = *(u32 *)(r1 + 12)', 'w0 = (s8)w6', 'if w0 & 0xfa6d goto +1', 'r0 = 0', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r6 = *(u32 *)(r1 +12)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '1: (bc) w0 = (s8)w6                   ; R0=scalar(smin=0,smax=umax=0xffffffff,smin32=-128,smax32=127,var_off=(0x0; 0xffffffff)) R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '2: (46) if w0 & 0xfa6d goto pc+1      ; R0=scalar(smin=0,smax=umax=umax32=0xffff0592,smax32=0x7fff0592,var_off=(0x0; 0xffff0592))',
      '3: (b7) r0 = 0                        ; R0=0',
      '4: (95) exit',
      'from 2 to 4: R0=scalar(smin=0,smax=umax=0xffffffff,smin32=-128,smax32=127,var_off=(0x0; 0xffffffff)) R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0',
      '4: R0=scalar(smin=0,smax=umax=0xffffffff,smin32=-128,smax32=127,var_off=(0x0; 0xffffffff)) R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0',
      '4: (95) exit',
    ],
  ],
  [
    'a conversion to the order that the host has changes nothing',
    ['r6 = *(u32 *)(r1 + 12)', 'r0 = (s16)r6', 'r0 = le64 r0', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r6 = *(u32 *)(r1 +12)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '1: (bf) r0 = (s16)r6                  ; R0=scalar(smin=smin32=-32768,smax=smax32=32767) R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '2: (d4) r0 = le64 r0                  ; R0=scalar(smin=smin32=-32768,smax=smax32=32767)',
      '3: (95) exit',
    ],
  ],
  [
    'zeros of a slot that began with a spill are forgotten with it',
    [
      'r6 = *(u32 *)(r1 + 12)',
      '*(u32 *)(r10 - 4) = 0',
      '*(u8 *)(r10 - 8) = r6',
      '*(u8 *)(r10 - 7) = r6',
      'r0 = 2',
      'exit',
    ],
    [
      '0: R1=ctx() R10=fp0',
      '0: (61) r6 = *(u32 *)(r1 +12)         ; R1=ctx() R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '1: (62) *(u32 *)(r10 -4) = 0          ; R10=fp0 fp-8=0000????',
      '2: (73) *(u8 *)(r10 -8) = r6          ; R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0 fp-8=0000???scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))',
      '3: (73) *(u8 *)(r10 -7) = r6          ; R6=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R10=fp0 fp-8=mmmm??mm',
      '4: (b7) r0 = 2                        ; R0=2',
      '5: (95) exit',
    ],
  ],
  [
    'a number that is stored in part keeps what is known of the whole',
    ['r6 = 5', 'r6 <<= 33', '*(u32 *)(r10 - 8) = r6', 'r0 = *(u32 *)(r10 - 8)', 'exit'],
    [
      '0: R1=ctx() R10=fp0',
      '0: (b7) r6 = 5                        ; R6=5',
      '1: (67) r6 <<= 33                     ; R6=0xa00000000',
      '2: (63) *(u32 *)(r10 -8) = r6         ; R6=0xa00000000 R10=fp0 fp-8=????0xa00000000',
      '3: (61) r0 = *(u32 *)(r10 -8)         ; R0=0 R10=fp0 fp-8=????0xa00000000',
      '4: (95) exit',
    ],
  ],
];

/** Ids and addresses are another one's in each; listings of functions and the summary stand in verify.test.ts. */
function comparable(lines: readonly string[]): string[] {
  return lines
    .filter((line) => line !== '' && !/^(?:func#|processed)/.test(line))
    .map((line) =>
      line
        .replace(/(id|refs)=\d+/g, '$1=N')
        .replace(/0xffff[0-9a-f]{12}(?= )|map\[\w+\]/, 'ADDRESS')
        .replace(/ +(?=;)/, ' ')
        .trimEnd(),
    );
}

describe('the log has, as Linux has it,', () => {
  it.each(recorded)('%s', (_, code, log) => {
    const ours = verifyText(code.join('\n'), { logLevel: 2 }).log.split('\n');
    expect(comparable(ours)).toEqual(comparable(log));
  });

  it('the state behind an instruction that is longer than the column', () => {
    const { log } = verifyText(
      'r1 = 272\n*(u64 *)(r10 - 8) = r1\nr1 = atomic_fetch_and((u64 *)(r10 - 8), r1)\nr0 = 2\nexit',
      {
        logLevel: 2,
      },
    );
    expect(log).toContain(
      '\n2: (db) r1 = atomic64_fetch_and((u64 *)(r10 -8), r1)          ; R1=272 R10=fp0 fp-8=mmmmmmmm\n',
    );
  });
});
