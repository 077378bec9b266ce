/**
 * What a path starts from: a packet, how it arrives, and the elements of maps that the program comes across. Elements
 * that it never looks at make no difference, so a start lists only the others.
 */
import type { ObjectSpec } from '../../object/index.js';
import { isPercpuMap, maxLinear } from '../../platform/index.js';
import type { Term, Terms } from '../../solve/index.js';
import { type BpfMap, fillMap, leaveNoRoom, type Machine, type PacketInput } from '../../vm/index.js';

/** An element that is there before the packet. Per-CPU values are the same on each CPU. */
export interface StartEntry {
  /** Index of the map. */
  readonly map: number;
  /** Bytes; of queues and stacks none. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** An element that the object brings and that is not there. */
export type StartAbsence = Omit<StartEntry, 'value'>;

/** A packet and a state of maps. */
export interface StartState {
  readonly packet: Uint8Array;
  /** Bytes before the packet, as a driver or another program leaves them there: a multiple of four, mostly none. */
  readonly metadata: Uint8Array;
  /** Nanoseconds. */
  readonly now: bigint;
  readonly ifindex: number;
  readonly entries: readonly StartEntry[];
  readonly absent: readonly StartAbsence[];
  /** Maps, by index, that are full besides: ring buffers that nobody reads, and tables of other elements. */
  readonly full: readonly number[];
}

/** Names of the variables of a start. */
export const startNames = {
  length: 'length',
  clock: 'clock',
  ifindex: 'ifindex',
  packet: (offset: number): string => `packet ${offset}`,
  metadata: (offset: number): string => `metadata ${offset}`,
  /** Of a call that no start decides. */
  result: (call: number): string => `result ${call}`,
} as const;

/** Latest clock: 104 days, a number that any reader of JSON and YAML takes. */
const latest = 1n << 53n;

/** What every start keeps to. */
export function startLimits(terms: Terms): Term[] {
  return [
    terms.ule(terms.unknown(startNames.length, 16), terms.bits(16, maxLinear)),
    terms.ult(terms.unknown(startNames.clock, 64), terms.bits(64, latest)),
  ];
}

/** What all packets of one search have in common. */
export interface Arrival {
  readonly cpu: number;
  readonly egressIfindex: number;
  readonly frags: boolean;
}

/** The packet of a start as machines take it. */
export function arriving(start: StartState, { cpu, egressIfindex, frags }: Arrival): PacketInput {
  return {
    data: start.packet,
    meta: start.metadata,
    now: start.now,
    ingressIfindex: start.ifindex,
    cpu,
    egressIfindex,
    frags,
  };
}

/** A value as the syscall side takes it: one for each CPU where the map has that many. */
function valueFor(map: BpfMap, value: Uint8Array, cpus: number): Uint8Array {
  if (!isPercpuMap(map.spec.type)) return value;
  const stride = Math.ceil(value.length / 8) * 8;
  const all = new Uint8Array(stride * cpus);
  for (let cpu = 0; cpu < cpus; cpu++) all.set(value, cpu * stride);
  return all;
}

/**
 * Takes away what is absent, puts the elements into the machine's maps, and fills those that are to be full. False: a
 * map refuses an element (it is full, or has no such one), or cannot be full. `isSketch`: full maps just have no room,
 * which is all that most programs see of it and takes no time.
 */
export function fillMaps(
  { maps, cpus, store }: Machine,
  { entries, absent, full }: Pick<StartState, 'entries' | 'absent' | 'full'>,
  isSketch = false,
): boolean {
  for (const ring of store.ringbufs) ring.isRead = true;
  // What is not there anyway need not be taken away.
  for (const { map, key } of absent) maps[map]?.deleteElem(key);
  for (const { map: index, key, value } of entries) {
    const map = maps[index];
    if (map === undefined || map.updateElem(key, valueFor(map, value, cpus)) !== 0) return false;
  }
  for (const index of full) {
    const map = maps[index];
    if (map === undefined || !(isSketch ? leaveNoRoom : fillMap)(map, cpus)) return false;
  }
  return true;
}

/** A reference that an element of this map may hold: by the index of a map or a program. */
export interface Reference {
  readonly value: Uint8Array;
  readonly name: string;
}

function number32(value: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/**
 * Values that an element may be made with where no program writes them: maps, programs, interfaces, CPUs, sockets.
 * Undefined: the value is the program's own, any bytes will do.
 */
export function referencesOf({ object, maps }: Machine, { spec }: BpfMap): readonly Reference[] | undefined {
  switch (spec.type) {
    case 'array_of_maps':
    case 'hash_of_maps':
      return maps
        .filter((map) => map.spec.init?.kind !== 'data' && isLike(map.spec, spec.inner))
        .map((map) => ({ value: number32(map.id, spec.valueSize), name: map.spec.name }));
    case 'prog_array':
      return programsOf(object, spec.valueSize);
    case 'devmap':
    case 'devmap_hash':
      return [{ value: number32(2, spec.valueSize), name: 'interface 2' }];
    case 'cpumap':
      return [{ value: number32(192, spec.valueSize), name: 'queue of 192' }];
    case 'xskmap':
      return [{ value: number32(1, spec.valueSize), name: 'socket 1' }];
    default:
      return undefined;
  }
}

/** A tail call goes to programs of the same kind that are not the entry of a device map. */
function programsOf(object: ObjectSpec, size: number): Reference[] {
  return object.programs.flatMap(({ name, attach, type }, i) =>
    type === 'xdp' && attach === 'xdp' ? [{ value: number32(i + 1, size), name }] : [],
  );
}

function isLike(spec: BpfMap['spec'], inner: BpfMap['spec'] | undefined): boolean {
  return (
    inner !== undefined &&
    spec.type === inner.type &&
    spec.keySize === inner.keySize &&
    spec.valueSize === inner.valueSize &&
    (spec.maxEntries === inner.maxEntries || spec.type !== 'array')
  );
}
