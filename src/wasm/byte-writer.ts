/**
 * A growing byte array with the integer encodings of the WebAssembly binary format (core specification 2.0, section
 * 5.2).
 */
import { encodeUtf8 } from '../base/index.js';

/** Bytes in the order in which they are written; the array doubles when it is full. */
export class ByteWriter {
  private bytes: Uint8Array = new Uint8Array(256);
  private at = 0;

  /** Bytes so far. */
  get length(): number {
    return this.at;
  }

  /** One byte; only the low eight bits of `value` count. */
  u8(value: number): void {
    if (this.at === this.bytes.length) this.grow(1);
    this.bytes[this.at++] = value;
  }

  /** Unsigned LEB128 of up to 32 bits. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** Signed LEB128 of a 32-bit integer; unsigned ones are read as signed. */
  signed32(value: number): void {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
        this.u8(low);
        return;
      }
      this.u8(low | 0x80);
    }
  }

  /** Signed LEB128 of a 64-bit integer; unsigned ones are read as signed. */
  signed64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
        this.u8(low);
        return;
      }
      this.u8(low | 0x80);
    }
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    if (this.at + bytes.length > this.bytes.length) this.grow(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** A length, then the bytes. */
  sized(bytes: Uint8Array): void {
    this.unsigned(bytes.length);
    this.raw(bytes);
  }

  /** A name: the length of its UTF-8, then that. */
  name(text: string): void {
    this.sized(encodeUtf8(text));
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }

  /** At least doubles, so that writing n bytes copies fewer than 2n. */
  private grow(by: number): void {
    const bytes = new Uint8Array(Math.max(this.bytes.length * 2, this.at + by));
    bytes.set(this.bytes);
    this.bytes = bytes;
  }
}
