import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LruPolicy } from './lru.js';

describe('LRU', () => {
  it('evicts what was used longest ago, as a list kept in order of use does', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (accesses, capacity) => {
        const policy = new LruPolicy<number>();
        let model: number[] = [];
        for (const key of accesses) {
          if (model.includes(key)) {
            policy.hit(key);
            model = [...model.filter((other) => other !== key), key];
            continue;
          }
          if (model.length === capacity) {
            const victim = policy.victim();
            expect(victim).toBe(model.shift());
            policy.removed(victim);
          }
          policy.inserted(key);
          model.push(key);
        }
      }),
    );
  });
});
