/**
 * Keys and values of maps as JSON: hex bytes, an integer, or a list of parts (`examples/README.md` has the table).
 * Errors come without a place; whoever knows map and entry adds it.
 */
import { InputError } from '../base/index.js';
import { parseIp, parseMac } from '../packet/index.js';

/** What the parts `prog` and `map` refer to. */
export interface ValueNames {
  /** Number that stands for a program in a map (index plus 1), or undefined. */
  program(name: string): number | undefined;
  /** Id of a map, or undefined. */
  map(name: string): number | undefined;
}

const integerParts: { readonly [part: string]: { readonly size: number; readonly bigEndian: boolean } } = {
  u8: { size: 1, bigEndian: false },
  u16: { size: 2, bigEndian: false },
  u32: { size: 4, bigEndian: false },
  u64: { size: 8, bigEndian: false },
  be16: { size: 2, bigEndian: true },
  be32: { size: 4, bigEndian: true },
  be64: { size: 8, bigEndian: true },
};

/** Names of the kinds of parts that a value can be given in. */
export const partNames: readonly string[] = [
  ...Object.keys(integerParts),
  'ipv4',
  'ipv6',
  'mac',
  'hex',
  'pad',
  'prog',
  'map',
];
/** No value of a map is larger. */
const maxPad = 1 << 22;

/** Bytes of a key or value of `size` bytes. Throws InputError. */
export function encodeValue(json: unknown, size: number, names: ValueNames): Uint8Array {
  if (typeof json === 'number') return encodeInteger(integerOf(json), size);
  if (typeof json === 'string') return encodeText(json, size);
  if (Array.isArray(json))
    return join(
      json.map((part) => encodePart(part, names)),
      size,
    );
  if (typeof json === 'object' && json !== null) return pad(encodePart(json, names), size);
  throw new InputError(
    `${JSON.stringify(json)} is no key or value`,
    {},
    'give hex bytes, an integer or a list of parts',
  );
}

function encodeText(text: string, size: number): Uint8Array {
  const digits = text.replace(/[\s:]/g, '');
  if (/^0[xX][0-9a-fA-F]+$/.test(digits)) return encodeInteger(BigInt(digits), size);
  if (/^[0-9a-fA-F]*$/.test(digits) && digits.length === 2 * size) return hexBytes(digits);
  if (size === 8 && /^-?[0-9]+$/.test(digits)) return encodeInteger(BigInt(digits), size);
  if (!/^[0-9a-fA-F]*$/.test(digits))
    throw new InputError(`\`${text}\` is not hex bytes`, {}, `give ${size} bytes as hex digits, or a number as 0x...`);
  throw new InputError(
    `\`${text}\` has ${digits.length} hex digits and ${size} bytes take ${2 * size}`,
    {},
    'give a number as 0x...',
  );
}

function encodePart(part: unknown, names: ValueNames): Uint8Array {
  const entries = typeof part === 'object' && part !== null ? Object.entries(part) : [];
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) {
    throw new InputError(
      `${JSON.stringify(part)} is not a part`,
      {},
      `a part is an object with one of ${partNames.join(', ')}`,
    );
  }
  const [kind, value] = entry;
  const integer = integerParts[kind];
  if (integer !== undefined) {
    const bytes = encodeInteger(integerOf(value), integer.size);
    return integer.bigEndian ? bytes.reverse() : bytes;
  }
  switch (kind) {
    case 'ipv4':
      return address(value, 4);
    case 'ipv6':
      return address(value, 16);
    case 'mac':
      return parseMac(textOf(kind, value));
    case 'hex': {
      const digits = textOf(kind, value).replace(/[\s:]/g, '');
      if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw new InputError(`\`${textOf(kind, value)}\` is not hex bytes`);
      return hexBytes(digits);
    }
    case 'pad':
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > maxPad) {
        throw new InputError(`pad of ${JSON.stringify(value)} bytes`);
      }
      return new Uint8Array(value);
    case 'prog':
    case 'map': {
      const name = textOf(kind, value);
      const number = kind === 'prog' ? names.program(name) : names.map(name);
      if (number === undefined) throw new InputError(`there is no ${kind === 'prog' ? 'program' : 'map'} \`${name}\``);
      return encodeInteger(BigInt(number), 4);
    }
    default:
      throw new InputError(`there is no part \`${kind}\``, {}, `parts are ${partNames.join(', ')}`);
  }
}

function address(value: unknown, size: number): Uint8Array {
  const text = textOf(size === 4 ? 'ipv4' : 'ipv6', value);
  const bytes = parseIp(text);
  if (bytes.length !== size) throw new InputError(`\`${text}\` is not an address of ${size} bytes`);
  return bytes;
}

function textOf(kind: string, value: unknown): string {
  if (typeof value !== 'string') throw new InputError(`${kind} takes a string, not ${JSON.stringify(value)}`);
  return value;
}

function integerOf(value: unknown): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && /^(-?[0-9]+|0[xX][0-9a-fA-F]+)$/.test(value.trim())) return BigInt(value.trim());
  const hint =
    typeof value === 'number' && Number.isInteger(value) ? 'write numbers beyond 2^53 as strings' : undefined;
  throw new InputError(`${JSON.stringify(value)} is not an integer`, {}, hint);
}

/** Little endian; negative numbers in two's complement. A number is a safe integer. */
function encodeInteger(value: number | bigint, size: number): Uint8Array {
  if (size !== 4 && size !== 8 && size !== 2 && size !== 1) {
    throw new InputError(`an integer cannot stand for ${size} bytes`, {}, 'give hex bytes or a list of parts');
  }
  // Powers of two are exact, and so are comparisons of them with a bigint.
  const most = 2 ** (size * 8);
  if (value >= most || value < -most / 2)
    throw new InputError(`${value} does not fit in ${size} byte${size === 1 ? '' : 's'}`);
  const bytes = new Uint8Array(size);
  // Most of a map file are small numbers: a bigint for each byte would be a tenth of what a run takes to begin.
  const isNumber = typeof value === 'number';
  const low = isNumber ? value | 0 : Number(BigInt.asIntN(32, value));
  const high = isNumber ? Math.floor(value / 2 ** 32) : Number(BigInt.asIntN(32, value >> 32n));
  for (let i = 0; i < size; i++) bytes[i] = i < 4 ? low >> (8 * i) : high >> (8 * (i - 4));
  return bytes;
}

function hexBytes(digits: string): Uint8Array {
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length !== size) {
    throw new InputError(
      `the parts have ${length} bytes and ${size} are wanted`,
      {},
      length < size ? 'spell padding out with {"pad": n}' : undefined,
    );
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A single part may be shorter than the value only where the rest is another field: DEVMAP's and CPUMAP's program. */
function pad(bytes: Uint8Array, size: number): Uint8Array {
  return bytes.length === 4 && size === 8 ? join([bytes, new Uint8Array(4)], size) : join([bytes], size);
}
