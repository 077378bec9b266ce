/**
 * Bytes of a key or value as its BTF type says: what `bpftool -p map dump` calls `formatted`. Integers of more than 53
 * bits are strings, whatever their value (a reader must not have to expect both); characters of a `char` array a
 * string where they are text, pointers hex strings, enumerators their names.
 */
import { decodeUtf8 } from '../base/index.js';
import type { Btf, BtfComposite, BtfEnum, BtfMember, BtfType } from '../object/index.js';

/** A key or value by its BTF type, as JSON. */
export type Formatted =
  | string
  | number
  | boolean
  | null
  | readonly Formatted[]
  | { readonly [name: string]: Formatted };

const maxDepth = 32;

/** Undefined where `type` is no type of `btf` or its size is not that of the bytes. */
export function formatBytes(btf: Btf, type: number, bytes: Uint8Array): Formatted | undefined {
  if (type <= 0 || type >= btf.count || btf.sizeOf(type) !== bytes.length) return undefined;
  return formatAt(btf, type, bytes, 0, 0);
}

function formatAt(btf: Btf, id: number, bytes: Uint8Array, at: number, depth: number): Formatted {
  if (depth > maxDepth) return null;
  const type = btf.resolve(id);
  switch (type.kind) {
    case 'int':
    case 'enum':
    case 'enum64':
      return formatBits(type, bytes, at * 8, type.size * 8);
    case 'ptr':
      return `0x${readBits(bytes, at * 8, 64).toString(16)}`;
    case 'float':
      return formatFloat(bytes, at, type.size);
    case 'array': {
      const size = btf.sizeOf(type.type) ?? 0;
      const element = btf.resolve(type.type);
      if (element.kind === 'int' && element.char) return formatText(bytes.subarray(at, at + type.length));
      return Array.from({ length: type.length }, (_, i) => formatAt(btf, type.type, bytes, at + i * size, depth + 1));
    }
    case 'struct':
    case 'union':
      return formatComposite(btf, type, bytes, at, depth);
    case 'datasec': {
      const fields: [string, Formatted][] = [];
      for (const variable of type.vars) {
        const { name } = btf.type(variable.type);
        const inner = btf.type(variable.type);
        if (inner.kind === 'var')
          fields.push([name, formatAt(btf, inner.type, bytes, at + variable.offset, depth + 1)]);
      }
      return Object.fromEntries(fields);
    }
    default:
      return null;
  }
}

/** Members of anonymous members stand beside the others, as in C. */
function formatComposite(btf: Btf, type: BtfComposite, bytes: Uint8Array, at: number, depth: number): Formatted {
  const fields: [string, Formatted][] = [];
  for (const member of type.members) {
    const value = formatMember(btf, member, bytes, at, depth);
    if (member.name !== '') fields.push([member.name, value]);
    else if (typeof value === 'object' && value !== null && !Array.isArray(value))
      fields.push(...Object.entries(value));
  }
  return Object.fromEntries(fields);
}

function formatMember(btf: Btf, member: BtfMember, bytes: Uint8Array, at: number, depth: number): Formatted {
  if (member.bitSize === 0) return formatAt(btf, member.type, bytes, at + member.bitOffset / 8, depth + 1);
  return formatBits(btf.resolve(member.type), bytes, at * 8 + member.bitOffset, member.bitSize);
}

function formatBits(type: BtfType, bytes: Uint8Array, bit: number, size: number): Formatted {
  const raw = readBits(bytes, bit, size);
  if (type.kind === 'enum' || type.kind === 'enum64') return formatEnum(type, raw, size);
  if (type.kind !== 'int') return null;
  if (type.bool) return raw !== 0n;
  return formatInteger(type.signed ? BigInt.asIntN(size, raw) : raw, size);
}

function formatEnum(type: BtfEnum, raw: bigint, size: number): Formatted {
  const value = type.signed ? BigInt.asIntN(size, raw) : raw;
  return type.values.find((candidate) => candidate.value === value)?.name ?? formatInteger(value, size);
}

/** `size` in bits: more than JSON readers keep exactly is a string. */
function formatInteger(value: bigint, size: number): number | string {
  return size > 53 ? value.toString() : Number(value);
}

function formatFloat(bytes: Uint8Array, at: number, size: number): Formatted {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = size === 4 ? view.getFloat32(at, true) : size === 8 ? view.getFloat64(at, true) : Number.NaN;
  return Number.isFinite(value) ? value : null;
}

/** Text up to the first zero byte where the rest is zeros and the text prints; else the bytes. */
function formatText(bytes: Uint8Array): Formatted {
  const end = bytes.indexOf(0);
  const text = bytes.subarray(0, end < 0 ? bytes.length : end);
  const plain =
    text.every((byte) => byte >= 0x20 && byte < 0x7f) && bytes.subarray(text.length).every((byte) => byte === 0);
  return plain ? decodeUtf8(text) : [...bytes];
}

/** `size` bits from bit `bit` on, little endian. */
function readBits(bytes: Uint8Array, bit: number, size: number): bigint {
  let value = 0n;
  const first = bit >>> 3;
  const last = (bit + size - 1) >>> 3;
  for (let i = last; i >= first; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return BigInt.asUintN(size, value >> BigInt(bit & 7));
}
