/** What bpf_ktime_get_ns sees of a run, packet by packet, in 32-bit halves: packets cost no bigint. */

/** The capture's time stamps, one moment, or steps from packet to packet. Nanoseconds. */
export type Clock =
  | { readonly kind: 'capture' }
  | { readonly kind: 'fixed'; readonly ns: bigint }
  | { readonly kind: 'step'; readonly ns: bigint };

export class PacketClock {
  /** The time of the packet that {@link set} was told of. */
  low = 0;
  high = 0;
  private readonly clock: Clock;
  private readonly stepLow: number;
  private readonly stepHigh: number;
  private number = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    const [low, high] = clock.kind === 'capture' ? [0, 0] : halves(clock.ns);
    this.stepLow = low;
    this.stepHigh = high;
    if (clock.kind === 'fixed') this.setTime(low, high);
  }

  get ns(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** It is the turn of packet `number` (from 1), whose time stamp has these halves. Numbers do not go down. */
  set(number: number, low: number, high: number): void {
    if (this.clock.kind === 'capture') this.setTime(low, high);
    if (this.clock.kind !== 'step') return;
    for (; this.number < number; this.number++) {
      const sum = this.low + this.stepLow;
      this.low = sum >>> 0;
      this.high = (this.high + this.stepHigh + (sum > 0xffff_ffff ? 1 : 0)) >>> 0;
    }
  }

  private setTime(low: number, high: number): void {
    this.low = low;
    this.high = high;
  }
}

/** The low and the high 32 bits of a time. */
export function halves(ns: bigint): readonly [number, number] {
  return [Number(ns & 0xffff_ffffn), Number((ns >> 32n) & 0xffff_ffffn)];
}
