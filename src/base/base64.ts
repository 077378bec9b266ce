/** RFC 4648 base64: bytes inside text. */
import { InputError } from './errors.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base64 with padding and without line breaks: four characters for three bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const digits = Math.min(4, bytes.length - i + 1);
    for (let j = 0; j < 4; j++) text += j < digits ? alphabet[(group >> (18 - 6 * j)) & 63] : '=';
  }
  return text;
}

/** Throws InputError for a digit that is none. */
export function decodeBase64(text: string): Uint8Array {
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  for (let i = 0, bits = 0, held = 0, at = 0; i < digits.length; i++) {
    const value = alphabet.indexOf(digits[i] ?? '');
    if (value < 0) throw new InputError(`\`${digits[i]}\` is no base64 digit`);
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >> bits) & 0xff;
    }
  }
  return bytes;
}
