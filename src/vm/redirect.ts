/**
 * Where XDP_REDIRECT goes: Linux's `bpf_redirect_info`, kept in the machine's private state. A helper notes kind and
 * key; what the map holds at that key is read when someone asks.
 */
import { XDP_ABORTED, XDP_REDIRECT, xdpMd } from '../platform/index.js';
import type { GuestAddress } from './guest-address.js';
import type { Machine } from './machine.js';
import type { BpfMap } from './map.js';
import { privateState } from './private-state.js';

/** Where bpf_redirect and bpf_redirect_map send a packet. */
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
  const { memory } = machine;
  const { state } = machine.lane;
  memory.store32(state + privateState.redirectKind, kindInterface);
  memory.store32(state + privateState.redirectTarget, ifindex);
  return XDP_REDIRECT;
}

/** bpf_redirect_map (include/linux/filter.h, __bpf_xdp_redirect_map). Returns the action. */
export function redirectToMap(machine: Machine, map: BpfMap, key: number, flags: bigint): number {
  const { memory } = machine;
  const { state } = machine.lane;
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

/** Where a redirect helper's note is: four words of guest memory. */
export interface RedirectNote {
  readonly machine: Machine;
  /** Guest address of kind, target, key, flags, in the order of {@link privateState}. */
  readonly at: GuestAddress;
  /** Interface that the packet arrived at: broadcasts may leave it out. */
  readonly ingressIfindex: number;
}

/** The note of the machine's current packet. */
export function currentRedirect(machine: Machine): RedirectNote {
  const { memory } = machine;
  const { state, ctx } = machine.lane;
  return {
    machine,
    at: (state + privateState.redirectKind) as GuestAddress,
    ingressIfindex: memory.load32(ctx.start + xdpMd.ingressIfindex),
  };
}

/** Whether both notes say the same: with equal maps, the same target. */
export function sameRedirect(a: RedirectNote, b: RedirectNote): boolean {
  const kind = a.machine.memory.load32(a.at);
  if (kind !== b.machine.memory.load32(b.at)) return false;
  const words = kind === 0 ? 0 : kind === kindInterface ? 2 : 4;
  for (let at = 4; at < 4 * words; at += 4) {
    if (a.machine.memory.load32(a.at + at) !== b.machine.memory.load32(b.at + at)) return false;
  }
  return true;
}

/** The target that a redirect helper noted, or undefined when there was none. */
export function readRedirect({ machine, at, ingressIfindex }: RedirectNote): RedirectTarget | undefined {
  const { memory } = machine;
  const kind = memory.load32(at);
  const target = memory.load32(at + 4);
  if (kind === kindInterface) return { kind: 'interface', ifindex: target };
  const map = kind === kindMap ? machine.maps[target] : undefined;
  if (map === undefined) return undefined;
  const key = memory.load32(at + 8);
  const flags = BigInt(memory.load32(at + 12));
  const { name } = map.spec;
  if ((flags & broadcast) !== 0n) {
    return { kind: 'devmap', map: name, key, ifindexes: broadcastTargets(map, flags, ingressIfindex) };
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
  machine.memory.view.setUint32(machine.lane.scratch, key, true);
  return map.lookup(machine.lane.scratch, machine.lane.cpu);
}

/** Interfaces that a broadcast reaches, in the map's order. */
function broadcastTargets(map: BpfMap, flags: bigint, ingress: number): number[] {
  const targets: number[] = [];
  for (const { value } of map.entries()) {
    const ifindex = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
    if (ifindex === 0 || ((flags & excludeIngress) !== 0n && ifindex === ingress)) continue;
    targets.push(ifindex);
  }
  return targets;
}
