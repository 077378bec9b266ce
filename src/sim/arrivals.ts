/**
 * When packets are at the card's port: by the times of the capture, at a rate, or as a load, a share of what the port
 * carries. Evenly, or at random (Poisson). The port takes one packet after the other, so none arrives sooner than its
 * bits do.
 */
import { UsageError } from '../base/index.js';
import { Prng } from '../packet/index.js';
import { endOfTime } from './event-clock.js';

/**
 * A rate as it was asked for: `capture`, packets or bits a second (preamble, checksum and gap count), or a share of
 * the port's bits.
 */
export interface Rate {
  readonly unit: 'capture' | 'packets' | 'bits' | 'load';
  /** A second; of a load from 0 to 1. 0 for `capture`. */
  readonly value: number;
  /** Gaps are exponentially distributed. */
  readonly isPoisson: boolean;
}

const prefixes: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/**
 * Reads `capture`, `100G` (bits a second), `148Mpps`, `80%` (of the port), each with `poisson:` before it if wanted.
 * Throws UsageError.
 */
export function parseRate(text: string): Rate {
  if (text === 'capture') return { unit: 'capture', value: 0, isPoisson: false };
  const [, poisson, digits, prefix = '', unit] =
    /^(poisson:)?(\d+(?:\.\d+)?)([kMGT]?)(pps|bps|bit\/s|%)?$/.exec(text) ?? [];
  const value = Number(digits);
  const isPoisson = poisson !== undefined;
  const wrong = (what: string): never => {
    throw new UsageError(
      `\`--rate ${text}\` ${what}`,
      {},
      'rates: capture, 100G (bits a second), 148Mpps, 80%, poisson:10Mpps',
    );
  };
  if (digits === undefined) return wrong('is none');
  if (value === 0) return wrong('is no packet at all');
  if (unit === '%') {
    if (prefix !== '' || value > 100) return wrong('is no share of what the port carries');
    return { unit: 'load', value: value / 100, isPoisson };
  }
  if (unit === undefined && prefix === '') return wrong('has no unit');
  return { unit: unit === 'pps' ? 'packets' : 'bits', value: value * (prefixes[prefix] as number), isPoisson };
}

/** Ethernet's checksum, and the shortest frame with it. */
const checksum = 4;
const shortestFrame = 64;
/** Preamble and gap. */
const betweenFrames = 20;

/** Bytes of the wire's time that a packet takes; captures leave the checksum out. */
export function wireBytes(length: number): number {
  return Math.max(length + checksum, shortestFrame) + betweenFrames;
}

/** One end of a wire: packets one after the other, each as long as its bits take. */
export class Wire {
  /** Picoseconds that it was busy. */
  busy = 0;
  /** When it is free again. */
  free = 0;
  /** Picoseconds a byte. */
  private readonly byteTime: number;

  /** `rate` in Gb/s. */
  constructor(rate: number) {
    this.byteTime = 8000 / rate;
  }

  /** A packet that could begin at `time`; returns when its last bit has passed. */
  pass(time: number, length: number): number {
    const takes = Math.round(wireBytes(length) * this.byteTime);
    this.busy += takes;
    this.free = Math.max(time, this.free) + takes;
    return this.free;
  }
}

/** The times of one packet after another. */
export class Arrivals {
  /** When the port began and ended to take packets in, picoseconds; the first begins at 0. */
  readonly wire: Wire;
  private readonly rate: Rate;
  /** Picoseconds: of the gap behind a packet, or of the gap a byte. */
  private readonly gap: number;
  private readonly prng: Prng;
  private next = 0;
  private first: bigint | undefined;
  private latest = 0;

  /** `port` in Gb/s. */
  constructor(rate: Rate, port: number, seed: bigint) {
    this.rate = rate;
    this.wire = new Wire(port);
    this.prng = new Prng(seed ^ 0x6172_7269_7661_6c73n);
    const bits = rate.unit === 'load' ? rate.value * port * 1e9 : rate.value;
    this.gap = rate.unit === 'packets' ? 1e12 / rate.value : 8e12 / bits;
  }

  /**
   * When the packet's last bit is in, in picoseconds; `stamp` is its time in the capture, in nanoseconds. A capture
   * that goes back in time stands still meanwhile. Throws UsageError for one that is longer than the clock.
   */
  arrival(length: number, stamp: bigint): number {
    const begin = this.rate.unit === 'capture' ? this.captured(stamp) : this.paced(length);
    if (begin > endOfTime / 2)
      throw new UsageError('simulated time ends after 4,500 seconds', {}, 'give a higher `--rate`, or fewer packets');
    return this.wire.pass(begin, length);
  }

  private captured(stamp: bigint): number {
    this.first ??= stamp;
    const since = Number(stamp - this.first) * 1000;
    this.latest = Math.max(this.latest, since);
    return this.latest;
  }

  /** Behind the gap that the packet before was worth. */
  private paced(length: number): number {
    const { rate, gap } = this;
    const begin = Math.round(this.next);
    const mean = rate.unit === 'packets' ? gap : gap * wireBytes(length);
    this.next += rate.isPoisson ? mean * this.prng.exponential() : mean;
    return begin;
  }
}
