/**
 * The headers of one concrete packet as values, outermost first. Addresses stay in the packet: a header gives their
 * offset. Parsing stops at the first header that is cut off, wrong about its own length or not known; it never throws.
 */

import { linkTypes } from './link-type.js';
import { etherTypes, ipProtocols, isIpv6Extension, isVlanType, vxlanPort } from './protocol.js';

/** Where a header lies in its packet, in bytes. */
export interface Placed {
  /** From the start of the packet. */
  readonly offset: number;
  /** Bytes of the header itself. */
  readonly length: number;
}

/** One header: what it is, where it starts, its fields. */
export type Header =
  | (Placed & { readonly kind: 'ethernet'; readonly type: number })
  | (Placed & {
      readonly kind: 'vlan';
      readonly id: number;
      readonly priority: number;
      readonly dei: boolean;
      readonly type: number;
    })
  | (Placed & {
      readonly kind: 'arp';
      readonly operation: number;
      readonly hardware: number;
      readonly protocol: number;
    })
  | (Placed & {
      readonly kind: 'ipv4';
      readonly totalLength: number;
      readonly protocol: number;
      readonly ttl: number;
      /** In bytes. */
      readonly fragmentOffset: number;
      readonly moreFragments: boolean;
    })
  | (Placed & {
      readonly kind: 'ipv6';
      readonly payloadLength: number;
      readonly protocol: number;
      readonly hopLimit: number;
    })
  | (Placed & { readonly kind: 'ipv6-extension'; readonly header: number; readonly protocol: number })
  | (Placed & {
      readonly kind: 'ipv6-fragment';
      readonly protocol: number;
      readonly fragmentOffset: number;
      readonly moreFragments: boolean;
    })
  | (Placed & {
      readonly kind: 'tcp';
      readonly sourcePort: number;
      readonly destinationPort: number;
      readonly flags: number;
    })
  | (Placed & {
      readonly kind: 'udp';
      readonly sourcePort: number;
      readonly destinationPort: number;
      readonly udpLength: number;
    })
  | (Placed & { readonly kind: 'icmp' | 'icmpv6'; readonly type: number; readonly code: number })
  | (Placed & { readonly kind: 'gre'; readonly flags: number; readonly type: number })
  | (Placed & { readonly kind: 'vxlan'; readonly vni: number });

/** The headers of a packet, outermost first. */
export interface ParsedPacket {
  readonly headers: readonly Header[];
  /** Where parsing stopped: the payload, or the header that could not be parsed. */
  readonly payload: number;
  /** The header that is cut off or wrong about its length, if that is why parsing stopped. */
  readonly broken: Header['kind'] | undefined;
}

/** Headers are at most this many, however cleverly they are nested. */
const maxHeaders = 32;

/** The kind of header that comes next; undefined: none that is known. */
type Next = Header['kind'] | undefined;

/** A header and what follows it; `undefined` when it is cut off or wrong. */
type Step = { readonly header: Header; readonly next: Next } | undefined;

/** @param linkType what the packet begins with; only Ethernet and raw IP are parsed */
export function parseHeaders(packet: Uint8Array, linkType: number = linkTypes.ethernet): ParsedPacket {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const headers: Header[] = [];
  let payload = 0;
  let next: Next = firstHeader(packet, linkType);
  // What an extension header is told by the header before it.
  let extension = 0;
  while (next !== undefined && headers.length < maxHeaders) {
    const step: Step = payload < packet.length ? parse(view, payload, next, extension) : undefined;
    if (step === undefined) return { headers, payload, broken: next };
    headers.push(step.header);
    payload += step.header.length;
    next = step.next;
    if ('protocol' in step.header) extension = step.header.protocol;
  }
  return { headers, payload, broken: undefined };
}

/** By link type; raw IP tells its version in its first four bits. */
function firstHeader(packet: Uint8Array, linkType: number): Next {
  if (linkType === linkTypes.ethernet) return 'ethernet';
  if (linkType !== linkTypes.raw && linkType !== linkTypes.ipv4 && linkType !== linkTypes.ipv6) return undefined;
  return (packet[0] ?? 0) >>> 4 === 6 ? 'ipv6' : 'ipv4';
}

/** Bytes that a header has at least. */
const minimum: Readonly<Record<Header['kind'], number>> = {
  ethernet: 14,
  vlan: 4,
  arp: 8,
  ipv4: 20,
  ipv6: 40,
  'ipv6-extension': 8,
  'ipv6-fragment': 8,
  tcp: 20,
  udp: 8,
  icmp: 4,
  icmpv6: 4,
  gre: 4,
  vxlan: 8,
};

/**
 * One header and what follows it; undefined where it is cut off or wrong about its length. `extension`: how many IPv6
 * extension headers came before, since a packet may have no end of them.
 */
