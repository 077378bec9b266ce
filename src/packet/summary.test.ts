import { describe, expect, it } from 'vitest';
import { formatTimeOfDay, generateTraffic, parseIp, Summarizer, summarize } from './index.js';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
const ethernet = (type: string, rest: string): Uint8Array => bytes(`020000000002 020000000001 ${type} ${rest}`);
const ipv4 = (protocol: string, length: string, rest: string, more = '0000 0000'): Uint8Array =>
  ethernet('0800', `45 00 ${length} ${more} 40 ${protocol} 0000 0a000001 0a000002 ${rest}`);
const ipv6 = (next: string, length: string, rest: string): Uint8Array =>
  ethernet(
    '86dd',
    `60000000 ${length} ${next} 40 ${'20010db8'}${'0'.repeat(23)}1 ${'20010db8'}${'0'.repeat(23)}2 ${rest}`,
  );
const syn = '04d2 0050 00000001 00000000 60 02 faf0 0000 0000 020405b4';

/** The wording is tcpdump 4.99's for the same bytes. */
describe('summaries', () => {
  it.each([
    ['UDP', ipv4('11', '0020', '0035 1388 000c 0000 00000000'), 'IP 10.0.0.1.53 > 10.0.0.2.5000: UDP, length 4'],
    [
      'TCP with options',
      ipv4('06', '002c', syn),
      'IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S], seq 1, win 64240, options [mss 1460], length 0',
    ],
    [
      'TCP data',
      ipv4('06', '002a', '0050 04d2 00000005 00000002 50 18 0100 0000 0000 6869'),
      'IP 10.0.0.1.80 > 10.0.0.2.1234: Flags [P.], seq 5:7, ack 2, win 256, length 2',
    ],
    [
      'TCP over IPv6',
      ipv6('06', '0018', syn),
      'IP6 2001:db8::1.1234 > 2001:db8::2.80: Flags [S], seq 1, win 64240, options [mss 1460], length 0',
    ],
    [
      'a cut TCP header',
      ipv4('06', '002c', '04d2 0050 0000'),
      'IP truncated-ip - 18 bytes missing! 10.0.0.1.1234 > 10.0.0.2.80:  [|tcp]',
    ],
    [
      'a bad TCP option',
      ipv4('06', '002c', '04d2 0050 00000001 00000000 60 02 faf0 0000 0000 020905b4'),
      'IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S], seq 1, win 64240, options [[bad opt]',
    ],
    [
      'a short TCP header length',
      ipv4('06', '0028', '04d2 0050 00000001 00000000 20 02 faf0 0000 0000'),
      'IP 10.0.0.1.1234 > 10.0.0.2.80:  tcp 12 [bad hdr length 8 - too short, < 20]',
    ],
    [
      'ICMP echo',
      ipv4('01', '001c', '0800 0000 0007 0002'),
      'IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 2, length 8',
    ],
    [
      'ICMPv6 neighbor solicitation',
      ipv6('3a', '0018', `8700 0000 00000000 20010db8${'0'.repeat(23)}2`),
      'IP6 2001:db8::1 > 2001:db8::2: ICMP6, neighbor solicitation, who has 2001:db8::2, length 24',
    ],
    [
      'ARP request',
      ethernet('0806', '0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002'),
      'ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28',
    ],
    [
      'ARP reply',
      ethernet('0806', '0001 0800 06 04 0002 020000000001 0a000001 020000000002 0a000002'),
      'ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01, length 28',
    ],
    [
      'an unknown type',
      ethernet('88b5', '0000'),
      '02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype Unknown (0x88b5), length 16',
    ],
    [
      'a later fragment',
      ipv4('11', '0020', '000000000000000000000000', '0000 2010'),
      'IP 10.0.0.1 > 10.0.0.2: ip-proto-17',
    ],
    ['an unknown protocol', ipv4('fd', '0018', '00000000'), 'IP 10.0.0.1 > 10.0.0.2:  ip-proto-253 4'],
    [
      'IP in IP',
      ipv4('04', '0034', '45 00 0020 00000000 40 11 0000 0a000003 0a000004 0035 1388 000c 0000 00000000'),
      'IP 10.0.0.1 > 10.0.0.2: IP 10.0.0.3.53 > 10.0.0.4.5000: UDP, length 4',
    ],
    [
      'GRE',
      ipv4('2f', '0038', '0000 0800 45 00 0020 00000000 40 11 0000 0a000003 0a000004 0035 1388 000c 0000 00000000'),
      'IP 10.0.0.1 > 10.0.0.2: GREv0, length 36: IP 10.0.0.3.53 > 10.0.0.4.5000: UDP, length 4',
    ],
    [
      'a missing end',
      ipv4('11', '0100', '0035 1388 00ec 0000 00000000'),
      'IP truncated-ip - 224 bytes missing! 10.0.0.1.53 > 10.0.0.2.5000: UDP, length 228',
    ],
    ['a bad header length', ethernet('0800', `43${'00'.repeat(19)}`), 'IP bad-hlen 12'],
    ['another version', ethernet('0800', `75${'00'.repeat(19)}`), 'IP7 (invalid)'],
    ['a runt', bytes('0200'), '[|ether]'],
    ['nothing', bytes(''), '[Invalid header: caplen==0, len==0]'],
  ])('%s', (_, packet, expected) => {
    expect(summarize(packet)).toBe(expected);
  });

  it('show the link layer when asked', () => {
    const tagged = bytes(
      `020000000002 020000000001 88a8 0005 8100 6064 ${Buffer.from(ipv4('01', '001c', '0800 0000 0007 0002'))
        .toString('hex')
        .slice(24)}`,
    );
    expect(summarize(tagged, { link: true })).toBe(
      '02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 802.1Q-QinQ (0x88a8), length 50: vlan 5, p 0, ethertype 802.1Q (0x8100), vlan 100, p 3, ethertype IPv4 (0x0800), 10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 2, length 8',
    );
    expect(summarize(tagged)).toBe('IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 2, length 8');
  });

  it('use the length on the wire of a packet that was cut', () => {
    expect(
      summarize(ipv4('06', '05dc', '0050 04d2 00000005 00000002 50 10 0100 0000 0000'), { origLength: 1514 }),
    ).toBe('IP 10.0.0.1.80 > 10.0.0.2.1234: Flags [.], seq 5:1465, ack 2, win 256, length 1460');
  });

  it('count TCP sequence numbers from the start of a conversation', () => {
    const summarizer = new Summarizer();
    const seen = [
      ...generateTraffic({ packets: 4, flows: 1, protocols: { tcp: 1 }, ipv6: 0, replies: 0.001, sizes: '64' }),
    ];
    expect(seen.map((p) => summarizer.summarize(p.data).replace(/^.*?Flags/, ''))).toEqual([
      expect.stringMatching(/^ \[S\], seq \d{5,}, win/),
      expect.stringMatching(/^ \[S\.\], seq \d+, ack \d+, win/),
      ' [P.], seq 1:11, ack 1, win 64240, length 10',
      ' [P.], seq 11:21, ack 1, win 64240, length 10',
    ]);
  });

  it('read other link types', () => {
    const ip = ipv4('01', '001c', '0800 0000 0007 0002').subarray(14);
    const text = 'IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 2, length 8';
    expect(summarize(ip, { linkType: 101 })).toBe(text);
    expect(summarize(Uint8Array.of(2, 0, 0, 0, ...ip), { linkType: 0 })).toBe(text);
    expect(summarize(Uint8Array.of(0, 0, 0, 2, ...ip), { linkType: 108 })).toBe(text);
    expect(summarize(Uint8Array.of(...new Uint8Array(14), 8, 0, ...ip), { linkType: 113 })).toBe(text);
    expect(summarize(ip, { linkType: 105 })).toBe('IEEE802_11 (link type 105), length 28');
  });

  it('do not follow thousands of headers in headers', () => {
    const nested = bytes(
      `020000000002 020000000001 0800 ${'4500 0000 0000 0000 4004 0000 0a000001 0a000002'.repeat(3000)}`,
    );
    expect(summarize(nested).length).toBeLessThan(1000);
  });
});

it('the time of day is UTC with microseconds', () => {
  expect(formatTimeOfDay(1_700_000_000_123_456_789n)).toBe('22:13:20.123456');
});

it('IPv6 addresses are written as RFC 5952 says', () => {
  for (const text of [
    '::',
    '::1',
    '2001:db8::1',
    'fe80::1:0:0:1',
    '1:0:2:3:4:5:6:7',
    '::ffff:10.0.0.1',
    '2001:db8::',
  ]) {
    expect(
      summarize(Uint8Array.of(0x60, 0, 0, 0, 0, 0, 59, 64, ...parseIp(text), ...parseIp(text)), { linkType: 101 }),
    ).toContain(`IP6 ${text} > ${text}:`);
  }
});
