/**
 * Guest memory that compiled code and its JavaScript side share.
 *
 *     0   u64 r0 to r5: arguments and result of a helper call
 *     88  u32 cpu
 *     92  u32 a helper that a trace called has refused
 */
export const exchange = { registers: 0, cpu: 88, refused: 92, size: 96 } as const;

/** What a compiled helper answers if nothing has changed and JavaScript has to do it: neither an error number nor the address of a record looks like it. */
export const leftToHost = 0x7fff_ffff;
