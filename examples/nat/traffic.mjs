// SPDX-License-Identifier: MIT
/** Both sides of the translator: connections from inside and to forwarded ports, errors about them, and strangers. */
import { Capture, interleave } from '../common/capture.mjs';
import { hashBytes, hashEnd, hashStep } from '../common/hash.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

const { SYN, ACK, FIN, RST, PSH } = p;
const POOL = ['203.0.113.1', '203.0.113.2'];
const INSIDE = { srcMac: '02:00:00:00:0a:01' };
const OUTSIDE = { srcMac: '02:00:00:00:0b:01' };

/** The pool address that the program gives to an inside host. */
const poolOf = (local) => POOL[hashEnd(hashBytes(0, p.addressBytes(local))) % POOL.length];

/** The port of the program's `attempt`-th try; try 0 keeps the host's own port if that is not a privileged one. */
function portOf(local, localPort, remote, remotePort, attempt) {
  if (attempt === 0 && localPort >= 1024) return localPort;
  const swapped = ((remotePort & 255) << 8) | (remotePort >> 8);
  const h = hashBytes(hashBytes(0, p.addressBytes(local)), p.addressBytes(remote));
  const n = hashEnd(hashStep(h, ((localPort << 16) | swapped) >>> 0));
  return 1024 + (((n + attempt) >>> 0) % (65536 - 1024));
}

/** A TCP connection from inside, with the answers as they arrive from outside. */
function outgoing(random, local, remote, { sport, dport, attempt = 0, end = 'fin' }) {
  const port = portOf(local, sport, remote, dport, attempt);
  const there = (flags, data) => p.frame({ ...INSIDE, src: local, dst: remote }, p.tcp({ sport, dport, flags, data }));
  const back = (flags, data) =>
    p.frame({ ...OUTSIDE, src: remote, dst: poolOf(local) }, p.tcp({ sport: dport, dport: port, flags, data }));
  const frames = [there(SYN), back(SYN | ACK), there(ACK)];
  for (let i = random.between(1, 5); i > 0; i--) {
    frames.push(there(ACK | PSH, random.bytes(random.below(60))), back(ACK | PSH, random.bytes(random.below(100))));
  }
  if (end === 'fin') frames.push(there(FIN | ACK), back(FIN | ACK), there(ACK));
  if (end === 'reset') frames.push(back(RST));
  return frames;
}

/** A TCP connection to a forwarded port. */
function incoming(random, remote, address, port, server, serverPort) {
  const sport = random.between(1024, 65535);
  const there = (flags, data) =>
    p.frame({ ...OUTSIDE, src: remote, dst: address }, p.tcp({ sport, dport: port, flags, data }));
  const back = (flags, data) =>
    p.frame({ ...INSIDE, src: server, dst: remote }, p.tcp({ sport: serverPort, dport: sport, flags, data }));
  return [
    there(SYN),
    back(SYN | ACK),
    there(ACK | PSH, random.bytes(40)),
    back(ACK, random.bytes(80)),
    there(FIN | ACK),
  ];
}

function lookup(random, local, remote, checked, i) {
  const sport = random.between(1024, 65535);
  const data = p.dnsQuery(i, 'example.net');
  const port = portOf(local, sport, remote, 53, 0);
  return [
    p.frame({ ...INSIDE, src: local, dst: remote }, p.udp({ sport, dport: 53, data, checked })),
    p.frame({ ...OUTSIDE, src: remote, dst: poolOf(local) }, p.udp({ sport: 53, dport: port, data, checked })),
  ];
}

