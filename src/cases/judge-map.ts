/** Compares elements of maps, and members of their values, with what is expected. */
import { InputError } from '../base/index.js';
import type { ObjectSpec } from '../object/index.js';
import { isArrayMap, isPercpuMap } from '../platform/index.js';
import { count, nearestHint } from '../text/index.js';
import {
  type BpfMap,
  dumpEntry,
  encodeEntry,
  encodeKey,
  findMap,
  type MapEntryJson,
  type MapHolder,
  writeTyped,
} from '../vm/index.js';
import type { MapItem } from './engine.js';
import type { Subject } from './judge-outcome.js';
import { type Finding, finding } from './result.js';
import type { MapLines } from './suite.js';

/** Map types that hold nothing which could be listed, and what is to be said instead. */
const withoutElements: Readonly<Record<string, string>> = {
  ringbuf: 'say what it gets in `records`',
  perf_event_array: 'say what it gets in `records`',
  bloom_filter: 'it only answers whether something may be in it',
};

/** What a case expects of one map, entry by entry. */
export function judgeMap(subject: Subject, lines: MapLines): Finding[] {
  const { holder, runner, reader } = subject;
  const { map: name, line, size, entries } = lines;
  const map = reader.within(line, () => findMap(holder, name));
  const hint = withoutElements[map.spec.type];
  if (hint !== undefined) reader.fail(line, `elements of a ${map.spec.type} cannot be read`, hint);
  refuseImpossible(subject, map, lines);
  const items = runner.entries(map.index);
  if (map.spec.keySize === 0) return items === undefined ? [] : judgeList(subject, map, lines, items);
  const found: Finding[] = [];
  const held = isArrayMap(map.spec.type) ? map.spec.maxEntries : items?.length;
  if (size !== undefined && held !== undefined && held !== size) found.push(wrongSize(lines, size, held));
  for (const { line: at, json } of entries)
    found.push(...reader.within(at, () => judgeEntry(subject, map, json, at, items)));
  return found;
}

/** What no run of the program could bring about is a mistake of the test file, not of the program. */
function refuseImpossible(
  { holder, reader }: Subject,
  map: BpfMap,
  { map: name, line, size, entries }: MapLines,
): void {
  const { maxEntries: most, keySize, type } = map.spec;
  if (size !== undefined && size > most)
    reader.fail(line, `map \`${name}\` holds ${count(most, 'element')} at most, not ${size}`);
  for (const { line: at, json } of entries) {
    if (!isArrayMap(type) || keySize !== 4) continue;
    const key = reader.within(at, () => encodeKey(holder, map, json['key']));
    const index = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
    if (index >= most) reader.fail(at, `\`${name}\` has no element ${index}`, `its elements are 0 to ${most - 1}`);
    if (json['absent'] === true) reader.fail(at, `every element of \`${name}\` is there`, 'say what value it has');
  }
}

function wrongSize({ map, line }: MapLines, size: number, held: number): Finding {
  return finding('map', `map \`${map}\` has ${count(held, 'element')}, not ${size}`, {
    expected: String(size),
    actual: String(held),
    line,
  });
}

/** Queues and stacks: all elements, in the order of map files, the oldest first. */
function judgeList({ holder, reader }: Subject, map: BpfMap, lines: MapLines, popped: readonly MapItem[]): Finding[] {
  const { map: name, size, entries } = lines;
  const items = map.spec.type === 'stack' ? [...popped].reverse() : popped;
  const keyless = entries.find(({ json }) => json['absent'] !== undefined);
  if (keyless !== undefined)
    reader.fail(keyless.line, `elements of a ${map.spec.type} have no keys`, 'list those that are there');
  if (size !== undefined && items.length !== size) return [wrongSize(lines, size, items.length)];
  // With a size alone nothing is said of the elements.
  if (size !== undefined && entries.length === 0) return [];
  if (entries.length !== items.length) return [wrongSize(lines, entries.length, items.length)];
  return entries.flatMap(({ line, json }, i) =>
    reader.within(line, () => {
      const wanted = json as unknown as MapEntryJson;
      const { key } = encodeEntry(holder, map, wanted);
      return judgeValue(holder, map, `${name}[${i}]`, wanted, key, items[i]?.value ?? key, line);
    }),
  );
}

