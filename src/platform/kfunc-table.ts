/**
 * Kernel functions (kfuncs) that an XDP program may call and that jitnic knows, a row each: what the verifier asks of
 * a call and what comes back. Signatures as in kernel/bpf/helpers.c and net/core/xdp.c of Linux 6.18. A kfunc without
 * a row is refused in jitnic's own words: whether Linux has it depends on the kernel's modules.
 */
import { firstKfunc } from './engine-helpers.js';

/** Classes of arguments, in the order of the registers. */
export type KfuncArg =
  /** A number. */
  | 'number'
  /** A stack slot for an iterator, not in use. */
  | 'iterator new'
  /** An iterator that was made and not destroyed. */
  | 'iterator';

/** A row: what the verifier asks of a call. */
export interface KfuncRow {
  readonly args: readonly KfuncArg[];
  readonly ret: 'integer' | 'void' | 'iterator item?';
  /** Bytes that an item has, for `iterator item?`. */
  readonly itemSize?: number;
  /** What the call does to the iterator of its first argument. */
  readonly iterator?: 'new' | 'next' | 'destroy';
}

/** In the order of the rows' numbers in the engines (see {@link kfuncNumber}). */
const kfuncNames = ['bpf_iter_num_new', 'bpf_iter_num_next', 'bpf_iter_num_destroy'] as const;

/** Names of the kfuncs that have a row: each needs an implementation, which the compiler asks for. */
export type KfuncName = (typeof kfuncNames)[number];

/** Numbers iterators: `bpf_for(i, 0, n)` of bpf_helpers.h becomes these three. */
const rows: Readonly<Record<KfuncName, KfuncRow>> = {
  bpf_iter_num_new: { args: ['iterator new', 'number', 'number'], ret: 'integer', iterator: 'new' },
  bpf_iter_num_next: { args: ['iterator'], ret: 'iterator item?', itemSize: 4, iterator: 'next' },
  bpf_iter_num_destroy: { args: ['iterator'], ret: 'void', iterator: 'destroy' },
};

const kfuncTable: ReadonlyMap<string, KfuncRow> = new Map(kfuncNames.map((name) => [name, rows[name]]));

/** The row of a kfunc; undefined where jitnic has none. */
export function kfuncRow(name: string): KfuncRow | undefined {
  return kfuncTable.get(name);
}

/** Under which number the engines call a kfunc, as if it were a helper; undefined where jitnic has none. */
export function kfuncNumber(name: string): number | undefined {
  const index = [...kfuncTable.keys()].indexOf(name);
  return index < 0 ? undefined : firstKfunc + index;
}