export function makeTraffic() {
  const random = new Random(3022);
  const capture = new Capture(random);
  const host = () => `10.0.${random.below(4)}.${random.between(1, 60)}`;
  const remote = () => `198.51.100.${random.between(1, 200)}`;
  const conversations = [];

  for (let i = 0; i < 60; i++) {
    const sport = random.chance(0.1) ? random.between(600, 1023) : random.between(1024, 65535);
    const end = random.pick(['fin', 'reset', 'open']);
    conversations.push(outgoing(random, host(), remote(), { sport, dport: random.pick([80, 443]), end }));
  }
  for (let i = 0; i < 20; i++) {
    const address = random.pick(POOL);
    conversations.push(
      random.chance(0.5)
        ? incoming(random, remote(), address, 80, '10.0.0.80', 8080)
        : incoming(random, remote(), address, 443, '10.0.0.80', 443),
    );
  }
  for (let i = 0; i < 40; i++) conversations.push(lookup(random, host(), remote(), i % 4 !== 0, i));
  for (let i = 0; i < 12; i++) {
    const [local, far] = [host(), remote()];
    const id = portOf(local, 2000 + i, far, 0, 0);
    const request = p.frame({ ...INSIDE, src: local, dst: far }, p.echo(8, 2000 + i, 1));
    conversations.push([request, p.frame({ ...OUTSIDE, src: far, dst: poolOf(local) }, p.echo(0, id, 1))]);
  }
  interleave(random, capture, conversations);

  // Two hosts with one pool address, one port and one remote end: the second must take another port.
  const far = '198.51.100.222';
  const twins = ['10.0.9.1', '10.0.9.2', '10.0.9.3'].filter((h, _, all) => poolOf(h) === poolOf(all[0]));
  const more = Array.from({ length: 20 }, (_, i) => `10.0.9.${i + 4}`).filter((h) => poolOf(h) === poolOf('10.0.9.1'));
  const [first, second, third] = [...twins, ...more];
  capture.send(...outgoing(random, first, far, { sport: 5000, dport: 80, end: 'open' }));
  capture.send(...outgoing(random, second, far, { sport: 5000, dport: 80, attempt: 1, end: 'fin' }));

  // ICMP errors in both directions, about connections and about nothing.
  const address = poolOf(first);
  const error = (src, dst, type, quoted) =>
    p.frame({ src, dst }, p.icmp({ type, code: type === 3 ? 4 : 0, data: quoted }));
  const sent = p.packet(
    { src: address, dst: far },
    p.tcp({ sport: 5000, dport: 80, flags: ACK, data: Buffer.alloc(20) }),
  );
  const strange = p.packet({ src: address, dst: far }, p.tcp({ sport: 5001, dport: 81, flags: ACK }));
  const got = p.packet({ src: far, dst: first }, p.tcp({ sport: 80, dport: 5000, flags: ACK }));
  const options = p.packet(
    { src: address, dst: far, options: '94040000' },
    p.tcp({ sport: 5000, dport: 80, flags: ACK }),
  );
  capture.send(
    error('198.51.100.254', address, 3, sent),
    error('198.51.100.254', address, 11, sent.subarray(0, 28)),
    error('198.51.100.254', address, 3, strange),
    error('198.51.100.254', address, 3, options),
    error('198.51.100.254', address, 3, sent.subarray(0, 22)),
    error('198.51.100.254', address, 3, p.packet({ src: address, dst: far }, p.echo(8, 1, 1))),
    error(first, far, 3, got),
    error('10.0.9.99', far, 3, p.packet({ src: far, dst: '10.0.9.99' }, p.udp({ sport: 1, dport: 2 }))),
  );

  // Strangers from outside, fragments, other protocols, malformed, not ours.
  const any = p.udp({ sport: 4444, dport: 4444, data: Buffer.alloc(20) });
  const whole = p.frame({ src: '10.0.0.9', dst: far }, p.tcp({ sport: 4, dport: 80, flags: SYN }));
  capture.send(
    ...[22, 23, 25, 3389].map((dport) => p.frame({ src: far, dst: POOL[0] }, p.tcp({ sport: 6, dport, flags: SYN }))),
    p.frame({ src: far, dst: POOL[1] }, any),
    p.frame({ src: far, dst: POOL[1] }, p.udp({ sport: 4444, dport: 53, data: p.dnsQuery(9, 'example.org') })),
    p.frame({ src: far, dst: POOL[1] }, p.echo(8, 1, 1)),
    p.frame({ src: '10.0.0.9', dst: far, id: 3, more: true }, any),
    p.frame({ src: '10.0.0.9', dst: far, id: 3, offset: 32 }, any),
    p.frame({ src: '10.0.0.9', dst: far }, p.raw(50, Buffer.alloc(16))),
    p.frame({ src: '10.0.0.9', dst: far }, p.echo(0, 1, 1)),
    p.frame({ src: '10.0.0.9', dst: far, options: '94040000' }, any),
    p.frame({ src: '10.0.0.9', dst: far }, p.tcp({ sport: 4, dport: 80, flags: SYN, doff: 2 })),
    whole.subarray(0, 50),
    whole.subarray(0, 22),
    p.frame({ src: '10.0.0.9', dst: '10.0.0.10' }, any),
    p.frame({ src: far, dst: '198.51.100.1' }, any),
    p.frame({ src: '2001:db8::1', dst: '2001:db8::2' }, any),
    p.arp('10.0.0.9', '10.0.0.1'),
  );

  // Idle for longer than a closed TCP connection and a UDP exchange may be: the answers find nothing, the port is free.
  const query = lookup(random, first, far, true, 99);
  capture.send(...query);
  capture.wait(300);
  capture.send(query[1], query[0], query[1]);
  capture.send(...outgoing(random, second, far, { sport: 5000, dport: 80, attempt: 1, end: 'open' }));
  capture.wait(8000);
  if (third) capture.send(...outgoing(random, third, far, { sport: 5000, dport: 80, end: 'reset' }));
  return capture;
}
