import { describe, expect, it } from 'vitest';
import { BudgetError, InputError, UnsupportedError } from '../../base/index.js';
import type { ProgramSpec } from '../../object/spec.js';
import { errno, mapFlags } from '../../platform/index.js';
import type { BpfMap } from '../map.js';
import { hashBytes } from './hash-function.js';
import { PerfEventArrayMap } from './perf-event-array.js';
import { ProgArrayMap } from './prog-array.js';
import { MapBench, mapSpec, u32 } from './testing.js';

const { E2BIG, EBADF, EEXIST, EINVAL, ENODEV, ENOENT, ENOTSUPP, ENOSPC, EOPNOTSUPP, EOVERFLOW, EPERM } = errno;

function keysOf(map: BpfMap): number[] {
  return [...map.entries()].map(({ key }) => new DataView(key.buffer).getUint32(0, true));
}

describe('creating a map', () => {
  it('names the map, its shape and the error number', () => {
    const bench = new MapBench();
    expect(() => bench.make({ type: 'hash', name: 'flows', keySize: 0 })).toThrow(InputError);
    expect(() => bench.make({ type: 'hash', name: 'flows', keySize: 0 })).toThrow(/`flows`.*hash, key 0 B.*EINVAL/);
  });

  it('says which map does not fit into guest memory', () => {
    const make = (): BpfMap =>
      new MapBench().make({ type: 'array', name: 'huge', valueSize: 1 << 20, maxEntries: 1 << 14 });
    expect(make).toThrow(BudgetError);
    expect(make).toThrow(/`huge`/);
  });

  it('lets an object carry maps of other types until something uses them', () => {
    const map = new MapBench().make({ type: 'sockmap', name: 'sockets' });
    expect([...map.entries()]).toEqual([]);
    expect(() => map.lookup(0, 0)).toThrow(UnsupportedError);
    expect(() => map.lookup(0, 0)).toThrow(/`sockets` is of type sockmap/);
  });

  it('rounds a ring buffer up as libbpf does and gives a perf event array a slot a CPU', () => {
    const bench = new MapBench({ cpus: 3 });
    const ring = (maxEntries: number): number =>
      bench.make({ type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries }).spec.maxEntries;
    expect([1, 4096, 4097, 12288].map(ring)).toEqual([4096, 4096, 8192, 16384]);
    expect(bench.make({ type: 'perf_event_array', maxEntries: 0 }).spec.maxEntries).toBe(3);
  });

  it('rounds an LRU map with lists of its own to the number of CPUs', () => {
    const map = new MapBench({ cpus: 4 }).make({ type: 'lru_hash', flags: mapFlags.noCommonLru, maxEntries: 10 });
    expect(map.spec.maxEntries).toBe(12);
  });
});

describe('access from user space', () => {
  it('is refused where the map says so, and after freezing', () => {
    const bench = new MapBench();
    const readOnly = bench.make({ type: 'array', flags: mapFlags.rdonly });
    expect(readOnly.updateElem(u32(0), u32(1))).toBe(-EPERM);
    expect(readOnly.lookupElem(u32(0))).toEqual(u32(0));
    const writeOnly = bench.make({ type: 'array', flags: mapFlags.wronly });
    expect(writeOnly.lookupElem(u32(0))).toBe(-EPERM);
    expect(writeOnly.nextKey(undefined)).toBe(-EPERM);
    const map = bench.make({ type: 'array' });
    expect(map.updateElem(u32(0), u32(1))).toBe(0);
    map.freeze();
    expect(map.updateElem(u32(0), u32(2))).toBe(-EPERM);
  });

  it('counts the changes that succeeded', () => {
    const map = new MapBench().make({ type: 'hash' });
    map.updateElem(u32(1), u32(1));
    map.updateElem(u32(1), u32(1), 1n);
    map.deleteElem(u32(1));
    map.deleteElem(u32(1));
    expect(map.version).toBe(2);
  });
});

