/**
 * Guest memory that compiled code and its JavaScript side share.
 *
 *     0   u64 r0 to r5: arguments and result of a helper call
 *     88  u32 cpu
 */
export const exchange = { registers: 0, cpu: 88, size: 96 } as const;
