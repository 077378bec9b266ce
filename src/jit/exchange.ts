import type { Machine } from '../vm/index.js';

/**
 * Guest memory that compiled code and its JavaScript side share.
 *
 *     0   u64 r0 to r5: arguments and result of a helper call
 *     88  u32 cpu
 *     92  u32 a helper that a trace called has refused
 */
export const exchange = { registers: 0, cpu: 88, refused: 92, size: 96 } as const;

/**
 * What a compiled helper answers if nothing has changed and JavaScript has to do it: neither an error number nor the
 * address of a record looks like it.
 */
export const leftToHost = 0x7fff_ffff;

/** Guest memory that belongs to compiled code and to no program. */
export interface Areas {
  /** Guest address of {@link exchange}. */
  readonly exchange: number;
  /**
   * Guest address of a region of its own where keys are put together, as long as the longest; helpers find it open
   * while code runs.
   */
  readonly keys: number;
}

/** Both areas, closed. */
export function allocateAreas({ memory, maps }: Machine): Areas {
  const longest = maps.reduce((most, { spec }) => Math.max(most, spec.keySize), 8);
  const registers = memory.allocate('scratch', 'registers of compiled code', exchange.size);
  const keys = memory.allocate('scratch', 'keys of compiled code', longest);
  registers.hi = registers.lo;
  keys.hi = keys.lo;
  return { exchange: registers.start, keys: keys.start };
}
