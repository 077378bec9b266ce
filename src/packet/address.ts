/** Addresses as text: MAC, IPv4, IPv6 (RFC 5952), and subnets such as `10.0.0.0/8`. */

import { InputError } from '../base/index.js';

/** Six bytes at `at`, as `00:11:22:33:44:55`; what is missing counts as 0. */
export function formatMac(bytes: Uint8Array, at = 0): string {
  let text = '';
  for (let i = 0; i < 6; i++) text += (i === 0 ? '' : ':') + (bytes[at + i] ?? 0).toString(16).padStart(2, '0');
  return text;
}

/** Four bytes at `at`, as `10.0.0.1`; what is missing counts as 0. */
export function formatIpv4(bytes: Uint8Array, at = 0): string {
  return `${bytes[at] ?? 0}.${bytes[at + 1] ?? 0}.${bytes[at + 2] ?? 0}.${bytes[at + 3] ?? 0}`;
}

/**
 * RFC 5952: lower case, the first longest run of two or more zero groups as `::`, embedded IPv4 where that is
 * customary.
 */
export function formatIpv6(bytes: Uint8Array, at = 0): string {
  const groups: number[] = [];
  for (let i = 0; i < 8; i++) groups.push(((bytes[at + 2 * i] ?? 0) << 8) | (bytes[at + 2 * i + 1] ?? 0));
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) {
      best = i;
      bestLength = length;
    }
  }
  // ::a.b.c.d and ::ffff:a.b.c.d
  const embedded = best === 0 && (bestLength === 6 || (bestLength === 5 && groups[5] === 0xffff));
  const count = embedded ? 6 : 8;
  let text = '';
  for (let i = 0; i < count; i++) {
    if (best >= 0 && i >= best && i < best + bestLength) {
      if (i === best) text += ':';
      continue;
    }
    text += (i === 0 ? '' : ':') + (groups[i] ?? 0).toString(16);
  }
  if (embedded) return `${text}:${formatIpv4(bytes, at + 12)}`;
  return best >= 0 && best + bestLength === 8 ? `${text}:` : text;
}

/** @throws InputError */
export function parseMac(text: string): Uint8Array {
  const parts = text.split(':');
  if (parts.length !== 6 || !parts.every((p) => /^[0-9a-f]{1,2}$/i.test(p))) {
    throw new InputError(`\`${text}\` is not a MAC address`, {}, 'expected six hex bytes such as 02:00:00:00:00:01');
  }
  return Uint8Array.from(parts, (p) => Number.parseInt(p, 16));
}

/** Four or sixteen bytes. @throws InputError */
export function parseIp(text: string): Uint8Array {
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined) throw new InputError(`\`${text}\` is not an IP address`);
  return bytes;
}

/** Four decimal numbers; undefined for anything else, shorter forms of old included. */
function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256)) return undefined;
  return Uint8Array.from(parts, Number);
}

/** With `::` and with a dotted end (RFC 4291, section 2.2). */
function parseIpv6(text: string): Uint8Array | undefined {
  let source = text;
  const dotted = /^(.*:)([\d.]+)$/.exec(text);
  if (dotted !== null && text.includes('.')) {
    const last = parseIpv4(dotted[2] ?? '');
    if (last === undefined) return undefined;
    const hex = (i: number): string => (((last[i] ?? 0) << 8) | (last[i + 1] ?? 0)).toString(16);
    source = `${dotted[1]}${hex(0)}:${hex(2)}`;
  }
  const halves = source.split('::');
  const [left = [], right = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const zeros = halves.length === 2 ? 8 - left.length - right.length : 0;
  if (halves.length > 2 || zeros < 0 || (halves.length === 2 && zeros === 0)) return undefined;
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...right];
  if (groups.length !== 8 || !groups.every((g) => /^[0-9a-f]{1,4}$/i.test(g))) return undefined;
  return Uint8Array.from(groups.flatMap((g) => [Number.parseInt(g, 16) >>> 8, Number.parseInt(g, 16) & 0xff]));
}

/** A range of addresses: the first `prefix` bits are fixed. */
export interface Subnet {
  /** Four or sixteen bytes, host bits 0. */
  readonly network: Uint8Array;
  readonly prefix: number;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or a single address. @throws InputError */
export function parseSubnet(text: string): Subnet {
  const [address = '', length, ...rest] = text.split('/');
  const network = parseIp(address);
  const bits = network.length * 8;
  const prefix = length === undefined ? bits : Number(length);
  if (rest.length > 0 || length === '' || !Number.isInteger(prefix) || prefix < 0 || prefix > bits) {
    throw new InputError(
      `\`${text}\` is not a subnet`,
      {},
      'expected an address and a prefix length such as 10.0.0.0/8',
    );
  }
  for (let i = 0; i < network.length; i++) {
    const kept = Math.max(0, Math.min(8, prefix - 8 * i));
    network[i] = (network[i] ?? 0) & ~(0xff >>> kept);
  }
  return { network, prefix };
}
