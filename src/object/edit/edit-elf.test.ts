import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Insn, isJump, isLddw, op } from '../../isa/index.js';
import { readElf } from '../elf.js';
import { readObject } from '../read-object.js';
import type { ObjectSpec } from '../spec.js';
import { editElf } from './edit-elf.js';
import { type FileFunction, fileFunctions } from './file-functions.js';
import type { EditedInsn, FunctionEdit } from './moved-code.js';

const root = new URL('../../../', import.meta.url);
const files = ['examples/', 'bench/programs/', 'test/']
  .flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' }).map((f) => folder + f))
  .filter((file) => file.endsWith('.o'))
  .sort();
const read = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, root)));

const nop: Insn = { code: op.JA_OP, dst: 0, src: 0, off: 0, imm: 0 };

/** The function as it is. */
function same({ section, start, end, insns }: FileFunction): FunctionEdit {
  const edited = insns.map((insn, i): EditedInsn => ({ insn, refers: start + i, line: start + i }));
  return { section, start, end, insns: edited };
}

/** The function with `count` jumps to the next instruction in front of its first one. */
function padded(fn: FileFunction, count: number): FunctionEdit {
  const { insns, ...edit } = same(fn);
  const padding = Array.from({ length: count }, () => ({ insn: nop, refers: -1, line: fn.start }));
  const labels = new Map(fn.labels.map((slot) => [slot, slot - fn.start + count]));
  return { ...edit, insns: [...padding, ...insns], labels };
}

/** What an object means, with the instructions `skip` at the start of each function left out. */
function meaning(object: ObjectSpec, skip: number): unknown {
  return object.programs.map((program) => {
    const kept = program.insns.map((_, pc) => !program.functions.some((f) => pc >= f.start && pc < f.start + skip));
    const at = kept.map((_, pc) => kept.slice(0, pc).filter(Boolean).length);
    const nameAt = (pc: number): string => program.functions.find((f) => f.start === pc)?.name ?? '?';
    return {
      name: program.name,
      insns: program.insns
        .map((insn, pc) => {
          const isCall = insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL;
          const isAddress = isLddw(insn) && insn.src === op.PSEUDO_FUNC;
          return isCall || isAddress ? { ...insn, imm: nameAt(pc + 1 + insn.imm) } : insn;
        })
        .filter((_, pc) => kept[pc]),
      lines: program.lines.map(({ insn, ...line }) => ({ ...line, insn: at[insn] })),
      core: program.core?.map(({ insn, ...rest }) => ({ ...rest, insn: at[insn] })),
      functions: program.functions.map((f) => f.name),
      unresolved: program.unresolved.map(({ insn }) => at[insn]),
      kfuncs: program.kfuncs,
      ksyms: program.ksyms,
    };
  });
}

describe('an object file whose functions are replaced', () => {
  it.each(files)('%s: by themselves: the same bytes', (file) => {
    const bytes = read(file);
    const { bytes: again, dropped } = editElf(bytes, fileFunctions(bytes).map(same));
    expect(Buffer.from(again).equals(Buffer.from(bytes))).toBe(true);
    expect(dropped).toEqual([]);
  });

  it.each(files)('%s: by longer ones: the same program, maps, lines, types and references', (file) => {
    const bytes = read(file);
    const { bytes: edited } = editElf(
      bytes,
      fileFunctions(bytes).map((fn) => padded(fn, 3)),
    );
    const before = readObject(bytes, { name: 'a.o' });
    const after = readObject(edited, { name: 'a.o' });
    expect(after.maps).toEqual(before.maps);
    expect(meaning(after, 3)).toEqual(meaning(before, 0));
    expect(after.license).toBe(before.license);
  });

  it("takes a part of Node's pool of buffers, and leaves it as it was", () => {
    const bytes = read('examples/token-bucket/token-bucket.o');
    const pool = Buffer.alloc(bytes.length + 200, 7);
    pool.set(bytes, 72);
    const before = Buffer.from(pool);
    const part = pool.subarray(72, 72 + bytes.length);
    const edit = (input: Uint8Array): Uint8Array =>
      editElf(
        input,
        fileFunctions(input).map((fn) => padded(fn, 3)),
      ).bytes;
    expect(Buffer.from(edit(part)).equals(edit(bytes))).toBe(true);
    expect(pool.equals(before)).toBe(true);
  });

  it('leaves other sections byte for byte, takes DWARF out and says so', () => {
    const bytes = read('examples/token-bucket/token-bucket.o');
    const [fn] = fileFunctions(bytes).filter(({ sectionName }) => sectionName !== '.text');
    const { bytes: edited, dropped } = editElf(bytes, fn === undefined ? [] : [padded(fn, 1)]);
    const before = readElf(bytes);
    const after = readElf(edited);
    const hasDwarf = before.sections.some(({ name }) => name.startsWith('.debug_'));
    expect(dropped.length > 0).toBe(hasDwarf);
    for (const name of ['.text', 'license', '.maps', '.BTF', '.rodata']) {
      const content = (elf: typeof before): Uint8Array | undefined => elf.sections.find((s) => s.name === name)?.data;
      expect(content(after)).toEqual(content(before));
    }
    expect(after.sections.every(({ name }) => !name.includes('debug_'))).toBe(true);
  });

  it('gives a reference that is doubled two relocations, and none to one that is gone', () => {
    const bytes = read('examples/token-bucket/token-bucket.o');
    const fn = fileFunctions(bytes).find(({ references, insns, start }) =>
      [...references.keys()].some((slot) => isLddw(insns[slot - start] as Insn)),
    ) as FileFunction;
    const slot = [...fn.references.keys()].find((at) => isLddw(fn.insns[at - fn.start] as Insn)) as number;
    const lddw = same(fn).insns.slice(slot - fn.start, slot - fn.start + 2);
    const exit = { insn: { ...nop, code: op.EXIT_OP }, refers: -1, line: -1 };
    const { bytes: edited } = editElf(bytes, [{ ...same(fn), insns: [...lddw, ...lddw, exit] }]);
    const after = fileFunctions(edited).find(({ name }) => name === fn.name) as FileFunction;
    expect([...after.references.keys()].map((at) => at - after.start)).toEqual([0, 2]);
    expect(after.insns.filter(isJump)).toHaveLength(1);
  });
});
