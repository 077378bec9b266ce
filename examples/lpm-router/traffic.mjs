// SPDX-License-Identifier: MIT
/** Transit traffic to every kind of route, tagged and untagged, and what a router must not simply forward. */
import { Capture, interleave } from '../common/capture.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

const hex = (n) => n.toString(16);

export function makeTraffic() {
  const random = new Random(1812);
  const capture = new Capture(random);

  const destinations4 = [
    () => `198.51.100.${random.between(1, 250)}`, // the default route: two paths
    () => `8.8.${random.below(4)}.${random.between(1, 250)}`,
    () => `10.1.${random.below(6)}.${random.between(1, 250)}`, // VLAN 100
    () => `10.1.7.${random.between(1, 65)}`, // VLAN 107, the longer prefix
    () => `10.2.0.${random.between(1, 250)}`, // small MTU
    () => '10.1.7.66', // blackhole inside a forwarded prefix
    () => `10.${random.between(5, 250)}.0.1`, // unreachable
    () => '10.0.0.254', // the router
    () => `203.0.113.${random.between(1, 250)}`, // blackhole
    () => '10.3.0.1', // a route to a next hop that is not there
    () => '10.4.0.1', // a next hop on a port that is not there
  ];
  const destinations6 = [
    () => `2001:db8:0:${hex(random.below(16))}::${hex(random.between(1, 250))}`,
    () => `2001:db8:1::${hex(random.between(1, 250))}`,
    () => `2001:db8:1:7::${hex(random.between(1, 250))}`,
    () => `2001:db8:bad::${hex(random.between(1, 250))}`,
    () => '2001:db8::fe',
    () => '2a00::1', // no route
  ];

  const flows = Array.from({ length: 220 }, () => {
    const six = random.chance(0.35);
    const src = six ? `2001:db8:c::${hex(random.between(1, 90))}` : `192.0.2.${random.between(1, 250)}`;
    const list = six ? destinations6 : destinations4;
    const ends = {
      src,
      dst: list[random.zipf(list.length)](),
      ttl: random.pick([64, 64, 63, 128, 255, 2]),
      vlans: random.chance(0.25) ? [random.pick([100, 107, 200 | (5 << 13)])] : [],
    };
    const ports = { sport: random.between(1024, 65535), dport: random.pick([22, 80, 443]) };
    return Array.from({ length: random.between(1, 7) }, (_, i) => {
      const data = random.bytes(random.chance(0.08) ? random.between(540, 640) : random.below(64));
      const kind = random.below(10);
      if (kind < 6) return p.frame(ends, p.tcp({ ...ports, flags: p.ACK, seq: i, data }));
      if (kind < 9) return p.frame(ends, p.udp({ ...ports, data }));
      return p.frame(ends, p.echo(six ? 128 : 8, 1, i, data));
    });
  });
  interleave(random, capture, flows);

  const query = p.udp({ sport: 5353, dport: 53, data: p.dnsQuery(1, 'example.net') });
  const v4 = { src: '192.0.2.1', dst: '198.51.100.1' };
  const v6 = { src: '2001:db8:c::1', dst: '2001:db8::5' };
  const large = p.udp({ sport: 1, dport: 2, data: Buffer.alloc(1260) });
  const whole = p.frame(v4, query);
  capture.send(
    // At the end of its TTL, one before, and one that counts down across a byte of the checksum.
    ...[0, 1, 2].flatMap((ttl) => [p.frame({ ...v4, ttl }, query), p.frame({ ...v6, ttl }, query)]),
    // Larger than the next hop's MTU, and just as large.
    p.frame({ ...v4, dst: '10.1.7.1' }, large),
    p.frame({ ...v4, dst: '10.1.7.1' }, p.udp({ sport: 1, dport: 2, data: Buffer.alloc(1252) })),
    p.frame({ ...v6, dst: '2001:db8:1:7::1' }, large),
    // IP options, fragments, extension headers.
    p.frame({ ...v4, options: '94040000' }, query),
    p.frame({ ...v4, id: 5, more: true }, query),
    p.frame({ ...v4, id: 5, offset: 64 }, p.raw(17, Buffer.alloc(30))),
    p.frame({ ...v6, extensions: [p.paddingOptions(0)] }, query),
    p.frame({ ...v6, extensions: [p.fragmentHeader(64, false, 5)] }, p.raw(17, Buffer.alloc(30))),
    // Sources that cannot be.
    ...['0.0.0.1', '127.0.0.1', '224.0.0.5', '255.255.255.255'].map((src) => p.frame({ ...v4, src }, query)),
    ...['::', '::1', 'ff02::1'].map((src) => p.frame({ ...v6, src }, query)),
    // Multicast, link-local, broadcast.
    p.frame({ ...v4, dst: '224.0.0.251' }, query),
    p.frame({ ...v4, dst: '255.255.255.255' }, query),
    p.frame({ ...v6, dst: 'ff02::fb' }, query),
    p.frame({ src: 'fe80::1', dst: 'fe80::2' }, p.icmp({ type: 136, data: p.addressBytes('fe80::1') })),
    // No IP, two tags, cut short, contradictory.
    p.arp('192.0.2.1', '192.0.2.254'),
    p.frame({ ...v4, vlans: [100, 200] }, query),
    whole.subarray(0, 14),
    whole.subarray(0, 30),
    whole.subarray(0, 50),
    p.frame({ ...v4, vlans: [100] }, query).subarray(0, 16),
    p.frame({ ...v4, ihl: 4 }, query),
    p.frame({ ...v4, ihl: 15 }, query),
    p.frame({ ...v4, version: 5 }, query),
    p.frame({ ...v4, length: 12 }, query),
    p.frame({ ...v6, version: 4 }, query),
    p.frame({ ...v6, extensions: Array(5).fill(p.paddingOptions(60)) }, query),
  );
  return capture;
}
