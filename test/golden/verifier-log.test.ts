/**
 * Our text in the kernel's syntax against the log of the running kernel's verifier, for the examples and
 * `JITNIC_CORPUS`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../src/base/index.js';
import { formatInsn, op } from '../../src/isa/index.js';
import { Bpf, hostBtf, KernelObject } from '../../src/linux/index.js';
import { type ObjectSpec, type ProgramSpec, readObject } from '../../src/object/index.js';
import { helperName } from '../../src/platform/index.js';

const root = new URL('../..', import.meta.url).pathname;

/** A million steps over the options of TCP: the kernel writes its log for half a minute, of instructions like any. */
const long = 'xdp_synproxy_kern.o';

function objectsIn(folder: string | undefined): string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o') && basename(name) !== long)
    .map((name) => join(folder, name));
}

const files = [...objectsIn(join(root, 'examples')), ...objectsIn(process.env['JITNIC_CORPUS'])];
const bpf = Bpf.tryOpen();
const btf = bpf === undefined ? undefined : hostBtf();

/** At the second level, since the kernel takes back what the first one said of paths that end well. */
function* verifierLogs(object: ObjectSpec): Generator<{ readonly program: ProgramSpec; readonly log: string }> {
  let kernel: KernelObject;
  try {
    const programs = object.programs.map(({ name }) => name);
    kernel = KernelObject.load(bpf as Bpf, object, { logLevel: 2, refusalLog: false, programs }); // only asked where there is one
  } catch (error) {
    if (error instanceof InputError) return;
    throw error;
  }
  for (const { spec, loaded } of kernel.programs) yield { program: spec, log: loaded.log };
  kernel.close();
}

describe.skipIf(btf === undefined)("instructions in the verifier's log", () => {
  let total = 0;
  afterAll(() => console.log(`${total} instructions of the log agree`));

  test.each(files.map((file) => [basename(file), file]))('of %s read as ours do', (_name, file) => {
    let agreed = 0;
    const differ: string[] = [];
    const object = readObject(new Uint8Array(readFileSync(file)), { name: file, btf });
    for (const { program, log } of verifierLogs(object)) {
      const seen = new Set<number>();
      for (const found of log.matchAll(/^(\d+): (\([0-9a-f]{2}\) .*?)\s*(?:; .*)?$/gm)) {
        const pc = Number(found[1]);
        if (seen.has(pc)) continue;
        seen.add(pc);
        const insn = program.insns[pc];
        // Addresses and ids of this boot.
        if (insn === undefined || (insn.code === op.LDDW && insn.src !== 0)) continue;
        if (insn.code === op.CALL_OP && insn.src === op.CALL_KFUNC) continue;
        const ours = formatInsn(program.insns, pc, 'kernel', { helper: helperName });
        if (ours === found[2]) agreed++;
        else differ.push(`${program.name} ${pc}: ${ours} | ${found[2]}`);
      }
    }
    expect(differ).toEqual([]);
    total += agreed;
  });

  test('are many', () => {
    expect(total).toBeGreaterThan(1000);
  });
});
