/**
 * Synthetic traffic: the same options give the same bytes, on every host. (Poisson arrivals, Zipf weights and
 * lognormal flow lengths go through Math.log and Math.exp, which ECMAScript does not define to the last bit; V8 has
 * its own.)
 *
 * Two models. Long-lived flows: N flows live all the time and each packet picks one, all alike or by a Zipf law. Sized
 * flows: each flow has a size drawn from a measured distribution; a number of them are under way at a time, and one
 * that ends makes room for the next, so TCP flows begin with SYN and end with FIN.
 */

import { UsageError } from '../base/index.js';
import { type Endpoints, FlowDirectory, FlowIdentity, type FlowProtocol } from './flow-identity.js';
import {
  campusMeanPacket,
  campusProtocols,
  drawCampusPackets,
  drawFlowBytes,
  type FlowSizeTableName,
  flowSizeTables,
  WeightedChoice,
  zipfWeights,
} from './flow-sizes.js';
import { FrameBuilder, type Segment, tcpFlags } from './frame-builder.js';
import { malform } from './malformed.js';
import { BatchBuilder, type Packet, type PacketBatch, packetsOf } from './packet-batch.js';
import { maxFrameSize, type PacketSizes, parsePacketSizes, SizeSource } from './packet-sizes.js';
import { mix32, Prng } from './prng.js';

/** What traffic is to be made of; everything but `packets` has a default. The same options give the same packets. */
export interface TrafficOptions {
  /** Default 1. */
  readonly seed?: number | undefined;
  /** Packets to make; default 10,000, or with sized flows as many as they have when `flows` is given. */
  readonly packets?: number | undefined;
  /** Number of flows; default 1,000 long-lived ones, any number of sized ones. */
  readonly flows?: number | undefined;
  /** How packets are spread over long-lived flows; default `uniform`. */
  readonly popularity?: 'uniform' | { readonly zipf: number } | undefined;
  /** Sized flows from a published distribution, instead of long-lived ones. */
  readonly flowSizes?: FlowSizeTableName | 'campus' | undefined;
  /** Sized flows under way at a time; default 1,000. */
  readonly concurrency?: number | undefined;
  /** Relative numbers of flows; default tcp 0.6, udp 0.35, icmp 0.04, arp 0.01. Those not named get none. */
  readonly protocols?: Partial<Readonly<Record<FlowProtocol, number>>> | undefined;
  /** Share of IP flows over IPv6; default 0.2. */
  readonly ipv6?: number | undefined;
  /**
   * Share of flows with a VLAN tag (default 0), their ids (default 1 to 100), and how many of these have two tags
   * (default 0).
   */
  readonly vlan?: number | undefined;
  readonly vlanIds?: readonly [first: number, last: number] | undefined;
  readonly qinq?: number | undefined;
  /** Frame sizes, in the notation of {@link parsePacketSizes}; default `imix`. */
  readonly sizes?: PacketSizes | string | undefined;
  /** Default a million packets a second. Bits count as on the wire: frame, FCS, preamble and gap (24 B a frame). */
  readonly rate?: { readonly pps: number } | { readonly bps: number } | undefined;
  readonly arrivals?: 'constant' | 'poisson' | undefined;
  /** Time of the first packet, nanoseconds since 1970; default 0. */
  readonly start?: bigint | undefined;
  readonly source?: Endpoints | undefined;
  readonly destination?: Endpoints | undefined;
  /** Share of packets that go from destination to source, once a flow has begun; default 0. */
  readonly replies?: number | undefined;
  /** Share of malformed packets; default 0. */
  readonly malformed?: number | undefined;
}

const wireOverhead = 24;
const maxFlows = 2 ** 24;
const batchBytes = 0x4_0000;

/** The packets of {@link generateBatches} one by one. */
export function* generateTraffic(options: TrafficOptions = {}): Generator<Packet, void, undefined> {
  for (const batch of generateBatches(options)) yield* packetsOf(batch);
}

/**
 * Makes packets in columns, some hundreds at a time; memory grows with the number of flows that are under way only.
 *
 * @throws UsageError when options make no sense.
 */
export function* generateBatches(options: TrafficOptions = {}): Generator<PacketBatch, void, undefined> {
  const plan = new TrafficPlan(options);
  while (!plan.done) yield plan.nextBatch();
}

