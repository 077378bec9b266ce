import { describe, expect, it } from 'vitest';
import {
  type FieldContext,
  fieldAt,
  generateTraffic,
  headersIn,
  internetChecksum,
  locateField,
  packetContext,
} from './index.js';

/** Known bytes by (offset, width), as guards of the form `field == value` leave them. */
const knowing = (
  ...facts: (readonly [offset: number, width: number, value: number, mask?: number])[]
): FieldContext => ({
  value: (offset, width, mask) => {
    for (const [o, w, value, m] of facts) {
      if (o === offset && w === width && ((m ?? mask) & mask) >>> 0 === mask) return (value & mask) >>> 0;
    }
    return undefined;
  },
});
const isIpv4 = [12, 2, 0x0800] as const;
const isIpv6 = [12, 2, 0x86dd] as const;
const ihl5 = [14, 1, 0x45] as const;

describe('names of packet bytes', () => {
  it('need no context for Ethernet', () => {
    expect(fieldAt(12, 2, knowing())?.name).toBe('eth.type');
    expect(fieldAt(0, 6, knowing())?.name).toBe('eth.dst');
    expect(fieldAt(2, 4, knowing())?.name).toBe('eth.dst[2:4]');
  });

  it('are not guessed where nothing is known', () => {
    expect(fieldAt(23, 1, knowing())).toBeUndefined();
    expect(fieldAt(34, 2, knowing(isIpv4))).toBeUndefined();
    expect(fieldAt(4, 4, knowing())).toBeUndefined();
    expect(fieldAt(14, 1, knowing([12, 2, 0x88b5]))).toBeUndefined();
  });

  it('depend on the Ethernet type', () => {
    expect(fieldAt(23, 1, knowing(isIpv4))?.name).toBe('ip.proto');
    expect(fieldAt(20, 1, knowing(isIpv6))?.name).toBe('ip6.nexthdr');
    expect(fieldAt(20, 2, knowing([12, 2, 0x0806]))?.name).toBe('arp.op');
    expect(fieldAt(14, 2, knowing([12, 2, 0x8100]), 0x0fff)?.name).toBe('vlan.id');
    expect(fieldAt(27, 1, knowing([12, 2, 0x8100], [16, 2, 0x0800]))?.name).toBe('ip.proto');
    expect(fieldAt(18, 2, knowing([12, 2, 0x88a8], [16, 2, 0x8100]))?.name).toBe('vlan2.tci');
  });

  it('follow the length of the IPv4 header, and say when it is assumed', () => {
    expect(fieldAt(36, 2, knowing(isIpv4, [23, 1, 17], ihl5))).toMatchObject({ name: 'udp.dport', assumes: [] });
    expect(fieldAt(40, 2, knowing(isIpv4, [23, 1, 17], [14, 1, 0x46]))?.name).toBe('udp.dport');
    expect(fieldAt(36, 2, knowing(isIpv4, [23, 1, 17]))).toMatchObject({ name: 'udp.dport', assumes: ['ip.ihl == 5'] });
    expect(fieldAt(36, 2, knowing(isIpv4, [23, 1, 17], [14, 1, 5, 0x0f]))?.assumes).toEqual([]);
  });

  it('know parts of bytes', () => {
    expect(fieldAt(14, 1, knowing(isIpv4), 0x0f)).toMatchObject({ name: 'ip.ihl', shift: 0 });
    expect(fieldAt(14, 1, knowing(isIpv4), 0xf0)).toMatchObject({ name: 'ip.version', shift: 4 });
    expect(fieldAt(47, 1, knowing(isIpv4, ihl5, [23, 1, 6]), 0x02)).toMatchObject({ name: 'tcp.syn', shift: 1 });
    expect(fieldAt(47, 1, knowing(isIpv4, ihl5, [23, 1, 6]), 0x12)).toBeUndefined();
    expect(fieldAt(12, 2, knowing(), 0xffff)?.name).toBe('eth.type');
  });

  it('number headers inside headers', () => {
    const tunnel = knowing(isIpv4, ihl5, [23, 1, 4], [34, 1, 0x45], [43, 1, 6]);
    expect(fieldAt(50, 4, tunnel)?.name).toBe('ip2.dst');
    expect(fieldAt(56, 2, tunnel)?.name).toBe('tcp.dport');
    const vxlan = knowing(isIpv4, ihl5, [23, 1, 17], [36, 2, 4789]);
    expect(fieldAt(46, 3, vxlan)?.name).toBe('vxlan.vni');
    expect(fieldAt(62, 2, vxlan)?.name).toBe('eth2.type');
    const gre = knowing(isIpv4, ihl5, [23, 1, 47], [34, 2, 0x2000], [36, 2, 0x0800]);
    expect(fieldAt(38, 4, gre)?.name).toBe('gre.key');
    expect(fieldAt(51, 1, gre)?.name).toBe('ip2.proto');
  });

  it('follow extension headers, labels and security associations, as far as their lengths are known', () => {
    const options = knowing(isIpv6, [20, 1, 0], [54, 1, 60], [55, 1, 1], [70, 1, 17]);
    expect(fieldAt(54, 1, options)?.name).toBe('ip6hbh.nexthdr');
    expect(fieldAt(70, 1, options)?.name).toBe('ip6dst.nexthdr');
    expect(fieldAt(80, 2, options)).toMatchObject({ name: 'udp.dport', assumes: ['ip6dst.hdrlen == 0'] });
    const labels = knowing([12, 2, 0x8847], [16, 1, 0, 1], [20, 1, 1, 1], [22, 1, 0x60, 0xf0]);
    expect(fieldAt(18, 4, labels, 0xfffff000)?.name).toBe('mpls2.label');
    expect(fieldAt(29, 1, labels)?.name).toBe('ip6.hlim');
    const ah = knowing(isIpv4, ihl5, [23, 1, 51], [34, 1, 6], [35, 1, 4]);
    expect(fieldAt(60, 2, ah)?.name).toBe('tcp.dport');
    // What lies behind a later fragment is no header, and IPv4 has no extension headers.
    expect(fieldAt(36, 2, knowing(isIpv4, ihl5, [23, 1, 17], [20, 2, 5, 0x1fff]))).toBeUndefined();
    expect(fieldAt(34, 1, knowing(isIpv4, ihl5, [23, 1, 0]))).toBeUndefined();
  });

  it('can be turned into places', () => {
    expect(locateField('udp.dport', knowing(isIpv6, [20, 1, 17]))).toMatchObject({ start: 56, width: 2 });
    expect(locateField('tcp.dport', knowing(isIpv6, [20, 1, 17]))).toBeUndefined();
  });

  it('agree with generated packets', () => {
    for (const { data } of generateTraffic({ packets: 300, vlan: 0.5, ipv6: 0.5, protocols: { tcp: 1, udp: 1 } })) {
      const context = packetContext(data);
      const ip = headersIn(context).find((h) => h.protocol === 'ip');
      if (ip !== undefined) expect(internetChecksum(data, ip.offset, ip.offset + 20)).toBe(0);
      const transport = headersIn(context).at(-1);
      expect(['tcp', 'udp']).toContain(transport?.protocol);
      const port = locateField(`${transport?.label}.dport`, context);
      expect([80, 443, 53, 8080]).toContain(context.value(port?.start ?? 0, 2, 0xffff));
    }
  });
});
