import {
  type ArgClass,
  argAccess,
  type HelperName,
  type HelperRow,
  isArrayMap,
  mapFlags,
  maxVarOffset,
} from '../platform/index.js';
import { checkDynptrArg, type DynptrUse } from './dynptr.js';
import type { Env } from './env.js';
import { checkSpecialField, takeLock } from './locks.js';
import {
  checkAligned,
  checkFixedPointer,
  checkMapMode,
  checkMapValue,
  checkPacket,
  checkRegion,
} from './memory-access.js';
import type { RegKind, RegState } from './reg-state.js';
import { typeText } from './reg-text.js';
import { checkStackBounds, checkStackInitialized, clobberStack, frameOf } from './stack-access.js';

/** What the arguments of one call told. */
export interface CallFacts {
  readonly helper: HelperName;
  readonly number: number;
  readonly proto: HelperRow;
  /** The map argument. */
  map: RegState | undefined;
  /** Reference that is passed, and whether the call releases it. */
  refId: number;
  releases: boolean;
  allocSize: number;
  /** Greatest size argument: bounds the result of some helpers. */
  maxSize: bigint;
  callback: number;
  dynptr: DynptrUse | undefined;
  /** Constant key of an array look-up. */
  constKey: bigint | undefined;
  /** Stack bytes that the helper fills. */
  readonly fills: { readonly pointer: RegState; readonly from: number; readonly to: number }[];
}

const maxVariableSize = BigInt(maxVarOffset);

const memKinds: readonly RegKind[] = ['fp', 'pkt', 'pkt_meta', 'map_key', 'map_value', 'mem'];
const memText = 'fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_';
const sockKinds: readonly RegKind[] = ['sock_common', 'sock', 'tcp_sock', 'xdp_sock', 'ptr'];
const sockText = 'sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_';

/** Values of these are sockets, for programs. */
function isSocketMap(map: RegState | undefined): boolean {
  return map?.map?.type === 'sockmap' || map?.map?.type === 'sockhash';
}

/** Does the helper write to what it is given? */
function isWritten(arg: ArgClass): boolean {
  return argAccess(arg) === 'write';
}

/** Does the helper take null there? */
function isNullable(arg: ArgClass): boolean {
  return typeof arg === 'string' && arg.endsWith('?');
}

/** Refuses a register that is of no kind the helper takes (check_reg_type). */
function expectKind(
  env: Env,
  regno: number,
  reg: RegState,
  kinds: readonly RegKind[],
  expected: string,
  nullable: boolean,
): void {
  if (kinds.includes(reg.kind) && (nullable || !reg.nullable) && !reg.untrusted) return;
  env.reject('arg-type', { reg: regno, type: typeText(reg), expected });
}

/** Checks argument `index` (0 for r1). */
export function checkArg(env: Env, facts: CallFacts, index: number): void {
  const arg = facts.proto.args[index];
  if (arg === undefined) return;
  const regno = index + 1;
  const reg = env.read(regno);
  if (arg === 'any') return;
  if (reg.isPacket && (facts.proto.packet !== true || isWritten(arg))) env.reject('arg-packet-helper');
  if (isNullable(arg) && reg.isZero && arg !== 'size?') return;
  if (reg.refId !== 0) facts.refId = reg.refId;
  if (typeof arg === 'object') {
    expectKind(env, regno, reg, memKinds, memText, false);
    const fills = arg.mode === 'out' ? facts.fills : undefined;
    checkBytes(env, regno, reg, BigInt(arg.fixed), { writes: arg.mode !== 'in', fills, zeroOk: false });
    if (arg.aligned === true) checkAligned(env, reg, 0, arg.fixed);
    return;
  }
  checkNamedArg(env, facts, arg, index, regno, reg);
}

