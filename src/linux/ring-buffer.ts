/**
 * The consumer of a BPF ring buffer (kernel/bpf/ringbuf.c), through its memory:
 *
 *     page 0        u64 consumer position: ours to write
 *     page 1        u64 producer position
 *     page 2 ..     the data, twice in a row, so that a record which wraps is contiguous
 *
 * A record at position p starts at offset p & (size - 1) with u32 length | BUSY (bit 31) | DISCARD (bit 30), u32 page
 * offset; then the sample, rounded up to 8 bytes.
 */
import type { Bpf } from './bpf.js';
import type { NativeBuffer } from './native.js';

const pageSize = 4096;
const busyBit = 0x8000_0000;
const discardBit = 0x4000_0000;
const lengthMask = 0x3fff_ffff;

/** Reads a ring buffer map by mapping its pages, as libbpf does. Close it. */
export class KernelRingBuffer {
  private readonly consumer: NativeBuffer;
  private readonly producer: NativeBuffer;
  private readonly size: number;

  /** `size`: bytes of data, the map's max_entries. Throws InputError when the map cannot be mapped. */
  constructor(bpf: Bpf, fd: number, size: number) {
    this.size = size;
    this.consumer = bpf.mapMemory(fd, pageSize, true, 0);
    this.producer = bpf.mapMemory(fd, pageSize + 2 * size, false, pageSize);
  }

  /** Takes all records that are complete; discarded ones are passed over. */
  drain(): Uint8Array[] {
    const records: Uint8Array[] = [];
    const { view } = this.producer;
    let position = this.consumer.view.getBigUint64(0, true);
    while (position < view.getBigUint64(0, true)) {
      const at = pageSize + Number(position & BigInt(this.size - 1));
      const header = view.getUint32(at, true);
      if ((header & busyBit) !== 0) break;
      const length = header & lengthMask;
      if ((header & discardBit) === 0) records.push(this.producer.u8.slice(at + 8, at + 8 + length));
      position += BigInt((length + 8 + 7) & ~7);
      this.consumer.view.setBigUint64(0, position, true);
    }
    return records;
  }

  close(): void {
    this.consumer.free();
    this.producer.free();
  }
}
