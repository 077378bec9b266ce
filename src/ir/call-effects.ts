/**
 * What a helper call does to memory, by the prototypes of the platform: which bytes it reads and writes through its
 * arguments, what it may change besides. Sizes are known where the map or the size argument is.
 */
import type { MapSpec } from '../object/index.js';
import { type ArgClass, type HelperProto, helperNames, walkHelper, xdpHelpers } from '../platform/index.js';
import type { FunctionCode } from './function.js';
import { type ArgumentsOf, argumentsOf } from './phis.js';
import { isConst, mask32, mask64, type Value } from './value.js';
import type { World, WorldMap } from './world.js';

export const helper = {
  lookup: 1,
  update: 2,
  delete: 3,
  ktimeGetNs: 5,
  tracePrintk: 6,
  prandom: 7,
  processorId: 8,
  redirect: 23,
  perfEventOutput: 25,
  csumDiff: 28,
  numaNode: 42,
  adjustHead: 44,
  redirectMap: 51,
  adjustMeta: 54,
  adjustTail: 65,
  spinLock: 93,
  spinUnlock: 94,
  ktimeGetBootNs: 125,
  ringbufOutput: 130,
  ringbufReserve: 131,
  ringbufSubmit: 132,
  ringbufDiscard: 133,
  tracePrintkList: 177,
  bufferLength: 188,
  storeBytes: 190,
  lookupPercpu: 195,
} as const;

/** Helpers that write to neither packet nor maps. */
const harmless: ReadonlySet<number> = new Set([
  helper.lookup,
  helper.prandom,
  helper.redirect,
  helper.redirectMap,
  helper.csumDiff,
  helper.bufferLength,
  helper.tracePrintk,
  helper.perfEventOutput,
  helper.ringbufOutput,
  helper.tracePrintkList,
]);

/** Idle task: pid_tgid, uid_gid, task, cgroup; and the one NUMA node. */
export const zeroHelpers: ReadonlySet<number> = new Set([helper.numaNode, 14, 15, 35, 80]);

const environment: ReadonlySet<number> = new Set([helper.ktimeGetNs, helper.ktimeGetBootNs, helper.processorId]);

/** How an argument is used. */
export type ArgumentUse =
  /** A number, a map, the context: what it points to is left alone. */
  | { readonly kind: 'value' }
  /** `size` bytes at it are read; undefined: not known how many. */
  | { readonly kind: 'read'; readonly size: number | undefined }
  /** `size` bytes at it are read and written. */
  | { readonly kind: 'write'; readonly size: number | undefined }
  /** It goes where it cannot be followed. */
  | { readonly kind: 'escapes' };

export interface CallEffects {
  readonly args: readonly ArgumentUse[];
  /** Packet pointers are void afterwards. */
  readonly movesPacket: boolean;
  readonly writesPacket: boolean;
  readonly writesMaps: boolean;
}

/** How many of r1 to r5 a helper looks at. bpf_trace_printk takes up to three more than its prototype says. */
export function argumentCount(id: number): number {
  return (id === helper.tracePrintk ? undefined : helperProto(id))?.args.length ?? 5;
}

export function helperProto(id: number): HelperProto | undefined {
  const name = helperNames[id];
  return name === undefined ? undefined : xdpHelpers[name];
}

/** Bits that r0 can have. */
export function resultOnesOf(id: number): bigint {
  switch (id) {
    case helper.lookup:
    case helper.prandom:
    case helper.redirectMap:
    case helper.redirect:
    case helper.bufferLength:
    case helper.ringbufReserve:
    case helper.lookupPercpu:
    case helper.processorId:
    case walkHelper.next:
    case walkHelper.key:
      return mask32;
    default:
      return mask64;
  }
}

/** Does r0 point to memory? */
export function returnsPointer(id: number): boolean {
  return helperProto(id)?.ret !== 'integer';
}

/** The map that a value points to. */
export function mapOf({ maps }: World, value: Value | undefined): WorldMap | undefined {
  return value?.op === 'map' ? maps[Number(value.imm)] : undefined;
}

/** The shape of the map that a value points to: known too for the map that an outer map holds. */
function mapSpecOf(world: World, argsOf: ArgumentsOf, value: Value | undefined): MapSpec | undefined {
  if (value === undefined) return undefined;
  if (value.detail?.kind === 'lookup') return world.maps[value.detail.map]?.spec.inner;
  if (value.op === 'phi') {
    const specs = argsOf(value)
      .filter((arg) => arg !== value)
      .map((arg) => mapOf(world, arg)?.spec);
    return specs.every((spec) => spec === specs[0]) ? specs[0] : undefined;
  }
  return mapOf(world, value)?.spec;
}

/** What calls of a function do. */
export type EffectsOf = (call: Value) => CallEffects;

/** What calls (values of operation `call`) of `code` do. */
export function callEffects(world: World, code: FunctionCode): EffectsOf {
  const argsOf = argumentsOf(code);
  return (call) => effectsOf(world, argsOf, call);
}

function effectsOf(world: World, argsOf: ArgumentsOf, call: Value): CallEffects {
  const id = call.detail?.kind === 'call' ? call.detail.helper : 0;
  const proto = helperProto(id);
  const classes: readonly ArgClass[] = proto?.args ?? ['any', 'any', 'any', 'any', 'any'];
  const map = mapSpecOf(world, argsOf, call.args[0]);
  const args = call.args.map((_, i): ArgumentUse => useOf(classes, i, call.args, map));
  // What is no helper of the platform may do anything: a card's calls carry more than the helper's number.
  const movesPacket = proto === undefined || proto.movesPacket === true;
  const isPure = harmless.has(id) || zeroHelpers.has(id) || environment.has(id);
  return { args, movesPacket, writesPacket: movesPacket || id === helper.storeBytes, writesMaps: !isPure };
}

function useOf(
  classes: readonly ArgClass[],
  index: number,
  args: readonly Value[],
  map: MapSpec | undefined,
): ArgumentUse {
  const kind = classes[index];
  const next = classes[index + 1];
  const count = next === 'size' || next === 'size?' ? args[index + 1] : undefined;
  const size = count !== undefined && isConst(count) ? Number(count.imm & mask32) : undefined;
  if (kind === undefined) return { kind: 'escapes' };
  if (typeof kind === 'object') return { kind: kind.mode === 'in' ? 'read' : 'write', size: kind.fixed };
  switch (kind) {
    case 'map':
    case 'ctx':
    case 'size':
    case 'size?':
    case 'func':
      return { kind: 'value' };
    case 'key':
      return { kind: 'read', size: map?.keySize };
    case 'value':
      return { kind: 'read', size: map?.valueSize };
    case 'value out':
      return { kind: 'write', size: map?.valueSize };
    case 'mem':
    case 'mem?':
      return { kind: 'read', size };
    case 'mem out':
    case 'mem out?':
    case 'mem inout':
      return { kind: 'write', size };
    default:
      return { kind: 'escapes' };
  }
}
