/**
 * Text of the keys of maps: named fields of the packet one by one, constants as people write such fields (addresses,
 * ports, small numbers, bytes), and what is computed as an expression.
 */
import type { Value } from '../ir/index.js';
import { type Bit, indexOf, type Source } from './bits.js';
import { type ByteRun, formatField, reverseBytes } from './byte-run.js';

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
interface KeyByte {
  readonly source: Source | undefined;
  readonly at: number;
}

/** `::ffff:0:0/96` (RFC 4291, 2.5.5.2). */
function isMappedPrefix(bytes: readonly KeyByte[]): boolean {
  return bytes.every(({ at }, i) => at === (i < 10 ? 0 : 0xff));
}

/** Constant bytes of a key; without a format a small number, else hex digits in the order of the bytes. */
function keyNumber(bytes: readonly KeyByte[], format: KeyField['format'] | undefined): string {
  const big = bytes.reduce((sum, { at }) => sum * 256n + BigInt(at), 0n);
  const little = reverseBytes(big, bytes.length);
  if (format === 'dec') return little.toString();
  if (format === 'be') return big.toString();
  if (format !== undefined && format !== 'hex') return formatField(big, format, bytes.length);
  return little < 1024n ? little.toString() : `0x${big.toString(16).padStart(2 * bytes.length, '0')}`;
}

/** Who puts fields and values into words (`Describer`), as far as keys are made of them. */
export interface FieldWords {
  readonly facts: { readonly sources: { bitsOf(value: Value): readonly Bit[] } };
  readonly names: { keyField?(map: number, offset: number): KeyField | undefined };
  source(bit: Bit): Source;
  run(source: Source, run: ByteRun): { readonly text: string };
  expression(value: Value): string;
  fieldOf(source: Source, offset: number): Extent & { readonly isNamed: boolean };
}

/** A look-up's key as its fields: `ip.dst, udp.dport`. */
export function keyText(words: FieldWords, lookup: Value): string {
  return new KeyText(words).text(lookup);
}

class KeyText {
  private readonly words: FieldWords;

  constructor(words: FieldWords) {
    this.words = words;
  }

  text(lookup: Value): string {
    const detail = lookup.detail;
    if (detail?.kind !== 'lookup') return '';
    const words: string[] = [];
    let run: KeyByte[] = [];
    let end = 0;
    // The first bytes of an IPv4-mapped address, while what follows is still to come.
    let mapped = '';
    const push = (...more: readonly string[]): void => {
      const [first = '', ...rest] = more;
      words.push(`${mapped}${first}`, ...rest);
      mapped = '';
    };
    const flush = (): void => {
      if (run.length === 0) return;
      const from = end - run.length;
      if (run[0]?.source !== undefined) push(...this.keyWords(run));
      else
        for (const [text, isMapped] of this.keyConstants(detail.map, run, from)) {
          if (isMapped) mapped = text;
          else push(text);
        }
      run = [];
    };
    for (const [i, arg] of lookup.args.entries()) {
      const size = detail.pieces[i]?.size ?? 0;
      const bits = this.words.facts.sources.bitsOf(arg);
      const bytes = Array.from({ length: size }, (_, b) => this.keyByte(bits.slice(8 * b, 8 * b + 8)));
      if (!bytes.every((byte) => byte !== undefined)) {
        flush();
        push(this.words.expression(arg));
        end += size;
        continue;
      }
      for (let b = 0; b < bytes.length; ) {
        const reversed = this.reversedField(bytes, b);
        if (reversed !== undefined) {
          flush();
          push(reversed.text);
          end += reversed.width;
          b += reversed.width;
          continue;
        }
        const byte = bytes[b] as KeyByte;
        b++;
        const last = run.at(-1);
        if (
          last !== undefined &&
          !(last.source === byte.source && (byte.source === undefined || byte.at === last.at + 1))
        )
          flush();
        run.push(byte);
        end++;
      }
    }
    flush();
    // Between brackets and commas nothing has to be kept together.
    return words.map((word) => word.replace(/^\(([^()]*)\)$/, '$1')).join(', ');
  }

