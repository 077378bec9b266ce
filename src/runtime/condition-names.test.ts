/** One thing has one name in a condition, and what the words say is what the program asks. */
import { describe, expect, it } from 'vitest';
import { assemble, type ProgramSpec } from '../object/index.js';
import { buildPacket } from '../packet/index.js';
import { Session } from './index.js';

/** `body` has the packet in r2 and its end in r3, 60 bytes of it are there; it jumps to `yes`, or falls through. */
function conditionOf(body: string, packet: Uint8Array): string {
  const object = assemble(`
	.map table type=hash key=4 value=4 max_entries=4
	.section xdp
	.globl main
main:
	r9 = r1
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 60
	if r4 > r3 goto no
${body}
no:
	r0 = 1
	exit
yes:
	r0 = 2
	exit
`);
  const session = new Session(object, object.programs[0] as ProgramSpec, { check: true });
  session.run({ data: packet });
  expect(session.finish()).toBeUndefined();
  return (
    session.traces[0]?.condition.atoms
      .map(({ text }) => text)
      .slice(1)
      .join(' && ') ?? ''
  );
}

const udp = buildPacket('eth/ip(src=10.1.2.3,dst=192.168.7.9)/udp(sport=1234,dport=53)/"abcdefghijklmnopqrstuvwxyz"');
const tcp = buildPacket('eth/ip(src=10.1.2.3,dst=192.168.7.9)/tcp(sport=1234,dport=80,flags=A)/"abcdefghijklmnopqrst"');
const ipv4 = `
	r4 = *(u16 *)(r2 + 12)
	if r4 != 8 goto no`;

describe('an address', () => {
  it.each([
    ['r4 = *(u8 *)(r2 + 26)\n if r4 == 10 goto yes', 'ip.src == 10.0.0.0/8'],
    ['r4 = *(u8 *)(r2 + 26)\n if r4 != 11 goto yes', 'ip.src != 11.0.0.0/8'],
    ['r4 = *(u16 *)(r2 + 30)\n if r4 == 0xa8c0 goto yes', 'ip.dst == 192.168.0.0/16'],
    ['r4 = *(u32 *)(r2 + 26)\n r4 &= 0xf0ff\n if r4 == 0x000a goto yes', 'ip.src == 10.0.0.0/12'],
    ['r4 = *(u8 *)(r2 + 33)\n if r4 == 9 goto yes', '(ip.dst & 0.0.0.255) == 0.0.0.9'],
    ['r4 = *(u32 *)(r2 + 26)\n if r4 == 0x0302010a goto yes', 'ip.src == 10.1.2.3'],
  ])('%s', (body, words) => {
    expect(conditionOf(`${ipv4}\n${body}`, udp)).toBe(`eth.type == 0x0800 && ${words}`);
  });
});

describe('bits of a byte', () => {
  it('above others are compared with a number that lies where they do', () => {
    const body = 'r4 = *(u8 *)(r2 + 50)\n r4 >>= 4\n if r4 >= 6 goto yes';
    expect(conditionOf(body, udp)).toBe('(pkt[50:1] & 0xf0) >= 96');
  });

  it('that must not lie in between two numbers are two comparisons, which C would take', () => {
    const body = 'r4 = *(u8 *)(r2 + 50)\n w4 += -10\n if w4 < 20 goto no\n goto yes';
    expect(conditionOf(body, udp)).toBe('(pkt[50:1] < 10 || pkt[50:1] > 29)');
  });
});

describe('what is behind a header whose length is known', () => {
  it('has the name that it has elsewhere', () => {
    const body = `${ipv4}
	r4 = *(u8 *)(r2 + 23)
	if r4 != 6 goto no
	r4 = *(u8 *)(r2 + 14)
	r4 &= 15
	if r4 != 5 goto no
	r4 <<= 2
	r2 += r4
	r4 = r2
	r4 += 34
	if r4 > r3 goto no
	r4 = *(u16 *)(r2 + 16)
	if r4 != 0x5000 goto no
	r4 = *(u8 *)(r2 + 26)
	r4 >>= 4
	if r4 < 5 goto no
	goto yes`;
    expect(conditionOf(body, tcp)).toBe(
      'eth.type == 0x0800 && ip.proto == 6 && ip.ihl == 5 && tcp.dport == 80 && tcp.doff >= 5',
    );
  });
});

describe('a value', () => {
  it('keeps its name when some of its bits are known', () => {
    const body = `${ipv4}
	r4 = *(u32 *)(r2 + 26)
	r5 = r4
	r5 &= 255
	if r5 != 10 goto no
	r5 = *(u32 *)(r2 + 30)
	r4 *= r5
	if r4 == 7 goto no
	goto yes`;
    expect(conditionOf(body, udp)).toBe(
      'eth.type == 0x0800 && ip.src == 10.0.0.0/8 && (le32(ip.src) * le32(ip.dst)) != 7',
    );
  });

  it('is told by its field in a key, whichever way round its bytes lie there', () => {
    const look = (load: string): string => `${ipv4}
	r4 = *(u8 *)(r2 + 23)
	if r4 != 17 goto no
	r4 = *(u8 *)(r2 + 14)
	if r4 != 69 goto no
	r4 = *(u16 *)(r2 + 36)
${load}
	*(u32 *)(r10 - 4) = r4
	r1 = table ll
	r2 = r10
	r2 += -4
	call bpf_map_lookup_elem
	if r0 == 0 goto no
	goto yes`;
    const shown = (load: string): string => conditionOf(look(load), udp).replace(/^.*&& /, '');
    expect([shown(''), shown('r4 = be16 r4')]).toEqual([
      'table[udp.dport, 0] not found',
      'table[udp.dport, 0] not found',
    ]);
  });
});

