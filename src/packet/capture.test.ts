import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../base/index.js';
import {
  CaptureReader,
  createWriter,
  decodeCapture,
  detectFormat,
  encodeCapture,
  isGzip,
  openCapture,
  type Packet,
  packetsOf,
  writeCapture,
} from './index.js';

const packet = (time: bigint, data: number[] | Uint8Array, more: Partial<Packet> = {}): Packet => ({
  data: Uint8Array.from(data),
  time,
  origLength: data.length,
  interfaceId: 0,
  ...more,
});

const arbitraryPacket = (unit: bigint, maxTime: bigint) =>
  fc
    .tuple(fc.uint8Array({ maxLength: 200 }), fc.bigInt({ min: 0n, max: maxTime / unit }), fc.nat(100))
    .map(([data, ticks, more]) => packet(ticks * unit, data, { origLength: data.length + more }));

/** Cuts bytes into chunks at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((p) => p % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, i) => bytes.slice(sorted[i], end));
}

/** Builds a capture field by field. */
function build(bigEndian: boolean, ...fields: (readonly [width: 1 | 2 | 4, value: number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 4) view.setUint32(at, value, !bigEndian);
    else if (width === 2) view.setUint16(at, value, !bigEndian);
    else view.setUint8(at, value);
    at += width;
  }
  return new Uint8Array(view.buffer);
}

const concat = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const pcapHeader = (magic = 0xa1b2c3d4, snap = 65535, link = 1, bigEndian = false): Uint8Array =>
  build(bigEndian, [4, magic], [2, 2], [2, 4], [4, 0], [4, 0], [4, snap], [4, link]);
const sectionHeader = (bigEndian = false): Uint8Array =>
  build(bigEndian, [4, 0x0a0d0d0a], [4, 28], [4, 0x1a2b3c4d], [2, 1], [2, 0], [4, 0], [4, 0], [4, 28]);
const interfaceBlock = (bigEndian = false, snap = 0): Uint8Array =>
  build(bigEndian, [4, 1], [4, 20], [2, 1], [2, 0], [4, snap], [4, 20]);

describe('reading what was written', () => {
  for (const bigEndian of [false, true]) {
    for (const resolution of ['us', 'ns'] as const) {
      it(`gives the same packets back: pcap, ${resolution}, ${bigEndian ? 'big' : 'little'}-endian, chunks of any size`, () => {
        const unit = resolution === 'us' ? 1000n : 1n;
        const packets = fc.array(arbitraryPacket(unit, 0xffff_ffffn * 1_000_000_000n + 999_999_999n), { maxLength: 8 });
        fc.assert(
          fc.property(packets, fc.array(fc.nat()), (given, places) => {
            const bytes = encodeCapture(given, { resolution, bigEndian });
            const reader = new CaptureReader();
            const got = cut(bytes, places).flatMap((chunk) => reader.push(chunk).flatMap((b) => [...packetsOf(b)]));
            expect(reader.finish()).toBeUndefined();
            expect(got).toEqual(given);
          }),
        );
      });
    }
    it(`gives the same packets back: pcapng, several interfaces, comments, ${bigEndian ? 'big' : 'little'}-endian`, () => {
      const interfaces = [
        { linkType: 1, snapLength: 0, name: 'eth0' },
        { linkType: 101, snapLength: 150, description: 'a tunnel', fcsLength: 4 },
      ];
      const packets = fc.array(
        fc
          .tuple(
            arbitraryPacket(1n, 2n ** 64n - 1n),
            fc.nat(1),
            fc.option(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 3 })),
          )
          .map(([p, interfaceId, comments]) => ({
            ...p,
            interfaceId,
            data: interfaceId === 1 ? p.data.slice(0, 150) : p.data,
            ...(comments === null ? {} : { comments }),
          })),
        { maxLength: 8 },
      );
      fc.assert(
        fc.property(packets, fc.array(fc.nat()), (given, places) => {
          const bytes = encodeCapture(given, { format: 'pcapng', interfaces, bigEndian, application: 'a test' });
          const reader = new CaptureReader();
          const got = cut(bytes, places).flatMap((chunk) => reader.push(chunk).flatMap((b) => [...packetsOf(b)]));
          expect(reader.finish()).toBeUndefined();
          expect(got).toEqual(given);
          expect(reader.interfaces).toEqual(interfaces);
        }),
      );
    });
  }

  it('cuts packets to the snap length on writing and keeps the original length', () => {
    for (const format of ['pcap', 'pcapng'] as const) {
      const bytes = encodeCapture([packet(0n, new Uint8Array(100))], { format, interfaces: [{ snapLength: 60 }] });
      expect(decodeCapture(bytes).packets[0]).toMatchObject({ data: new Uint8Array(60), origLength: 100 });
    }
  });

  it('streams', async () => {
    async function* source() {
      for (let i = 0; i < 5000; i++) yield packet(BigInt(i) * 1000n, new Uint8Array(60).fill(i));
    }
    const capture = await openCapture(writeCapture(source()));
    let count = 0;
    for await (const p of capture.packets()) expect(p.data[0]).toBe(count++ & 0xff);
    expect([count, capture.format, capture.damage]).toEqual([5000, 'pcap', undefined]);
  });

  it('refuses what the format cannot hold', () => {
    expect(() => encodeCapture([packet(2n ** 63n, [])])).toThrow(InputError);
    expect(() => encodeCapture([packet(0n, [], { interfaceId: 3 })], { format: 'pcapng' })).toThrow(InputError);
    expect(() => createWriter({ interfaces: [{}, {}] })).toThrow(InputError);
  });
});

