/** Calls of helpers: arguments, effects, what r0 holds afterwards (check_helper_call in the kernel). */
import {
  changesAny,
  helperName,
  helperRow,
  mapFitsHelper,
  mapFlags,
  mapTypeNumber,
  maxErrno,
  printkFormatFits,
} from '../platform/index.js';
import { pushCallback } from './callback.js';
import { createDynptr, releaseDynptr } from './dynptr.js';
import type { Env } from './env.js';
import { applyFills, type CallFacts, checkArg } from './helper-args.js';
import {
  acquireReference,
  checkNothingHeld,
  forgetPacketPointers,
  nullableReg,
  releaseReference,
} from './references.js';
import { noReg, pointerReg, type RegState, scalarReg, unknownReg } from './reg-state.js';
import { typeText } from './reg-text.js';
import { signedRange, unknownScalar } from './scalar.js';

/**
 * Checks a call of helper `number` (check_helper_call) by its row in the helper table: arguments one by one, what
 * they say together, then effects, then r0. r1 to r5 are unreadable afterwards.
 */
export function checkHelperCall(env: Env, number: number): void {
  const name = helperName(number);
  if (name === undefined) env.reject('invalid-func', { name: 'unknown', number });
  const proto = helperRow(number);
  if (proto === undefined) env.reject('unknown-func', { name, number });
  const helper = proto.name;
  if (proto.gpl === true && !env.gpl) env.reject('helper-gpl');
  if (proto.sleeps === true) env.reject('helper-sleepable');
  const facts: CallFacts = {
    helper,
    number,
    proto,
    map: undefined,
    refId: 0,
    releases: false,
    allocSize: 0,
    maxSize: 0n,
    callback: 0,
    dynptr: undefined,
    constKey: undefined,
    fills: [],
  };
  for (let i = 0; i < proto.args.length; i++) checkArg(env, facts, i);
  const data = env.peek(1);
  if (helper === 'dynptr_from_mem' && data.kind !== 'map_value') env.reject('dynptr-data', { type: typeText(data) });
  if (helper === 'snprintf') checkFormat(env);
  checkMapUse(env, facts, name);
  applyFills(env, facts);
  if (facts.dynptr?.action === 'new') createDynptr(env, facts.dynptr);
  if (facts.dynptr?.action === 'release') {
    releaseDynptr(env, facts.dynptr);
    releaseReference(env, facts.dynptr.slot?.refId ?? 0);
  }
  if (facts.releases) releaseReference(env, facts.refId);
  if (helper === 'tail_call') {
    needKnownTarget(env, facts);
    checkNothingHeld(env, 'tail_call');
  }
  if (proto.moves !== undefined) forgetPacketPointers(env);
  if (facts.callback !== 0) pushCallback(env, facts);

  const result = resultOf(env, facts);
  for (let r = 0; r <= 5; r++) env.frame.regs[r] = noReg;
  env.frame.regs[0] = result;
}

/** A tail call whose index is known becomes a jump, which holds as long as the index is that (record_func_key). */
function needKnownTarget(env: Env, { map }: CallFacts): void {
  const index = env.peek(3);
  const { constant } = index;
  if (constant !== undefined && constant < BigInt(map?.map?.maxEntries ?? 0)) env.need(index);
}

/**
 * bpf_snprintf(text, size, format, data, data size): the format is a constant string, so it is looked at beforehand.
 */
function checkFormat(env: Env): void {
  const { map, off, range } = env.peek(3);
  const size = Number(env.peek(5).range.value);
  if (size % 8 !== 0) env.reject('format-data', { size });
  if (map?.init?.kind !== 'data') return;
  const bytes = map.init.bytes.subarray(off + Number(range.value));
  const end = bytes.indexOf(0);
  const format = String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
  if (!printkFormatFits(format, size / 8)) env.reject('format-string');
}

/**
 * Does the map argument go with the helper (check_map_func_compatibility), and may the program write to it, if the
 * helper does?
 */
function checkMapUse(env: Env, facts: CallFacts, name: string): void {
  const map = facts.map?.map;
  if (map === undefined || facts.map?.kind !== 'map_ptr') return;
  const { helper, number, proto } = facts;
  const fits = mapFitsHelper(map.type, proto);
  if (!fits && helper === 'for_each_map_elem') env.reject('callback-map');
  if (!fits && helper === 'tail_call') env.reject('tail-call-map');
  if (!fits) env.reject('map-helper-mismatch', { type: mapTypeNumber(map.type), name, number });
  if ((map.flags & mapFlags.rdonlyProg) !== 0 && changesAny(proto, 'elements')) env.reject('map-write-helper');
}

/** What r0 is, by the prototype's class of result. */
function resultOf(env: Env, facts: CallFacts): RegState {
  const { proto } = facts;
  switch (proto.ret) {
    case 'void':
      return noReg;
    case 'integer':
      return integerResult(env, facts);
    case 'map_value?':
      return lookupResult(env, facts);
    case 'sock?':
      return nullableReg(env, 'sock', proto.acquires === true);
    case 'sock_common?':
      return nullableReg(env, 'sock_common', proto.acquires === true);
    case 'tcp_sock?':
      return nullableReg(env, 'tcp_sock', false);
    case 'ringbuf_mem?': {
      const reg = nullableReg(env, 'mem', true);
      reg.ringbuf = true;
      reg.memSize = facts.allocSize;
      return reg;
    }
    case 'dynptr_mem?': {
      const reg = nullableReg(env, 'mem', false);
      reg.memSize = facts.allocSize;
      reg.refId = facts.dynptr?.slot?.refId ?? 0;
      reg.dynptrId = facts.dynptr?.slot?.id ?? 0;
      return reg;
    }
    case 'ptr?': {
      const reg = nullableReg(env, 'ptr', false);
      reg.refId = facts.refId;
      return reg;
    }
    case 'ptr':
      return pointerReg('ptr');
  }
}

/** A value of the map that was looked in, or null. */
function lookupResult(env: Env, facts: CallFacts): RegState {
  const { map } = facts.map as RegState; // these helpers take a map first
  const reg = pointerReg('map_value');
  reg.map = map;
  reg.mapUid = facts.map?.mapUid ?? 0;
  const { constKey } = facts;
  const isPlain = facts.helper === 'map_lookup_elem';
  if (isPlain && map !== undefined && constKey !== undefined && constKey < BigInt(map.maxEntries)) {
    if (env.types.specialField(map, 'bpf_spin_lock') !== undefined) reg.id = env.newId();
    return reg;
  }
  reg.nullable = true;
  if (map?.type === 'sockmap' || map?.type === 'sockhash') {
    // The socket that it yields is held from here on.
    reg.id = acquireReference(env);
    reg.refId = reg.id;
  } else reg.id = env.newId();
  return reg;
}

/** A number, of which the helper's row may know a range (do_refine_retval_range). */
function integerResult(env: Env, facts: CallFacts): RegState {
  switch (facts.proto.range) {
    case 'cpu': {
      const range = unknownScalar.clone();
      range.umax = BigInt(env.cpus - 1);
      range.smin = 0n;
      range.smax = BigInt(env.cpus - 1);
      range.u32max = env.cpus - 1;
      range.s32min = 0;
      range.s32max = env.cpus - 1;
      return scalarReg(range.sync());
    }
    case 'size or errno':
      return scalarReg(signedRange(-BigInt(maxErrno), facts.maxSize));
    default:
      return unknownReg();
  }
}
