/**
 * Map files: what maps hold before the first packet (`--maps-in`) and after the last (`--maps-out`). The format is
 * described in `docs/maps.md`; what is written can be read again.
 */
import { InputError, UserError } from '../base/index.js';
import type { ObjectSpec } from '../object/index.js';
import { parseSubnet } from '../packet/index.js';
import { errno, errnoName, isPercpuMap } from '../platform/index.js';
import { nearestHint, printableJson } from '../text/index.js';
import { cannotLose } from './absent-elements.js';
import { parseLooseJson } from './loose-json.js';
import type { BpfMap } from './map.js';
import { type Formatted, formatBytes } from './map-format.js';
import { addressOf, encodeTyped, encodeTypedText, isTyped } from './map-typed.js';
import { encodeValue, type ValueNames } from './map-value-json.js';

/** What map files are about; a Machine is one. */
export interface MapHolder {
  readonly object: ObjectSpec;
  readonly maps: readonly BpfMap[];
  readonly cpus: number;
}

/** One entry as it stands in a map file. */
export interface MapEntryJson {
  readonly key?: unknown;
  readonly value?: unknown;
  /** Per-CPU maps: the values of all CPUs, or {@link value} for one ({@link cpu}) or all. */
  readonly values?: readonly unknown[];
  readonly cpu?: number;
  /** The element is taken away, if it is there: of what the object brings, for example. */
  readonly absent?: boolean;
}

/** Contents of maps by name, as `--maps-in` reads and `--maps-out` writes them (docs/maps.md). */
export interface MapsFile {
  readonly maps: { readonly [name: string]: readonly MapEntryJson[] };
}

/** One element of a dumped map. */
export interface DumpedEntry {
  /** Hex bytes; absent for queues and stacks. */
  readonly key?: string;
  /** Hex bytes, or `{ "prog": name }`, `{ "map": name }`. */
  readonly value?: string | { readonly [part: string]: string };
  /** Hex bytes for each CPU. */
  readonly values?: readonly string[];
  readonly formatted?: {
    readonly key?: Formatted | undefined;
    readonly value?: Formatted | undefined;
    readonly values?: readonly Formatted[];
  };
}

/** Contents of maps as a map file: hex bytes, and decoded values beside them. */
export interface DumpedMaps {
  readonly maps: { readonly [name: string]: readonly DumpedEntry[] };
}

/** What is dumped, and how. */
export interface DumpOptions {
  /** Maps to dump; default all. */
  readonly names?: readonly string[] | undefined;
  /** Decode keys and values whose BTF types are known. Default true. */
  readonly formatted?: boolean | undefined;
}

const entryFields: ReadonlySet<string> = new Set(['key', 'value', 'values', 'cpu', 'absent', 'formatted']);

/**
 * Stands for the name in what `bpftool map dump` prints, a list of entries without one: the object's only map of its
 * own.
 */
const onlyMap = '';

/** Parses JSON text. Throws InputError naming the file. */
export function parseMapsFile(text: string, file?: string): MapsFile {
  const json = parseJson(text, file);
  const maps = isRecord(json)
    ? byName(json.maps)
    : Array.isArray(json) && json.length > 0
      ? { [onlyMap]: json as unknown[] }
      : undefined;
  if (!isRecord(maps))
    throw new InputError('not a map file', { file }, 'it is {"maps": {"NAME": [{"key": ..., "value": ...}]}}');
  for (const [name, entries] of Object.entries(maps)) {
    if (!Array.isArray(entries)) throw new InputError(`map \`${name}\`: not a list of entries`, { file });
    entries.forEach((entry: unknown, i) => {
      if (!isRecord(entry)) throw new InputError(`map \`${name}\`: entry ${i} is not an object`, { file });
      const unknown = Object.keys(entry).find((field) => !entryFields.has(field));
      if (unknown !== undefined)
        throw new InputError(
          `map \`${name}\`: entry ${i} has a field \`${unknown}\``,
          { file },
          `fields are ${[...entryFields].join(', ')}`,
        );
    });
  }
  return { maps } as unknown as MapsFile;
}

