/**
 * Kernel functions (kfuncs) that an XDP program may call and that jitnic knows, a row each: what the verifier asks of
 * a call and what comes back. Signatures as in kernel/bpf/helpers.c, net/core/xdp.c (bpf_xdp_metadata_rx_*) and
 * net/netfilter/nf_conntrack_bpf.c of Linux 6.18. A kfunc without a row is refused in jitnic's own words: whether
 * Linux has it depends on the kernel's modules.
 */
import { firstKfunc } from './engine-helpers.js';

/** Classes of arguments, in the order of the registers. */
export type KfuncArg =
  /** A number. */
  | 'number'
  /** A stack slot for an iterator, not in use. */
  | 'iterator new'
  /** An iterator that was made and not destroyed. */
  | 'iterator'
  | 'ctx'
  /** A dynptr on the stack. */
  | 'dynptr'
  /** Room for a new one: over the packet, or of the kind of the one before. */
  | 'dynptr xdp new'
  | 'dynptr clone new'
  /** Memory that is written, or NULL; its size comes next. */
  | 'buffer?'
  /** The size of that, a constant. */
  | 'const size'
  /** Memory that is read and written; its size comes next. */
  | 'mem'
  /** The size of that. */
  | 'mem size'
  /** Anything at all; it is not looked at. */
  | 'ignored'
  /** Number of a type of the kernel's, a constant. */
  | 'const type'
  /** So many bytes, read and written. */
  | { readonly fixed: number }
  /** A structure of the kernel that is held (platform/kernel-struct.ts), by its name. */
  | KernelArg;

/** Structures that calls take and give. */
export type KernelArg = 'nf_conn' | 'nf_conn___init';

/** A row: what the verifier asks of a call. */
export interface KfuncRow {
  readonly args: readonly KfuncArg[];
  /**
   * `slice?`: memory of the dynptr, as long as the constant size says, or NULL. A structure, or NULL: it is held, and
   * has to be released. `cast`: memory of the type that the constant names, which may not be there.
   */
  readonly ret: 'integer' | 'void' | 'iterator item?' | 'slice?' | 'cast' | `${KernelArg}?`;
  /** What is passed is no longer held afterwards (KF_RELEASE). */
  readonly releases?: true;
  /** As in a helper's row: packet pointers are void afterwards. */
  readonly moves?: 'tail';
  /** The dynptr is another one afterwards. */
  readonly adjusts?: true;
  /** A slice that may not be written. */
  readonly readonly?: true;
  /** Bytes that an item has, for `iterator item?`. */
  readonly itemSize?: number;
  /** It changes nothing but the bytes behind its arguments. */
  readonly onlyArguments?: true;
  /** What the call does to the iterator of its first argument. */
  readonly iterator?: 'new' | 'next' | 'destroy';
}

/** In the order of the rows' numbers in the engines (see {@link kfuncNumber}). */
export const kfuncNames = [
  'bpf_iter_num_new',
  'bpf_iter_num_next',
  'bpf_iter_num_destroy',
  'bpf_dynptr_from_xdp',
  'bpf_dynptr_slice',
  'bpf_dynptr_slice_rdwr',
  'bpf_dynptr_adjust',
  'bpf_dynptr_is_null',
  'bpf_dynptr_is_rdonly',
  'bpf_dynptr_size',
  'bpf_dynptr_clone',
  'bpf_dynptr_copy',
  'bpf_dynptr_memset',
  'bpf_xdp_pull_data',
  'bpf_xdp_ct_lookup',
  'bpf_xdp_ct_alloc',
  'bpf_ct_insert_entry',
  'bpf_ct_release',
  'bpf_ct_set_timeout',
  'bpf_ct_change_timeout',
  'bpf_ct_set_status',
  'bpf_ct_change_status',
  'bpf_ct_set_nat_info',
  'bpf_rdonly_cast',
  'bpf_xdp_metadata_rx_timestamp',
  'bpf_xdp_metadata_rx_hash',
  'bpf_xdp_metadata_rx_vlan_tag',
] as const;

/** Names of the kfuncs that have a row: each needs an implementation, which the compiler asks for. */
export type KfuncName = (typeof kfuncNames)[number];

/** What a connection is looked up by: the context, a tuple and options, each with its size. */
const connection: readonly KfuncArg[] = ['ctx', 'mem', 'mem size', 'mem', 'mem size'];

