/**
 * PCIe between card and host, one direction of it: transfers one after the other, each of which takes the link for a
 * while and arrives a latency later, in the order in which they were sent (posted writes do not overtake).
 *
 * From a card's description: how long a transfer of n bytes takes the link follows from the reads a second of 64 and
 * 1,024 bytes; the latency of one way is half of a read's there and back, plus what the bytes cost by the readings of
 * 64 and 2,048. It varies: a lognormal distribution through the published median and p99.9, whose shape is our
 * assumption.
 */
import { type CardDescription, numberOf } from '../nic/index.js';
import { Prng } from '../packet/index.js';
import { BoundedQueue } from './bounded-queue.js';

/** Data of one transaction at most: the usual payload of a PCIe packet. */
const payload = 256;
/** What a packet has beside its bytes: descriptor, length, verdict. */
const descriptorBytes = 64;
/** The normal distribution's quantile at 0.999. */
const z999 = 3.0902;

/** Transactions that bytes take. */
export function transactionsOf(bytes: number): number {
  return Math.ceil(bytes / payload);
}

/** Bytes that cross the link for a packet, its descriptor included. */
export function packetBytes(length: number): number {
  return length + descriptorBytes;
}

/** What has crossed. */
export interface LinkCounts {
  readonly bytes: number;
  readonly transactions: number;
}

/** Picoseconds for which a transfer takes the card's link: of any, and of each of its bytes. */
function transferTimes(card: CardDescription): { readonly base: number; readonly byte: number } {
  const short = 1e6 / numberOf(card, 'link.reads_64');
  const reads = numberOf(card, 'link.reads_1024');
  const long = reads === 0 ? 16 * short : 1e6 / reads;
  const byte = Math.max(0, (long - short) / (1024 - 64));
  return { base: Math.max(0, short - 64 * byte), byte };
}

/** Picoseconds for which a transfer of so many bytes takes the card's link. */
export function linkTime(card: CardDescription, bytes: number): number {
  const { base, byte } = transferTimes(card);
  return base + bytes * byte;
}

/** One direction. */
export class Link implements LinkCounts {
  bytes = 0;
  transactions = 0;
  /** Picoseconds that it was taken. */
  busy = 0;
  readonly queue: BoundedQueue;
  /** When the next transfer can begin. */
  free = 0;
  private arrived = 0;
  private aheadFree = 0;
  private readonly prng: Prng;
  /**
   * Picoseconds: of any transfer, and of a byte, of the link's time; of the median latency; the distribution's width.
   */
  private readonly base: number;
  private readonly byte: number;
  private readonly median: number;
  private readonly medianByte: number;
  private readonly sigma: number;

  constructor(card: CardDescription, seed: bigint) {
    const of = (path: string): number => numberOf(card, `link.${path}`);
    const { base, byte } = transferTimes(card);
    this.byte = byte;
    this.base = base;
    this.median = (of('read_64') * 1000) / 2;
    this.medianByte = Math.max(0, ((of('read_2048') - of('read_64')) * 1000) / (2048 - 64));
    this.sigma = Math.log(of('p999') / of('read_64')) / z999;
    this.queue = new BoundedQueue(of('queue'));
    this.prng = new Prng(seed);
  }

  /** When the link takes the next transfer, picoseconds. */
  get freeAt(): number {
    return this.free;
  }

  /** When the next of {@link sendAhead} can begin. */
  get freeAhead(): number {
    return this.aheadFree;
  }

  /**
   * Sends bytes of a traffic class of its own: they wait for the transfer under way and for others of the class, not
   * for what is queued, which is done later by as much. Returns when they have arrived.
   */
  sendAhead(time: number, bytes: number): number {
    const takes = Math.round(this.base + bytes * this.byte);
    const underWay = Math.min(Math.max(0, this.free - time), Math.round(this.base + payload * this.byte));
    const begin = Math.max(time + underWay, this.aheadFree);
    this.aheadFree = begin + takes;
    this.free = Math.max(time, this.free) + takes;
    this.count(bytes, takes);
    return this.aheadFree + this.latency(bytes);
  }

  private count(bytes: number, takes: number): void {
    this.busy += takes;
    this.bytes += bytes;
    this.transactions += transactionsOf(bytes);
  }

  private latency(bytes: number): number {
    const { median, sigma, medianByte } = this;
    return Math.round(median * Math.exp(sigma * this.prng.normal()) + medianByte * Math.max(0, bytes - 64));
  }

  /** Sends bytes at `time`, not before the one sent last; returns when they have arrived. */
  send(time: number, bytes: number): number {
    const begin = Math.max(time, this.free);
    const takes = Math.round(this.base + bytes * this.byte);
    this.queue.enter(time, begin);
    this.free = begin + takes;
    this.count(bytes, takes);
    this.arrived = Math.max(this.arrived, this.free + this.latency(bytes));
    return this.arrived;
  }
}
