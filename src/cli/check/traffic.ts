/** Packets for the tools: from a capture, or generated with a share of everything that headers can be. */

import { generateTraffic } from '../../packet/index.js';
import type { Arrival } from '../../runtime/index.js';
import { type CapturedPacket, readPackets as readCapture } from '../capture-input.js';

/** {@link readCapture} for who has no terminal: what is wrong with the file goes to stderr. */
export function readPackets(path: string, limit: number): Promise<CapturedPacket[]> {
  return readCapture(path, { stdin: () => process.stdin, info: (text) => console.error(text) }, limit);
}

/** So many arrivals: these over and over, time going on. */
export function* repeated(arrivals: readonly Arrival[], count: number): Generator<CapturedPacket> {
  const first = arrivals[0]?.time ?? 0n;
  const span = (arrivals.at(-1)?.time ?? 0n) - first + 1000n;
  for (let i = 0; i < count && arrivals.length > 0; i++) {
    const { data, time } = arrivals[i % arrivals.length] as Arrival;
    yield { data, time: (time ?? 0n) + span * BigInt(Math.floor(i / arrivals.length)) };
  }
}

/** `count` packets: IPv4 and IPv6, TCP, UDP, ICMP, ARP, VLANs, and one in ten malformed. */
export function makePackets(count: number, seed: number): Uint8Array[] {
  const traffic = generateTraffic({
    seed,
    packets: count,
    flows: 64,
    ipv6: 0.25,
    vlan: 0.15,
    qinq: 0.2,
    replies: 0.2,
    malformed: 0.1,
    protocols: { tcp: 0.5, udp: 0.35, icmp: 0.1, arp: 0.05 },
  });
  return Array.from(traffic, (packet) => packet.data.slice());
}
