import { describe, expect, it } from 'vitest';
import { assemble, bindToDevice, type ObjectSpec, type ProgramSpec } from '../object/index.js';
import type { PacketBatch } from '../packet/index.js';
import { Verdicts } from '../verifier/index.js';
import { RxMetadata } from '../vm/index.js';
import { Session, type SessionOptions } from './index.js';

/**
 * Notes what came of the three, codes and values, in the element that the packet's first byte names; the verdict is 3
 * if the hash is over TCP and IPv4, else 2.
 */
const object = bindToDevice(
  assemble(`
	.license "GPL"
	.extern bpf_xdp_metadata_rx_timestamp
	.extern bpf_xdp_metadata_rx_hash
	.extern bpf_xdp_metadata_rx_vlan_tag
	.map notes type=array key=4 value=32 max_entries=8
	.section xdp
	.globl main
main:
	r6 = r1
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 1
	if r4 > r3 goto none
	r4 = *(u8 *)(r2 + 0)
	*(u32 *)(r10 - 4) = r4
	r1 = notes ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto none
	r7 = r0
	r1 = r6
	r2 = r7
	call bpf_xdp_metadata_rx_timestamp
	*(u32 *)(r7 + 8) = r0
	r1 = r6
	r2 = r10
	r2 += -8
	r3 = r7
	r3 += 12
	call bpf_xdp_metadata_rx_hash
	*(u32 *)(r7 + 16) = r0
	r1 = r6
	r2 = r7
	r2 += 20
	r3 = r7
	r3 += 22
	call bpf_xdp_metadata_rx_vlan_tag
	*(u32 *)(r7 + 24) = r0
	r1 = *(u32 *)(r7 + 16)
	if r1 != 0 goto pass
	r1 = *(u32 *)(r10 - 8)
	*(u32 *)(r7 + 28) = r1
	r1 = *(u32 *)(r7 + 12)
	if r1 != 25 goto pass
	r0 = 3
	exit
pass:
	r0 = 2
	exit
none:
	r0 = 0
	exit
`),
);
const program = object.programs[0] as ProgramSpec;

const table = RxMetadata.parse({
  default: { timestamp: 'arrival', hash: 7, rss_type: 'l4_ipv6_udp' },
  packets: [
    { packet: 1, timestamp: '18446744073709551615', hash: '0xffffffff', rss_type: 'l4_ipv4_tcp' },
    { packet: 3, vlan_tag: { proto: '802.1ad', id: 5, priority: 7, dei: true } },
    { packet: 4 },
  ],
});

/** What the packets' elements hold, a line each: time, hash and what it is over, TPID and TCI, with their codes. */
function notesOf(session: Session): string[] {
  const entries = session.dumpMaps().maps['notes'] ?? [];
  return entries.slice(0, 5).map(({ value }) => {
    const bytes = Uint8Array.from(String(value).split(' '), (byte) => Number.parseInt(byte, 16));
    const view = new DataView(bytes.buffer);
    const code = (offset: number): number => view.getInt32(offset, true);
    const tag = `${view.getUint16(20).toString(16)} ${view.getUint16(22, true).toString(16)}`;
    const hash = `${view.getUint32(28, true).toString(16)}/${view.getUint32(12, true)}`;
    return `${view.getBigUint64(0, true)} ${code(8)}, ${hash} ${code(16)}, ${tag} ${code(24)}`;
  });
}

/** Five of 60 bytes; each byte of one is its index, and a microsecond is between them. */
function frames(): PacketBatch {
  const indexes = Array.from({ length: 5 }, (_, i) => i);
  return {
    count: 5,
    bytes: Uint8Array.from(indexes.flatMap((i) => new Array<number>(60).fill(i))),
    offset: Uint32Array.from(indexes, (i) => 60 * i),
    length: new Uint32Array(5).fill(60),
    origLength: new Uint32Array(5).fill(60),
    time: BigUint64Array.from(indexes, (i) => BigInt(1000 * i)),
    interfaceId: new Uint32Array(5),
    comments: undefined,
  };
}

function runOf(options: SessionOptions): { readonly verdicts: number[]; readonly notes: string[] } {
  const session = new Session(object, program, { rxMetadata: table, ...options });
  const verdicts: number[] = [];
  const batch = frames();
  for (let i = 0; i < batch.count; ) {
    const count = session.runBatch(batch, i, batch.count);
    for (let k = 0; k < count; k++) verdicts.push(session.verdictOf(k));
    i += count;
  }
  session.finish();
  expect(session.difference).toBeUndefined();
  return { verdicts, notes: notesOf(session) };
}

describe('what a device knows of frames', () => {
  const expected = {
    verdicts: [3, 2, 2, 2, 2],
    notes: [
      '18446744073709551615 0, ffffffff/25 0, 0 0 -61',
      '1000 0, 7/42 0, 0 0 -61',
      '0 -61, 0/0 -61, 88a8 f005 0',
      '0 -61, 0/0 -61, 0 0 -61',
      '4000 0, 7/42 0, 0 0 -61',
    ],
  };

  const engines: readonly (readonly [string, SessionOptions])[] = [
    ['the interpreter', { card: false, host: 'interp' }],
    ['compiled code', { card: false, host: 'wasm' }],
    ['card and host', { host: 'wasm' }],
    ['card and interpreter', { host: 'interp' }],
    ['a card of one place', { host: 'wasm', cacheSize: 1 }],
    ['traces that are not compiled', { host: 'wasm', compiled: false }],
  ];
  it.each(engines)('is told packet by packet on %s', (_name, options) => {
    expect(runOf(options)).toEqual(expected);
    expect(runOf({ ...options, check: true })).toEqual(expected);
  });

  it('is nothing at all without a table: no driver has an answer', () => {
    const { notes } = runOf({ rxMetadata: undefined });
    expect(notes).toEqual(new Array(5).fill('0 -95, 0/0 -95, 0 0 -95'));
  });

  it('is not what the table does not list as a feature', () => {
    const rxMetadata = RxMetadata.parse({ features: ['hash'], default: { hash: 1 }, packets: [{ packet: 2 }] });
    const { notes } = runOf({ rxMetadata });
    expect(notes.slice(0, 2)).toEqual(['0 -95, 1/0 0, 0 0 -95', '0 -95, 0/0 -61, 0 0 -95']);
  });
});

describe('a program that asks for it', () => {
  const bare: ObjectSpec = { ...object, programs: [{ ...program, devBound: false }] };
  const accepts = (of: ObjectSpec): boolean => {
    try {
      Verdicts.of(of).require(of, of.programs[0] as ProgramSpec, '');
      return true;
    } catch {
      return false;
    }
  };

  it('loads for a device only', () => {
    expect([accepts(object), accepts(bare)]).toEqual([true, false]);
  });

  it('is not bound where it is in a program array, or one for a devmap', () => {
    const text = (array: string): ObjectSpec =>
      assemble(`
	.license "GPL"
	.map jumps type=prog_array key=4 value=4 max_entries=2
${array}
	.section xdp
	.globl main
main:
	r0 = 2
	exit
	.section xdp/devmap
	.globl behind
behind:
	r0 = 2
	exit
`);
    const bound = (of: ObjectSpec): unknown[] => bindToDevice(of).programs.map(({ devBound }) => devBound);
    expect(bound(text(''))).toEqual([true, undefined]);
    expect(bound(text('	.slot 1, main'))).toEqual([undefined, undefined]);
  });
});
