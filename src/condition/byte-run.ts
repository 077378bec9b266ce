/** Runs of bytes with the bits of them that are meant, and numbers in bytes as people write them. */
import { type FieldFormat, formatIpv4, formatIpv6, formatMac } from '../packet/index.js';
import { type Bit, indexOf, plain } from './bits.js';

/** A run of packet (or map value) bytes with the bits of them that are meant, as one big-endian number. */
export interface ByteRun {
  readonly offset: number;
  readonly width: number;
  readonly mask: bigint;
}

/** Distance from the packet's first bit as it goes over the wire. */
export function networkPosition(index: number): number {
  const byte = Math.floor(index / 8);
  return byte * 8 + 7 - (index - byte * 8);
}

/** Position of a bit in the run read as one big-endian number. */
export function weight(run: ByteRun, index: number): number {
  const byte = Math.floor(index / 8);
  return (run.offset + run.width - 1 - byte) * 8 + (index - byte * 8);
}

/** The bytes that hold all of these bits, which are of one source. */
export function runOf(bits: readonly Bit[]): ByteRun {
  const bytes = bits.map((bit) => Math.floor(indexOf(plain(bit)) / 8));
  const offset = Math.min(...bytes);
  const width = Math.max(...bytes) - offset + 1;
  let mask = 0n;
  for (const bit of bits) mask |= 1n << BigInt(weight({ offset, width, mask }, indexOf(plain(bit))));
  return { offset, width, mask };
}

/** A number of `width` bytes with its bytes the other way round. */
export function reverseBytes(x: bigint, width: number): bigint {
  let result = 0n;
  for (let i = 0; i < width; i++) result = (result << 8n) | ((x >> BigInt(8 * i)) & 0xffn);
  return result;
}

/** A field's value as people write it. */
export function formatField(value: bigint, format: FieldFormat, width: number): string {
  const bytes = new Uint8Array(width);
  for (let i = 0; i < width; i++) bytes[width - 1 - i] = Number((value >> BigInt(8 * i)) & 0xffn);
  switch (format) {
    case 'dec':
      return value.toString();
    case 'mac':
      return width === 6 ? formatMac(bytes) : hex(value, width);
    case 'ipv4':
      return width === 4 ? formatIpv4(bytes) : hex(value, width);
    case 'ipv6':
      return width === 16 ? formatIpv6(bytes) : hex(value, width);
    default:
      return hex(value, width);
  }
}

/** With leading zeros, two digits a byte. */
function hex(value: bigint, width: number): string {
  return `0x${value.toString(16).padStart(2 * width, '0')}`;
}
