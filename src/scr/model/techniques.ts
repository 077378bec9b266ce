/**
 * How many packets a second n cores take, by formula, for each way to share a program's state:
 *
 *     scr      every core has a copy and replays (costs.ts)
 *     shard    packets of an element go to one core, by a hash as receive-side scaling has it; a core that gets more
 *              than its share is the limit
 *     migrate  the same with buckets of the hash moved between cores, each window by the loads of the one before, as
 *              RSS++ does; moving costs nothing here, so this is the best that it can be. An element is never split
 *     lock     any core takes any packet; the element is locked while it is changed, and its line comes from the core
 *              that had it last
 *     atomic   the same, of changes that are one atomic operation
 *
 * Sharding is a fluid: of what a core is offered beyond what it takes, so much is lost. Locks are a closed network of
 * queues (every core is a customer, every element a station; exact mean value analysis, Reiser and Lavenberg 1980),
 * which supposes that the time under a lock varies exponentially.
 */
import { mix32 } from '../../packet/index.js';
import { allowedLoss, type ScrCosts, scrThroughput } from './costs.js';
import { type KeyCounts, keyWindows, type Workload } from './workload.js';

/** In the order in which they are shown. */
export const techniques = ['scr', 'shard', 'migrate', 'lock', 'atomic'] as const;

/** One of {@link techniques}. */
export type Technique = (typeof techniques)[number];

/** What sharing costs, ns. */
export interface SharingCosts extends ScrCosts {
  /** A line of memory that another core has written comes over. */
  readonly transfer: number;
  /** Taking and giving back a lock that nobody else wants. */
  readonly lock: number;
  /** An atomic operation on a line that is here. */
  readonly atomic: number;
}

/** What sharing costs where nobody measured it: cores of one socket; assumed. */
export const assumedSharing = { transfer: 60, lock: 10, atomic: 6 } as const;

/** Packets that wait for a core at most. */
export const queueLength = 128;

/** Buckets of the hash, as cards have them. */
export const hashBuckets = 512;

/** The bucket of an element. */
export const bucketOf = (key: number): number => mix32(key, 0x5c9) % hashBuckets;

/** Core of each bucket, as an indirection table is when nobody has touched it. */
export const firstAssignment = (cores: number): Uint8Array =>
  Uint8Array.from({ length: hashBuckets }, (_, bucket) => bucket % cores);

/** Mpps that n cores take, by formula. */
export function predict(technique: Technique, costs: SharingCosts, workload: Workload, cores: number): number {
  switch (technique) {
    case 'scr':
      return scrThroughput(costs, cores);
    case 'shard':
    case 'migrate':
      return shardedThroughput(costs, keyWindows(workload), cores, technique === 'migrate');
    case 'lock':
    case 'atomic':
      return lockedThroughput(stationOf(technique, costs, cores), keyWindows(workload), cores);
  }
}

/** What n cores do by themselves and what under the element's lock, ns. */
export interface Station {
  readonly think: number;
  readonly held: number;
}

/**
 * The element was last had by another core in n - 1 of n cases. Under a lock is what a replay would do; an atomic
 * operation takes the line for itself alone.
 */
export function stationOf(technique: 'lock' | 'atomic', costs: SharingCosts, cores: number): Station {
  const { t, c2, transfer, lock, atomic } = costs;
  const comes = (transfer * (cores - 1)) / cores;
  if (technique === 'lock') return { think: Math.max(0, t - c2) + lock, held: c2 + comes };
  return { think: Math.max(0, t - atomic), held: atomic + comes };
}

/**
 * Carried at the rate whose loss is the one allowed. Within a window a core is offered its share evenly; what it does
 * not take waits for the next window, up to the length of its queue.
 */
function shardedThroughput({ t }: ScrCosts, windows: readonly KeyCounts[], cores: number, moves: boolean): number {
  let assignment = firstAssignment(cores);
  const total = windows.reduce((sum, { packets }) => sum + packets, 0);
  const loads = windows.map((window) => {
    const buckets = bucketLoads(window);
    const byCore = new Float64Array(cores);
    for (const [bucket, packets] of buckets.entries()) {
      const core = assignment[bucket] as number;
      byCore[core] = (byCore[core] as number) + packets;
    }
    if (moves) assignment = balanced(buckets, assignment, cores);
    return { byCore, packets: window.packets };
  });
  const core = 1000 / t;
  const carriedAt = (rate: number): number => {
    const waiting = new Float64Array(cores);
    let carried = 0;
    for (const { byCore, packets } of loads) {
      const takes = (core * packets) / rate;
      for (const [i, offered] of byCore.entries()) {
        const there = (waiting[i] as number) + offered;
        carried += Math.min(there, takes);
        waiting[i] = Math.min(queueLength, Math.max(0, there - takes));
      }
    }
    return carried / total;
  };
  let [low, high] = [core / 2, (core * cores) / (1 - allowedLoss)];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (carriedAt(middle) >= 1 - allowedLoss) low = middle;
    else high = middle;
  }
  return low * carriedAt(low);
}

/** Packets of a window by bucket. */
export function bucketLoads({ counts }: KeyCounts): Float64Array {
  const buckets = new Float64Array(hashBuckets);
  for (const { key, packets } of counts) buckets[bucketOf(key)] = (buckets[bucketOf(key)] as number) + packets;
  return buckets;
}

/**
 * Buckets over cores, the heaviest first, each to the core that has least; one that weighed nothing stays where it
 * was.
 */
export function balanced(buckets: Float64Array, before: Uint8Array, cores: number): Uint8Array {
  const assignment = before.slice();
  const loads = new Float64Array(cores);
  const order = [...buckets.keys()].filter((bucket) => (buckets[bucket] as number) > 0);
  order.sort((a, b) => (buckets[b] as number) - (buckets[a] as number) || a - b);
  for (const bucket of order) {
    let least = 0;
    for (let core = 1; core < cores; core++) if ((loads[core] as number) < (loads[least] as number)) least = core;
    assignment[bucket] = least;
    loads[least] = (loads[least] as number) + (buckets[bucket] as number);
  }
  return assignment;
}

/** Windows one after the other, each at its own rate. */
function lockedThroughput(station: Station, windows: readonly KeyCounts[], cores: number): number {
  const total = windows.reduce((sum, { packets }) => sum + packets, 0);
  const time = windows.reduce((sum, window) => sum + window.packets / meanValueAnalysis(station, window, cores), 0);
  return total / time;
}

/** Mpps of a closed network: one delay, and a first-come station an element; elements of equal counts are one row. */
function meanValueAnalysis({ think, held }: Station, window: KeyCounts, cores: number): number {
  const rows = new Map<number, number>();
  for (const { packets } of window.counts) rows.set(packets, (rows.get(packets) ?? 0) + 1);
  const shares = [...rows].map(([packets, elements]) => ({ share: packets / window.packets, elements, waiting: 0 }));
  let rate = 0;
  for (let customers = 1; customers <= cores; customers++) {
    let through = think;
    for (const { share, elements, waiting } of shares) through += elements * share * held * (1 + waiting);
    rate = customers / through;
    for (const row of shares) row.waiting = rate * row.share * held * (1 + row.waiting);
  }
  return 1000 * rate;
}
