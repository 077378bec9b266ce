/**
 * Builds frames with correct lengths and checksums. The payload comes from a fixed block of pseudo-random bytes whose
 * running sums are known, so that a checksum costs the headers only, whatever the payload's length.
 */

import { checksumAdd, checksumFold, storedChecksum } from './checksum.js';
import type { FlowIdentity } from './flow-identity.js';
import { mix32, Prng } from './prng.js';
import { etherTypes, ipProtocols } from './protocol.js';

const payloadLength = 0x1_0000;

/** What a packet of a flow is, beyond what the flow is. */
export interface Segment {
  /** Frame length to reach; longer if the headers need it. */
  size: number;
  /** Bytes of data, or -1 for what the size leaves. The rest of the frame is padding. */
  data: number;
  reply: boolean;
  /** TCP only. */
  flags: number;
  seq: number;
  ack: number;
  /** Number of the packet in its flow and direction: ICMP sequence, IP identification. */
  number: number;
}

/** Bits of the TCP header's byte 13 (RFC 9293). */
export const tcpFlags = { fin: 0x01, syn: 0x02, psh: 0x08, ack: 0x10 } as const;

/** Builds frames into buffers of the caller. The same seed gives the same payloads. */
export class FrameBuilder {
  private readonly payload: Uint8Array = new Uint8Array(payloadLength);
  /** `sums[i]`: sum of the first i 16-bit words of the payload. */
  private readonly sums: Float64Array = new Float64Array(payloadLength / 2 + 1);
  private readonly sourceMac: Uint8Array;
  private readonly destinationMac: Uint8Array;

  constructor(seed: number, sourceMac: Uint8Array, destinationMac: Uint8Array) {
    const random = new Prng(seed);
    for (let i = 0; i < payloadLength; i++) this.payload[i] = random.u32() >>> 24;
    for (let i = 0; i < payloadLength; i += 2) {
      this.sums[i / 2 + 1] = checksumAdd(this.payload, i, i + 2, this.sums[i / 2] ?? 0);
    }
    this.sourceMac = sourceMac;
    this.destinationMac = destinationMac;
  }

  /** Bytes of headers before the data, so that callers can plan. */
  headerLength(flow: FlowIdentity, flags: number): number {
    const tags = (flow.tag === undefined ? 0 : 4) + (flow.outerTag === undefined ? 0 : 4);
    if (flow.protocol === 'arp') return 14 + tags + 28;
    const transport = flow.protocol === 'tcp' ? ((flags & tcpFlags.syn) !== 0 ? 24 : 20) : 8;
    return 14 + tags + (flow.version === 4 ? 20 : 40) + transport;
  }

  /** Writes a frame at `at`, where the bytes are zero; returns its length. */
  build(out: Uint8Array, at: number, flow: FlowIdentity, segment: Segment): number {
    const headers = this.headerLength(flow, segment.flags);
    const data = flow.protocol === 'arp' ? 0 : segment.data >= 0 ? segment.data : Math.max(0, segment.size - headers);
    const reply = segment.reply;
    putAddress(out, at, reply ? this.sourceMac : this.destinationMac, 6);
    putAddress(out, at + 6, reply ? this.destinationMac : this.sourceMac, 6);
    let next = at + 12;
    if (flow.outerTag !== undefined) next = putTag(out, next, etherTypes.qinq, flow.outerTag);
    if (flow.tag !== undefined) next = putTag(out, next, etherTypes.vlan, flow.tag);
    if (flow.protocol === 'arp') {
      put16(out, next, etherTypes.arp);
      this.arp(out, next + 2, flow, segment, at);
    } else {
      put16(out, next, flow.version === 4 ? etherTypes.ipv4 : etherTypes.ipv6);
      this.ip(out, next + 2, flow, segment, data);
    }
    return Math.max(segment.size, headers + data);
  }

  /** ARP for IPv4 over Ethernet (RFC 826): 28 bytes. */
  private arp(out: Uint8Array, at: number, flow: FlowIdentity, segment: Segment, frame: number): void {
    put16(out, at, 1);
    put16(out, at + 2, etherTypes.ipv4);
    out[at + 4] = 6;
    out[at + 5] = 4;
    put16(out, at + 6, segment.reply ? 2 : 1);
    out.set(segment.reply ? this.destinationMac : this.sourceMac, at + 8);
    putAddress(out, at + 14, segment.reply ? flow.destination : flow.source, 4);
    if (segment.reply) out.set(this.sourceMac, at + 18);
    // A request goes to everyone.
    else out.fill(0xff, frame, frame + 6);
    putAddress(out, at + 24, segment.reply ? flow.source : flow.destination, 4);
  }

