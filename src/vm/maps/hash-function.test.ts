import { describe, expect, it } from 'vitest';
import { hashBytes } from './hash-function.js';

/** Of lookup3.c by Bob Jenkins (driver5), whose `hashlittle` Linux has as `jhash`. */
const published: readonly (readonly [text: string, seed: number, hash: number])[] = [
  ['', 0, 0xdeadbeef],
  ['', 0xdeadbeef, 0xbd5b7dde],
  ['Four score and seven years ago', 0, 0x17770551],
  ['Four score and seven years ago', 1, 0xcd628161],
];

describe('the hash function of maps', () => {
  it.each(published)('hashes `%s` with seed %i as published', (text, seed, hash) => {
    const bytes = new TextEncoder().encode(text);
    expect(hashBytes(new DataView(bytes.buffer), 0, bytes.length, seed)).toBe(hash);
  });
});
