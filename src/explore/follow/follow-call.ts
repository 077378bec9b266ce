/** What calls of helpers are as functions of a start: their results, and the memory that they write. */
import { argAccess, type HelperName, helperRow } from '../../platform/index.js';
import type { Term } from '../../solve/index.js';
import type { BpfMap } from '../../vm/index.js';
import type { PathFollower } from './path-follower.js';
import { startNames } from './start-state.js';

/** When the call is over: `r0`, and whether another program goes on in place of this one. The term of r0. */
type Result = (r0: bigint, isGone: boolean) => Term | undefined;

type Row = (follower: PathFollower) => Result | undefined;

/** XDP_REDIRECT. */
const redirected = 4n;
/** Shortest packet that the ends may be moved to. */
const ethHeader = 14;

/** Number of r0 as a signed one of 32 bits. */
function errorOf(r0: bigint): number {
  return Number(BigInt.asIntN(32, r0));
}

function mapIn(follower: PathFollower, register: number): BpfMap | undefined {
  return follower.machine.store.at(Number(follower.valueOf(register)));
}

function clock(follower: PathFollower): Term {
  return follower.terms.unknown(startNames.clock, 64);
}

const lookup: Row = (follower) => {
  const map = mapIn(follower, 1);
  const key = map && follower.keys.classAt(map, follower.address(2));
  if (map === undefined || key === undefined) return undefined;
  return (r0) => {
    follower.keys.found(key, map, Number(r0));
    return undefined;
  };
};

const update: Row = (follower) => {
  const map = mapIn(follower, 1);
  const [at, from] = [follower.address(2), follower.address(3)];
  const flags = follower.valueOf(4);
  follower.pin(follower.termOf(4), flags);
  const key = map && follower.keys.classAt(map, at);
  if (map === undefined || key === undefined) return undefined;
  return (r0) => {
    const { machine } = follower;
    follower.keys.updated(key, map, flags, errorOf(r0));
    if (r0 === 0n) follower.keys.written(key, map, map.lookup(at, machine.lane.cpu), from);
    if (neverFull.has(map.spec.type)) return undefined;
    // A map may be full.
    (r0 === 0n ? follower.gaveRoom : follower.lackedRoom).add(map.index);
    return follower.result(r0);
  };
};

/** Maps whose updates succeed, but for keys and flags. */
const neverFull: ReadonlySet<string> = new Set(['array', 'percpu_array', 'lru_hash', 'lru_percpu_hash']);

const remove: Row = (follower) => {
  const map = mapIn(follower, 1);
  const key = map && follower.keys.classAt(map, follower.address(2));
  if (map === undefined || key === undefined) return undefined;
  return (r0) => {
    follower.keys.depend(key, map, r0 === 0n);
    key.now = false;
    return undefined;
  };
};

const redirectMap: Row = (follower) => {
  const map = mapIn(follower, 1);
  if (map === undefined || (follower.valueOf(3) & 8n) !== 0n) return undefined;
  const isHash = map.spec.type === 'devmap_hash';
  const key = isHash ? undefined : follower.keys.classOfIndex(map, 2);
  const flags = follower.termOf(3);
  if (key === undefined) return undefined;
  return (r0) => {
    follower.keys.depend(key, map, r0 === redirected);
    return r0 === redirected ? undefined : flags;
  };
};

const tailCall: Row = (follower) => {
  const map = mapIn(follower, 2);
  const key = map && follower.keys.classOfIndex(map, 3);
  if (map === undefined || key === undefined) return undefined;
  return (_, isGone) => {
    follower.keys.depend(key, map, isGone);
    if (isGone) key.value = held(map, key.bytes);
    return undefined;
  };
};

function held(map: BpfMap, key: Uint8Array): Uint8Array | undefined {
  const value = map.lookupElem(key);
  return typeof value === 'number' ? undefined : value;
}

const adjustHead: Row = (follower) => {
  const { terms, machine } = follower;
  follower.pin(follower.termOf(2), follower.valueOf(2));
  const by = errorOf(follower.valueOf(2));
  const first = machine.lane.packet.data + by + ethHeader;
  const isIn = terms.ule(terms.bits(64, first), follower.end);
  const holds = first <= machine.lane.packet.dataEnd;
  return (r0) => {
    if (r0 === 0n || !holds) follower.decide('branch', isIn, holds);
    return undefined;
  };
};

