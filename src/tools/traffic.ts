/** Packets for the tools: from a capture, or generated with a share of everything that headers can be. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { fileError } from '../cli/program-file.js';
import { generateTraffic, linkTypes, openCapture } from '../packet/index.js';

export interface CapturedPacket {
  readonly data: Uint8Array;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
}

/** At most `limit` Ethernet packets of a capture file (gzip by its name). Throws InputError. */
export async function readPackets(path: string, limit: number): Promise<CapturedPacket[]> {
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  const bytes = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  const packets: CapturedPacket[] = [];
  try {
    const capture = await openCapture(bytes);
    for await (const packet of capture.packets()) {
      const { linkType } = capture.interfaces[packet.interfaceId] ?? {};
      if (linkType === linkTypes.ethernet) packets.push({ data: packet.data.slice(), time: packet.time });
      if (packets.length === limit) break;
    }
  } catch (error) {
    throw fileError(error, path);
  }
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
