// SPDX-License-Identifier: MIT
/** Connections between three zones in both directions, scans from outside, and every way to be out of state. */
import { Capture, interleave } from '../common/capture.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

const { SYN, ACK, FIN, RST, PSH, URG } = p;
const hex = (n) => n.toString(16);

const inside = (n, six) => (six ? `fd00:1::${hex(n)}` : `10.0.${n >> 8}.${n & 255}`);
const dmz = (n, six) => (six ? `fd00:2::${hex(n)}` : `10.9.9.${n}`);
const outside = (n, six) => (six ? `2001:db8::${hex(n)}` : `198.51.100.${n}`);

/** Both halves of a TCP connection; `end` says how it is closed. */
function connection(random, client, server, dport, end, vlans = []) {
  const sport = random.between(1024, 65535);
  const there = (flags, data) => p.frame({ src: client, dst: server, vlans }, p.tcp({ sport, dport, flags, data }));
  const back = (flags, data) =>
    p.frame({ src: server, dst: client, vlans }, p.tcp({ sport: dport, dport: sport, flags, data }));
  const frames = [there(SYN), back(SYN | ACK), there(ACK)];
  for (let i = random.between(1, 4); i > 0; i--) {
    frames.push(there(ACK | PSH, random.bytes(random.below(40))), back(ACK | PSH, random.bytes(random.below(60))));
  }
  if (end === 'fin') frames.push(there(FIN | ACK), back(FIN | ACK), there(ACK));
  if (end === 'reset') frames.push(back(RST | ACK), there(ACK));
  if (end === 'half') frames.push(back(FIN | ACK), there(ACK | PSH, random.bytes(10)), there(ACK));
  return frames;
}

