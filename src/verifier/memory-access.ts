/** Loads and stores through a pointer: what each kind of pointer admits (check_mem_access in the kernel). */
import { type MapTypeName, mapFlags, maxVarOffset } from '../platform/index.js';
import { ctxField } from './ctx-access.js';
import type { Env } from './env.js';
import { checkKernelAccess } from './kernel-access.js';
import { constReg, type RegState, scalarReg, unknownReg } from './reg-state.js';
import { tnumText, typeText } from './reg-text.js';
import { loadedScalar, unknownScalar } from './scalar.js';
import { truncate } from './scalar-alu.js';
import { checkSockAccess } from './sock-access.js';
import { readStack, writeStack } from './stack-access.js';
import { tnumAdd, tnumConst, tnumIsAligned } from './tnum.js';

/** What an access wants to do to memory. */
export type AccessMode = 'read' | 'write';

const maxVariable = BigInt(maxVarOffset);

/** The value of a store: a register, the instruction's constant, or unknown (atomics). */
export interface StoredValue {
  readonly value: RegState | undefined;
  /** Register number, or -1. */
  readonly reg: number;
  readonly immediate: boolean;
}

/** The value of a store of which nothing is known. */
export const unknownStore: StoredValue = { value: undefined, reg: -1, immediate: false };

/** Checks a load of `size` bytes at `regno + off` and returns what it yields, zero-extended. */
export function checkLoad(env: Env, regno: number, off: number, size: number): RegState {
  const pointer = env.read(regno);
  const loaded = access(env, regno, pointer, off, size, 'read', unknownStore);
  return narrowLoad(loaded ?? unknownReg(), size);
}

/** Checks a store of `size` bytes. */
export function checkStore(env: Env, regno: number, off: number, size: number, value: StoredValue): void {
  access(env, regno, env.read(regno), off, size, 'write', value);
}

/** A load of `size` bytes leaves the upper ones 0, whatever memory holds there. */
function narrowLoad(reg: RegState, size: number): RegState {
  if (reg.kind !== 'scalar' || size === 8) return reg;
  if (reg.range === unknownScalar) return scalarReg(loadedScalar(size), reg.trail);
  const range = truncate(reg.range, size);
  if (range === reg.range) return reg;
  const to = reg.copy();
  to.range = range;
  return to;
}

/**
 * One access by what the pointer points to (check_mem_access). A read returns what it yields; what may be null must
 * be compared first.
 */
function access(
  env: Env,
  regno: number,
  pointer: RegState,
  off: number,
  size: number,
  mode: AccessMode,
  stored: StoredValue,
): RegState | undefined {
  if (pointer.kind === 'fp') checkAligned(env, pointer, off, size);
  const at = off + pointer.off;
  switch (pointer.kind) {
    case 'fp':
      if (mode === 'read') return readStack(env, regno, pointer, at, size);
      writeStack(env, regno, pointer, at, size, stored.value, stored.reg, stored.immediate);
      return undefined;
    case 'map_value':
      if (pointer.nullable) break;
      return accessMapValue(env, regno, pointer, at, size, mode);
    case 'map_key':
      if (mode === 'write') env.reject('map-key-write', { reg: regno });
      checkRegion(env, regno, pointer, at, size, pointer.map?.keySize ?? 0, false);
      return unknownReg();
    case 'mem':
      if (pointer.nullable) break;
      if (mode === 'write' && pointer.readonly) env.reject('mem-readonly', { reg: regno, type: typeText(pointer) });
      // A probe: it need not be inside of anything.
      if (pointer.untrusted) return unknownReg();
      checkRegion(env, regno, pointer, at, size, pointer.memSize, false);
      return unknownReg();
    case 'ctx':
      checkFixedPointer(env, regno, pointer);
      return ctxField(env, at, size, mode);
    case 'pkt':
    case 'pkt_meta':
      checkPacket(env, regno, pointer, at, size, false);
      return unknownReg();
    case 'sock':
    case 'sock_common':
    case 'tcp_sock':
    case 'xdp_sock':
      if (pointer.nullable) break;
      if (mode === 'write') env.reject('mem-readonly', { reg: regno, type: typeText(pointer) });
      checkSockAccess(env, regno, pointer, at, size);
      return unknownReg();
    case 'map_ptr':
      return accessMapPointer(env, pointer, at, mode);
    case 'ptr':
      if (pointer.nullable) break;
      return checkKernelAccess(env, regno, pointer, pointer.struct, at, size, mode);
    default:
      break;
  }
  env.reject(pointer.nullable ? 'mem-access-or-null' : 'mem-access-kind', { reg: regno, type: typeText(pointer) });
}

