// SPDX-License-Identifier: MIT
/** Ordinary visitors of a server, with a flood of each kind between them. */
import { Capture, interleave } from '../common/capture.mjs';
import { hashBytes, hashEnd, hashStep } from '../common/hash.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

const { SYN, ACK, FIN, RST, PSH, URG } = p;
const SERVER4 = '192.0.2.80';
const SERVER6 = '2001:db8:80::80';
const COOKIE_SECRET = [0x6a69746e, 0x69632121];
const COOKIE_EPOCH = 7;

const serverOf = (client) => (p.isIpv6(client) ? SERVER6 : SERVER4);
const client4 = (n) => `198.51.100.${n}`;
const client6 = (n) => `2001:db8:c::${n.toString(16)}`;

/** The sequence number with which the program answers a challenged SYN. */
function cookieOf(src, dst, sport, dport, epoch) {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(sport, 0);
  ports.writeUInt16BE(dport, 2);
  const ends = Buffer.concat([p.mappedBytes(src), p.mappedBytes(dst), ports]);
  return hashEnd(hashStep(hashBytes(hashStep(COOKIE_SECRET[0], epoch), ends), COOKIE_SECRET[1]));
}

const tcp = (src, fields, ip = {}) => p.frame({ src, dst: serverOf(src), ...ip }, p.tcp({ dport: 443, ...fields }));

/** A source that is challenged, returns the cookie of `epoch` and comes back. */
function challenged(src, epoch, syns) {
  const flood = Array.from({ length: syns }, (_, i) => tcp(src, { sport: 20000 + i, flags: SYN, seq: i * 1000 }));
  const sport = 20000 + syns - 1;
  const ack = (cookieOf(src, serverOf(src), sport, 443, epoch) + 1) >>> 0;
  return [...flood, tcp(src, { sport, flags: ACK, seq: 1, ack }), tcp(src, { sport: 30000, flags: SYN })];
}

