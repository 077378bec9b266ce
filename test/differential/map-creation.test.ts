/**
 * Which maps Linux creates, and with what it refuses the others: jitnic's table against the running kernel. Needs
 * bpf(2); reported as skipped elsewhere.
 */
import { describe, expect, it } from 'vitest';
import { Bpf } from '../../src/linux/index.js';
import { refuseMap } from '../../src/object/index.js';
import { errno, type MapTypeName } from '../../src/platform/index.js';
import { createInKernel, type MapShape, specOf } from './map-scenario.js';

const bpf = Bpf.tryOpen();

const types: MapTypeName[] = [
  'array',
  'percpu_array',
  'hash',
  'percpu_hash',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'prog_array',
  'perf_event_array',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'devmap_hash',
  'cpumap',
  'xskmap',
  'queue',
  'stack',
  'bloom_filter',
  'ringbuf',
  'stack_trace',
  'cgroup_array',
  'sockmap',
  'sockhash',
  'reuseport_sockarray',
  'cgroup_storage',
  'percpu_cgroup_storage',
  'sk_storage',
  'inode_storage',
  'task_storage',
  'cgrp_storage',
  'user_ringbuf',
  'arena',
  'struct_ops',
];
const keySizes = [0, 4, 5, 8, 260, 261];
const valueSizes = [0, 1, 4, 8, 32768, 32769, 4_000_000];
/** Sizes that only types of other programs have limits near. */
const foreignSizes = [16, 96, 513, 1016, 1024, 4064];
const lengths = [0, 1, 3, 4096, 8193];
const flagBits = [0, ...Array.from({ length: 21 }, (_, bit) => 1 << bit), 0x18, 0x180, 0x401, 0x81, 0x101];

function* shapes(type: MapTypeName): IterableIterator<MapShape> {
  const inner: MapShape = { type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 };
  const withInner = type === 'array_of_maps' || type === 'hash_of_maps' ? { inner } : {};
  const usual = usualShape(type);
  for (const keySize of keySizes) {
    for (const valueSize of valueSizes) {
      for (const maxEntries of lengths) {
        // Large values times many elements only ask how much memory there is.
        if (valueSize * maxEntries < 1e7)
          yield { type, keySize, valueSize, maxEntries, flags: usual.flags ?? 0, ...withInner };
      }
    }
  }
  for (const size of foreignSizes) {
    yield { ...usual, keySize: size, ...withInner };
    yield { ...usual, valueSize: size, ...withInner };
    yield { ...usual, valueSize: size, flags: (usual.flags ?? 0) | 0x20, ...withInner };
  }
  for (const flags of flagBits) yield { ...usual, flags, ...withInner };
  for (const flags of flagBits) yield { ...usual, flags: (usual.flags ?? 0) | flags, ...withInner };
  for (const extra of [1n, 15n, 16n, 4096n, 0xffff_f000n, 5n << 32n]) yield { ...usual, extra, ...withInner };
}

function usualShape(type: MapTypeName): MapShape {
  if (type === 'lpm_trie') return { type, keySize: 8, valueSize: 4, maxEntries: 4, flags: 1 };
  if (type === 'arena') return { type, keySize: 0, valueSize: 0, maxEntries: 4, flags: 0x400 };
  if (type === 'stack_trace') return { type, keySize: 4, valueSize: 32, maxEntries: 4 };
  if (type.endsWith('cgroup_storage')) return { type, keySize: 8, valueSize: 4, maxEntries: 0 };
  if (type === 'ringbuf' || type === 'user_ringbuf') return { type, keySize: 0, valueSize: 0, maxEntries: 4096 };
  const keyless = type === 'queue' || type === 'stack' || type === 'bloom_filter';
  return { type, keySize: keyless ? 0 : 4, valueSize: 4, maxEntries: 4 };
}

/** Creation flags that say how the call is to be read, not what the map is: BPF_F_VTYPE_BTF_OBJ_FD, BPF_F_TOKEN_FD. */
const callFlags = (1 << 15) | (1 << 16);

describe.skipIf(bpf === undefined)('creation agrees with the running kernel', () => {
  const kernel = bpf as Bpf;
  it.each(types)('%s', (type) => {
    const differences: string[] = [];
    for (const shape of shapes(type)) {
      if (((shape.flags ?? 0) & callFlags) !== 0) continue;
      const theirs = createInKernel(kernel, shape);
      if (theirs >= 0) kernel.close(theirs);
      if (theirs === -errno.ENOMEM) continue;
      // How many CPUs a kernel is built for is its own affair.
      if (type === 'cpumap' && shape.maxEntries > 4) continue;
      const ours = refuseMap(specOf(shape))?.errno ?? 0;
      if (Math.min(theirs, 0) !== ours) {
        const { inner, extra, ...plain } = shape;
        differences.push(`${JSON.stringify(plain)} extra ${extra ?? 0n}: Linux ${Math.min(theirs, 0)}, jitnic ${ours}`);
      }
    }
    expect(differences).toEqual([]);
  });
  it.each(['hash', 'lpm_trie', 'queue', 'bloom_filter', 'cgroup_storage', 'percpu_cgroup_storage'] as const)(
    '%s: the largest value',
    (type) => {
      const usual = usualShape(type);
      const accepts = (valueSize: number): readonly boolean[] => {
        const shape = { ...usual, maxEntries: Math.min(usual.maxEntries, 1), valueSize };
        const fd = createInKernel(kernel, shape);
        if (fd >= 0) kernel.close(fd);
        return [fd >= 0, refuseMap(specOf(shape)) === undefined];
      };
      let low = 1;
      let high = 1 << 23;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (accepts(middle)[0] === true) low = middle;
        else high = middle;
      }
      expect({ low, ours: [accepts(low)[1], accepts(high)[1]] }).toEqual({ low, ours: [true, false] });
    },
  );
});
