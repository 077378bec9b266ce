/** Nothing that a text says is dropped without a word: it is in the object, or it is an error with its line. */
import { describe, expect, it } from 'vitest';
import { mapTypeNames } from '../platform/index.js';
import { readElf } from './elf.js';
import { assemble, parseImage } from './parse-image.js';
import { disassemble } from './print-image.js';
import type { MapSpec } from './spec.js';
import { writeElf } from './write-elf.js';

const program = '\n.section xdp\n.globl p\np:\n r0 = 2\n exit\n';

function mapOf(text: string): MapSpec {
  const [map] = assemble(text + program).maps;
  if (map === undefined) throw new Error('no map');
  return map;
}

describe('fields of a map are kept', () => {
  it.each([0n, 5n, 0xffff_ffffn, 0x1_0000_0000n, 17_592_186_044_416n, 0xffff_ffff_ffff_ffffn])('extra=%d', (extra) => {
    expect(mapOf(`.map m type=arena key=0 value=0 max_entries=100 flags=0x400 extra=${extra}`).extra).toBe(extra);
  });

  // Every bit that the kernel knows, and those that it does not.
  it.each(Array.from({ length: 32 }, (_, bit) => 2 ** bit))('flags=%d', (flags) => {
    expect(mapOf(`.map m type=hash key=4 value=4 max_entries=1 flags=${flags}`).flags).toBe(flags);
  });

  it.each(mapTypeNames.slice(1).filter((name) => name !== 'ringbuf' && name !== 'user_ringbuf'))('type=%s', (type) => {
    const text = `.map m type=${type} key=4 value=4 max_entries=4096 flags=0x0 numa_node=0 pinning=by_name`;
    expect(mapOf(text)).toMatchObject({ type, maxEntries: 4096, numaNode: 0, pinning: true });
  });

  it.each(['', '.values maps\n'])('.inner, whether slots follow or not: %j', (values) => {
    const text = `.map outer type=array_of_maps key=4 value=4 max_entries=8\n.inner type=lru_hash key=40 value=16 max_entries=1000 flags=0x2\n${values}`;
    const map = mapOf(text);
    expect(map.inner).toMatchObject({ type: 'lru_hash', keySize: 40, valueSize: 16, maxEntries: 1000, flags: 2 });
    expect(assemble(disassemble(assemble(text + program))).maps[0]).toEqual(map);
  });
});

describe('what cannot be kept is an error with its line', () => {
  const hash = '.map m type=hash key=4 value=4 max_entries=1';
  it.each([
    [`${hash} extra=many`, /`extra=many` is no number of 64 bits/],
    [`${hash} extra=0x10000000000000000`, /is no number of 64 bits/],
    [`${hash} extra=-1`, /is no number of 64 bits/],
    [`${hash} pinning=by_id`, /`pinning=by_id` is unknown/],
    [`${hash} key=8`, /`key` is given twice/],
    [`${hash} colour=1`, /no field `colour`/],
    [`${hash} btf_key=3`, /there is no `.btf`/],
    [`${hash}\n${hash}`, /map `m` is defined twice/],
    [`${hash}\n.inner type=array key=4 value=4 max_entries=1`, /holds no maps/],
    [`${hash}\n.values programs`, /holds no programs/],
    [`${hash}\n.slot 0, p`, /holds no maps/],
    [
      '.map o type=array_of_maps key=4 value=4 max_entries=1\n.inner type=hash key=4 value=4\n.inner type=hash key=4 value=4',
      /has an `.inner` already/,
    ],
    [
      '.map o type=array_of_maps key=4 value=4 max_entries=1\n.inner type=hash key=4 value=4 pinning=by_name',
      /cannot be pinned/,
    ],
    ['.map j type=prog_array key=4 value=4 max_entries=2\n.slot 1, p\n.slot 1, p', /slot 1 is filled twice/],
    ['.section .bss\n.quad 1', /holds zeros only/],
    ['.section .bss.x\n.asciz ""\n.ascii "a"', /holds zeros only/],
    ['.section .data\na: .byte 1\na: .byte 2', /`a` is defined twice/],
    ['.section xdp\nlock *(u64 *)(r1 + 0x0) += w2', /64 bits/],
    ['.section xdp\nw2 = atomic_fetch_add((u64 *)(r1 + 0x0), w2)', /64 bits/],
    ['.section xdp\nlock r1 += r2', /expected/],
    ['.section xdp\nlock *(u64 *)(r1 + 0x0) -= r2', /no atomic operator/],
  ])('%j', (text, message) => {
    const found = (): unknown => assemble(text + program, { name: 'x.s' });
    expect(found).toThrow(message);
    try {
      found();
    } catch (error) {
      expect(error).toMatchObject({ place: { source: expect.stringMatching(/:\d+$/) } });
    }
  });
});

describe('names', () => {
  it('of configuration values are their own, set or not', () => {
    const text = `.extern LINUX_KERNEL_VERSION\n.weak CONFIG_HZ\n.extern nowhere, undeclared\n.section xdp\n.globl p\np:\n r1 = nowhere ll\n r2 = CONFIG_HZ ll\n call nowhere\n exit\n`;
    const object = assemble(text);
    const again = assemble(disassemble(object));
    expect(again.programs).toEqual(object.programs);
    expect(object.programs[0]?.unresolved.map(({ symbol }) => symbol)).toEqual([
      { name: 'nowhere', weak: false },
      { name: 'nowhere', weak: false },
    ]);
  });
});

describe('source lines', () => {
  const text =
    '.section xdp\n.globl p\np:\n; int a = 1; @ prog.c:7\n\tr0 = 1\n\tr0 += 1\n; return a; @ prog.c:9\n\texit\n';
  const linesOf = (source: string): readonly (readonly [number, string, number, string])[] =>
    assemble(source).programs[0]?.lines.map(({ insn, file, line, text: words }) => [insn, file, line, words]) ?? [];

  it('are kept from a listing that has them', () => {
    expect(linesOf(text)).toEqual([
      [0, 'prog.c', 7, 'int a = 1;'],
      [2, 'prog.c', 9, 'return a;'],
    ]);
    expect(linesOf(disassemble(assemble(text), { source: true }))).toEqual(linesOf(text));
    // Debug information without the text of the source.
    expect(linesOf(text.replace('return a; ', ''))[1]).toEqual([2, 'prog.c', 9, '']);
  });

  it('are made up for nobody, though the file has the record that libbpf wants', () => {
    expect(linesOf(text.replace(/^;.*\n/gm, ''))).toEqual([]);
    expect(linesOf(text.replace(/^; int.*\n/m, ''))).toEqual([[2, 'prog.c', 9, 'return a;']]);
    const { sections } = readElf(writeElf(parseImage(text.replace(/^;.*\n/gm, ''))));
    const ext = sections.find(({ name }) => name === '.BTF.ext')?.data ?? new Uint8Array(0);
    // line_info_len: the record size, one section of one record.
    expect(new DataView(ext.buffer, ext.byteOffset).getUint32(20, true)).toBe(4 + 8 + 16);
  });
});