/** Entries by the map's name, of a list of maps as `jitnic map dump -j` prints it; anything else as it is. */
function byName(maps: unknown): unknown {
  if (!Array.isArray(maps)) return maps;
  const list = maps as readonly unknown[];
  if (!list.every((map) => isRecord(map) && typeof map.name === 'string')) return maps;
  return Object.fromEntries((list as readonly Record<string, unknown>[]).map(({ name, entries }) => [name, entries]));
}

/** JSON, or InputError with the file and, for files of a value a line, the line. */
export function parseJson(text: string, file?: string, line?: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    try {
      return parseLooseJson(text);
    } catch {
      // What JSON says of it is of more use.
    }
    const where = line === undefined ? '' : `line ${line}: `;
    // Node quotes the text with its line ends.
    const why = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
    throw new InputError(`${where}not JSON: ${why}`, { file });
  }
}

/** An object of JSON, not an array and not null. */
export function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Puts the entries of a map file into the maps, in order. Throws InputError naming map and entry. */
export function loadMaps(holder: MapHolder, contents: MapsFile, file?: string): void {
  for (const [name, entries] of Object.entries(contents.maps)) {
    const map = name === onlyMap ? findOnlyMap(holder, file) : findMap(holder, name, file);
    entries.forEach((entry, i) => {
      at(file, `map \`${name}\`: entry ${i}`, () => {
        if (isAbsent(entry)) {
          takeAway(map, encodeKey(holder, map, entry.key));
          return;
        }
        const { key, value } = encodeEntry(holder, map, entry);
        const result = map.updateElem(key, value, 0n);
        // A dump has the constants of the program too; they are frozen, and what they are anyway.
        if (result !== -errno.EPERM || !holds(map, key, value)) refuse(result);
      });
    });
  }
}

/** Does the entry say that there is no such element? Throws InputError where it says one and the other. */
export function isAbsent({ absent, value, values }: MapEntryJson): boolean {
  if (absent === undefined) return false;
  if (typeof absent !== 'boolean') throw new InputError('`absent` is neither true nor false');
  if (absent && (value !== undefined || values !== undefined))
    throw new InputError('an element that is absent has no value');
  return absent;
}

/** The element is not there afterwards. Throws InputError for a map whose elements cannot be taken away. */
function takeAway(map: BpfMap, key: Uint8Array): void {
  const reason = cannotLose(map.spec);
  if (reason !== undefined) throw new InputError(reason);
  const result = map.deleteElem(key);
  if (result !== -errno.ENOENT) refuse(result);
}

function holds(map: BpfMap, key: Uint8Array, value: Uint8Array): boolean {
  const held = map.lookupElem(key);
  return typeof held !== 'number' && held.length === value.length && held.every((byte, i) => byte === value[i]);
}

function findOnlyMap(holder: MapHolder, file: string | undefined): BpfMap {
  const own = holder.maps.filter(({ spec }) => spec.init?.kind !== 'data');
  const [only] = own;
  if (only !== undefined && own.length === 1) return only;
  throw new InputError(
    'a list of entries, and no map is named',
    { file },
    `write {"maps": {"NAME": [...]}}; maps are ${own.map(({ spec }) => spec.name).join(', ')}`,
  );
}

/** The map of this name. Throws InputError listing the ones there are. */
export function findMap(holder: MapHolder, name: string, file?: string): BpfMap {
  const map = holder.maps.find((candidate) => candidate.spec.name === name);
  if (map !== undefined) return map;
  const names = holder.maps.map((candidate) => candidate.spec.name);
  throw new InputError(
    `there is no map \`${name}\``,
    { file },
    names.length === 0 ? 'the object has no maps' : nearestHint(name, names, 'maps are'),
  );
}

