/**
 * Where XDP_REDIRECT goes: Linux's `bpf_redirect_info`, kept in the machine's private state. A helper notes kind and key; what the map
 * holds at that key is read when someone asks.
 */
import { XDP_ABORTED, XDP_REDIRECT } from '../platform/index.js';
import type { Machine } from './machine.js';
import type { BpfMap } from './map.js';
import { privateState } from './private-state.js';

export type RedirectTarget =
  | { readonly kind: 'interface'; readonly ifindex: number }
  | { readonly kind: 'devmap'; readonly map: string; readonly key: number; readonly ifindexes: readonly number[] }
  | { readonly kind: 'cpumap'; readonly map: string; readonly key: number; readonly cpu: number }
  | { readonly kind: 'xskmap'; readonly map: string; readonly key: number; readonly socket: number };

const kindInterface = 1;
const kindMap = 2;

/** Actions that redirect_map may be told to return on a failed look-up (the low bits of its flags). */
const actionMask = 3n;
const broadcast = 8n;
const excludeIngress = 16n;

/** bpf_redirect: no flag is defined for XDP. Returns the action. */
export function redirectToInterface(machine: Machine, ifindex: number, flags: bigint): number {
  if (flags !== 0n) return XDP_ABORTED;
  const { memory, state } = machine;
  memory.store32(state + privateState.redirectKind, kindInterface);
  memory.store32(state + privateState.redirectTarget, ifindex);
  return XDP_REDIRECT;
}

/** bpf_redirect_map (include/linux/filter.h, __bpf_xdp_redirect_map). Returns the action. */
export function redirectToMap(machine: Machine, map: BpfMap, key: number, flags: bigint): number {
  const { memory, state } = machine;
  const isDevmap = map.spec.type === 'devmap' || map.spec.type === 'devmap_hash';
  const known = actionMask | (isDevmap ? broadcast | excludeIngress : 0n);
  if ((flags & ~known) !== 0n) return XDP_ABORTED;
  const isBroadcast = (flags & broadcast) !== 0n;
  if (!isBroadcast && entryAt(machine, map, key) === 0) {
    memory.store32(state + privateState.redirectKind, 0);
    return Number(flags & actionMask);
  }
  memory.store32(state + privateState.redirectKind, kindMap);
  memory.store32(state + privateState.redirectTarget, map.index);
  memory.store32(state + privateState.redirectKey, key);
  memory.store32(state + privateState.redirectFlags, isBroadcast ? Number(flags) : 0);
  return XDP_REDIRECT;
}

/** Whether both machines' last redirect helper noted the same: with equal maps, the same target. */
export function sameRedirect(a: Machine, b: Machine): boolean {
  const { redirectKind, redirectTarget, redirectKey, redirectFlags } = privateState;
  for (const at of [redirectKind, redirectTarget, redirectKey, redirectFlags]) {
    if (a.memory.load32(a.state + at) !== b.memory.load32(b.state + at)) return false;
  }
  return true;
}

/** The target that the last redirect helper left, or undefined when there was none. */
export function readRedirect(machine: Machine): RedirectTarget | undefined {
  const { memory, state } = machine;
  const kind = memory.load32(state + privateState.redirectKind);
  const target = memory.load32(state + privateState.redirectTarget);
  if (kind === kindInterface) return { kind: 'interface', ifindex: target };
  const map = kind === kindMap ? machine.maps[target] : undefined;
  if (map === undefined) return undefined;
  const key = memory.load32(state + privateState.redirectKey);
  const flags = BigInt(memory.load32(state + privateState.redirectFlags));
  const { name } = map.spec;
  if ((flags & broadcast) !== 0n) {
    return { kind: 'devmap', map: name, key, ifindexes: broadcastTargets(machine, map, flags) };
  }
  const entry = entryAt(machine, map, key);
  const value = entry === 0 ? 0 : memory.load32(entry);
  switch (map.spec.type) {
    case 'cpumap':
      // A CPUMAP is indexed by CPU number; its value is the queue's size.
      return { kind: 'cpumap', map: name, key, cpu: key };
    case 'xskmap':
      return { kind: 'xskmap', map: name, key, socket: value };
    default:
      return { kind: 'devmap', map: name, key, ifindexes: [value] };
  }
}

/** Guest address of the value at `key`, or 0. */
function entryAt(machine: Machine, map: BpfMap, key: number): number {
  // The scratch word is nobody's state: writing it past the journal keeps a redirect inside a trace cheap.
  machine.memory.view.setUint32(machine.scratch, key, true);
  return map.lookup(machine.scratch, machine.cpu);
}

/** Interfaces that a broadcast reaches, in the map's order. */
function broadcastTargets(machine: Machine, map: BpfMap, flags: bigint): number[] {
  const ingress = machine.memory.load32(machine.ctx.start + 12);
  const targets: number[] = [];
  for (const { value } of map.entries()) {
    const ifindex = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
    if (ifindex === 0 || ((flags & excludeIngress) !== 0n && ifindex === ingress)) continue;
    targets.push(ifindex);
  }
  return targets;
}
