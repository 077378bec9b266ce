/**
 * Packets in columns. A reader or a generator hands out hundreds of packets at a time without an object for any of
 * them:
 *
 *     bytes   ...|<- length[i] ->|...      one buffer, usually the very chunk that was read
 *                ^ offset[i]
 *
 * Column `i` of each array describes packet `i`; the arrays may be longer than `count`. A batch owns its columns and
 * may be kept; its bytes are valid as long as the chunk given to the reader is left alone.
 */

/** Column form of a run of packets. */
export interface PacketBatch {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Start of the packet in `bytes`. */
  readonly offset: Uint32Array;
  /** Bytes captured. */
  readonly length: Uint32Array;
  /** Bytes the packet had on the wire. */
  readonly origLength: Uint32Array;
  /** Nanoseconds since 1970-01-01 UTC, modulo 2^64. */
  readonly time: BigUint64Array;
  /** Index into the capture's list of interfaces. */
  readonly interfaceId: Uint32Array;
  /** Comments by packet index; absent when no packet of the batch has one. */
  readonly comments: ReadonlyMap<number, readonly string[]> | undefined;
}

/** One packet, for code that is not in a hurry. */
export interface Packet {
  readonly data: Uint8Array;
  /** Bytes on the wire; at least `data.length` unless the capture says otherwise. */
  readonly origLength: number;
  /** Nanoseconds since 1970-01-01 UTC. */
  readonly time: bigint;
  readonly interfaceId: number;
  readonly comments?: readonly string[] | undefined;
}

/** A copy-free view of packet `index`. */
export function packetAt(batch: PacketBatch, index: number): Packet {
  const offset = batch.offset[index] ?? 0;
  const comments = batch.comments?.get(index);
  return {
    data: batch.bytes.subarray(offset, offset + (batch.length[index] ?? 0)),
    origLength: batch.origLength[index] ?? 0,
    time: batch.time[index] ?? 0n,
    interfaceId: batch.interfaceId[index] ?? 0,
    ...(comments === undefined ? {} : { comments }),
  };
}

/** The packets of a batch as objects. */
export function* packetsOf(batch: PacketBatch): Generator<Packet, void, undefined> {
  for (let i = 0; i < batch.count; i++) yield packetAt(batch, i);
}

/** The packets of a batch that `isChosen`. They are moved up in its columns: the batch itself is no longer good. */
export function selectPackets(batch: PacketBatch, isChosen: (index: number) => boolean): PacketBatch {
  const { offset, length, origLength, time, interfaceId } = batch;
  const comments = batch.comments === undefined ? undefined : new Map<number, readonly string[]>();
  // As numbers: a bigint for each packet would cost more than all else.
  const halves = new Uint32Array(time.buffer, time.byteOffset, 2 * batch.count);
  let count = 0;
  for (let i = 0; i < batch.count; i++) {
    if (!isChosen(i)) continue;
    offset[count] = offset[i] as number;
    length[count] = length[i] as number;
    origLength[count] = origLength[i] as number;
    halves[2 * count] = halves[2 * i] as number;
    halves[2 * count + 1] = halves[2 * i + 1] as number;
    interfaceId[count] = interfaceId[i] as number;
    const texts = batch.comments?.get(i);
    if (texts !== undefined) comments?.set(count, texts);
    count++;
  }
  return { ...batch, count, comments };
}

/** Collects columns. Grows by doubling, bounded by what really arrives. */
export class BatchBuilder {
  count = 0;
  private capacity: number;
  private offset: Uint32Array;
  private length: Uint32Array;
  private origLength: Uint32Array;
  private time: BigUint64Array;
  /** The same memory as `time`, as 32-bit halves: the low one first, as on every host that runs JavaScript today. */
  private timeHalves: Uint32Array;
  private interfaceId: Uint32Array;
  private comments: Map<number, readonly string[]> | undefined;

  constructor(capacity: number) {
    this.capacity = Math.max(1, capacity);
    this.offset = new Uint32Array(this.capacity);
    this.length = new Uint32Array(this.capacity);
    this.origLength = new Uint32Array(this.capacity);
    this.time = new BigUint64Array(this.capacity);
    this.timeHalves = new Uint32Array(this.time.buffer);
    this.interfaceId = new Uint32Array(this.capacity);
  }

  /** Appends a packet; the time in 32-bit halves of its nanoseconds. */
  add(
    offset: number,
    length: number,
    origLength: number,
    timeHigh: number,
    timeLow: number,
    interfaceId: number,
  ): number {
    const i = this.count;
    if (i === this.capacity) this.grow();
    this.offset[i] = offset;
    this.length[i] = length;
    this.origLength[i] = origLength;
    this.timeHalves[2 * i] = timeLow;
    this.timeHalves[2 * i + 1] = timeHigh;
    this.interfaceId[i] = interfaceId;
    this.count = i + 1;
    return i;
  }

  /** Starts anew in the same columns, which belonged to the batch that {@link finish} made. */
  clear(): void {
    this.count = 0;
    this.comments = undefined;
  }

  setTime(index: number, time: bigint): void {
    this.time[index] = time;
  }

  setComments(index: number, comments: readonly string[]): void {
    this.comments ??= new Map();
    this.comments.set(index, comments);
  }

  /** The batch; the builder must not be used afterwards. */
  finish(bytes: Uint8Array): PacketBatch {
    const { count, offset, length, origLength, time, interfaceId, comments } = this;
    return { count, bytes, offset, length, origLength, time, interfaceId, comments };
  }

  /** Doubles the columns, so that adding n packets copies them a constant number of times. */
  private grow(): void {
    this.capacity *= 2;
    const wider = (from: Uint32Array): Uint32Array => {
      const to = new Uint32Array(this.capacity);
      to.set(from);
      return to;
    };
    this.offset = wider(this.offset);
    this.length = wider(this.length);
    this.origLength = wider(this.origLength);
    this.interfaceId = wider(this.interfaceId);
    const time = new BigUint64Array(this.capacity);
    time.set(this.time);
    this.time = time;
    this.timeHalves = new Uint32Array(time.buffer);
  }
}
