/**
 * Names for packet bytes. A trace's path condition speaks of (offset, width); people speak of `ip.dst`. Which field an
 * offset is depends on the bytes before it: byte 23 is `ip.proto` only in an untagged IPv4 frame. So a name is looked
 * up with a *context* that tells which earlier bytes are known to have which value, and the headers are walked from
 * the Ethernet header as far as that context carries:
 *
 *     eth --type--> vlan --type--> ip --proto--> tcp | udp | icmp | ip (IPIP) | gre --type--> ...
 *                             \--> ip6 --nexthdr--> ...        udp --dport 4789--> vxlan --> eth
 *                             \--> arp
 *
 * Protocols and fields are data: `protocols` below. Names follow tcpdump's and the RFCs' habits, and the kernel's
 * structures where those are shorter (`ip.ttl`, `ip6.nexthdr`). A later header of a kind that was already there is
 * numbered: `ip`, `ip2`; `eth`, `eth2`.
 */

import { etherTypes, ipProtocols, isVlanType, vxlanPort } from './protocol.js';

/** How people write values of the field. */
export type FieldFormat = 'dec' | 'hex' | 'mac' | 'ipv4' | 'ipv6' | 'bytes';

/** A field of a protocol header. */
export interface Field {
  readonly name: string;
  /** From the start of its header, in bytes. */
  readonly offset: number;
  /** Bytes that hold the field. */
  readonly width: number;
  /** The bits of those bytes (as one big-endian number) that are the field's; all of them if absent. */
  readonly mask?: number;
  readonly format: FieldFormat;
}

/** Prefixes of field names, in the words of tcpdump and nftables where these have one. */
export type ProtocolName =
  | 'eth'
  | 'vlan'
  | 'arp'
  | 'ip'
  | 'ip6'
  | 'ip6frag'
  | 'tcp'
  | 'udp'
  | 'icmp'
  | 'icmp6'
  | 'gre'
  | 'vxlan';

/** Offsets and widths are bytes from the header's start; a mask cuts a field out of its bytes. */
const field = (name: string, offset: number, width: number, format: FieldFormat, mask?: number): Field => ({
  name,
  offset,
  width,
  format,
  ...(mask === undefined ? {} : { mask }),
});

const flag = (name: string, mask: number): Field => field(name, 13, 1, 'dec', mask);

/** Every field of every protocol; where fields share bytes, the whole bytes come first. */
export const protocols: Readonly<Record<ProtocolName, readonly Field[]>> = {
  eth: [field('dst', 0, 6, 'mac'), field('src', 6, 6, 'mac'), field('type', 12, 2, 'hex')],
  vlan: [
    field('tci', 0, 2, 'hex'),
    field('id', 0, 2, 'dec', 0x0fff),
    field('dei', 0, 2, 'dec', 0x1000),
    field('pcp', 0, 2, 'dec', 0xe000),
    field('type', 2, 2, 'hex'),
  ],
  arp: [
    field('hrd', 0, 2, 'dec'),
    field('pro', 2, 2, 'hex'),
    field('hln', 4, 1, 'dec'),
    field('pln', 5, 1, 'dec'),
    field('op', 6, 2, 'dec'),
    field('sha', 8, 6, 'mac'),
    field('spa', 14, 4, 'ipv4'),
    field('tha', 18, 6, 'mac'),
    field('tpa', 24, 4, 'ipv4'),
  ],
  ip: [
    field('vhl', 0, 1, 'hex'),
    field('version', 0, 1, 'dec', 0xf0),
    field('ihl', 0, 1, 'dec', 0x0f),
    field('tos', 1, 1, 'hex'),
    field('dscp', 1, 1, 'dec', 0xfc),
    field('ecn', 1, 1, 'dec', 0x03),
    field('len', 2, 2, 'dec'),
    field('id', 4, 2, 'dec'),
    field('frag', 6, 2, 'hex'),
    field('df', 6, 2, 'dec', 0x4000),
    field('mf', 6, 2, 'dec', 0x2000),
    field('fragoff', 6, 2, 'dec', 0x1fff),
    field('fragmented', 6, 2, 'hex', 0x3fff),
    field('ttl', 8, 1, 'dec'),
    field('proto', 9, 1, 'dec'),
    field('check', 10, 2, 'hex'),
    field('src', 12, 4, 'ipv4'),
    field('dst', 16, 4, 'ipv4'),
  ],
  ip6: [
    field('flow', 0, 4, 'hex'),
    field('version', 0, 1, 'dec', 0xf0),
    field('flowlabel', 0, 4, 'hex', 0x000fffff),
    field('plen', 4, 2, 'dec'),
    field('nexthdr', 6, 1, 'dec'),
    field('hlim', 7, 1, 'dec'),
    field('src', 8, 16, 'ipv6'),
    field('dst', 24, 16, 'ipv6'),
  ],
  ip6frag: [
    field('nexthdr', 0, 1, 'dec'),
    field('frag', 2, 2, 'hex'),
    field('fragoff', 2, 2, 'dec', 0xfff8),
    field('id', 4, 4, 'hex'),
  ],
  tcp: [
    field('sport', 0, 2, 'dec'),
    field('dport', 2, 2, 'dec'),
    field('seq', 4, 4, 'dec'),
    field('ack_seq', 8, 4, 'dec'),
    field('off', 12, 1, 'hex'),
    field('doff', 12, 1, 'dec', 0xf0),
    field('flags', 13, 1, 'hex'),
    flag('fin', 0x01),
    flag('syn', 0x02),
    flag('rst', 0x04),
    flag('psh', 0x08),
    flag('ack', 0x10),
    flag('urg', 0x20),
    flag('ece', 0x40),
    flag('cwr', 0x80),
    field('win', 14, 2, 'dec'),
    field('check', 16, 2, 'hex'),
    field('urp', 18, 2, 'dec'),
  ],
  udp: [
    field('sport', 0, 2, 'dec'),
    field('dport', 2, 2, 'dec'),
    field('len', 4, 2, 'dec'),
    field('check', 6, 2, 'hex'),
  ],
  icmp: [
    field('type', 0, 1, 'dec'),
    field('code', 1, 1, 'dec'),
    field('check', 2, 2, 'hex'),
    field('id', 4, 2, 'dec'),
    field('seq', 6, 2, 'dec'),
  ],
  icmp6: [
    field('type', 0, 1, 'dec'),
    field('code', 1, 1, 'dec'),
    field('check', 2, 2, 'hex'),
    field('id', 4, 2, 'dec'),
    field('seq', 6, 2, 'dec'),
    field('target', 8, 16, 'ipv6'),
  ],
  gre: [field('flags', 0, 2, 'hex'), field('type', 2, 2, 'hex')],
  vxlan: [field('flags', 0, 1, 'hex'), field('vni', 4, 3, 'dec')],
};