const alignmentNames: Readonly<Partial<Record<RegState['kind'], string>>> = {
  fp: 'stack',
  map_value: 'value',
  ctx: 'context',
};

/** Stack accesses, atomics and some helpers want their operand aligned to its size. */
export function checkAligned(env: Env, pointer: RegState, off: number, size: number): void {
  if (pointer.range.value === 0n && pointer.range.mask === 0n && (pointer.off + off) % size === 0) return;
  if (tnumIsAligned(tnumAdd(pointer.range, tnumConst(BigInt(pointer.off + off))), size)) return;
  const kind = alignmentNames[pointer.kind];
  env.reject('misaligned-access', {
    kind: kind === undefined ? 'access' : `${kind} access`,
    off: `${tnumText(pointer.range)}+${pointer.off}+${off}`,
    size,
  });
}

/** Kinds for which the kernel rewrites accesses: one instruction cannot serve two of them. */
const rewritten: readonly string[] = ['ctx', 'sock', 'sock_common', 'tcp_sock', 'xdp_sock', 'ptr'];

/**
 * Notes through what kind of pointer the instruction goes: Linux rewrites loads by it, so one instruction may not see
 * two kinds that need different code (reg_type_mismatch).
 */
export function noteAccess(env: Env, pointer: RegState): void {
  const before = env.accessKinds[env.pc];
  if (before === undefined) env.accessKinds[env.pc] = pointer.kind;
  else if (before !== pointer.kind && (rewritten.includes(before) || rewritten.includes(pointer.kind))) {
    env.reject('mixed-pointers');
  }
}

/** Context pointers and objects of the kernel are used exactly as they came. */
export function checkFixedPointer(env: Env, regno: number, pointer: RegState): void {
  const type = typeText(pointer);
  if (pointer.off < 0) env.reject('ctx-negative', { type, reg: regno, off: pointer.off });
  if (pointer.off !== 0) env.reject('ctx-modified', { type, reg: regno, off: pointer.off });
  if (!pointer.range.isConst || pointer.range.value !== 0n) {
    env.reject('variable-access', { type, tnum: tnumText(pointer.range) });
  }
}

/** Does [off, off + size) lie in an object of `limit` bytes? */
function inExtent(off: number, size: number, limit: number, zeroOk: boolean): boolean {
  return off >= 0 && (size > 0 || (zeroOk && size === 0)) && off + size <= limit;
}

/** Both the least and the greatest address that the access may start at must be inside. */
export function checkRegion(
  env: Env,
  regno: number,
  pointer: RegState,
  off: number,
  size: number,
  limit: number,
  zeroOk: boolean,
): void {
  const { range } = pointer;
  const least = Number(range.smin) + off;
  if (range.smin < 0n && (range.smin <= -maxVariable || least < 0)) env.reject('negative-offset', { reg: regno });
  if (!inExtent(least, size, limit, zeroOk)) rejectExtent(env, regno, pointer, least, size, limit, 'min');
  if (range.umax >= maxVariable) env.reject('unbounded-access', { reg: regno });
  const most = Number(range.umax) + off;
  if (!inExtent(most, size, limit, zeroOk)) rejectExtent(env, regno, pointer, most, size, limit, 'max');
}

/** Refuses an access in the kernel's words for the kind of memory; `end` says which end of the range lies outside. */
function rejectExtent(
  env: Env,
  regno: number,
  pointer: RegState,
  off: number,
  length: number,
  size: number,
  end: 'min' | 'max',
): never {
  const objects = {
    map_value: 'map value, value_size',
    map_key: 'map key, key_size',
    mem: 'memory, mem_size',
  } as const;
  const object = objects[pointer.kind as keyof typeof objects] ?? objects.mem;
  const what = `invalid access to ${object}=${size}`;
  env.reject(end === 'min' ? 'min-outside' : 'max-outside', { what, reg: regno, off, length });
}

