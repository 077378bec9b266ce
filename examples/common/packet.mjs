// SPDX-License-Identifier: MIT
/**
 * Builds frames with valid lengths and checksums, unless told otherwise. A frame is an IP header around a transport:
 *
 *   frame({ src: '10.0.0.1', dst: '192.0.2.1' }, udp({ sport: 5353, dport: 53, data: Buffer.from('?') }))
 *
 * The addresses choose the IP version. A transport is `{ proto, bytes(pseudo) }`; `pseudo` is the sum of the pseudo
 * header, which TCP, UDP and ICMPv6 have in their checksum.
 */

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;

export const ETH_IPV4 = 0x0800;
export const ETH_ARP = 0x0806;
export const ETH_VLAN = 0x8100;
export const ETH_QINQ = 0x88a8;
export const ETH_IPV6 = 0x86dd;

export const HOST_MAC = '02:00:00:00:00:02';
export const GATEWAY_MAC = '02:00:00:00:00:01';

const be16 = (n) => Buffer.from([(n >> 8) & 255, n & 255]);
const be32 = (n) => Buffer.from([(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);

export const isIpv6 = (address) => address.includes(':');

export function macBytes(mac) {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

export function addressBytes(address) {
  if (!isIpv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head, tail] = address.split('::');
  const groups = (part) => (part ? part.split(':').map((g) => Number.parseInt(g, 16)) : []);
  const left = groups(head);
  const right = groups(tail);
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return Buffer.concat([...left, ...Array(zeros).fill(0), ...right].map(be16));
}

/** Address as the examples keep it in maps: 16 bytes, IPv4 in its mapped form. */
export function mappedBytes(address) {
  const bytes = addressBytes(address);
  return bytes.length === 16 ? bytes : Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), bytes]);
}

/** The one's complement sum of the big-endian words of `bytes`, not folded. */
function sumWords(bytes) {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  return sum;
}

function fold(sum) {
  let s = sum;
  while (s > 0xffff) s = (s & 0xffff) + Math.floor(s / 65536);
  return s;
}

const checksum = (bytes, initial = 0) => ~fold(initial + sumWords(bytes)) & 0xffff;

export function tcp({
  sport,
  dport,
  flags,
  seq = 1,
  ack = 0,
  window = 64240,
  options = '',
  data = Buffer.alloc(0),
  doff,
}) {
  const opts = Buffer.from(options, 'hex');
  return {
    proto: () => 6,
    bytes(pseudo) {
      const offset = doff ?? 5 + opts.length / 4;
      const head = [
        be16(sport),
        be16(dport),
        be32(seq),
        be32(flags & ACK ? ack : 0),
        Buffer.from([offset << 4, flags]),
      ];
      const bytes = Buffer.concat([...head, be16(window), be16(0), be16(0), opts, data]);
      bytes.writeUInt16BE(checksum(bytes, pseudo), 16);
      return bytes;
    },
  };
}

/** `checked: false` sends the checksum 0, which in UDP over IPv4 means none. */
export function udp({ sport, dport, data = Buffer.alloc(0), length, checked = true }) {
  return {
    proto: () => 17,
    bytes(pseudo) {
      const bytes = Buffer.concat([be16(sport), be16(dport), be16(length ?? 8 + data.length), be16(0), data]);
      if (checked) bytes.writeUInt16BE(checksum(bytes, pseudo) || 0xffff, 6);
      return bytes;
    },
  };
}

/** ICMP or ICMPv6, by the addresses around it; `rest` is the second word of the header. */
export function icmp({ type, code = 0, rest = 0, data = Buffer.alloc(0) }) {
  return {
    proto: (version) => (version === 4 ? 1 : 58),
    bytes(pseudo, version) {
      const bytes = Buffer.concat([Buffer.from([type, code, 0, 0]), be32(rest), data]);
      bytes.writeUInt16BE(checksum(bytes, version === 6 ? pseudo : 0), 2);
      return bytes;
    },
  };
}

export const echo = (type, id, sequence, data = Buffer.alloc(8, 0x61)) =>
  icmp({ type, rest: ((id << 16) | sequence) >>> 0, data });

