/**
 * Packets as people write them down: `eth/ip(src=10.0.0.1)/udp(dport=53)/"query"`. Layers and fields are those of
 * fields.ts, which path conditions use too; Scapy's names are understood beside them. What a layer does not say has a
 * default, lengths, checksums and the numbers of the next layer are worked out, and whatever is said stands, right or
 * wrong.
 *
 *     packet = layer { "/" layer }        "/" within quotes or brackets is none
 *     layer  = name [ "(" field "=" value { "," field "=" value } ")" ]  |  text  |  bytes
 *     text   = "..." [ "*" times ]        \n \t \0 \xNN as in C
 *     bytes  = hex:00 11 aa  |  0x0011aa  |  zeros(100)
 */
import { encodeUtf8, InputError } from '../base/index.js';
import { nearest } from '../text/index.js';
import { parseIp, parseMac } from './address.js';
import { crc32c, internetChecksum, storedChecksum, transportChecksum } from './checksum.js';
import {
  type Field,
  fieldsAt,
  headerLengths,
  headerSize,
  type ProtocolName,
  packetContext,
  protocolNumbers,
  protocols,
} from './fields.js';
import { etherTypes, genevePort, ipProtocols, vxlanPort } from './protocol.js';

/** A layer by another name, and what that name says of its fields. */
interface LayerAlias {
  readonly protocol: ProtocolName;
  readonly fields?: Readonly<Record<string, string>>;
  /** What the layer before says that this one is, if not what the protocol says. */
  readonly type?: number;
}

/** Scapy's names of layers, in lower case. */
const layerAliases: Readonly<Record<string, LayerAlias>> = {
  ether: { protocol: 'eth' },
  dot1q: { protocol: 'vlan' },
  dot1ad: { protocol: 'vlan', type: etherTypes.qinq },
  qinq: { protocol: 'vlan', type: etherTypes.qinq },
  ipv4: { protocol: 'ip' },
  ipv6: { protocol: 'ip6' },
  ipv6exthdrhopbyhop: { protocol: 'ip6hbh' },
  ipv6exthdrrouting: { protocol: 'ip6rt' },
  ipv6exthdrdestopt: { protocol: 'ip6dst' },
  ipv6exthdrfragment: { protocol: 'ip6frag' },
  icmpv6: { protocol: 'icmp6' },
  icmpv6echorequest: { protocol: 'icmp6', fields: { type: '128' } },
  icmpv6echoreply: { protocol: 'icmp6', fields: { type: '129' } },
  icmpv6nd_rs: { protocol: 'icmp6', fields: { type: '133' } },
  icmpv6nd_ra: { protocol: 'icmp6', fields: { type: '134' } },
  icmpv6nd_ns: { protocol: 'icmp6', fields: { type: '135', target: '::' } },
  icmpv6nd_na: { protocol: 'icmp6', fields: { type: '136', target: '::' } },
};

/** Scapy's names of fields. */
const fieldAliases: Readonly<Partial<Record<ProtocolName, Readonly<Record<string, string>>>>> = {
  vlan: { vlan: 'id', prio: 'pcp' },
  mpls: { cos: 'tc' },
  arp: { hwsrc: 'sha', hwdst: 'tha', psrc: 'spa', pdst: 'tpa' },
  ip: { chksum: 'check', protocol: 'proto' },
  ip6: { nh: 'nexthdr', fl: 'flowlabel', hoplimit: 'hlim' },
  ip6hbh: { nh: 'nexthdr', len: 'hdrlen' },
  ip6rt: { nh: 'nexthdr', len: 'hdrlen' },
  ip6dst: { nh: 'nexthdr', len: 'hdrlen' },
  ip6frag: { nh: 'nexthdr', m: 'mf' },
  ah: { nh: 'nexthdr', payloadlen: 'len' },
  tcp: { chksum: 'check', window: 'win', urgptr: 'urp', dataofs: 'doff' },
  udp: { chksum: 'check' },
  sctp: { tag: 'vtag', chksum: 'check' },
  icmp: { chksum: 'check' },
  icmp6: { cksum: 'check', tgt: 'target' },
  igmp: { chksum: 'check', gaddr: 'group' },
  gre: { proto: 'type', chksum: 'check', seqence_number: 'seq', sequence_number: 'seq' },
  geneve: { proto: 'type' },
};

