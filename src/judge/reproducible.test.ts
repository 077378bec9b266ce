import { describe, expect, it } from 'vitest';
import { assembleUbpf } from '../isa/index.js';
import { bareObject } from './engines.js';
import { isReproducible } from './reproducible.js';

const reproducible = (text: string): boolean =>
  isReproducible(bareObject(assembleUbpf(text, {}, 'test')), 'main', [{ data: new Uint8Array(60) }], () => undefined);

describe('an outcome', () => {
  it('that packet and maps decide is reproducible', () => {
    expect(reproducible('ldxw %r2, [%r1]\nldxw %r3, [%r1+4]\nsub %r3, %r2\nmov %r0, %r3\nexit')).toBe(true);
  });

  it('that an address or unwritten stack decides is not', () => {
    expect(reproducible('ldxw %r0, [%r1]\nexit')).toBe(false);
    expect(reproducible('mov %r0, %r10\nexit')).toBe(false);
    expect(reproducible('ldxw %r0, [%r10-8]\nexit')).toBe(false);
  });
});
