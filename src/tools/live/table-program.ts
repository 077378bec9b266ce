/**
 * A program that finds out by itself whether a decision was stale. Packets say which key to look up and which number
 * the table had for it when they were sent; numbers only grow, so a smaller one in the table is an old one.
 *
 *     packet   12: ether type, 14: key u32, 18: number u32
 *     counts   0: as new as it should be, 1: stale, 2: key not found
 *
 * A number in the table that is newer than the packet's is right: the table may change while a packet is on its way.
 * Every counted packet is dropped, so none comes back. Counts are per CPU: no two CPUs add to one number.
 */
import { assembleInsns } from '../../isa/index.js';
import { type MapSpec, mapSpec, type ObjectSpec, objectSpec, programSpec } from '../../object/index.js';
import { helperNumber } from '../../platform/index.js';

/** Indices of its maps. */
export const tableMaps = { table: 0, counts: 1 } as const;

/**
 * 0x88b5, of local experiments (IEEE 802), as it lies in memory: what the kernel itself sends is passed on and not
 * counted.
 */
const etherType = 0xb588;

const text = `
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r4 = r2
    r4 += 22
    r0 = 2
    if r4 > r3 goto out
    r5 = *(u16 *)(r2 + 12)
    if r5 != ${etherType} goto out
    r7 = *(u32 *)(r2 + 18)
    r4 = *(u32 *)(r2 + 14)
    *(u32 *)(r10 - 4) = r4
    r6 = 2
    r1 = table ll
    r2 = r10
    r2 += -4
    call bpf_map_lookup_elem
    if r0 == 0 goto count
    r6 = 0
    r1 = *(u32 *)(r0 + 0)
    if r1 >= r7 goto count
    r6 = 1
  count:
    *(u32 *)(r10 - 8) = r6
    r1 = counts ll
    r2 = r10
    r2 += -8
    call bpf_map_lookup_elem
    if r0 == 0 goto drop
    r1 = *(u64 *)(r0 + 0)
    r1 += 1
    *(u64 *)(r0 + 0) = r1
  drop:
    r0 = 1
  out:
    exit`;

const maps: readonly MapSpec[] = [
  mapSpec({ name: 'table', type: 'hash', keySize: 4, valueSize: 4, maxEntries: 1024 }),
  mapSpec({ name: 'counts', type: 'percpu_array', keySize: 4, valueSize: 8, maxEntries: 3 }),
];

/** The program with its maps. */
export function tableObject(): ObjectSpec {
  const insns = assembleInsns(text, {
    helper: (name) => helperNumber(name.replace(/^bpf_/, '')),
    map: (name) => maps.findIndex((map) => map.name === name),
  });
  return objectSpec('table', [programSpec(insns, { name: 'table' })], maps);
}

/** A packet for it. */
export function tablePacket(key: number, number: number): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, etherType, true);
  view.setUint32(14, key, true);
  view.setUint32(18, number, true);
  return bytes;
}

/** Four bytes, little endian. */
export function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
