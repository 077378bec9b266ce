import { describe, expect, it } from 'vitest';
import { assemble, type ProgramSpec } from '../object/index.js';
import { ConntrackTable } from '../vm/index.js';
import { Session } from './index.js';

/** Looks up the packet's first twelve bytes, a tuple; the verdict is the mark of what is found, or 9. */
const object = assemble(`
	.license "GPL"
	.extern bpf_xdp_ct_lookup
	.extern bpf_ct_release
	.section xdp
	.globl main
main:
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 14
	r0 = 8
	if r4 > r3 goto out
	r4 = 0xffffffff ll
	*(u64 *)(r10 - 16) = r4
	*(u64 *)(r10 - 8) = 6
	r4 = r10
	r4 += -16
	r3 = 12
	r5 = 16
	call bpf_xdp_ct_lookup
	if r0 != 0 goto found
	r0 = 9
	exit
found:
	r6 = *(u32 *)(r0 + 168)
	r1 = r0
	call bpf_ct_release
	r0 = r6
out:
	exit
`);

const connection = { proto: 'tcp', src: '10.0.0.2', sport: 258, dst: '10.0.0.1', dport: 772, mark: 3, timeout: 5 };
/** As in struct bpf_sock_tuple: addresses, then ports. */
const original = Uint8Array.of(10, 0, 0, 2, 10, 0, 0, 1, 1, 2, 3, 4, 0, 0);
const answer = Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2, 3, 4, 1, 2, 0, 0);
const second = 1_000_000_000n;

function session(...connections: readonly object[]): Session {
  const conntrack = ConntrackTable.parse({ connections });
  return new Session(object, object.programs[0] as ProgramSpec, { conntrack, check: true });
}

describe('the table of connections', () => {
  it('is found by both directions, until its time is over', () => {
    const run = session(connection);
    const verdicts = [
      { data: original, time: 1_700_000_000n * second },
      { data: answer, time: 1_700_000_001n * second },
      { data: original.map((byte) => byte + 1), time: 1_700_000_001n * second },
      { data: original, time: 1_700_000_005n * second },
      { data: original, time: 1_700_000_007n * second },
    ].map((packet) => run.run(packet).verdict);
    expect(verdicts).toEqual([3, 3, 9, 9, 9]);
    run.finish();
    expect(run.difference).toBeUndefined();
  });

  it('has answers of its own where addresses are translated', () => {
    const run = session({ ...connection, reply: { src: '10.0.0.9', sport: 1, dst: '10.0.0.8', dport: 2 } });
    const translated = Uint8Array.of(10, 0, 0, 9, 10, 0, 0, 8, 0, 1, 0, 2, 0, 0);
    expect([original, answer, translated].map((data) => run.run({ data }).verdict)).toEqual([3, 9, 3]);
  });

  it('holds many, and those in another zone apart', () => {
    const many = Array.from({ length: 500 }, (_, i) => ({ ...connection, sport: i, mark: i & 3, timeout: 600 }));
    const run = session(...many, { ...connection, sport: 1000, zone: 4 });
    const tuple = (port: number): Uint8Array => {
      const data = original.slice();
      new DataView(data.buffer).setUint16(8, port);
      return data;
    };
    expect([0, 1, 2, 3, 498, 499, 1000].map((port) => run.run({ data: tuple(port) }).verdict)).toEqual([
      0, 1, 2, 3, 2, 3, 9,
    ]);
  });

  it.each([
    [{ ...connection, stats: 1 }, 'connections[0]: `stats` is no field of it'],
    [{ ...connection, src: '::1' }, 'differ in family'],
    [{ ...connection, status: ['assurd'] }, '`status` has `assurd`'],
    [{ ...connection, dport: 65536 }, '`dport` must be an integer from 0 to 65535'],
  ])('names what is wrong in its file', (entry, words) => {
    expect(() => ConntrackTable.parse({ connections: [entry] })).toThrow(words);
  });
});
