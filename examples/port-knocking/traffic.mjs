// SPDX-License-Identifier: MIT
/** Visitors who know the sequence, who almost know it, who are too slow, who scan; and everybody else. */
import { Capture, interleave } from '../common/capture.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

const { SYN, ACK, PSH } = p;
const SEQUENCE = [
  [7000, 'udp'],
  [8000, 'tcp'],
  [9000, 'udp'],
  [7777, 'tcp'],
];

const hostOf = (src) => (p.isIpv6(src) ? '2001:db8::22' : '192.0.2.22');

function knock(src, port, proto, ip = {}) {
  const transport =
    proto === 'udp' ? p.udp({ sport: 40000, dport: port }) : p.tcp({ sport: 40000, dport: port, flags: SYN });
  return p.frame({ src, dst: hostOf(src), ...ip }, transport);
}

const knocks = (src, ip) => SEQUENCE.map(([port, proto]) => knock(src, port, proto, ip));

function visit(random, src, port, packets, ip = {}) {
  const sport = random.between(1024, 65535);
  const send = (flags, data) =>
    p.frame({ src, dst: hostOf(src), ...ip }, p.tcp({ sport, dport: port, flags, seq: 1000, data }));
  const data = Array.from({ length: packets }, () => send(ACK | PSH, random.bytes(random.below(80))));
  return [send(SYN), send(ACK), ...data];
}

export function makeTraffic() {
  const random = new Random(7000);
  const capture = new Capture(random);
  const source = (n) => (n % 4 === 3 ? `2001:db8:c::${n.toString(16)}` : `198.51.100.${n}`);
  const conversations = [];

  for (let n = 1; n <= 24; n++) {
    const src = source(n);
    const ip = n % 6 === 0 ? { vlans: [12] } : {};
    // Not yet, then the knocks, then in.
    conversations.push([
      ...visit(random, src, 22, 0, ip),
      ...knocks(src, ip),
      ...visit(random, src, random.pick([22, 22, 3389]), 4, ip),
    ]);
  }
  for (let n = 30; n < 50; n++) {
    const src = source(n);
    const right = knocks(src);
    const wrong = knock(src, random.between(7001, 9999), random.pick(['udp', 'tcp']));
    const almost = [
      [right[0], right[1], right[3], ...visit(random, src, 22, 1)], // one left out
      [right[0], right[2], right[1], right[3], ...visit(random, src, 3389, 1)], // the order
      [right[0], right[1], right[2], wrong, right[3], ...visit(random, src, 22, 1)], // one too many
      [right[0], right[0], right[1], right[2], right[3], ...visit(random, src, 22, 2)], // begun again: opens
      [knock(src, 7000, 'tcp'), right[1], right[2], right[3], ...visit(random, src, 8443, 1)], // the protocol
    ];
    conversations.push(almost[n % almost.length]);
  }
  // Nobody ever knocked: silence on 22, a reset on the others.
  for (let n = 60; n < 90; n++) conversations.push(visit(random, source(n), random.pick([22, 3389, 8443]), 1));
  // Other traffic.
  for (let i = 0; i < 200; i++) {
    const src = source(random.between(100, 200));
    const ports = { sport: random.between(1024, 65535), dport: random.pick([80, 443, 6999, 10000]) };
    const data = random.bytes(random.below(60));
    conversations.push([
      p.frame(
        { src, dst: hostOf(src) },
        random.chance(0.5) ? p.udp({ ...ports, data }) : p.tcp({ ...ports, flags: ACK, data }),
      ),
    ]);
  }
  interleave(random, capture, conversations);

  // A scan of the knocking range runs into the ban; the right knocks do not help while it lasts.
  const scanner = source(201);
  for (let port = 7001; port < 7012; port++) capture.send(knock(scanner, port, 'tcp'));
  capture.send(...knocks(scanner), ...visit(random, scanner, 22, 1));

  // Too slow: six seconds before the third knock. Slow but in time: four before each.
  const slow = source(202);
  const patient = source(203);
  const [first, second, third, fourth] = knocks(slow);
  const steps = knocks(patient);
  capture.send(first, second, steps[0]);
  capture.wait(4);
  capture.send(steps[1]);
  capture.wait(4);
  capture.send(third, fourth, steps[2]);
  capture.wait(4);
  capture.send(steps[3], ...visit(random, patient, 22, 1), ...visit(random, slow, 22, 1));
  // Late, but with the first knock: the sequence begins there.
  capture.send(...knocks(slow).slice(0, 2));
  capture.wait(8);
  capture.send(...knocks(slow), ...visit(random, slow, 3389, 1));

  // Open for half a minute after the last packet: 20 seconds of silence twice, then 31.
  const session = visit(random, patient, 22, 4);
  for (const packet of session.slice(2, 4)) {
    capture.wait(20);
    capture.send(packet);
  }
  capture.wait(31);
  capture.send(...session.slice(4), ...session.slice(4));
  // The ban is over.
  capture.send(...knocks(scanner), ...visit(random, scanner, 22, 1));

  // Odd shapes: options and extension headers before the reset, fragments, no ports, malformed, not IP.
  const syn = p.tcp({ sport: 5, dport: 3389, flags: SYN, options: '020405b40402080a0000000100000000' });
  const [a, b] = [source(210), source(211)];
  capture.send(
    p.frame({ src: a, dst: hostOf(a) }, syn),
    p.frame({ src: b, dst: hostOf(b) }, syn),
    p.frame({ src: a, dst: hostOf(a), options: '94040000' }, syn),
    p.frame({ src: b, dst: hostOf(b), extensions: [p.paddingOptions(0)] }, syn),
    p.frame({ src: a, dst: hostOf(a), id: 4, offset: 16 }, p.raw(6, Buffer.alloc(20))),
    p.frame({ src: a, dst: hostOf(a), id: 4, more: true }, p.raw(6, Buffer.from('0005001600000001', 'hex'))),
    p.frame({ src: a, dst: hostOf(a) }, p.raw(6, Buffer.from('00050d3d', 'hex'))),
    p.frame({ src: a, dst: hostOf(a) }, p.raw(17, Buffer.alloc(2))),
    p.frame({ src: a, dst: hostOf(a) }, p.echo(8, 1, 1)),
    p.frame({ src: a, dst: hostOf(a), ihl: 3 }, syn),
    p.frame({ src: a, dst: hostOf(a) }, syn).subarray(0, 28),
    p.arp('198.51.100.1', '192.0.2.22'),
  );
  return capture;
}
