/** A packet as layers, the way buildPacket reads them: only what is not the default is said. */
import { formatField, packetDifferences } from './field-values.js';
import { fieldsAt, headerLengths, headerSize, headersIn, type PlacedHeader, packetContext } from './fields.js';
import { buildPacket } from './layers.js';

/** Fields that are corrected at most, one round after the other: a field may be wrong because of another. */
const rounds = 4;

/** Text that buildPacket makes exactly these bytes of; undefined where no layers do. */
export function packetLayers(bytes: Uint8Array): string | undefined {
  const headers = headersIn(packetContext(bytes)).filter(({ offset }) => offset < bytes.length);
  if (headers.length === 0) return undefined;
  const fields = new Map(headers.map((header) => [header.label, optionsOf(bytes, header)]));
  let payload: string | undefined;
  for (let round = 0; round < rounds; round++) {
    const text = textOf(headers, fields, payload);
    const built = buildPacket(text);
    if (built.length === bytes.length && built.every((byte, i) => byte === bytes[i])) return text;
    if (built.length !== bytes.length) {
      if (payload !== undefined) return undefined;
      payload = payloadOf(bytes, bytes.length - built.length);
      if (payload === undefined) return undefined;
      continue;
    }
    for (const { name, actual } of packetDifferences(built, bytes)) {
      const [label = '', field = ''] = name.split('.');
      if (field === '') return undefined;
      fields.get(label)?.set(field, actual);
    }
  }
  return undefined;
}

/** What makes a header longer than others of its kind, or lies in no field of it, is said from the beginning. */
function optionsOf(bytes: Uint8Array, { protocol, offset, length }: PlacedHeader): Map<string, string> {
  const optional = fieldsAt(protocol, offset, packetContext(bytes)).filter(({ presence }) => presence !== undefined);
  const said = new Map(optional.map((field) => [field.name, formatField(bytes, offset + field.offset, field)]));
  const at = headerLengths[protocol]?.options ?? length;
  const options = bytes.subarray(offset + at, offset + length);
  const isUsual = length === headerSize[protocol] && options.every((byte) => byte === 0);
  return isUsual || at >= length ? said : said.set('options', hexOf(options));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The last so many bytes as a payload. */
function payloadOf(bytes: Uint8Array, length: number): string | undefined {
  if (length <= 0) return undefined;
  const tail = bytes.subarray(bytes.length - length);
  if (tail.every((byte) => byte === 0)) return `zeros(${length})`;
  return `0x${hexOf(tail)}`;
}

function textOf(
  headers: readonly { readonly protocol: string; readonly label: string }[],
  fields: ReadonlyMap<string, ReadonlyMap<string, string>>,
  payload: string | undefined,
): string {
  const layers = headers.map(({ protocol, label }) => {
    const own = [...(fields.get(label) ?? [])].map(([name, value]) => `${name}=${value}`);
    return own.length === 0 ? protocol : `${protocol}(${own.join(', ')})`;
  });
  return [...layers, ...(payload === undefined ? [] : [payload])].join('/');
}
