/**
 * Bytes as text of two hexadecimal digits each: records are JSON, and keys that are text sort and compare as bytes do.
 */

/** `0aff` for 10, 255. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The bytes again; the text is one of {@link toHex}. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