/** What a field is that nobody mentions; all others are 0. */
const defaults: Readonly<Partial<Record<ProtocolName, Readonly<Record<string, string>>>>> = {
  eth: { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' },
  arp: {
    hrd: '1',
    pro: '0x0800',
    hln: '6',
    pln: '4',
    op: '1',
    sha: '02:00:00:00:00:01',
    spa: '10.0.0.1',
    tpa: '10.0.0.2',
  },
  mpls: { ttl: '64' },
  ip: { version: '4', ttl: '64', src: '10.0.0.1', dst: '10.0.0.2' },
  ip6: { version: '6', hlim: '64', src: 'fd00::1', dst: 'fd00::2' },
  tcp: { sport: '40000', dport: '80', flags: '2', win: '64240' },
  udp: { sport: '40000', dport: '53' },
  sctp: { sport: '40000', dport: '80' },
  icmp: { type: '8' },
  icmp6: { type: '128' },
  igmp: { type: '0x11' },
  vxlan: { flags: '8' },
};

/** Letters of TCP flags, lowest bit first, as Scapy and tcpdump have them. */
const flagLetters = 'FSRPAUEC';

/** Longest packet that is made. */
const maxBytes = 1 << 18;

interface Layer {
  readonly protocol: ProtocolName | undefined;
  /** What its name says that the layer before has as its type. */
  readonly type?: number | undefined;
  readonly fields: ReadonlyMap<string, string>;
  /** The header with its options, or the bytes of a payload. */
  readonly bytes: Uint8Array;
}

/** The packet's bytes. Throws InputError that names the layer or field at fault and the nearest one. */
export function buildPacket(text: string): Uint8Array {
  const layers = splitAt(text, '/').map((part) => readLayer(part.trim(), text));
  const size = layers.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (size > maxBytes) throw new InputError(`a packet of ${size} bytes`, {}, `${maxBytes} is the most`);
  const packet = new Uint8Array(size);
  const starts: number[] = [];
  let at = 0;
  for (const { bytes } of layers) {
    starts.push(at);
    packet.set(bytes, at);
    at += bytes.length;
  }
  // Innermost first: outer checksums cover inner ones.
  for (let i = layers.length - 1; i >= 0; i--) complete(packet, layers, starts, i);
  return packet;
}

/** Splits at a character outside of quotes and brackets. */
function splitAt(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let isQuoted = false;
  let part = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (isQuoted && c === '\\') {
      part += c + (text[++i] ?? '');
      continue;
    }
    if (c === '"') isQuoted = !isQuoted;
    if (!isQuoted && c === '(') depth++;
    if (!isQuoted && c === ')') depth--;
    if (c === separator && !isQuoted && depth === 0) {
      parts.push(part);
      part = '';
    } else part += c;
  }
  if (isQuoted) throw new InputError(`\`${text}\`: a quotation mark is missing`);
  if (depth !== 0) throw new InputError(`\`${text}\`: a bracket is missing`);
  return [...parts, part];
}

function readLayer(part: string, whole: string): Layer {
  const payload = readPayload(part);
  if (payload !== undefined) return { protocol: undefined, fields: new Map(), bytes: payload };
  const match = /^([A-Za-z]\w*)\s*(?:\(([\s\S]*)\))?$/.exec(part);
  if (match === null) {
    const what = part === '' ? 'an empty layer' : `\`${part}\` is no layer`;
    throw new InputError(`${what} in \`${whole}\``, {}, 'for example eth/ip(src=10.0.0.1)/udp(dport=53)/"query"');
  }
  const name = (match[1] ?? '').toLowerCase();
  if (name === 'zeros') throw new InputError(`\`${part}\` says no number of bytes`, {}, 'for example zeros(46)');
  const alias: LayerAlias | undefined =
    name in protocols
      ? { protocol: name as ProtocolName }
      : Object.entries(layerAliases).find(([n]) => n === name)?.[1];
  if (alias === undefined) {
    const names = [...Object.keys(protocols), ...Object.keys(layerAliases)];
    const near = nearest(name, names);
    throw new InputError(
      `there is no layer \`${match[1]}\``,
      {},
      near === undefined ? `layers are ${Object.keys(protocols).join(', ')}` : `did you mean \`${near}\`?`,
    );
  }
  const { protocol, type } = alias;
  const fields = new Map([...Object.entries(alias.fields ?? {}), ...readFields(protocol, match[2] ?? '')]);
  return { protocol, type, fields, bytes: encodeLayer(protocol, fields) };
}

