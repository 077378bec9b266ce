import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { openExample } from '../../test/support/examples.js';
import { encodeInsns } from '../isa/index.js';
import { tagOf } from './tag.js';

it('is the beginning of the SHA-256', () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => 7 * i);
    expect(tagOf(bytes)).toBe(createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  }
});

it('is what bpftool shows of an example in Linux 6.18', () => {
  const { main } = openExample('ipv6-filter');
  expect(tagOf(encodeInsns(main.insns))).toBe('79fca3fa44f9766f');
});
