/** Flags of an update (include/uapi/linux/bpf.h); BPF_F_LOCK is `lockFlag`. */
import { errno } from '../../platform/index.js';
import { lockFlag } from '../map.js';

/** Make or replace. */
export const BPF_ANY = 0n;
/** Make; -EEXIST if there is one. */
export const BPF_NOEXIST = 1n;
/** Replace; -ENOENT if there is none. */
export const BPF_EXIST = 2n;

/**
 * EEXIST or ENOENT where the flags of an update ask for the opposite of what is there (check_flags of hashtab.c), else
 * 0.
 */
export function checkExistence(exists: boolean, flags: bigint): number {
  if (flags === BPF_ANY) return 0;
  const wanted = flags & ~lockFlag;
  if (exists && wanted === BPF_NOEXIST) return -errno.EEXIST;
  if (!exists && wanted === BPF_EXIST) return -errno.ENOENT;
  return 0;
}
