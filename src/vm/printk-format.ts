/**
 * The formats of bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf (kernel/bpf/helpers.c, bpf_bprintf_prepare;
 * lib/vsprintf.c). Text is handled as bytes: one character a byte.
 *
 * Pointers are printed as guest addresses: Linux hashes `%p` with a key of its own, which no run could reproduce.
 */
import type { GuestMemory } from './memory.js';

const spec = /^([0+ -]*)([1-9][0-9]*)?(pI4|pi4|pI6|pi6|p[KxsSB]?|pks|pus|c|s|(?:ll|l)?[iduxX])/;
const hostile = /[^\t-\r\x20-\x7e\x80-\xff]/;

/**
 * The formatted text, or undefined where Linux answers EINVAL. `args` are unsigned 64-bit; unused ones are ignored.
 */
export function formatPrintk(memory: GuestMemory, format: string, args: readonly bigint[]): string | undefined {
  if (hostile.test(format)) return undefined;
  let text = '';
  let next = 0;
  for (let at = 0; at < format.length; ) {
    const character = format[at] as string;
    at++;
    if (character !== '%') {
      text += character;
      continue;
    }
    if (format[at] === '%') {
      text += '%';
      at++;
      continue;
    }
    const match = spec.exec(format.slice(at));
    const value = args[next++];
    if (match === null || value === undefined) return undefined;
    const kind = match[3] as string;
    at += match[0].length;
    const follows = format[at];
    // `%s` and plain `%p` must end a word, or Linux takes the next letter for a modifier that it does not know.
    if ((kind === 's' || kind === 'p') && follows !== undefined && /[0-9A-Za-z]/.test(follows)) return undefined;
    text += pad(convert(memory, kind, match[1] ?? '', value), match[1] ?? '', Number(match[2] ?? 0), kind);
  }
  return text;
}

function convert(memory: GuestMemory, kind: string, flags: string, value: bigint): string {
  switch (kind) {
    case 'c':
      return String.fromCharCode(Number(value & 0xffn));
    case 's':
    case 'pks':
    case 'pus':
      return readString(memory, value);
    case 'pI4':
    case 'pi4':
      return readBytes(memory, value, 4)
        .map((byte) => (kind === 'pi4' ? String(byte).padStart(3, '0') : String(byte)))
        .join('.');
    case 'pI6':
    case 'pi6':
      return words(readBytes(memory, value, 16)).join(kind === 'pI6' ? ':' : '');
    default:
      return kind.startsWith('p') ? pointer(value) : integer(kind, flags, value);
  }
}

function pointer(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}

function integer(kind: string, flags: string, value: bigint): string {
  const bits = kind.startsWith('l') ? 64 : 32;
  const unsigned = BigInt.asUintN(bits, value);
  switch (kind.at(-1)) {
    case 'x':
      return unsigned.toString(16);
    case 'X':
      return unsigned.toString(16).toUpperCase();
    case 'u':
      return unsigned.toString();
    default: {
      const signed = BigInt.asIntN(bits, value);
      const sign = signed < 0n ? '' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
      return sign + signed.toString();
    }
  }
}

function pad(text: string, flags: string, width: number, kind: string): string {
  if (text.length >= width) return text;
  if (flags.includes('-')) return text.padEnd(width);
  const isNumber = /[iduxX]$/.test(kind);
  if (!isNumber || !flags.includes('0')) return text.padStart(width);
  const sign = /^[-+ ]/.test(text) ? text.slice(0, 1) : '';
  return sign + text.slice(sign.length).padStart(width - sign.length, '0');
}

/** Bytes at a guest address; zeros where the program could not read them (copy_from_kernel_nofault). */
function readBytes(memory: GuestMemory, address: bigint, size: number): number[] {
  const at = Number(address);
  return memory.canRead(at, size) ? [...memory.read(at, size)] : new Array<number>(size).fill(0);
}

function words(bytes: readonly number[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < bytes.length; i += 2) {
    out.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16).padStart(4, '0'));
  }
  return out;
}

function readString(memory: GuestMemory, address: bigint): string {
  let text = '';
  for (let at = Number(address); text.length < 1024 && memory.canRead(at, 1); at++) {
    const byte = memory.load8(at);
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}
