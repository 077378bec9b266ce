import { decodeUtf8, InputError, type Place } from '../base/index.js';

/**
 * Little-endian reads from a span of the file, each checked against the span's end. Offsets are relative to the span;
 * messages give them relative to the file.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  /** Section that the span belongs to, for messages. */
  readonly section: string | undefined;
  /** File offset of the span's first byte. */
  readonly base: number;
  private readonly view: DataView;

  constructor(bytes: Uint8Array, section?: string, base = 0) {
    this.bytes = bytes;
    this.section = section;
    this.base = base;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get length(): number {
    return this.bytes.length;
  }

  place(at: number): Place {
    return { section: this.section, offset: this.base + at };
  }

  /** Throws InputError unless `size` bytes at `at` lie within the span. */
  need(at: number, size: number, what = 'a field'): void {
    if (at >= 0 && size >= 0 && at + size <= this.bytes.length) return;
    throw new InputError(
      `${what} of ${size} bytes ends past the ${this.section === undefined ? 'file' : 'section'}'s ${this.bytes.length} bytes`,
      this.place(at),
      'the file is truncated or damaged; compile it again',
    );
  }

  u8(at: number): number {
    this.need(at, 1);
    return this.view.getUint8(at);
  }

  u16(at: number): number {
    this.need(at, 2);
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    this.need(at, 4);
    return this.view.getUint32(at, true);
  }

  i32(at: number): number {
    this.need(at, 4);
    return this.view.getInt32(at, true);
  }

  u64(at: number): bigint {
    this.need(at, 8);
    return this.view.getBigUint64(at, true);
  }

  /** A 64-bit size or offset; values that no file reaches come back as 2^53 - 1 and fail the next bounds check. */
  size(at: number): number {
    const value = this.u64(at);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  /** A view, not a copy. */
  slice(at: number, size: number, what?: string): Uint8Array {
    this.need(at, size, what);
    return this.bytes.subarray(at, at + size);
  }

  /** The text from `at` up to a zero byte. */
  text(at: number): string {
    this.need(at, 1, 'a string');
    const end = this.bytes.indexOf(0, at);
    if (end < 0) throw new InputError('a string has no terminating zero byte', this.place(at));
    return decodeUtf8(this.bytes.subarray(at, end));
  }
}
