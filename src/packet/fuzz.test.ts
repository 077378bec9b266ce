/**
 * Damaged captures and packets: nothing but an InputError may come out of the readers, nothing at all out of the
 * summaries, the field map and the checksums, and time and memory stay in proportion to the input.
 *
 * The number of inputs is JITNIC_FUZZ_N (default 100,000), the seed JITNIC_FUZZ_SEED; a failure names the seed and the
 * input's number.
 */

import { describe, expect, it } from 'vitest';
import { rounds } from '../../test/support/effort.js';
import { InputError } from '../base/index.js';
import {
  CaptureReader,
  encodeCapture,
  fieldAt,
  generateTraffic,
  headersIn,
  malform,
  type Packet,
  Prng,
  packetContext,
  packetsOf,
  parseHeaders,
  Summarizer,
} from './index.js';

const inputs = Number(process.env['JITNIC_FUZZ_N'] ?? rounds(8000));
const seed = Number(process.env['JITNIC_FUZZ_SEED'] ?? 20_261);

const traffic: Packet[] = [
  ...generateTraffic({
    packets: 200,
    flows: 50,
    seed,
    protocols: { tcp: 1, udp: 1, icmp: 1, arp: 1 },
    ipv6: 0.5,
    vlan: 0.3,
    qinq: 0.3,
    replies: 0.3,
    malformed: 0.1,
    sizes: '1:60,1:128',
    source: { ports: [4789, [1024, 2000]] },
  }),
];

/** Small captures of both formats and byte orders, and of several interfaces. */
const captures: Uint8Array[] = [false, true].flatMap((bigEndian) => {
  const some = traffic
    .slice(0, 6)
    .map((p, i) => ({ ...p, interfaceId: i % 2, comments: i === 2 ? ['a comment'] : [] }));
  const interfaces = [{ name: 'eth0' }, { linkType: 101, snapLength: 100, fcsLength: 4 }];
  return [
    encodeCapture(some, { format: 'pcapng', interfaces, bigEndian, application: 'fuzz' }),
    encodeCapture(some, { bigEndian }),
    encodeCapture(some, { bigEndian, resolution: 'ns', interfaces: [{ linkType: 113, snapLength: 64 }] }),
  ];
});

const hostile = [
  0, 1, 3, 4, 7, 8, 12, 13, 16, 0x7f, 0x80, 0xff, 0xffff, 0x1_0000, 262_144, 262_145, 0x7fff_ffff, 0x8000_0000,
  0xffff_fffc, 0xffff_ffff,
];

/** One to four changes: bit flips, hostile 32-bit values, cuts, splices, repeated and removed stretches. */
function mutate(original: Uint8Array, random: Prng): Uint8Array {
  let bytes = original.slice();
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    if (bytes.length < 8) break;
    const at = random.below(bytes.length);
    switch (random.below(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        bytes[at] = random.u32() & 0xff;
        break;
      case 2: {
        const place = random.below((bytes.length - 4) >> 2) * 4;
        const value = hostile[random.below(hostile.length)] ?? 0;
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(place, value, random.below(2) === 0);
        break;
      }
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4: {
        const other = captures[random.below(captures.length)] ?? bytes;
        const from = random.below(other.length);
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(from, from + random.below(200))]);
        break;
      }
      default: {
        const end = Math.min(bytes.length, at + random.below(40));
        const stretch = bytes.subarray(at, end);
        bytes =
          random.below(2) === 0
            ? Uint8Array.from([...bytes.subarray(0, end), ...stretch, ...bytes.subarray(end)])
            : Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(end)]);
      }
    }
  }
  return bytes;
}

