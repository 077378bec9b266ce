/**
 * `jitnic debug` in the terminal: commands through a pipe, what they print in 80 columns, and what is said of
 * mistakes.
 */
import { describe, expect, it } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';

const nat = 'examples/nat';
const natArgs = [`${nat}/nat.o`, '-r', `${nat}/traffic.pcap`, '--maps-in', `${nat}/nat.maps.json`];
const filterArgs = ['examples/ipv6-filter/ipv6-filter.o', '--layers', 'eth/ip6(hlim=9)/udp/"x"'];

/** Commands to output, by command: what it printed. */
async function debug(args: readonly string[], commands: readonly string[], exitCode = 0): Promise<string[]> {
  const ran = await captureCli(['debug', ...args], { stdin: commands.join('\n'), width: 80 });
  expect(ran.err).toBe('');
  expect(ran.exitCode).toBe(exitCode);
  for (const line of ran.out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  return ran.out.split(/^debug> .*\n/m);
}

describe('debug', () => {
  it('stops as the packet arrives, steps through it and back', async () => {
    const [start, first, second, back, end] = await debug(filterArgs, ['step', 'step', 'reverse-step', 'goto end']);
    expect(start).toMatch(/^the packet arrives {2,}step 0 of 9\nin ipv6_filter, ipv6-filter.bpf.c:23\n/);
    expect(start).toContain('>   23  int ipv6_filter(struct xdp_md *ctx)');
    expect(first).toContain('insn 1: w2 = *(u32 *)(r1 + 0x4)');
    expect(second).toContain('r2 = 0x');
    expect(back?.split('\n').slice(1, 7)).toEqual(first?.split('\n').slice(1, 7));
    expect(end).toContain('the program returns 2: PASS, after 9 instructions');
  });

  it('stops at breakpoints by line, function, instruction and condition, both ways', async () => {
    const [, list, hit, onward, before, miss] = await debug(filterArgs, [
      'break 30 if ip6.hlim == 9',
      'continue',
      'continue',
      'reverse-continue',
      'goto start',
    ]);
    expect(list).toBe('   1  ipv6-filter.bpf.c:30 if ip6.hlim == 9\n');
    expect(hit).toMatch(/^breakpoint 1 /);
    expect(onward).toMatch(/^the end: PASS/);
    expect(before).toContain('ipv6-filter.bpf.c:30');
    expect(miss).toMatch(/^the packet arrives/);
    const [, , never] = await debug(filterArgs, ['break 30 if ip6.hlim == 8', 'c']);
    expect(never).toMatch(/^the end/);
    const [, , , insn] = await debug(filterArgs, ['break ipv6_filter', 'break *6', 'c']);
    expect(insn).toContain('insn 6:');
  });

  it('marks what a packet changes, in the packet and in maps, and watches values', async () => {
    const [, , changed, packet, maps] = await debug(natArgs, ['watch ip.src', 'c', 'packet', 'maps'], 0);
    expect(changed).toMatch(/^watchpoint 1: ip.src: 10\.[\d.]+ -> [\d.]+/);
    expect(packet).toMatch(/src [\d.]+ \(was 10\.[\d.]+\)/);
    expect(maps).toMatch(/^[+*] \[/m);
    const [, , , back] = await debug(natArgs, ['watch ip.src', 'goto end', 'reverse-continue']);
    expect(back).toMatch(/^watchpoint 1: ip.src: [\d.]+ -> 10\./);
  });

  it('runs the packets before, so maps are as the packet finds them', async () => {
    const first = await debug([...natArgs, '--packet', '1'], ['maps']);
    const later = await debug([...natArgs, '--packet', '40'], ['maps']);
    const elements = (text = ''): number =>
      Number(/\(lru_hash, (\d+) element/.exec(text)?.[1] ?? /\(hash, (\d+) element/.exec(text)?.[1]);
    expect(elements(later[1])).toBeGreaterThan(elements(first[1]));
  });

  it('says what the verifier knows, and what registers point to', async () => {
    const [, , registers, known] = await debug(filterArgs, ['stepi 5', 'registers', 'known']);
    expect(registers).toMatch(/^\* r3 {2}0x[0-9a-f]+ {2}pkt\+14 \(ip6\) {2,}pkt\(off=14/m);
    expect(known).toMatch(/^ {2}r2 {6}pkt_end\(\)$/m);
  });

  it('evaluates expressions at the position', async () => {
    const text = await debug(filterArgs, [
      'print ip6.hlim',
      'print pkt[12:2] == eth.type',
      '= len',
      'display r0',
      'step',
    ]);
    expect(text.slice(1, 4)).toEqual(['  9\n', '  1\n', '  63 (0x3f)\n']);
    expect(text[5]).toContain('r0 = 2');
  });

  it('says what is wrong, what was meant, and ends with 2', async () => {
    const said = await debug(
      filterArgs,
      [
        'stpe',
        'print ip6.hlmi',
        'break nowhere.c:3',
        'break 999',
        'break ipv6_filtr',
        'print r0 +',
        'goto',
        'delete 7',
      ],
      2,
    );
    expect(said[1]).toContain('did you mean `step`?');
    expect(said[2]).toContain('did you mean `ip6.hlim`?');
    expect(said[3]).toContain('files: ipv6-filter.bpf.c');
    expect(said[4]).toContain('up to 31');
    expect(said[5]).toContain('did you mean `ipv6_filter`?');
    expect(said[6]).toContain('expected a value before the end');
    expect(said[7]).toContain('0 to 9');
    expect(said[8]).toContain('there is no breakpoint 7');
  });

  it('helps', async () => {
    const [, all, one, expressions] = await debug(filterArgs, [
      'help',
      'help break',
      'help expressions',
      'quit',
      'step',
    ]);
    expect(all).toContain('reverse-continue, rc');
    expect(one).toContain('PLACE is LINE, FILE:LINE, FUNCTION or *INSN');
    expect(expressions).toContain('tcp.dport');
  });

  it('refuses what makes no sense', async () => {
    const wrong = async (...args: string[]): Promise<string> => (await captureCli(['debug', ...args])).err;
    const filter = filterArgs[0] as string;
    expect(await wrong(filter)).toContain('which packet?');
    expect(await wrong(filter, '-r', '-')).toContain('stdin is where the commands come from');
    expect(await wrong(filter, '-r', 'examples/ipv6-filter/traffic.pcap', '--packet', '99999')).toContain(
      'there is no packet 99999',
    );
    expect(await wrong(filter, '--layers', 'eth', '--packet', '2')).toContain('names another one');
    expect(await wrong()).toContain('which program?');
  });
});
