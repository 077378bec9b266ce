/** The fields of one packet with their values as text, fields by name, and how two packets differ in them. */
import { InputError } from '../base/index.js';
import { nearest } from '../text/index.js';
import { formatIpv4, formatIpv6, formatMac } from './address.js';
import { type Field, fieldsAt, headersIn, locateField, packetContext, protocolOf, protocols } from './fields.js';
import { addressBytes, fieldNumber } from './layers.js';

/** A field that two packets do not agree on. */
export interface FieldDifference {
  /** `ip.ttl`, `length`, or `bytes 42-45` where no field is. */
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}

/** Payload bytes that a difference shows. */
const shownBytes = 16;

/** A field's value in a packet, as people write it. */
export function formatField(bytes: Uint8Array, start: number, field: Field): string {
  switch (field.format) {
    case 'mac':
      return formatMac(bytes, start);
    case 'ipv4':
      return formatIpv4(bytes, start);
    case 'ipv6':
      return formatIpv6(bytes, start);
    case 'bytes':
      return hexOf(bytes.subarray(start, start + field.width));
    default: {
      const value = numberAt(bytes, start, field);
      return field.format === 'hex' ? `0x${value.toString(16).padStart(field.width * 2, '0')}` : String(value);
    }
  }
}

function numberAt(bytes: Uint8Array, start: number, { width, mask }: Field): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[start + i] ?? 0);
  if (mask === undefined) return value;
  return ((value & mask) >>> 0) / 2 ** (31 - Math.clz32(mask & -mask));
}

function hexOf(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, shownBytes), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > shownBytes ? `${shown} ...` : shown;
}

/**
 * Value of a field by its name, `ip.ttl`, in a packet; undefined where the packet has no such header. Throws
 * InputError with the nearest name for a field that no packet has.
 */
export function fieldOf(bytes: Uint8Array, name: string): string | undefined {
  checkFieldName(name);
  const found = locateField(name, packetContext(bytes));
  if (found === undefined || found.start + found.width > bytes.length) return undefined;
  return formatField(bytes, found.start, found);
}

/** Throws InputError with the nearest name for what no packet has. */
export function checkFieldName(name: string): void {
  const [label = '', own] = name.split('.');
  const protocol = protocolOf(label);
  const fields = protocol && protocols[protocol];
  if (fields === undefined) {
    const labels = Object.keys(protocols);
    const near = nearest(label, labels);
    throw new InputError(
      `there is no layer \`${label}\``,
      {},
      near === undefined ? `layers are ${labels.join(', ')}` : `did you mean \`${near}.${own ?? ''}\`?`,
    );
  }
  if (own !== undefined && fields.some((field) => field.name === own)) return;
  const names = fields.map((field) => field.name);
  const near = nearest(own ?? '', names);
  throw new InputError(
    `\`${label}\` has no field \`${own ?? ''}\``,
    {},
    near === undefined ? `fields are ${names.join(', ')}` : `did you mean \`${label}.${near}\`?`,
  );
}

/** Throws InputError for a field that no packet has, and for a value that the field cannot have. */
export function checkFieldValue(name: string, wanted: string): void {
  checkFieldName(name);
  const [label = '', own] = name.split('.');
  const protocol = protocolOf(label);
  const field = protocol && protocols[protocol].find((one) => one.name === own);
  if (field === undefined) return;
  if (field.width > 4) addressBytes(label, field, wanted);
  else fieldNumber(label, field, wanted);
}

/** Does the field have this value, however it is written? Throws InputError for a value that it cannot have. */
export function sameFieldValue(bytes: Uint8Array, name: string, wanted: string): boolean {
  const [label = ''] = name.split('.');
  checkFieldValue(name, wanted);
  const found = locateField(name, packetContext(bytes));
  if (found === undefined || found.start + found.width > bytes.length) return false;
  if (found.width > 4) {
    const address = addressBytes(label, found, wanted);
    return bytes.subarray(found.start, found.start + found.width).every((byte, i) => byte === address[i]);
  }
  return numberAt(bytes, found.start, found) === fieldNumber(label, found, wanted);
}

/** A header of one packet, with its fields. */
export interface HeaderFields {
  /** `ip`, `ip2`. */
  readonly label: string;
  /** Bytes from the Ethernet header's start. */
  readonly offset: number;
  readonly fields: readonly FieldValue[];
}

