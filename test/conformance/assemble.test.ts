/** Every vector of the public conformance suite assembles, and prints and assembles again in both other syntaxes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { assembleInsns, assembleRaw, assembleUbpf, checkInsn, formatInsn } from '../../src/isa/index.js';
import { helperNumber } from '../../src/platform/index.js';

const shared = process.env['JITNIC_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url));
const folder = join(shared, 'conformance');
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.data')) : [];

function section(text: string, name: string): string | undefined {
  const found = new RegExp(`^--\\s*${name}\\s*$([\\s\\S]*?)(?=^--|(?![\\s\\S]))`, 'm').exec(text);
  return found?.[1];
}

describe.skipIf(files.length === 0)('the conformance vectors', () => {
  test.each(files)('%s', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const asm = section(text, 'asm');
    const raw = section(text, 'raw');
    expect(asm ?? raw).toBeDefined();
    const insns = asm === undefined ? assembleRaw(raw ?? '') : assembleUbpf(asm, { helper: helperNumber }, name);
    expect(insns.length).toBeGreaterThan(0);
    if (asm !== undefined && raw !== undefined) expect(insns).toEqual(assembleRaw(raw));
    for (const [pc, insn] of insns.entries()) {
      if (insns[pc - 1]?.code === 0x18) continue;
      // The suite shifts too far on purpose; all else is valid.
      if (insn.code !== 0) expect(checkInsn(insns, pc) ?? '').toMatch(/^$|^invalid shift|^div by zero/);
    }
    for (const style of ['llvm', 'kernel'] as const) {
      const lines = insns.map((_, pc) => formatInsn(insns, pc, style));
      const local = style === 'llvm' ? lines.map((line, pc) => localCall(line, insns[pc]?.src)) : lines;
      expect(assembleInsns(local.join('\n'))).toEqual(insns);
    }
  });
});

/** LLVM tells calls of functions by their symbols only. */
function localCall(line: string, src: number | undefined): string {
  const found = src === 1 ? /^call (-?)0x([0-9a-f]+)$/.exec(line) : null;
  return found === null ? line : `call pc${found[1] === '-' ? '-' : '+'}0x${found[2]}`;
}
