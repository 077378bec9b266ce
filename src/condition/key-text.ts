/** Text of the keys of maps where they are constants: addresses, ports, small numbers, bytes. */
import type { Source } from './bits.js';
import { formatField, reverseBytes } from './byte-run.js';

/** Bytes that have a name of their own. */
export interface Extent {
  readonly offset: number;
  readonly width: number;
}

/** A field of a map's key. Numbers are in the host's byte order, `be` ones and addresses as on the wire. */
export interface KeyField extends Extent {
  readonly format: 'dec' | 'be' | 'hex' | 'mac' | 'ipv4' | 'ipv6';
}

/** A byte of a map key: of the packet, or (without source) the constant `at`. */
export interface KeyByte {
  readonly source: Source | undefined;
  readonly at: number;
}

/** `::ffff:0:0/96` (RFC 4291, 2.5.5.2). */
export function isMappedPrefix(bytes: readonly KeyByte[]): boolean {
  return bytes.every(({ at }, i) => at === (i < 10 ? 0 : 0xff));
}

/** Constant bytes of a key; without a format a small number, else hex digits in the order of the bytes. */
export function keyNumber(bytes: readonly KeyByte[], format: KeyField['format'] | undefined): string {
  const big = bytes.reduce((sum, { at }) => sum * 256n + BigInt(at), 0n);
  const little = reverseBytes(big, bytes.length);
  if (format === 'dec') return little.toString();
  if (format === 'be') return big.toString();
  if (format !== undefined && format !== 'hex') return formatField(big, format, bytes.length);
  return little < 1024n ? little.toString() : `0x${big.toString(16).padStart(2 * bytes.length, '0')}`;
}
