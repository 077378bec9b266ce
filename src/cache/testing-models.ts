/**
 * For tests: each policy once more, as plainly as it can be said, with arrays that are searched and rebuilt. Sizes in
 * one unit; the newest comes first in every array. No code is shared with the policies, but for the sketch of
 * W-TinyLFU, which has tests of its own.
 */
import { FrequencySketch } from './frequency-sketch.js';

/** A cache that only says whether it hit. */
export interface Model {
  /** Asks for a key; true for a hit. */
  ask(key: number): boolean;
}

/** Size of a key's entry. */
type Sizes = (key: number) => number;

const total = (keys: readonly number[], sizeOf: Sizes): number => keys.reduce((sum, key) => sum + sizeOf(key), 0);
const without = (keys: readonly number[], key: number): number[] => keys.filter((other) => other !== key);
/** Ghosts: the oldest keys go until the rest fits. */
const forgetTo = (keys: readonly number[], room: number, sizeOf: Sizes): number[] => {
  let kept = [...keys];
  while (total(kept, sizeOf) > room) kept = kept.slice(0, -1);
  return kept;
};

/** A model whose contents are one array: what a hit does to it, and who goes. */
function oneList(
  capacity: number,
  sizeOf: Sizes,
  rules: {
    hit: (list: number[], key: number) => number[];
    /** The victim, and the list with whatever else changed, the victim still in it. */
    victim: (list: number[]) => { readonly list: number[]; readonly victim: number };
    inserted?: (key: number) => void;
  },
): Model {
  let list: number[] = [];
  return {
    ask: (key) => {
      if (list.includes(key)) {
        list = rules.hit(list, key);
        return true;
      }
      if (sizeOf(key) > capacity) return false;
      while (total(list, sizeOf) + sizeOf(key) > capacity) {
        const next = rules.victim(list);
        list = without(next.list, next.victim);
      }
      list = [key, ...list];
      rules.inserted?.(key);
      return false;
    },
  };
}

const lastOf = (list: readonly number[]): number => list.at(-1) as number;

/** `entries`: how many keys there are, roughly, for models with a sketch. */
export type ModelMaker = (capacity: number, sizeOf: Sizes, entries: number) => Model;

