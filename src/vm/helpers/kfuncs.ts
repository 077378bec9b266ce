/**
 * Kernel functions: called like helpers, under the numbers of `kfuncNumber`. Iterators follow kernel/bpf/bpf_iter.c.
 *
 * A numbers iterator on the program's stack:
 *
 *     0   s32   the number that `next` gave last
 *     4   s32   the first number that it does not give
 */
import { errno, type KfuncName, kfuncNumber, maxLoops } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import {
  ctChangeStatus,
  ctChangeTimeout,
  ctInsertEntry,
  ctRelease,
  ctSetNatInfo,
  ctSetStatus,
  ctSetTimeout,
  xdpCtAlloc,
  xdpCtLookup,
} from './conntrack-helpers.js';
import {
  dynptrAdjust,
  dynptrClone,
  dynptrCopy,
  dynptrFromXdp,
  dynptrIsNull,
  dynptrIsRdonly,
  dynptrMemset,
  dynptrSizeOf,
  dynptrSlice,
  dynptrSliceRdwr,
} from './dynptr-helpers.js';
import { type Helper, s32, setSigned, setUnsigned } from './helper.js';
import { metadataRxHash, metadataRxTimestamp, metadataRxVlanTag } from './metadata-helpers.js';
import { xdpPullData } from './packet-helpers.js';
import { rdonlyCast } from './probe.js';

const iteratorSize = 8;

/** bpf_iter_num_new(it, start, end): counts from `start` up to `end`, which is left out. */
function iterNumNew(machine: Machine, registers: Registers): void {
  const at = machine.writable(registers, 1, iteratorSize);
  const start = s32(registers, 2);
  const end = s32(registers, 3);
  const result = start > end ? -errno.EINVAL : end - start > maxLoops ? -errno.E2BIG : 0;
  machine.memory.storeHalves(at, result === 0 ? start - 1 : 0, result === 0 ? end : 0);
  setSigned(registers, result);
}

/** bpf_iter_num_next(it): the address of the next number, or 0 at the end. */
function iterNumNext(machine: Machine, registers: Registers): void {
  const at = machine.writable(registers, 1, iteratorSize);
  const next = (machine.memory.load32(at) + 1) | 0;
  const end = machine.memory.load32(at + 4) | 0;
  const isOver = next >= end;
  machine.memory.storeHalves(at, isOver ? 0 : next, isOver ? 0 : end);
  setUnsigned(registers, isOver ? 0 : at);
}

/** bpf_iter_num_destroy(it). */
function iterNumDestroy(machine: Machine, registers: Registers): void {
  machine.memory.storeHalves(machine.writable(registers, 1, iteratorSize), 0, 0);
  setUnsigned(registers, 0);
}

const byName: Readonly<Record<KfuncName, Helper>> = {
  bpf_iter_num_new: iterNumNew,
  bpf_iter_num_next: iterNumNext,
  bpf_iter_num_destroy: iterNumDestroy,
  bpf_dynptr_from_xdp: dynptrFromXdp,
  bpf_dynptr_slice: dynptrSlice,
  bpf_dynptr_slice_rdwr: dynptrSliceRdwr,
  bpf_dynptr_adjust: dynptrAdjust,
  bpf_dynptr_is_null: dynptrIsNull,
  bpf_dynptr_is_rdonly: dynptrIsRdonly,
  bpf_dynptr_size: dynptrSizeOf,
  bpf_dynptr_clone: dynptrClone,
  bpf_dynptr_copy: dynptrCopy,
  bpf_dynptr_memset: dynptrMemset,
  bpf_xdp_pull_data: xdpPullData,
  bpf_xdp_ct_lookup: xdpCtLookup,
  bpf_xdp_ct_alloc: xdpCtAlloc,
  bpf_ct_insert_entry: ctInsertEntry,
  bpf_ct_release: ctRelease,
  bpf_ct_set_timeout: ctSetTimeout,
  bpf_ct_change_timeout: ctChangeTimeout,
  bpf_ct_set_status: ctSetStatus,
  bpf_ct_change_status: ctChangeStatus,
  bpf_ct_set_nat_info: ctSetNatInfo,
  bpf_rdonly_cast: rdonlyCast,
  bpf_xdp_metadata_rx_timestamp: metadataRxTimestamp,
  bpf_xdp_metadata_rx_hash: metadataRxHash,
  bpf_xdp_metadata_rx_vlan_tag: metadataRxVlanTag,
};

/** Implementations by number, beside the helpers' own. */
export const kfuncs: ReadonlyMap<number, Helper> = new Map(
  Object.entries(byName).flatMap(([name, helper]) => {
    const number = kfuncNumber(name);
    return number === undefined ? [] : [[number, helper] as const];
  }),
);