/** Any bytes as the payload of protocol `number`. */
export const raw = (number, data = Buffer.alloc(0)) => ({ proto: () => number, bytes: () => data });

function ipv4(ip, transport) {
  const { src, dst, ttl = 64, tos = 0, id = 0, df = false, more = false, offset = 0, options = '' } = ip;
  const opts = Buffer.from(options, 'hex');
  const ends = Buffer.concat([addressBytes(src), addressBytes(dst)]);
  const proto = transport.proto(4);
  const payload = transport.bytes(sumWords(ends) + proto + transport.bytes(0, 4).length, 4);
  const fragment = (df ? 0x4000 : 0) | (more ? 0x2000 : 0) | (offset >> 3);
  const length = ip.length ?? 20 + opts.length + payload.length;
  const ihl = ip.ihl ?? 5 + opts.length / 4;
  const head = Buffer.concat([
    Buffer.from([((ip.version ?? 4) << 4) | ihl, tos]),
    be16(length),
    be16(id),
    be16(fragment),
    Buffer.from([ttl, proto]),
    be16(0),
    ends,
    opts,
  ]);
  head.writeUInt16BE(checksum(head), 10);
  return Buffer.concat([head, payload]);
}

/** `extensions` are `[number, hex]` pairs; the hex leaves out the first byte, which is the number of the next. */
function ipv6(ip, transport) {
  const { src, dst, ttl = 64, tos = 0, label = 0, extensions = [] } = ip;
  const ends = Buffer.concat([addressBytes(src), addressBytes(dst)]);
  const proto = transport.proto(6);
  const payload = transport.bytes(sumWords(ends) + proto + transport.bytes(0, 6).length, 6);
  const numbers = [...extensions.map(([number]) => number), proto];
  const parts = extensions.map(([, hex], i) => Buffer.concat([Buffer.from([numbers[i + 1]]), Buffer.from(hex, 'hex')]));
  const body = Buffer.concat([...parts, payload]);
  const first = (((ip.version ?? 6) << 28) | (tos << 20) | label) >>> 0;
  return Buffer.concat([be32(first), be16(ip.length ?? body.length), Buffer.from([numbers[0], ttl]), ends, body]);
}

/** The IP packet without a link, to be quoted in an ICMP error. */
export const packet = (ip, transport) => (isIpv6(ip.src) ? ipv6(ip, transport) : ipv4(ip, transport));

export function ethernet({ srcMac = GATEWAY_MAC, dstMac = HOST_MAC, vlans = [], type }, payload) {
  const tags = vlans.map((vlan, i) => Buffer.concat([be16(i + 1 < vlans.length ? ETH_QINQ : ETH_VLAN), be16(vlan)]));
  return Buffer.concat([macBytes(dstMac), macBytes(srcMac), ...tags, be16(type), payload]);
}

export function frame(ip, transport) {
  return ethernet({ ...ip, type: isIpv6(ip.src) ? ETH_IPV6 : ETH_IPV4 }, packet(ip, transport));
}

/** An ARP request for `target` from `sender`. */
export function arp(sender, target) {
  const fixed = Buffer.from('0001080006040001', 'hex');
  const ends = [macBytes(GATEWAY_MAC), addressBytes(sender), Buffer.alloc(6), addressBytes(target)];
  return ethernet({ type: ETH_ARP, dstMac: 'ff:ff:ff:ff:ff:ff' }, Buffer.concat([fixed, ...ends]));
}

/** A fragment header for `extensions` of an IPv6 packet. */
export function fragmentHeader(offset, more, id) {
  return [44, Buffer.concat([Buffer.from([0]), be16(offset | (more ? 1 : 0)), be32(id)]).toString('hex')];
}

/** A hop-by-hop or destination options header of 8 bytes that holds padding only. */
export const paddingOptions = (number) => [number, '00010400000000'];

/** The payload of a DNS query for the address of `name`. */
export function dnsQuery(id, name) {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([
    be16(id),
    Buffer.from('01000001000000000000', 'hex'),
    ...labels,
    Buffer.from('0000010001', 'hex'),
  ]);
}
