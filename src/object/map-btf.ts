/**
 * Maps defined by BTF in section `.maps`: the type of each variable there is a struct whose members are not data but
 * encode numbers and types (bpf_helpers.h):
 *
 *     __uint(name, N)     int (*name)[N]
 *     __ulong(name, N)    an enum with one value; an enum64 where N takes more than 32 bits
 *     __type(name, T)     T *name
 *     __array(name, T)    T *name[]          `values`, filled in by relocations in `.maps` itself
 */
import { InputError, UnsupportedError } from '../base/index.js';
import { mapTypeNames, mapTypeNumber } from '../platform/index.js';
import type { Btf } from './btf.js';
import { type BtfComposite, type BtfMember, isEnum } from './btf-type.js';
import type { CodeSection } from './code.js';
import type { Elf, ElfRelocation, ElfSection } from './elf.js';
import { MapIndex, maxMaps, type PlacedMap } from './map-section.js';
import { lowerBound } from './sorted.js';
import type { MapInit, MapSpec } from './spec.js';

const R_BPF_NONE = 0;
/**
 * Whose place holds an address of 64 bits: R_BPF_64_ABS64, and R_BPF_64_64, which clang before 13 wrote for data, too.
 */
const addressTypes: ReadonlySet<number> = new Set([1, 2]);
const pageSize = 4096;

/** Libbpf knows a dozen. */
const maxFields = 32;

/** A map's definition, before its values are known. */
interface Definition {
  readonly spec: MapSpec;
  /** Byte offset of `values` in the variable. */
  readonly valuesAt: number | undefined;
}

/**
 * The maps of section `.maps`, in order; `first` is the index that the first of them gets in the object. Throws
 * InputError.
 */
export function readBtfMaps(
  elf: Elf,
  section: ElfSection,
  btf: Btf | undefined,
  code: ReadonlyMap<number, CodeSection>,
  first = 0,
): PlacedMap[] {
  const datasec = btf?.find('.maps', 'datasec');
  if (btf === undefined || datasec?.kind !== 'datasec') {
    if (section.size === 0) return [];
    throw new InputError(
      'the maps in it are defined by BTF, and the file has none for them',
      { section: section.name },
      'compile with -g',
    );
  }
  if (datasec.vars.length > maxMaps) {
    throw new InputError(`${datasec.vars.length} maps; ${maxMaps} are the most`, { section: section.name });
  }
  const offsets = new Map((elf.symbolsIn.get(section.index) ?? []).map((s) => [s.name, s.value]));
  const definitions: (Definition & { readonly offset: number; readonly size: number })[] = [];
  for (const entry of datasec.vars) {
    const variable = btf.type(entry.type);
    if (variable.kind !== 'var') return btf.fail(entry.type, 'a member of `.maps` is no variable');
    const offset = offsets.get(variable.name) ?? entry.offset;
    const type = btf.resolve(variable.type);
    if (type.kind !== 'struct')
      return btf.fail(variable.type, `map \`${variable.name}\` is defined by ${type.kind} instead of a struct`);
    const size = entry.size > 0 ? entry.size : type.size;
    if (offset + size > section.size) {
      throw new InputError(`the definition of map \`${variable.name}\` ends past its section`, {
        section: section.name,
      });
    }
    definitions.push({ ...readDefinition(btf, variable.name, type, false), offset, size });
  }
  const placed = definitions.map(({ spec, offset }) => ({ spec, section: section.index, offset }));
  const inits = readValues(elf, section, definitions, placed, code, first);
  return placed.map((map, i) => {
    const init = inits[i];
    return init === undefined ? map : { ...map, spec: { ...map.spec, init } };
  });
}

