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
import { internetChecksum, storedChecksum, transportChecksum } from './checksum.js';
import { type Field, headerSize, type ProtocolName, protocols } from './fields.js';
import { etherTypes, ipProtocols, vxlanPort } from './protocol.js';

/** Scapy's names of layers, in lower case. */
const layerAliases: Readonly<Record<string, ProtocolName>> = {
  ether: 'eth',
  dot1q: 'vlan',
  ipv4: 'ip',
  ipv6: 'ip6',
  icmpv6: 'icmp6',
};

/** Scapy's names of fields. */
const fieldAliases: Readonly<Partial<Record<ProtocolName, Readonly<Record<string, string>>>>> = {
  vlan: { vlan: 'id', prio: 'pcp' },
  arp: { hwsrc: 'sha', hwdst: 'tha', psrc: 'spa', pdst: 'tpa' },
  ip: { chksum: 'check', protocol: 'proto' },
  ip6: { nh: 'nexthdr', fl: 'flowlabel', hoplimit: 'hlim' },
  tcp: { chksum: 'check', window: 'win', urgptr: 'urp', dataofs: 'doff' },
  udp: { chksum: 'check' },
  icmp: { chksum: 'check' },
  icmp6: { cksum: 'check' },
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
  ip: { version: '4', ihl: '5', ttl: '64', src: '10.0.0.1', dst: '10.0.0.2' },
  ip6: { version: '6', hlim: '64', src: 'fd00::1', dst: 'fd00::2' },
  tcp: { sport: '40000', dport: '80', doff: '5', flags: '2', win: '64240' },
  udp: { sport: '40000', dport: '53' },
  icmp: { type: '8' },
  icmp6: { type: '128' },
  vxlan: { flags: '8' },
};

/** Letters of TCP flags, lowest bit first, as Scapy and tcpdump have them. */
const flagLetters = 'FSRPAUEC';

/** Longest packet that is made. */
const maxBytes = 1 << 18;

interface Layer {
  readonly protocol: ProtocolName | undefined;
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
  const match = /^([A-Za-z][A-Za-z0-9]*)\s*(?:\(([\s\S]*)\))?$/.exec(part);
  if (match === null) {
    const what = part === '' ? 'an empty layer' : `\`${part}\` is no layer`;
    throw new InputError(`${what} in \`${whole}\``, {}, 'for example eth/ip(src=10.0.0.1)/udp(dport=53)/"query"');
  }
  const name = (match[1] ?? '').toLowerCase();
  const protocol = layerAliases[name] ?? (name in protocols ? (name as ProtocolName) : undefined);
  if (protocol === undefined) {
    const names = [...Object.keys(protocols), ...Object.keys(layerAliases)];
    const near = nearest(name, names);
    throw new InputError(
      `there is no layer \`${match[1]}\``,
      {},
      near === undefined ? `layers are ${Object.keys(protocols).join(', ')}` : `did you mean \`${near}\`?`,
    );
  }
  const fields = readFields(protocol, match[2] ?? '');
  return { protocol, fields, bytes: encodeLayer(protocol, fields) };
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
    fields.set(fieldNamed(protocol, given, value), value);
  }
  return fields;
}

/** A field's own name. TCP's `ack` is a flag here and the acknowledged number in Scapy: the value tells. */
function fieldNamed(protocol: ProtocolName, given: string, value: string): string {
  if (protocol === 'tcp' && given === 'ack' && !/^[01]$/.test(value)) return 'ack_seq';
  const name = fieldAliases[protocol]?.[given] ?? given;
  const names = protocols[protocol].map((field) => field.name);
  if (names.includes(name) || ((protocol === 'ip' || protocol === 'tcp') && name === 'options')) return name;
  const near = nearest(given, [...names, ...Object.keys(fieldAliases[protocol] ?? {})]);
  throw new InputError(
    `\`${protocol}\` has no field \`${given}\``,
    {},
    near === undefined ? `fields are ${names.join(', ')}` : `did you mean \`${near}\`?`,
  );
}

