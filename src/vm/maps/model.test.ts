/** Random operations against a plain model, and every operation undone by the journal to the byte. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errno, mapFlags } from '../../platform/index.js';
import type { BpfMap } from '../map.js';
import { MapBench, type mapSpec, u32 } from './testing.js';

type Shape = Parameters<typeof mapSpec>[0];

interface Op {
  readonly kind: 'lookup' | 'update' | 'delete';
  readonly key: number;
  readonly value: number;
  readonly flags: bigint;
  readonly cpu: number;
}

const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom('lookup' as const, 'update' as const, 'update' as const, 'delete' as const),
  key: fc.nat(11),
  value: fc.nat(0xffff),
  flags: fc.constantFrom(0n, 0n, 0n, 1n, 2n, 3n),
  cpu: fc.nat(1),
});
const ops = fc.array(op, { maxLength: 80 });
const cpus = 2;

/** A prefix of a few bits for a trie, the number itself elsewhere. */
function keyOf(map: BpfMap, key: number): Uint8Array {
  return map.spec.type === 'lpm_trie' ? u32(key, (key * 0x35) & 0xff) : u32(key);
}

function apply(bench: MapBench, map: BpfMap, { kind, key, value, flags, cpu }: Op): number {
  const at = bench.key(keyOf(map, key));
  switch (kind) {
    case 'lookup':
      return map.lookup(at, cpu);
    case 'update':
      return map.spec.keySize === 0
        ? map.push(bench.value(value), flags)
        : map.update(at, bench.value(value), flags, cpu);
    case 'delete':
      return map.spec.keySize === 0 ? map.pop(bench.value()) : map.delete(at, cpu);
  }
}

describe('hash against Map', () => {
  it.each([0, mapFlags.noPrealloc])('flags %i', (mapFlag) => {
    fc.assert(
      fc.property(ops, (sequence) => {
        const bench = new MapBench({ cpus });
        const map = bench.make({ type: 'hash', maxEntries: 6, flags: mapFlag });
        const model = new Map<number, number>();
        for (const step of sequence) {
          const { kind, key, value, flags } = step;
          const result = apply(bench, map, step);
          const has = model.has(key);
          if (kind === 'lookup') {
            expect(result === 0 ? undefined : bench.memory.load32(result)).toBe(model.get(key));
          } else if (kind === 'delete') {
            expect(result).toBe(has ? 0 : -errno.ENOENT);
            model.delete(key);
          } else if (flags > 2n) {
            expect(result).toBe(-errno.EINVAL);
          } else if (has ? flags === 1n : flags === 2n) {
            expect(result).toBe(has ? -errno.EEXIST : -errno.ENOENT);
          } else if (!has && model.size === 6) {
            expect(result).toBe(-errno.E2BIG);
          } else {
            expect(result).toBe(0);
            model.set(key, value);
          }
        }
        expect(new Set([...map.entries()].map((entry) => new DataView(entry.key.buffer).getUint32(0, true)))).toEqual(
          new Set(model.keys()),
        );
      }),
    );
  });
});

describe('LPM trie against a search over all prefixes', () => {
  const prefix = fc.record({
    length: fc.nat(16),
    bits: fc.constantFrom(0, 0x8000, 0xc000, 0xc0a8, 0xc0ff, 0xffff, 0x0101),
  });
  const step = fc.record({
    kind: fc.constantFrom('update', 'update', 'delete', 'lookup'),
    prefix,
    value: fc.nat(1000),
  });

  /** Key bytes: length, then 16 bits in network order. */
  const bytes = (length: number, bits: number): Uint8Array => Uint8Array.of(length, 0, 0, 0, bits >> 8, bits & 0xff);
  const mask = (length: number, bits: number): number => bits & (0xffff << (16 - length)) & 0xffff;

  it('finds the longest prefix', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (sequence) => {
        const bench = new MapBench();
        const map = bench.make({ type: 'lpm_trie', keySize: 6, maxEntries: 20, flags: mapFlags.noPrealloc });
        const model = new Map<string, number>();
        const name = (length: number, bits: number): string => `${length}:${mask(length, bits)}`;
        for (const {
          kind,
          prefix: { length, bits },
          value,
        } of sequence) {
          const key = bench.key(bytes(length, bits));
          if (kind === 'update') {
            const fits = model.has(name(length, bits)) || model.size < 20;
            expect(map.update(key, bench.value(value), 0n, 0)).toBe(fits ? 0 : -errno.ENOSPC);
            if (fits) model.set(name(length, bits), value);
          } else if (kind === 'delete') {
            expect(map.delete(key, 0)).toBe(model.delete(name(length, bits)) ? 0 : -errno.ENOENT);
          } else {
            let expected: number | undefined;
            for (let l = 0; l <= length; l++) expected = model.get(name(l, bits)) ?? expected;
            const at = map.lookup(key, 0);
            expect(at === 0 ? undefined : bench.memory.load32(at)).toBe(expected);
          }
        }
        expect([...map.entries()].length).toBe(model.size);
      }),
    );
  });
});

describe('the journal undoes whatever a program does to a map', () => {
  const shapes: Shape[] = [
    { type: 'array' },
    { type: 'percpu_array' },
    { type: 'hash', maxEntries: 6 },
    { type: 'hash', maxEntries: 6, flags: mapFlags.noPrealloc },
    { type: 'percpu_hash', maxEntries: 6 },
    { type: 'lru_hash', maxEntries: 6 },
    { type: 'lru_hash', maxEntries: 6, flags: mapFlags.noCommonLru },
    { type: 'lru_percpu_hash', maxEntries: 6 },
    { type: 'lpm_trie', keySize: 8, maxEntries: 8, flags: mapFlags.noPrealloc },
    { type: 'queue', keySize: 0 },
    { type: 'stack', keySize: 0 },
    { type: 'bloom_filter', keySize: 0 },
  ];

  it.each(shapes)('$type, flags $flags', (shape) => {
    fc.assert(
      fc.property(ops, ops, (before, undone) => {
        const bench = new MapBench({ cpus });
        const map = bench.make(shape);
        for (const step of before) apply(bench, map, step);
        const image = bench.image();
        bench.undone(() => {
          for (const step of undone) apply(bench, map, step);
        });
        expect(Buffer.compare(bench.image(), image)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});