describe('a value that a program may not write', () => {
  it('is read-only memory', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'array', flags: mapFlags.rdonlyProg });
    const value = map.lookup(bench.key(1), 0);
    expect(bench.memory.canRead(value, 4)).toBe(true);
    expect(bench.memory.canWrite(value, 4)).toBe(false);
  });

  it('ends with its element', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'array', valueSize: 6 });
    const value = map.lookup(bench.key(1), 0);
    expect(bench.memory.canWrite(value + 4, 2)).toBe(true);
    expect(bench.memory.canWrite(value + 4, 4)).toBe(false);
  });
});

describe('array', () => {
  it('has all elements from the start and loses none', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'array' });
    expect(map.lookup(bench.key(4), 0)).toBe(0);
    expect(map.update(bench.key(4), bench.value(), 0n, 0)).toBe(-E2BIG);
    expect(map.update(bench.key(3), bench.value(), 1n, 0)).toBe(-EEXIST);
    expect(map.update(bench.key(3), bench.value(), 3n, 0)).toBe(-EINVAL);
    expect(map.delete(bench.key(3), 0)).toBe(-EINVAL);
    expect(keysOf(map)).toEqual([0, 1, 2, 3]);
  });

  it('has a direct value only when it has one element', () => {
    const bench = new MapBench();
    expect(bench.make({ type: 'array', maxEntries: 2 }).directValue()).toBe(0);
    const map = bench.make({ type: 'array', maxEntries: 1 });
    expect(map.directValue()).toBe(map.lookup(bench.key(0), 0));
  });

  it('shows a callback key and value of every element', () => {
    const bench = new MapBench({ cpus: 2 });
    const map = bench.make({ type: 'percpu_array', maxEntries: 3 });
    map.update(bench.key(2), bench.value(7), 0n, 1);
    const seen: number[][] = [];
    for (const { key, value } of map.elements(1)) seen.push([bench.memory.load32(key), bench.memory.load32(value)]);
    expect(seen).toEqual([
      [0, 0],
      [1, 0],
      [2, 7],
    ]);
  });

  it('costs nothing until it is used, however long it is', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'lru_hash', maxEntries: 20_000_000 });
    expect(map.updateElem(u32(1), u32(2))).toBe(0);
    expect(map.lookupElem(u32(1))).toEqual(u32(2));
  });
});

describe('per-CPU values', () => {
  it('are one a CPU, rounded up to 8 bytes for user space', () => {
    const bench = new MapBench({ cpus: 2 });
    const map = bench.make({ type: 'percpu_hash', valueSize: 4 });
    expect(map.update(bench.key(1), bench.value(5), 0n, 1)).toBe(0);
    expect(map.lookupElem(u32(1))).toEqual(u32(0, 0, 5, 0));
    expect(map.updateElem(u32(1), u32(8, 0, 9, 0))).toBe(0);
    expect(bench.memory.load32(map.lookup(bench.key(1), 0))).toBe(8);
    expect(bench.memory.load32(map.lookupPercpu(bench.key(1), 1))).toBe(9);
    expect(map.lookupPercpu(bench.key(1), 2)).toBe(0);
  });
});

