/** Packets written as layers, filters, and differences by field. */
import { describe, expect, it } from 'vitest';
import {
  buildPacket,
  fieldOf,
  internetChecksum,
  packetDifferences,
  parseFilter,
  sameFieldValue,
  summarize,
  transportChecksum,
} from './index.js';

describe('buildPacket', () => {
  it('works out types, lengths and checksums', () => {
    const data = buildPacket('eth/ip(src=10.1.2.3, ttl=9)/udp(dport=53)/"query"');
    expect(data).toHaveLength(14 + 20 + 8 + 5);
    expect(fieldOf(data, 'eth.type')).toBe('0x0800');
    expect(fieldOf(data, 'ip.len')).toBe('33');
    expect(fieldOf(data, 'ip.src')).toBe('10.1.2.3');
    expect(fieldOf(data, 'udp.len')).toBe('13');
    expect(internetChecksum(data, 14, 34)).toBe(0);
    expect(transportChecksum(data, 14, 34, 13, 17)).toBe(0);
    expect(summarize(data)).toContain('10.1.2.3.40000 > 10.0.0.2.53');
  });

  it('takes Scapy names, flags by letters, tags, tunnels and options', () => {
    const tcp = buildPacket('Ether/Dot1Q(vlan=7,prio=3)/IP(chksum=0x1234)/TCP(flags=SA, ack=77, window=5)/0x0102');
    expect(fieldOf(tcp, 'vlan.id')).toBe('7');
    expect(fieldOf(tcp, 'vlan.pcp')).toBe('3');
    expect(fieldOf(tcp, 'ip.check')).toBe('0x1234');
    expect(fieldOf(tcp, 'tcp.flags')).toBe('0x12');
    expect(fieldOf(tcp, 'tcp.ack_seq')).toBe('77');
    expect([...tcp.subarray(-2)]).toEqual([1, 2]);
    const options = buildPacket('eth/ip(options=01010100)/tcp(options=020405b4)');
    expect(fieldOf(options, 'ip.ihl')).toBe('6');
    expect(fieldOf(options, 'tcp.doff')).toBe('6');
    const tunnel = buildPacket('eth/ip/udp/vxlan(vni=5)/eth/ip6/icmp6');
    expect(fieldOf(tunnel, 'vxlan.vni')).toBe('5');
    expect(fieldOf(tunnel, 'icmp6.type')).toBe('128');
    expect(fieldOf(buildPacket('eth/ip(ihl=4)/udp'), 'ip.ihl')).toBe('4');
    expect(buildPacket('eth/zeros(46)')).toHaveLength(60);
    expect([...buildPacket('"a\\x00\\n"*2')]).toEqual([97, 0, 10, 97, 0, 10]);
  });

  it.each([
    ['eth/ipp', 'did you mean `ip`?'],
    ['eth/ip(tll=3)', 'did you mean `ttl`?'],
    ['eth/ip(ttl=256)', 'it takes 0 to 255'],
    ['eth/ip(ttl=x)', 'is a number'],
    ['eth/"open', 'quotation mark is missing'],
    ['eth/ip(ttl=1', 'bracket is missing'],
    ['eth//ip', 'an empty layer'],
    ['eth/ip(src=10.0.0.300)', 'is not an IP address'],
    ['eth(src=1:2)', 'is not a MAC address'],
  ])('says what is wrong with %s', (text, said) => {
    let format = '';
    try {
      buildPacket(text);
    } catch (error) {
      format = (error as { format(): string }).format();
    }
    expect(format).toContain(said);
  });
});

describe('parseFilter', () => {
  const dns = buildPacket('eth/ip(src=10.1.2.3)/udp(dport=53)');
  const arp = buildPacket('eth/arp');
  it.each([
    ['udp', true, false],
    ['not arp', true, false],
    ['udp.dport == 53 && ip.src == 10.0.0.0/8', true, false],
    ['udp.dport > 53 or arp.op == 1', false, true],
    ['ip.src != 10.1.0.0/16', false, false],
    ['len >= 42', true, true],
    ['!(ip.ttl < 65)', false, true],
    ['eth.src == 02:00:00:00:00:01', true, true],
  ])('%s', (text, first, second) => {
    const filter = parseFilter(text);
    expect([filter(dns), filter(arp)]).toEqual([first, second]);
  });

  it('suggests the nearest field', () => {
    expect(() => parseFilter('udp.dprt == 5')).toThrow('no field `dprt`');
    expect(() => parseFilter('udp.dport ==')).toThrow('compared with nothing');
  });
});

describe('packetDifferences', () => {
  it('names fields, and bytes where there are none', () => {
    const a = buildPacket('eth/ip(ttl=64)/udp(check=0)/"hello"');
    const b = buildPacket('eth/ip(ttl=63)/udp(check=0)/"hallo!"');
    expect(packetDifferences(a, b).map(({ name, expected, actual }) => `${name}: ${expected} ${actual}`)).toEqual([
      'length: 47 48',
      'ip.len: 33 34',
      'ip.ttl: 64 63',
      `ip.check: ${fieldOf(a, 'ip.check')} ${fieldOf(b, 'ip.check')}`,
      'udp.len: 13 14',
      'byte 43: 65 61',
      'bytes behind: none 21',
    ]);
    expect(packetDifferences(a, a)).toEqual([]);
    expect(sameFieldValue(a, 'ip.ttl', '0x40')).toBe(true);
  });
});
