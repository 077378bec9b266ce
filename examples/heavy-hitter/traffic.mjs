// SPDX-License-Identifier: MIT
/** Many small sources, a few large ones, over three windows of a second. */
import { Capture } from '../common/capture.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

export function makeTraffic() {
  const random = new Random(2005);
  const capture = new Capture(random);
  const datagram = (src, size) => {
    const dst = p.isIpv6(src) ? '2001:db8::1' : '192.0.2.1';
    return p.frame(
      { src, dst },
      p.udp({ sport: random.between(1024, 65535), dport: 443, data: Buffer.alloc(size, 0x2e) }),
    );
  };
  const small = () => {
    const n = random.zipf(400);
    const src = n % 3 === 2 ? `2001:db8:c::${n.toString(16)}` : `10.7.${n >> 8}.${n & 255}`;
    return datagram(src, random.chance(0.06) ? random.between(200, 900) : random.below(60));
  };

  // The first second: nobody stands out but the head of the Zipf distribution.
  for (let i = 0; i < 350; i++) capture.send(small());
  capture.wait(1);
  // The second: one source goes over the limit for reports, another over the limit for drops, 50 KB in all.
  for (let i = 0; i < 300; i++) {
    capture.send(small());
    if (i % 7 === 0) capture.send(datagram('10.66.0.1', 1000));
    if (i % 25 === 0) capture.send(datagram('2001:db8:bad::1', 1100));
    if (i % 60 === 0) capture.send(p.frame({ src: '10.7.0.1', dst: '192.0.2.1', vlans: [5] }, p.echo(8, 1, i)));
  }
  capture.wait(1);
  // The third: all of them start from zero.
  for (let i = 0; i < 250; i++) {
    capture.send(small());
    if (i % 40 === 0) capture.send(datagram('10.66.0.1', 700));
    if (i % 50 === 0) capture.send(p.arp('10.7.0.1', '10.7.0.2'), small().subarray(0, 25));
  }
  return capture;
}
