/** For tests: sequences of requests, and which of them hit. */
import { findPolicy } from './policies.js';
import type { PolicyRow } from './policy.js';
import { ReferenceString } from './reference-string.js';
import type { ReplacementOptions } from './replacement.js';
import { simulate } from './simulate.js';

/** A sequence of keys as a reference string; `bits` gives the match bits of a key. */
export function referenceOf(keys: readonly number[], bits: (key: number) => number = () => 1): ReferenceString {
  const reference = new ReferenceString();
  for (const key of keys) reference.add(key, bits(key));
  return reference;
}

/** The policy's row; throws where there is none. */
export function policyNamed(name: string): PolicyRow {
  const row = findPolicy(name);
  if (row === undefined) throw new Error(`no policy ${name}`);
  return row;
}

/** For each request whether it hit. */
export function hitsOf(reference: ReferenceString, options: ReplacementOptions): boolean[] {
  const hits: boolean[] = [];
  simulate(reference, options, undefined, (_path, isHit) => hits.push(isHit));
  return hits;
}
