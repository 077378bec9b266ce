/**
 * Classifiers of TC on a network device, as far as offload has to do with them (net/sched/cls_bpf.c of Linux 6.1): one
 * runs on the card, in software, or both; `skip_sw` wants the card or nothing.
 *
 * So a refusal of the card is an error with `skip_sw` only. Without it the classifier is there in any case, and `inHw`
 * says whether the card has it too. That is why one command may succeed and leave the card as it was.
 */
import { isBoundTo } from './attach.js';
import { driverOf } from './drivers.js';
import type { FilterRecord, Model, NetdevRecord, ProgRecord } from './model.js';
import { OffloadRefusal } from './refusal.js';

/** A classifier that is to be there. */
export interface FilterRequest {
  /** Default: the first is 49152, each that follows one less (tcf_auto_prio). */
  readonly prio?: number;
  readonly handle?: number;
  readonly chain?: number;
  readonly skipSw?: boolean;
  readonly skipHw?: boolean;
  /** Take the place of the one with this `prio` and `handle`. */
  readonly replace?: boolean;
}

function refuse(errno: 'EINVAL' | 'EOPNOTSUPP' | 'EEXIST', extack?: string, hint?: string): never {
  throw new OffloadRefusal('filter', errno, { extack, ...(hint === undefined ? {} : { hint }) });
}

/** Adds a classifier, or replaces one. EEXIST without `replace`; EINVAL where flags contradict each other. */
export function addFilter(model: Model, name: string, prog: ProgRecord, request: FilterRequest): void {
  const netdev = model.get('netdev', name, 'filter');
  const { chain = 0, skipSw = false, skipHw = false, replace = false } = request;
  const prio = request.prio ?? 49_152 - netdev.filters.length;
  const handle = request.handle ?? 1;
  if (prog.type !== 'sched_cls') refuse('EINVAL', undefined, 'it is no classifier');
  if (skipSw && skipHw) refuse('EINVAL', undefined, 'skip_sw and skip_hw leave nothing');
  const old = netdev.filters.find((each) => each.prio === prio && each.handle === handle && each.chain === chain);
  if (old !== undefined && !replace) refuse('EEXIST', undefined, 'replace it');
  if (old !== undefined && (old.skipSw !== skipSw || old.skipHw !== skipHw))
    refuse('EINVAL', undefined, 'a classifier is replaced by one with the same flags');
  const inHw = offload(model, netdev, skipHw ? undefined : prog, old?.skipHw === true ? undefined : old, chain, skipSw);
  const filter: FilterRecord = { prio, handle, chain, prog: prog.id, skipSw, skipHw, inHw };
  // Read again: the card may have taken it, which is noted in the same record.
  const current = model.get('netdev', name, 'filter');
  model.put('netdev', name, { ...current, filters: [...current.filters.filter((each) => each !== old), filter] });
}

/** Takes a classifier away; from the card only where the card runs this one, and not XDP in its place. */
export function removeFilter(model: Model, name: string, prio: number, handle: number): void {
  const netdev = model.get('netdev', name, 'filter');
  const old = netdev.filters.find((each) => each.prio === prio && each.handle === handle);
  if (old === undefined) throw new OffloadRefusal('filter', 'ENOENT');
  const offloaded = netdev.offloaded === old.prog && old.inHw ? 0 : netdev.offloaded;
  model.put('netdev', name, { ...netdev, filters: netdev.filters.filter((each) => each !== old), offloaded });
}

/** All classifiers go, with the queueing discipline that had them. */
export function flushFilters(model: Model, name: string): void {
  for (const { prio, handle } of model.get('netdev', name, 'filter').filters) removeFilter(model, name, prio, handle);
}

/** Is it on the card now? Without `skip_sw` a refusal of the card is none. */
function offload(
  model: Model,
  netdev: NetdevRecord,
  prog: ProgRecord | undefined,
  old: FilterRecord | undefined,
  chain: number,
  skipSw: boolean,
): boolean {
  if (prog === undefined) return false;
  try {
    if (!netdev.tcOffload)
      refuse('EOPNOTSUPP', 'TC offload is disabled on net device', `jitnic device set ${netdev.name} hw-tc-offload=1`);
    if (chain !== 0) refuse('EOPNOTSUPP', 'Driver supports only offload of chain 0');
    const device = model.get('device', netdev.device, 'filter');
    if (prog.forDevice && !isBoundTo(model, prog, device.name)) refuse('EINVAL');
    driverOf(device).setupClassifier(model, netdev, prog, old?.inHw === true ? old.prog : 0);
    model.put('netdev', netdev.name, { ...netdev, offloaded: prog.id });
    return true;
  } catch (error) {
    if (skipSw || !(error instanceof OffloadRefusal)) throw error;
    return false;
  }
}

/** ethtool -K hw-tc-offload. EBUSY: TC would not know of what runs on (nsim_bpf_disable_tc). */
export function setTcOffload(model: Model, name: string, on: boolean): void {
  const netdev = model.get('netdev', name, 'hw-tc-offload');
  if (!on && netdev.offloaded !== 0 && netdev.xdp.hw === 0)
    throw new OffloadRefusal('hw-tc-offload', 'EBUSY', { hint: 'a classifier is on the card: take it off first' });
  model.put('netdev', name, { ...netdev, tcOffload: on });
}
