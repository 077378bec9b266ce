/**
 * The type information of a written object: what the image brought along, with the sections that it describes laid out
 * anew: a DATASEC `.maps` whose variables define the maps as libbpf reads them, a FUNC for every function (the kernel
 * wants all or none), and declarations of externs that nothing declared.
 */
import { BtfBuilder } from './btf-builder.js';
import type { CodeImage, FunctionImage, MapImage, ObjectImage } from './image.js';

/** Where a map's definition lies in section `.maps`. */
export interface PlacedDefinition {
  readonly map: MapImage;
  readonly offset: number;
  readonly size: number;
  /** Offset of slot 0 of `values` in the section; undefined where there are none. */
  readonly valuesAt: number | undefined;
}

/** The two encoded sections, and where they put the maps. */
export interface WrittenBtf {
  /** Section `.BTF`. */
  readonly btf: Uint8Array;
  /** Section `.BTF.ext`. */
  readonly ext: Uint8Array;
  readonly maps: readonly PlacedDefinition[];
  /** Bytes of section `.maps`. */
  readonly mapsSize: number;
}

/** The type information for what an image holds. Ids that the image names are valid in it. */
export function writeBtf(image: ObjectImage): WrittenBtf {
  const builder = new BtfBuilder(image.btf);
  const maps = defineMaps(builder, image.maps);
  const mapsSize = maps.reduce((sum, entry) => sum + entry.size, 0);
  defineSections(builder, image, maps, mapsSize);
  defineExterns(builder, image);
  const ids = new Map<FunctionImage, number>();
  for (const code of image.code) for (const fn of code.functions) ids.set(fn, functionId(builder, fn));
  const ext = writeExt(builder, image.code, ids, image.btf !== undefined);
  return { btf: builder.bytes(), ext, maps, mapsSize };
}

/** Lays the definitions out one after another. Each member is a pointer of 8 bytes; `values` has one for each slot. */
function defineMaps(builder: BtfBuilder, maps: readonly MapImage[]): PlacedDefinition[] {
  const placed: PlacedDefinition[] = [];
  let offset = 0;
  for (const map of maps) {
    const fixed = 8 * definitionMembers(builder, map).length;
    const slots = map.values === undefined ? 0 : 1 + Math.max(-1, ...map.values.slots.keys());
    const size = fixed + 8 * slots;
    placed.push({ map, offset, size, valuesAt: map.values === undefined ? undefined : offset + fixed });
    offset += size;
  }
  return placed;
}

/** `__uint(name, value)`: a pointer to an array of that length. */
function uint(builder: BtfBuilder, value: number): number {
  return builder.pointer(builder.array(builder.int(), value));
}

/**
 * A map's fields as `__uint` and `__type` would declare them. A key or value whose type is known keeps it, which is
 * what libbpf shows and the kernel checks.
 */
function definitionMembers(builder: BtfBuilder, map: MapImage): { name: string; type: () => number }[] {
  const members: { name: string; type: () => number }[] = [];
  const number = (name: string, value: number): void => {
    members.push({ name, type: () => uint(builder, value) });
  };
  const typed = (name: string, id: number, size: number): void => {
    const known = id > 0 && builder.base !== undefined && id < builder.base.count && builder.base.sizeOf(id) === size;
    if (known) members.push({ name, type: () => builder.pointer(id) });
    else if (size > 0) number(`${name}_size`, size);
  };
  number('type', map.typeNumber);
  typed('key', map.btfKeyId, map.keySize);
  typed('value', map.btfValueId, map.valueSize);
  if (map.maxEntries > 0) number('max_entries', map.maxEntries);
  if (map.flags > 0) number('map_flags', map.flags);
  // What an array's length cannot say, an enumerator does (`__ulong` of bpf_helpers.h).
  if (map.extra > 0xffffffffn)
    members.push({ name: 'map_extra', type: () => builder.enum64('map_extra_value', map.extra) });
  else if (map.extra > 0n) number('map_extra', Number(map.extra));
  if (map.numaNode !== undefined) number('numa_node', map.numaNode);
  if (map.pinning) number('pinning', 1);
  return members;
}

/** The struct by which a map is defined. */
function definitionType(builder: BtfBuilder, map: MapImage, size: number): number {
  const members = definitionMembers(builder, map).map(({ name, type }, i) => ({ name, type: type(), offset: 8 * i }));
  if (map.values !== undefined || map.inner !== undefined) {
    const target =
      map.values?.kind === 'programs' || map.inner === undefined
        ? builder.funcProto(builder.int(), [])
        : definitionType(builder, map.inner, 8 * definitionMembers(builder, map.inner).length);
    const type = builder.array(builder.pointer(target), 0);
    members.push({ name: 'values', type, offset: 8 * members.length });
  }
  return builder.struct(size, members);
}

/** DATASECs of maps, data and externs. */
function defineSections(
  builder: BtfBuilder,
  image: ObjectImage,
  maps: readonly PlacedDefinition[],
  mapsSize: number,
): void {
  // Variables of the old data sections have lost their symbols, without which libbpf refuses their description.
  for (const { id, name } of builder.datasecs()) {
    if (name === '.kconfig' || name === '.ksyms') keepExterns(builder, image, id, name);
    else if (name !== '.maps' || maps.length === 0) builder.retire(id);
  }
  if (maps.length > 0) {
    const vars = maps.map(({ map, offset, size }) => {
      const type = builder.variable(map.name, definitionType(builder, map, size), 'global');
      return { type, offset, size };
    });
    builder.datasec('.maps', mapsSize, vars);
  }
  for (const data of image.data) {
    if (!data.mmapable) continue;
    const size = data.bytes.length;
    const type = builder.variable(dataSymbol(data.name), builder.array(builder.int(), size >> 2), 'global');
    builder.datasec(data.name, size, [{ type, offset: 0, size }]);
  }
}

