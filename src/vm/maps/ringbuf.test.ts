import { describe, expect, it } from 'vitest';
import { errno } from '../../platform/index.js';
import type { RingbufMap } from './ringbuf.js';
import { MapBench } from './testing.js';

const page = 4096;

function ring(): { bench: MapBench; map: RingbufMap } {
  const bench = new MapBench();
  return { bench, map: bench.make({ type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: page }) as RingbufMap };
}

describe('ring buffer', () => {
  it('gives out submitted records in order and hides discarded ones', () => {
    const { bench, map } = ring();
    const first = map.reserve(5n, 0n);
    const second = map.reserve(8n, 0n);
    const third = map.reserve(1n, 0n);
    for (const [sample, byte] of [
      [first, 1],
      [second, 2],
      [third, 3],
    ] as const)
      bench.memory.store8(sample, byte);
    expect(map.submit(third, 0n)).toBe(true);
    expect(map.drain()).toEqual([]);
    expect(map.discard(second, 0n)).toBe(true);
    expect(map.submit(first, 0n)).toBe(true);
    expect(map.drain()).toEqual([Uint8Array.of(1, 0, 0, 0, 0), Uint8Array.of(3)]);
    expect(map.drain()).toEqual([]);
  });

  it('opens a record to the program from reserve to submit', () => {
    const { bench, map } = ring();
    const sample = map.reserve(12n, 0n);
    expect(map.open).toBe(true);
    expect(bench.memory.canWrite(sample, 8)).toBe(true);
    expect(bench.memory.canWrite(sample + 8, 8)).toBe(false);
    expect(map.submit(sample, 0n)).toBe(true);
    expect(map.open).toBe(false);
    expect(bench.memory.canWrite(sample, 8)).toBe(false);
    expect(map.submit(sample, 0n)).toBe(false);
  });

  it('is full one byte early, and again has room when the consumer has read', () => {
    const { map } = ring();
    expect(map.reserve(BigInt(page - 8), 0n)).toBe(0);
    const sample = map.reserve(BigInt(page - 16), 0n);
    expect(sample).not.toBe(0);
    expect(map.reserve(0n, 0n)).toBe(0);
    map.submit(sample, 0n);
    expect(map.reserve(0n, 0n)).toBe(0);
    map.drain();
    expect(map.reserve(0n, 0n)).not.toBe(0);
  });

  it('answers queries', () => {
    const { bench, map } = ring();
    expect(map.output(bench.value(1), 4n, 0n)).toBe(0);
    map.drain();
    expect(map.output(bench.value(1), 9n, 0n)).toBe(0);
    expect([0n, 1n, 2n, 3n, 4n].map((what) => map.query(what))).toEqual([24n, 4096n, 16n, 40n, 0n]);
  });

  it('refuses unknown flags and records that never fit', () => {
    const { bench, map } = ring();
    expect(map.output(bench.value(), 4n, 4n)).toBe(-errno.EINVAL);
    expect(map.output(bench.value(), 1n << 40n, 0n)).toBe(-errno.EAGAIN);
    expect(map.reserve(4n, 1n)).toBe(0);
    expect(map.lookupElem(new Uint8Array(0))).toBe(-errno.ENOTSUPP);
  });

  it('shows an earlier lap in the bytes that a program leaves alone, across the end of the buffer too', () => {
    const { bench, map } = ring();
    const pattern = (lap: number): Uint8Array => new Uint8Array(1352).fill(lap);
    // Records of 1,360 bytes: the fourth one wraps.
    for (let lap = 1; lap <= 3; lap++) {
      expect(map.output(bench.value(pattern(lap)), 1352n, 0n)).toBe(0);
      map.drain();
    }
    const sample = map.reserve(1352n, 0n);
    map.submit(sample, 0n);
    const [record] = map.drain();
    // 16 bytes are left of the first lap's end, of which the header takes 8; what follows is the first lap's from its
    // start (header included).
    expect(record?.subarray(8 + 8, 8 + 8 + 1328)).toEqual(new Uint8Array(1328).fill(1));
    // A header is the length and the page, of which three lie before the data, where it stands.
    expect(record?.subarray(8, 16)).toEqual(Uint8Array.of(0x48, 5, 0, 0, 3, 0, 0, 0));
  });

  it('closes its window when a reservation is rolled back', () => {
    const { bench, map } = ring();
    let sample = 0;
    bench.undone(() => {
      sample = map.reserve(8n, 0n);
      expect(bench.memory.canWrite(sample, 8)).toBe(true);
    });
    expect(bench.memory.canWrite(sample, 8)).toBe(false);
    expect(map.query(3n)).toBe(0n);
    expect(map.reserve(8n, 0n)).toBe(sample);
  });
});