function zerosFor({ spec }: BpfMap, cpus: number): Uint8Array {
  return new Uint8Array(isPercpuMap(spec.type) ? Math.ceil(spec.valueSize / 8) * 8 * cpus : spec.valueSize);
}

function judgeEntry(
  { holder, runner }: Subject,
  map: BpfMap,
  json: Readonly<Record<string, unknown>>,
  line: number,
  items: readonly MapItem[] | undefined,
): Finding[] {
  const { absent, ...given } = json;
  const entry = given as unknown as MapEntryJson;
  const key = encodeKey(holder, map, entry.key);
  // A look-up in a trie finds the longest prefix; what is expected is the element with this one.
  const value =
    map.spec.type === 'lpm_trie'
      ? items?.find((item) => isSamePrefix(item.key, key))?.value
      : runner.lookup(map.index, key);
  const label = `${map.spec.name}[${JSON.stringify(entry.key)}]`;
  if (absent === true) {
    if (value === undefined) return [];
    return [finding('map', `\`${label}\` is there`, { expected: 'absent', actual: 'there', line })];
  }
  if (value === undefined) {
    // What no element could have is a mistake, whether there is one or not.
    if (entry.value !== undefined || entry.values !== undefined)
      judgeValue(holder, map, label, entry, key, zerosFor(map, holder.cpus), line);
    return [finding('map', `\`${label}\` is not there`, { expected: 'there', actual: 'absent', line })];
  }
  if (entry.value === undefined && entry.values === undefined) return [];
  return judgeValue(holder, map, label, entry, key, value, line);
}