/** Leaves in a section of externs what still has a symbol: libbpf looks each of them up. */
function keepExterns(builder: BtfBuilder, image: ObjectImage, id: number, name: string): void {
  const old = builder.base?.type(id);
  if (old?.kind !== 'datasec') return;
  const wanted = new Set(image.externs.map((extern) => extern.name));
  const isWanted = ({ type }: { type: number }): boolean => wanted.has(builder.base?.name(type) ?? '');
  const kept = old.vars.filter(isWanted);
  const gone = old.vars.filter((entry) => !isWanted(entry));
  if (kept.length === 0) builder.retire(id);
  else if (gone.length > 0) builder.datasec(name, old.size, kept);
  for (const entry of gone) builder.retire(entry.type);
}

/** Name of the one variable that stands for a data section that user space may map. */
export function dataSymbol(section: string): string {
  return `section${section.replace(/[^\w]/g, '_')}`;
}

/** Declares externs that the image's BTF does not know: called ones as functions, others as variables. */
function defineExterns(builder: BtfBuilder, image: ObjectImage): void {
  const called = new Set(
    image.code.flatMap((code) => code.references.filter((entry) => entry.kind === 'call').map((entry) => entry.symbol)),
  );
  const missing = image.externs.filter(
    ({ name, declared = true }) => declared && builder.base?.find(name, 'func', 'var') === undefined,
  );
  if (missing.length === 0) return;
  const old = builder.base?.find('.ksyms', 'datasec');
  const vars = old?.kind === 'datasec' ? old.vars.map(({ type, size }) => ({ type, offset: 0, size })) : [];
  for (const { name } of missing) {
    const type = called.has(name)
      ? builder.func(name, builder.funcProto(builder.int(), []), 'extern')
      : builder.variable(name, 0, 'extern');
    vars.push({ type, offset: 0, size: 4 });
  }
  builder.datasec('.ksyms', 0, vars);
}

/** The FUNC of a function: the base's by id or by name, else a new one of the most general signature. */
function functionId(builder: BtfBuilder, fn: FunctionImage): number {
  const known = fn.btfId > 0 ? builder.base?.type(fn.btfId) : builder.base?.find(fn.name, 'func');
  if (known?.kind === 'func' && known.linkage !== 'extern') return known.id;
  const argument = builder.pointer(0);
  // Static, so that the verifier looks at the function where it is called and needs no types.
  return builder.func(fn.name, builder.funcProto(builder.int(), [argument]), 'static');
}

/**
 * Records of a function's lines, four words each: byte offset, file, text, `line << 10 | column`. Lines that came with
 * other BTF are left out. The first instruction has a record in any case, one that names no source where none is
 * known: libbpf warns of a program without records, and Linux refuses a function without.
 */
function lineRecords(builder: BtfBuilder, fn: FunctionImage, sameBtf: boolean): number[] {
  const records: number[] = [];
  for (const { insn, file, text, line, column, fileOffset, textOffset } of fn.lines) {
    const isOwn = fileOffset === undefined || textOffset === undefined;
    if (!isOwn && !sameBtf) continue;
    if (records.length === 0 && insn !== fn.start) records.push(8 * fn.start, 0, 0, 0);
    const [fileAt, textAt] = isOwn ? [builder.string(file), builder.string(text)] : [fileOffset, textOffset];
    records.push(8 * insn, fileAt, textAt, ((line << 10) | (column & 0x3ff)) >>> 0);
  }
  return records.length === 0 ? [8 * fn.start, 0, 0, 0] : records;
}

/**
 * BTF.ext: function records, and line and CO-RE records where they came from this BTF.
 *
 *     magic u16, version u8, flags u8, header u32 (32), function offset, size, line offset, size, CO-RE offset, size
 *     each part: record size u32, then for each section: name u32, count u32, records
 */
function writeExt(
  builder: BtfBuilder,
  code: readonly CodeImage[],
  ids: ReadonlyMap<FunctionImage, number>,
  sameBtf: boolean,
): Uint8Array {
  const functions: number[] = [8];
  const lines: number[] = [16];
  const core: number[] = [16];
  for (const section of code) {
    const name = builder.string(section.name);
    functions.push(name, section.functions.length);
    for (const fn of section.functions) functions.push(8 * fn.start, ids.get(fn) ?? 0);
    if (sameBtf && section.core.length > 0) {
      core.push(name, section.core.length);
      for (const { slot, typeId, access, kind } of section.core) {
        core.push(8 * slot, typeId, builder.string(access), kind);
      }
    }
    const records = section.functions.flatMap((fn) => lineRecords(builder, fn, sameBtf));
    lines.push(name, records.length / 4, ...records);
  }
  const lineWords = lines.length > 1 ? lines : [];
  const coreWords = core.length > 1 ? core : [];
  const sizes = [functions, lineWords, coreWords].map((part) => 4 * part.length);
  const [functionSize = 0, lineSize = 0, coreSize = 0] = sizes;
  const places = [0, functionSize, functionSize, lineSize, functionSize + lineSize, coreSize];
  const words = [0x0001eb9f, 32, ...places, ...functions, ...lineWords, ...coreWords];
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  return bytes;
}
