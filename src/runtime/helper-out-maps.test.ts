/**
 * Helpers that write to memory that outlives the packet: the card neither leaves such a call out nor lets it stand.
 */
import { describe, expect, it } from 'vitest';
import { assemble, type ProgramSpec } from '../object/index.js';
import { FibTable } from '../vm/index.js';
import { Session } from './index.js';

/** `call` has the map's value in r7, context in r6 and packet in r8; `behind` follows it. */
const program = (call: string, behind: string): string => `
	.license "GPL"
	.map params type=array key=4 value=64 max_entries=1
	.section .rodata
format:
	.asciz "%d"
	.section xdp
	.globl main
main:
	r6 = r1
	r8 = *(u32 *)(r1 + 0)
	r9 = *(u32 *)(r1 + 4)
	r4 = r8
	r4 += 14
	if r4 > r9 goto none
	*(u32 *)(r10 - 4) = 0
	r1 = params ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto none
	r7 = r0
${call}
${behind}
none:
	r0 = 2
	exit
`;

/** What is called with an argument in the map that it fills. */
const calls: Readonly<Record<string, string>> = {
  bpf_xdp_load_bytes: `
	r1 = r6
	r2 = 1
	r3 = r7
	r4 = 9
	call bpf_xdp_load_bytes`,
  bpf_fib_lookup: `
	*(u8 *)(r7 + 0) = 2
	r1 = *(u32 *)(r8 + 0)
	*(u32 *)(r7 + 20) = r1
	*(u32 *)(r7 + 8) = 1
	r1 = r6
	r2 = r7
	r3 = 64
	r4 = 0
	call bpf_fib_lookup`,
  bpf_strtoul: `
	r1 = *(u8 *)(r8 + 1)
	r1 &= 7
	r1 |= 48
	*(u64 *)(r10 - 16) = r1
	r1 = r10
	r1 += -16
	r2 = 8
	r3 = 10
	r4 = r7
	r4 += 8
	call bpf_strtoul`,
  bpf_snprintf: `
	r1 = *(u8 *)(r8 + 1)
	*(u64 *)(r10 - 16) = r1
	r1 = r7
	r2 = 8
	r3 = .rodata ll
	r4 = r10
	r4 += -16
	r5 = 8
	call bpf_snprintf`,
};

const fib = FibTable.parse({
  interfaces: [{ ifindex: 1 }, { ifindex: 2, mac: '02:00:00:00:00:02' }],
  routes: Array.from({ length: 4 }, (_, i) => ({ prefix: `10.${i}.0.0/16`, dev: 2, via: `10.0.0.${i}` })),
  neighbours: Array.from({ length: 4 }, (_, i) => ({ ip: `10.0.0.${i}`, dev: 2, mac: `02:00:00:00:00:0${i}` })),
});

/** The first difference from the interpreter. */
function differs(text: string): string | undefined {
  const object = assemble(text);
  const session = new Session(object, object.programs[0] as ProgramSpec, { fib, check: true });
  // The second byte is another one each time, the last one parts them behind the call.
  for (let i = 0; i < 16 && session.difference === undefined; i++)
    session.run({
      data: Uint8Array.from({ length: 60 }, (_, at) => [10, i & 3][at] ?? (at === 13 ? Number(i > 9) : 0)),
    });
  session.finish();
  expect(session.stats.hits).toBeGreaterThan(0);
  return session.difference && `packet ${session.difference.packet}: ${session.difference.what}`;
}

describe.each(Object.keys(calls))('%s into a map', (name) => {
  const call = calls[name] ?? '';

  it('is there, though nobody reads it', () => {
    expect(differs(program(call, ''))).toBeUndefined();
  });

  it('is made once where a later condition sends the packet to the host', () => {
    const later = `
	r1 = *(u8 *)(r7 + 60)
	r1 += 1
	*(u8 *)(r7 + 60) = r1
	if r1 == 77 goto none
	r1 = *(u8 *)(r8 + 13)
	if r1 == 0 goto none
	r0 = 3
	exit`;
    expect(differs(program(call, later))).toBeUndefined();
  });
});
