/**
 * Nanoseconds of what programs do, by element: who runs them. A table has a price for each kind of instruction, for
 * helpers, and for what a look-up walks over; where a figure is from stands beside it.
 */
import type { MapTypeName } from '../platform/index.js';
import type { InsnKind } from './weights.js';

/** Prices of one element. */
export interface CostTable {
  readonly name: string;
  /** Nanoseconds of any packet: reaching the hook and preparing. */
  readonly packet: number;
  readonly insns: Readonly<Record<InsnKind, number>>;
  /** By name; look-ups, updates and deletions have rows of their own. */
  readonly helpers: Readonly<Record<string, number>>;
  /** A look-up that finds its key at once. */
  readonly lookups: Readonly<Partial<Record<MapTypeName, number>>>;
  /** Each element of a chain, or node of a trie, that is looked at. */
  readonly probe: number;
  readonly node: number;
  /** An update or deletion. */
  readonly updates: Readonly<Partial<Record<MapTypeName, number>>>;
  /** Any other call of a helper. */
  readonly otherHelper: number;
  readonly source: string;
}

const line = (instruction: number): Record<InsnKind, number> => ({
  alu: instruction,
  multiply: instruction,
  divide: 5 * instruction,
  load: instruction,
  store: instruction,
  // Measured in this project's kernel notes: an atomic addition adds 4.1 ns.
  atomic: 4.1,
  jump: instruction,
  call: instruction,
  helper: instruction,
});

const measured = {
  bpf_ktime_get_ns: 22.8,
  bpf_ktime_get_boot_ns: 22.8,
  bpf_ktime_get_coarse_ns: 3.5,
  bpf_get_prandom_u32: 3,
  bpf_get_smp_processor_id: 0.4,
  bpf_ringbuf_reserve: 11.4,
} as const;

/** By name. */
export const costTables: Readonly<Record<string, CostTable>> = {
  kernel: {
    name: 'kernel',
    packet: 38,
    insns: line(0.38),
    helpers: measured,
    lookups: { array: 0.4, percpu_array: 0.7, hash: 5.9, percpu_hash: 6.6, lru_hash: 6.3, lru_percpu_hash: 7 },
    probe: 1.5,
    node: 4,
    updates: { array: 4, percpu_array: 4, hash: 24.8, percpu_hash: 24.8, lru_hash: 30, lru_percpu_hash: 30 },
    otherHelper: 3,
    source:
      "XDP itself 38 ns: CoNEXT 2025; an instruction 0.38 ns: a line through the examples' times (jitnic bench, AMD EPYC); helpers and maps: ns added in TEST_RUN, Linux 6.18; a probe, a node of a trie, other helpers: assumed",
  },
  wasm: {
    name: 'wasm',
    packet: 38,
    insns: line(0.44),
    helpers: { ...measured, bpf_ktime_get_ns: 1, bpf_ktime_get_boot_ns: 1 },
    lookups: { array: 0.5, percpu_array: 0.7, hash: 7, percpu_hash: 7, lru_hash: 7.5, lru_percpu_hash: 7.5 },
    probe: 1.5,
    node: 4,
    updates: { array: 4, percpu_array: 4, hash: 25, percpu_hash: 25, lru_hash: 30, lru_percpu_hash: 30 },
    otherHelper: 5,
    source:
      "an instruction 0.44 ns: a line through the examples' times (jitnic bench, AMD EPYC); XDP itself 38 ns: CoNEXT 2025; maps, helpers: assumed near the kernel's",
  },
};
