/**
 * Calls of helpers. Some are values (time, CPU number), look-ups are an operation of their own that knows its map and, where the key is on the stack, gets it as
 * values; the rest are calls. Before a call the stack bytes that it reads are written to memory, and bytes that it writes are memory.
 */
import type { MapSpec } from '../object/index.js';
import { type ArgClass, helperNames, xdpHelpers } from '../platform/index.js';
import type { BpfMap, MapLayout } from '../vm/index.js';
import { Unsupported } from './flow.js';
import { argumentCount } from './liveness.js';
import { low32 } from './lower-alu.js';
import { afterCall } from './memory-state.js';
import { otherKind, type PointerKind } from './pointer-kind.js';
import { compose, stackPieces, translateLoad } from './translate-memory.js';
import type { Translation } from './translation.js';
import { type Detail, isConst, mask32, mask64, type Piece, type Value } from './value.js';

const helper = {
  lookup: 1,
  ktimeGetNs: 5,
  prandom: 7,
  processorId: 8,
  redirect: 23,
  numaNode: 42,
  csumDiff: 28,
  adjustHead: 44,
  redirectMap: 51,
  adjustMeta: 54,
  adjustTail: 65,
  ktimeGetBootNs: 125,
  bufferLength: 188,
  storeBytes: 190,
} as const;

/** Helpers that change where the packet begins or ends. */
const movers: ReadonlySet<number> = new Set([helper.adjustHead, helper.adjustMeta, helper.adjustTail]);
/** Helpers that write to neither packet nor maps. */
const harmless: ReadonlySet<number> = new Set([
  helper.lookup,
  helper.prandom,
  helper.redirect,
  helper.redirectMap,
  helper.csumDiff,
  helper.bufferLength,
  6,
  25,
  130,
  177,
]);
/** Idle task: pid_tgid, uid_gid, task, cgroup. */
const zeroHelpers: ReadonlySet<number> = new Set([helper.numaNode, 14, 15, 35, 80]);

/** What r0 holds after the call of `id` with r1 to r5. */
export function translateCall(t: Translation, id: number, pc: number): Value {
  const args = [1, 2, 3, 4, 5].map((register) => t.read(register));
  const result = t.trusted ? translateKnown(t, id, args, pc) : undefined;
  if (result !== undefined) return result;
  return translateAny(t, id, args, pc);
}

function translateKnown(t: Translation, id: number, args: readonly Value[], pc: number): Value | undefined {
  switch (id) {
    case helper.ktimeGetNs:
    case helper.ktimeGetBootNs:
      return t.graph.environment(helper.ktimeGetNs);
    case helper.processorId:
      return low32(t.graph, t.graph.environment(helper.processorId));
    case helper.lookup:
      return translateLookup(t, args, pc);
    default:
      return zeroHelpers.has(id) ? t.zero : undefined;
  }
}

function translateAny(t: Translation, id: number, given: readonly Value[], pc: number): Value {
  const name = helperNames[id];
  if (name === undefined) throw new Unsupported(`helper ${id} is not known`, pc);
  const proto = xdpHelpers[name];
  const args = given.slice(0, t.trusted ? argumentCount(id) : 5);
  if (t.trusted) {
    const classes: readonly ArgClass[] = proto?.args ?? ['mem', 'mem', 'mem', 'mem', 'mem'];
    for (const [i, arg] of args.entries()) passArgument(t, arg, classes[i] ?? 'any', classes[i + 1], args, i);
  }
  const detail: Detail = { kind: 'call', helper: id, name, pieces: [], visible: true };
  const value = t.pin('call', args, BigInt(pc), detail, resultOnes(id));
  if (t.trusted && proto?.ret !== 'integer') t.kinds.note(value, otherKind);
  const moves = movers.has(id) || proto?.movesPacket === true;
  if (moves) t.state.geometry = t.newGeometry();
  if (!harmless.has(id)) t.state.known = afterCall(t.state.known, moves || id === helper.storeBytes);
  return value;
}

/** Bits that r0 can have. */
function resultOnes(id: number): bigint {
  switch (id) {
    case helper.lookup:
    case helper.prandom:
    case helper.redirectMap:
    case helper.redirect:
    case helper.bufferLength:
      return mask32;
    case 131: // ringbuf_reserve
    case 195: // map_lookup_percpu_elem
      return mask32;
    default:
      return mask64;
  }
}

/** Makes the stack bytes that an argument names what the helper needs them to be. */
function passArgument(
  t: Translation,
  arg: Value,
  kind: ArgClass,
  next: ArgClass | undefined,
  args: readonly Value[],
  index: number,
): void {
  const isStack = isConst(arg) && t.plan.frameOf(arg.imm) >= 0;
  if (isConst(arg) && !isStack) return;
  const at = isStack ? Number(arg.imm) : undefined;
  const map = mapSpecOf(t, args[0]);
  const sizeArgument = next === 'size' || next === 'size?' ? args[index + 1] : undefined;
  const size = sizeArgument !== undefined && isConst(sizeArgument) ? Number(sizeArgument.imm & mask32) : undefined;
  if (typeof kind === 'object') {
    if (kind.mode === 'in' && at !== undefined) spill(t, at, kind.fixed);
    else t.touch(arg, kind.fixed);
    return;
  }
  switch (kind) {
    case 'map':
    case 'ctx':
    case 'size':
    case 'size?':
    case 'func':
      return;
    case 'key':
    case 'value':
      if (map === undefined) t.escape(arg);
      else if (at === undefined) t.touch(arg, kind === 'key' ? map.keySize : map.valueSize);
      else spill(t, at, kind === 'key' ? map.keySize : map.valueSize);
      return;
    case 'value out':
      if (map === undefined) t.escape(arg);
      else t.touch(arg, map.valueSize);
      return;
    case 'mem':
    case 'mem?':
      if (size === undefined) t.escape(arg);
      else if (at === undefined) t.touch(arg, size);
      else spill(t, at, size);
      return;
    case 'mem out':
    case 'mem out?':
    case 'mem inout':
      if (size === undefined) t.escape(arg);
      else t.touch(arg, size);
      return;
    default:
      t.escape(arg);
  }
}

