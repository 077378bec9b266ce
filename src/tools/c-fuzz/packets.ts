/**
 * Packets for generated C: few flows, so that paths repeat and traces are hit, with tags, extension headers and
 * damage.
 */

import type { Packet } from '../../judge/index.js';
import { generateTraffic, type Prng } from '../../packet/index.js';

/** `count` packets from `random` alone. */
export function cPackets(random: Prng, count: number): Packet[] {
  const traffic = generateTraffic({
    seed: random.u32(),
    packets: count,
    flows: 4 + random.below(8),
    popularity: { zipf: 1 },
    ipv6: 0.3,
    vlan: 0.3,
    qinq: 0.3,
    malformed: 0.05,
    sizes: '64',
  });
  const packets: Packet[] = [];
  for (const { data } of traffic) {
    // A test run of the kernel takes no less than an Ethernet header.
    // A payload more or less changes no path, but what room a frame has left.
    const more = random.chance(0.3) ? random.below(40) : 0;
    const whole = new Uint8Array(Math.max(14, data.length) + more);
    whole.set(data);
    packets.push({ data: changed(whole, random) });
  }
  return packets;
}

/**
 * Most packets as they are; some with a byte of headers or payload changed, cut short, or with an extension header.
 */
function changed(data: Uint8Array, random: Prng): Uint8Array {
  // 0: cut short; 1 to 3: a byte of the headers changed, small numbers as often as any; 4: extension headers; else as
  // is.
  const kind = random.below(10);
  if (kind === 0) return data.subarray(0, Math.max(14, random.below(data.length + 1)));
  if (kind <= 3) data[random.below(Math.min(data.length, 70))] = random.below(random.chance(0.5) ? 4 : 256);
  // IPv6: next header becomes hop-by-hop (0), routing (43) or destination options (60), and behind the fixed header
  // stand # the extension's own next header and its length in units of 8 bytes beyond the first.
  if (kind === 4 && data[12] === 0x86 && data[13] === 0xdd && data.length > 62) {
    data[20] = random.pick([0, 43, 60]);
    data[54] = random.pick([6, 17, 60, 0]);
    data[55] = random.below(2);
  }
  return data;
}
