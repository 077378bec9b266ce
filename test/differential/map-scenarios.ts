/**
 * The scenarios: some by hand, for the rules that a random sequence seldom meets, the others by a seeded generator, a
 * few for each map type.
 */
import { Prng } from '../../src/packet/index.js';
import { mapFlags } from '../../src/platform/index.js';
import { type MapOp, type MapScenario, type MapShape, toHex } from './map-scenario.js';

/** CPUs that the scenarios are made for: the kernel that replays them must have as many possible ones. */
export const scenarioCpus = 2;

const { noPrealloc, noCommonLru, zeroSeed } = mapFlags;

function u32(value: number): string {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return toHex(bytes);
}

interface Recipe {
  readonly name: string;
  readonly map: MapShape;
  readonly count: number;
  /** Relative frequency of operations. */
  readonly ops: readonly MapOp['op'][];
  readonly key: (random: Prng) => string;
  readonly flags?: readonly number[];
}

const hashOps: MapOp['op'][] = ['lookup', 'update', 'update', 'update', 'delete', 'next', 'take'];
const programOps: MapOp['op'][] = ['program-lookup', 'program-update', 'program-delete'];
const anyFlags = [0, 0, 0, 0, 1, 2, 3, 4, 8];
const small = (random: Prng): string => u32(random.below(12));
const zipfian = (random: Prng): string => u32(Math.floor(400 ** random.float()));

/** Prefixes that nest: few distinct bits, all lengths, sometimes too long. */
function prefix(random: Prng): string {
  const length = random.chance(0.02) ? 33 + random.below(3) : random.below(33);
  const bits = random.pick([0x0a000000, 0x0a800000, 0x0aff00ff, 0xc0a80101, 0xc0a80180, 0xffffffff, 0]);
  const address = new Uint8Array(4);
  new DataView(address.buffer).setUint32(0, bits ^ (random.chance(0.3) ? 1 << random.below(32) : 0));
  return u32(length) + toHex(address);
}

const hash = { keySize: 4, valueSize: 8, maxEntries: 8, flags: zeroSeed } as const;

const recipes: Recipe[] = [
  {
    name: 'array',
    map: { type: 'array', keySize: 4, valueSize: 8, maxEntries: 10 },
    count: 200,
    ops: [...hashOps, ...programOps],
    key: small,
    flags: anyFlags,
  },
  {
    name: 'percpu_array',
    map: { type: 'percpu_array', keySize: 4, valueSize: 4, maxEntries: 10 },
    count: 200,
    ops: [...hashOps, ...programOps, 'cpu'],
    key: small,
    flags: anyFlags,
  },
  {
    name: 'hash',
    map: { type: 'hash', ...hash },
    count: 400,
    ops: [...hashOps, ...programOps, 'keys', 'cpu'],
    key: small,
    flags: anyFlags,
  },
  {
    name: 'hash without preallocation',
    map: { type: 'hash', ...hash, flags: zeroSeed | noPrealloc },
    count: 400,
    ops: [...hashOps, ...programOps, 'keys'],
    key: small,
    flags: anyFlags,
  },
  {
    name: 'hash with keys of 7 bytes',
    map: { type: 'hash', ...hash, keySize: 7, maxEntries: 100 },
    count: 300,
    ops: [...hashOps, 'keys'],
    key: (random) => toHex(random.bytes(7).map((byte) => byte & 3)),
  },
  {
    name: 'hash with keys of 40 bytes',
    map: { type: 'hash', ...hash, keySize: 40, maxEntries: 64 },
    count: 300,
    ops: ['lookup', 'update', 'update', 'keys'],
    key: (random) => toHex(random.bytes(40)),
  },
  {
    name: 'percpu_hash',
    map: { type: 'percpu_hash', ...hash },
    count: 300,
    ops: [...hashOps, ...programOps, 'keys', 'cpu'],
    key: small,
    flags: anyFlags,
  },
  {
    name: 'lpm_trie',
    map: { type: 'lpm_trie', keySize: 8, valueSize: 4, maxEntries: 40, flags: noPrealloc },
    count: 1200,
    ops: [...hashOps, ...programOps, 'keys'],
    key: prefix,
    flags: anyFlags,
  },
  {
    name: 'lpm_trie of 5 bytes',
    map: { type: 'lpm_trie', keySize: 9, valueSize: 3, maxEntries: 30, flags: noPrealloc },
    count: 400,
    ops: [...hashOps, 'keys'],
    key: (random) => u32(random.below(41)) + toHex(random.bytes(5).map((byte) => byte & 0xc1)),
  },
  {
    name: 'queue',
    map: { type: 'queue', keySize: 0, valueSize: 4, maxEntries: 5 },
    count: 200,
    ops: ['lookup', 'update', 'update', 'take', 'delete'],
    key: () => '',
    flags: anyFlags.slice(0, 7),
  },
  {
    name: 'stack',
    map: { type: 'stack', keySize: 0, valueSize: 4, maxEntries: 5 },
    count: 200,
    ops: ['lookup', 'update', 'update', 'take', 'delete'],
    key: () => '',
    flags: anyFlags.slice(0, 7),
  },
  {
    name: 'bloom_filter',
    map: { type: 'bloom_filter', keySize: 0, valueSize: 4, maxEntries: 16, flags: zeroSeed, extra: 3n },
    count: 300,
    ops: ['lookup', 'lookup', 'update'],
    key: () => '',
  },
  ...[1, 5, 64, 300].flatMap((maxEntries): Recipe[] =>
    (['lru_hash', 'lru_percpu_hash'] as const).flatMap((type) =>
      [0, noCommonLru].map((flags) => ({
        name: `${type} of ${maxEntries}${flags === 0 ? '' : ', own lists'}`,
        map: { type, keySize: 4, valueSize: 4, maxEntries, flags: flags | zeroSeed },
        count: 1500,
        ops: [
          'update',
          'program-update',
          'program-update',
          'program-lookup',
          'program-lookup',
          'program-lookup',
          'lookup',
          'delete',
          'program-delete',
          ...(maxEntries === 64 ? (['cpu'] as const) : []),
        ],
        key: zipfian,
        flags: [0, 0, 0, 0, 0, 0, 1, 2],
      })),
    ),
  ),
];

