/**
 * Which maps card and host share, and how: who reads, who writes, and what kind of writing it is decide which
 * protocols can carry a map; of those one is chosen.
 */
import { InputError, UnsupportedError } from '../base/index.js';
import { calledHelper, type MapUses, mapUses } from '../code/index.js';
import { formatType, type MapSpec, type ObjectSpec } from '../object/index.js';
import { isPercpuMap } from '../platform/index.js';
import type { ProtocolName } from './protocol.js';

/** What a map is to two sides. */
export interface SharedMap {
  /** Index in `object.maps`. */
  readonly map: number;
  readonly name: string;
  /** Undefined: there is nothing to keep in step. */
  readonly protocol: ProtocolName | undefined;
  /** Protocols that could carry it; none where {@link protocol} is undefined. */
  readonly possible: readonly ProtocolName[];
  /** Why, in words that go after the protocol's name. */
  readonly reason: string;
  /** What is done to it while packets run: `control`, by the control plane. */
  readonly reads: boolean;
  readonly writes: boolean;
  readonly control: boolean;
  /** All that packets do to it is to add, so that it does not matter in which order. */
  readonly commutes: boolean;
  /** What tells its elements apart: `struct addr (16 B)`, `index`, `nothing: it is one element`. */
  readonly keyedBy: string;
  /** Is the map one element, or each key of it? One that is, and is written, counts as written by each look-up. */
  readonly grain: 'element' | 'map';
  /** Packets write it. */
  readonly isWritten: boolean;
  /** Each side has values of its own, as CPUs have, and packets write them. */
  readonly isLocal: boolean;
  /** Packets add to it, and do nothing else with what it holds. */
  readonly isCounter: boolean;
  /** Of a counter: bytes of the numbers that are added to. */
  readonly lane: 4 | 8;
}

/** What is known besides the object. */
export interface SharingOptions {
  /** Names of maps that the control plane changes while packets run. */
  readonly controlled?: ReadonlySet<string> | undefined;
  /** Protocols that the user has chosen, by the map's name. */
  readonly chosen?: ReadonlyMap<string, ProtocolName> | undefined;
}

/**
 * What carries state, by what fits: an element that packets of all flows write is asked for again and again, and then
 * it is best to have it where one works on it; of elements that are one flow's each, few are asked for by both sides
 * at a time, and the card goes on with them while the host asks (docs/coherence.md has the figures).
 */
const forState: readonly ProtocolName[] = ['migrate', 'device-home', 'replay', 'host-home', 'stall'];
const forFlows: readonly ProtocolName[] = ['device-home', 'migrate', 'replay', 'host-home', 'stall'];
const keyed: ReadonlySet<string> = new Set(['array', 'hash', 'lru_hash', 'percpu_hash', 'lru_percpu_hash']);
const outputs: ReadonlySet<string> = new Set(['ringbuf', 'perf_event_array']);

/**
 * All maps of an object. Throws UnsupportedError for a map that no protocol, or not the chosen one, can carry, and
 * InputError for the name of a map that there is not.
 */
export function shareMaps(object: ObjectSpec, options: SharingOptions = {}): readonly SharedMap[] {
  const { chosen = new Map(), controlled = new Set() } = options;
  for (const name of [...chosen.keys(), ...controlled])
    if (!object.maps.some((map) => map.name === name))
      throw new InputError(`there is no map \`${name}\``, {}, `maps: ${object.maps.map((map) => map.name).join(', ')}`);
  const uses = usesOf(object);
  return object.maps.map((spec, map): SharedMap => {
    const use = uses(map);
    const control = controlled.has(spec.name);
    const found = {
      map,
      name: spec.name,
      ...shareMap(object, spec, use, control),
      ...wordsOf(object, spec, use, control),
    };
    const wanted = chosen.get(spec.name);
    return wanted === undefined ? found : choose(found, spec, wanted);
  });
}

type Words = Pick<SharedMap, 'reads' | 'writes' | 'control' | 'commutes' | 'keyedBy'>;

