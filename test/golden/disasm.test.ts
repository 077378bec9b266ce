/** What `show` and `disasm` print for the IPv6 filter and for a text with everything in it. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { captureCli } from '../../src/cli/testing.js';
import { expectGolden } from './golden.js';

// Relative, so that lines fold at the same words on every machine.
const filter = relative(
  process.cwd(),
  fileURLToPath(new URL('../../examples/ipv6-filter/ipv6-filter.o', import.meta.url)),
);

/** The file's own path differs from machine to machine. */
const here = (text: string): string => text.replaceAll(filter, 'ipv6-filter.o');

const everything = `
  .license "GPL"
  .map flows type=lru_hash key=8 value=16 max_entries=1024 flags=0
  .map jumps type=prog_array key=4 value=4 max_entries=2
  .slot 1, second
  .section .rodata
  greeting: .asciz "hello"
  limit: .long 7
  .section .bss
  .zero 8
  .section .text
  .type twice, @function
  twice:
    r0 = r1
    r0 += r1
    exit
  .section xdp
  .globl first
  first:
    *(u64 *)(r10 - 8) = 0
    r2 = r10
    r2 += -8
    r1 = flows ll
    call bpf_map_lookup_elem
    if r0 == 0 goto miss
    r1 = 0x123456789abcdef0 ll
    lock *(u64 *)(r0 + 0) += r1
  miss:
    r1 = limit ll
    w1 = *(u32 *)(r1 + 0)
    call twice
    exit
  .section xdp/second
  .globl second
  second:
    r0 = 2
    exit
`;

describe('printed objects', () => {
  test.each([
    ['show', ['show', filter]],
    ['disasm', ['disasm', filter]],
    ['disasm-source', ['disasm', filter, 'xdp', '-S']],
    ['disasm-bytes', ['disasm', filter, 'ipv6_filter', '-x']],
    ['disasm-kernel', ['disasm', filter, '--kernel', '-S']],
    ['disasm-json', ['disasm', filter, '-p']],
  ])('%s of the IPv6 filter', async (name, argv) => {
    const { exitCode, out } = await captureCli(argv);
    expect(exitCode).toBe(0);
    expectGolden(`ipv6-filter.${name}.txt`, here(out));
  });

  test('maps, data, functions and references', async () => {
    const { exitCode, out } = await captureCli(['disasm', '-'], { stdin: everything });
    expect(exitCode).toBe(0);
    expectGolden('everything.s', out.replace(/^\t\.btf .*\n/gm, ''));
    const again = await captureCli(['disasm', '-'], { stdin: out });
    expect(again.out).toBe(out);
  });
});