function parse(view: DataView, offset: number, kind: Header['kind'], extension: number): Step {
  const room = view.byteLength - offset;
  if (room < minimum[kind]) return undefined;
  const u8 = (at: number): number => view.getUint8(offset + at);
  const u16 = (at: number): number => view.getUint16(offset + at);
  const place = { offset, length: minimum[kind] };
  switch (kind) {
    case 'ethernet':
      return { header: { ...place, kind, type: u16(12) }, next: byEtherType(u16(12)) };
    case 'vlan': {
      const tci = u16(0);
      const tag = { id: tci & 0xfff, priority: tci >>> 13, dei: (tci & 0x1000) !== 0, type: u16(2) };
      return { header: { ...place, kind, ...tag }, next: byEtherType(u16(2)) };
    }
    case 'arp': {
      const length = 8 + 2 * (u8(4) + u8(5));
      if (length > room) return undefined;
      return {
        header: { offset, length, kind, operation: u16(6), hardware: u16(0), protocol: u16(2) },
        next: undefined,
      };
    }
    case 'ipv4': {
      const length = (u8(0) & 0x0f) * 4;
      if (u8(0) >>> 4 !== 4 || length < 20 || length > room) return undefined;
      const fragment = { fragmentOffset: (u16(6) & 0x1fff) * 8, moreFragments: (u16(6) & 0x2000) !== 0 };
      const header: Header = { offset, length, kind, totalLength: u16(2), protocol: u8(9), ttl: u8(8), ...fragment };
      return { header, next: fragment.fragmentOffset === 0 ? byIpProtocol(u8(9)) : undefined };
    }
    case 'ipv6':
      if (u8(0) >>> 4 !== 6) return undefined;
      return {
        header: { ...place, kind, payloadLength: u16(4), protocol: u8(6), hopLimit: u8(7) },
        next: byIpProtocol(u8(6)),
      };
    case 'ipv6-extension': {
      const length = (u8(1) + 1) * 8;
      if (length > room) return undefined;
      return { header: { offset, length, kind, header: extension, protocol: u8(0) }, next: byIpProtocol(u8(0)) };
    }
    case 'ipv6-fragment': {
      const fragment = { fragmentOffset: u16(2) & 0xfff8, moreFragments: (u16(2) & 1) !== 0 };
      const next = fragment.fragmentOffset === 0 ? byIpProtocol(u8(0)) : undefined;
      return { header: { ...place, kind, protocol: u8(0), ...fragment }, next };
    }
    case 'tcp': {
      const length = (u8(12) >>> 4) * 4;
      if (length < 20 || length > room) return undefined;
      const ports = { sourcePort: u16(0), destinationPort: u16(2) };
      return { header: { offset, length, kind, ...ports, flags: u8(13) }, next: undefined };
    }
    case 'udp': {
      const next = u16(2) === vxlanPort ? 'vxlan' : undefined;
      return { header: { ...place, kind, sourcePort: u16(0), destinationPort: u16(2), udpLength: u16(4) }, next };
    }
    case 'icmp':
    case 'icmpv6':
      return { header: { ...place, kind, type: u8(0), code: u8(1) }, next: undefined };
    case 'gre': {
      const flags = u16(0);
      // Version 0 without routing: checksum, key and sequence number are four bytes each.
      const plain = (flags & 0x4007) === 0;
      let length = 4;
      for (const bit of [0x8000, 0x2000, 0x1000]) if ((flags & bit) !== 0) length += 4;
      if (length > room) return undefined;
      return { header: { offset, length, kind, flags, type: u16(2) }, next: plain ? byEtherType(u16(2)) : undefined };
    }
    case 'vxlan':
      return { header: { ...place, kind, vni: view.getUint32(offset + 4) >>> 8 }, next: 'ethernet' };
  }
}

function byEtherType(type: number): Next {
  if (isVlanType(type)) return 'vlan';
  if (type === etherTypes.ipv4) return 'ipv4';
  if (type === etherTypes.ipv6) return 'ipv6';
  if (type === etherTypes.arp) return 'arp';
  return type === etherTypes.transparentEthernet ? 'ethernet' : undefined;
}

function byIpProtocol(protocol: number): Next {
  if (isIpv6Extension(protocol)) return 'ipv6-extension';
  switch (protocol) {
    case ipProtocols.tcp:
      return 'tcp';
    case ipProtocols.udp:
      return 'udp';
    case ipProtocols.icmp:
      return 'icmp';
    case ipProtocols.icmpv6:
      return 'icmpv6';
    case ipProtocols.ipip:
      return 'ipv4';
    case ipProtocols.ipv6:
      return 'ipv6';
    case ipProtocols.fragment:
      return 'ipv6-fragment';
    case ipProtocols.gre:
      return 'gre';
    default:
      return undefined;
  }
}