function readPayload(part: string): Uint8Array | undefined {
  const text = /^"((?:[^"\\]|\\.)*)"(?:\s*\*\s*(\d+))?$/.exec(part);
  if (text !== null) return repeated(textBytes(text[1] ?? ''), Number(text[2] ?? 1));
  const hex = /^(?:hex:|0x)([0-9a-fA-F\s:]*)$/.exec(part);
  if (hex !== null) return parseHexBytes(hex[1] ?? '');
  const zeros = /^zeros\((\d+)\)$/.exec(part);
  return zeros === null ? undefined : repeated(Uint8Array.of(0), Number(zeros[1]));
}

function repeated(bytes: Uint8Array, times: number): Uint8Array {
  if (bytes.length * times > maxBytes)
    throw new InputError(`a payload of ${bytes.length * times} bytes`, {}, `${maxBytes} is the most`);
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}

/** Bytes of a text with C's escapes. */
function textBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const [piece] of text.matchAll(/\\x[0-9a-fA-F]{2}|\\[\s\S]|[^\\]+/g)) {
    if (piece.startsWith('\\x') && piece.length === 4) bytes.push(Number.parseInt(piece.slice(2), 16));
    else if (piece.startsWith('\\')) {
      const plain = { n: '\n', r: '\r', t: '\t', '0': '\0' }[piece.slice(1)] ?? piece.slice(1);
      bytes.push(...encodeUtf8(plain));
    } else bytes.push(...encodeUtf8(piece));
  }
  return Uint8Array.from(bytes);
}

/** `00 11 aa`, `00:11:aa` or `0011aa`. Throws InputError. */
export function parseHexBytes(text: string): Uint8Array {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]/g, '');
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits))
    throw new InputError(`\`${text.slice(0, 60)}\` is not hex bytes`, {}, 'two digits a byte, such as 00 11 aa');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function readFields(protocol: ProtocolName, text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of splitAt(text, ',')) {
    if (part.trim() === '') continue;
    const [, given = '', value = ''] = /^\s*([A-Za-z_][\w]*)\s*=\s*([\s\S]*?)\s*$/.exec(part) ?? [];
    if (given === '') throw new InputError(`\`${part.trim()}\` in \`${protocol}(${text})\` is no FIELD=VALUE`);
    const named = fieldNamed(protocol, given, value);
    if (fields.has(named)) throw new InputError(`\`${protocol}\` has \`${named}\` twice`);
    fields.set(named, value);
  }
  return fields;
}

/** A field's own name. TCP's `ack` is a flag here and the acknowledged number in Scapy: the value tells. */
function fieldNamed(protocol: ProtocolName, given: string, value: string): string {
  if (protocol === 'tcp' && given === 'ack' && !/^[01]$/.test(value)) return 'ack_seq';
  const name = fieldAliases[protocol]?.[given] ?? given;
  const names = protocols[protocol].map((field) => field.name);
  if (names.includes(name) || (headerLengths[protocol] !== undefined && name === 'options')) return name;
  const near = nearest(given, [...names, ...Object.keys(fieldAliases[protocol] ?? {})]);
  throw new InputError(
    `\`${protocol}\` has no field \`${given}\``,
    {},
    near === undefined ? `fields are ${names.join(', ')}` : `did you mean \`${near}\`?`,
  );
}

