/**
 * Bytes of a key or value as a JavaScript value by its BTF type, and back:
 *
 *     int up to 4 bytes, float     number                  bool            boolean
 *     int of 8 bytes or more, ptr  bigint                  enum            the enumerator's name, else its number
 *     struct, union                object, members by name array of char   string if text and zeros, else Uint8Array
 *     array of other bytes         Uint8Array              other arrays    array
 *
 * Members of anonymous members stand beside the others, as in C. What {@link decodeTyped} gives, {@link encodeTyped}
 * takes; it also takes a number for a `bigint` and the other way round, and arrays of numbers or strings for bytes.
 * Text that JSON can hold is map-format.ts.
 */
import { decodeUtf8, encodeUtf8, InputError } from '../base/index.js';
import {
  type Btf,
  type BtfComposite,
  type BtfEnum,
  type BtfInt,
  type BtfMember,
  isComposite,
} from '../object/index.js';

/** What keys and values are in JavaScript; see the table above. */
export type TypedValue =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | readonly TypedValue[]
  | { readonly [member: string]: TypedValue };

/** Members of types nest no deeper; what lies below is `{}`. */
const maxDepth = 32;

/** True where `type` is a type of `btf` whose size is that of the bytes. */
export function isTyped(btf: Btf | undefined, type: number, size: number): boolean {
  return btf !== undefined && type > 0 && type < btf.count && btf.sizeOf(type) === size;
}

/** `type` as {@link isTyped} has it. */
export function decodeTyped(btf: Btf, type: number, bytes: Uint8Array): TypedValue {
  return decodeAt(btf, type, bytes, 0, 0);
}

/**
 * Bytes of `value`; `path` names it in errors: `value.port`. Throws InputError naming the member and what it takes.
 */
export function encodeTyped(btf: Btf, type: number, value: unknown, path: string): Uint8Array {
  const bytes = new Uint8Array(btf.sizeOf(type) ?? 0);
  encodeAt(btf, type, value, { bytes, at: 0, path });
  return bytes;
}

function decodeAt(btf: Btf, id: number, bytes: Uint8Array, at: number, depth: number): TypedValue {
  const type = btf.resolve(id);
  switch (type.kind) {
    case 'int':
      return integerOf(type, readBits(bytes, at * 8, type.size * 8), type.size * 8, type.size);
    case 'enum':
    case 'enum64':
      return enumeratorOf(type, readBits(bytes, at * 8, type.size * 8), type.size * 8);
    case 'ptr':
      return readBits(bytes, at * 8, 64);
    case 'float': {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, type.size);
      return type.size === 4 ? view.getFloat32(0, true) : type.size === 8 ? view.getFloat64(0, true) : Number.NaN;
    }
    case 'array': {
      const element = btf.resolve(type.type);
      const size = btf.sizeOf(type.type) ?? 0;
      if (element.kind === 'int' && element.size === 1) {
        const part = bytes.slice(at, at + type.length);
        return element.char ? (textOf(part) ?? part) : part;
      }
      return Array.from({ length: type.length }, (_, i) => decodeAt(btf, type.type, bytes, at + i * size, depth + 1));
    }
    case 'struct':
    case 'union':
      return depth > maxDepth ? {} : decodeMembers(btf, type, bytes, at, depth);
    case 'datasec': {
      const variables: [string, TypedValue][] = [];
      for (const { type: id, offset } of type.vars) {
        const variable = btf.type(id);
        if (variable.kind === 'var')
          variables.push([variable.name, decodeAt(btf, variable.type, bytes, at + offset, depth + 1)]);
      }
      return Object.fromEntries(variables);
    }
    default:
      return {};
  }
}

function decodeMembers(btf: Btf, type: BtfComposite, bytes: Uint8Array, at: number, depth: number): TypedValue {
  const fields: [string, TypedValue][] = [];
  for (const member of type.members) {
    const bit = at * 8 + member.bitOffset;
    if (member.bitSize > 0) {
      const raw = readBits(bytes, bit, member.bitSize);
      const base = btf.resolve(member.type);
      if (base.kind === 'int') fields.push([member.name, integerOf(base, raw, member.bitSize, base.size)]);
      else if (base.kind === 'enum' || base.kind === 'enum64')
        fields.push([member.name, enumeratorOf(base, raw, member.bitSize)]);
      continue;
    }
    const value = decodeAt(btf, member.type, bytes, bit / 8, depth + 1);
    if (member.name !== '') fields.push([member.name, value]);
    else fields.push(...Object.entries(value as { readonly [name: string]: TypedValue }));
  }
  return Object.fromEntries(fields);
}

