import { describe, expect, it } from 'vitest';
import { generateBatches, maxPacketLength, type PacketBatch, packetAt } from '../packet/index.js';
import { flowHash, RingReader, RingWriter } from './index.js';

interface Seen {
  readonly data: string;
  readonly time: bigint;
}

const seen = (batch: PacketBatch, i: number): Seen => {
  const { data, time } = packetAt(batch, i);
  return { data: Buffer.from(data).toString('hex'), time };
};

/** What each of `rings` threads gets of the batches, which have to fit. */
async function handOut(rings: number, batches: Iterable<PacketBatch>): Promise<Seen[][]> {
  const writer = new RingWriter(rings);
  for (const batch of batches) expect(await writer.push(batch, batch.count, async () => false)).toBe(true);
  writer.end();
  return Array.from({ length: rings }, (_, index) =>
    [...new RingReader(writer.source(index)).batches()].flatMap((batch) =>
      Array.from({ length: batch.count }, (_, i) => seen(batch, i)),
    ),
  );
}

function batchOf(packets: readonly Uint8Array[], times: readonly bigint[] = []): PacketBatch {
  const lengths = packets.map(({ length }) => length);
  const offsets = lengths.map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0) + 3);
  const bytes = new Uint8Array((offsets.at(-1) ?? 0) + (lengths.at(-1) ?? 0));
  for (const [i, packet] of packets.entries()) bytes.set(packet, offsets[i]);
  return {
    count: packets.length,
    bytes,
    offset: Uint32Array.from(offsets),
    length: Uint32Array.from(lengths),
    origLength: Uint32Array.from(lengths),
    time: BigUint64Array.from(packets, (_, i) => times[i] ?? BigInt(i)),
    interfaceId: new Uint32Array(packets.length),
    comments: undefined,
  };
}

describe('rings of packets', () => {
  it('give each thread the packets of its flows, in order, with their times', async () => {
    const options = { seed: 7, packets: 3000, flows: 300, malformed: 0.1, vlan: 0.1, ipv6: 0.4 } as const;
    for (const rings of [1, 2, 3, 7]) {
      const expected: Seen[][] = Array.from({ length: rings }, () => []);
      for (const batch of generateBatches(options)) {
        for (let i = 0; i < batch.count; i++) {
          const hash = flowHash(batch.bytes, batch.offset[i] as number, batch.length[i] as number);
          expected[hash % rings]?.push(seen(batch, i));
        }
      }
      expect(await handOut(rings, generateBatches(options))).toEqual(expected);
    }
  });

  it('take packets of any length, the empty one and the longest one among them', async () => {
    const lengths = [0, 1, 12, 13, 14, 25, 26, 37, 38, 57, 60, 1500, 9000, maxPacketLength, maxPacketLength, 64];
    const packets = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
    const [all = []] = await handOut(1, [batchOf(packets, [2n ** 64n - 1n, 2n ** 32n])]);
    expect(all.map(({ data }) => data.length / 2)).toEqual(lengths);
    expect(all.map(({ data }) => data)).toEqual(packets.map((packet) => Buffer.from(packet).toString('hex')));
    expect(all.slice(0, 3).map(({ time }) => time)).toEqual([2n ** 64n - 1n, 2n ** 32n, 2n]);
  });

  it('wait for a thread that is behind as long as someone says that it is of use', async () => {
    const writer = new RingWriter(1);
    const batch = batchOf(Array.from({ length: 4096 }, () => new Uint8Array(64)));
    let turns = 0;
    const turn = async (): Promise<boolean> => ++turns < 3;
    let pushed = 0;
    while (await writer.push(batch, batch.count, turn)) pushed++;
    expect(turns).toBe(3);
    expect(pushed).toBeGreaterThan(1);
    // Once the thread has given slots back, there is room.
    const reader = new RingReader(writer.source(0)).batches();
    for (let i = 0; i < 6; i++) reader.next();
    expect(await writer.push(batch, batch.count, turn)).toBe(true);
  });

  it('are read to the end, however many slots are filled when it comes', async () => {
    for (const rings of [1, 2]) {
      const packets = Array.from({ length: 9000 }, (_, i) => Uint8Array.of(i >> 8, i));
      const got = await handOut(rings, [batchOf(packets)]);
      expect(got.map(({ length }) => length).reduce((a, b) => a + b)).toBe(9000);
    }
  });

  it('hand out the first packets of a batch only, if asked to', async () => {
    const writer = new RingWriter(2);
    await writer.push(batchOf(Array.from({ length: 10 }, (_, i) => new Uint8Array(64).fill(i))), 4, async () => false);
    writer.end();
    const counts = [0, 1].map((index) =>
      [...new RingReader(writer.source(index)).batches()].reduce((sum, { count }) => sum + count, 0),
    );
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(4);
  });
});