describe('parts of a field', () => {
  const seen = (body: string, packet = udp): string =>
    conditionOf(`${ipv4}\n${body}`, packet).replace('eth.type == 0x0800 && ', '');
  const offset = 'r4 = *(u16 *)(r2 + 20)\n r4 &= 0xff1f\n if r4 != 0 goto no';
  it.each([
    ['asked by name one after another', `${offset}\n r4 = *(u8 *)(r2 + 20)\n r4 &= 0x20\n if r4 != 0 goto no`],
    ['asked of both bytes', `${offset}\n r4 = *(u16 *)(r2 + 20)\n r4 &= 0x20\n if r4 != 0 goto no`],
  ])('%s', (_, body) => {
    expect(seen(`${body}\n goto yes`)).toBe('ip.fragoff == 0 && ip.mf == 0');
  });

  it('asked at once have the name of both', () => {
    expect(seen('r4 = *(u16 *)(r2 + 20)\n r4 &= 0xff3f\n if r4 == 0 goto yes')).toBe('ip.fragmented == 0x0000');
  });

  it('asked by name beside others that have none', () => {
    const body =
      'r4 = *(u8 *)(r2 + 21)\n r4 &= 1\n if r4 != 0 goto no\n r4 = *(u8 *)(r2 + 20)\n r4 &= 0x40\n if r4 == 0 goto yes';
    expect(seen(body)).toBe('(ip.frag & 0x1) == 0x0000 && ip.df == 0');
  });

  it('are one number where all of it is known in the end', () => {
    const body = 'r4 = *(u8 *)(r2 + 15)\n r5 = r4\n r5 &= 1\n if r5 != 0 goto no\n if r4 == 0 goto yes';
    expect(seen(body)).toBe('ip.tos == 0x00');
  });

  it('without a name are bits of all of it, however few bytes were read', () => {
    expect(seen('r4 = *(u8 *)(r2 + 16)\n r4 &= 0xfc\n if r4 == 0 goto yes')).toBe('(ip.len & 0xfc00) == 0x0000');
  });

  it('that follow from a range do not take its name from a field', () => {
    const port =
      'r4 = *(u8 *)(r2 + 23)\n if r4 != 17 goto no\n r4 = *(u8 *)(r2 + 14)\n if r4 != 69 goto no\n r4 = *(u16 *)(r2 + 36)\n r4 = be16 r4';
    const body = `${port}\n if r4 > 100 goto no\n r5 = *(u16 *)(r2 + 34)\n r5 = be16 r5\n r5 *= 3\n if r4 > r5 goto no\n goto yes`;
    expect(seen(body).replace(/^.*45 && /, '')).toBe('udp.dport < 101 && (udp.sport * 3) >= udp.dport');
  });
});

describe('arithmetic that wraps', () => {
  const last = (body: string): string => conditionOf(`r4 = *(u8 *)(r2 + 50)\n${body}\n goto yes`, udp);
  it.each([
    ['in 64 bits', 'r4 += -100\n if r4 > 20 goto no', 'pkt[50:1] >= 100 && pkt[50:1] <= 120'],
    [
      'in 64 bits, from the other side',
      'r4 += -120\n r5 = -20 ll\n if r4 >= r5 goto no',
      'pkt[50:1] >= 100 && pkt[50:1] <= 119',
    ],
    ['in 32 bits, from the other side', 'w4 += -120\n if w4 >= -20 goto no', 'pkt[50:1] >= 100 && pkt[50:1] <= 119'],
    ['in a byte', 'r4 += 123\n r4 &= 255\n if r4 < 5 goto no', '(pkt[50:1] < 133 || pkt[50:1] > 137)'],
  ])('%s is an interval of the field, or all but one', (_, body, words) => {
    expect(last(body)).toBe(words);
  });

  it('cut to fewer bits says so', () => {
    const body = 'r5 = *(u8 *)(r2 + 51)\n r4 += r5\n r4 &= 255\n if r4 == 7 goto no';
    expect(last(body)).toBe('((pkt[50:1] + pkt[51:1]) & 0xff) != 0x7');
  });

  it('is written as C would', () => {
    const body =
      'r5 = *(u32 *)(r2 + 52)\n r5 *= 3\n w5 += w4\n r6 = *(u32 *)(r2 + 56)\n if r5 > r6 goto yes\n if r5 <= r6 goto yes';
    expect(last(body)).toMatch(/^le32\(pkt\[56:4\]\) (<|>=) \(u32\)\(/);
    const signed = 'r4 <<= 56\n r4 s>>= 56\n r5 = *(u8 *)(r2 + 51)\n if r4 s> r5 goto yes';
    expect(last(signed)).toMatch(/^\(s64\)pkt\[51:1\] (<|>=) \(s8\)pkt\[50:1\]$/);
  });
});

describe('a key', () => {
  it('that is some bits of a byte is the number that they are', () => {
    const body =
      'r4 = *(u8 *)(r2 + 50)\n r4 >>= 4\n *(u32 *)(r10 - 4) = r4\n r1 = table ll\n r2 = r10\n r2 += -4\n call bpf_map_lookup_elem\n if r0 == 0 goto no\n goto yes';
    expect(conditionOf(body, udp)).toBe('table[pkt[50:1] >> 4] not found');
  });
});
