/**
 * JSON to the bytes of a BTF type: the inverse of {@link formatBytes}, so that what `map dump` and bpftool print as
 * `formatted` can be read again. Members that are not named are 0.
 */
import { encodeUtf8, InputError } from '../base/index.js';
import type { Btf, BtfMember, BtfType } from '../object/index.js';
import { parseHexBytes, parseIp, parseMac } from '../packet/index.js';
import { nearestHint } from '../text/index.js';
import { partNames } from './map-value-json.js';

const maxDepth = 32;

/** Whether a value of that JSON is what the type's formatted form looks like, rather than bytes or parts. */
export function isTyped(btf: Btf, type: number, json: unknown): boolean {
  if (type <= 0 || type >= btf.count) return false;
  const { kind } = btf.resolve(type);
  if (typeof json === 'boolean') return kind === 'int';
  if (typeof json !== 'object' || json === null) return false;
  if (Array.isArray(json)) return kind === 'array' && !json.every((item) => typeof item === 'object' && item !== null);
  if (kind !== 'struct' && kind !== 'union') return false;
  const names = memberNames(btf, type, 0);
  const given = Object.keys(json);
  // What is neither members nor a part was meant for members, and they say which there are.
  return given.every((name) => names.has(name)) || given.length !== 1 || !partNames.includes(given[0] as string);
}

/** Text that stands for a value of the type: an enumerator, or the characters of a `char` array; else undefined. */
export function encodeTypedText(btf: Btf, type: number, text: string, size: number): Uint8Array | undefined {
  if (type <= 0 || type >= btf.count || btf.sizeOf(type) !== size) return undefined;
  const resolved = btf.resolve(type);
  const isText = resolved.kind === 'array' && isChar(btf, resolved.type);
  const isName =
    (resolved.kind === 'enum' || resolved.kind === 'enum64') && resolved.values.some(({ name }) => name === text);
  return isText || isName ? encodeTyped(btf, type, text, size) : undefined;
}

/** Bytes of a value. Throws InputError that names the member at fault. */
export function encodeTyped(btf: Btf, type: number, json: unknown, size: number): Uint8Array {
  if (btf.sizeOf(type) !== size) throw new InputError(`its type has ${btf.sizeOf(type)} bytes and ${size} are wanted`);
  const bytes = new Uint8Array(size);
  new TypedWriter(btf, bytes).write(type, json, 0, '', 0);
  return bytes;
}

/** Writes a value into bytes at `at`; what it leaves out stays as it is. Throws InputError that names the member. */
export function writeTyped(btf: Btf, type: number, json: unknown, bytes: Uint8Array, at: number): void {
  new TypedWriter(btf, bytes).write(type, json, at, '', 0);
}

function memberNames(btf: Btf, id: number, depth: number): Set<string> {
  const type = btf.resolve(id);
  if ((type.kind !== 'struct' && type.kind !== 'union') || depth > maxDepth) return new Set();
  return new Set(
    type.members.flatMap(({ name, type: member }) => (name === '' ? [...memberNames(btf, member, depth + 1)] : [name])),
  );
}

function isChar(btf: Btf, id: number): boolean {
  const element = btf.resolve(id);
  return element.kind === 'int' && element.size === 1;
}

class TypedWriter {
  private readonly btf: Btf;
  private readonly bytes: Uint8Array;

  constructor(btf: Btf, bytes: Uint8Array) {
    this.btf = btf;
    this.bytes = bytes;
  }

  /** `at` in bytes; `path` names the member for messages. */
  write(id: number, json: unknown, at: number, path: string, depth: number): void {
    const { btf } = this;
    const type = btf.resolve(id);
    const size = btf.sizeOf(id) ?? 0;
    if (depth > maxDepth) this.fail(path, 'is nested too deep');
    switch (type.kind) {
      case 'int':
      case 'enum':
      case 'enum64':
      case 'ptr':
        this.bits(type, json, 8 * at, 8 * size, path);
        break;
      case 'array':
        this.array(type.type, type.length, json, at, path, depth);
        break;
      case 'struct':
      case 'union':
        this.members(id, json, at, path, depth);
        break;
      default:
        this.fail(path, `is a ${type.kind}, which has no text form`);
    }
  }

  private fail(path: string, what: string): never {
    throw new InputError(path === '' ? `the value ${what}` : `\`${path}\` ${what}`);
  }