describe('hash', () => {
  it('keeps the old value readable when a key is updated', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'hash' });
    map.update(bench.key(1), bench.value(10), 0n, 0);
    const old = map.lookup(bench.key(1), 0);
    map.update(bench.key(1), bench.value(11), 0n, 0);
    expect(bench.memory.load32(old)).toBe(10);
    expect(bench.memory.load32(map.lookup(bench.key(1), 0))).toBe(11);
    expect(bench.memory.canRead(old, 4)).toBe(true);
  });

  it('goes on with the elements after one that the callback deletes', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'hash', maxEntries: 64 });
    for (let i = 0; i < 64; i++) map.updateElem(u32(i), u32(i));
    let seen = 0;
    for (const { key } of map.elements(0)) {
      seen++;
      expect(map.delete(key, 0)).toBe(0);
    }
    expect(seen).toBe(64);
    expect(keysOf(map)).toEqual([]);
  });

  it('tells keys apart that have one hash and differ in the last bytes alone', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'hash', keySize: 7 });
    // Found by trying.
    const [one, other] = [Uint8Array.of(1, 2, 3, 4, 0x80, 0x19, 2), Uint8Array.of(1, 2, 3, 4, 0x8c, 0x66, 2)];
    const hashOf = (key: Uint8Array): number => hashBytes(bench.memory.view, bench.key(key), 7, 0);
    expect(hashOf(one)).toBe(hashOf(other));
    map.updateElem(one, u32(1));
    expect(map.lookupElem(other)).toBe(-ENOENT);
    map.updateElem(other, u32(2));
    expect([map.lookupElem(one), map.lookupElem(other)]).toEqual([u32(1), u32(2)]);
  });

  it('leaves a spin lock alone and asks for one when BPF_F_LOCK is given', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'hash', valueSize: 12 }, { facts: { spinLockOffset: 4 } });
    expect(map.updateElem(u32(1), u32(1, 2, 3), 4n)).toBe(0);
    const value = map.lookup(bench.key(1), 0);
    expect([0, 4, 8].map((at) => bench.memory.load32(value + at))).toEqual([1, 0, 3]);
    bench.memory.store32(value + 4, 1);
    expect(map.updateElem(u32(1), u32(5, 6, 7), 4n)).toBe(0);
    expect(map.lookup(bench.key(1), 0)).toBe(value);
    expect([0, 4, 8].map((at) => bench.memory.load32(value + at))).toEqual([5, 1, 7]);
    expect(map.lookupElem(u32(1), 4n)).toEqual(u32(5, 0, 7));
    expect(bench.make({ type: 'hash' }).updateElem(u32(1), u32(1), 4n)).toBe(-EINVAL);
  });
});

describe('a Bloom filter', () => {
  it('of few bits has room for a long value beside them', () => {
    const bench = new MapBench();
    // Longer than the pages that the bits take.
    const valueSize = 28_672;
    const filter = bench.make({ type: 'bloom_filter', keySize: 0, valueSize, maxEntries: 4 });
    const array = bench.make({ type: 'array', valueSize: 64 });
    const value = new Uint8Array(64).fill(0xa5);
    expect(array.updateElem(u32(0), value)).toBe(0);
    expect(filter.updateElem(new Uint8Array(0), new Uint8Array(valueSize).fill(1))).toBe(0);
    expect(array.lookupElem(u32(0))).toEqual(value);
    expect(filter.peek(bench.value(new Uint8Array(valueSize).fill(1)))).toBe(0);
  });
});

describe('a prefix tree', () => {
  it('tells a new prefix from one that is there, though another lies on the way', () => {
    const map = new MapBench().make({ type: 'lpm_trie', keySize: 8, maxEntries: 2, flags: mapFlags.noPrealloc });
    const [wide, narrow, other] = [u32(8, 10), u32(16, 0x010a), u32(8, 11)];
    expect(map.updateElem(wide, u32(1), 2n)).toBe(-ENOENT);
    expect([map.updateElem(wide, u32(1), 1n), map.updateElem(wide, u32(2), 1n)]).toEqual([0, -EEXIST]);
    expect([map.updateElem(narrow, u32(3), 2n), map.updateElem(narrow, u32(3), 1n)]).toEqual([-ENOENT, 0]);
    expect([map.updateElem(other, u32(4)), map.updateElem(narrow, u32(5), 2n)]).toEqual([-ENOSPC, 0]);
    expect([map.lookupElem(wide), map.lookupElem(narrow)]).toEqual([u32(1), u32(5)]);
  });

  it('is walked from longer prefixes to the shorter ones that contain them, and to an end', () => {
    const map = new MapBench().make({ type: 'lpm_trie', keySize: 8, maxEntries: 8, flags: mapFlags.noPrealloc });
    const keys = [u32(16, 0x010a), u32(16, 0x020a), u32(8, 10), u32(8, 11)];
    for (const key of keys) map.updateElem(key, u32(1));
    const walk: Uint8Array[] = [];
    for (let key = map.nextKey(undefined); typeof key !== 'number' && walk.length < 8; key = map.nextKey(key))
      walk.push(key);
    expect(walk).toEqual(keys);
  });
});

