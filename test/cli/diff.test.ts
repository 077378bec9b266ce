/** `jitnic diff`: do two objects decide alike? */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const folder = mkdtempSync(join(tmpdir(), 'jitnic-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Drops frames of one EtherType (as it lies in memory). */
const program = (name: string, type: number, extra = ''): string => {
  const path = join(folder, `${name}.s`);
  const lines = [
    '.section xdp',
    '.globl f',
    'f:',
    extra,
    'r2 = *(u32 *)(r1 + 0)',
    'r3 = *(u32 *)(r1 + 4)',
    'r4 = r2',
    'r4 += 14',
  ];
  const rest = ['r0 = 2', 'if r4 > r3 goto +3', 'r5 = *(u16 *)(r2 + 12)', `if r5 != ${type} goto +1`, 'r0 = 1', 'exit'];
  writeFileSync(path, `${[...lines, ...rest].filter((line) => line !== '').join('\n')}\n`);
  return path;
};
const ipv4 = program('ipv4', 0x0008);
const slower = program('slower', 0x0008, 'r5 = 0');
const ipv6 = program('ipv6', 0xdd86);
const traffic = join(folder, 'traffic.pcap');
await captureCli(['gen', '-w', traffic, '-c', '40', '--seed', '2']);

it('says that code is equal, or that nothing tells it apart, and what it costs', async () => {
  const same = await captureCli(['diff', ipv4, ipv4]);
  expect(same.out).toBe('equal: the same code, maps and data\n');
  const alike = await captureCli(['diff', ipv4, slower, '-r', traffic, '--no-proof']);
  expect(alike.exitCode).toBe(0);
  expect(alike.out).toMatch(/^undecided: no difference found in \d+ starts \(\d+ packets made, 40 of the capture\); /);
  expect(alike.out).toContain('the searches have gone every path; that is no proof\n');
  expect(alike.out).toMatch(/instructions +10 +11/);
});

it('proves what differs in nothing that counts, and does not take a difference for proved', async () => {
  const proved = await captureCli(['diff', ipv4, slower]);
  expect(proved.out).toMatch(/^proved: they do the same, whatever the packet is/);
  expect(proved.exitCode).toBe(0);
  const json = JSON.parse((await captureCli(['diff', ipv4, slower, '-j'])).out) as Record<string, unknown>;
  expect(json).toMatchObject({ equal_code: false, proof: { verdict: 'proved' }, differences: [] });
  // A difference that is found soon is not asked of the solver.
  const other = JSON.parse((await captureCli(['diff', ipv4, ipv6, '-j'])).out) as Record<string, unknown>;
  expect(other).not.toHaveProperty('proof');
});

it('finds a packet that tells two programs apart, without traffic, and ends with 1', async () => {
  const { exitCode, out } = await captureCli(['diff', ipv4, ipv6]);
  expect(exitCode).toBe(1);
  expect(out).toContain('verdict: DROP -> PASS');
  expect(out).toContain('verdict: PASS -> DROP');
});

it('says which packet of a capture comes first', async () => {
  const { out, exitCode } = await captureCli(['diff', ipv4, ipv6, '-r', traffic, '--budget', '0', '-j']);
  expect(exitCode).toBe(1);
  const { differences, equal_code } = JSON.parse(out) as {
    equal_code: boolean;
    differences: { packet?: number; what: string }[];
  };
  expect(equal_code).toBe(false);
  expect(differences.find(({ packet }) => packet !== undefined)).toMatchObject({ what: 'verdict' });
});

/** Passes or drops by a variable, and counts in another; sections are maps named after the file. */
const counting = (name: string, by: number, more = ''): string => {
  const path = join(folder, `${name}.s`);
  const lines = [
    '.section xdp',
    '.globl f',
    'f:',
    'r1 = count ll',
    'r2 = *(u64 *)(r1 + 0)',
    `r2 += ${by}`,
    '*(u64 *)(r1 + 0) = r2',
    'r3 = mode ll',
    'r4 = *(u64 *)(r3 + 0)',
    'r0 = 2',
    'if r4 == 0 goto +1',
    'r0 = 1',
    'exit',
    '.section .data',
    'mode: .quad 0',
    '.section .bss',
    ...(more === '' ? [] : [more]),
    'count: .quad 0',
  ];
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

it('gives variables to both versions, whatever their files are called', async () => {
  const [one, same, twice] = [counting('one', 1), counting('same', 1, 'pad: .quad 0'), counting('twice', 2)];
  const search = ['--no-proof', '-j', '--budget', '200'];
  const alike = JSON.parse((await captureCli(['diff', one, same, ...search])).out) as {
    differences: unknown[];
    made: number;
    classes: { class: string; packets: number }[];
    verifier_insns: { old: number; new: number };
  };
  expect(alike.differences).toEqual([]);
  // Of each version: the variable that decides is set, and is not.
  expect(alike.made).toBeGreaterThanOrEqual(4);
  expect(alike.classes.reduce((sum, { packets }) => sum + packets, 0)).toBe(alike.made);
  expect(alike.verifier_insns.old).toBeGreaterThan(0);
  const other = await captureCli(['diff', one, twice, ...search]);
  expect(other.exitCode).toBe(1);
  const { differences } = JSON.parse(other.out) as { differences: { what: string; old: string; new: string }[] };
  expect(differences[0]).toMatchObject({
    what: 'variables of `.bss`, after the packet',
    old: '01 00 00 00 00 00 00 00',
    new: '02 00 00 00 00 00 00 00',
  });
});

it('does not call programs equal that tail-call others which are not', async () => {
  const calling = (name: string, verdict: number): string => {
    const path = join(folder, `${name}.s`);
    const head = ['.license "GPL"', '.map jumps type=prog_array key=4 value=4 max_entries=2', '.section xdp'];
    const main = ['.globl main', 'main:', 'r2 = jumps ll', 'r3 = 0', 'call bpf_tail_call', 'r0 = 2', 'exit'];
    writeFileSync(path, `${[...head, ...main, '.globl other', 'other:', `r0 = ${verdict}`, 'exit'].join('\n')}\n`);
    return path;
  };
  const { exitCode, out } = await captureCli(['diff', calling('calls-drop', 1), calling('calls-tx', 3), 'main']);
  expect(exitCode).toBe(1);
  expect(out).toContain('verdict: DROP -> TX');
});

it('does not compare what only one of them can hold, and says so', async () => {
  const table = (name: string, value: number): string => {
    const path = join(folder, `${name}.s`);
    const lines = [
      `.map table type=hash key=4 value=${value} max_entries=4`,
      '.section xdp',
      '.globl f',
      'f:',
      '*(u32 *)(r10 - 4) = 0',
      'r1 = table ll',
      'r2 = r10',
      'r2 += -4',
      'call bpf_map_lookup_elem',
      'if r0 == 0 goto none',
      'r0 = 1',
      'exit',
      'none:',
      'r0 = 2',
      'exit',
    ];
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  };
  const { out, exitCode } = await captureCli(['diff', table('narrow', 4), table('wide', 8), '--budget', '200']);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^undecided: no difference found in \d+ starts \(2 packets made\); /);
  expect(out).toContain('2 packets of a path not compared');
});

/** An element of `ages` by the first byte of the packet in r6; `body` has it in r7, and the time in r0. */
const aged = (name: string, body: string): string => {
  const path = join(folder, `${name}.s`);
  writeFileSync(
    path,
    `.license "GPL"
.map ages type=hash key=4 value=8 max_entries=8
.section xdp
.globl f
f:
	r2 = *(u32 *)(r1 + 0)
	r3 = *(u32 *)(r1 + 4)
	r4 = r2
	r4 += 14
	if r4 > r3 goto pass
	r6 = r2
	r5 = *(u8 *)(r2 + 0)
	*(u32 *)(r10 - 4) = r5
	r2 = r10
	r2 += -4
	r1 = ages ll
	call bpf_map_lookup_elem
	if r0 == 0 goto pass
	r7 = r0
	call bpf_ktime_get_ns
${body}
pass:
	r0 = 2
	exit
`,
  );
  return path;
};

const limit = (jump: string): string => `	r1 = *(u64 *)(r7 + 0)
	r0 -= r1
	if r0 ${jump} 600000 goto pass
	r0 = 1
	exit`;

it('finds the one time, value or byte at which a limit or an operation is another', async () => {
  const [upTo, below] = [aged('up-to', limit('<=')), aged('below', limit('<'))];
  const time = await captureCli(['diff', upTo, below, '--no-proof']);
  expect([time.exitCode, time.err]).toEqual([1, '']);
  expect(time.out).toContain('verdict: PASS -> DROP');
  expect(time.out).toContain('    clock: 600000\n    ages: {"key":"02 00 00 00","value":"00 00 00 00 00 00 00 00"}\n');
  const json = JSON.parse((await captureCli(['diff', upTo, below, '-j'])).out) as { differences: unknown[] };
  expect(json.differences[0]).toMatchObject({ clock: '600000', what: 'verdict' });

  const stored = (operation: string): string => `	r1 = *(u64 *)(r7 + 0)
	r1 ${operation} 1
	*(u64 *)(r7 + 0) = r1`;
  const value = await captureCli(['diff', aged('plus', stored('+=')), aged('or', stored('|=')), '--no-proof']);
  expect(value.exitCode).toBe(1);
  expect(value.out).toContain('map `ages`');

  const sent = (operation: string): string => `	r1 = *(u8 *)(r6 + 13)
	r1 ${operation} 6
	*(u8 *)(r6 + 13) = r1`;
  const byte = await captureCli(['diff', aged('xor', sent('^=')), aged('sum', sent('+=')), '--no-proof']);
  expect(byte.exitCode).toBe(1);
  expect(byte.out).toContain('packet: ');
});

it('finds no such start where two limits are the same', async () => {
  const same = await captureCli([
    'diff',
    aged('at-most', limit('<=')),
    aged('under', limit('< 600001 goto pass\n	if r0 <')),
    '--no-proof',
  ]);
  expect([same.exitCode, same.out.split(' in ')[0]]).toEqual([0, 'undecided: no difference found']);
});

it('tells of a long value the bytes that differ, and no more', async () => {
  const version = (name: string, at: number, value: number): string => {
    const path = join(folder, `${name}.s`);
    const head = '.map sums type=array key=4 value=400 max_entries=2\n.section xdp\n.globl f\nf:\n';
    const call = ['*(u32 *)(r10 - 4) = 1', 'r2 = r10', 'r2 += -4', 'r1 = sums ll', 'call bpf_map_lookup_elem'];
    const end = ['if r0 == 0 goto +1', `*(u64 *)(r0 + ${at}) = ${value}`, 'r0 = 2', 'exit'];
    writeFileSync(path, `${head}${[...call, ...end].join('\n')}\n`);
    return path;
  };
  const { out, exitCode } = await captureCli(['diff', version('one', 200, 1), version('two', 200, 0x102)]);
  expect(exitCode).toBe(1);
  expect(out).toContain('map `sums`, key 01 00 00 00, after the packet: 2 bytes of it -> otherwise\n');
  expect(out).toContain('    byte 200: 01 -> 02\n    byte 201: 00 -> 01\n');
  const far = await captureCli(['diff', version('one', 0, -1), version('two', 300, -1), '-j']);
  const [first] = (JSON.parse(far.out) as { differences: { fields: { name: string }[] }[] }).differences;
  expect(first?.fields).toHaveLength(13);
  expect(first?.fields.at(-1)?.name).toBe('and 4 others');
});
