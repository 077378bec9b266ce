/**
 * The frame that an XDP program works on, as Linux lays it out (include/net/xdp.h; net/bpf/test_run.c,
 * bpf_prog_test_run_xdp):
 *
 *     hard start            data meta   data             data end        hard end         + frame size
 *     | xdp_frame (40) | headroom | metadata | packet ... | tailroom        | skb_shared_info (320) |
 *     |<------------------ 256 ------------->|
 *
 * A frame is one page, so at most 3,520 bytes are linear. What is longer continues in up to 17 fragments of a page
 * each if the program declares `xdp.frags`; for any other program, and where 17 fragments do not suffice, the whole
 * packet becomes one larger linear frame, which is what generic XDP does. Programs reach fragments only through
 * helpers.
 *
 * The geometry is guest memory, so that a rollback restores it: `data`, `data_end` and `data_meta` are the context's
 * own fields, frame size and fragment sizes are words in the machine's private state. The region's window follows in
 * {@link PacketBuffer.sync}.
 */
import { InputError } from '../base/index.js';
import {
  errno,
  ethHeader,
  headroom,
  maxFragments,
  maxLinear,
  maxMeta,
  maxPacketOffset,
  mostMetadata,
  pageFrame,
  tailReserve,
  xdpFrameSize,
  xdpMd,
} from '../platform/index.js';
import { type GuestAddress, nowhere } from './guest-address.js';
import type { GuestMemory } from './memory.js';
import type { Region } from './region.js';

const fragmentSize = 4096;
/** Longest packet without fragments: the longest that a capture file holds (snap length 262,144). */
const maxJumbo = 0x40000;

// Words of the private state, from `state`.
const frameSizeAt = 0;
const fragmentCountAt = 4;
const fragmentBytesAt = 8;
const fragmentSizesAt = 12;

const frameStartAt = fragmentSizesAt + 4 * maxFragments;
// Where bpf_xdp_pull_data took fragments away: pages that it used up, and bytes of the first one that is left.
const fragmentFirstAt = frameStartAt + 4;
const fragmentSkipAt = fragmentFirstAt + 4;

/** Bytes of the frame that a linear packet of `length` bytes lies in. */
export function frameSizeOf(length: number): number {
  return Math.max(pageFrame, headroom + length + tailReserve);
}

/** Bytes of private state that a PacketBuffer needs. */
export const packetStateSize: number = fragmentSkipAt + 4;

/** Where compiled code finds the words that it needs: offsets from `privateState.packet`. */
export const packetState: { readonly frameSize: number; readonly frameStart: number } = {
  frameSize: frameSizeAt,
  frameStart: frameStartAt,
};

/** One frame with its metadata, headroom and tailroom. Offsets are from the start of the data. */
export class PacketBuffer {
  /** What the program may touch: [data_meta, data_end). */
  readonly region: Region;
  private readonly memory: GuestMemory;
  /** Guest address of xdp_md. */
  private readonly ctx: number;
  /** Guest address of the private words. */
  private readonly state: number;
  private readonly fragments: Region;

  /** `ctx` and `state` are guest addresses of the xdp_md and of {@link packetStateSize} private bytes. */
  constructor(memory: GuestMemory, ctx: number, state: number) {
    this.memory = memory;
    this.ctx = ctx;
    this.state = state;
    this.region = memory.allocate('packet', 'packet', headroom + maxJumbo + tailReserve);
    this.fragments = memory.allocate('scratch', 'packet fragments', maxFragments * fragmentSize);
    this.fragments.hi = this.fragments.lo;
    this.reset(new Uint8Array(0), undefined, false);
  }

  get data(): GuestAddress {
    return this.memory.load32(this.ctx + xdpMd.data) as GuestAddress;
  }

  get dataEnd(): GuestAddress {
    return this.memory.load32(this.ctx + xdpMd.dataEnd) as GuestAddress;
  }

  get dataMeta(): GuestAddress {
    return this.memory.load32(this.ctx + xdpMd.dataMeta) as GuestAddress;
  }