const adjustTail: Row = (follower) => {
  const { terms, machine, end } = follower;
  const { packet } = machine.lane;
  const by = terms.signExtend(terms.extract(follower.asTerm(2), 31, 0), 64);
  const moved = terms.add(end, by);
  const least = terms.ule(terms.bits(64, packet.data + ethHeader), moved);
  const oldEnd = packet.dataEnd;
  const isLong = oldEnd + errorOf(follower.valueOf(2)) >= packet.data + ethHeader;
  return (r0) => {
    if (r0 === 0n || !isLong) follower.decide('branch', least, isLong);
    if (r0 !== 0n) return undefined;
    follower.end = moved;
    const grown = packet.dataEnd - oldEnd;
    if (grown > 0) follower.shadow.store(oldEnd, grown, undefined);
    return undefined;
  };
};

/** Copies packet bytes out or in; fails where they are not there. */
function copyBytes(isLoad: boolean): Row {
  return (follower) => {
    const { terms, machine } = follower;
    const { packet } = machine.lane;
    const offset = Number(BigInt.asUintN(32, follower.valueOf(2)));
    follower.pin(follower.termOf(4), follower.valueOf(4));
    const size = Number(BigInt.asUintN(32, follower.valueOf(4)));
    const buffer = follower.address(3);
    const from = terms.zeroExtend(terms.extract(follower.asTerm(2), 31, 0), 64);
    const behind = terms.add(terms.add(from, terms.bits(64, packet.data)), terms.bits(64, size));
    const fits = packet.data + offset + size <= packet.dataEnd;
    return (r0) => {
      if (packet.fragmentCount === 0) follower.decide('branch', terms.ule(behind, follower.end), fits);
      if (r0 !== 0n) {
        if (isLoad) follower.shadow.store(buffer, size, undefined);
        return undefined;
      }
      follower.pin(follower.termOf(2), BigInt(offset));
      const at = packet.data + offset;
      if (isLoad) follower.shadow.copy(buffer, at, size);
      else follower.shadow.copy(at, buffer, size);
      return undefined;
    };
  };
}

const rows: Readonly<Partial<Record<HelperName, Row>>> = {
  map_lookup_elem: lookup,
  map_update_elem: update,
  map_delete_elem: remove,
  redirect_map: redirectMap,
  tail_call: tailCall,
  ktime_get_ns: (follower) => () => clock(follower),
  ktime_get_boot_ns: (follower) => () => clock(follower),
  xdp_get_buff_len:
    ({ terms, end, machine }) =>
    () =>
      terms.sub(end, terms.bits(64, machine.lane.packet.data)),
  xdp_adjust_head: adjustHead,
  xdp_adjust_tail: adjustTail,
  xdp_load_bytes: copyBytes(true),
  xdp_store_bytes: copyBytes(false),
  // As many rounds as there are: more or fewer are another path.
  loop: (follower) => {
    follower.pin(follower.termOf(1), follower.valueOf(1));
    return () => undefined;
  },
};

/** Follows the call of a helper that is about to be made; what is returned is called when it is over. */
export function followCall(follower: PathFollower, helper: number): Result | undefined {
  const known = helperRow(helper);
  const row = known && rows[known.name];
  if (known?.name === 'xdp_adjust_meta') follower.asksForMetadata = true;
  if (row !== undefined) return row(follower);
  const args = known?.args ?? [];
  // Bytes that it writes are whatever it writes.
  const written = args.flatMap((arg, i) => {
    if (argAccess(arg) !== 'write') return [];
    const size = typeof arg === 'object' ? arg.fixed : sizeBehind(follower, arg, i);
    return [{ address: follower.address(i + 1), size }];
  });
  const taken = takesRoom.has(known?.name ?? '') ? mapIn(follower, 1) : undefined;
  return (r0) => {
    if (taken !== undefined) {
      const isRefused = known?.name === 'ringbuf_reserve' ? r0 === 0n : r0 !== 0n;
      (isRefused ? follower.lackedRoom : follower.gaveRoom).add(taken.index);
    }
    for (const { address, size } of written) follower.shadow.store(address, size, undefined);
    return known?.ret === 'void' || known?.isZero === true ? undefined : follower.result(r0);
  };
}

/** Calls besides updates that fail where their map, the first argument, is full. */
const takesRoom: ReadonlySet<string> = new Set([
  'ringbuf_reserve',
  'ringbuf_output',
  'ringbuf_reserve_dynptr',
  'map_push_elem',
]);

function sizeBehind(follower: PathFollower, arg: string, i: number): number {
  if (arg === 'value out') return mapIn(follower, 1)?.spec.valueSize ?? 0;
  return Math.min(4096, Number(follower.valueOf(i + 2)));
}