export function makeTraffic() {
  const random = new Random(4987);
  const capture = new Capture(random);
  const conversations = [];

  for (let i = 0; i < 45; i++) {
    const src = random.chance(0.3) ? client6(random.between(1, 200)) : client4(random.between(1, 200));
    const sport = random.between(1024, 65535);
    const data = Array.from({ length: random.between(1, 5) }, () =>
      tcp(src, { sport, flags: ACK | PSH, data: random.bytes(random.below(60)) }),
    );
    conversations.push([
      tcp(src, { sport, flags: SYN }),
      tcp(src, { sport, flags: ACK }),
      ...data,
      tcp(src, { sport, flags: FIN | ACK }),
    ]);
  }
  for (let i = 0; i < 40; i++) {
    const src = random.chance(0.3) ? client6(random.between(1, 200)) : client4(random.between(1, 200));
    const quic = p.udp({ sport: random.between(1024, 65535), dport: 443, data: random.bytes(random.between(20, 80)) });
    conversations.push([p.frame({ src, dst: serverOf(src) }, quic)]);
  }
  // Reflected answers from open servers everywhere.
  for (let i = 0; i < 110; i++) {
    const src = random.chance(0.15)
      ? `2a00:${random.between(1, 99)}::1`
      : `${random.between(11, 99)}.1.2.${random.between(1, 250)}`;
    const sport = random.pick([17, 19, 53, 53, 123, 123, 389, 1900, 11211]);
    const answer = p.udp({ sport, dport: random.between(1024, 65535), data: random.bytes(random.between(40, 90)) });
    conversations.push([p.frame({ src, dst: serverOf(src) }, answer)]);
  }
  // Block list (also expired, not yet expired), allow list inside a blocked prefix.
  for (let i = 0; i < 30; i++) {
    const src = random.pick(['203.0.113.66', '203.0.113.7', '198.18.0.9', '198.18.1.9', '2001:bad::5']);
    conversations.push([tcp(src, { sport: 1024 + i, flags: SYN })]);
  }
  // Flags that no stack sends, and those that only look odd.
  for (const flags of [
    0,
    SYN | FIN,
    SYN | RST,
    FIN,
    PSH,
    URG,
    FIN | PSH | URG,
    SYN | FIN | ACK,
    RST,
    RST | ACK,
    0x3f,
  ]) {
    conversations.push([tcp(client4(210), { sport: 4000, flags }), tcp(client6(210), { sport: 4000, flags })]);
  }
  // Two SYN floods from real addresses: one only repeats itself, both are challenged beyond their rate.
  conversations.push(Array.from({ length: 90 }, (_, i) => tcp(client4(220), { sport: 1024 + i, flags: SYN })));
  conversations.push(
    Array.from({ length: 40 }, (_, i) => tcp(client6(220), { sport: 1024 + i, flags: SYN, options: '020405b4' })),
  );
  // UDP and ICMP floods from one source each.
  const dgram = (i) => p.udp({ sport: 5000, dport: 3000 + i, data: Buffer.alloc(30, i) });
  conversations.push(Array.from({ length: 90 }, (_, i) => p.frame({ src: client4(230), dst: SERVER4 }, dgram(i))));
  conversations.push(
    Array.from({ length: 25 }, (_, i) => p.frame({ src: client4(231), dst: SERVER4 }, p.echo(8, 1, i))),
  );
  conversations.push(
    Array.from({ length: 25 }, (_, i) => p.frame({ src: client6(231), dst: SERVER6 }, p.echo(128, 1, i))),
  );
  interleave(random, capture, conversations);

  // Sources that prove themselves with a cookie of this epoch, of the last, and of one too old.
  capture.send(...challenged(client4(240), COOKIE_EPOCH, 23));
  capture.send(...challenged(client6(240), COOKIE_EPOCH - 1, 22));
  capture.send(...challenged(client4(241), COOKIE_EPOCH - 2, 21));
  // The rest of the second passes: the verified may connect again, and the flood starts from half its rate.
  capture.wait(1.5);
  capture.send(tcp(client4(240), { sport: 30001, flags: SYN }), tcp(client6(240), { sport: 30001, flags: SYN }));
  capture.send(...Array.from({ length: 24 }, (_, i) => tcp(client4(220), { sport: 2024 + i, flags: SYN })));
  // Due a challenge, but tagged, or with options.
  capture.send(tcp(client4(220), { sport: 9, flags: SYN }, { vlans: [7] }));
  capture.send(tcp(client4(220), { sport: 9, flags: SYN }, { options: '94040000' }));
  capture.wait(3);
  capture.send(tcp(client4(220), { sport: 3024, flags: SYN }), tcp(client4(231), { sport: 1, flags: ACK }));
  capture.wait(700);
  capture.send(tcp(client4(240), { sport: 30002, flags: ACK }));

  // Land attack, fragments, ICMP types, protocols, malformed, not IP.
  const any = p.udp({ sport: 6000, dport: 443, data: Buffer.alloc(24) });
  const whole = tcp(client4(1), { sport: 1, flags: SYN });
  const from = { src: client4(1), dst: SERVER4 };
  capture.send(
    p.frame({ src: SERVER4, dst: SERVER4 }, p.tcp({ sport: 80, dport: 80, flags: SYN })),
    p.frame({ src: SERVER6, dst: SERVER6 }, p.tcp({ sport: 80, dport: 80, flags: SYN })),
    p.frame({ ...from, id: 1, more: true }, any),
    p.frame({ ...from, id: 1, offset: 32 }, any),
    p.frame({ src: client6(1), dst: SERVER6, extensions: [p.fragmentHeader(0, true, 1)] }, any),
    ...[0, 3, 5, 11, 13, 17].map((type) => p.frame(from, p.icmp({ type, data: Buffer.alloc(28) }))),
    ...[1, 2, 100, 129, 135, 200].map((type) =>
      p.frame({ src: client6(2), dst: SERVER6 }, p.icmp({ type, data: Buffer.alloc(40) })),
    ),
    p.frame(from, p.raw(47, Buffer.alloc(30))),
    p.frame(from, p.raw(132, Buffer.alloc(30))),
    p.frame(from, p.udp({ sport: 6000, dport: 0 })),
    p.frame(from, p.udp({ sport: 6000, dport: 443, length: 3 })),
    p.frame(from, p.tcp({ sport: 1, dport: 443, flags: SYN, doff: 1 })),
    p.frame({ ...from, ihl: 4 }, any),
    p.frame({ ...from, length: 1400 }, any),
    p.frame({ ...from, version: 6 }, any),
    ...[14, 20, 33, 34, 40, 53].map((n) => whole.subarray(0, n)),
    p.frame({ ...from, vlans: [7, 8] }, any),
    p.arp(client4(1), SERVER4),
  );
  return capture;
}