/** State of a flow that is under way, in columns by slot. */
class FlowSlots {
  readonly flow: Uint32Array;
  readonly sent: Uint32Array;
  readonly replied: Uint32Array;
  readonly seq: Uint32Array;
  readonly ack: Uint32Array;
  /** Bytes or packets still to send; infinite for long-lived flows. */
  readonly left: Float64Array;

  constructor(count: number) {
    this.flow = new Uint32Array(count);
    this.sent = new Uint32Array(count);
    this.replied = new Uint32Array(count);
    this.seq = new Uint32Array(count);
    this.ack = new Uint32Array(count);
    this.left = new Float64Array(count);
  }
}

/**
 * The state of one stream of traffic: flows under way in slots, a clock in nanoseconds, and one source of random
 * numbers that everything draws from in a fixed order.
 */
class TrafficPlan {
  private readonly random: Prng;
  private readonly salt: number;
  private readonly packets: number;
  private readonly flows: number;
  private readonly sized: FlowSizeTableName | 'campus' | undefined;
  private readonly slots: FlowSlots;
  /** Slots in use; sized flows that end without a successor give theirs up. */
  private active: number;
  private started = 0;
  private readonly choice: WeightedChoice | undefined;
  private readonly sizes: SizeSource;
  private readonly directory: FlowDirectory;
  private readonly builder: FrameBuilder;
  private readonly replies: number;
  private readonly malformed: number;
  private readonly nanosecondsPerPacket: number;
  private readonly nanosecondsPerBit: number;
  private readonly poisson: boolean;
  private readonly startHigh: number;
  private readonly startLow: number;
  private clock = 0;
  private made = 0;
  private readonly identity = new FlowIdentity();
  private readonly segment: Segment = { size: 0, data: 0, reply: false, flags: 0, seq: 0, ack: 0, number: 0 };

  constructor(options: TrafficOptions) {
    const seed = options.seed ?? 1;
    if (!Number.isSafeInteger(seed)) throw new UsageError(`seed ${seed} is not a whole number`);
    this.random = new Prng(seed);
    this.salt = this.random.u32();
    const { flowSizes } = options;
    this.sized = flowSizes;
    this.flows = count('flows', options.flows, flowSizes === undefined ? 1000 : Number.POSITIVE_INFINITY, maxFlows);
    const unbounded = flowSizes !== undefined && options.flows !== undefined;
    this.packets = count(
      'packets',
      options.packets,
      unbounded ? Number.POSITIVE_INFINITY : 10_000,
      Number.MAX_SAFE_INTEGER,
    );
    if (flowSizes !== undefined && options.popularity !== undefined) {
      throw new UsageError('`popularity` is for long-lived flows, `flowSizes` for sized ones', {}, 'give one of them');
    }
    const concurrency = count('concurrency', options.concurrency, 1000, maxFlows);
    const slotCount = flowSizes === undefined ? this.flows : Math.min(this.flows, concurrency);
    this.slots = new FlowSlots(slotCount);
    this.active = slotCount;
    if (typeof options.popularity === 'object') {
      const { zipf } = options.popularity;
      if (!(zipf >= 0 && zipf <= 100)) throw new UsageError(`Zipf exponent ${zipf} is not between 0 and 100`);
      this.choice = new WeightedChoice(zipfWeights(this.flows, zipf));
    }
    const sizes = options.sizes ?? defaultSizes(flowSizes);
    this.sizes = new SizeSource(typeof sizes === 'string' ? parsePacketSizes(sizes) : sizes);
    const protocols = { tcp: 0, udp: 0, icmp: 0, arp: 0, ...(options.protocols ?? defaultProtocols(flowSizes)) };
    const weights = Object.values(protocols);
    if (weights.some((w) => !(w >= 0)) || !weights.some((w) => w > 0)) {
      throw new UsageError('the weights of the protocols must be positive numbers');
    }
    const vlanIds = options.vlanIds ?? [1, 100];
    if (!(vlanIds[0] >= 0 && vlanIds[0] <= vlanIds[1] && vlanIds[1] <= 4095)) {
      throw new UsageError(`${vlanIds.join('-')} is no range of VLAN ids`, {}, 'ids are 0 to 4095');
    }
    this.directory = new FlowDirectory(this.salt, options.source ?? {}, options.destination ?? {}, {
      protocols,
      ipv6: share('ipv6', options.ipv6, 0.2),
      vlan: share('vlan', options.vlan, 0),
      vlanIds,
      qinq: share('qinq', options.qinq, 0),
    });
    this.builder = new FrameBuilder(this.salt, this.directory.sourceMac, this.directory.destinationMac);
    this.replies = share('replies', options.replies, 0);
    this.malformed = share('malformed', options.malformed, 0);
    const rate = options.rate ?? { pps: 1e6 };
    const value = 'pps' in rate ? rate.pps : rate.bps;
    if (!(value > 0 && value <= 1e15)) throw new UsageError(`a rate of ${value} is not between 0 and 10^15`);
    this.nanosecondsPerPacket = 'pps' in rate ? 1e9 / rate.pps : 0;
    this.nanosecondsPerBit = 'bps' in rate ? 1e9 / rate.bps : 0;
    this.poisson = options.arrivals === 'poisson';
    const start = BigInt.asUintN(64, options.start ?? 0n);
    this.startHigh = Number(start >> 32n);
    this.startLow = Number(start & 0xffff_ffffn);
    for (let slot = 0; slot < slotCount; slot++) this.startFlow(slot);
  }

