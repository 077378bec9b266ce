/**
 * Names for packet bytes. A trace's path condition speaks of (offset, width); people speak of `ip.dst`. Which field an
 * offset is depends on the bytes before it: byte 23 is `ip.proto` only in an untagged IPv4 frame. So a name is looked
 * up with a *context* that tells which earlier bytes are known to have which value, and the headers are walked from
 * the Ethernet header as far as that context carries:
 *
 *     eth --type--> vlan --type--> ip --proto--> tcp | udp | sctp | icmp | igmp | ip (IPIP) | gre --type--> ...
 *                             \--> ip6 --nexthdr--> ip6hbh | ip6rt | ip6dst | ip6frag | ah --nexthdr--> ...
 *                             \--> arp                          udp --dport 4789--> vxlan --> eth
 *                             \--> mpls --s--> mpls | ip | ip6  udp --dport 6081--> geneve --type--> ...
 *
 * Protocols and fields are data: `protocols` below. Names follow tcpdump's and the RFCs' habits, and the kernel's
 * structures where those are shorter (`ip.ttl`, `ip6.nexthdr`). A later header of a kind that was already there is
 * numbered: `ip`, `ip2`; `eth`, `eth2`.
 */

import { etherTypes, genevePort, ipProtocols, isVlanType, vxlanPort } from './protocol.js';

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
  /**
   * The bit of the header's first two bytes without which the field is not there (GRE): then those behind it come
   * earlier. `offset` is where the field lies if all are there.
   */
  readonly presence?: number;
}

/** Prefixes of field names, in the words of tcpdump and nftables where these have one. */
export type ProtocolName =
  | 'eth'
  | 'vlan'
  | 'mpls'
  | 'arp'
  | 'ip'
  | 'ip6'
  | 'ip6hbh'
  | 'ip6rt'
  | 'ip6dst'
  | 'ip6frag'
  | 'ah'
  | 'esp'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmp'
  | 'icmp6'
  | 'igmp'
  | 'gre'
  | 'vxlan'
  | 'geneve';

/** Offsets and widths are bytes from the header's start; a mask cuts a field out of its bytes. */
const field = (name: string, offset: number, width: number, format: FieldFormat, mask?: number): Field => ({
  name,
  offset,
  width,
  format,
  ...(mask === undefined ? {} : { mask }),
});

const flag = (name: string, mask: number): Field => field(name, 13, 1, 'dec', mask);

const optional = (name: string, offset: number, format: FieldFormat, presence: number): Field => ({
  ...field(name, offset, 4, format),
  presence,
});