/** Reads a capture in chunks; returns packets seen, -1 for an InputError. */
function read(bytes: Uint8Array, chunk: number, visit: (packet: Packet, linkType: number) => void): number {
  const reader = new CaptureReader();
  let packets = 0;
  try {
    for (let at = 0; at < bytes.length; at += chunk) {
      for (const batch of reader.push(bytes.subarray(at, at + chunk))) {
        packets += batch.count;
        for (const packet of packetsOf(batch)) visit(packet, reader.interfaces[packet.interfaceId]?.linkType ?? -1);
      }
    }
    reader.finish();
  } catch (error) {
    if (error instanceof InputError) return -1;
    throw error;
  }
  return packets;
}

describe(`mutated inputs (seed ${seed}, ${inputs} of them)`, () => {
  it('captures: read in pieces as in one, or refused', () => {
    const random = new Prng(seed);
    const summarizer = new Summarizer();
    for (let n = 0; n < inputs * 0.6; n++) {
      const bytes = mutate(captures[random.below(captures.length)] ?? new Uint8Array(), random);
      const chunk = 1 + random.below(bytes.length + 1);
      try {
        let total = 0;
        const packets = read(bytes, bytes.length + 1, (packet, linkType) => {
          total += packet.data.length;
          summarizer.summarize(packet.data, { linkType, origLength: packet.origLength });
        });
        if (total > bytes.length) throw new Error('more bytes in packets than in the capture');
        if (read(bytes, chunk, () => {}) !== packets) throw new Error(`differs when read in chunks of ${chunk}`);
      } catch (error) {
        throw new Error(`seed ${seed}, capture ${n}: ${Buffer.from(bytes).toString('hex')}`, { cause: error });
      }
    }
  });

  it('packets: summaries and field names never fail', () => {
    const random = new Prng(seed + 1);
    const summarizer = new Summarizer();
    for (let n = 0; n < inputs * 0.4; n++) {
      let packet = (traffic[random.below(traffic.length)]?.data ?? new Uint8Array()).slice();
      for (let changes = random.below(4); changes >= 0; changes--) packet = packet.slice(0, malform(packet, random));
      try {
        const linkType = [1, 1, 1, 0, 101, 108, 113, 276][random.below(8)] ?? 1;
        const origLength = packet.length + (random.below(4) === 0 ? random.below(2000) - 20 : 0);
        const line = summarizer.summarize(packet, { linkType, origLength, link: random.below(2) === 0 });
        if (line.includes('\n') || line.includes('undefined') || line.includes('NaN') || line.length > 4000)
          throw new Error(line);
        const context = packetContext(packet);
        headersIn(context);
        const { payload, headers } = parseHeaders(packet, linkType);
        if (payload > packet.length || headers.length > 32) throw new Error('headers beyond the packet');
        fieldAt(random.below(100), 1 + random.below(16), context);
      } catch (error) {
        throw new Error(`seed ${seed}, packet ${n}: ${Buffer.from(packet).toString('hex')}`, { cause: error });
      }
    }
  });

  it('random bytes behind every magic number', () => {
    const random = new Prng(seed + 2);
    for (let n = 0; n < inputs * 0.05; n++) {
      const bytes = Uint8Array.from({ length: random.below(120) }, () => random.u32() >>> 24);
      bytes.set((captures[random.below(captures.length)] ?? bytes).subarray(0, Math.min(24, bytes.length)));
      read(bytes, 1 + random.below(50), () => {});
    }
  });
});

it('a claimed length costs no memory and no time', () => {
  const huge = captures[1]?.slice() ?? new Uint8Array();
  new DataView(huge.buffer).setUint32(24 + 8, 262_144, true);
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 200 }, () => new CaptureReader());
  for (const reader of readers) reader.push(huge);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
});

it('one byte at a time costs time in proportion', () => {
  const big = encodeCapture([{ data: new Uint8Array(200_000), time: 0n }]);
  const reader = new CaptureReader();
  let packets = 0;
  for (let at = 0; at < big.length; at++)
    for (const batch of reader.push(big.subarray(at, at + 1))) packets += batch.count;
  expect(packets).toBe(1);
});
