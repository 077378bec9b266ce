import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeInsns, op } from '../isa/index.js';
import { readElf } from './elf.js';
import { objectImage } from './image.js';
import { assemble, parseImage } from './parse-image.js';

const objdump = `
prog.o:	file format elf64-bpf

Disassembly of section .text:

0000000000000000 <callback>:
       0:	b7 00 00 00 00 00 00 00	r0 = 0x0
       1:	95 00 00 00 00 00 00 00	exit

0000000000000010 <add>:
       2:	18 02 00 00 04 00 00 00 00 00 00 00 00 00 00 00	r2 = 0x4 ll
		0000000000000010:  R_BPF_64_64	.rodata
       4:	95 00 00 00 00 00 00 00	exit

Disassembly of section xdp/main:

0000000000000000 <main>:
; if (ctx->data) return 1;
       0:	18 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00	r1 = 0x0 ll
		0000000000000000:  R_BPF_64_64	flows
       2:	18 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00	r2 = 0x0 ll
		0000000000000010:  R_BPF_64_64	.text
       4:	85 00 00 00 06 00 00 00	call 0x6
       5:	85 10 00 00 01 00 00 00	call 0x1
		0000000000000028:  R_BPF_64_32	.text
       6:	85 10 00 00 ff ff ff ff	call -0x1
		0000000000000030:  R_BPF_64_32	outside
       7:	85 10 00 00 02 00 00 00	call 0x2
       8:	16 01 01 00 00 00 00 00	if w1 == 0x0 goto +0x1 <main+0x50>

0000000000000048 <LBB1_2>:
       9:	95 00 00 00 00 00 00 00	exit

0000000000000050 <local>:
      10:	b7 00 00 00 01 00 00 00	<unknown>
      11:	95 00 00 00 00 00 00 00	exit
`;

