/** Packets written as layers, filters, and differences by field. */
import { describe, expect, it } from 'vitest';
import {
  buildPacket,
  fieldOf,
  internetChecksum,
  packetDifferences,
  packetLayers,
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

  // Bytes as Scapy 2.5 makes them of the same layers.
  it.each([
    [
      'eth/ip6/ip6hbh(options=050200000100)/udp/"x"',
      '02000000000202000000000186dd6000000000110040fd000000000000000000000000000001fd0000000000000000000000' +
        '0000000211000502000001009c4000350009f16178',
    ],
    [
      'eth/ip6/ip6dst/ip6frag(id=7)/icmp6(id=1)',
      '02000000000202000000000186dd6000000000183c40fd000000000000000000000000000001fd0000000000000000000000' +
        '000000022c000000000000003a00000000000007800085b700010000',
    ],
    [
      'Ether/IPv6(hlim=255)/ICMPv6ND_NS(tgt=fd00::9)',
      '02000000000202000000000186dd6000000000183afffd000000000000000000000000000001fd0000000000000000000000' +
        '000000028700819e00000000fd000000000000000000000000000009',
    ],
    [
      'eth/ip/sctp(dport=36412, vtag=0x01020304)/0x0000000400010203',
      '02000000000202000000000108004500002800000000408466500a0000010a0000029c408e3c01020304ffd1288300000004' +
        '00010203',
    ],
    [
      'eth/mpls(label=16)/mpls(label=17, ttl=9)/ip/udp',
      '020000000002020000000001884700010040000111094500001c00000000401166cf0a0000010a0000029c40003500084f66',
    ],
    [
      'eth/ip/gre(key=77)/ip/udp',
      '02000000000202000000000108004500003800000000402f66950a0000010a000002200008000000004d4500001c00000000' +
        '401166cf0a0000010a0000029c40003500084f66',
    ],
    [
      'eth/ip/gre/eth/arp',
      '02000000000202000000000108004500004200000000402f668b0a0000010a00000200006558020000000002020000000001' +
        '080600010800060400010200000000010a0000010000000000000a000002',
    ],
    [
      'eth/dot1ad(vlan=100)/dot1q(vlan=7, prio=3)/ip/tcp',
      '02000000000202000000000188a800648100600708004500002800000000400666ce0a0000010a0000029c40005000000000' +
        '000000005002faf0045f0000',
    ],
    [
      'eth/ip/udp/geneve(vni=5)/eth/ip/udp',
      '02000000000202000000000108004500004e000000004011669d0a0000010a0000029c4017c1003ad5360000655800000500' +
        '02000000000202000000000108004500001c00000000401166cf0a0000010a0000029c40003500084f66',
    ],
    [
      'eth/ip/ah(spi=0x100, seq=1, options=000102030405060708090a0b)/udp(check=0)',
      '02000000000202000000000108004500003400000000403366950a0000010a00000211040000000001000000000100010203' +
        '0405060708090a0b9c40003500080000',
    ],
    [
      'eth/ip/esp(spi=0x100, seq=1)/0x0011',
      '02000000000202000000000108004500001e00000000403266ac0a0000010a00000200000100000000010011',
    ],
    [
      'eth/ip(ttl=1)/igmp(group=224.0.0.5)',
      '02000000000202000000000108004500001c000000000102a5de0a0000010a00000211000efae0000005',
    ],
    [
      'eth/ip6/ip6rt(segleft=0)/udp',
      '02000000000202000000000186dd6000000000102b40fd000000000000000000000000000001fd0000000000000000000000' +
        '0000000211000000000000009c40003500086964',
    ],
  ])('%s', (text, bytes) => {
    const data = buildPacket(text);
    expect(Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('')).toBe(bytes);
    // And back: layers that make exactly this packet.
    const layers = packetLayers(data);
    expect(layers).toBeDefined();
    expect(buildPacket(layers ?? '')).toEqual(data);
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
    ['eth/ip/sctpp', 'did you mean `sctp`?'],
    ['eth/ip6/ip6hbh(nxthdr=6)', 'did you mean `nexthdr`?'],
    ['eth/mpls(label=1048576)', 'it takes 0 to 1048575'],
    ['eth/udp(options=00)', '`udp` has no field `options`'],
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
    // As tcpdump has it.
    ['udp port 53', true, false],
    ['udp dst port 53 and src net 10.1.0.0/16', true, false],
    ['host 10.0.0.2 and not tcp', true, false],
    ['src port 53', false, false],
    ['dst 10.0.0.2', true, false],
    ['less 41', false, false],
    ['host fd00::1', false, false],
  ])('%s', (text, first, second) => {
    const filter = parseFilter(text);
    expect([filter(dns), filter(arp)]).toEqual([first, second]);
  });

  it('suggests the nearest field', () => {
    expect(() => parseFilter('udp.dprt == 5')).toThrow('no field `dprt`');
    expect(() => parseFilter('udp.dport ==')).toThrow('compared with nothing');
    expect(() => parseFilter('udp port')).toThrow('something is missing');
    expect(() => parseFilter('udp port http')).toThrow('is a number');
    expect(() => parseFilter('src host 10.0.0')).toThrow('10.0.0');
    expect(() => parseFilter('len > abc')).toThrow('`len` is a number');
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

  it('takes addresses however they are written, and none that the field cannot have', () => {
    const ip6 = buildPacket('eth/ip6(src=fd00::1:2)/udp');
    expect(sameFieldValue(ip6, 'ip6.src', 'FD00:0:0:0:0:0:1:2')).toBe(true);
    expect(sameFieldValue(ip6, 'eth.src', '2:0:0:0:0:1')).toBe(true);
    expect(() => sameFieldValue(ip6, 'ip6.src', '10.0.0.1')).toThrow('has 16 bytes');
    expect(() => sameFieldValue(ip6, 'ip.ttl', '300')).toThrow('does not fit');
  });
});