export function makeTraffic() {
  const random = new Random(5382);
  const capture = new Capture(random);
  const conversations = [];

  for (let i = 0; i < 60; i++) {
    const six = random.chance(0.3);
    const end = random.pick(['fin', 'fin', 'reset', 'half', 'open']);
    const n = random.between(1, 200);
    const kind = random.below(10);
    if (kind < 5)
      conversations.push(connection(random, inside(n, six), outside(n, six), random.pick([22, 80, 443]), end));
    else if (kind < 8)
      conversations.push(connection(random, outside(n, six), dmz(1 + (n % 4), six), random.pick([80, 443]), end));
    else if (kind < 9) conversations.push(connection(random, inside(n, six), dmz(1, six), 22, end, [10]));
    // Refused from its first packet on: mail to the outside.
    else conversations.push(connection(random, inside(n, six), outside(n, six), 25, end).slice(0, 3));
  }
  // DNS: stateful from inside, stateless into the DMZ and out of it.
  for (let i = 0; i < 40; i++) {
    const six = random.chance(0.3);
    const sport = random.between(1024, 65535);
    const query = p.udp({ sport, dport: 53, data: p.dnsQuery(i, 'example.net') });
    const answer = p.udp({ sport: 53, dport: sport, data: p.dnsQuery(i, 'example.net') });
    const [a, b] = random.chance(0.5) ? [inside(i + 1, six), outside(53, six)] : [outside(i + 1, six), dmz(53, six)];
    conversations.push([p.frame({ src: a, dst: b }, query), p.frame({ src: b, dst: a }, answer)]);
  }
  for (let i = 0; i < 10; i++) {
    const six = i % 2 === 1;
    const [a, b] = [inside(i + 1, six), outside(i + 1, six)];
    const ends = { src: a, dst: b };
    const answer = p.frame({ src: b, dst: a }, p.echo(six ? 129 : 0, i, 1));
    conversations.push([p.frame(ends, p.echo(six ? 128 : 8, i, 1)), answer]);
  }
  // A scan of the inside, and one of the DMZ that finds the two open ports.
  const scanner = outside(250, false);
  for (let port = 20; port < 90; port++) {
    const scan = p.tcp({ sport: 40000 + port, dport: port, flags: SYN });
    conversations.push([p.frame({ src: scanner, dst: port % 2 ? inside(7, false) : dmz(1, false) }, scan)]);
  }
  interleave(random, capture, conversations);

  // Out of state: no SYN, answers that nobody asked for, replies to a scan, flags that no stack sends.
  const stray = (src, dst, flags) => p.frame({ src, dst }, p.tcp({ sport: 1234, dport: 80, flags }));
  for (const flags of [
    ACK,
    SYN | ACK,
    FIN | ACK,
    RST,
    0,
    SYN | FIN,
    SYN | RST,
    FIN,
    FIN | RST | ACK,
    FIN | PSH | URG,
    PSH | ACK,
  ]) {
    capture.send(stray(outside(66, false), dmz(1, false), flags), stray(inside(66, true), outside(66, true), flags));
  }
  // A second SYN in an established connection; the same ports again after it was closed; SYN|ACK from the opener.
  const odd = connection(random, inside(99, false), outside(99, false), 80, 'fin');
  capture.send(...odd.slice(0, 4), odd[0], odd[1], ...odd.slice(4), odd[0], odd[1], odd[2]);

  // ICMP errors about a known connection, and about none.
  const known = p.packet({ src: inside(99, false), dst: outside(99, false) }, p.udp({ sport: 999, dport: 53 }));
  const unknown = p.packet({ src: inside(98, false), dst: outside(98, false) }, p.udp({ sport: 998, dport: 53 }));
  const known6 = p.packet({ src: inside(99, true), dst: outside(99, true) }, p.udp({ sport: 999, dport: 53 }));
  capture.send(
    p.ethernet({ type: p.ETH_IPV4 }, known),
    p.ethernet({ type: p.ETH_IPV6 }, known6),
    p.frame({ src: '203.0.113.1', dst: inside(99, false) }, p.icmp({ type: 3, code: 4, rest: 1400, data: known })),
    p.frame({ src: '203.0.113.1', dst: inside(98, false) }, p.icmp({ type: 11, data: unknown })),
    p.frame({ src: '203.0.113.1', dst: inside(98, false) }, p.icmp({ type: 3, data: known.subarray(0, 22) })),
    p.frame({ src: '2001:db8:ff::1', dst: inside(99, true) }, p.icmp({ type: 2, rest: 1280, data: known6 })),
    p.frame({ src: '2001:db8:ff::1', dst: inside(99, true) }, p.icmp({ type: 1, data: known6.subarray(0, 30) })),
    p.frame({ src: outside(9, false), dst: inside(9, false) }, p.icmp({ type: 5, data: known })), // redirect
    p.frame({ src: 'fe80::1', dst: 'ff02::1:ff00:1' }, p.icmp({ type: 135, data: p.addressBytes('fe80::2') })),
    p.frame({ src: outside(9, true), dst: inside(9, true) }, p.icmp({ type: 200 })),
  );

  // Fragments: of an allowed packet, of a refused one, and without the first. The last comes too late.
  const body = Buffer.alloc(32);
  const first = (ends, dport, id) => p.frame({ ...ends, id, more: true }, p.udp({ sport: 4000, dport, data: body }));
  const rest = (ends, id) => p.frame({ ...ends, id, offset: 40 }, p.raw(17, body));
  const allowed = { src: inside(5, false), dst: outside(5, false) };
  const refused = { src: outside(5, false), dst: inside(6, false) };
  const six = { src: inside(5, true), dst: outside(5, true) };
  capture.send(
    first(allowed, 2049, 1),
    rest(allowed, 1),
    rest(allowed, 2),
    first(refused, 2049, 3),
    rest(refused, 3),
    p.frame({ ...six, extensions: [p.fragmentHeader(0, true, 4)] }, p.udp({ sport: 4000, dport: 2049, data: body })),
    p.frame({ ...six, extensions: [p.fragmentHeader(40, false, 4)] }, p.raw(17, body)),
    p.frame({ ...six, extensions: [p.fragmentHeader(40, false, 5)] }, p.raw(17, body)),
  );

  // Spoofed, malformed, not IP.
  const syn = p.tcp({ sport: 1, dport: 80, flags: SYN });
  const whole = p.frame({ src: outside(1, false), dst: dmz(1, false) }, syn);
  capture.send(
    p.frame({ src: dmz(1, false), dst: dmz(1, false) }, syn),
    p.frame({ src: inside(1, false), dst: inside(2, false) }, syn),
    p.frame({ src: outside(1, false), dst: outside(2, false) }, syn), // transit, and no rule for it
    p.frame({ src: outside(1, false), dst: dmz(1, false) }, p.udp({ sport: 1, dport: 53, length: 4 })),
    p.frame({ src: outside(1, false), dst: dmz(1, false) }, p.udp({ sport: 1, dport: 0 })),
    p.frame({ src: outside(1, false), dst: dmz(1, false) }, p.tcp({ sport: 1, dport: 80, flags: SYN, doff: 3 })),
    p.frame({ src: outside(1, false), dst: dmz(1, false) }, p.raw(47, Buffer.alloc(8))),
    p.frame({ src: outside(1, false), dst: dmz(1, false), ihl: 2 }, syn),
    p.frame({ src: outside(1, false), dst: dmz(1, false), length: 900 }, syn),
    whole.subarray(0, 20),
    whole.subarray(0, 36),
    p.arp(inside(1, false), inside(2, false)),
    p.ethernet({ type: 0x88cc }, Buffer.alloc(46)),
  );

  // Time-outs. Half open after half a minute, UDP after two minutes and a half, established after more than an hour.
  const slow = connection(random, inside(120, false), outside(120, false), 443, 'open');
  const half = connection(random, inside(121, false), outside(121, false), 443, 'open');
  const talk = [p.udp({ sport: 7, dport: 9000, data: body }), p.udp({ sport: 9000, dport: 7, data: body })];
  const udp = [
    p.frame({ src: inside(8, false), dst: outside(8, false) }, talk[0]),
    p.frame({ src: outside(8, false), dst: inside(8, false) }, talk[1]),
  ];
  capture.send(...slow, half[0], ...udp);
  capture.wait(31);
  capture.send(half[1], udp[1], slow[3], rest(allowed, 1));
  capture.wait(150);
  capture.send(udp[1], udp[0], slow[4]);
  capture.wait(3700);
  capture.send(slow[3], slow[4], slow[0], slow[1], slow[2]);
  return capture;
}
