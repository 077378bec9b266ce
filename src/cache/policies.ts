import { LruPolicy } from './lru.js';
import type { PolicyRow } from './policy.js';

export const policies: readonly PolicyRow[] = [
  { name: 'lru', description: 'least recently used', create: <T>() => new LruPolicy<T>() },
];

export function findPolicy(name: string): PolicyRow | undefined {
  return policies.find((policy) => policy.name === name);
}
