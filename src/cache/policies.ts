import { ArcPolicy } from './arc.js';
import { BeladyPolicy } from './belady.js';
import { ClockPolicy } from './clock.js';
import { FifoPolicy } from './fifo.js';
import { LfuPolicy } from './lfu.js';
import { LruPolicy } from './lru.js';
import type { PolicyRow } from './policy.js';
import { S3FifoPolicy } from './s3-fifo.js';
import { SievePolicy } from './sieve.js';
import { WTinyLfuPolicy } from './w-tinylfu.js';

/** Replacement policies of the trace cache, as `--policy` takes them. */
export const policies: readonly PolicyRow[] = [
  {
    name: 'fifo',
    description: 'installed longest ago',
    offline: false,
    forgivesOrder: true,
    create: () => new FifoPolicy(),
  },
  {
    name: 'lru',
    description: 'least recently used',
    offline: false,
    forgivesOrder: true,
    create: () => new LruPolicy(),
  },
  {
    name: 'lfu',
    description: 'least frequently used',
    offline: false,
    forgivesOrder: false,
    create: () => new LfuPolicy(),
  },
  {
    name: 'clock',
    description: 'second chance, in a ring',
    offline: false,
    forgivesOrder: false,
    create: () => new ClockPolicy(),
  },
  {
    name: 'sieve',
    description: 'second chance, in place',
    offline: false,
    forgivesOrder: false,
    create: () => new SievePolicy(),
  },
  {
    name: 's3-fifo',
    description: 'a small queue for what is new, a main one, ghosts',
    offline: false,
    forgivesOrder: false,
    create: (options) => new S3FifoPolicy(options),
  },
  {
    name: 'arc',
    description: 'recency and frequency, balanced by ghosts',
    offline: false,
    forgivesOrder: false,
    create: (options) => new ArcPolicy(options),
  },
  {
    name: 'w-tinylfu',
    description: 'a window, then a contest by frequency',
    offline: false,
    forgivesOrder: false,
    create: (options) => new WTinyLfuPolicy(options),
  },
  {
    name: 'belady',
    description: 'not asked for again for longest: the optimum, from the future',
    offline: true,
    forgivesOrder: false,
    create: (options) => new BeladyPolicy(options),
  },
];

/** Those that a card can have. */
export const onlinePolicies: readonly PolicyRow[] = policies.filter((policy) => !policy.offline);

/** The row of that name, if there is one. */
export function findPolicy(name: string): PolicyRow | undefined {
  return policies.find((policy) => policy.name === name);
}