  /** Bytes between `data` and `data_end`: all of a packet without fragments. */
  get linearLength(): number {
    return this.dataEnd - this.data;
  }

  /** Bytes between `data_meta` and `data`. */
  get metaLength(): number {
    return this.data - this.dataMeta;
  }

  /** What a register holds that points `offset` bytes behind where a packet in this buffer began at its arrival. */
  pointerTo(offset: bigint): bigint {
    return BigInt.asUintN(64, BigInt(this.region.start + headroom) + offset);
  }

  /** The bytes that are now where the first `length` of the packet were at its arrival. */
  arrived(length: number): Uint8Array {
    const start = this.region.start + headroom;
    return this.memory.read(start, length);
  }

  get fragmentCount(): number {
    return this.memory.load32(this.state + fragmentCountAt);
  }

  /** xdp_get_buff_len: bytes of the packet, fragments included. */
  get length(): number {
    return this.dataEnd - this.data + this.memory.load32(this.state + fragmentBytesAt);
  }

  /** Start of the frame: the region's, unless compiled code works on a frame elsewhere. */
  private get hardStart(): number {
    return this.memory.load32(this.state + frameStartAt);
  }

  private get hardEnd(): number {
    return this.hardStart + this.memory.load32(this.state + frameSizeAt) - tailReserve;
  }

  /** Puts a packet in. Throws InputError when it is longer than any frame or the metadata is impossible. */
  reset(bytes: Uint8Array, meta: Uint8Array | undefined, frags: boolean): void {
    const { memory } = this;
    const fragmented = frags && bytes.length > maxLinear && bytes.length <= maxLinear + maxFragments * fragmentSize;
    const linear = fragmented ? maxLinear : bytes.length;
    if (linear > maxJumbo)
      throw new InputError(`packet of ${linear} bytes is longer than a frame can be (${maxJumbo})`);
    memory.store32(this.state + frameStartAt, this.region.start);
    const data = this.hardStart + headroom;
    // What a program finds in front of a packet after growing it: nothing of the packet before (BPF_PROG_TEST_RUN's
    // buffer is zeroed).
    memory.u8.fill(0, this.region.start, data);
    memory.u8.set(linear === bytes.length ? bytes : bytes.subarray(0, linear), data);
    let metaLength = 0;
    if (meta !== undefined && meta.length > 0) {
      metaLength = meta.length;
      if (metaLength > mostMetadata || metaLength % 4 !== 0)
        throw new InputError(`metadata of ${metaLength} bytes: must be a multiple of 4 and at most ${mostMetadata}`);
      memory.u8.set(meta, data - metaLength);
    }
    this.place(data, data + linear, data - metaLength);
    this.fragments.hi = this.fragments.lo;
    memory.store32(this.state + frameSizeAt, frameSizeOf(linear));
    memory.store32(this.state + fragmentBytesAt, bytes.length - linear);
    memory.store32(this.state + fragmentFirstAt, 0);
    memory.store32(this.state + fragmentSkipAt, 0);
    let count = 0;
    for (let from = linear; from < bytes.length; from += fragmentSize) {
      const part = bytes.subarray(from, from + fragmentSize);
      memory.u8.set(part, this.fragments.start + count * fragmentSize);
      memory.store32(this.state + fragmentSizesAt + 4 * count, part.length);
      count++;
    }
    memory.store32(this.state + fragmentCountAt, count);
  }

  /**
   * Makes the region's window follow the context's fields; called after they changed other than through this class.
   */
  sync(): void {
    this.region.openWindow(this.dataMeta, this.dataEnd);
  }

  /** The packet as it is now, fragments joined: a copy. */
  bytes(): Uint8Array {
    const { data } = this;
    const { length } = this;
    const linear = this.dataEnd - data;
    if (linear === length) return this.memory.read(data, length);
    const joined = new Uint8Array(length);
    this.read(0, joined);
    return joined;
  }