/**
 * An access to the packet must lie within the range that a comparison with data_end has shown, counted from the
 * pointer's variable part (check_packet_access).
 */
export function checkPacket(
  env: Env,
  regno: number,
  pointer: RegState,
  off: number,
  size: number,
  zeroOk: boolean,
): void {
  if (pointer.range.smin < 0n) env.reject('packet-negative', { reg: regno });
  if (pointer.pktRange < 0) env.reject('packet-outside', { reg: regno });
  if (inExtent(off, size, pointer.pktRange, zeroOk)) {
    const last = off + Number(pointer.range.umax) + size - 1;
    if (last > env.maxPacketOffset) env.maxPacketOffset = last;
    return;
  }
  env.reject('packet-access', {
    off,
    size,
    reg: regno,
    id: pointer.id,
    range: pointer.pktRange,
    needed: off + size,
  });
}

/** May the program read or write values of this map at all? */
export function checkMapMode(env: Env, pointer: RegState, off: number, length: number, mode: AccessMode): void {
  const flags = pointer.map?.flags ?? 0;
  const size = pointer.map?.valueSize ?? 0;
  const readonly = (flags & mapFlags.rdonlyProg) !== 0 || isReadonlyType(pointer.map?.type);
  if (mode === 'write' && readonly) env.reject('map-write-forbidden', { size, off, length });
  if (mode === 'read' && (flags & mapFlags.wronlyProg) !== 0) env.reject('map-read-forbidden', { size, off, length });
}

/** A device map's value is the kernel's own record. */
function isReadonlyType(type: MapTypeName | undefined): boolean {
  return type === 'devmap' || type === 'devmap_hash';
}

/** Bounds of the value, and no plain access to its locks and timers. */
export function checkMapValue(
  env: Env,
  regno: number,
  pointer: RegState,
  off: number,
  size: number,
  zeroOk: boolean,
): void {
  const { map } = pointer;
  if (map === undefined) return;
  checkRegion(env, regno, pointer, off, size, map.valueSize, zeroOk);
  for (const field of env.types.specialFields(map)) {
    const from = off + Number(pointer.range.smin);
    const to = off + Number(pointer.range.umax) + size;
    if (from < field.offset + field.size && field.offset < to) env.reject('map-special-field', { field: field.name });
  }
}

/** A plain access to a map's value: neither its mode nor its locks stand against it. */
function accessMapValue(
  env: Env,
  regno: number,
  pointer: RegState,
  off: number,
  size: number,
  mode: AccessMode,
): RegState | undefined {
  checkMapMode(env, pointer, off, size, mode);
  checkMapValue(env, regno, pointer, off, size, false);
  if (mode === 'write') return undefined;
  return readonlyConstant(pointer, off, size) ?? unknownReg();
}

/** A load from a frozen read-only map (`.rodata`) at a known place is a constant. */
function readonlyConstant(pointer: RegState, off: number, size: number): RegState | undefined {
  const { map, range } = pointer;
  if (map?.type !== 'array' || (map.flags & mapFlags.rdonlyProg) === 0 || !range.isConst) return undefined;
  if (map.init?.kind !== 'data') return undefined;
  const at = off + Number(range.smin);
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(map.init.bytes[at + i] ?? 0);
  return constReg(value);
}

/**
 * `struct bpf_map` itself: reading is allowed where the kernel's BTF has a member; only pointers' and numbers' sizes
 * matter here.
 */
function accessMapPointer(env: Env, pointer: RegState, off: number, mode: AccessMode): RegState {
  if (mode === 'write') env.reject('map-ptr-write', { type: typeText(pointer) });
  if (off < 0) env.reject('map-ptr-offset', { off });
  // A member that is itself a pointer would come back typed; jitnic does not follow kernel structures.
  env.reject('map-ptr-offset', { off });
}
