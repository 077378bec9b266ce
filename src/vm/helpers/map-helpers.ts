/** Access to maps (kernel/bpf/helpers.c). */
import { errno, helperNames, type MapTypeName, mapFlags } from '../../platform/index.js';
import type { Registers } from '../engine.js';
import type { Machine } from '../machine.js';
import type { BpfMap } from '../map.js';
import { type Callbacks, setSigned, setUnsigned, u32, u64 } from './helper.js';

const lookupId = 1;
const updateId = 2;
const deleteId = 3;
const pushId = 87;
const popId = 88;
const peekId = 89;
const forEachId = 164;
const lookupPercpuId = 195;

const general = [lookupId, updateId, deleteId];
const none: readonly number[] = [];

/**
 * Which of these helpers each map type accepts (kernel/bpf/verifier.c, check_map_func_compatibility). Types not listed
 * accept none.
 */
const accepted: Partial<Record<MapTypeName, readonly number[]>> = {
  hash: [...general, forEachId],
  array: [...general, forEachId],
  percpu_hash: [...general, forEachId, lookupPercpuId],
  percpu_array: [...general, forEachId, lookupPercpuId],
  lru_hash: [...general, forEachId],
  lru_percpu_hash: [...general, forEachId, lookupPercpuId],
  lpm_trie: general,
  array_of_maps: [lookupId],
  hash_of_maps: [lookupId],
  devmap: [lookupId],
  devmap_hash: [lookupId],
  xskmap: [lookupId],
  queue: [pushId, popId, peekId],
  stack: [pushId, popId, peekId],
  bloom_filter: [pushId, peekId],
};

function mapFor(machine: Machine, registers: Registers, helper: number): BpfMap {
  const map = machine.mapArgument(registers, 1);
  const { spec } = map;
  if (!(accepted[spec.type] ?? none).includes(helper)) {
    machine.refuse(`cannot pass map_type ${spec.typeNumber} into func bpf_${helperNames[helper]}#${helper}`);
  }
  if ((spec.flags & (mapFlags.rdonlyProg | mapFlags.wronlyProg)) !== 0) checkAccess(machine, map, helper);
  return map;
}

/** BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG. */
function checkAccess(machine: Machine, map: BpfMap, helper: number): void {
  const writes = helper === updateId || helper === deleteId || helper === pushId || helper === popId;
  if (writes && (map.spec.flags & mapFlags.rdonlyProg) !== 0) machine.refuse('write into map forbidden');
  if (!writes && (map.spec.flags & mapFlags.wronlyProg) !== 0) machine.refuse('read from map forbidden');
}

/** r1: map; r2: key. r0: address of the value, or 0. */
export function mapLookup(machine: Machine, registers: Registers): void {
  const map = mapFor(machine, registers, lookupId);
  const key = machine.readable(registers, 2, map.spec.keySize);
  setUnsigned(registers, map.lookup(key, machine.lane.cpu));
}

/** r1: map; r2: key; r3: value; r4: BPF_ANY and its kin. r0: 0 or a negated errno. */
export function mapUpdate(machine: Machine, registers: Registers): void {
  const map = mapFor(machine, registers, updateId);
  const key = machine.readable(registers, 2, map.spec.keySize);
  const value = machine.readable(registers, 3, map.spec.valueSize);
  setSigned(registers, map.update(key, value, u64(registers, 4), machine.lane.cpu));
}

/** r1: map; r2: key. r0: 0 or a negated errno. */
export function mapDelete(machine: Machine, registers: Registers): void {
  const map = mapFor(machine, registers, deleteId);
  const key = machine.readable(registers, 2, map.spec.keySize);
  setSigned(registers, map.delete(key, machine.lane.cpu));
}

/** r1: queue, stack or bloom filter; r2: value; r3: flags. r0: 0 or a negated errno. */
export function mapPush(machine: Machine, registers: Registers): void {
  const map = mapFor(machine, registers, pushId);
  const value = machine.readable(registers, 2, map.spec.valueSize);
  setSigned(registers, map.push(value, u64(registers, 3)));
}

/** r1: queue or stack; r2: where the value goes. r0: 0 or a negated errno. */
export function mapPop(machine: Machine, registers: Registers): void {
  const map = mapFor(machine, registers, popId);
  const value = machine.writable(registers, 2, map.spec.valueSize);
  setSigned(registers, map.pop(value));
}

/** r1: queue, stack or bloom filter; r2: where the value goes, or what is looked for. r0: 0 or a negated errno. */
export function mapPeek(machine: Machine, registers: Registers): void {
  const map = mapFor(machine, registers, peekId);
  const { type, valueSize } = map.spec;
  // A bloom filter's value is what is looked for; a queue's is where the answer goes.
  const isQuestion = type === 'bloom_filter';
  const value = isQuestion ? machine.readable(registers, 2, valueSize) : machine.writable(registers, 2, valueSize);
  setSigned(registers, map.peek(value));
}

/** r1: per-CPU map; r2: key; r3: CPU. r0: address of that CPU's value, or 0. */
export function mapLookupPercpu(machine: Machine, registers: Registers): void {
  const map = mapFor(machine, registers, lookupPercpuId);
  const key = machine.readable(registers, 2, map.spec.keySize);
  const cpu = u32(registers, 3);
  setUnsigned(registers, cpu < machine.cpus ? map.lookupPercpu(key, cpu) : 0);
}

/** Calls back for each element; a result other than 0 ends the walk. r0 counts the elements visited. */
export function forEachMapElem(machine: Machine, registers: Registers, callbacks: Callbacks): void {
  const map = mapFor(machine, registers, forEachId);
  const fn = u32(registers, 2);
  const context = u64(registers, 3);
  if (u64(registers, 4) !== 0n) {
    setSigned(registers, -errno.EINVAL);
    return;
  }
  let visited = 0;
  for (const { key, value } of map.elements(machine.lane.cpu)) {
    registers.u64[1] = BigInt(map.handle);
    registers.u64[2] = BigInt(key);
    registers.u64[3] = BigInt(value);
    registers.u64[4] = context;
    registers.u64[5] = 0n;
    callbacks.call(fn);
    visited++;
    if (registers.u64[0] !== 0n) break;
  }
  setUnsigned(registers, visited);
}
