import { describe, expect, it } from 'vitest';
import { assemble } from '../object/index.js';
import { Session } from './index.js';

const prologue = `
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r2 = r6
  r2 += 4
  if r2 > r7 goto out
  r3 = *(u32 *)(r6 + 0)
  *(u32 *)(r10 - 4) = r3
  r1 = 0x34497025
  *(u64 *)(r10 - 16) = r1
  r1 = r10
  r1 += -16
  r2 = 5
`;
const epilogue = `
out:
  r0 = 1
  exit
`;

/** Runs four packets with the plain interpreter beside, and yields the session. */
function run(text: string): Session {
  const object = assemble(`${prologue}${text}${epilogue}`);
  const [program] = object.programs;
  if (program === undefined) throw new Error('no program');
  const session = new Session(object, program, { check: true });
  for (let host = 1; host <= 4; host++) session.run({ data: Uint8Array.of(10, 0, 0, host), time: 0n });
  return session;
}

describe('a trace that prints', () => {
  it('shows what its arguments on the stack hold for this packet, and takes registers that are not set', () => {
    const session = run('r3 = r10\nr3 += -4\ncall bpf_trace_printk');
    expect(session.finish()).toBeUndefined();
    expect(session.runtime.misses).toBe(1);
  });

  it('follows pointers in a list of arguments', () => {
    const session = run(
      'r4 = r10\nr4 += -4\n*(u64 *)(r10 - 24) = r4\nr3 = r10\nr3 += -24\nr4 = 8\ncall bpf_trace_vprintk',
    );
    expect(session.finish()).toBeUndefined();
    expect(session.runtime.misses).toBe(1);
  });
});