/** Numbers iterators: `bpf_for(i, 0, n)` of bpf_helpers.h becomes the first three. */
const rows: Readonly<Record<KfuncName, KfuncRow>> = {
  bpf_iter_num_new: { args: ['iterator new', 'number', 'number'], ret: 'integer', iterator: 'new' },
  bpf_iter_num_next: { args: ['iterator'], ret: 'iterator item?', itemSize: 4, iterator: 'next' },
  bpf_iter_num_destroy: { args: ['iterator'], ret: 'void', iterator: 'destroy' },
  bpf_dynptr_from_xdp: { args: ['ctx', 'number', 'dynptr xdp new'], ret: 'integer' },
  bpf_dynptr_slice: { args: ['dynptr', 'number', 'buffer?', 'const size'], ret: 'slice?', readonly: true },
  bpf_dynptr_slice_rdwr: { args: ['dynptr', 'number', 'buffer?', 'const size'], ret: 'slice?' },
  bpf_dynptr_adjust: { args: ['dynptr', 'number', 'number'], ret: 'integer', adjusts: true },
  bpf_dynptr_is_null: { args: ['dynptr'], ret: 'integer' },
  bpf_dynptr_is_rdonly: { args: ['dynptr'], ret: 'integer' },
  bpf_dynptr_size: { args: ['dynptr'], ret: 'integer' },
  bpf_dynptr_clone: { args: ['dynptr', 'dynptr clone new'], ret: 'integer' },
  bpf_dynptr_copy: { args: ['dynptr', 'number', 'dynptr', 'number', 'number'], ret: 'integer' },
  bpf_dynptr_memset: { args: ['dynptr', 'number', 'number', 'number'], ret: 'integer' },
  bpf_xdp_pull_data: { args: ['ctx', 'number'], ret: 'integer', moves: 'tail' },
  bpf_xdp_ct_lookup: { args: connection, ret: 'nf_conn?' },
  bpf_xdp_ct_alloc: { args: connection, ret: 'nf_conn___init?' },
  bpf_ct_insert_entry: { args: ['nf_conn___init'], ret: 'nf_conn?', releases: true },
  bpf_ct_release: { args: ['nf_conn'], ret: 'void', releases: true },
  bpf_ct_set_timeout: { args: ['nf_conn___init', 'number'], ret: 'void' },
  bpf_ct_change_timeout: { args: ['nf_conn', 'number'], ret: 'integer' },
  bpf_ct_set_status: { args: ['nf_conn___init', 'number'], ret: 'integer' },
  bpf_ct_change_status: { args: ['nf_conn', 'number'], ret: 'integer' },
  bpf_ct_set_nat_info: { args: ['nf_conn___init', { fixed: 16 }, 'number', 'number'], ret: 'integer' },
  bpf_rdonly_cast: { args: ['ignored', 'const type'], ret: 'cast' },
  bpf_xdp_metadata_rx_timestamp: { args: ['ctx', { fixed: 8 }], ret: 'integer', onlyArguments: true },
  bpf_xdp_metadata_rx_hash: { args: ['ctx', { fixed: 4 }, { fixed: 4 }], ret: 'integer', onlyArguments: true },
  bpf_xdp_metadata_rx_vlan_tag: { args: ['ctx', { fixed: 2 }, { fixed: 2 }], ret: 'integer', onlyArguments: true },
};

const kfuncTable: ReadonlyMap<string, KfuncRow> = new Map(kfuncNames.map((name) => [name, rows[name]]));

/** The row of a kfunc; undefined where jitnic has none. */
export function kfuncRow(name: string): KfuncRow | undefined {
  return kfuncTable.get(name);
}

/** Kfuncs that ask for the table of connections: their names say so. */
export function asksForConnections(kfunc: string): boolean {
  return kfunc.includes('_ct_') && kfuncRow(kfunc) !== undefined;
}

/** Under which number the engines call a kfunc, as if it were a helper; undefined where jitnic has none. */
export function kfuncNumber(name: string): number | undefined {
  const index = [...kfuncTable.keys()].indexOf(name);
  return index < 0 ? undefined : firstKfunc + index;
}

/** The name of the kfunc that the engines call under this number, for listings. */
export function kfuncName(number: number): string | undefined {
  return kfuncNames[number - firstKfunc];
}

/** Kfuncs that only a program bound to a device may call (bpf_dev_bound_kfunc_check in kernel/bpf/offload.c). */
export const deviceKfuncs: ReadonlySet<string> = new Set([
  'bpf_xdp_metadata_rx_hash',
  'bpf_xdp_metadata_rx_timestamp',
  'bpf_xdp_metadata_rx_vlan_tag',
]);

/** Does the program ask the device that it is bound to what it knows of a frame? */
export function asksForFrameMetadata(kfuncs: readonly { readonly name: string }[]): boolean {
  return kfuncs.some(({ name }) => deviceKfuncs.has(name));
}