/** Reads the members of one definition. Throws InputError for a field that libbpf refuses, with its name. */
function readDefinition(btf: Btf, name: string, type: BtfComposite, inner: boolean): Definition {
  const bad = (what: string): never => {
    throw new InputError(`map \`${name}\`: ${what}`, { section: '.maps' });
  };
  if (type.members.length > maxFields) bad(`${type.members.length} fields; ${maxFields} are the most`);
  let typeNumber = 0;
  let keySize: number | undefined;
  let valueSize: number | undefined;
  let maxEntries = 0;
  let flags = 0;
  let extra = 0n;
  let numaNode: number | undefined;
  let pinning = false;
  let btfKeyId = 0;
  let btfValueId = 0;
  let innerSpec: MapSpec | undefined;
  let valuesAt: number | undefined;

  const agree = (what: string, known: number | undefined, size: number): number =>
    known !== undefined && known !== size ? bad(`${what} of ${known} and of ${size} bytes`) : size;
  const pointee = (member: BtfMember): number => {
    const pointer = btf.resolve(member.type);
    return pointer.kind === 'ptr' ? pointer.type : bad(`\`${member.name}\` is no pointer to a type`);
  };
  const sized = (member: BtfMember): number =>
    btf.sizeOf(pointee(member)) ?? bad(`the type of \`${member.name}\` has no size`);

  for (const member of type.members) {
    const number = (): number => Number(memberNumber(btf, member) ?? bad(`\`${member.name}\` is no number`));
    switch (member.name) {
      case 'type':
        typeNumber = number();
        break;
      case 'key_size':
        keySize = agree('keys', keySize, number());
        break;
      case 'key':
        keySize = agree('keys', keySize, sized(member));
        btfKeyId = pointee(member);
        break;
      case 'value_size':
        valueSize = agree('values', valueSize, number());
        break;
      case 'value':
        valueSize = agree('values', valueSize, sized(member));
        btfValueId = pointee(member);
        break;
      case 'max_entries':
        maxEntries = number();
        break;
      case 'map_flags':
        flags = number();
        break;
      case 'map_extra':
        extra = memberNumber(btf, member) ?? bad('`map_extra` is no number');
        break;
      case 'numa_node':
        numaNode = number();
        break;
      case 'pinning':
        pinning = number() !== 0;
        break;
      case 'values': {
        if (inner) bad('an inner map cannot have `values` itself');
        valueSize = agree('values', valueSize, 4);
        valuesAt = Math.floor(member.bitOffset / 8);
        const array = btf.resolve(member.type);
        if (array.kind !== 'array') bad('`values` is no array');
        else {
          const element = btf.resolve(array.type);
          const target = element.kind === 'ptr' ? btf.resolve(element.type) : undefined;
          if (target?.kind === 'struct') innerSpec = readDefinition(btf, `${name}.inner`, target, true).spec;
          else if (target?.kind !== 'func_proto') bad('`values` holds pointers neither to maps nor to functions');
        }
        break;
      }
      default:
        throw new UnsupportedError(`map \`${name}\`: unknown field \`${member.name}\``, { section: '.maps' });
    }
  }
  if (typeNumber === 0) bad('no `type` is given');
  if (typeNumber === mapTypeNumber('ringbuf') || typeNumber === mapTypeNumber('user_ringbuf')) {
    maxEntries = ringbufSize(maxEntries);
  }
  return {
    spec: {
      name,
      type: mapTypeNames[typeNumber] ?? 'unspec',
      typeNumber,
      keySize: keySize ?? 0,
      valueSize: valueSize ?? 0,
      maxEntries,
      flags,
      extra,
      numaNode,
      pinning,
      inner: innerSpec,
      section: '.maps',
      btfKeyId,
      btfValueId,
    },
    valuesAt,
  };
}

/** `__uint` or `__ulong`. */
function memberNumber(btf: Btf, member: BtfMember): bigint | undefined {
  const pointer = btf.resolve(member.type);
  const target = pointer.kind === 'ptr' ? btf.resolve(pointer.type) : pointer;
  if (target.kind === 'array') return BigInt(target.length);
  if (isEnum(target) && target.values.length === 1) return target.values[0]?.value;
  return undefined;
}

/** The kernel wants a power of two of whole pages; libbpf rounds up for the user (adjust_ringbuf_sz). */
function ringbufSize(size: number): number {
  if (size === 0) return 0;
  let rounded = pageSize;
  while (rounded < size && rounded < 2 ** 31) rounded *= 2;
  return Math.max(rounded, size);
}

/** Values are relocations in `.maps`: each names the map or program that a slot holds. */
function readValues(
  elf: Elf,
  section: ElfSection,
  definitions: readonly (Definition & { readonly offset: number; readonly size: number })[],
  placed: readonly PlacedMap[],
  code: ReadonlyMap<number, CodeSection>,
  firstIndex: number,
): (MapInit | undefined)[] {
  const relocations = elf.relocations.get(section.index) ?? [];
  const index = new MapIndex(placed);
  return definitions.map((definition) => {
    const { valuesAt, offset, size, spec } = definition;
    if (valuesAt === undefined) return undefined;
    const first = offset + valuesAt;
    const maps = new Map<number, number>();
    const programs = new Map<number, string>();
    for (let i = lowerBound(relocations, first, (r) => r.offset); i < relocations.length; i++) {
      const relocation = relocations[i];
      if (relocation === undefined || relocation.offset >= offset + size) break;
      const slot = (relocation.offset - first) / 8;
      if (relocation.type === R_BPF_NONE) continue;
      if (!addressTypes.has(relocation.type) || relocation.hasAddend || !Number.isInteger(slot)) {
        throw new UnsupportedError(
          `map \`${spec.name}\`: relocation of type ${relocation.type}${relocation.hasAddend ? ' with an addend' : ''} in its \`values\``,
          {
            section: section.name,
            offset: section.offset + relocation.offset,
          },
        );
      }
      const target = relocationTarget(relocation, section);
      if (spec.inner !== undefined) {
        const map = index.find(relocation.symbol.section ?? -1, target);
        if (map === undefined) {
          throw new InputError(`map \`${spec.name}\`: \`values[${slot}]\`, \`${relocation.symbol.name}\`, is no map`, {
            section: section.name,
          });
        }
        maps.set(slot, firstIndex + map.index);
      } else {
        const program = code.get(relocation.symbol.section ?? -1)?.functions.get(target / 8);
        if (program === undefined) {
          throw new InputError(
            `map \`${spec.name}\`: \`values[${slot}]\`, \`${relocation.symbol.name}\`, is no program`,
            {
              section: section.name,
            },
          );
        }
        programs.set(slot, program.name);
      }
    }
    // Without a slot there is nothing to put in: the member tells the inner maps' shape only.
    if (spec.inner !== undefined) return maps.size === 0 ? undefined : { kind: 'maps', slots: maps };
    return { kind: 'programs', slots: programs };
  });
}

/** Symbol value plus what is stored at the place (SHT_REL). */
function relocationTarget(relocation: ElfRelocation, section: ElfSection): number {
  const at = relocation.offset;
  if (at + 8 > section.data.length) return relocation.symbol.value;
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
  return relocation.symbol.value + view.getUint32(at, true);
}
