/** ARP and its relatives as tcpdump prints them. */

import { etherTypeName, etherTypes } from './protocol.js';
import type { SummaryPrinter } from './summary-printer.js';

/** Hardware types by tcpdump's names (print-arp.c). */
const hardwareNames: Readonly<Record<number, string>> = {
  1: 'Ethernet',
  6: 'TokenRing',
  7: 'ArcNet',
  15: 'FrameRelay',
  19: 'ATM',
  23: 'Strip',
  24: 'IEEE 1394',
};

/** Operations: ARP, RARP, Inverse ARP, and ATMARP's refusal. */
const operations: Readonly<Record<number, string>> = {
  1: 'Request',
  2: 'Reply',
  3: 'Reverse Request',
  4: 'Reverse Reply',
  8: 'Inverse Request',
  9: 'Inverse Reply',
  10: 'NACK Reply',
};

/** `length` is what the link layer leaves, padding included. */
export function printArp(p: SummaryPrinter, at: number, length: number): void {
  p.protocol = 'arp';
  p.need(at, 8);
  const hardware = p.u16(at);
  const protocol = p.u16(at + 2);
  const hardwareLength = p.u8(at + 4);
  const protocolLength = p.u8(at + 5);
  const operation = p.u16(at + 6);
  const senderHardware = at + 8;
  const sender = senderHardware + hardwareLength;
  const targetHardware = sender + protocolLength;
  const target = targetHardware + hardwareLength;
  p.need(target, protocolLength);
  if (!p.link) p.put('ARP, ');
  const isIp = protocol === etherTypes.ipv4 || protocol === 0x1000;
  if (!isIp || protocolLength !== 4 || hardwareLength === 0) {
    const of = hardwareNames[hardware] ?? `Unknown Hardware (${hardware})`;
    const over = etherTypeName(protocol) ?? `Unknown Protocol (0x${protocol.toString(16).padStart(4, '0')})`;
    p.put(`${of} (len ${hardwareLength}), ${over} (len ${protocolLength}), length ${length}`);
    return;
  }
  const mac = (offset: number): string => p.hardware(offset, hardwareLength);
  p.put(`${operations[operation] ?? `Unknown (${operation})`} `);
  switch (operation) {
    case 1: {
      const known = p.bytes.subarray(targetHardware, target).some((b) => b !== 0);
      p.put(`who-has ${p.ipv4(target)}${known ? ` (${mac(targetHardware)})` : ''} tell ${p.ipv4(sender)}`);
      break;
    }
    case 2:
      p.put(`${p.ipv4(sender)} is-at ${mac(senderHardware)}`);
      break;
    case 3:
    case 8:
      p.put(`who-is ${mac(targetHardware)} tell ${mac(senderHardware)}`);
      break;
    case 4:
      p.put(`${mac(targetHardware)} at ${p.ipv4(target)}`);
      break;
    case 9:
      p.put(`${mac(senderHardware)} at ${p.ipv4(sender)}`);
      break;
    default:
      return;
  }
  p.put(`, length ${length}`);
}