/** A key or value by its BTF type where it is written so, else as bytes, numbers and parts. */
function encodeTypedValue(holder: MapHolder, type: number, json: unknown, size: number): Uint8Array {
  const { btf } = holder.object;
  const bytes = bytesOf(json, size);
  if (bytes !== undefined) return bytes;
  if (btf !== undefined && isTyped(btf, type, json)) return encodeTyped(btf, type, json, size);
  const names = namesOf(holder);
  if (typeof json !== 'string') return encodeValue(json, size, names);
  const address = addressOf(json);
  if (address?.length === size) return address;
  try {
    return encodeValue(json, size, names);
  } catch (error) {
    const typed = btf && encodeTypedText(btf, type, json, size);
    if (typed !== undefined) return typed;
    const members = membersOf(json);
    if (members === undefined) throw error;
    return encodeTypedValue(holder, type, members, size);
  }
}

/** Members or parts that stand in a text: `"{last: 5, tokens: 7}"`; undefined where it is none. */
function membersOf(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return parseLooseJson(text);
  } catch {
    return undefined;
  }
}

/** Bytes as `bpftool -j map dump` has them: `["0x0a", "0x00"]`. */
function bytesOf(json: unknown, size: number): Uint8Array | undefined {
  if (!Array.isArray(json) || json.length === 0) return undefined;
  const items = json as readonly unknown[];
  if (!items.every((item) => typeof item === 'string' && /^0x[0-9a-fA-F]{1,2}$/.test(item))) return undefined;
  if (items.length !== size) throw new InputError(`${items.length} bytes, and ${size} are wanted`);
  return Uint8Array.from(items, Number);
}

/** Key bytes of a map; empty where the map has no keys. Throws InputError. */
export function encodeKey(holder: MapHolder, map: BpfMap, key: unknown): Uint8Array {
  const { keySize, type } = map.spec;
  if (keySize === 0 && key === undefined) return new Uint8Array(0);
  if (keySize === 0) throw new InputError(`a ${type} has no keys`);
  if (key === undefined) throw new InputError('it has no key');
  return within('key', () => {
    const prefix =
      type === 'lpm_trie' && typeof key === 'string' && key.includes('/') ? prefixKey(key, keySize) : undefined;
    return prefix ?? encodeTypedValue(holder, map.spec.btfKeyId, key, keySize);
  });
}

/** A trie's key as people write prefixes, `10.0.0.0/8`: the number of bits, then the address. */
function prefixKey(text: string, size: number): Uint8Array {
  const { network, prefix } = parseSubnet(text);
  if (network.length !== size - 4)
    throw new InputError(`\`${text}\` has an address of ${network.length} bytes, not ${size - 4}`);
  const key = new Uint8Array(size);
  new DataView(key.buffer).setUint32(0, prefix, true);
  key.set(network, 4);
  return key;
}

/** Of a map whose values are programs or maps, what a name alone stands for. */
function namedReference(holder: MapHolder, { spec }: BpfMap, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const part = spec.type === 'prog_array' ? 'prog' : /_of_maps$/.test(spec.type) ? 'map' : undefined;
  if (part === undefined) return value;
  const names = namesOf(holder);
  const known = part === 'prog' ? names.program(value) : names.map(value);
  if (known !== undefined) return { [part]: value };
  if (!/^[A-Za-z_][\w.]*$/.test(value)) return value;
  const all = part === 'prog' ? holder.object.programs : holder.maps.map(({ spec: one }) => one);
  const what = part === 'prog' ? 'program' : 'map';
  throw new InputError(
    `there is no ${what} \`${value}\``,
    {},
    nearestHint(
      value,
      all.map(({ name }) => name),
      `${what}s are`,
    ),
  );
}