describe('pcap details', () => {
  it('cuts to the snap length of the header', () => {
    const record = concat(build(false, [4, 1], [4, 2], [4, 8], [4, 90]), new Uint8Array(8));
    const { packets } = decodeCapture(concat(pcapHeader(0xa1b2c3d4, 4), record, record));
    expect(packets.map((p) => [p.data.length, p.origLength, p.time])).toEqual([
      [4, 90, 1_000_002_000n],
      [4, 90, 1_000_002_000n],
    ]);
  });

  it('reads the variant with the longer record header', () => {
    const record = concat(build(true, [4, 0], [4, 0], [4, 3], [4, 3], [4, 1], [4, 0]), Uint8Array.of(7, 8, 9));
    const { packets } = decodeCapture(concat(pcapHeader(0xa1b2cd34, 0, 1, true), record));
    expect(packets[0]?.data).toEqual(Uint8Array.of(7, 8, 9));
  });

  it('separates link type and frame check sequence', () => {
    expect(decodeCapture(pcapHeader(0xa1b2c3d4, 0, 0x2400_0001)).interfaces).toEqual([
      { linkType: 1, snapLength: 0, fcsLength: 4 },
    ]);
  });
});

describe('pcapng details', () => {
  const packetBlock = (bigEndian: boolean, type: number, fill: number): Uint8Array =>
    build(
      bigEndian,
      [4, type],
      [4, 36],
      [4, 0],
      [4, 0],
      [4, 5_000_000],
      [4, 1],
      [4, 1],
      [1, fill],
      [1, 0],
      [2, 0],
      [4, 36],
    );

  it('reads several sections of either byte order, numbering interfaces through the file', () => {
    const bytes = concat(
      ...[false, true].flatMap((big) => [sectionHeader(big), interfaceBlock(big), packetBlock(big, 6, big ? 2 : 1)]),
    );
    const { packets, interfaces } = decodeCapture(bytes);
    expect(packets.map((p) => [p.data[0], p.interfaceId, p.time])).toEqual([
      [1, 0, 5_000_000_000n],
      [2, 1, 5_000_000_000n],
    ]);
    expect(interfaces).toHaveLength(2);
  });

  it('reads simple and obsolete packet blocks', () => {
    const simple = build(false, [4, 3], [4, 20], [4, 100], [4, 0x04030201], [4, 20]);
    const old = packetBlock(false, 2, 9);
    const { packets } = decodeCapture(concat(sectionHeader(), interfaceBlock(false, 4), simple, old));
    expect(packets.map((p) => [[...p.data], p.origLength])).toEqual([
      [[1, 2, 3, 4], 100],
      [[9], 1],
    ]);
  });

  it('honours time resolution and offset', () => {
    const withOptions = (...options: (readonly [1 | 2 | 4, number])[]): Uint8Array => {
      const length = 20 + options.reduce((sum, [width]) => sum + width, 0);
      return build(false, [4, 1], [4, length], [2, 1], [2, 0], [4, 0], ...options, [4, length]);
    };
    const time = (idb: Uint8Array) =>
      decodeCapture(concat(sectionHeader(), idb, packetBlock(false, 6, 1))).packets[0]?.time;
    const resolution = (value: number) =>
      [
        [2, 9],
        [2, 1],
        [1, value],
        [1, 0],
        [2, 0],
      ] as const;
    expect(time(withOptions(...resolution(9)))).toBe(5_000_000n);
    expect(time(withOptions(...resolution(3)))).toBe(5_000_000_000_000n);
    expect(time(withOptions(...resolution(12)))).toBe(5000n);
    expect(time(withOptions(...resolution(0x80 | 10)))).toBe(4_882_812_500_000n);
    expect(time(withOptions([2, 14], [2, 8], [4, 10], [4, 0]))).toBe(15_000_000_000n);
  });

  it('skips blocks that it does not know, without holding them', () => {
    const length = 64 * 1024 * 1024;
    const reader = new CaptureReader();
    reader.push(concat(sectionHeader(), interfaceBlock(), build(false, [4, 0xbad], [4, length])));
    const zeros = new Uint8Array(1024 * 1024);
    for (let left = length - 12; left > 0; left -= zeros.length)
      reader.push(zeros.subarray(0, Math.min(left, zeros.length)));
    const [batch] = reader.push(concat(build(false, [4, length]), packetBlock(false, 6, 42)));
    expect(batch && [...packetsOf(batch)][0]?.data).toEqual(Uint8Array.of(42));
    expect(reader.finish()).toBeUndefined();
  });
});

