/**
 * A lock for the helpers of machines that share memory: a map operation in JavaScript is many loads and stores, and
 * one thread at a time makes them. One word of guest memory: 0 free, 1 held, 2 held and waited for (Drepper, "Futexes
 * Are Tricky", mutex 2).
 */
import type { GuestMemory } from './memory.js';

/** Taken for the length of a map operation; not reentrant. */
export class Mutex {
  private readonly memory: GuestMemory;
  private readonly at: number;

  constructor(memory: GuestMemory) {
    const region = memory.allocate('scratch', 'lock of helpers', 4);
    region.hi = region.lo;
    this.memory = memory;
    this.at = region.start >>> 2;
  }

  /** Runs `action` while no other thread runs one. Not for use within an action. */
  hold<T>(action: () => T): T {
    const words = new Int32Array(this.memory.memory.buffer);
    const { at } = this;
    if (Atomics.compareExchange(words, at, 0, 1) !== 0) {
      while (Atomics.exchange(words, at, 2) !== 0) Atomics.wait(words, at, 2);
    }
    try {
      return action();
    } finally {
      if (Atomics.exchange(words, at, 0) === 2) Atomics.notify(words, at, 1);
    }
  }
}
