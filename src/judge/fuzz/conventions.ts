/** What all generated code agrees on. */
import { op } from '../../isa/index.js';

/** Holds the context throughout. */
export const ctxReg = 6;
export const fp = 10;
/** Bytes of stack that the prologue initialises; keys and helper memory live there. */
export const stackBytes = 64;
/** Bytes of the caller's stack that a callback is given. */
export const callbackMemory = 16;
export const tailCallHelper = 12;

export const sizes: readonly { readonly bytes: number; readonly code: number }[] = [
  { bytes: 1, code: op.SIZE_B },
  { bytes: 2, code: op.SIZE_H },
  { bytes: 4, code: op.SIZE_W },
  { bytes: 8, code: op.SIZE_DW },
];
