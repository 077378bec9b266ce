/**
 * Our text in the kernel's syntax against the log of the running kernel's verifier, for the examples and
 * `JITNIC_CORPUS`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { formatInsn, op } from '../../src/isa/index.js';
import { readObject } from '../../src/object/index.js';
import { helperName } from '../../src/platform/index.js';

const root = new URL('../..', import.meta.url).pathname;
const vmlinux = '/sys/kernel/btf/vmlinux';

/**
 * A private bpffs, so that nothing stays pinned. Logs are long: the first megabytes tell enough. The kernel writes the
 * log of a program with a million steps (xdp_synproxy's loop over TCP options) for minutes, and bpftool prints none of it
 * before the end: such an object has nothing to compare here.
 */
const load =
  'mount -t bpf bpf /sys/fs/bpf && timeout 20 bpftool -d prog loadall "$0" /sys/fs/bpf/x 2>&1 | head -c 3000000';

function verifierLog(file: string): string {
  return spawnSync('unshare', ['-m', 'sh', '-c', load, file], { encoding: 'utf8', maxBuffer: 1 << 26 }).stdout ?? '';
}

function objectsIn(folder: string | undefined): string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(folder, name));
}

const files = [...objectsIn(join(root, 'examples')), ...objectsIn(process.env['JITNIC_CORPUS'])];
const kernel =
  process.getuid?.() === 0 && existsSync(vmlinux) && spawnSync('unshare', ['-m', 'bpftool', 'version']).status === 0;

describe.skipIf(!kernel)("instructions in the verifier's log", () => {
  let total = 0;
  afterAll(() => console.log(`${total} instructions of the log agree`));

  test.each(files.map((file) => [basename(file), file]))(
    'of %s read as ours do',
    (_name, file) => {
      const btf = new Uint8Array(readFileSync(vmlinux));
      let agreed = 0;
      const differ: string[] = [];
      const seen = new Set<string>();
      const object = readObject(new Uint8Array(readFileSync(file)), { name: file, btf });
      let program = object.programs[0];
      for (const line of verifierLog(file).split('\n')) {
        const begin = /prog '([^']+)': -- BEGIN/.exec(line)?.[1];
        if (begin !== undefined) program = object.programs.find((candidate) => candidate.name === begin);
        const found = /^(\d+): (\([0-9a-f]{2}\) .*?)\s*(?:; .*)?$/.exec(line);
        if (found === null || program === undefined) continue;
        const pc = Number(found[1]);
        if (seen.has(`${program.name} ${pc}`)) continue;
        seen.add(`${program.name} ${pc}`);
        const insn = program.insns[pc];
        // Addresses and ids of this boot.
        if (insn === undefined || (insn.code === op.LDDW && insn.src !== 0)) continue;
        if (insn.code === op.CALL_OP && insn.src === op.CALL_KFUNC) continue;
        const ours = formatInsn(program.insns, pc, 'kernel', { helper: helperName });
        if (ours === found[2]) agreed++;
        else differ.push(`${program.name} ${pc}: ${ours} | ${found[2]}`);
      }
      expect(differ).toEqual([]);
      total += agreed;
    },
  );

  test('are many', () => {
    expect(total).toBeGreaterThan(1000);
  });
});