  get done(): boolean {
    return this.made >= this.packets || this.active === 0;
  }

  /**
   * As many packets as fit into a buffer of a fixed size, whatever was asked for: options that only bound the number
   * of packets do not change the bytes.
   */
  nextBatch(): PacketBatch {
    const bytes = new Uint8Array(batchBytes);
    const batch = new BatchBuilder(512);
    let at = 0;
    while (!this.done && at + 2 * maxFrameSize <= batchBytes && batch.count < 4096) {
      const length = this.nextFrame(bytes, at);
      const now = this.startLow + Math.floor(this.clock);
      batch.add(at, length, length, this.startHigh + Math.floor(now / 0x1_0000_0000), now, 0);
      this.made++;
      const gap = this.nanosecondsPerPacket + (length + wireOverhead) * 8 * this.nanosecondsPerBit;
      this.clock += this.poisson ? gap * this.random.exponential() : gap;
      at += length;
    }
    return batch.finish(bytes.subarray(0, at));
  }

  /** A new flow in a slot. Sequence numbers follow from the flow's number, not from when it starts. */
  private startFlow(slot: number): void {
    const { slots, random } = this;
    const flow = this.started++;
    slots.flow[slot] = flow;
    slots.sent[slot] = 0;
    slots.replied[slot] = 0;
    slots.seq[slot] = mix32(flow, this.salt ^ 0x5e9);
    slots.ack[slot] = mix32(flow, this.salt ^ 0xac4);
    if (this.sized === undefined) slots.left[slot] = Number.POSITIVE_INFINITY;
    else if (this.sized === 'campus') slots.left[slot] = drawCampusPackets(random);
    else slots.left[slot] = drawFlowBytes(flowSizeTables[this.sized], random);
  }

  /** One packet: which flow, which way, how large. */
  private nextFrame(bytes: Uint8Array, at: number): number {
    const { random, slots, identity, segment } = this;
    const slot = this.choice === undefined ? random.below(this.active) : this.choice.draw(random);
    this.directory.describe(slots.flow[slot] ?? 0, identity);
    const sent = slots.sent[slot] ?? 0;
    segment.size = this.sizes.draw(random);
    // A TCP handshake is completed before anything else, where there are replies at all.
    const handshake = sent === 1 && identity.protocol === 'tcp' && slots.replied[slot] === 0;
    segment.reply = sent > 0 && this.replies > 0 && (handshake || random.float() < this.replies);
    segment.data = -1;
    const length = segment.reply ? this.reply(bytes, at, slot) : this.forward(bytes, at, slot, sent);
    if (this.malformed > 0 && random.float() < this.malformed) {
      const kept = malform(bytes.subarray(at, at + length), random);
      // What was cut off must not show through in the next frame.
      bytes.fill(0, at + kept, at + length);
      return kept;
    }
    return length;
  }