function encodeLayer(protocol: ProtocolName, fields: ReadonlyMap<string, string>): Uint8Array {
  const header = emptyHeader(protocol, fields);
  const own = headerLengths[protocol];
  const sized = own === undefined ? {} : { [own.field]: String(header.length / own.unit - own.bias) };
  const flags = optionalFlags(protocol, fields);
  const wanted = new Map(Object.entries({ ...defaults[protocol], ...sized, ...flags }));
  // What covers a whole field of which a default is a part stands.
  for (const [name, value] of fields) wanted.set(name, value);
  for (const field of protocols[protocol]) {
    const value = wanted.get(field.name);
    if (value === undefined || field.presence !== undefined) continue;
    const hidden =
      !fields.has(field.name) &&
      protocols[protocol].some((f) => f.mask === undefined && f.offset === field.offset && fields.has(f.name));
    if (!hidden) writeField(header, 0, protocol, field, value);
  }
  for (const field of fieldsAt(protocol, 0, packetContext(header))) {
    const value = fields.get(field.name);
    if (value !== undefined && field.presence !== undefined) writeField(header, 0, protocol, field, value);
  }
  return header;
}

/** Room for the header, the fields that are said and its options, which stand where they belong. */
function emptyHeader(protocol: ProtocolName, fields: ReadonlyMap<string, string>): Uint8Array {
  const text = fields.get('options')?.replace(/^"|"$/g, '');
  const options = text === undefined ? new Uint8Array(0) : parseHexBytes(text);
  const { unit = 1, options: at = 0 } = headerLengths[protocol] ?? {};
  const said = protocols[protocol].filter(({ name, presence }) => fields.has(name) && presence === undefined);
  const ends = said.map(({ offset, width }) => offset + width);
  const flags = Number(fields.get('flags') ?? 0);
  const optional = protocols[protocol].filter(
    ({ name, presence = 0 }) => presence !== 0 && (fields.has(name) || (flags & presence) !== 0),
  );
  const least = headerSize[protocol] + optional.reduce((sum, { width }) => sum + width, 0);
  const header = new Uint8Array(Math.ceil(Math.max(least, at + options.length, ...ends) / unit) * unit);
  header.set(options, at);
  return header;
}

/** The bits that say which optional fields are there, unless the flags are said. */
function optionalFlags(protocol: ProtocolName, fields: ReadonlyMap<string, string>): Record<string, string> {
  const bits = protocols[protocol].reduce((sum, one) => sum | (fields.has(one.name) ? (one.presence ?? 0) : 0), 0);
  return bits === 0 ? {} : { flags: String(bits) };
}

/** Writes a value, as text, into a field of the header at `at`. Throws InputError. */
export function writeField(bytes: Uint8Array, at: number, label: string, field: Field, text: string): void {
  const where = at + field.offset;
  if (where + field.width > bytes.length) return;
  if (field.width > 4) bytes.set(addressBytes(label, field, text), where);
  else {
    const mask = field.mask ?? 2 ** (8 * field.width) - 1;
    const shift = 31 - Math.clz32(mask & -mask);
    const value = fieldNumber(label, field, text);
    let old = 0;
    for (let i = 0; i < field.width; i++) old = old * 256 + (bytes[where + i] ?? 0);
    const next = ((old & ~mask) | ((value << shift) & mask)) >>> 0;
    for (let i = 0; i < field.width; i++) bytes[where + i] = next >>> (8 * (field.width - 1 - i));
  }
}

/** The bytes that a text stands for in a field of more than four. Throws InputError. */
export function addressBytes(label: string, field: Field, text: string): Uint8Array {
  const bytes = field.format === 'mac' ? parseMac(text) : field.format === 'ipv6' ? parseIp(text) : parseHexBytes(text);
  if (bytes.length !== field.width)
    throw new InputError(`\`${label}.${field.name}\` has ${field.width} bytes, not ${bytes.length}`);
  return bytes;
}