/** What people are told of it. */
function wordsOf(object: ObjectSpec, spec: MapSpec, { isWritten, isStored, isRead }: Use, control: boolean): Words {
  const isIndexed = spec.type.endsWith('array');
  const type = spec.btfKeyId === 0 || object.btf === undefined ? '' : formatType(object.btf, spec.btfKeyId);
  const size = `${spec.keySize} B`;
  const byKey = isIndexed ? 'index' : spec.keySize === 0 ? 'nothing' : type === '' ? size : `${type} (${size})`;
  return {
    reads: isRead,
    writes: isWritten,
    control,
    commutes: isWritten && !isStored && !isRead,
    keyedBy: grainOf(spec) === 'map' && isWritten && !outputs.has(spec.type) ? `${byKey}, and yet one element` : byKey,
  };
}

function grainOf({ type }: MapSpec): SharedMap['grain'] {
  return keyed.has(type) || type === 'percpu_array' ? 'element' : 'map';
}

/** What programs may do to a map. */
interface Use {
  readonly isWritten: boolean;
  readonly isInserted: boolean;
  readonly isStored: boolean;
  readonly isRead: boolean;
  /** Bytes of the numbers that are only added to; undefined: there are numbers of two sizes. */
  readonly lane: 4 | 8 | undefined;
}

function usesOf(object: ObjectSpec): (map: number) => Use {
  const all = object.programs.filter(({ type }) => type === 'xdp').map((program) => mapUses(program, object.maps));
  return (map) => {
    const any = (bits: (uses: MapUses) => bigint): boolean =>
      all.some((uses) => ((bits(uses) >> BigInt(map)) & 1n) !== 0n);
    const [by4, by8] = [any(({ added }) => added[4]), any(({ added }) => added[8])];
    return {
      isWritten: any(({ written }) => written),
      isInserted: any(({ inserted }) => inserted),
      isStored: any(({ stored }) => stored),
      isRead: any(({ read }) => read),
      lane: by4 && by8 ? undefined : by4 ? 4 : 8,
    };
  };
}

type Found = Omit<SharedMap, 'map' | 'name' | keyof Words>;

function shareMap(object: ObjectSpec, spec: MapSpec, use: Use, isControlled: boolean): Found {
  const { type } = spec;
  const grain = grainOf(spec);
  const isCounter = type.endsWith('array') && !use.isStored && !use.isRead && use.lane !== undefined;
  const of = (possible: readonly ProtocolName[], reason: string): Found => {
    return {
      protocol: possible[0],
      possible,
      reason,
      grain,
      isLocal: false,
      isCounter,
      isWritten: use.isWritten,
      lane: use.lane ?? 8,
    };
  };
  const nothing = (reason: string): Found => of([], reason);
  if (outputs.has(type)) return nothing('records leave it, and no packet reads them');
  if (!use.isWritten)
    return isControlled
      ? of(['replicate', ...forState], 'packets only read it, and the control plane writes it')
      : nothing('nobody writes it while packets run');
  if (type === 'percpu_array')
    return { ...nothing('each CPU has values of its own, and the card is one'), isLocal: true };
  if (!keyed.has(type) && type !== 'lpm_trie')
    throw new UnsupportedError(
      `no protocol carries map \`${spec.name}\` of type ${type}: packets write it, and not by keys`,
      {},
      'leave such packets to the host',
    );
  if (
    object.programs.some(({ insns }) =>
      insns.some((insn) => insn !== undefined && calledHelper(insn)?.name === 'for_each_map_elem'),
    )
  )
    throw new UnsupportedError(
      `no protocol carries map \`${spec.name}\`: packets write it, and a program goes through all elements`,
      {},
      'leave such packets to the host',
    );
  if (isCounter) return of(['combine', ...forState], 'packets only add to it, and none reads it');
  if (grain === 'map') return of(forState, 'packets write values that they find by a prefix: it is one element');
  if (isPercpuMap(type)) return of(forState, 'packets read and write which keys there are');
  return use.isInserted
    ? of(forFlows, 'packets read and write it, and put in keys of their own')
    : of(forState, 'packets read and write it, of many flows the same element');
}

function choose(found: SharedMap, { type }: MapSpec, protocol: ProtocolName): SharedMap {
  if (found.possible.includes(protocol)) return { ...found, protocol, reason: `${found.reason}; chosen` };
  const others = found.possible.join(', ');
  throw new UnsupportedError(
    `\`${protocol}\` does not carry map \`${found.name}\` of type ${type}: ${found.reason}`,
    {},
    others === '' ? 'it needs none' : `these do: ${others}`,
  );
}