/** Writes the pieces of [at, at + size) to memory, for a helper to read. */
function spill(t: Translation, at: number, size: number): void {
  if (size === 0) return;
  for (const piece of stackPieces(t, at, size) ?? []) {
    const detail: Detail = { kind: 'memory', space: 'stack', size: piece.size, map: -1, checked: false };
    const bytes = splitSize(piece.size);
    let offset = 0;
    for (const part of bytes) {
      const value = t.graph.make('shr', t.read(t.pieceVariable(piece.at)), t.graph.constant(BigInt(8 * offset)));
      t.pin('store', [t.graph.constant(BigInt(piece.at + offset)), value], 0n, { ...detail, size: part });
      offset += part;
    }
  }
}

/** A piece can have any size up to 8; stores have 1, 2, 4 or 8. */
function splitSize(size: number): number[] {
  const parts: number[] = [];
  for (let left = size; left > 0; ) {
    const part = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    parts.push(part);
    left -= part;
  }
  return parts;
}

/** The map that a value is the handle of. */
export function mapOf(t: Translation, value: Value | undefined): BpfMap | undefined {
  if (value === undefined || !isConst(value)) return undefined;
  return t.machine.mapAt(Number(value.imm & mask32));
}

function mapSpecOf(t: Translation, value: Value | undefined): MapSpec | undefined {
  return value === undefined ? undefined : (mapOf(t, value)?.spec ?? t.kinds.of(value)?.inner);
}

function translateLookup(t: Translation, args: readonly Value[], pc: number): Value | undefined {
  const map = mapOf(t, args[0]);
  if (map === undefined) {
    // A map out of a map: the helper finds out which.
    const value = translateAny(t, helper.lookup, args.slice(0, 2), pc);
    return value;
  }
  const layout = map.layout();
  const key = args[1] as Value;
  const kind: PointerKind = { space: 'map', map: map.index };
  if (layout?.kind === 'array') return lookupArray(t, map, layout, key, kind);
  const { spec } = map;
  const holdsMaps = spec.type === 'hash_of_maps' || spec.type === 'array_of_maps';
  const marks = spec.type === 'lru_hash' || spec.type === 'lru_percpu_hash';
  const pieces = keyPieces(t, key, spec.keySize);
  const at = isConst(key) ? Number(key.imm & mask32) : 0;
  const detail: Detail = { kind: 'lookup', map: map.index, key: at, pieces: pieces?.places ?? [], marks };
  const value = t.pin('lookup', pieces?.values ?? [key], BigInt(pc), detail, mask32);
  t.kinds.note(value, holdsMaps ? { space: 'other', map: -1, inner: spec.inner } : kind);
  return value;
}

/** A key on the stack, as words of 4 bytes and what is left; undefined: it is in memory. */
function keyPieces(
  t: Translation,
  key: Value,
  size: number,
): { readonly values: Value[]; readonly places: Piece[] } | undefined {
  if (!isConst(key)) t.touch(key, size);
  if (!isConst(key) || t.plan.frameOf(key.imm) < 0) return undefined;
  const at = Number(key.imm);
  if (size > 64) {
    spill(t, at, size);
    return undefined;
  }
  const all = stackPieces(t, at, size);
  if (all === undefined) return undefined;
  const values: Value[] = [];
  const places: Piece[] = [];
  for (let offset = 0; offset < size; offset += 4) {
    const length = Math.min(4, size - offset);
    const from = at + offset;
    values.push(compose(t, from, t.plan.pieces(from, length) ?? []));
    places.push({ address: from, size: length });
  }
  return { values, places };
}

/** An element's address is arithmetic; out of bounds it is null. */
function lookupArray(
  t: Translation,
  map: BpfMap,
  layout: MapLayout & { readonly kind: 'array' },
  key: Value,
  kind: PointerKind,
): Value {
  const { graph } = t;
  const index = translateLoad(t, key, 4);
  let at = graph.make('mul', index, graph.constant(BigInt(layout.stride * layout.cpus)));
  if (layout.cpus > 1) {
    const cpu = low32(graph, graph.environment(helper.processorId));
    at = graph.add(at, graph.make('mul', cpu, graph.constant(BigInt(layout.stride))));
  }
  const address = graph.add(at, graph.constant(BigInt(layout.base)));
  t.kinds.note(address, kind);
  const inside = graph.make('ult', index, graph.constant(BigInt(map.spec.maxEntries)));
  if (isConst(inside)) return inside.imm === 0n ? t.zero : address;
  const value = graph.effect('select', [inside, address, t.zero], 0n, undefined, mask32);
  t.kinds.note(value, kind);
  return value;
}