/** How IPv6's extension headers begin. */
const extension: readonly Field[] = [field('nexthdr', 0, 1, 'dec'), field('hdrlen', 1, 1, 'dec')];

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
  mpls: [
    field('label', 0, 4, 'dec', 0xfffff000),
    field('tc', 0, 4, 'dec', 0xe00),
    field('s', 0, 4, 'dec', 0x100),
    field('ttl', 3, 1, 'dec'),
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
  ip6hbh: extension,
  ip6rt: [...extension, field('type', 2, 1, 'dec'), field('segleft', 3, 1, 'dec')],
  ip6dst: extension,
  ip6frag: [
    field('nexthdr', 0, 1, 'dec'),
    field('frag', 2, 2, 'hex'),
    field('fragoff', 2, 2, 'dec', 0xfff8),
    field('mf', 2, 2, 'dec', 0x0001),
    field('id', 4, 4, 'hex'),
  ],
  ah: [field('nexthdr', 0, 1, 'dec'), field('len', 1, 1, 'dec'), field('spi', 4, 4, 'hex'), field('seq', 8, 4, 'dec')],
  esp: [field('spi', 0, 4, 'hex'), field('seq', 4, 4, 'dec')],
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
  sctp: [
    field('sport', 0, 2, 'dec'),
    field('dport', 2, 2, 'dec'),
    field('vtag', 4, 4, 'hex'),
    field('check', 8, 4, 'hex'),
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
  igmp: [
    field('type', 0, 1, 'hex'),
    field('code', 1, 1, 'dec'),
    field('check', 2, 2, 'hex'),
    field('group', 4, 4, 'ipv4'),
  ],
  gre: [
    field('flags', 0, 2, 'hex'),
    field('type', 2, 2, 'hex'),
    optional('check', 4, 'hex', 0x8000),
    optional('key', 8, 'dec', 0x2000),
    optional('seq', 12, 'dec', 0x1000),
  ],
  vxlan: [field('flags', 0, 1, 'hex'), field('vni', 4, 3, 'dec')],
  geneve: [
    field('optlen', 0, 1, 'dec', 0x3f),
    field('flags', 1, 1, 'hex'),
    field('type', 2, 2, 'hex'),
    field('vni', 4, 3, 'dec'),
  ],
};

/** Bytes of a header without options. */
export const headerSize: Readonly<Record<ProtocolName, number>> = {
  eth: 14,
  vlan: 4,
  mpls: 4,
  arp: 28,
  ip: 20,
  ip6: 40,
  ip6hbh: 8,
  ip6rt: 8,
  ip6dst: 8,
  ip6frag: 8,
  ah: 12,
  esp: 8,
  tcp: 20,
  udp: 8,
  sctp: 12,
  icmp: 8,
  icmp6: 8,
  igmp: 8,
  gre: 4,
  vxlan: 8,
  geneve: 8,
};

/** How a header says its own length: `(field + bias) * unit` bytes. */
export interface HeaderLength {
  readonly field: string;
  readonly unit: number;
  readonly bias: number;
  /** Where its options begin. */
  readonly options: number;
}

/** Headers that may have options, or whatever makes them longer. */
export const headerLengths: Readonly<Partial<Record<ProtocolName, HeaderLength>>> = {
  ip: { field: 'ihl', unit: 4, bias: 0, options: 20 },
  tcp: { field: 'doff', unit: 4, bias: 0, options: 20 },
  ip6hbh: { field: 'hdrlen', unit: 8, bias: 1, options: 2 },
  ip6rt: { field: 'hdrlen', unit: 8, bias: 1, options: 4 },
  ip6dst: { field: 'hdrlen', unit: 8, bias: 1, options: 2 },
  // RFC 4302: in words, less two.
  ah: { field: 'len', unit: 4, bias: 2, options: 12 },
  geneve: { field: 'optlen', unit: 4, bias: 2, options: 8 },
};

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
  /** With its options, in bytes; without them where their length is not known, or wrong. */
  readonly length: number;
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
    const length: number = lengthOf(protocol, offset, context) ?? headerSize[protocol];
    headers.push({ protocol, label, offset, length: Math.max(length, headerSize[protocol]), assumes });
    if (length < headerSize[protocol]) break;
    protocol = following(protocol, offset, length, context);
    if (protocol !== undefined) assumes = [...assumes, ...assumedOf(headers.at(-1) as PlacedHeader, context)];
    offset += length;
  }
  return headers;
}

/** What a header says of its length, in bytes; undefined where the bytes that say so are not known. */
function lengthOf(protocol: ProtocolName, offset: number, context: FieldContext): number | undefined {
  if (protocol === 'gre') {
    // Checksum, key and sequence number are there when their bit is: four bytes each.
    return fieldsAt(protocol, offset, context).reduce((end, one) => Math.max(end, one.offset + one.width), 4);
  }
  const own = headerLengths[protocol];
  const found = protocols[protocol].find(({ name }) => name === own?.field);
  if (own === undefined || found === undefined) return headerSize[protocol];
  const { mask = 0xff } = found;
  const bits = context.value(offset + found.offset, 1, mask);
  return bits === undefined ? undefined : (bits / (mask & -mask) + own.bias) * own.unit;
}

/** What has to be so for the next header to lie where the header's usual length has it. */
function assumedOf({ protocol, label, offset }: PlacedHeader, context: FieldContext): string[] {
  if (protocol === 'gre') return context.value(offset, 2, 0xb000) === undefined ? [`${label}.flags == 0`] : [];
  const own = headerLengths[protocol];
  if (own === undefined || lengthOf(protocol, offset, context) !== undefined) return [];
  return [`${label}.${own.field} == ${headerSize[protocol] / own.unit - own.bias}`];
}

/** The fields of a header at its place: those that are there only with their bit lie where they lie in this one. */
export function fieldsAt(protocol: ProtocolName, offset: number, context: FieldContext): readonly Field[] {
  const all = protocols[protocol];
  const bits = all.reduce((sum, { presence = 0 }) => sum | presence, 0);
  if (bits === 0) return all;
  const present = context.value(offset, 2, bits) ?? 0;
  let end = headerSize[protocol];
  return all.flatMap((one): Field[] => {
    if (one.presence === undefined) return [one];
    if ((present & one.presence) === 0) return [];
    end += one.width;
    return [{ ...one, offset: end - one.width }];
  });
}