describe('damage', () => {
  const good = encodeCapture([packet(0n, new Uint8Array(60)), packet(1000n, new Uint8Array(60))]);

  it('delivers what comes before a truncation and says where it is', () => {
    const { packets, damage } = decodeCapture(good.subarray(0, good.length - 10));
    expect(packets).toHaveLength(1);
    expect(damage).toEqual({ offset: 100, what: 'cut off after 66 of at least 76 bytes of a record' });
  });

  it('reports any truncation as damage or as no capture at all', () => {
    for (const format of ['pcap', 'pcapng'] as const) {
      const whole = encodeCapture([packet(0n, new Uint8Array(61), { comments: ['a'] }), packet(0n, [])], { format });
      const boundaries = new Set<number>();
      for (let length = 0; length < whole.length; length++) {
        try {
          if (decodeCapture(whole.subarray(0, length)).damage === undefined) boundaries.add(length);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }
      // Only cuts between records cannot be told from the end.
      expect(boundaries.size).toBe(format === 'pcap' ? 2 : 3);
    }
  });

  it('takes a record of 4 GiB for damage', () => {
    const { packets, damage } = decodeCapture(
      concat(good, build(false, [4, 0], [4, 0], [4, 0xffff_fff0], [4, 0xffff_fff0])),
    );
    expect(packets).toHaveLength(2);
    expect(damage).toEqual({
      offset: good.length,
      what: 'record claims 4294967280 captured bytes; the most is 262144',
    });
  });

  it.each([
    [
      'a packet of an unknown interface',
      build(false, [4, 6], [4, 32], [4, 0], [4, 0], [4, 0], [4, 0], [4, 0], [4, 32]),
    ],
    ['a length that is no multiple of four', build(false, [4, 5], [4, 13], [4, 0])],
    ['a block shorter than its frame', build(false, [4, 5], [4, 8], [4, 0])],
    ['two lengths that differ', build(false, [4, 5], [4, 12], [4, 16])],
    [
      'a packet that is longer than its block',
      concat(interfaceBlock(), build(false, [4, 6], [4, 32], [4, 0], [4, 0], [4, 0], [4, 1], [4, 1], [4, 32])),
    ],
    ['a huge interface block', build(false, [4, 1], [4, 0x7fff_fffc], [4, 0])],
    ['a section of no byte order', build(false, [4, 0x0a0d0d0a], [4, 28], [4, 0], [4, 0], [4, 0], [4, 0], [4, 28])],
  ])('reports %s', (_, block) => {
    expect(decodeCapture(concat(sectionHeader(), block)).damage?.what).toBeTruthy();
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['an ELF file', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1)],
    ['gzip data', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0)],
    ['half a pcap header', pcapHeader().subarray(0, 20)],
    ['a pcap of version 3', build(false, [4, 0xa1b2c3d4], [2, 3], [2, 0], [4, 0], [4, 0], [4, 0], [4, 0])],
    ['a section header of 16 bytes', build(false, [4, 0x0a0d0d0a], [4, 16], [4, 0x1a2b3c4d], [4, 16])],
  ])('throws for %s', async (_, bytes) => {
    expect(() => decodeCapture(bytes)).toThrow(InputError);
    expect(() => decodeCapture(bytes)).toThrow(
      expect.objectContaining({ place: expect.objectContaining({ offset: expect.any(Number) }) }),
    );
    await expect(openCapture([bytes])).rejects.toThrow();
  });
});

it('closes its source, whether read to the end, left early or refused', async () => {
  const good = encodeCapture([packet(0n, [1]), packet(0n, [2])]);
  let closed = 0;
  async function* source(bytes: Uint8Array) {
    try {
      for (let at = 0; at < bytes.length; at += 10) yield bytes.subarray(at, at + 10);
    } finally {
      closed++;
    }
  }
  for await (const p of (await openCapture(source(good))).packets()) expect(p.data).toHaveLength(1);
  expect(closed).toBe(1);
  for await (const p of (await openCapture(source(good))).packets()) if (p.data[0] === 1) break;
  expect(closed).toBe(2);
  await expect(openCapture(source(new Uint8Array(50)))).rejects.toThrow(InputError);
  expect(closed).toBe(3);
});

it('recognises formats by their first bytes', () => {
  expect(detectFormat(pcapHeader())).toBe('pcap');
  expect(detectFormat(sectionHeader())).toBe('pcapng');
  expect(detectFormat(Uint8Array.of(0x1f, 0x8b, 8, 0))).toBeUndefined();
  expect(isGzip(Uint8Array.of(0x1f, 0x8b))).toBe(true);
});
