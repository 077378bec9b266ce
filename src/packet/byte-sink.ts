/** A growing run of bytes with a byte order, for the capture writers. */

export class ByteSink {
  private bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0x1_0000);
  private view = new DataView(this.bytes.buffer);
  private length = 0;
  private readonly littleEndian: boolean;

  constructor(bigEndian: boolean) {
    this.littleEndian = !bigEndian;
  }

  get size(): number {
    return this.length;
  }

  /** Makes room for `count` bytes, which must be asked for before they are put. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  u8(value: number): void {
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.view.setUint16(this.length, value, this.littleEndian);
    this.length += 2;
  }

  u32(value: number): void {
    this.view.setUint32(this.length, value, this.littleEndian);
    this.length += 4;
  }

  /** A 64-bit value as two words, the high one first, as pcapng writes time stamps in either byte order. */
  highLow(value: bigint): void {
    this.u32(Number(BigInt.asUintN(32, value >> 32n)));
    this.u32(Number(BigInt.asUintN(32, value)));
  }

  put(data: Uint8Array): void {
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  /** Zero bytes up to the next multiple of four of `length`. */
  pad(length: number): void {
    for (let i = length; i % 4 !== 0; i++) this.u8(0);
  }

  take(): Uint8Array {
    const taken = this.bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}
