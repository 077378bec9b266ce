/** What bpf_ktime_get_ns sees of a run. */

/** The capture's time stamps, one moment, or steps from packet to packet. Nanoseconds. */
export type Clock =
  | { readonly kind: 'capture' }
  | { readonly kind: 'fixed'; readonly ns: bigint }
  | { readonly kind: 'step'; readonly ns: bigint };

/** Tells the time of one packet after another. */
export class PacketClock {
  private readonly clock: Clock;
  private times: Uint32Array = new Uint32Array(0);

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The time of packet `number` (from 1), which has this time stamp; modulo 2^64. */
  timeOf(number: number, stamp: bigint): bigint {
    const { clock } = this;
    if (clock.kind === 'capture') return BigInt.asUintN(64, stamp);
    return BigInt.asUintN(64, clock.kind === 'fixed' ? clock.ns : clock.ns * BigInt(number));
  }

  /**
   * The same for packets `from` to `to` (exclusive) of a batch, by index, in 32-bit halves, the low one first: packets
   * cost no bigint. `number` is that of the first, `stamps` has all time stamps of the batch in the same form. Good
   * until the next call.
   */
  timesOf(number: number, stamps: Uint32Array, from: number, to: number): Uint32Array {
    const { clock } = this;
    if (clock.kind === 'capture') return stamps;
    if (this.times.length < 2 * to) this.times = new Uint32Array(2 * to);
    const { times } = this;
    const [stepLow, stepHigh] = clock.kind === 'fixed' ? [0, 0] : halves(clock.ns);
    let [low, high] = halves(this.timeOf(number, 0n));
    for (let i = from; i < to; i++) {
      times[2 * i] = low;
      times[2 * i + 1] = high;
      const sum = low + stepLow;
      low = sum >>> 0;
      high = (high + stepHigh + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
    }
    return times;
  }
}

/** The low and the high 32 bits of a time. */
function halves(ns: bigint): readonly [number, number] {
  return [Number(ns & 0xffff_ffffn), Number((ns >> 32n) & 0xffff_ffffn)];
}