  /**
   * An IP header with its transport. Lengths first, checksums last: IPv4's header, then the transport's with its
   * pseudo-header (RFC 9293, section 3.1; RFC 8200, section 8.1).
   */
  private ip(out: Uint8Array, at: number, flow: FlowIdentity, segment: Segment, data: number): void {
    const source = segment.reply ? flow.destination : flow.source;
    const destination = segment.reply ? flow.source : flow.destination;
    const { version } = flow;
    const protocol = protocolNumber(flow);
    const transportHeader = flow.protocol === 'tcp' ? ((segment.flags & tcpFlags.syn) !== 0 ? 24 : 20) : 8;
    const length = transportHeader + data;
    const transport = at + (version === 4 ? 20 : 40);
    if (version === 4) {
      out[at] = 0x45;
      put16(out, at + 2, 20 + length);
      put16(out, at + 4, mix32(flow.sourcePort, segment.number) & 0xffff);
      put16(out, at + 6, 0x4000);
      out[at + 8] = 64;
      out[at + 9] = protocol;
      putAddress(out, at + 12, source, 4);
      putAddress(out, at + 16, destination, 4);
      put16(out, at + 10, checksumFold(checksumAdd(out, at, at + 20)));
    } else {
      out[at] = 0x60;
      put16(out, at + 4, length);
      out[at + 6] = protocol;
      out[at + 7] = 64;
      putAddress(out, at + 8, source, 16);
      putAddress(out, at + 24, destination, 16);
    }
    const sourcePort = segment.reply ? flow.destinationPort : flow.sourcePort;
    const destinationPort = segment.reply ? flow.sourcePort : flow.destinationPort;
    let checksumAt = transport + 6;
    if (flow.protocol === 'icmp') {
      out[transport] = (version === 4 ? [8, 0] : [128, 129])[segment.reply ? 1 : 0] ?? 0;
      put16(out, transport + 4, flow.sourcePort);
      put16(out, transport + 6, segment.number & 0xffff);
      checksumAt = transport + 2;
    } else {
      put16(out, transport, sourcePort);
      put16(out, transport + 2, destinationPort);
      if (flow.protocol === 'udp') put16(out, transport + 4, length);
      else {
        put32(out, transport + 4, segment.seq);
        put32(out, transport + 8, segment.ack);
        out[transport + 12] = transportHeader << 2;
        out[transport + 13] = segment.flags;
        put16(out, transport + 14, 64_240);
        checksumAt = transport + 16;
        // A SYN carries its maximum segment size.
        if (transportHeader === 24) put32(out, transport + 20, 0x0204_0000 | (version === 4 ? 1460 : 1440));
      }
    }
    const from = (mix32(flow.sourcePort, segment.number) % (payloadLength / 2 - 0x2000)) * 2;
    const dataAt = transport + transportHeader;
    // A view costs more than the copy of a few bytes.
    if (data <= 64) for (let i = 0; i < data; i++) out[dataAt + i] = this.payload[from + i] ?? 0;
    else out.set(this.payload.subarray(from, from + data), dataAt);
    // The pseudo header: everything but ICMP for IPv4 has one.
    let sum = 0;
    if (flow.protocol !== 'icmp' || version === 6) {
      sum = checksumAdd(out, version === 4 ? at + 12 : at + 8, transport) + protocol + length;
    }
    sum = checksumAdd(out, transport, dataAt, sum);
    sum += (this.sums[(from >> 1) + (data >> 1)] ?? 0) - (this.sums[from >> 1] ?? 0);
    if ((data & 1) === 1) sum += (this.payload[from + data - 1] ?? 0) << 8;
    put16(out, checksumAt, storedChecksum(protocol, checksumFold(sum)));
  }
}

function protocolNumber(flow: FlowIdentity): number {
  if (flow.protocol === 'tcp') return ipProtocols.tcp;
  if (flow.protocol === 'udp') return ipProtocols.udp;
  return flow.version === 4 ? ipProtocols.icmp : ipProtocols.icmpv6;
}

function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

function put32(out: Uint8Array, at: number, value: number): void {
  put16(out, at, value >>> 16);
  put16(out, at + 2, value & 0xffff);
}

/** A VLAN tag in place of the Ethernet type, which follows it; returns where that goes. */
function putTag(out: Uint8Array, at: number, type: number, tag: number): number {
  put16(out, at, type);
  put16(out, at + 2, tag);
  return at + 4;
}

function putAddress(out: Uint8Array, at: number, address: Uint8Array, length: number): void {
  for (let i = 0; i < length; i++) out[at + i] = address[i] ?? 0;
}