describe('maps of maps', () => {
  const inner = mapSpec({ type: 'array', maxEntries: 2 });

  it.each(['array_of_maps', 'hash_of_maps'] as const)(
    '%s gives programs the inner map and user space its id',
    (type) => {
      const bench = new MapBench();
      const map = bench.make({ type, inner });
      const array = bench.make({ type: 'array', maxEntries: 2 });
      const other = bench.make({ type: 'array', maxEntries: 3 });
      expect(map.lookup(bench.key(1), 0)).toBe(0);
      expect(map.updateElem(u32(1), u32(array.id))).toBe(0);
      expect(map.lookup(bench.key(1), 0)).toBe(array.handle);
      expect(map.lookupElem(u32(1))).toEqual(u32(array.id));
      expect(map.updateElem(u32(1), u32(other.id))).toBe(-EINVAL);
      expect(map.updateElem(u32(1), u32(99))).toBe(-EBADF);
      expect(map.deleteElem(u32(1))).toBe(0);
      expect(map.deleteElem(u32(1))).toBe(-ENOENT);
      expect(map.lookup(bench.key(1), 0)).toBe(0);
    },
  );

  it('take no map of maps and no PROG_ARRAY', () => {
    const bench = new MapBench();
    expect(() => bench.make({ type: 'array_of_maps', inner: mapSpec({ type: 'array_of_maps', inner }) })).toThrow(
      /EINVAL/,
    );
    expect(() => bench.make({ type: 'array_of_maps', inner: mapSpec({ type: 'prog_array' }) })).toThrow(/ENOTSUPP/);
    expect(() => bench.make({ type: 'array_of_maps' })).toThrow(/EBADF/);
  });

  it('take arrays of any length with BPF_F_INNER_MAP', () => {
    const bench = new MapBench();
    const flags = mapFlags.innerMap;
    const map = bench.make({ type: 'array_of_maps', inner: { ...inner, flags } });
    expect(map.updateElem(u32(0), u32(bench.make({ type: 'array', maxEntries: 9, flags }).id))).toBe(0);
  });

  it.each([
    ['an array', 'array', 0, -EINVAL],
    ['an array with BPF_F_INNER_MAP', 'array', mapFlags.innerMap, 0],
    ['a hash', 'hash', 0, 0],
    ['an XSKMAP', 'xskmap', 0, -EINVAL],
  ] as const)('tell whether %s of another length goes in', (_, type, flags, result) => {
    const bench = new MapBench();
    const map = bench.make({ type: 'array_of_maps', inner: mapSpec({ type, maxEntries: 2, flags }) });
    const put = (maxEntries: number): number => map.updateElem(u32(0), u32(bench.make({ type, maxEntries, flags }).id));
    expect([put(2), put(3)]).toEqual([0, result]);
  });
});