function integerOf(type: BtfInt, raw: bigint, bits: number, size: number): TypedValue {
  if (type.bool) return raw !== 0n;
  const value = type.signed ? BigInt.asIntN(bits, raw) : raw;
  return size > 4 ? value : Number(value);
}

function enumeratorOf(type: BtfEnum, raw: bigint, bits: number): TypedValue {
  const value = type.signed ? BigInt.asIntN(bits, raw) : raw;
  return type.values.find((candidate) => candidate.value === value)?.name ?? (type.size > 4 ? value : Number(value));
}

/** Printable text up to the first zero byte, where all behind that is zero. */
function textOf(bytes: Uint8Array): string | undefined {
  const end = bytes.indexOf(0);
  const text = bytes.subarray(0, end < 0 ? bytes.length : end);
  const isText = text.every((byte) => byte >= 0x20 && byte < 0x7f);
  return isText && bytes.subarray(text.length).every((byte) => byte === 0) ? decodeUtf8(text) : undefined;
}

/** Where an encoded value goes, and what it is called. */
interface Target {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly path: string;
}

function encodeAt(btf: Btf, id: number, value: unknown, target: Target): void {
  const { bytes, at, path } = target;
  const type = btf.resolve(id);
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'enum64':
      writeBits(bytes, at * 8, type.size * 8, scalarOf(type, value, type.size * 8, path));
      return;
    case 'ptr':
      writeBits(bytes, at * 8, 64, inRange(wholeOf(value, path), 64, false, path));
      return;
    case 'float': {
      if (typeof value !== 'number') throw wrong(path, value, 'a number');
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, type.size);
      if (type.size === 4) view.setFloat32(0, value, true);
      else view.setFloat64(0, value, true);
      return;
    }
    case 'array': {
      const element = btf.resolve(type.type);
      if (element.kind === 'int' && element.size === 1 && (typeof value === 'string' || value instanceof Uint8Array)) {
        const given = typeof value === 'string' ? encodeUtf8(value) : value;
        const isShort = typeof value === 'string' ? given.length <= type.length : given.length === type.length;
        if (!isShort) throw new InputError(`${path}: ${given.length} bytes`, {}, `it takes ${type.length}`);
        bytes.set(given, at);
        return;
      }
      if (!Array.isArray(value)) throw wrong(path, value, `a list of ${type.length}`);
      if (value.length !== type.length)
        throw new InputError(`${path}: ${value.length} elements`, {}, `it takes ${type.length}`);
      const size = btf.sizeOf(type.type) ?? 0;
      for (const [i, item] of value.entries())
        encodeAt(btf, type.type, item, { bytes, at: at + i * size, path: `${path}[${i}]` });
      return;
    }
    case 'struct':
    case 'union':
      encodeMembers(btf, type, value, target);
      return;
    case 'datasec': {
      const fields = fieldsOf(value, path);
      for (const { type: id, offset } of type.vars) {
        const variable = btf.type(id);
        if (variable.kind !== 'var') continue;
        const given = take(fields, variable.name, path);
        encodeAt(btf, variable.type, given, { bytes, at: at + offset, path: `${path}.${variable.name}` });
      }
      refuseUnknown(fields, path, namesIn(btf, id));
      return;
    }
    default:
      throw new InputError(`${path}: its type (${type.kind}) has no values`);
  }
}

function encodeMembers(btf: Btf, type: BtfComposite, value: unknown, target: Target): void {
  const fields = fieldsOf(value, target.path);
  placeMembers(btf, type, fields, target);
  refuseUnknown(fields, target.path, namesIn(btf, type.id));
}

/**
 * Takes what belongs to the type out of `fields`. Of a union one member is enough; a struct's must all be there, but
 * for what the kernel keeps in it.
 */
function placeMembers(btf: Btf, type: BtfComposite, fields: Map<string, unknown>, target: Target): void {
  const { bytes, at, path } = target;
  for (const member of type.members) {
    if (member.name === '') {
      const inner = btf.resolve(member.type);
      if (isComposite(inner)) placeMembers(btf, inner, fields, { bytes, at: at + member.bitOffset / 8, path });
      continue;
    }
    if (!fields.has(member.name) && (type.kind === 'union' || isKernels(btf, member))) continue;
    const given = take(fields, member.name, path);
    const name = `${path}.${member.name}`;
    if (member.bitSize === 0) {
      encodeAt(btf, member.type, given, { bytes, at: at + member.bitOffset / 8, path: name });
      continue;
    }
    const base = btf.resolve(member.type);
    if (base.kind === 'int' || base.kind === 'enum' || base.kind === 'enum64')
      writeBits(bytes, at * 8 + member.bitOffset, member.bitSize, scalarOf(base, given, member.bitSize, name));
  }
}