/** The number that a text stands for in a field of up to four bytes. Throws InputError. */
export function fieldNumber(label: string, field: Field, text: string): number {
  const name = `${label}.${field.name}`;
  if (field.format === 'ipv4' && /\./.test(text)) {
    const bytes = parseIp(text);
    return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  }
  const letters = /^[FSRPAUEC]+$/i.test(text) && name.endsWith('tcp.flags');
  if (letters) return [...text.toUpperCase()].reduce((sum, c) => sum | (1 << flagLetters.indexOf(c)), 0);
  const named = { true: 1, false: 0 }[text];
  const value = named ?? (/^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? Number(text) : Number.NaN);
  if (Number.isNaN(value)) throw notNumber(name, field, text);
  const mask = field.mask ?? 2 ** (8 * field.width) - 1;
  const most = mask / 2 ** (31 - Math.clz32(mask & -mask));
  if (value > most) throw new InputError(`\`${name}\`: ${text} does not fit`, {}, `it takes 0 to ${most}`);
  return value;
}

function notNumber(name: string, { format }: Field, text: string): InputError {
  if (format === 'ipv4')
    return new InputError(`\`${name}\` is an IPv4 address: \`${text}\` is none`, {}, 'for example 10.0.0.1');
  if (name.endsWith('tcp.flags'))
    return new InputError(`\`${name}\`: \`${text}\` are no flags`, {}, `a number, or letters of ${flagLetters}: SA`);
  return new InputError(`\`${name}\` is a number: \`${text}\` is none`);
}

/** Fields that follow from the layers behind and before, unless the layer says what they are. */
function complete(packet: Uint8Array, layers: readonly Layer[], starts: readonly number[], index: number): void {
  const { protocol, fields, bytes } = layers[index] as Layer;
  if (protocol === undefined) return;
  const at = starts[index] ?? 0;
  const put = (name: string, value: number): void => {
    const field = protocols[protocol].find((one) => one.name === name);
    if (field !== undefined && !fields.has(name)) writeField(packet, at, protocol, field, String(value));
  };
  const follower = layers[index + 1];
  const next = follower?.protocol;
  const rest = packet.length - at;
  const names = protocols[protocol].map(({ name }) => name);
  if (names.includes('type') && !names.includes('code') && protocol !== 'ip6rt') {
    const type = follower?.type ?? etherTypeOf(next);
    if (type !== undefined) put('type', type);
  }
  const number = next && protocolNumbers[next];
  if (number !== undefined) put(protocol === 'ip' ? 'proto' : 'nexthdr', number);
  else if (names.includes('nexthdr')) put('nexthdr', ipProtocols.none);
  if (protocol === 'mpls') put('s', next === 'mpls' ? 0 : 1);
  if (protocol === 'udp' && next === 'vxlan') put('dport', vxlanPort);
  if (protocol === 'udp' && next === 'geneve') put('dport', genevePort);
  if (protocol === 'ip') {
    put('len', rest);
    if (!fields.has('check')) put('check', internetChecksum(packet, at, at + bytes.length));
  }
  if (protocol === 'ip6') put('plen', rest - bytes.length);
  if (protocol === 'udp') put('len', rest);
  if (protocol === 'icmp' || protocol === 'igmp') put('check', internetChecksum(packet, at));
  if (protocol === 'sctp') put('check', littleEndian(crc32c(packet, at)));
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp6') {
    const before = layers.slice(0, index).findLastIndex((layer) => layer.protocol === 'ip' || layer.protocol === 'ip6');
    if (before < 0) return;
    const own = protocolNumbers[protocol] ?? 0;
    put('check', storedChecksum(own, transportChecksum(packet, starts[before] ?? 0, at, rest, own)));
  }
}

function etherTypeOf(next: ProtocolName | undefined): number | undefined {
  const types: Readonly<Partial<Record<ProtocolName, number>>> = {
    ip: etherTypes.ipv4,
    ip6: etherTypes.ipv6,
    arp: etherTypes.arp,
    vlan: etherTypes.vlan,
    mpls: etherTypes.mplsUnicast,
    eth: etherTypes.transparentEthernet,
  };
  return next === undefined ? undefined : types[next];
}

/** SCTP stores its checksum with the lowest byte first (RFC 9260, appendix A). */
function littleEndian(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
