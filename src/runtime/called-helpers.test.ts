/** Traces that call helpers which read and fill the stack: what they were given and what they answered is followed. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { Session } from './index.js';

/** Two bytes of the packet lie at r10 - 8, as text. */
const prologue = `
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r2 = r6
  r2 += 14
  if r2 > r7 goto pass
  r3 = *(u16 *)(r6 + 12)
  *(u64 *)(r10 - 8) = 0
  *(u16 *)(r10 - 8) = r3
`;
const epilogue = `
pass:
  r0 = 2
  exit
`;

/**
 * Runs a packet for each text with the plain interpreter beside; verdicts, how many packets were recorded, and how
 * wide the first trace's loads from the stack are.
 */
function run(
  body: string,
  texts: readonly string[],
  data = '',
): { readonly verdicts: readonly number[]; readonly misses: number; readonly loads: readonly number[] } {
  const object = assemble(`${data}.section xdp\n${prologue}${body}${epilogue}`);
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const session = new Session(object, program, { check: true });
  const verdicts = texts.map((text) => {
    const bytes = new Uint8Array(14);
    bytes.set([text.charCodeAt(0), text.charCodeAt(1)], 12);
    return session.run({ data: bytes, time: 0n }).verdict;
  });
  expect(session.finish()).toBeUndefined();
  const loads = session.runtime.traces[0]?.trace?.code.values.flatMap(({ op, detail }) =>
    op === 'load' && detail?.kind === 'memory' && detail.space === 'stack' ? [detail.size] : [],
  );
  return { verdicts, misses: session.runtime.misses, loads: loads ?? [] };
}

describe('a trace that calls a helper with memory', () => {
  it('follows the number that bpf_strtol read out of text', () => {
    const body = `
      r1 = r10
      r1 += -8
      r2 = 8
      r3 = 10
      r4 = r10
      r4 += -16
      call bpf_strtol
      if r0 s< 0 goto pass
      r1 = *(u64 *)(r10 - 16)
      if r1 > 20 goto pass
      r0 = 1
      exit
    `;
    const { verdicts, misses, loads } = run(body, ['12', '07', '20', '21', '99', 'xy', '13', '42']);
    expect(loads).toEqual([8]);
    expect(verdicts).toEqual([1, 1, 1, 2, 2, 2, 1, 2]);
    // One recording for each way that packets take: read and small, read and large, not a number.
    expect(misses).toBe(3);
  });

  it('follows bytes of the packet to a place on the stack that hangs on the packet', () => {
    const body = `
      r3 = *(u8 *)(r10 - 8)
      r3 &= 8
      *(u64 *)(r10 - 32) = 0
      *(u64 *)(r10 - 24) = 0
      r5 = r10
      r5 += -32
      r5 += r3
      r2 = 12
      r3 = r5
      r4 = 2
      call bpf_xdp_load_bytes
      r1 = *(u8 *)(r10 - 24)
      if r1 == 0 goto pass
      r0 = 1
      exit
    `;
    expect(run(body, ['a0', 'h0', 'b1', 'i1', 'a2', 'h2']).verdicts).toEqual([2, 1, 2, 1, 2, 1]);
  });

  it.each([
    ['the packet', 'r4 = *(u8 *)(r6 + 12)'],
    ['the program’s data', 'r1 = .data ll\nr4 = *(u32 *)(r1 + 8)'],
  ])('copies as many bytes of the packet as %s says', (_, length) => {
    // What is behind them on the stack stays as it was: the answer is how many bytes are no longer all ones.
    const body = `
      *(u64 *)(r10 - 24) = -1
      *(u64 *)(r10 - 16) = -1
      r9 = r1
      ${length}
      if r4 == 0 goto pass
      if r4 > 13 goto pass
      r1 = r9
      r2 = 0
      r3 = r10
      r3 += -24
      call bpf_xdp_load_bytes
      if r0 != 0 goto pass
      ${Array.from({ length: 13 }, (_byte, i) => `r1 = *(u8 *)(r10 - ${24 - i})\nif r1 == 255 goto +1\nr0 += 1`).join('\n')}
      exit
    `;
    const lengths = [1, 5, 12, 13, 5, 1];
    const { verdicts } = run(
      body,
      lengths.map((bytes) => `${String.fromCharCode(bytes)}a`),
      '.section .data\n.quad 0\n.quad 5\n',
    );
    expect(verdicts).toEqual(length.includes('data') ? [5, 5, 5, 5, 5, 5] : lengths);
  });

  it('follows the text that bpf_snprintf made of a list on the stack', () => {
    const body = `
      r1 = *(u8 *)(r10 - 8)
      *(u64 *)(r10 - 16) = r1
      r1 = r10
      r1 += -24
      r2 = 8
      r3 = .rodata ll
      r4 = r10
      r4 += -16
      r5 = 8
      call bpf_snprintf
      r1 = *(u8 *)(r10 - 24)
      if r1 == 0x39 goto pass
      r0 = 1
      exit
    `;
    const { verdicts, misses } = run(body, ['A0', 'B0', 'Z0', '!0', 'C0'], `.section .rodata\n.asciz "%d"\n`);
    // The codes of A, B, ! and C begin with 6 or 3; that of Z is 90.
    expect(verdicts).toEqual([1, 1, 2, 1, 1]);
    expect(misses).toBe(2);
  });

  it('knows what bpf_get_current_comm wrote over', () => {
    const body = `
      r1 = r10
      r1 += -24
      *(u64 *)(r10 - 24) = -1
      r2 = 16
      call bpf_get_current_comm
      r1 = *(u8 *)(r10 - 24)
      if r1 == 0xff goto pass
      r0 = 1
      exit
    `;
    const { verdicts, misses } = run(body, ['ab', 'cd', 'ef']);
    expect(new Set(verdicts)).toEqual(new Set([1]));
    expect(misses).toBe(1);
  });
});