/** Bytes of a header without options. */
export const headerSize: Readonly<Record<ProtocolName, number>> = {
  eth: 14,
  vlan: 4,
  arp: 28,
  ip: 20,
  ip6: 40,
  ip6frag: 8,
  tcp: 20,
  udp: 8,
  icmp: 8,
  icmp6: 8,
  gre: 4,
  vxlan: 8,
};

/** How far a header's fields reach: those of a neighbour's message name a target behind ICMPv6's own header. */
const headerLengths: Readonly<Record<ProtocolName, number>> = { ...headerSize, icmp6: 24 };

/** What is known of the packet's bytes. */
export interface FieldContext {
  /**
   * The value of the bits `mask` of the `width` bytes at `offset`, read as one big-endian number; `undefined` if not
   * all of these bits are known.
   */
  value(offset: number, width: number, mask: number): number | undefined;
}

/** A run of packet bytes with a name. */
export interface NamedField {
  /** `ip.dst`, or `eth.dst[0:4]` (first byte, number of bytes) for a part of a field. */
  readonly name: string;
  readonly format: FieldFormat;
  /** Where the whole field lies, from the Ethernet start. */
  readonly offset: number;
  readonly width: number;
  /** Bits to shift the masked bytes right by to get the field's value. */
  readonly shift: number;
  /** What the name takes for granted beyond the context, such as `ip.ihl == 5`; mostly empty. */
  readonly assumes: readonly string[];
}

/** A header at its place in the frame, as far as a context tells. */
export interface PlacedHeader {
  readonly protocol: ProtocolName;
  /** The protocol's name, numbered when it is not the first of its kind: `ip`, `ip2`. */
  readonly label: string;
  /** From the Ethernet start. */
  readonly offset: number;
  readonly assumes: readonly string[];
}

/** The headers that the context implies, outermost first. Always at least `eth`. */
export function headersIn(context: FieldContext): PlacedHeader[] {
  const headers: PlacedHeader[] = [];
  const counts = new Map<ProtocolName, number>();
  let assumes: readonly string[] = [];
  let protocol: ProtocolName | undefined = 'eth';
  let offset = 0;
  while (protocol !== undefined && headers.length < 16) {
    const count: number = (counts.get(protocol) ?? 0) + 1;
    counts.set(protocol, count);
    const label: string = count === 1 ? protocol : `${protocol}${count}`;
    headers.push({ protocol, label, offset, assumes });
    let length: number = headerLengths[protocol];
    if (protocol === 'ip') {
      const words = context.value(offset, 1, 0x0f);
      if (words === undefined) assumes = [...assumes, `${label}.ihl == 5`];
      else if (words < 5) break;
      else length = words * 4;
    }
    if (protocol === 'gre') {
      // Checksum, key and sequence number are there when their bit is: four bytes each.
      const flags = context.value(offset, 2, 0xb000);
      if (flags === undefined) assumes = [...assumes, `${label}.flags == 0`];
      else for (const bit of [0x8000, 0x2000, 0x1000]) if ((flags & bit) !== 0) length += 4;
    }
    protocol = following(protocol, offset, context);
    offset += length;
  }
  return headers;
}

