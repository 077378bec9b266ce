/** What all generated code agrees on. */
import { op } from '../../isa/index.js';

/** Holds the context throughout. */
export const ctxReg = 6;
/** The frame pointer, r10. */
export const fp = 10;
/** Bytes of stack that the prologue initialises; keys and helper memory live there. */
export const stackBytes = 64;
/** Bytes of the caller's stack that a callback is given. */
export const callbackMemory = 16;

/** Sizes of accesses with their opcode bits. */
export const sizes: readonly { readonly bytes: number; readonly code: number }[] = [
  { bytes: 1, code: op.SIZE_B },
  { bytes: 2, code: op.SIZE_H },
  { bytes: 4, code: op.SIZE_W },
  { bytes: 8, code: op.SIZE_DW },
];

/** Where results are gathered (scalar-statements.ts), below r10; loop counters stand below that. */
export const accumulatorAt: number = stackBytes + 8;

/** Maps that are looked up by key. */
export const keyedMaps: readonly string[] = [
  'array',
  'hash',
  'percpu_array',
  'percpu_hash',
  'lru',
  'trie',
  'lru_percpu',
];
/** Constants at the edges of widths and counts, where arithmetic goes wrong first. */
export const interesting: readonly number[] = [
  0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff, -0x80000000, -2,
];