/** Key and value bytes as the syscall side takes them. Throws InputError. */
export function encodeEntry(
  holder: MapHolder,
  map: BpfMap,
  entry: MapEntryJson,
): { key: Uint8Array; value: Uint8Array } {
  const { spec } = map;
  const key = encodeKey(holder, map, entry.key);
  const one = (value: unknown): Uint8Array =>
    within('value', () =>
      encodeTypedValue(holder, spec.btfValueId, namedReference(holder, map, value), spec.valueSize),
    );
  if (!isPercpuMap(spec.type)) {
    if (entry.cpu !== undefined || entry.values !== undefined)
      throw new InputError(`a ${spec.type} has one value for all CPUs`);
    if (entry.value === undefined) throw new InputError('it has no value');
    return { key, value: one(entry.value) };
  }
  const stride = Math.ceil(spec.valueSize / 8) * 8;
  const all = new Uint8Array(stride * holder.cpus);
  const { cpu } = entry;
  if (entry.values !== undefined) {
    if (!Array.isArray(entry.values) || entry.values.length !== holder.cpus) {
      throw new InputError(
        `\`values\` is not a list of ${holder.cpus} values, one for each CPU`,
        {},
        'set the number of CPUs: --cpus, and `cpus` of a test file',
      );
    }
    entry.values.forEach((value, i) => {
      // bpftool tells the CPU with each value.
      const told = isRecord(value) && typeof value['cpu'] === 'number' && 'value' in value ? value : { cpu: i, value };
      const cpuOf = Number(told['cpu']);
      if (cpuOf >= holder.cpus) throw new InputError(`there is no CPU ${cpuOf}: they are 0 to ${holder.cpus - 1}`);
      all.set(one(told.value), cpuOf * stride);
    });
  } else if (entry.value === undefined) {
    throw new InputError('it has no value');
  } else if (cpu === undefined) {
    const bytes = one(entry.value);
    for (let i = 0; i < holder.cpus; i++) all.set(bytes, i * stride);
  } else {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= holder.cpus) {
      throw new InputError(
        `there is no CPU ${cpu}: they are 0 to ${holder.cpus - 1}`,
        {},
        'set the number of CPUs: --cpus, and `cpus` of a test file',
      );
    }
    const old = map.lookupElem(key);
    if (typeof old !== 'number') all.set(old);
    all.set(one(entry.value), cpu * stride);
  }
  return { key, value: all };
}

/**
 * The maps' contents as a map file. Stacks come oldest element first, so that reading them in again gives the same
 * stack.
 */
export function dumpMaps(holder: MapHolder, options: DumpOptions = {}): DumpedMaps {
  const maps = options.names?.map((name) => findMap(holder, name)) ?? holder.maps;
  const contents = maps.map((map): [string, DumpedEntry[]] => {
    return [map.spec.name, [...dumpedEntries(holder, map, options.formatted !== false)]];
  });
  return { maps: Object.fromEntries(contents) };
}

/**
 * What {@link dumpMaps} gives, as the JSON text of a map file, an entry at a time: tens of millions need not fit into
 * one string.
 */
export function* mapsText(holder: MapHolder): IterableIterator<string> {
  yield '{\n  "maps": {';
  let isFirstMap = true;
  for (const map of holder.maps) {
    yield `${isFirstMap ? '' : ','}\n    ${JSON.stringify(map.spec.name)}: [`;
    isFirstMap = false;
    let separator = '\n';
    for (const entry of dumpedEntries(holder, map, true)) {
      const text = printableJson(JSON.stringify(entry, undefined, 2));
      yield `${separator}      ${text.replaceAll('\n', '\n      ')}`;
      separator = ',\n';
    }
    yield separator === '\n' ? ']' : '\n    ]';
  }
  yield isFirstMap ? '}\n}\n' : '\n  }\n}\n';
}

/** Stacks come oldest element first, so that reading them in again gives the same stack. */
function* dumpedEntries(holder: MapHolder, map: BpfMap, formatted: boolean): IterableIterator<DumpedEntry> {
  const entries = map.spec.type === 'stack' ? [...map.writtenEntries()].reverse() : map.writtenEntries();
  for (const { key, value } of entries) yield dumpEntry(holder, map, key, value, formatted);
}

