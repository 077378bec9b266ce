/**
 * Global variables: each `.rodata*`, `.data*` and `.bss*` section is the one value of an ARRAY map, which programs
 * read and write directly (libbpf: bpf_object__init_global_data_maps).
 */
import { InputError } from '../base/index.js';
import { mapFlags, mapTypeNumber } from '../platform/index.js';
import type { Btf } from './btf.js';
import { type Elf, type ElfSection, SHT_NOBITS, SHT_PROGBITS } from './elf.js';
import type { PlacedMap } from './map-section.js';
import type { MapSpec } from './spec.js';

/** Most bytes of zeros that `.bss` sections may ask for: the file does not have to contain them. */
const maxZeros = 64 << 20;

/** More than any program uses. */
const maxSections = 256;

const nameLimit = 15;

/** Throws InputError. */
export function readDataSections(elf: Elf, btf: Btf | undefined, objectName: string): PlacedMap[] {
  const maps: PlacedMap[] = [];
  let zeros = 0;
  for (const section of elf.sections) {
    if (!isData(section) || section.size === 0) continue;
    if (maps.length >= maxSections) {
      throw new InputError(`more than ${maxSections} data sections`, { section: section.name, offset: section.offset });
    }
    if (section.type === SHT_NOBITS) {
      zeros += section.size;
      if (zeros > maxZeros) {
        throw new InputError(`zero-initialised variables take ${zeros} bytes; ${maxZeros} is the most`, {
          section: section.name,
        });
      }
    }
    const bytes = section.type === SHT_NOBITS ? new Uint8Array(section.size) : section.data.slice();
    const spec = dataMap(section.name, objectName, bytes, btf);
    maps.push({ spec, section: section.index, offset: undefined });
  }
  return maps;
}

/** `.bss` is the one without bytes in the file. */
function isData(section: ElfSection): boolean {
  if (/^\.(?:rodata|data)(?:\.|$)/.test(section.name)) return section.type === SHT_PROGBITS;
  return /^\.bss(?:\.|$)/.test(section.name) && section.type === SHT_NOBITS;
}

/** The map that holds a data section or the `.kconfig` values. */
export function dataMap(section: string, objectName: string, bytes: Uint8Array, btf: Btf | undefined): MapSpec {
  const readOnly = section.startsWith('.rodata') || section === '.kconfig';
  const datasec = btf?.find(section, 'datasec');
  const mmapable =
    datasec?.kind === 'datasec' &&
    datasec.vars.some((entry) => {
      const variable = btf?.type(entry.type);
      return variable?.kind === 'var' && variable.linkage !== 'static';
    });
  return {
    name: dataMapName(section, objectName),
    type: 'array',
    typeNumber: mapTypeNumber('array'),
    keySize: 4,
    valueSize: bytes.length,
    maxEntries: 1,
    flags: (readOnly ? mapFlags.rdonlyProg : 0) | (mmapable ? mapFlags.mmapable : 0),
    extra: 0n,
    pinning: false,
    init: { kind: 'data', bytes },
    section,
    btfKeyId: 0,
    btfValueId: datasec?.id ?? 0,
  };
}

/**
 * The kernel's map names have 15 characters: as much of the object's name as there is room for, then the section's
 * (at least seven of it, or all). Sections with a second dot keep their own name (libbpf: internal_map_name).
 */
function dataMapName(section: string, objectName: string): string {
  if (section.indexOf('.', 1) >= 0) return section;
  const prefix = Math.max(0, nameLimit - Math.max(7, section.length));
  return (objectName.slice(0, prefix) + section).slice(0, nameLimit).replace(/[^0-9A-Za-z_.]/g, '_');
}

/** What libbpf calls an object file: its base name up to the first dot. */
export function objectNameOf(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1);
  const dot = base.indexOf('.');
  return (dot < 0 ? base : base.slice(0, dot)).slice(0, 63);
}

/** Data sections that libbpf freezes: the program side cannot write them and user space no longer can. */
export function isConstantSection(section: string): boolean {
  return section.startsWith('.rodata') || section === '.kconfig';
}