  /** Metadata as it is now: a copy. */
  metaBytes(): Uint8Array {
    return this.memory.read(this.dataMeta, this.data - this.dataMeta);
  }

  /** bpf_xdp_adjust_head: `offset` is a signed 32-bit number. */
  adjustHead(offset: number): number {
    const data = this.data + offset;
    const meta = this.dataMeta;
    const metaLength = this.data - meta;
    if (data < this.hardStart + xdpFrameSize + metaLength || data > this.dataEnd - ethHeader) return -errno.EINVAL;
    if (metaLength > 0) this.memory.copy(meta + offset, meta, metaLength);
    this.place(data, this.dataEnd, meta + offset);
    return 0;
  }

  /** bpf_xdp_adjust_meta. */
  adjustMeta(offset: number): number {
    const { data } = this;
    const meta = this.dataMeta + offset;
    if (meta < this.hardStart + xdpFrameSize || meta > data) return -errno.EINVAL;
    // xdp_metalen_invalid of Linux 6.9 and later; until then 32 was the limit.
    if ((data - meta) % 4 !== 0 || data - meta > maxMeta) return -errno.EACCES;
    this.place(data, this.dataEnd, meta);
    return 0;
  }

  /** bpf_xdp_adjust_tail. */
  adjustTail(offset: number): number {
    if (this.fragmentCount > 0) return offset < 0 ? this.shrinkFragments(-offset) : this.growFragments(offset);
    const { data, dataEnd } = this;
    const end = dataEnd + offset;
    if (end > this.hardEnd || end < data + ethHeader) return -errno.EINVAL;
    if (offset > 0) this.memory.fill(dataEnd, 0, offset);
    this.place(data, end, this.dataMeta);
    return 0;
  }

  /** True if [offset, offset + length) lies in the packet. */
  holds(offset: number, length: number): boolean {
    return offset + length <= this.length;
  }

  /** Visits the contiguous pieces of [offset, offset + length) in order: guest address, bytes, bytes before it. */
  pieces(offset: number, length: number, visit: (address: number, size: number, done: number) => void): void {
    const { memory } = this;
    let pieceStart = 0;
    let address: number = this.data;
    let size = this.dataEnd - address;
    let done = 0;
    const { fragmentCount } = this;
    for (let i = 0; ; i++) {
      const from = offset + done;
      if (done < length && from < pieceStart + size) {
        const part = Math.min(length - done, pieceStart + size - from);
        visit(address + from - pieceStart, part, done);
        done += part;
      }
      if (done >= length || i === fragmentCount) return;
      pieceStart += size;
      address = this.fragmentAt(i);
      size = memory.load32(this.fragmentSizeAt(i));
    }
  }

  /**
   * Guest address of `length` bytes from `offset` on, or 0 where they are in several pieces, or not there
   * (bpf_xdp_pointer). A program may touch fragments from then on.
   */
  addressOf(offset: number, length: number): GuestAddress {
    let found: GuestAddress = nowhere;
    if (offset > maxPacketOffset || length > maxPacketOffset || offset + length > this.length) return nowhere;
    this.pieces(offset, Math.max(length, 1), (address, size, done) => {
      if (done === 0 && size >= length) found = address as GuestAddress;
    });
    const { fragments } = this;
    if (found >= fragments.start && found < fragments.start + fragments.size) {
      fragments.hi = fragments.end;
    }
    return found;
  }

  /** Copies packet bytes from `offset` into `into`, as many as fit in both. */
  read(offset: number, into: Uint8Array): void {
    this.pieces(offset, into.length, (address, size, done) => {
      into.set(this.memory.u8.subarray(address, address + size), done);
    });
  }

  private place(data: number, dataEnd: number, dataMeta: number): void {
    this.memory.store32(this.ctx + xdpMd.data, data);
    this.memory.store32(this.ctx + xdpMd.dataEnd, dataEnd);
    this.memory.store32(this.ctx + xdpMd.dataMeta, dataMeta);
    this.region.openWindow(dataMeta, dataEnd);
  }