/** `struct bpf_spin_lock` and its like: user space does not write them. */
function isKernels(btf: Btf, { type }: BtfMember): boolean {
  const { kind, name } = btf.resolve(type);
  return (
    kind === 'struct' &&
    /^bpf_(spin_lock|res_spin_lock|timer|wq|list_head|list_node|rb_root|rb_node|refcount)$/.test(name)
  );
}

function fieldsOf(value: unknown, path: string): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw wrong(path, value, 'an object with its members');
  return new Map(Object.entries(value));
}

function take(fields: Map<string, unknown>, name: string, path: string): unknown {
  const value = fields.get(name);
  if (value === undefined)
    throw new InputError(`${path}: member \`${name}\` is missing`, {}, 'give all members: `{ ...old, changed: 1 }`');
  fields.delete(name);
  return value;
}

function refuseUnknown(fields: ReadonlyMap<string, unknown>, path: string, names: readonly string[]): void {
  const [unknown] = fields.keys();
  if (unknown !== undefined)
    throw new InputError(`${path}: there is no member \`${unknown}\``, {}, `members are ${names.join(', ')}`);
}

/** Members that a value of the type has, those of anonymous members included. */
function namesIn(btf: Btf, id: number): string[] {
  const type = btf.resolve(id);
  if (type.kind === 'datasec') return type.vars.map((variable) => btf.type(variable.type).name);
  if (!isComposite(type)) return [];
  return type.members.flatMap((member) => (member.name === '' ? namesIn(btf, member.type) : [member.name]));
}

/** Bits of a number, a boolean or an enumerator's name. */
function scalarOf(type: BtfInt | BtfEnum, value: unknown, bits: number, path: string): bigint {
  if (type.kind !== 'int' && typeof value === 'string') {
    const found = type.values.find(({ name }) => name === value);
    if (found !== undefined) return found.value;
    const names = type.values.map(({ name }) => name).join(', ');
    throw new InputError(`${path}: \`${value}\` is no enumerator of it`, {}, `they are ${names}`);
  }
  if (type.kind === 'int' && type.bool && typeof value === 'boolean') return value ? 1n : 0n;
  return inRange(wholeOf(value, path), bits, type.signed, path);
}

function wholeOf(value: unknown, path: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  throw wrong(path, value, 'a whole number (a bigint where it is beyond 2^53)');
}

function inRange(value: bigint, bits: number, signed: boolean, path: string): bigint {
  const highest = (1n << BigInt(signed ? bits - 1 : bits)) - 1n;
  const lowest = signed ? -highest - 1n : 0n;
  if (value < lowest || value > highest)
    throw new InputError(`${path}: ${value} does not fit`, {}, `it takes ${lowest} to ${highest}`);
  return value;
}

function wrong(path: string, value: unknown, wanted: string): InputError {
  const text = typeof value === 'object' && value !== null ? 'an object' : `\`${String(value)}\``;
  return new InputError(
    `${path}: ${Array.isArray(value) ? 'a list' : text} is not what it takes`,
    {},
    `give ${wanted}`,
  );
}

/** `size` bits from bit `bit` on, little endian. */
function readBits(bytes: Uint8Array, bit: number, size: number): bigint {
  let value = 0n;
  for (let i = (bit + size - 1) >>> 3; i >= bit >>> 3; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return BigInt.asUintN(size, value >> BigInt(bit & 7));
}

/** The other way; bits beside them stay. */
function writeBits(bytes: Uint8Array, bit: number, size: number, value: bigint): void {
  const shift = BigInt(bit & 7);
  const mask = ((1n << BigInt(size)) - 1n) << shift;
  let bits = (BigInt.asUintN(size, value) << shift) & mask;
  let left = mask;
  for (let i = bit >>> 3; left !== 0n; i++) {
    bytes[i] = ((bytes[i] ?? 0) & ~Number(left & 0xffn)) | Number(bits & 0xffn);
    bits >>= 8n;
    left >>= 8n;
  }
}