describe('a listing of llvm-objdump', () => {
  const object = assemble(objdump);
  const [main] = object.programs;

  it('has its sections and functions, and no branch target for a function', () => {
    expect(object.programs.map(({ name, section }) => [name, section])).toEqual([['main', 'xdp/main']]);
    expect(main?.functions.map(({ name }) => name)).toEqual(['main', 'callback', 'add', 'local']);
  });

  it('takes from relocations what is loaded and called, and from bytes whether a call is one of a helper', () => {
    const calls = main?.insns
      .filter(({ code }) => code === op.CALL_OP)
      .map(({ src, imm }) => [src, src === 0 ? imm : 0]);
    expect(calls).toEqual([
      [0, 6],
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    const symbols = main?.unresolved.map(({ insn, symbol }) => [insn, symbol?.name]);
    expect(symbols).toEqual([
      [0, 'flows'],
      [6, 'outside'],
      [12, '.rodata'],
    ]);
    expect(main?.insns[15]).toMatchObject({ code: 0xb7, imm: 1 });
  });

  it('is complete with the maps and data that it lacks', () => {
    const defined = `.map flows type=hash key=4 value=8 max_entries=16\n.section .rodata\n.quad 7, 8\n${objdump}`;
    const program = assemble(defined).programs[0];
    expect(program?.unresolved.map(({ symbol }) => symbol?.name)).toEqual(['outside']);
    expect(program?.insns.slice(12, 14)).toMatchObject([{ src: op.PSEUDO_MAP_VALUE, imm: 1 }, { imm: 4 }]);
  });

  it('without bytes and relocations assembles, too', () => {
    const bare = objdump
      .replace(/\t(?:[0-9a-f]{2} ){7,15}[0-9a-f]{2}\t/g, '\t')
      .replace(/^\t\t0.*\n/gm, '')
      .replace('<unknown>', 'r0 = 0x1');
    expect(assemble(bare).programs[0]?.insns).toHaveLength(10);
  });
});

const xlated = `int main(struct xdp_md * ctx):
; return add(1); [file:prog.c line_num:7 line_col:51]
   0: (79) r1 = *(u64 *)(r1 +32)
       79 11 20 00 00 00 00 00
   1: (18) r1 = map[id:17]
       18 11 00 00 11 00 00 00 00 00 00 00 00 00 00 00
   3: (18) r2 = map[id:18][0]+4
   5: (18) r3 = subprog[+9]
   7: (85) call __htab_map_lookup_elem#338048
   8: (85) call bpf_trace_printk#-63248
   9: (85) call pc+2#bpf_prog_2861c02d5454ce5e_add
  10: (bf) r0 = &(void __percpu *)(r0)
  11: (95) exit
int add(int a):
  12: (bc) w0 = w1
  13: (c5) if r0 s< 0xfffffff0 goto pc+0
  14: (95) exit
static void * callback(void):
  15: (95) exit
`;

describe('a listing of bpftool prog dump xlated', () => {
  const object = assemble(xlated);
  const [main] = object.programs;

  it('is the program and its functions', () => {
    expect(object.programs.map(({ name }) => name)).toEqual(['main']);
    expect(main?.functions.map(({ name, start }) => [name, start])).toEqual([
      ['main', 0],
      ['callback', 12],
      ['add', 13],
    ]);
  });

  it('calls helpers by number where their names are known, and the others where they are', () => {
    expect(main?.insns.slice(7, 9).map(({ imm }) => imm)).toEqual([338048, 6]);
    expect(main?.insns[10]).toMatchObject({ code: 0xbf, dst: 0, src: 0, off: -1 });
    expect(main?.insns[14]).toMatchObject({ imm: -16 });
  });

  it('names maps by their ids', () => {
    expect(main?.unresolved.map(({ symbol }) => symbol?.name)).toEqual(['map id 17', 'map id 18']);
    const maps = '.map "map id 17" type=hash key=4 value=4 max_entries=1\n';
    expect(assemble(maps + xlated).programs[0]?.unresolved).toHaveLength(1);
  });
});

const root = new URL('../..', import.meta.url).pathname;
const files = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.o'),
);
const objdumps = ['llvm-objdump-19', 'llvm-objdump-16', 'llvm-objdump-14', 'llvm-objdump'].filter(
  (name) => spawnSync(name, ['--version']).status === 0,
);

describe.skipIf(objdumps.length === 0)('each example, listed', () => {
  it.each(
    files.flatMap((file) => objdumps.map((tool) => [basename(file), tool, join(root, 'examples', file)] as const)),
  )('%s by %s has the same instructions again', (_name, tool, file) => {
    const listing = spawnSync(tool, ['-dr', '--mcpu=v4', file], { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout;
    const image = parseImage(listing);
    const { sections } = readElf(new Uint8Array(readFileSync(file)));
    for (const code of image.code) {
      const bytes = sections.find(({ name }) => name === code.name)?.data.slice() ?? new Uint8Array(0);
      const ours = encodeInsns(code.insns);
      // References have no fields of their own.
      for (const { slot } of code.references) {
        for (const side of [bytes, ours]) side.fill(0, 8 * slot + 1, 8 * slot + 8);
      }
      expect(ours, code.name).toEqual(bytes);
    }
    expect(image.code.length).toBe(sections.filter(({ flags, size }) => (flags & 4) !== 0 && size > 0).length);
    expect(objectImage(assemble(listing)).code.length).toBeGreaterThan(0);
  });
});

describe('a listing of llvm-objdump before LLVM 11', () => {
  it('has capitals in its head, labels without addresses, and numbers in decimal', () => {
    const object = assemble(`
prog.o:\tfile format ELF64-BPF

Disassembly of section xdp1:
xdp_prog1:
; {
       0:\t61 12 04 00 00 00 00 00 \tr2 = *(u32 *)(r1 + 4)
; if (data + nh_off > data_end)
       1:\t15 02 03 00 00 00 00 00 \tif r2 == 0 goto +3 <LBB0_2>
       2:\t18 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 \tr1 = 0 ll
       4:\t85 00 00 00 05 00 00 00 \tcall 5

LBB0_2:
       5:\tb7 00 00 00 01 00 00 00 \tr0 = 1
       6:\t95 00 00 00 00 00 00 00 \texit
`);
    expect(object.programs.map(({ name, section, insns }) => [name, section, insns.length])).toEqual([
      ['xdp_prog1', 'xdp1', 7],
    ]);
    expect(object.programs[0]?.insns.map(({ code }) => code)).toEqual([0x61, 0x15, 0x18, 0, 0x85, 0xb7, 0x95]);
  });
});
