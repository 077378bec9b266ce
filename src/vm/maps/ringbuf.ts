import { errno } from '../../platform/index.js';
import { BpfMap } from '../map.js';

export class RingbufMap extends BpfMap {
  /** bpf_ringbuf_reserve: guest address of `size` writable bytes, or 0. `size` is unsigned 64-bit, `flags` must be 0. */
  reserve(_size: bigint, _flags: bigint): number {
    return 0;
  }
  /** bpf_ringbuf_submit of a record that {@link reserve} gave. False if `sample` is no reserved record: Linux's verifier rules that out. */
  submit(_sample: number, _flags: bigint): boolean {
    return false;
  }
  /** bpf_ringbuf_discard; as {@link submit}. */
  discard(_sample: number, _flags: bigint): boolean {
    return false;
  }
  /** bpf_ringbuf_output of `size` readable bytes at guest address `data`: 0, EINVAL or EAGAIN. */
  output(_data: number, _size: bigint, _flags: bigint): number {
    return -errno.EAGAIN;
  }
  /** bpf_ringbuf_query; `what` is BPF_RB_AVAIL_DATA 0, RING_SIZE 1, CONS_POS 2, PROD_POS 3; others give 0. */
  query(_what: bigint): bigint {
    return 0n;
  }
  /** True if a record is reserved and neither submitted nor discarded. */
  get open(): boolean {
    return false;
  }
  /** What the consumer gets: submitted records in order, up to the first one that is still reserved; they leave the buffer. */
  drain(): Uint8Array[] {
    return [];
  }
  lookup(): number { return 0; }
  update(): number { return -errno.ENOTSUPP; }
  delete(): number { return -errno.ENOTSUPP; }
  protected sysLookup(): number { return -errno.ENOTSUPP; }
  protected sysUpdate(): number { return -errno.ENOTSUPP; }
  protected sysDelete(): number { return -errno.ENOTSUPP; }
  protected sysNextKey(): number { return -errno.ENOTSUPP; }
}
