/**
 * Linux error numbers that maps, helpers and bpf(2) return (include/uapi/asm-generic/errno*.h). Positive; results
 * carry them negated.
 */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  ELOOP: 40,
  ENODATA: 61,
  ETIME: 62,
  ENONET: 64,
  EPROTO: 71,
  EOVERFLOW: 75,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENETUNREACH: 101,
  ENOTSUPP: 524,
} as const;

/** Names of error numbers. */
export type ErrnoName = keyof typeof errno;

/** `EINVAL` for 22 or -22; the number as text if it has no name here. */
export function errnoName(value: number): string {
  const positive = Math.abs(value);
  for (const [name, number] of Object.entries(errno)) if (number === positive) return name;
  return String(positive);
}