/** By the names of the policies. */
export const models: Readonly<Record<string, ModelMaker>> = {
  fifo: (capacity, sizeOf) =>
    oneList(capacity, sizeOf, { hit: (list) => list, victim: (list) => ({ list, victim: lastOf(list) }) }),

  lru: (capacity, sizeOf) =>
    oneList(capacity, sizeOf, {
      hit: (list, key) => [key, ...without(list, key)],
      victim: (list) => ({ list, victim: lastOf(list) }),
    }),

  lfu: (capacity, sizeOf) => {
    const uses = new Map<number, number>();
    return oneList(capacity, sizeOf, {
      // In order of last use; the least used of the oldest goes.
      hit: (list, key) => {
        uses.set(key, (uses.get(key) ?? 0) + 1);
        return [key, ...without(list, key)];
      },
      inserted: (key) => uses.set(key, 1),
      victim: (list) => {
        const fewest = Math.min(...list.map((key) => uses.get(key) ?? 0));
        return { list, victim: list.findLast((key) => uses.get(key) === fewest) as number };
      },
    });
  },

  clock: (capacity, sizeOf) => {
    const marked = new Set<number>();
    return oneList(capacity, sizeOf, {
      hit: (list, key) => {
        marked.add(key);
        return list;
      },
      inserted: (key) => marked.add(key),
      victim: (list) => {
        let ring = list;
        while (marked.delete(lastOf(ring))) ring = [lastOf(ring), ...ring.slice(0, -1)];
        return { list: ring, victim: lastOf(ring) };
      },
    });
  },

  sieve: (capacity, sizeOf) => {
    const marked = new Set<number>();
    let hand: number | undefined;
    return oneList(capacity, sizeOf, {
      hit: (list, key) => {
        marked.add(key);
        return list;
      },
      victim: (list) => {
        let at = hand === undefined ? list.length - 1 : list.indexOf(hand);
        while (marked.delete(list[at] as number)) at = at === 0 ? list.length - 1 : at - 1;
        hand = at === 0 ? undefined : list[at - 1];
        return { list, victim: list[at] as number };
      },
    });
  },

  's3-fifo': (capacity, sizeOf) => {
    let small: number[] = [];
    let main: number[] = [];
    let ghosts: number[] = [];
    const uses = new Map<number, number>();
    const evictMain = (): void => {
      for (;;) {
        const key = lastOf(main);
        main = main.slice(0, -1);
        const count = uses.get(key) ?? 0;
        if (count === 0) return;
        uses.set(key, count - 1);
        main = [key, ...main];
      }
    };
    const evictSmall = (): void => {
      while (small.length > 0) {
        const key = lastOf(small);
        small = small.slice(0, -1);
        if ((uses.get(key) ?? 0) <= 1) {
          ghosts = forgetTo([key, ...without(ghosts, key)], 0.9 * capacity, sizeOf);
          return;
        }
        uses.set(key, 0);
        main = [key, ...main];
        if (total(main, sizeOf) > 0.9 * capacity) {
          evictMain();
          return;
        }
      }
    };
    return {
      ask: (key) => {
        if (small.includes(key) || main.includes(key)) {
          uses.set(key, Math.min(3, (uses.get(key) ?? 0) + 1));
          return true;
        }
        const isBack = ghosts.includes(key);
        ghosts = without(ghosts, key);
        if (sizeOf(key) > capacity) return false;
        while (total([...small, ...main], sizeOf) + sizeOf(key) > capacity) {
          if (small.length > 0 && (total(small, sizeOf) >= 0.1 * capacity || main.length === 0)) evictSmall();
          else evictMain();
        }
        uses.set(key, 0);
        if (isBack) main = [key, ...main];
        else small = [key, ...small];
        return false;
      },
    };
  },

  /** Figure 4 of the paper, case by case; pages of one size only. */
  arc: (c) => {
    let t1: number[] = [];
    let t2: number[] = [];
    let b1: number[] = [];
    let b2: number[] = [];
    let p = 0;
    const replace = (key: number): void => {
      if (t1.length >= 1 && ((b2.includes(key) && t1.length === p) || t1.length > p)) {
        b1 = [lastOf(t1), ...b1];
        t1 = t1.slice(0, -1);
      } else {
        b2 = [lastOf(t2), ...b2];
        t2 = t2.slice(0, -1);
      }
    };
    return {
      ask: (key) => {
        if (t1.includes(key) || t2.includes(key)) {
          t1 = without(t1, key);
          t2 = [key, ...without(t2, key)];
          return true;
        }
        if (b1.includes(key)) {
          p = Math.min(c, p + Math.max(b2.length / b1.length, 1));
          replace(key);
          b1 = without(b1, key);
          t2 = [key, ...t2];
          return false;
        }
        if (b2.includes(key)) {
          p = Math.max(0, p - Math.max(b1.length / b2.length, 1));
          replace(key);
          b2 = without(b2, key);
          t2 = [key, ...t2];
          return false;
        }
        const all = t1.length + t2.length + b1.length + b2.length;
        if (t1.length + b1.length === c) {
          if (t1.length < c) {
            b1 = b1.slice(0, -1);
            replace(key);
          } else t1 = t1.slice(0, -1);
        } else if (all >= c) {
          if (all === 2 * c) b2 = b2.slice(0, -1);
          replace(key);
        }
        t1 = [key, ...t1];
        return false;
      },
    };
  },

  'w-tinylfu': (capacity, sizeOf, entries) => {
    const sketch = new FrequencySketch(entries, 1);
    const windowSize = Math.max(1, 0.01 * capacity);
    let window: number[] = [];
    let probation: number[] = [];
    let kept: number[] = [];
    return {
      ask: (key) => {
        sketch.add(key);
        if (window.includes(key)) {
          window = [key, ...without(window, key)];
          return true;
        }
        if (kept.includes(key) || probation.includes(key)) {
          const wasKept = kept.includes(key);
          probation = without(probation, key);
          kept = [key, ...without(kept, key)];
          while (!wasKept && total(kept, sizeOf) > 0.8 * (capacity - windowSize) && kept.length > 1) {
            probation = [lastOf(kept), ...probation];
            kept = kept.slice(0, -1);
          }
          return true;
        }
        if (sizeOf(key) > capacity) return false;
        while (total([...window, ...probation, ...kept], sizeOf) + sizeOf(key) > capacity) {
          const candidate = window.at(-1);
          const victim = probation.at(-1) ?? kept.at(-1);
          const isFull = total(window, sizeOf) + sizeOf(key) > windowSize;
          const wins =
            candidate !== undefined &&
            victim !== undefined &&
            isFull &&
            sketch.estimate(candidate) > sketch.estimate(victim);
          if (wins) {
            window = without(window, candidate);
            probation = [candidate, ...probation];
          }
          const loser = victim === undefined || (candidate !== undefined && isFull && !wins) ? candidate : victim;
          window = without(window, loser as number);
          probation = without(probation, loser as number);
          kept = without(kept, loser as number);
        }
        window = [key, ...window];
        while (total(window, sizeOf) > windowSize && window.length > 1) {
          probation = [lastOf(window), ...probation];
          window = window.slice(0, -1);
        }
        return false;
      },
    };
  },
};

/**
 * Most hits that any choice of victims and newcomers can have, by trying them all. `bypass` false: every newcomer
 * comes in.
 */
export function exhaustiveOptimum(
  keys: readonly number[],
  capacity: number,
  sizeOf: Sizes = () => 1,
  bypass = true,
): number {
  /** Contents (as sorted text) -> most hits so far. */
  let states = new Map<string, { readonly contents: readonly number[]; readonly hits: number }>([
    ['', { contents: [], hits: 0 }],
  ]);
  for (const key of keys) {
    const next: typeof states = new Map();
    const keep = (contents: readonly number[], hits: number): void => {
      const name = [...contents].sort((a, b) => a - b).join();
      if ((next.get(name)?.hits ?? -1) < hits) next.set(name, { contents, hits });
    };
    for (const { contents, hits } of states.values()) {
      if (contents.includes(key)) keep(contents, hits + 1);
      else {
        if (bypass || sizeOf(key) > capacity) keep(contents, hits);
        for (const subset of subsets(contents)) {
          if (sizeOf(key) <= capacity && total(subset, sizeOf) + sizeOf(key) <= capacity) keep([key, ...subset], hits);
        }
      }
    }
    states = next;
  }
  return Math.max(...[...states.values()].map(({ hits }) => hits));
}

/** All of them: for models that try every choice. */
function subsets(keys: readonly number[]): number[][] {
  const all: number[][] = [[]];
  for (const key of keys) all.push(...all.map((subset) => [...subset, key]));
  return all;
}
