/**
 * Where a ring buffer keeps what, for `ringbuf.ts` and for the code that `jit/ring-code.ts` makes
 * (kernel/bpf/ringbuf.c):
 *
 *     positions (private)                       data: 2 * max_entries bytes
 *     0   u64 consumer                          record at position p: offset p & (max_entries - 1)
 *     8   u64 producer                          0  u32 length | BUSY (bit 31) | DISCARD (bit 30)
 *     16  u64 pending: oldest record that       4  u32 page of the header, counted from the map's first
 *         may still be reserved                 8  the sample, rounded up to 8 bytes
 *     24  u64 producer before the packet of
 *         a batch that reserved last
 *     32  u32 that packet's record, or 0
 */

/** Position behind the last record that was taken out. */
export const consumerAt = 0;
/** Position behind the last record that was reserved. */
export const producerAt = 8;
/** Position of the oldest record that may still be reserved. */
export const pendingAt = 16;
/** Producer's position before the packet that reserved last. */
export const packetStartAt = 24;
/** That packet's record. */
export const packetAt = 32;
/** Bytes of the positions. */
export const stateSize = 40;

/** Bytes before a sample. */
export const headerSize = 8;
/** Pages before the data (struct bpf_ringbuf, the consumer's, the producer's): headers count from the first. */
export const firstDataPage = 3;
/** log2 of a page's bytes. */
export const pageBits = 12;
/** BPF_RINGBUF_BUSY_BIT. */
export const busyBit = 0x8000_0000;
/** BPF_RINGBUF_DISCARD_BIT. */
export const discardBit = 0x4000_0000;
/** A sample's length, beside the two. */
export const lengthMask = 0x3fff_ffff;