/** One element; `formatted` adds what its BTF types say of it. */
export function dumpEntry(
  holder: MapHolder,
  map: BpfMap,
  key: Uint8Array,
  value: Uint8Array,
  formatted: boolean,
): DumpedEntry {
  const { spec } = map;
  const keyField = spec.keySize === 0 ? {} : { key: formatHex(key) };
  const values = isPercpuMap(spec.type) ? splitCpus(value, spec.valueSize) : undefined;
  const entry: DumpedEntry = values
    ? { ...keyField, values: values.map(formatHex) }
    : { ...keyField, value: nameReference(holder, map, value) ?? formatHex(value) };
  const { btf } = holder.object;
  if (!formatted || btf === undefined) return entry;
  const keyText = spec.keySize === 0 ? undefined : formatBytes(btf, spec.btfKeyId, key);
  if (values === undefined) {
    const text = formatBytes(btf, spec.btfValueId, value);
    return keyText === undefined && text === undefined ? entry : { ...entry, formatted: { key: keyText, value: text } };
  }
  const texts = values.map((bytes) => formatBytes(btf, spec.btfValueId, bytes));
  if (texts.some((text) => text === undefined)) return entry;
  return { ...entry, formatted: { key: keyText, values: texts as Formatted[] } };
}

/** `{ "prog": name }` or `{ "map": name }` where the value is a reference whose name is known. */
function nameReference(
  holder: MapHolder,
  map: BpfMap,
  value: Uint8Array,
): { readonly [part: string]: string } | undefined {
  const number = value.length === 4 ? new DataView(value.buffer, value.byteOffset).getUint32(0, true) : 0;
  switch (map.spec.type) {
    case 'prog_array': {
      const name = holder.object.programs[number - 1]?.name;
      return name === undefined ? undefined : { prog: name };
    }
    case 'array_of_maps':
    case 'hash_of_maps': {
      const name = holder.maps[number - 1]?.spec.name;
      return name === undefined ? undefined : { map: name };
    }
    default:
      return undefined;
  }
}

function splitCpus(value: Uint8Array, size: number): Uint8Array[] {
  const stride = Math.ceil(size / 8) * 8;
  return Array.from({ length: value.length / stride }, (_, cpu) => value.subarray(cpu * stride, cpu * stride + size));
}

/** `0a 00 00 01`. */
export function formatHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

const namesKnown = new WeakMap<MapHolder, ValueNames>();

/** What the holder's programs and maps are called; one for all of its entries. */
function namesOf(holder: MapHolder): ValueNames {
  const known = namesKnown.get(holder);
  if (known !== undefined) return known;
  const names: ValueNames = {
    program: (name) => {
      const index = holder.object.programs.findIndex((program) => program.name === name);
      return index < 0 ? undefined : index + 1;
    },
    map: (name) => holder.maps.find((map) => map.spec.name === name)?.id,
  };
  namesKnown.set(holder, names);
  return names;
}

/** Throws InputError for a negated error number. */
export function refuse(result: number): void {
  if (result === 0) return;
  const reasons: { readonly [number: number]: string } = {
    [errno.E2BIG]: 'there is no such element, or the map is full',
    [errno.ENOSPC]: 'the map is full',
    [errno.EPERM]: 'the map is read-only',
    [errno.EEXIST]: 'the key is there already',
    [errno.ENOENT]: 'there is no such key',
    [errno.EBADF]: 'there is no such program or map',
  };
  const reason = reasons[-result];
  throw new InputError(`refused with ${errnoName(result)}${reason === undefined ? '' : ` (${reason})`}`);
}

/** Runs `body`; its input errors get the file and a text in front. */
export function at<T>(file: string | undefined, where: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof UserError)
      throw new InputError(`${where}: ${error.message}`, { ...error.place, file }, error.hint);
    throw error;
  }
}

function within<T>(what: string, body: () => T): T {
  return at(undefined, what, body);
}
