/**
 * What a program puts out, in words: lines of bpf_printk, records of ring buffers and perf event arrays by their BTF
 * type.
 *
 * No map says what its records are: ring buffers have no value type. A type is known where somebody names it, or where
 * the object has exactly one struct of the record's size that a global variable is of or points to which no code
 * names, as sources have it to get the type into BTF at all (`const struct event *unused __attribute__((unused));`,
 * which bpf2go's `-type` needs). A variable that code does name holds what the program keeps. Everything else is hex.
 */
import { InputError } from '../base/index.js';
import type { Btf, ObjectSpec } from '../object/index.js';
import { nearest } from '../text/index.js';
import { globalsOf, isNamedByCode } from './globals.js';
import type { Output } from './lane.js';
import { type Formatted, formatBytes } from './map-format.js';

/** BTF type ids of records by map. */
export type OutputTypes = ReadonlyMap<string, number>;

/** One line or record, for a reader. */
export interface OutputWords {
  /** Where it went: `printk`, or the map's name. */
  readonly where: string;
  /** Name of the type that it was decoded by. */
  readonly type: string | undefined;
  /** Its number in BTF. */
  readonly typeId: number | undefined;
  /** By the type; undefined for lines and where no type is known. */
  readonly value: Formatted | undefined;
  /** In one line. */
  readonly text: string;
}

/** Bytes of a record that are printed as hex; the rest is counted. */
const shownBytes = 48;

/** `types`: those that were named; a guess is made for the others. */
export function formatOutput(object: ObjectSpec, output: Output, types: OutputTypes): OutputWords {
  if (output.kind === 'printk')
    return {
      where: 'printk',
      type: undefined,
      typeId: undefined,
      value: undefined,
      text: output.text.replace(/\n$/, ''),
    };
  const { btf } = object;
  const { map: where, data } = output;
  const named = types.get(where);
  const type = btf === undefined ? undefined : (named ?? guess(object, btf, data.length));
  const size = btf === undefined || type === undefined ? 0 : (btf.sizeOf(type) ?? 0);
  if (btf === undefined || type === undefined || size === 0 || size > data.length)
    return { where, type: undefined, typeId: undefined, value: undefined, text: bytesText(data) };
  const value = formatBytes(btf, type, data.subarray(0, size));
  // bpf_perf_event_output may have appended bytes of the packet.
  const rest = data.length > size ? ` + ${data.length - size} bytes: ${bytesText(data.subarray(size))}` : '';
  return { where, type: btf.resolve(type).name, typeId: type, value, text: `${valueText(value)}${rest}` };
}

/** The struct of that size which is meant to be known: pointed to by one variable, else held by one, and no other. */
function guess(object: ObjectSpec, btf: Btf, size: number): number | undefined {
  const idle = globalsOf(object).filter((variable) => !isNamedByCode(object, variable));
  const types = idle.map(({ type }) => btf.resolve(type));
  const pointees = types.flatMap((type) => (type.kind === 'ptr' ? [btf.resolve(type.type)] : []));
  for (const candidates of [pointees, types]) {
    const fitting = candidates.filter(({ kind, id }) => kind === 'struct' && btf.sizeOf(id) === size);
    const found = new Set(fitting.map(({ id }) => id));
    const [only] = found;
    if (found.size > 0) return found.size === 1 ? only : undefined;
  }
  return undefined;
}

function bytesText(data: Uint8Array): string {
  const shown = Array.from(data.subarray(0, shownBytes), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return data.length > shownBytes ? `${shown} ... (${data.length} bytes)` : shown;
}

/** As C has initialisers: `{ saddr: 16777226, ports: [80, 443], comm: "x" }`. */
function valueText(value: Formatted | undefined): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? JSON.stringify(value) : `${value}`;
  const fields = Object.entries(value as { readonly [name: string]: Formatted });
  return `{ ${fields.map(([name, field]) => `${name}: ${valueText(field)}`).join(', ')} }`;
}

/** `MAP=TYPE` by map, where TYPE is a name in BTF, with or without `struct`. Throws InputError with what there is. */
export function parseOutputTypes(object: ObjectSpec, words: readonly string[]): OutputTypes {
  const types = new Map<string, number>();
  for (const word of words) {
    const [, map = '', name = ''] = /^([^=]+)=(?:struct\s+|union\s+)?(.+)$/.exec(word) ?? [];
    if (map === '') throw new InputError(`\`${word}\` is no MAP=TYPE`, {}, 'for example events=event');
    const holders = object.maps.filter(({ type }) => type === 'ringbuf' || type === 'perf_event_array');
    if (!holders.some((spec) => spec.name === map))
      throw new InputError(
        `no ring buffer or perf event array is called \`${map}\``,
        {},
        holders.length === 0 ? 'the object has none' : `there is ${holders.map((spec) => spec.name).join(', ')}`,
      );
    types.set(map, typeByName(object.btf, name));
  }
  return types;
}

function typeByName(btf: Btf | undefined, name: string): number {
  if (btf === undefined)
    throw new InputError(`there is no type \`${name}\``, {}, 'the object has no types: compile with `-g`');
  const names: string[] = [];
  for (let id = 1; id < btf.count; id++) {
    const kind = btf.kind(id);
    if (!['struct', 'union', 'typedef', 'int', 'enum', 'enum64'].includes(kind)) continue;
    if (btf.name(id) === name) return id;
    names.push(btf.name(id));
  }
  const near = nearest(name, names);
  const hint = near === undefined ? 'only types that the program needs are in it' : `did you mean \`${near}\`?`;
  throw new InputError(`there is no type \`${name}\``, {}, hint);
}