  private array(element: number, length: number, json: unknown, at: number, path: string, depth: number): void {
    const size = this.btf.sizeOf(element) ?? 0;
    if (typeof json === 'string') {
      const address = size * length === 4 || size * length === 16 ? addressOf(json) : undefined;
      const mac =
        size * length === 6 && /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(json) ? parseMac(json) : undefined;
      const text = mac ?? (address?.length === size * length ? address : encodeUtf8(json));
      // What does not fit as text may be hex that does, as bytes are printed.
      const digits = json.replace(/[\s:]/g, '').replace(/^0x/i, '');
      const isHex = text.length > length && digits.length === 2 * length && /^[0-9a-f]+$/i.test(digits);
      const bytes = isHex ? parseHexBytes(digits) : text;
      if (!isChar(this.btf, element)) this.fail(path, 'is a list');
      if (bytes.length > length) this.fail(path, `has room for ${length} bytes, not ${bytes.length}`);
      this.bytes.set(bytes, at);
      return;
    }
    const items: readonly unknown[] = json instanceof Uint8Array ? [...json] : Array.isArray(json) ? json : [];
    if (items.length === 0 && !Array.isArray(json)) this.fail(path, 'is a list');
    if (items.length > length) this.fail(path, `has ${length} elements, not ${items.length}`);
    for (const [i, item] of items.entries()) this.write(element, item, at + i * size, `${path}[${i}]`, depth + 1);
  }

  private members(id: number, json: unknown, at: number, path: string, depth: number): void {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) this.fail(path, 'is an object');
    const left = new Map(Object.entries(json as Record<string, unknown>));
    this.take(id, left, at, path, depth);
    const [unknown] = left.keys();
    if (unknown !== undefined) {
      const names = [...memberNames(this.btf, id, 0)];
      throw new InputError(
        `there is no member \`${path === '' ? '' : `${path}.`}${unknown}\``,
        {},
        nearestHint(unknown, names, 'members:'),
      );
    }
  }

  /** Members of anonymous members stand beside the others, as in C. */
  private take(id: number, left: Map<string, unknown>, at: number, path: string, depth: number): void {
    const type = this.btf.resolve(id);
    if ((type.kind !== 'struct' && type.kind !== 'union') || depth > maxDepth) return;
    for (const member of type.members) {
      if (member.name === '') this.take(member.type, left, at + member.bitOffset / 8, path, depth + 1);
      else if (left.has(member.name)) {
        this.member(member, left.get(member.name), at, path === '' ? member.name : `${path}.${member.name}`, depth);
        left.delete(member.name);
      }
    }
  }

  private member(member: BtfMember, json: unknown, at: number, path: string, depth: number): void {
    if (member.bitSize === 0) this.write(member.type, json, at + member.bitOffset / 8, path, depth + 1);
    else this.bits(this.btf.resolve(member.type), json, 8 * at + member.bitOffset, member.bitSize, path);
  }

  /** A number of `size` bits from bit `bit` on, little-endian. */
  private bits(type: BtfType, json: unknown, bit: number, size: number, path: string): void {
    const value = this.numberOf(type, json, size, path);
    if (value >= 1n << BigInt(size) || value < -(1n << BigInt(size - 1)))
      this.fail(path, `has ${size} bits: ${value} does not fit`);
    for (let i = 0; i < size; i++) {
      const byte = (bit + i) >> 3;
      const mask = 1 << ((bit + i) & 7);
      const isSet = ((value >> BigInt(i)) & 1n) === 1n;
      this.bytes[byte] = ((this.bytes[byte] ?? 0) & ~mask) | (isSet ? mask : 0);
    }
  }

  private numberOf(type: BtfType, json: unknown, size: number, path: string): bigint {
    if (typeof json === 'boolean') return json ? 1n : 0n;
    if (typeof json === 'bigint') return json;
    if (typeof json === 'number' && Number.isSafeInteger(json)) return BigInt(json);
    if (typeof json === 'string') {
      if (/^-?\d+$/.test(json) || /^0[xX][0-9a-fA-F]+$/.test(json)) return BigInt(json);
      if (type.kind === 'enum' || type.kind === 'enum64') {
        const found = type.values.find(({ name }) => name === json);
        if (found !== undefined) return found.value;
        this.fail(path, `is none of ${type.values.map(({ name }) => name).join(', ')}`);
      }
      const address = size === 32 ? addressOf(json) : undefined;
      // An address lies in network order.
      if (address?.length === 4) return BigInt(new DataView(address.buffer, address.byteOffset).getUint32(0, true));
    }
    return this.fail(path, `is no number: ${JSON.stringify(json) ?? String(json)}`);
  }
}

/** Bytes of an IPv4 or IPv6 address, or undefined. */
export function addressOf(text: string): Uint8Array | undefined {
  if (!/^[\d.]+$/.test(text) && !/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text)) return undefined;
  try {
    return parseIp(text);
  } catch {
    return undefined;
  }
}