function encodeLayer(protocol: ProtocolName, fields: ReadonlyMap<string, string>): Uint8Array {
  const options = fields.get('options');
  const optionBytes = options === undefined ? new Uint8Array(0) : parseHexBytes(options.replace(/^"|"$/g, ''));
  const header = new Uint8Array(headerSize[protocol] + Math.ceil(optionBytes.length / 4) * 4);
  header.set(optionBytes, headerSize[protocol]);
  const words = String(header.length / 4);
  const sized = options === undefined ? {} : protocol === 'ip' ? { ihl: words } : { doff: words };
  const wanted = new Map(Object.entries({ ...defaults[protocol], ...sized }));
  // What covers a whole field of which a default is a part stands.
  for (const [name, value] of fields) wanted.set(name, value);
  for (const field of protocols[protocol]) {
    const value = wanted.get(field.name);
    if (value === undefined) continue;
    const hidden =
      !fields.has(field.name) &&
      protocols[protocol].some((f) => f.mask === undefined && f.offset === field.offset && fields.has(f.name));
    if (!hidden) writeField(header, 0, protocol, field, value);
  }
  return header;
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

function addressBytes(label: string, field: Field, text: string): Uint8Array {
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
  if (Number.isNaN(value)) throw new InputError(`\`${name}\` is a number: \`${text}\` is none`);
  const mask = field.mask ?? 2 ** (8 * field.width) - 1;
  const most = mask / 2 ** (31 - Math.clz32(mask & -mask));
  if (value > most) throw new InputError(`\`${name}\`: ${text} does not fit`, {}, `it takes 0 to ${most}`);
  return value;
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
  const next = layers[index + 1]?.protocol;
  const rest = packet.length - at;
  if (protocol === 'eth' || protocol === 'vlan' || protocol === 'gre') {
    const type = etherTypeOf(next);
    if (type !== undefined) put('type', type);
  }
  if (protocol === 'ip' || protocol === 'ip6' || protocol === 'ip6frag') {
    const number = protocolNumberOf(next);
    if (number !== undefined) put(protocol === 'ip' ? 'proto' : 'nexthdr', number);
  }
  if (protocol === 'udp' && next === 'vxlan') put('dport', vxlanPort);
  if (protocol === 'ip') {
    put('len', rest);
    if (!fields.has('check')) put('check', internetChecksum(packet, at, at + bytes.length));
  }
  if (protocol === 'ip6') put('plen', rest - bytes.length);
  if (protocol === 'udp') put('len', rest);
  if (protocol === 'icmp') put('check', internetChecksum(packet, at));
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp6') {
    const before = layers.slice(0, index).findLastIndex((layer) => layer.protocol === 'ip' || layer.protocol === 'ip6');
    if (before < 0) return;
    const number = protocolNumberOf(protocol) ?? 0;
    put('check', storedChecksum(number, transportChecksum(packet, starts[before] ?? 0, at, rest, number)));
  }
}

function etherTypeOf(next: ProtocolName | undefined): number | undefined {
  const types: Readonly<Partial<Record<ProtocolName, number>>> = {
    ip: etherTypes.ipv4,
    ip6: etherTypes.ipv6,
    arp: etherTypes.arp,
    vlan: etherTypes.vlan,
    eth: etherTypes.transparentEthernet,
  };
  return next === undefined ? undefined : types[next];
}

function protocolNumberOf(next: ProtocolName | undefined): number | undefined {
  const numbers: Readonly<Partial<Record<ProtocolName, number>>> = {
    tcp: ipProtocols.tcp,
    udp: ipProtocols.udp,
    icmp: ipProtocols.icmp,
    icmp6: ipProtocols.icmpv6,
    ip: ipProtocols.ipip,
    ip6: ipProtocols.ipv6,
    ip6frag: ipProtocols.fragment,
    gre: ipProtocols.gre,
  };
  return next === undefined ? undefined : numbers[next];
}