  /**
   * Constant bytes of a key from byte `from` on, field by field, as people write such fields. The second part tells of
   * `::ffff:`, the beginning of an IPv4-mapped address whose last four bytes are something else than constants.
   */
  private keyConstants(
    map: number,
    bytes: readonly KeyByte[],
    from: number,
  ): readonly (readonly [text: string, isMapped: boolean])[] {
    const words: (readonly [string, boolean])[] = [];
    for (let i = 0; i < bytes.length; ) {
      const field = this.words.names.keyField?.(map, from + i);
      const isWhole = field?.offset === from + i && i + field.width <= bytes.length;
      const left = bytes.length - i;
      if (field?.format === 'ipv6' && field.offset === from + i && left === 12 && isMappedPrefix(bytes.slice(i))) {
        words.push(['::ffff:', true]);
        return words;
      }
      const width = field === undefined ? left : Math.min(left, field.offset + field.width - (from + i));
      words.push([keyNumber(bytes.slice(i, i + width), isWhole ? field.format : undefined), false]);
      i += width;
    }
    return words;
  }

  /** The packet byte or constant that these eight bits are. */
  private keyByte(bits: readonly Bit[]): KeyByte | undefined {
    const first = bits[0];
    if (first === undefined) return undefined;
    if (bits.every((bit) => bit < 2))
      return { source: undefined, at: bits.reduce((sum, bit, i) => sum + bit * 2 ** i, 0) };
    if (first < 2) return undefined;
    const source = this.words.source(first);
    const index = indexOf(first);
    if (source.kind !== 'packet' || index % 8 !== 0) return undefined;
    return bits.every((bit, i) => bit === first + 2 * i) ? { source, at: index / 8 } : undefined;
  }

  /** A whole field of the packet whose bytes lie in the key the other way round: a number, by the field's name. */
  private reversedField(
    bytes: readonly KeyByte[],
    from: number,
  ): { readonly text: string; readonly width: number } | undefined {
    const { source, at } = bytes[from] as KeyByte;
    if (source?.kind !== 'packet') return undefined;
    const field = this.words.fieldOf(source, at);
    const { width } = field;
    if (!field.isNamed || width < 2 || width > 8 || field.offset + width - 1 !== at) return undefined;
    for (let i = 1; i < width; i++) {
      const byte = bytes[from + i];
      if (byte?.source !== source || byte.at !== at - i) return undefined;
    }
    return {
      text: this.words.run(source, { offset: field.offset, width, mask: (1n << BigInt(8 * width)) - 1n }).text,
      width,
    };
  }

  /** Consecutive bytes of a key, cut into named fields where they have names. */
  private keyWords(bytes: readonly KeyByte[]): string[] {
    const source = bytes[0]?.source;
    if (source === undefined) return [];
    const words: string[] = [];
    for (let i = 0; i < bytes.length; ) {
      const offset = (bytes[i] as KeyByte).at;
      const field = this.words.fieldOf(source, offset);
      const width =
        field.width === 1 && field.offset === offset
          ? this.unnamed(source, bytes, i)
          : Math.min(bytes.length - i, field.offset + field.width - offset);
      words.push(this.words.run(source, { offset, width, mask: (1n << BigInt(8 * width)) - 1n }).text);
      i += width;
    }
    return words;
  }

  /** How many bytes from `i` on belong to no wider field. */
  private unnamed(source: Source, bytes: readonly KeyByte[], i: number): number {
    if (this.words.run(source, { offset: (bytes[i] as KeyByte).at, width: 1, mask: 0xffn }).text.startsWith('pkt[')) {
      let n = 1;
      while (i + n < bytes.length && this.words.fieldOf(source, (bytes[i + n] as KeyByte).at).width === 1) n++;
      return n;
    }
    return 1;
  }
}
