import { describe, expect, it } from 'vitest';
import { generateTraffic, parseHeaders } from './index.js';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const macs = '020000000002 020000000001';
const kinds = (hex: string): readonly string[] => parseHeaders(bytes(hex)).headers.map((h) => h.kind);
const udp = '0001 0002 0008 0000';
const ip4 = (protocol: string): string => `4500 0000 0000 0000 40${protocol} 0000 0a000001 0a000002`;

describe('headers', () => {
  it.each([
    [`${macs} 88a8 0005 8100 a064 0800 ${ip4('11')} ${udp}`, ['ethernet', 'vlan', 'vlan', 'ipv4', 'udp']],
    [`${macs} 0800 ${ip4('04')} ${ip4('11')} ${udp}`, ['ethernet', 'ipv4', 'ipv4', 'udp']],
    [`${macs} 0800 ${ip4('2f')} 2000 0800 00000007 ${ip4('01')} 08000000`, ['ethernet', 'ipv4', 'gre', 'ipv4', 'icmp']],
    [
      `${macs} 0800 ${ip4('11')} 0001 12b5 0008 0000 08000000 00007b00 ${macs} 0806 0001 0800 06 04 0001${'00'.repeat(20)}`,
      ['ethernet', 'ipv4', 'udp', 'vxlan', 'ethernet', 'arp'],
    ],
    [
      `${macs} 86dd 60000000 0020 00 40 ${'00'.repeat(32)} 2c00000000000000 11000001 00000007 ${udp}`,
      ['ethernet', 'ipv6', 'ipv6-extension', 'ipv6-fragment', 'udp'],
    ],
    [`${macs} 88b5 0000`, ['ethernet']],
  ])('%s', (hex, expected) => {
    expect(kinds(hex)).toEqual(expected);
  });

  it('have their values', () => {
    const { headers, payload } = parseHeaders(
      bytes(`${macs} 8100 a064 0800 ${ip4('06')} 04d2 0050 00000001 00000000 60 02 faf0 0000 0000 020405b4 ff`),
    );
    expect(headers[1]).toMatchObject({ offset: 14, id: 100, priority: 5, dei: false, type: 0x0800 });
    expect(headers[2]).toMatchObject({ offset: 18, length: 20, protocol: 6, ttl: 64, fragmentOffset: 0 });
    expect(headers[3]).toMatchObject({ offset: 38, length: 24, sourcePort: 1234, destinationPort: 80, flags: 2 });
    expect(payload).toBe(62);
  });

  it('end where one is cut off or wrong, and say which', () => {
    expect(parseHeaders(bytes(`${macs} 0800 45000000`)).broken).toBe('ipv4');
    expect(parseHeaders(bytes(`${macs} 0800 43${'00'.repeat(30)}`)).broken).toBe('ipv4');
    expect(parseHeaders(bytes(`${macs} 0800 ${ip4('06')} 0001 0002`))).toMatchObject({ payload: 34, broken: 'tcp' });
    expect(parseHeaders(new Uint8Array(0))).toEqual({ headers: [], payload: 0, broken: 'ethernet' });
  });

  it('of later fragments end with IP', () => {
    expect(kinds(`${macs} 0800 4500 0000 0000 2001 4011 0000 0a000001 0a000002 ${udp}`)).toEqual(['ethernet', 'ipv4']);
  });

  it('of generated packets are all there', () => {
    for (const { data } of generateTraffic({ packets: 500, vlan: 0.5, ipv6: 0.5 })) {
      const { headers, broken } = parseHeaders(data);
      expect(broken).toBeUndefined();
      expect(['tcp', 'udp', 'icmp', 'icmpv6', 'arp']).toContain(headers.at(-1)?.kind);
    }
  });
});