/** Equal lengths, and equal bits as far as these go. */
function isSamePrefix(a: Uint8Array, b: Uint8Array): boolean {
  const lengthOf = (key: Uint8Array): number => new DataView(key.buffer, key.byteOffset).getUint32(0, true);
  const bits = lengthOf(a);
  if (bits !== lengthOf(b)) return false;
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = 0xff & (0xff << Math.max(0, 8 - (bits - bit)));
    if ((((a[4 + bit / 8] ?? 0) ^ (b[4 + bit / 8] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** One value that is to be, and what it is; a CPU's where the map has one for each. */
interface ValuePair {
  readonly label: string;
  readonly wanted: unknown;
  readonly actual: unknown;
  readonly bytes: Uint8Array;
}

/** The entry's value, or of a per-CPU map those of the CPUs that it speaks of. */
function judgeValue(
  holder: MapHolder,
  map: BpfMap,
  label: string,
  entry: MapEntryJson,
  key: Uint8Array,
  value: Uint8Array,
  line: number,
): Finding[] {
  const dumped = dumpEntry(holder, map, key, value, true);
  const stride = Math.ceil(map.spec.valueSize / 8) * 8;
  const pairs = valuePairs(label, entry, dumped.formatted, value, stride);
  if (pairs.length > 0 && pairs.every(({ wanted, actual }) => isFields(wanted) && isFields(actual)))
    return pairs.flatMap((pair) => {
      const whole = { btf: holder.object.btf, type: map.spec.btfValueId, bytes: pair.bytes };
      return judgeFields(pair.label, pair.wanted as Fields, pair.actual as Fields, line, whole);
    });
  const wanted = encodeEntry(holder, map, entry).value;
  const cpus = isPercpuMap(map.spec.type) && entry.cpu !== undefined ? [entry.cpu] : undefined;
  if (cpus !== undefined) keepOnly(wanted, value, cpus, stride);
  if (sameBytes(wanted, value)) return [];
  const expected = textOf(dumpEntry(holder, map, key, wanted, true));
  const actual = textOf(dumped);
  return [finding('map', `\`${label}\` is ${actual}, not ${expected}`, { expected, actual, line })];
}

function valuePairs(
  label: string,
  { value, values, cpu }: MapEntryJson,
  formatted: ReturnType<typeof dumpEntry>['formatted'],
  bytes: Uint8Array,
  stride: number,
): ValuePair[] {
  const all = formatted?.values;
  if (all === undefined) return [{ label, wanted: value, actual: formatted?.value, bytes }];
  const pair = (wanted: unknown, i: number): ValuePair => {
    const own = bytes.subarray(i * stride, (i + 1) * stride);
    return { label: `${label} on CPU ${i}`, wanted, actual: all[i], bytes: own };
  };
  if (values !== undefined) return values.map(pair);
  return cpu === undefined ? all.map((_, i) => pair(value, i)) : [pair(value, cpu)];
}

/** What is expected of other CPUs is what they have. */
function keepOnly(wanted: Uint8Array, value: Uint8Array, cpus: readonly number[], stride: number): void {
  for (let cpu = 0; cpu * stride < wanted.length; cpu++)
    if (!cpus.includes(cpu)) wanted.set(value.subarray(cpu * stride, (cpu + 1) * stride), cpu * stride);
}

/** A struct's members. */
type Fields = Readonly<Record<string, unknown>>;

/** Members by name. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A struct in bytes, by whose type what is expected of members is written down. */
interface TypedBytes {
  readonly btf: ObjectSpec['btf'];
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Members that are named; a struct within is looked into. `path`: the way from the whole to `actual`. */
export function judgeFields(
  label: string,
  wanted: Fields,
  actual: Fields,
  line: number,
  whole: TypedBytes,
  path: readonly string[] = [],
): Finding[] {
  return Object.entries(wanted).flatMap(([name, value]): Finding[] => {
    if (!(name in actual))
      throw new InputError(
        `\`${label}\` has no member \`${name}\``,
        {},
        nearestHint(name, Object.keys(actual), 'members are'),
      );
    const own = actual[name];
    const way = [...path, name];
    if (isFields(value) && isFields(own)) return judgeFields(`${label}.${name}`, value, own, line, whole, way);
    if (sameValue(value, own) || isWrittenAs(value, own, whole, way)) return [];
    const [expected, have] = [valueText(value), valueText(own)];
    return [finding('map', `\`${label}.${name}\` is ${have}, not ${expected}`, { expected, actual: have, line })];
  });
}

/**
 * Is it what the member would be if that were written there? Addresses, enumerators and numbers in them have several
 * forms; text has one.
 */
function isWrittenAs(
  wanted: unknown,
  actual: unknown,
  { btf, type, bytes }: TypedBytes,
  way: readonly string[],
): boolean {
  const isText = typeof actual === 'string' && !/^-?\d+$/.test(actual);
  if (btf === undefined || (typeof wanted === 'string' && isText)) return false;
  const written = bytes.slice();
  writeTyped(
    btf,
    type,
    way.reduceRight((inner, name) => ({ [name]: inner }), wanted),
    written,
    0,
  );
  return sameBytes(written, bytes);
}

/** Numbers may be written as text and in hexadecimal, as map files have them. */
function sameValue(wanted: unknown, actual: unknown): boolean {
  if (Array.isArray(wanted) && Array.isArray(actual))
    return wanted.length === actual.length && wanted.every((item, i) => sameValue(item, actual[i]));
  if (isFields(wanted) && isFields(actual))
    return Object.entries(wanted).every(([name, value]) => sameValue(value, actual[name]));
  const isNumber = /^-?(?:\d+|0x[0-9a-f]+)$/i;
  const [a, b] = [String(wanted), String(actual)];
  if (a === b) return true;
  if (typeof actual === 'boolean' && isNumber.test(a)) return Number(a) === Number(actual);
  return isNumber.test(a) && isNumber.test(b) && BigInt(a) === BigInt(b);
}

/** JSON for a reader: numbers of 64 bits, which JSON has as text, without quotation marks. */
export function valueText(value: unknown): string {
  return JSON.stringify(value).replace(/"(-?\d+)"(?!:)/g, '$1');
}

function textOf(dumped: ReturnType<typeof dumpEntry>): string {
  const { formatted } = dumped;
  const typed = formatted?.value ?? formatted?.values;
  return typed === undefined ? JSON.stringify(dumped.value ?? dumped.values) : valueText(typed);
}

/** Equal bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
