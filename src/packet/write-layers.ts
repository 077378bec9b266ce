/** A packet as layers, the way buildPacket reads them: only what is not the default is said. */
import { packetDifferences } from './field-values.js';
import { headersIn, packetContext } from './fields.js';
import { buildPacket } from './layers.js';

/** Fields that are corrected at most, one round after the other: a field may be wrong because of another. */
const rounds = 4;

/** Text that buildPacket makes exactly these bytes of; undefined where no layers do. */
export function packetLayers(bytes: Uint8Array): string | undefined {
  const headers = headersIn(packetContext(bytes)).filter(({ offset }) => offset < bytes.length);
  if (headers.length === 0) return undefined;
  const fields = new Map(headers.map(({ label }) => [label, new Map<string, string>()]));
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

/** The last so many bytes as a payload. */
function payloadOf(bytes: Uint8Array, length: number): string | undefined {
  if (length <= 0) return undefined;
  const tail = bytes.subarray(bytes.length - length);
  if (tail.every((byte) => byte === 0)) return `zeros(${length})`;
  return `0x${Array.from(tail, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
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