/** An argument of a class that has a name; what it tells about the call is noted in `facts`. */
function checkNamedArg(
  env: Env,
  facts: CallFacts,
  arg: Exclude<ArgClass, object>,
  index: number,
  regno: number,
  reg: RegState,
): void {
  switch (arg) {
    case 'any':
      return;
    case 'ctx':
      expectKind(env, regno, reg, ['ctx'], 'ctx', false);
      checkFixedPointer(env, regno, reg);
      return;
    case 'map':
      expectKind(env, regno, reg, ['map_ptr'], 'map_ptr', false);
      if (facts.map !== undefined && (facts.map.map !== reg.map || facts.map.mapUid !== reg.mapUid)) {
        env.reject('arg-map-mismatch', { uid: facts.map.mapUid, uid2: reg.mapUid });
      }
      facts.map = reg;
      return;
    case 'key':
      expectKind(env, regno, reg, memKinds, memText, false);
      checkBytes(env, regno, reg, BigInt(facts.map?.map?.keySize ?? 0), { writes: false, zeroOk: false });
      if (facts.map?.map !== undefined && isArrayMap(facts.map.map.type))
        facts.constKey = constantKey(env, reg, facts.map.map.keySize);
      return;
    case 'value':
    case 'value out': {
      if (isSocketMap(facts.map) && facts.helper === 'map_update_elem') {
        expectKind(env, regno, reg, sockKinds, sockText, false);
        checkFixedPointer(env, regno, reg);
        return;
      }
      expectKind(env, regno, reg, memKinds, memText, false);
      // A Bloom filter is asked about the value: nothing comes out (resolve_map_arg_type).
      const out = arg === 'value out' && facts.map?.map?.type !== 'bloom_filter';
      const fills = out ? facts.fills : undefined;
      checkBytes(env, regno, reg, BigInt(facts.map?.map?.valueSize ?? 0), { writes: out, fills, zeroOk: false });
      return;
    }
    case 'mem':
    case 'mem?':
    case 'mem inout':
    case 'mem out':
    case 'mem out?':
      expectKind(env, regno, reg, memKinds, memText, isNullable(arg));
      return;
    case 'size':
    case 'size?':
      checkSize(env, facts, arg === 'size?', index, regno, reg);
      return;
    case 'alloc size':
      expectKind(env, regno, reg, ['scalar'], 'scalar', false);
      if (!reg.range.isConst) env.reject('arg-const-size', { reg: regno });
      env.need(reg);
      facts.allocSize = Number(reg.range.value);
      return;
    case 'ringbuf mem release':
      if (reg.kind !== 'mem' || !reg.ringbuf || reg.nullable) {
        env.reject('arg-type', { reg: regno, type: typeText(reg), expected: 'ringbuf_mem' });
      }
      checkRelease(env, facts, regno, reg);
      return;
    case 'sock_common':
      expectKind(env, regno, reg, sockKinds, sockText, false);
      checkFixedPointer(env, regno, reg);
      return;
    case 'sock_common release':
      if (reg.isZero) env.reject('arg-type', { reg: regno, type: typeText(reg), expected: sockText });
      expectKind(env, regno, reg, sockKinds, sockText, false);
      checkRelease(env, facts, regno, reg);
      return;
    case 'socket':
      expectKind(env, regno, reg, ['sock'], 'sock', false);
      checkFixedPointer(env, regno, reg);
      return;
    case 'func':
      expectKind(env, regno, reg, ['func'], 'func', false);
      facts.callback = reg.subprog;
      return;
    case 'stack?':
      expectKind(env, regno, reg, ['fp'], 'fp', false);
      return;
    case 'spin_lock':
      expectKind(env, regno, reg, ['map_value', 'ptr'], 'map_value, ptr_', false);
      takeLock(env, regno, reg, facts.helper === 'spin_lock');
      return;
    case 'timer':
      expectKind(env, regno, reg, ['map_value'], 'map_value', false);
      checkSpecialField(env, regno, reg, 'bpf_timer');
      if (facts.map === undefined) facts.map = reg;
      return;
    case 'const_str':
      checkConstString(env, regno, reg);
      return;
    case 'percpu ptr':
      // Per-CPU variables of the kernel are not known here.
      env.reject('arg-type', {
        reg: regno,
        type: typeText(reg),
        expected: 'percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_',
      });
      return;
    case 'kernel ptr':
      expectKind(env, regno, reg, ['ptr'], 'ptr_, trusted_ptr_, rcu_ptr_', false);
      return;
    default:
      facts.dynptr = checkDynptrArg(env, arg, index, regno, reg) ?? facts.dynptr;
  }
}

/** The argument must be what was acquired, unmoved: its reference ends with the call. */
function checkRelease(env: Env, facts: CallFacts, regno: number, reg: RegState): void {
  if (reg.off !== 0 || !reg.range.isConst || reg.range.value !== 0n) env.reject('arg-offset', { reg: regno });
  if (reg.refId === 0) env.reject('arg-ref-required', { reg: regno });
  facts.releases = true;
}

/**
 * A size argument (check_mem_size_reg): its greatest value must fit the memory before it, and it is needed precisely,
 * since what is accessible depends on it.
 */
function checkSize(env: Env, facts: CallFacts, zeroOk: boolean, index: number, regno: number, reg: RegState): void {
  expectKind(env, regno, reg, ['scalar'], 'scalar', false);
  const { range } = reg;
  const memArg = facts.proto.args[index - 1];
  if (range.smin < 0n) env.reject('arg-size-negative', { reg: regno });
  if (range.umin === 0n && !zeroOk) env.reject('arg-size-zero', { reg: regno, min: range.umin, max: range.umax });
  if (range.umax >= maxVariableSize) env.reject('arg-size-unbounded', { reg: regno });
  facts.maxSize = range.umax;
  const memory = env.read(regno - 1);
  const writes = memArg !== undefined && isWritten(memArg);
  const fills = (memArg === 'mem out' || memArg === 'mem out?') && range.isConst;
  checkBytes(env, regno - 1, memory, range.umax, { writes, zeroOk, fills: fills ? facts.fills : undefined });
  env.need(reg);
}