/** Which header comes behind this one, as far as the context knows the bytes that say so. */
function following(protocol: ProtocolName, offset: number, context: FieldContext): ProtocolName | undefined {
  switch (protocol) {
    case 'eth':
      return byEtherType(context.value(offset + 12, 2, 0xffff));
    case 'vlan':
    case 'gre':
      return byEtherType(context.value(offset + 2, 2, 0xffff));
    case 'ip':
      return byIpProtocol(context.value(offset + 9, 1, 0xff));
    case 'ip6':
      return byIpProtocol(context.value(offset + 6, 1, 0xff));
    case 'ip6frag':
      return byIpProtocol(context.value(offset, 1, 0xff));
    case 'udp':
      return context.value(offset + 2, 2, 0xffff) === vxlanPort ? 'vxlan' : undefined;
    case 'vxlan':
      return 'eth';
    default:
      return undefined;
  }
}

function byEtherType(type: number | undefined): ProtocolName | undefined {
  if (type === undefined) return undefined;
  if (isVlanType(type)) return 'vlan';
  const next: Readonly<Record<number, ProtocolName>> = {
    [etherTypes.ipv4]: 'ip',
    [etherTypes.arp]: 'arp',
    [etherTypes.ipv6]: 'ip6',
    [etherTypes.transparentEthernet]: 'eth',
  };
  return next[type];
}

function byIpProtocol(protocol: number | undefined): ProtocolName | undefined {
  if (protocol === undefined) return undefined;
  const next: Readonly<Record<number, ProtocolName>> = {
    [ipProtocols.icmp]: 'icmp',
    [ipProtocols.ipip]: 'ip',
    [ipProtocols.tcp]: 'tcp',
    [ipProtocols.udp]: 'udp',
    [ipProtocols.ipv6]: 'ip6',
    [ipProtocols.fragment]: 'ip6frag',
    [ipProtocols.gre]: 'gre',
    [ipProtocols.icmpv6]: 'icmp6',
  };
  return next[protocol];
}

/**
 * The name of `width` packet bytes at `offset` from the Ethernet start, or of the bits `mask` of them. `undefined`
 * when the bytes are in no known header or in two fields.
 */
export function fieldAt(offset: number, width: number, context: FieldContext, mask?: number): NamedField | undefined {
  if (width < 1) return undefined;
  let header: PlacedHeader | undefined;
  for (const candidate of headersIn(context)) if (candidate.offset <= offset) header = candidate;
  if (header === undefined) return undefined;
  const start = offset - header.offset;
  const named = (found: Field, name: string, shift: number): NamedField => ({
    name: `${header.label}.${name}`,
    format: found.format,
    offset: header.offset + found.offset,
    width: found.width,
    shift,
    assumes: header.assumes,
  });
  const fields = protocols[header.protocol];
  const every = width <= 6 ? 2 ** (8 * width) - 1 : undefined;
  if (mask !== undefined && mask !== every) {
    for (const found of fields) {
      if (found.mask !== undefined && found.offset === start && found.width === width && found.mask === mask) {
        return named(found, found.name, trailingZeros(mask));
      }
    }
    return undefined;
  }
  for (const found of fields) {
    if (found.mask !== undefined) continue;
    if (found.offset === start && found.width === width) return named(found, found.name, 0);
    if (found.offset <= start && start + width <= found.offset + found.width) {
      return named(found, `${found.name}[${start - found.offset}:${width}]`, 0);
    }
  }
  return undefined;
}

function trailingZeros(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/**
 * Where a field such as `tcp.dport` or `ip2.src` lies in frames that fit the context; `undefined` if it is not there.
 */
export function locateField(name: string, context: FieldContext): (Field & { readonly start: number }) | undefined {
  const [label, fieldName] = name.split('.');
  const header = headersIn(context).find((h) => h.label === label);
  const found = header && protocols[header.protocol].find((f) => f.name === fieldName);
  return header && found && { ...found, start: header.offset + found.offset };
}

/** The context of one concrete packet: all of its bytes are known. */
export function packetContext(bytes: Uint8Array): FieldContext {
  return {
    value(offset, width, mask) {
      if (offset + width > bytes.length) return undefined;
      let value = 0;
      for (let i = 0; i < width; i++) value = value * 256 + (bytes[offset + i] ?? 0);
      return width <= 4 ? (value & mask) >>> 0 : value;
    },
  };
}
