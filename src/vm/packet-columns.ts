/** Packets in columns: column `i` of each array describes packet `i`. What an arena takes. */
export interface PacketColumns {
  /** Where the packet begins. */
  readonly offset: Uint32Array;
  /** Bytes. */
  readonly length: Uint32Array;
  /** Nanoseconds, two words for each packet, the low one first. */
  readonly times: Uint32Array;
  /** CPUs, or the one of all. */
  readonly cpu: Uint32Array | number;
}

/** How packets that lie one behind the other in one block become columns. */
export interface ColumnOptions {
  /** Bytes from one packet's start to the next one's; default: each begins where the one before it ends. */
  readonly stride?: number;
  /** Nanoseconds of the first packet; default 0. */
  readonly now?: bigint;
  /** Nanoseconds from packet to packet; default 0. */
  readonly step?: bigint;
}

/** Columns of packets of these lengths that lie one behind the other, on CPU 0. */
export function columnsOf(
  lengths: readonly number[],
  { stride, now = 0n, step = 0n }: ColumnOptions = {},
): PacketColumns {
  const offset = new Uint32Array(lengths.length);
  const times = new BigUint64Array(lengths.length);
  let at = 0;
  for (const [i, length] of lengths.entries()) {
    offset[i] = at;
    times[i] = now + step * BigInt(i);
    at += stride ?? length;
  }
  return { offset, length: Uint32Array.from(lengths), times: new Uint32Array(times.buffer), cpu: 0 };
}
