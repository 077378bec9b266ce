/**
 * libbpf as judge: what it would hand to the kernel for each object file is what `readObject` gives, instruction for
 * instruction. Needs root (libbpf creates the maps), a C compiler, libbpf with its headers, and the kernel's BTF.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { op } from '../isa/index.js';
import { Btf } from './btf.js';
import { readObject } from './read-object.js';
import type { ProgramSpec } from './spec.js';

const kernelBtf = '/sys/kernel/btf/vmlinux';
const work = mkdtempSync(join(tmpdir(), 'jitnic-libbpf-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function buildOracle(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync(kernelBtf)) return undefined;
  const oracle = join(work, 'libbpf-oracle');
  const source = join(import.meta.dirname, 'testing/libbpf-oracle.c');
  for (const compiler of ['cc', 'clang', 'clang-19', 'gcc']) {
    if (spawnSync(compiler, ['-O1', '-o', oracle, source, '-lbpf', '-ldl']).status === 0) return oracle;
  }
  return undefined;
}

function objectFiles(): string[] {
  const roots = [join(import.meta.dirname, '../../examples'), process.env['JITNIC_CORPUS']];
  return roots
    .flatMap((root) =>
      root === undefined ? [] : readdirSync(root, { recursive: true }).map((name) => join(root, String(name))),
    )
    .filter((file) => file.endsWith('.o'))
    .sort();
}

/** The sources in `testing/`, by each clang that there is. */
function compiled(): string[] {
  const sources = ['features', 'core'].map((name) => join(import.meta.dirname, `testing/${name}.bpf.c`));
  const include = `/usr/include/${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-linux-gnu`;
  return ['clang', 'clang-13', 'clang-14', 'clang-16', 'clang-19'].flatMap((clang) =>
    sources.flatMap((source) => {
      const object = join(work, `${basename(source, '.bpf.c')}-${clang}.o`);
      const flags = ['-O2', '-g', '-target', 'bpf', '-D__TARGET_ARCH_x86', '-I', include];
      return spawnSync(clang, [...flags, '-c', source, '-o', object]).status === 0 ? [object] : [];
    }),
  );
}

interface OracleMap {
  readonly map: string;
  readonly shape: readonly number[];
}

interface OracleProgram {
  readonly program: string;
  readonly flags: number;
  readonly insns: readonly (readonly number[])[];
  readonly functions: readonly (readonly number[])[];
  readonly lines: readonly (readonly number[])[];
}

/** Kernel symbols are numbers of this kernel there, and positions in a list here: only their kind is compared. */
function comparable(code: number, src: number, imm: number, off: number, after: boolean): readonly number[] {
  const kfunc = code === op.CALL_OP && src === op.CALL_KFUNC;
  const ksym = after || (code === op.LDDW && src === op.PSEUDO_BTF_ID);
  return [code, src, kfunc ? 0 : off, kfunc || ksym ? 0 : imm];
}

function ourInsns(program: ProgramSpec): readonly (readonly number[])[] {
  return program.insns.map(({ code, dst, src, off, imm }, i) => {
    const before = program.insns[i - 1];
    return [dst, ...comparable(code, src, imm, off, before?.code === op.LDDW && before.src === op.PSEUDO_BTF_ID)];
  });
}

function theirInsns(insns: OracleProgram['insns']): readonly (readonly number[])[] {
  return insns.map(([code = 0, dst = 0, src = 0, off = 0, imm = 0], i) => {
    const before = insns[i - 1];
    return [dst, ...comparable(code, src, imm, off, before?.[0] === op.LDDW && before[2] === op.PSEUDO_BTF_ID)];
  });
}

const oracle = buildOracle();

describe.skipIf(oracle === undefined)('libbpf agrees', () => {
  const kernel = existsSync(kernelBtf) ? new Btf(readFileSync(kernelBtf), kernelBtf) : undefined;
  const [major = 0, minor = 0, patch = 0] = release().split(/[.-]/).map(Number);
  const kernelVersion = (major << 16) | (minor << 8) | Math.min(patch, 255);

  it.each([...objectFiles(), ...(oracle === undefined ? [] : compiled())].map((file) => [basename(file), file]))(
    'on %s',
    (_name, file) => {
      const object = readObject(readFileSync(file), { name: file, btf: kernel, kernelVersion });
      const { stdout, status } = spawnSync(oracle ?? '', [file], { encoding: 'utf8', maxBuffer: 1 << 28 });
      // 1: libbpf does not open such files (maps from before BTF).
      if (status === 1) return;
      const rows = stdout
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as OracleMap | OracleProgram);
      const maps = rows.filter((row): row is OracleMap => 'map' in row);
      expect(
        object.maps.map((m) => ({
          map: m.name,
          shape: [
            m.typeNumber,
            m.keySize,
            m.valueSize,
            m.maxEntries,
            m.flags,
            Number(m.extra),
            m.btfKeyId,
            m.btfValueId,
          ],
        })),
      ).toEqual(maps);
      const left = object.programs.filter((p) => p.type === 'xdp' || p.type === 'unspec');
      for (const theirs of rows.filter((row): row is OracleProgram => 'program' in row)) {
        const at = left.findIndex((p) => p.name.slice(0, 15) === theirs.program);
        const [ours] = left.splice(at, 1);
        if (ours === undefined) throw new Error(`no program ${theirs.program}`);
        expect(ourInsns(ours), ours.name).toEqual(theirInsns(theirs.insns));
        expect(ours.frags, ours.name).toBe((theirs.flags & 0x20) !== 0);
        if (theirs.functions.length > 0)
          expect(ours.functions.map((f) => [f.start, f.btfId])).toEqual(theirs.functions);
        if (theirs.lines.length > 0) {
          expect(ours.lines.map((l) => [l.insn, l.fileOffset, l.textOffset, l.line * 1024 + l.column])).toEqual(
            theirs.lines,
          );
        }
      }
    },
  );
});
