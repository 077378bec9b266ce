/** Packets for the tools: from a capture, or generated with a share of everything that headers can be. */

import { generateTraffic } from '../../packet/index.js';
import { openCaptureFile } from '../capture-input.js';

/** A packet and when it arrived. */
export interface CapturedPacket {
  readonly data: Uint8Array;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
}

/** At most `limit` Ethernet packets of a capture file; what is wrong with it goes to stderr. Throws InputError. */
export async function readPackets(path: string, limit: number): Promise<CapturedPacket[]> {
  const info = (text: string): void => console.error(text);
  const capture = await openCaptureFile(path, { stdin: () => process.stdin, info });
  const packets: CapturedPacket[] = [];
  for await (const packet of capture.packets()) {
    if (packets.length === limit) break;
    packets.push({ data: packet.data.slice(), time: packet.time });
  }
  if (capture.damage !== undefined) info(`${path}: ${capture.damage}`);
  return packets;
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