describe('references', () => {
  it('PROG_ARRAY holds programs by number', () => {
    const programs = [{}, {}] as unknown as ProgramSpec[];
    const map = new MapBench({ programs }).make({ type: 'prog_array' }) as ProgArrayMap;
    expect(map).toBeInstanceOf(ProgArrayMap);
    expect(map.updateElem(u32(1), u32(2))).toBe(0);
    expect([map.programAt(1), map.programAt(0), map.programAt(4), map.programAt(0xffff_ffff)]).toEqual([2, 0, 0, 0]);
    expect(map.updateElem(u32(1), u32(3))).toBe(-EBADF);
    expect(map.updateElem(u32(4), u32(1))).toBe(-E2BIG);
    expect(map.updateElem(u32(1), u32(1), 1n)).toBe(-EINVAL);
    expect(map.lookupElem(u32(0))).toBe(-ENOENT);
    expect(map.deleteElem(u32(9))).toBe(-E2BIG);
  });

  it('PERF_EVENT_ARRAY has a listener on every CPU until one is taken away', () => {
    const map = new MapBench({ cpus: 2 }).make({ type: 'perf_event_array', maxEntries: 4 }) as PerfEventArrayMap;
    expect(map).toBeInstanceOf(PerfEventArrayMap);
    expect(map.slotFor(0xffff_ffff, 1)).toBe(1);
    expect(map.slotFor(0, 1)).toBe(-EOPNOTSUPP);
    expect(map.slotFor(2, 0)).toBe(-ENOENT);
    expect(map.slotFor(4, 0)).toBe(-E2BIG);
    expect(map.deleteElem(u32(1))).toBe(0);
    expect(map.slotFor(0xffff_ffff, 1)).toBe(-ENOENT);
    expect(map.lookupElem(u32(0))).toBe(-ENOTSUPP);
    expect(map.updateElem(u32(1), u32(1))).toBe(0);
    expect(map.slotFor(0xffff_ffff, 1)).toBe(1);
  });
});

describe('targets of redirects', () => {
  const programs = [{ attach: 'xdp' }, { attach: 'xdp_devmap' }, { attach: 'xdp_cpumap' }] as unknown as ProgramSpec[];

  it.each(['devmap', 'devmap_hash'] as const)('%s holds an interface and a program that runs there', (type) => {
    const bench = new MapBench({ programs, interfaceExists: (ifindex) => ifindex < 10 });
    const map = bench.make({ type, valueSize: 8 });
    expect(map.updateElem(u32(1), u32(5, 2))).toBe(0);
    expect(map.updateElem(u32(2), u32(5, 1))).toBe(-EINVAL);
    expect(map.updateElem(u32(2), u32(11, 0))).toBe(-EINVAL);
    expect(map.updateElem(u32(2), u32(6, 0xffff_ffff))).toBe(0);
    expect(map.lookupElem(u32(2))).toEqual(u32(6, 0));
    const value = map.lookup(bench.key(1), 0);
    expect(bench.memory.load32(value)).toBe(5);
    expect(bench.memory.canWrite(value, 4)).toBe(false);
    expect(keysOf(map)).toEqual([1, 2]);
  });

  it('DEVMAP empties a slot for interface 0 and deletes what is not there', () => {
    const map = new MapBench().make({ type: 'devmap' });
    expect(map.updateElem(u32(1), u32(5))).toBe(0);
    expect(map.updateElem(u32(1), u32(0))).toBe(0);
    expect(map.lookupElem(u32(1))).toBe(-ENOENT);
    expect([map.deleteElem(u32(1)), map.deleteElem(u32(4))]).toEqual([0, -EINVAL]);
    expect([map.updateElem(u32(4), u32(5)), map.updateElem(u32(1), u32(5), 1n)]).toEqual([-E2BIG, -EEXIST]);
  });

  it('DEVMAP_HASH takes any key, and no more than max_entries of them', () => {
    const map = new MapBench().make({ type: 'devmap_hash', maxEntries: 2 });
    expect([7, 1_000_007, 9].map((key) => map.updateElem(u32(key), u32(3)))).toEqual([0, 0, -E2BIG]);
    expect(map.updateElem(u32(7), u32(4))).toBe(0);
    expect([map.updateElem(u32(7), u32(4), 1n), map.updateElem(u32(9), u32(0))]).toEqual([-EEXIST, -EINVAL]);
    expect([map.deleteElem(u32(7)), map.deleteElem(u32(7))]).toEqual([0, -ENOENT]);
    expect(map.updateElem(u32(9), u32(3))).toBe(0);
    expect(new Set(keysOf(map))).toEqual(new Set([9, 1_000_007]));
  });

  it.each([1, 5, 9])('DEVMAP_HASH has room for all of its %d elements and for none of another map’s', (maxEntries) => {
    const bench = new MapBench();
    const maps = [1, 2].map(() => bench.make({ type: 'devmap_hash', maxEntries }));
    const keys = Array.from({ length: maxEntries }, (_, key) => key);
    // The second one first: what is written behind the first one's end would be its.
    for (const [i, map] of maps.toReversed().entries())
      for (const key of keys) expect(map.updateElem(u32(key), u32(10 * i + key + 1))).toBe(0);
    const targets = maps.map((map) => keys.map((key) => map.lookupElem(u32(key))));
    expect(targets).toEqual([10, 0].map((from) => keys.map((key) => u32(from + key + 1))));
    expect(maps.map((map) => keysOf(map).length)).toEqual([maxEntries, maxEntries]);
    for (const map of maps)
      for (const key of keys) expect(bench.memory.canRead(map.lookup(bench.key(key), 0), 4)).toBe(true);
  });

  it('CPUMAP checks CPU, queue size and program', () => {
    const map = new MapBench({ cpus: 2, programs }).make({ type: 'cpumap', valueSize: 8 });
    const update = (key: number, queue: number, program: number): number =>
      map.updateElem(u32(key), u32(queue, program));
    expect([update(1, 192, 3), update(2, 192, 0), update(0, 16385, 0), update(4, 1, 0)]).toEqual([
      0,
      -ENODEV,
      -EOVERFLOW,
      -E2BIG,
    ]);
    expect(update(1, 0, 0)).toBe(0);
    expect(map.lookupElem(u32(1))).toBe(-ENOENT);
  });

  it('XSKMAP tells user space nothing', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'xskmap' });
    expect(map.updateElem(u32(1), u32(0), 2n)).toBe(-ENOENT);
    expect(map.updateElem(u32(1), u32(0), 1n)).toBe(0);
    expect(map.updateElem(u32(1), u32(3), 1n)).toBe(-EEXIST);
    expect(map.lookupElem(u32(1))).toBe(-EOPNOTSUPP);
    expect(map.lookup(bench.key(1), 0)).not.toBe(0);
    expect(map.lookup(bench.key(2), 0)).toBe(0);
  });
});