function valueSize(map: MapShape, programSide: boolean): number {
  const perCpu = map.type === 'percpu_array' || map.type === 'percpu_hash' || map.type === 'lru_percpu_hash';
  return perCpu && !programSide ? Math.ceil(map.valueSize / 8) * 8 * scenarioCpus : map.valueSize;
}

function cook(recipe: Recipe, seed: number): MapScenario {
  const random = new Prng(seed);
  const { map } = recipe;
  // A bloom filter is asked for values that may have been pushed.
  const value = (programSide: boolean): string =>
    map.type === 'bloom_filter' ? u32(random.below(60)) : toHex(random.bytes(valueSize(map, programSide)));
  const flags = recipe.flags ?? [0];
  const make = (): MapOp => {
    const op = random.pick(recipe.ops);
    switch (op) {
      case 'keys':
        return { op };
      case 'cpu':
        return { op, cpu: random.below(scenarioCpus) };
      case 'next':
        return random.chance(0.1) ? { op } : { op, key: recipe.key(random) };
      case 'update':
      case 'program-update':
        return { op, key: recipe.key(random), value: value(op === 'program-update'), flags: random.pick(flags) };
      default:
        return { op, key: map.type === 'bloom_filter' ? value(false) : recipe.key(random) };
    }
  };
  const ops = Array.from({ length: recipe.count }, make);
  if (!['queue', 'stack', 'bloom_filter'].includes(map.type)) ops.push({ op: 'keys' });
  return { name: recipe.name, map, ops };
}

export function generatedScenarios(seed: number): MapScenario[] {
  return recipes.map((recipe, i) => cook(recipe, seed * 1000 + i));
}

/**
 * Fills an LRU map to twice its size in order, touching every third key: which ones stay is the algorithm's signature.
 */
function sweep(type: 'lru_hash' | 'lru_percpu_hash', maxEntries: number, flags: number): MapScenario {
  const ops: MapOp[] = [];
  for (let key = 0; key < 2 * maxEntries; key++) {
    ops.push({ op: 'program-update', key: u32(key), value: u32(key), flags: 0 });
    if (key % 3 === 0) ops.push({ op: 'program-lookup', key: u32(Math.floor(key / 2)) });
  }
  ops.push({ op: 'keys' });
  return {
    name: `sweep over ${type} of ${maxEntries}${flags === 0 ? '' : ', own lists'}`,
    map: { type, keySize: 4, valueSize: 4, maxEntries, flags: flags | zeroSeed },
    ops,
  };
}