/** Which header comes behind this one, as far as the context knows the bytes that say so. */
function following(
  protocol: ProtocolName,
  offset: number,
  length: number,
  context: FieldContext,
): ProtocolName | undefined {
  const at = (from: number, width: number, mask: number): number | undefined =>
    context.value(offset + from, width, mask);
  switch (protocol) {
    case 'eth':
      return byEtherType(at(12, 2, 0xffff));
    case 'vlan':
    case 'gre':
    case 'geneve':
      return byEtherType(at(2, 2, 0xffff));
    case 'mpls': {
      const bottom = at(2, 1, 0x01);
      if (bottom !== 1) return bottom === 0 ? 'mpls' : undefined;
      // Nothing in the label says what it carries: IP is told by its version (RFC 4928).
      const version = at(length, 1, 0xf0);
      return version === 0x40 ? 'ip' : version === 0x60 ? 'ip6' : undefined;
    }
    case 'ip':
      // Only a first fragment has the next header, and extension headers are IPv6's.
      return at(6, 2, 0x1fff) ? undefined : withoutExtensions(byIpProtocol(at(9, 1, 0xff)));
    case 'ip6':
      return byIpProtocol(at(6, 1, 0xff));
    case 'ip6frag':
      return at(2, 2, 0xfff8) ? undefined : byIpProtocol(at(0, 1, 0xff));
    case 'ip6hbh':
    case 'ip6rt':
    case 'ip6dst':
    case 'ah':
      return byIpProtocol(at(0, 1, 0xff));
    case 'udp': {
      const port = at(2, 2, 0xffff);
      return port === vxlanPort ? 'vxlan' : port === genevePort ? 'geneve' : undefined;
    }
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
    [etherTypes.mplsUnicast]: 'mpls',
    [etherTypes.mplsMulticast]: 'mpls',
    [etherTypes.transparentEthernet]: 'eth',
  };
  return next[type];
}

function withoutExtensions(protocol: ProtocolName | undefined): ProtocolName | undefined {
  return protocol !== 'ip6' && protocol?.startsWith('ip6') ? undefined : protocol;
}

/** What IPv4's protocol and IPv6's next header lead to. */
const byProtocolNumber: Readonly<Record<number, ProtocolName>> = {
  [ipProtocols.hopByHop]: 'ip6hbh',
  [ipProtocols.icmp]: 'icmp',
  [ipProtocols.igmp]: 'igmp',
  [ipProtocols.ipip]: 'ip',
  [ipProtocols.tcp]: 'tcp',
  [ipProtocols.udp]: 'udp',
  [ipProtocols.ipv6]: 'ip6',
  [ipProtocols.routing]: 'ip6rt',
  [ipProtocols.fragment]: 'ip6frag',
  [ipProtocols.gre]: 'gre',
  [ipProtocols.esp]: 'esp',
  [ipProtocols.ah]: 'ah',
  [ipProtocols.icmpv6]: 'icmp6',
  [ipProtocols.destination]: 'ip6dst',
  [ipProtocols.sctp]: 'sctp',
};

/** The number by which the header before tells that this one follows: an Ethernet type, or a protocol of IP. */
export const protocolNumbers: Readonly<Partial<Record<ProtocolName, number>>> = Object.fromEntries(
  Object.entries(byProtocolNumber).map(([number, name]) => [name, Number(number)]),
);

function byIpProtocol(protocol: number | undefined): ProtocolName | undefined {
  if (protocol === undefined) return undefined;
  return byProtocolNumber[protocol];
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
  const fields = fieldsAt(header.protocol, header.offset, context);
  const every = width <= 6 ? 2 ** (8 * width) - 1 : undefined;
  if (mask !== undefined && mask !== every) {
    // A flag in the first of a field's two bytes is that flag, however many bytes were read.
    for (const found of fields) {
      const behind = found.offset + found.width - start - width;
      if (found.mask !== undefined && found.mask === mask * 256 ** behind)
        return named(found, found.name, trailingZeros(found.mask));
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

/** The protocol of a numbered header: `ip2` is one of `ip`. */
export function protocolOf(label: string): ProtocolName | undefined {
  const name = label in protocols ? label : label.replace(/\d+$/, '');
  return name in protocols ? (name as ProtocolName) : undefined;
}

/**
 * Where a field such as `tcp.dport` or `ip2.src` lies in frames that fit the context; `undefined` if it is not there.
 */
export function locateField(name: string, context: FieldContext): (Field & { readonly start: number }) | undefined {
  const [label, fieldName] = name.split('.');
  const header = headersIn(context).find((h) => h.label === label);
  const found = header && fieldsAt(header.protocol, header.offset, context).find((f) => f.name === fieldName);
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
