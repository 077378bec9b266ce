// SPDX-License-Identifier: MIT
/** Three classes and the default one, at rates below, between and above theirs, in bursts and with pauses. */
import { Capture } from '../common/capture.mjs';
import * as p from '../common/packet.mjs';
import { Random } from '../common/random.mjs';

/** Types of service: assured forwarding of every class and precedence, expedited forwarding, best effort, ECN bits. */
const SERVICES = [0x28, 0x28, 0x48, 0x68, 0x88, 0x30, 0x38, 0xb8, 0x00, 0x2a, 0x4b];

export function makeTraffic() {
  const random = new Random(2698);
  const capture = new Capture(random);
  const source = (prefix) => {
    const n = random.between(1, 12);
    return random.chance(0.25) && prefix < 3 ? `fd00:${prefix}::${n.toString(16)}` : `10.${prefix}.0.${n}`;
  };

  // Phases: packets, the mean pause between them (seconds), the class's prefix.
  const phases = [
    { packets: 120, pause: 0.002, prefix: 1 },
    { packets: 160, pause: 0.0003, prefix: 1 },
    { packets: 120, pause: 0.003, prefix: 2 },
    { packets: 160, pause: 0.0008, prefix: 2 },
    { packets: 80, pause: 0.001, prefix: 3 },
    { packets: 60, pause: 0.0001, prefix: 4 },
  ];
  for (let round = 0; round < 2; round++) {
    for (const { packets, pause, prefix } of phases) {
      for (let i = 0; i < packets / 2; i++) {
        const src = source(prefix);
        const dst = p.isIpv6(src) ? '2001:db8::1' : '192.0.2.1';
        const ports = { sport: random.between(1024, 65535), dport: random.pick([80, 443]) };
        const data = random.bytes(random.chance(0.15) ? random.between(400, 600) : random.below(120));
        const transport = random.chance(0.5) ? p.udp({ ...ports, data }) : p.tcp({ ...ports, flags: p.ACK, data });
        const vlans = random.chance(0.1) ? [100] : [];
        capture.send(p.frame({ src, dst, tos: random.pick(SERVICES), vlans }, transport));
        capture.wait((pause * random.between(50, 150)) / 100);
      }
      capture.wait(0.02);
    }
    capture.wait(5);
  }

  // One source alone: its burst, beyond it, and again after a pause that pays for one packet only.
  const one = p.frame({ src: '10.3.0.50', dst: '192.0.2.1' }, p.udp({ sport: 1, dport: 2, data: Buffer.alloc(258) }));
  capture.send(one, one, one, one, one);
  capture.wait(0.016);
  capture.send(one, one);
  // Larger than the whole bucket.
  capture.send(
    p.frame({ src: '10.3.0.51', dst: '192.0.2.1' }, p.udp({ sport: 1, dport: 2, data: Buffer.alloc(1300) })),
  );
  // A class that is not there, no IP, malformed.
  capture.send(
    p.frame({ src: '10.3.0.99', dst: '192.0.2.1' }, p.udp({ sport: 1, dport: 2 })),
    p.arp('10.1.0.1', '10.1.0.2'),
    one.subarray(0, 13 + 8),
    p.frame({ src: '10.1.0.1', dst: '192.0.2.1', ihl: 3 }, p.udp({ sport: 1, dport: 2 })),
  );
  return capture;
}