  /** A packet from the flow's source; the first of a TCP flow is a SYN. */
  private forward(bytes: Uint8Array, at: number, slot: number, sent: number): number {
    const { slots, identity, segment } = this;
    const isTcp = identity.protocol === 'tcp';
    const opening = isTcp && sent === 0;
    segment.flags = opening ? tcpFlags.syn : tcpFlags.ack;
    segment.number = sent;
    segment.seq = slots.seq[slot] ?? 0;
    segment.ack = opening ? 0 : (slots.ack[slot] ?? 0);
    if (opening) segment.data = 0;
    const headers = this.builder.headerLength(identity, segment.flags);
    const room = Math.max(0, segment.size - headers);
    let ends = false;
    if (this.sized === 'campus') {
      const left = (slots.left[slot] ?? 1) - 1;
      slots.left[slot] = left;
      ends = left <= 0;
    } else if (this.sized !== undefined) {
      const left = slots.left[slot] ?? 0;
      if (!opening) {
        // At least a byte, so that a flow with frames too small for data ends too.
        segment.data = Math.min(left, Math.max(1, room));
        slots.left[slot] = left - segment.data;
        ends = left <= segment.data;
        // The last packet is as long as what is left; short frames are padded to Ethernet's 60 bytes.
        if (ends) segment.size = Math.min(segment.size, Math.max(60, headers + segment.data));
      }
    }
    if (isTcp && !opening) {
      if (ends) segment.flags |= tcpFlags.fin | tcpFlags.psh;
      else if ((segment.data < 0 ? room : segment.data) > 0) segment.flags |= tcpFlags.psh;
      if ((slots.replied[slot] ?? 0) === 0) slots.replied[slot] = 1;
    }
    const length = this.builder.build(bytes, at, identity, segment);
    const data = segment.data >= 0 ? segment.data : room;
    slots.sent[slot] = sent + 1;
    slots.seq[slot] = segment.seq + data + (opening || (isTcp && ends) ? 1 : 0);
    if (ends) this.endFlow(slot);
    return length;
  }

  /** A packet back. */
  private reply(bytes: Uint8Array, at: number, slot: number): number {
    const { slots, identity, segment } = this;
    const replied = slots.replied[slot] ?? 0;
    const isTcp = identity.protocol === 'tcp';
    const opening = isTcp && replied === 0;
    segment.flags = opening ? tcpFlags.syn | tcpFlags.ack : tcpFlags.ack;
    segment.number = identity.protocol === 'icmp' ? (slots.sent[slot] ?? 1) - 1 : replied;
    segment.ack = slots.seq[slot] ?? 0;
    const next = slots.ack[slot] ?? 0;
    segment.seq = opening ? next - 1 : next;
    if (opening) segment.data = 0;
    const room = Math.max(0, segment.size - this.builder.headerLength(identity, segment.flags));
    const length = this.builder.build(bytes, at, identity, segment);
    slots.replied[slot] = replied + 1;
    if (!opening) slots.ack[slot] = next + room;
    return length;
  }

  /** A flow that ended makes room for the next, or for none where all have started. */
  private endFlow(slot: number): void {
    if (this.started < this.flows) {
      this.startFlow(slot);
      return;
    }
    // The last slot takes the place of the one that is free.
    const last = --this.active;
    const { flow, sent, replied, seq, ack, left } = this.slots;
    for (const column of [flow, sent, replied, seq, ack, left]) column[slot] = column[last] ?? 0;
  }
}

/** Shares of flows by protocol where none are given; the campus table brings its own. */
function defaultProtocols(flowSizes: TrafficOptions['flowSizes']): Record<FlowProtocol, number> {
  return flowSizes === 'campus' ? campusProtocols : { tcp: 0.6, udp: 0.35, icmp: 0.04, arp: 0.01 };
}

/**
 * Full frames for flows of so many bytes. For the campus mixture, of whose packet sizes only the mean is published:
 * the smallest and the largest frame in the proportion that has this mean.
 */
function defaultSizes(flowSizes: TrafficOptions['flowSizes']): PacketSizes | string {
  if (flowSizes === undefined) return 'imix';
  if (flowSizes !== 'campus') return '1514';
  const large = (campusMeanPacket - 60) / (1514 - 60);
  return {
    kind: 'mix',
    parts: [
      { weight: large, size: 1514 },
      { weight: 1 - large, size: 60 },
    ],
  };
}

/** A whole number in its bounds. Throws UsageError. */
function count(name: string, given: number | undefined, otherwise: number, most: number): number {
  if (given === undefined) return otherwise;
  if (!Number.isInteger(given) || given < 1 || given > most) {
    throw new UsageError(`\`${name}\` is ${given}`, {}, `expected a whole number from 1 to ${most}`);
  }
  return given;
}

function share(name: string, given: number | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (!(given >= 0 && given <= 1)) throw new UsageError(`\`${name}\` is ${given}`, {}, 'expected a share from 0 to 1');
  return given;
}