/** What Linux refuses and how, by hand. */
const rules: MapScenario[] = [
  {
    name: 'a full preallocated hash takes updates of its keys and no new ones',
    map: { type: 'hash', keySize: 4, valueSize: 4, maxEntries: 2, flags: zeroSeed },
    ops: [
      { op: 'update', key: u32(1), value: u32(10), flags: 1 },
      { op: 'update', key: u32(1), value: u32(11), flags: 1 },
      { op: 'update', key: u32(2), value: u32(20), flags: 2 },
      { op: 'update', key: u32(2), value: u32(20) },
      { op: 'update', key: u32(3), value: u32(30) },
      { op: 'update', key: u32(1), value: u32(12), flags: 2 },
      { op: 'program-update', key: u32(2), value: u32(21) },
      { op: 'program-update', key: u32(3), value: u32(21) },
      { op: 'keys' },
      { op: 'lookup', key: u32(1), flags: 4 },
      { op: 'lookup', key: u32(1), flags: 1 },
      { op: 'update', key: u32(1), value: u32(1), flags: 4 },
    ],
  },
  {
    name: 'frozen in time: the order of a walk with colliding buckets',
    map: { type: 'hash', keySize: 4, valueSize: 4, maxEntries: 200, flags: zeroSeed },
    ops: [
      ...Array.from({ length: 200 }, (_, i): MapOp => ({ op: 'update', key: u32(i * 7919), value: u32(i) })),
      { op: 'keys' },
    ],
  },
  // Interface 1 is the loopback interface everywhere.
  ...(['devmap', 'devmap_hash'] as const).map(
    (type): MapScenario => ({
      name: `${type} refuses what is no interface`,
      map: { type, keySize: 4, valueSize: 8, maxEntries: 2 },
      ops: [
        { op: 'update', key: u32(1), value: u32(1) + u32(0) },
        { op: 'update', key: u32(1), value: u32(1) + u32(0xffffffff) },
        { op: 'lookup', key: u32(1) },
        { op: 'update', key: u32(1), value: u32(1) + u32(0), flags: 1 },
        { op: 'update', key: u32(0), value: u32(1) + u32(0), flags: 2 },
        { op: 'update', key: u32(0), value: u32(1) + u32(0), flags: 3 },
        { op: 'update', key: u32(0), value: u32(0) + u32(0) },
        { op: 'update', key: u32(7), value: u32(1) + u32(0) },
        { op: 'update', key: u32(8), value: u32(1) + u32(0) },
        { op: 'delete', key: u32(1) },
        { op: 'delete', key: u32(1) },
        { op: 'delete', key: u32(9) },
        { op: 'lookup', key: u32(1) },
        { op: 'take', key: u32(1) },
      ],
    }),
  ),
  {
    name: 'cpumap checks queue and CPU',
    map: { type: 'cpumap', keySize: 4, valueSize: 8, maxEntries: 4 },
    ops: [
      { op: 'update', key: u32(1), value: u32(64) + u32(0) },
      { op: 'lookup', key: u32(1) },
      { op: 'update', key: u32(1), value: u32(64) + u32(0), flags: 1 },
      { op: 'update', key: u32(1), value: u32(16385) + u32(0) },
      { op: 'update', key: u32(2), value: u32(64) + u32(0) },
      { op: 'update', key: u32(4), value: u32(64) + u32(0) },
      { op: 'update', key: u32(0), value: u32(64) + u32(0), flags: 3 },
      { op: 'update', key: u32(1), value: u32(0) + u32(0) },
      { op: 'lookup', key: u32(1) },
      { op: 'delete', key: u32(1) },
      { op: 'delete', key: u32(4) },
      { op: 'lookup', key: u32(4) },
    ],
  },
  ...(['prog_array', 'perf_event_array', 'xskmap'] as const).map(
    (type): MapScenario => ({
      name: `${type} without anything to put in`,
      map: { type, keySize: 4, valueSize: 4, maxEntries: 4 },
      ops: [
        { op: 'update', key: u32(3), value: u32(0xffffffff) },
        { op: 'update', key: u32(4), value: u32(0xffffffff) },
        { op: 'update', key: u32(3), value: u32(0xffffffff), flags: 3 },
        { op: 'lookup', key: u32(3) },
        { op: 'lookup', key: u32(4) },
        { op: 'delete', key: u32(3) },
        { op: 'delete', key: u32(4) },
        { op: 'next', key: u32(2) },
        { op: 'next', key: u32(3) },
        { op: 'next' },
        { op: 'take', key: u32(3) },
      ],
    }),
  ),
  ...(['array_of_maps', 'hash_of_maps'] as const).map(
    (type): MapScenario => ({
      name: `${type} without anything to put in`,
      map: {
        type,
        keySize: 4,
        valueSize: 4,
        maxEntries: 4,
        inner: { type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 },
      },
      ops: [
        { op: 'update', key: u32(1), value: u32(0xffffffff) },
        { op: 'update', key: u32(4), value: u32(0xffffffff) },
        { op: 'update', key: u32(1), value: u32(0xffffffff), flags: 3 },
        { op: 'lookup', key: u32(1) },
        { op: 'lookup', key: u32(4) },
        { op: 'delete', key: u32(1) },
        { op: 'delete', key: u32(4) },
        { op: 'take', key: u32(1) },
      ],
    }),
  ),
  {
    name: 'ring buffers have no elements',
    map: { type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 4096 },
    ops: [
      { op: 'lookup', key: '' },
      { op: 'delete', key: '' },
      { op: 'take', key: '' },
    ],
  },
];

export function handScenarios(): MapScenario[] {
  const sweeps = [2, 7, 100, 256, 600, 1024].flatMap((size) =>
    (['lru_hash', 'lru_percpu_hash'] as const).flatMap((type) => [
      sweep(type, size, 0),
      sweep(type, size, noCommonLru),
    ]),
  );
  return [...rules, ...sweeps];
}