/** A field with its value as people write it. */
export interface FieldValue {
  /** `ip.ttl` */
  readonly name: string;
  readonly text: string;
  /** Bytes from the packet's start, and how many. */
  readonly start: number;
  readonly width: number;
}

/**
 * All fields that lie in the packet. Parts of bytes that a field of their own shows as a whole (`tcp.flags`) are left
 * out.
 */
export function packetFields(bytes: Uint8Array): HeaderFields[] {
  return headersIn(packetContext(bytes)).flatMap(({ protocol, label, offset }) => {
    const all = fieldsAt(protocol, offset, packetContext(bytes));
    const isPart = (field: Field): boolean =>
      field.mask !== undefined && all.some((one) => one.mask === undefined && one.offset === field.offset);
    const fields = all
      .filter((field) => offset + field.offset + field.width <= bytes.length && !isPart(field))
      .map((field) => {
        const start = offset + field.offset;
        return { name: `${label}.${field.name}`, text: formatField(bytes, start, field), start, width: field.width };
      });
    return fields.length === 0 ? [] : [{ label, offset, fields }];
  });
}

/**
 * A field as a number, however wide (addresses too); undefined where the packet has no such header. Throws InputError
 * with the nearest name for a field that no packet has.
 */
export function fieldInteger(bytes: Uint8Array, name: string): bigint | undefined {
  checkFieldName(name);
  const found = locateField(name, packetContext(bytes));
  if (found === undefined || found.start + found.width > bytes.length) return undefined;
  if (found.width <= 4) return BigInt(numberAt(bytes, found.start, found));
  let value = 0n;
  for (let i = 0; i < found.width; i++) value = (value << 8n) | BigInt(bytes[found.start + i] ?? 0);
  return value;
}

/** Field by field, as the expected packet's headers lie; what is in no field as runs of bytes. */
export function packetDifferences(expected: Uint8Array, actual: Uint8Array): FieldDifference[] {
  const differences: FieldDifference[] = [];
  if (expected.length !== actual.length)
    differences.push({ name: 'length', expected: String(expected.length), actual: String(actual.length) });
  const common = Math.min(expected.length, actual.length);
  const told = new Uint8Array(common);
  for (const { protocol, label, offset } of headersIn(packetContext(expected))) {
    // Parts of a field say more than the whole: they come first where there are any that differ.
    const fields = [...fieldsAt(protocol, offset, packetContext(expected))].sort(
      (a, b) => Number(a.mask === undefined) - Number(b.mask === undefined),
    );
    for (const field of fields) {
      const start = offset + field.offset;
      if (start + field.width > common) continue;
      const isTold = told.subarray(start, start + field.width).every((byte) => byte === 1);
      const [want, have] = [formatField(expected, start, field), formatField(actual, start, field)];
      if (want === have || isTold) continue;
      differences.push({ name: `${label}.${field.name}`, expected: want, actual: have });
      if (field.mask === undefined) told.fill(1, start, start + field.width);
      else markPart(told, expected, actual, start, field);
    }
  }
  for (let i = 0; i < common; i++) {
    if (expected[i] === actual[i] || told[i] === 1) continue;
    let end = i + 1;
    while (end < common && expected[end] !== actual[end] && told[end] === 0) end++;
    const name = end === i + 1 ? `byte ${i}` : `bytes ${i}-${end - 1}`;
    differences.push({ name, expected: hexOf(expected.subarray(i, end)), actual: hexOf(actual.subarray(i, end)) });
    i = end;
  }
  if (expected.length < actual.length)
    differences.push({ name: 'bytes behind', expected: 'none', actual: hexOf(actual.subarray(common)) });
  if (expected.length > actual.length)
    differences.push({ name: 'bytes behind', expected: hexOf(expected.subarray(common)), actual: 'none' });
  return differences;
}

/** A byte is told when no other part of it differs. */
function markPart(told: Uint8Array, expected: Uint8Array, actual: Uint8Array, start: number, field: Field): void {
  const { width, mask = 0 } = field;
  for (let i = 0; i < width; i++) {
    const part = (mask >>> (8 * (width - 1 - i))) & 0xff;
    const differs = ((expected[start + i] ?? 0) ^ (actual[start + i] ?? 0)) & 0xff;
    if ((differs & ~part) === 0) told[start + i] = 1;
  }
}
