/**
 * Our disassembly against `llvm-objdump -d --mcpu=v4`, operand for operand: every row of the instruction table, the
 * examples, and any folder of objects that `JITNIC_CORPUS` names.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildInsn, decodeInsns, encodeInsns, formatInsn, type Insn, instructions } from '../../src/isa/index.js';

const root = new URL('../..', import.meta.url).pathname;

function findTool(name: string): string | undefined {
  const names = [19, 20, 21].map((version) => `${name}-${version}`);
  return [...names, name].find((tool) => spawnSync(tool, ['--version']).status === 0);
}

const objdump = findTool('llvm-objdump');
const mc = findTool('llvm-mc');
const corpus = process.env['JITNIC_CORPUS'];

function objectsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(folder, name));
}

/** Compares files; returns how many instructions agreed and a line for each that did not. */
function compare(files: readonly string[]): { agreed: number; differ: string[] } {
  const dump = spawnSync(objdump ?? '', ['-d', '--mcpu=v4', ...files], { encoding: 'utf8', maxBuffer: 1 << 28 });
  let agreed = 0;
  const differ: string[] = [];
  for (const line of dump.stdout.split('\n')) {
    const found = /^\s*\d+:\t((?:[0-9a-f]{2} )+[0-9a-f]{2})\t(.*)$/.exec(line);
    if (found === null) continue;
    const bytes = Uint8Array.from((found[1] ?? '').split(' '), (byte) => Number.parseInt(byte, 16));
    const ours = formatInsn(decodeInsns(bytes), 0, 'llvm');
    const theirs = (found[2] ?? '').replace(/(goto[l]? \S+) <.*>$/, '$1').replace('\t', ' ');
    if (ours === theirs) agreed++;
    else differ.push(`${found[1]}: ${ours} | ${theirs}`);
  }
  return { agreed, differ };
}

describe.skipIf(objdump === undefined)('disassembly in LLVM syntax', () => {
  test.skipIf(mc === undefined)('agrees with llvm-objdump on every form that LLVM 19 knows', () => {
    const insns: Insn[] = [];
    for (const form of instructions) {
      // LLVM 19 reads load-acquire and store-release as additions, and prints no displacement of a packet load.
      if (form.group === 'linux' && form.operation.kind !== 'may-goto') continue;
      const indirect = form.operation.kind === 'packet' && form.operation.indirect;
      for (const imm of [0, 1, 7, -7, 0x7fffffff, -0x80000000]) {
        for (const off of [0, 4, -8, 0x7fff, -0x8000]) {
          insns.push(buildInsn(form, { dst: 1, src: 2, off, imm: indirect ? 0 : imm }));
          // LLVM shows no upper half of what is no plain number.
          const high = form.name === 'lddw number' ? off : 0;
          if (form.slots === 2) insns.push({ code: 0, dst: 0, src: 0, off: 0, imm: high });
        }
      }
    }
    const folder = mkdtempSync(join(tmpdir(), 'jitnic-'));
    try {
      const text = Array.from(encodeInsns(insns), (byte) => byte.toString()).join(',');
      writeFileSync(join(folder, 'all.s'), `.text\nf:\n.byte ${text}\n`);
      const made = spawnSync(mc ?? '', ['-triple=bpfel', '-filetype=obj', 'all.s', '-o', 'all.o'], { cwd: folder });
      expect(made.status).toBe(0);
      const { agreed, differ } = compare([join(folder, 'all.o')]);
      expect(differ).toEqual([]);
      expect(agreed).toBeGreaterThan(5000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('agrees with llvm-objdump on the examples', () => {
    const { agreed, differ } = compare(objectsIn(join(root, 'examples')));
    expect(differ).toEqual([]);
    expect(agreed).toBeGreaterThan(0);
  });

  test.skipIf(corpus === undefined)('agrees with llvm-objdump on the corpus', () => {
    const files = objectsIn(corpus ?? '');
    const { agreed, differ } = compare(files);
    console.log(`${agreed} instructions in ${files.length} objects agree with llvm-objdump`);
    expect(differ).toEqual([]);
    expect(agreed).toBeGreaterThan(0);
  });
});
