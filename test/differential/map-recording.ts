import type { MapResult } from './map-scenario.js';

/**
 * What a kernel answered: for each scenario (the first of that name) the digest of all results, and the last result
 * where it is a short list of keys.
 */
export interface Recording {
  readonly kernel: string;
  readonly cpus: number;
  readonly results: Record<string, RecordedResults>;
}

export interface RecordedResults {
  readonly operations: number;
  readonly digest: string;
  readonly keys?: readonly string[];
}

/** FNV-1a, 64 bits, over the results as JSON. */
export function digest(results: readonly MapResult[]): RecordedResults {
  let hash = 0xcbf29ce484222325n;
  for (const char of JSON.stringify(results)) {
    hash = ((hash ^ BigInt(char.charCodeAt(0))) * 0x100000001b3n) & 0xffff_ffff_ffff_ffffn;
  }
  const last = results.at(-1);
  const keys = typeof last === 'object' && last.length <= 16 ? { keys: last } : {};
  return { operations: results.length, digest: hash.toString(16).padStart(16, '0'), ...keys };
}
