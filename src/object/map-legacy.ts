/**
 * Maps as they were defined before BTF: a struct of plain numbers a map, in section `maps` (one after the other) or
 * `maps/NAME`. How long the struct is tells whose it is; the first five fields are the same in all:
 *
 *     u32   0 type, 1 key_size, 2 value_size, 3 max_entries, 4 map_flags
 *     20 B  libbpf: nothing more           24 B  inner_map_idx
 *     28 B  kernel samples: inner_map_idx, numa_node; or early iproute2 and Aya: id, pinning
 *     36 B  iproute2 (bpf_elf.h): id, pinning, inner_id, inner_idx
 *     280 B gobpf: pinning, namespace[256]
 *
 * There is no type information, but BPF_ANNOTATE_KV_PAIR may have left a struct `____btf_map_NAME { key; value; }` in
 * BTF.
 */
import { InputError } from '../base/index.js';
import { mapFlags, mapTypeNames } from '../platform/index.js';
import type { Btf } from './btf.js';
import { ByteReader } from './byte-reader.js';
import type { CodeSection } from './code.js';
import { type Elf, type ElfSection, STT_SECTION } from './elf.js';
import { maxMaps, type PlacedMap } from './map-section.js';
import type { MapInit, MapSpec } from './spec.js';

/** A map as its section has it, references to other maps still open. */
interface LegacyMap {
  readonly spec: MapSpec;
  readonly section: number;
  readonly offset: number;
  /** iproute2: what other maps and tail-call sections refer to this one by; 0 where there is none. */
  readonly id: number;
  /** iproute2: id of the map that inner maps look like. */
  readonly innerId: number;
  /** iproute2: slot of this map in the outer map whose `innerId` is this one's id. */
  readonly innerSlot: number | undefined;
  /** Kernel samples: position of the inner map among the maps. */
  readonly innerPosition: number | undefined;
}

/** Sections whose content is such structs. */
export function isLegacyMapSection(name: string): boolean {
  return name === 'maps' || name.startsWith('maps/');
}

/** The maps of one file's `maps` sections, in order. Throws InputError. */
export function readLegacyMaps(
  elf: Elf,
  sections: readonly ElfSection[],
  btf: Btf | undefined,
  code: ReadonlyMap<number, CodeSection>,
): PlacedMap[] {
  const maps = sections.flatMap((section) => readSection(elf, section, btf));
  if (maps.length > maxMaps) throw new InputError(`${maps.length} maps; ${maxMaps} are the most`, { section: 'maps' });
  return maps.map((map) => {
    const inner = innerOf(maps, map);
    const init = inner === undefined ? programSlots(map, code) : mapSlots(maps, map);
    return {
      section: map.section,
      offset: map.offset,
      spec: {
        ...map.spec,
        ...(inner === undefined ? {} : { inner: { ...inner.spec, name: `${map.spec.name}.inner` } }),
        ...(init === undefined ? {} : { init }),
      },
    };
  });
}

/** The maps of one section. Symbols say where each begins, and what is in between how long the struct is. */
function readSection(elf: Elf, section: ElfSection, btf: Btf | undefined): LegacyMap[] {
  const names = new Map<number, string>();
  for (const symbol of elf.symbolsIn.get(section.index) ?? []) {
    if (symbol.type === STT_SECTION || symbol.name === '') continue;
    if (!names.has(symbol.value)) names.set(symbol.value, symbol.name);
  }
  const offsets = [...names.keys()].sort((a, b) => a - b);
  const reader = new ByteReader(section.data, section.name, section.offset);
  return offsets.map((offset, i) => {
    const name = names.get(offset) ?? '';
    const size = (offsets[i + 1] ?? section.size) - offset;
    if (size < 16) {
      throw new InputError(
        `the definition of map \`${name}\` has ${size} bytes; 16 is the least`,
        reader.place(offset),
      );
    }
    return readMap(reader, name, offset, size, section, btf);
  });
}

/** Reads one struct by its length. */
function readMap(
  reader: ByteReader,
  name: string,
  at: number,
  size: number,
  section: ElfSection,
  btf: Btf | undefined,
): LegacyMap {
  const field = (index: number): number => (index * 4 + 4 <= size ? reader.u32(at + index * 4) : 0);
  const typeNumber = field(0);
  const type = mapTypeNames[typeNumber] ?? 'unspec';
  const ofMaps = type === 'array_of_maps' || type === 'hash_of_maps';
  const iproute2 = size >= 36 && size < 280;
  // Only a map that asks for a memory node has one in its seventh field.
  const shortIproute2 = size === 28 && !ofMaps && (field(4) & mapFlags.numaNode) === 0;
  const innerSlot = iproute2 ? field(8) : 0;
  const annotation = btf?.find(`____btf_map_${name}`, 'struct');
  const member = (memberName: string): number =>
    annotation?.kind === 'struct' ? (annotation.members.find((m) => m.name === memberName)?.type ?? 0) : 0;
  return {
    section: section.index,
    offset: at,
    id: iproute2 || shortIproute2 ? field(5) : 0,
    innerId: iproute2 ? field(7) : 0,
    innerSlot: innerSlot === 0xffffffff ? undefined : innerSlot,
    innerPosition: ofMaps && (size === 24 || size === 28) ? field(5) : undefined,
    spec: {
      name,
      type,
      typeNumber,
      keySize: field(1),
      valueSize: field(2),
      maxEntries: field(3),
      flags: field(4),
      extra: 0n,
      numaNode: size === 28 && (field(4) & mapFlags.numaNode) !== 0 ? field(6) : undefined,
      pinning: iproute2 || shortIproute2 ? field(6) !== 0 : size >= 280 && field(5) !== 0,
      section: section.name,
      btfKeyId: member('key'),
      btfValueId: member('value'),
    },
  };
}

/** The map that an outer one's inner maps look like, by position or by iproute2's id. */
function innerOf(maps: readonly LegacyMap[], outer: LegacyMap): LegacyMap | undefined {
  if (outer.innerPosition !== undefined) {
    const inner = maps[outer.innerPosition];
    return inner === outer ? undefined : inner;
  }
  return outer.innerId === 0 ? undefined : maps.find((map) => map !== outer && map.id === outer.innerId);
}

/** Inner maps that iproute2's `inner_idx` puts into an outer map. */
function mapSlots(maps: readonly LegacyMap[], outer: LegacyMap): MapInit | undefined {
  const slots = new Map<number, number>();
  for (const [index, map] of maps.entries()) {
    if (outer.innerId === 0 || map === outer || map.id !== outer.innerId || map.innerSlot === undefined) continue;
    slots.set(map.innerSlot, index);
  }
  return slots.size === 0 ? undefined : { kind: 'maps', slots };
}

/** iproute2 puts the program of a section named `ID/SLOT` into that slot of the PROG_ARRAY with that id. */
function programSlots(map: LegacyMap, code: ReadonlyMap<number, CodeSection>): MapInit | undefined {
  if (map.spec.type !== 'prog_array' || map.id === 0) return undefined;
  const slots = new Map<number, string>();
  for (const section of code.values()) {
    const match = /^(0x[0-9a-fA-F]+|\d+)\/(0x[0-9a-fA-F]+|\d+)$/.exec(section.name);
    const program = section.functions.get(0);
    if (match === null || program === undefined || Number(match[1]) !== map.id) continue;
    slots.set(Number(match[2]), program.name);
  }
  return slots.size === 0 ? undefined : { kind: 'programs', slots };
}
