// SPDX-License-Identifier: MIT
/** What a dual-stack host sees, with frames of every length around the bounds check. */
import { Capture } from '../common/capture.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

export function makeTraffic() {
  const random = new Random(6);
  const capture = new Capture(random);

  for (let i = 0; i < 400; i++) {
    const host = random.between(1, 40);
    const ports = { sport: random.between(1024, 65535), dport: random.pick([22, 80, 443]) };
    const transport = random.chance(0.5)
      ? p.udp({ ...ports, data: random.bytes(random.below(80)) })
      : p.tcp({ ...ports, flags: p.ACK, data: random.bytes(random.below(80)) });
    const v4 = { src: `10.0.0.${host}`, dst: '192.0.2.1' };
    const v6 = { src: `2001:db8::${host.toString(16)}`, dst: '2001:db8:1::1' };
    const kind = random.below(20);
    if (kind < 8) capture.send(p.frame(v6, transport));
    else if (kind < 15) capture.send(p.frame(v4, transport));
    else if (kind < 17) capture.send(p.arp(v4.src, v4.dst));
    // Behind a tag the EtherType is the tag's: IPv6 in a VLAN is dropped.
    else if (kind < 18) capture.send(p.frame({ ...v6, vlans: [100] }, transport));
    else if (kind < 19) capture.send(p.ethernet({ type: random.between(0x0600, 0xffff) }, random.bytes(46)));
    else capture.send(p.frame(v6, transport).subarray(0, random.between(1, 20)));
  }
  for (const type of [p.ETH_IPV4, p.ETH_IPV6]) {
    for (const length of [12, 13, 14, 15]) capture.send(p.ethernet({ type }, Buffer.alloc(4)).subarray(0, length));
  }
  return capture;
}
