/** `run -x`: packets as `tcpdump -x` prints them, with their verdicts. */
import { formatTimeOfDay, type Packet, type Summarizer } from '../packet/index.js';
import { verdictName } from '../platform/index.js';
import type { Decided } from '../runtime/index.js';

/** Bytes of an Ethernet header, and of a VLAN tag behind its addresses. */
const ethernetSize = 14;
const tagSize = 4;
const tagTypes: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100]);

/**
 * One packet: the line that `tcpdump -n` has for it as it came, its verdict, and its bytes as it leaves. `level` 1:
 * without the link header, as `tcpdump -x`; 2: with it, as `-xx`.
 */
export function packetText(summarizer: Summarizer, packet: Packet, decided: Decided, level: number): string {
  const line = `${formatTimeOfDay(packet.time)} ${summarizer.summarize(packet.data)} -> ${verdictName(decided.verdict)}\n`;
  return line + hexText(level > 1 ? decided.bytes : decided.bytes.subarray(linkSize(decided.bytes)));
}

/** Ethernet header and VLAN tags, as tcpdump counts them. */
function linkSize(bytes: Uint8Array): number {
  let size = ethernetSize;
  while (size + tagSize <= bytes.length && tagTypes.has(((bytes[size - 2] ?? 0) << 8) | (bytes[size - 1] ?? 0)))
    size += tagSize;
  return Math.min(size, bytes.length);
}

/** Sixteen bytes a line, two by two, behind their offset. */
function hexText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 16) {
    text += `\t0x${at.toString(16).padStart(4, '0')}: `;
    for (let i = at; i < Math.min(at + 16, bytes.length); i++)
      text += `${i % 2 === 0 ? ' ' : ''}${(bytes[i] ?? 0).toString(16).padStart(2, '0')}`;
    text += '\n';
  }
  return text;
}