describe('queue, stack and bloom filter', () => {
  it.each([
    ['queue', [2, 3, 4]],
    ['stack', [4, 3, 2]],
  ] as const)('%s drops its oldest element for BPF_EXIST', (type, order) => {
    const bench = new MapBench();
    const map = bench.make({ type, keySize: 0, maxEntries: 3 });
    for (const i of [1, 2, 3]) expect(map.push(bench.value(i), 0n)).toBe(0);
    expect(map.push(bench.value(4), 0n)).toBe(-E2BIG);
    expect(map.push(bench.value(4), 1n)).toBe(-EINVAL);
    expect(map.push(bench.value(4), 2n)).toBe(0);
    for (const expected of order) {
      const buffer = bench.value(0);
      expect(map.peek(buffer)).toBe(0);
      expect(map.pop(buffer)).toBe(0);
      expect(bench.memory.load32(buffer)).toBe(expected);
    }
    const buffer = bench.value(0xffff_ffff);
    expect(map.pop(buffer)).toBe(-ENOENT);
    expect(bench.memory.load32(buffer)).toBe(0);
  });

  it('a bloom filter finds what was pushed', () => {
    const bench = new MapBench();
    const map = bench.make({ type: 'bloom_filter', keySize: 0, maxEntries: 100 });
    for (let i = 0; i < 100; i++) expect(map.push(bench.value(i), 0n)).toBe(0);
    for (let i = 0; i < 100; i++) expect(map.peek(bench.value(i))).toBe(0);
    expect(map.push(bench.value(1), 1n)).toBe(-EINVAL);
    expect(map.pop(bench.value())).toBe(-EOPNOTSUPP);
    let found = 0;
    for (let i = 1000; i < 2000; i++) if (map.peek(bench.value(i)) === 0) found++;
    expect(found).toBeLessThan(100);
  });
});
