// SPDX-License-Identifier: MIT
/** Clients of the three VIPs: TCP connections, QUIC and DNS, ICMP about them, and what is not served. */
import { Capture, interleave } from '../common/capture.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

const WEB = '192.0.2.10';
const DNS = '192.0.2.53';
const WEB6 = '2001:db8:10::10';

const client4 = (n) => `198.51.100.${n}`;
const client6 = (n) => `2001:db8:c::${n.toString(16)}`;

/** The client's half of a TCP connection; the answers do not come by here. */
function connection(random, src, dst, dport) {
  const sport = random.between(1024, 65535);
  const ends = { src, dst, ttl: random.pick([52, 57, 116]), tos: random.chance(0.2) ? 0x02 : 0 };
  const data = Array.from({ length: random.between(1, 6) }, () =>
    p.frame(ends, p.tcp({ sport, dport, flags: p.ACK | p.PSH, data: random.bytes(random.below(60)) })),
  );
  return [
    p.frame(ends, p.tcp({ sport, dport, flags: p.SYN, options: '020405b40101040201030307' })),
    p.frame(ends, p.tcp({ sport, dport, flags: p.ACK })),
    ...data,
    p.frame(ends, p.tcp({ sport, dport, flags: p.ACK | p.FIN })),
  ];
}

/** The ICMP error that a router, or the client, sends about a packet of a real's answer. */
function icmpError(src, vip, client, vipPort, clientPort, type, code, rest) {
  const quoted = p.packet({ src: vip, dst: client }, p.tcp({ sport: vipPort, dport: clientPort, flags: p.ACK }));
  return p.frame({ src, dst: vip }, p.icmp({ type, code, rest, data: quoted.subarray(0, p.isIpv6(vip) ? 48 : 28) }));
}

export function makeTraffic() {
  const random = new Random(2016);
  const capture = new Capture(random);
  const conversations = [];

  for (let i = 0; i < 70; i++) {
    const n = 1 + random.zipf(60);
    conversations.push(connection(random, client4(n), WEB, random.pick([80, 80, 443])));
    if (i % 2 === 0) conversations.push(connection(random, client6(n), WEB6, 443));
  }
  for (let i = 0; i < 20; i++) {
    const quic = (src, dst) => {
      const sport = random.between(1024, 65535);
      return Array.from({ length: 4 }, () =>
        p.frame({ src, dst }, p.udp({ sport, dport: 443, data: random.bytes(40) })),
      );
    };
    conversations.push(quic(client4(100 + i), WEB), quic(client6(100 + i), WEB6));
  }
  for (let i = 0; i < 120; i++) {
    const query = p.udp({ sport: random.between(1024, 65535), dport: 53, data: p.dnsQuery(i, 'www.example.net') });
    conversations.push([p.frame({ src: client4(1 + random.below(250)), dst: DNS }, query)]);
  }
  for (const vip of [WEB, DNS, WEB6]) {
    const src = p.isIpv6(vip) ? client6(9) : client4(9);
    const request = p.isIpv6(vip) ? 128 : 8;
    conversations.push(Array.from({ length: 5 }, (_, i) => p.frame({ src, dst: vip }, p.echo(request, 77, i))));
  }
  interleave(random, capture, conversations);

  // A connection in mid-life that this balancer has not seen, and one whose real has gone.
  capture.send(p.frame({ src: client4(78), dst: WEB }, p.tcp({ sport: 7778, dport: 80, flags: p.ACK })));
  for (let i = 0; i < 3; i++) {
    capture.send(p.frame({ src: client4(77), dst: WEB }, p.tcp({ sport: 7777, dport: 80, flags: p.ACK })));
  }

  // ICMP errors about balanced connections, and other ICMP.
  capture.send(
    icmpError('203.0.113.1', WEB, client4(77), 80, 7777, 3, 4, 1400),
    icmpError('203.0.113.1', WEB, client4(77), 80, 7777, 11, 0, 0),
    icmpError('2001:db8:ff::1', WEB6, client6(5), 443, 5555, 2, 0, 1280),
    icmpError('2001:db8:ff::1', WEB6, client6(5), 443, 5555, 1, 4, 0),
    icmpError('203.0.113.1', WEB, client4(77), 25, 7777, 3, 3, 0), // no such service
    p.frame({ src: client4(3), dst: WEB }, p.icmp({ type: 3, data: Buffer.alloc(8) })), // quotes too little
    p.frame({ src: client4(3), dst: WEB }, p.icmp({ type: 13, data: Buffer.alloc(12) })), // timestamp: to the stack
    p.frame({ src: client6(3), dst: WEB6 }, p.icmp({ type: 135, rest: 0, data: p.addressBytes(WEB6) })),
    p.frame({ src: client4(3), dst: WEB }, p.raw(1, Buffer.alloc(4))),
  );

  // Too large for the tunnel, by a little and by as much as the link allows.
  for (const size of [1401, 1428, 1440, 1460]) {
    const data = Buffer.alloc(size, 0x78);
    const transport = p.tcp({ sport: 9000 + size, dport: 80, flags: p.ACK, data });
    capture.send(p.frame({ src: client4(8), dst: WEB, df: true }, transport));
  }
  for (const size of [1380, 1440]) {
    const transport = p.tcp({ sport: 9000 + size, dport: 443, flags: p.ACK, data: Buffer.alloc(size, 0x78) });
    capture.send(p.frame({ src: client6(8), dst: WEB6 }, transport));
  }

  // QUIC after a pause that is longer than the time-out of UDP.
  const late = p.frame({ src: client4(200), dst: WEB }, p.udp({ sport: 2000, dport: 443, data: random.bytes(40) }));
  capture.send(late, late);
  capture.wait(31);
  capture.send(late, late);

  // Not served, malformed, not for us.
  const any = p.udp({ sport: 1, dport: 53, data: p.dnsQuery(1, 'example.net') });
  const whole = p.frame({ src: client4(4), dst: WEB }, p.tcp({ sport: 4, dport: 80, flags: p.SYN }));
  capture.send(
    p.frame({ src: client4(4), dst: WEB }, p.tcp({ sport: 4, dport: 22, flags: p.SYN })),
    p.frame({ src: client4(4), dst: WEB }, p.tcp({ sport: 4, dport: 8080, flags: p.SYN })),
    p.frame({ src: client4(4), dst: WEB }, p.raw(47, Buffer.alloc(20))),
    p.frame({ src: client4(4), dst: DNS, id: 7, more: true }, any),
    p.frame({ src: client4(4), dst: DNS, id: 7, offset: 32 }, any),
    p.frame({ src: client6(4), dst: WEB6, extensions: [p.fragmentHeader(0, true, 9)] }, any),
    p.frame(
      { src: client6(4), dst: WEB6, extensions: [p.paddingOptions(60)] },
      p.tcp({ sport: 4, dport: 443, flags: p.SYN }),
    ),
    p.frame({ src: client4(4), dst: WEB, options: '94040000' }, p.tcp({ sport: 5, dport: 80, flags: p.SYN })),
    p.frame({ src: client4(4), dst: WEB }, p.tcp({ sport: 4, dport: 80, flags: p.SYN, doff: 4 })),
    whole.subarray(0, 40),
    whole.subarray(0, 30),
    p.frame({ src: client4(4), dst: '192.0.2.99' }, any),
    p.frame({ src: client6(4), dst: '2001:db8:10::99' }, any),
    p.frame({ src: client4(4), dst: WEB, vlans: [10] }, any),
    p.arp(client4(4), WEB),
  );
  return capture;
}