  /** Guest address of fragment `i` of those that are left. */
  private fragmentAt(i: number): number {
    const { memory, state } = this;
    const page = this.fragments.start + (memory.load32(state + fragmentFirstAt) + i) * fragmentSize;
    return i === 0 ? page + memory.load32(state + fragmentSkipAt) : page;
  }

  /** Guest address of its size. */
  private fragmentSizeAt(i: number): number {
    return this.state + fragmentSizesAt + 4 * (this.memory.load32(this.state + fragmentFirstAt) + i);
  }

  /**
   * bpf_xdp_pull_data: makes `length` bytes linear. They go behind what is linear, and where there is too little room
   * data and metadata move towards the head. Fragments lose what is taken.
   */
  pull(length: number): number {
    const { memory, state } = this;
    const linear = this.dataEnd - this.data;
    if (length <= linear) return 0;
    if (length > this.length) return -errno.EINVAL;
    const headRoom = this.dataMeta - this.hardStart - xdpFrameSize;
    const tailRoom = this.hardEnd - this.dataEnd;
    let left = length - linear;
    if (left > headRoom + tailRoom) return -errno.EINVAL;
    const shift = Math.max(left - tailRoom, 0);
    if (shift > 0) memory.copy(this.dataMeta - shift, this.dataMeta, this.dataEnd - this.dataMeta);
    let end = this.dataEnd - shift;
    const [data, meta] = [this.data - shift, this.dataMeta - shift];
    while (left > 0) {
      const sizeAt = this.fragmentSizeAt(0);
      const size = memory.load32(sizeAt);
      const taken = Math.min(left, size);
      memory.copy(end, this.fragmentAt(0), taken);
      end += taken;
      left -= taken;
      this.addFragmentBytes(-taken);
      memory.store32(sizeAt, size - taken);
      if (taken < size) memory.store32(state + fragmentSkipAt, memory.load32(state + fragmentSkipAt) + taken);
      else {
        memory.store32(state + fragmentFirstAt, memory.load32(state + fragmentFirstAt) + 1);
        memory.store32(state + fragmentSkipAt, 0);
        memory.store32(state + fragmentCountAt, this.fragmentCount - 1);
      }
    }
    this.place(data, end, meta);
    return 0;
  }

  /** bpf_xdp_frags_increase_tail: only within the last fragment's page. */
  private growFragments(offset: number): number {
    const { memory } = this;
    const last = this.fragmentCount - 1;
    const sizeAt = this.fragmentSizeAt(last);
    const size = memory.load32(sizeAt);
    const skip = last === 0 ? memory.load32(this.state + fragmentSkipAt) : 0;
    if (offset > fragmentSize - size - skip) return -errno.EINVAL;
    memory.fill(this.fragmentAt(last) + size, 0, offset);
    memory.store32(sizeAt, size + offset);
    this.addFragmentBytes(offset);
    return 0;
  }

  /** bpf_xdp_frags_shrink_tail: frees fragments from the end; what is left over comes off the linear part. */
  private shrinkFragments(offset: number): number {
    const { memory } = this;
    if (offset > this.length - ethHeader) return -errno.EINVAL;
    let count = this.fragmentCount;
    let left = offset;
    while (count > 0 && left > 0) {
      const sizeAt = this.fragmentSizeAt(count - 1);
      const size = memory.load32(sizeAt);
      const shrink = Math.min(left, size);
      left -= shrink;
      this.addFragmentBytes(-shrink);
      if (shrink === size) count--;
      else memory.store32(sizeAt, size - shrink);
    }
    memory.store32(this.state + fragmentCountAt, count);
    if (count === 0 && left > 0) this.place(this.data, this.dataEnd - left, this.dataMeta);
    return 0;
  }

  private addFragmentBytes(count: number): void {
    this.memory.store32(this.state + fragmentBytesAt, this.memory.load32(this.state + fragmentBytesAt) + count);
  }
}