interface BytesUse {
  readonly writes: boolean;
  readonly zeroOk: boolean;
  /**
   * The helper overwrites all of them and reads none, so what a stack buffer holds does not matter; where it lies is
   * noted here.
   */
  readonly fills?: CallFacts['fills'] | undefined;
}

/**
 * `size` bytes at `reg`, which the helper reads or (`writes`) changes.
 */
export function checkBytes(
  env: Env,
  regno: number,
  reg: RegState,
  size: bigint,
  { writes, fills, zeroOk }: BytesUse,
): void {
  const length = Number(size);
  switch (reg.kind) {
    case 'pkt':
    case 'pkt_meta':
      checkPacket(env, regno, reg, reg.off, length, zeroOk);
      return;
    case 'map_key':
      if (writes) env.reject('mem-readonly', { reg: regno, type: typeText(reg) });
      checkRegion(env, regno, reg, reg.off, length, reg.map?.keySize ?? 0, zeroOk);
      return;
    case 'map_value':
      checkMapMode(env, reg, reg.off, length, writes ? 'write' : 'read');
      checkMapValue(env, regno, reg, reg.off, length, zeroOk);
      return;
    case 'mem':
      if (writes && reg.readonly) env.reject('mem-readonly', { reg: regno, type: typeText(reg) });
      checkRegion(env, regno, reg, reg.off, length, reg.memSize, zeroOk);
      return;
    case 'fp':
      checkStackBytes(env, regno, reg, length, writes, reg.range.isConst ? fills : undefined);
      return;
    default:
      if (zeroOk && size === 0n && reg.isZero) return;
      env.reject('arg-type', { reg: regno, type: typeText(reg), expected: 'fp' });
  }
}

function checkStackBytes(
  env: Env,
  regno: number,
  reg: RegState,
  length: number,
  writes: boolean,
  fills: CallFacts['fills'] | undefined,
): void {
  const span = checkStackBounds(env, `R${regno}`, reg, reg.off, length, writes ? 'write to' : 'read from');
  const to = span.max + length;
  const frame = frameOf(env, reg);
  if (fills === undefined) {
    checkStackInitialized(env, frame, span.min, to, writes);
    return;
  }
  for (let at = span.min; at < to; at++) {
    const slot = frame.stack[(-at - 1) >> 3];
    if (slot?.dynptr !== undefined) env.reject('stack-special', { off: at });
  }
  fills.push({ pointer: reg, from: span.min, to });
}

/** After all arguments passed: buffers that the helper fills now hold unknown bytes. */
export function applyFills(env: Env, facts: CallFacts): void {
  for (const { pointer, from, to } of facts.fills) clobberStack(env, frameOf(env, pointer), from, to);
}

/** A string that is known now: a constant place in frozen read-only data, with a NUL behind it. */
function checkConstString(env: Env, regno: number, reg: RegState): void {
  expectKind(env, regno, reg, ['map_value'], 'map_value', false);
  const { map } = reg;
  if (map === undefined || (map.flags & mapFlags.rdonlyProg) === 0) env.reject('arg-const-str', { reg: regno });
  if (!reg.range.isConst) env.reject('arg-const-str-var', { reg: regno });
  checkMapValue(env, regno, reg, reg.off, map.valueSize - reg.off, false);
  const bytes = map.init?.kind === 'data' ? map.init.bytes : new Uint8Array(map.valueSize);
  if (bytes.indexOf(0, reg.off + Number(reg.range.value)) < 0) env.reject('arg-const-str-nul');
}

/**
 * The key that a stack buffer holds, if it is known and no larger than a number: then an array look-up can be decided.
 */
function constantKey(env: Env, reg: RegState, keySize: number): bigint | undefined {
  if (reg.kind !== 'fp' || !reg.range.isConst) return undefined;
  const off = reg.off + Number(reg.range.smin);
  const slot = frameOf(env, reg).stack[(-off - 1) >> 3];
  if (slot === undefined) return undefined;
  const first = off & 7;
  let zeros = 0;
  for (let b = first; b < 8 && slot.byte(b) === 3; b++) zeros++;
  if (zeros >= keySize) return 0n;
  if (!slot.isSpill || first !== 0 || slot.spillSize !== keySize) return undefined;
  const key = slot.reg?.constant;
  if (key === undefined) return undefined;
  if (slot.reg !== undefined) env.need(slot.reg);
  return key;
}
