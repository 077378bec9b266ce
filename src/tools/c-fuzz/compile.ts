/** Compiles generated C with the clangs that are there. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../base/index.js';
import type { CCompiler } from './campaign.js';

/** Major versions that the campaign knows; those that are installed are used. */
const versions = [14, 16, 19];

/** Those of {@link versions} that are installed; throws InputError where none is. */
export function installedClangs(): readonly number[] {
  const clangs = versions.filter((version) => spawnSync(`clang-${version}`, ['--version']).status === 0);
  if (clangs.length > 0) return clangs;
  throw new InputError('no clang to compile with', {}, `install one of clang-${versions.join(', clang-')}`);
}

/** A compiler whose files lie in `folder`, which exists. */
export function compilerIn(folder: string): CCompiler {
  const file = join(folder, `fuzz-${process.pid}.c`);
  const object = join(folder, `fuzz-${process.pid}.o`);
  // libc's headers of this machine, which <linux/bpf.h> includes, by Debian's names of architectures. Searched last,
  // so that clang's own headers win.
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const includes = ['-idirafter', `/usr/include/${machine}-linux-gnu`];
  return ({ text, target }) => {
    writeFileSync(file, text);
    const flags = ['-target', 'bpf', '-g', target.level, `-mcpu=${target.cpu}`, '-w', ...includes];
    const done = spawnSync(`clang-${target.clang}`, [...flags, '-c', file, '-o', object], { encoding: 'utf8' });
    if (done.status !== 0)
      return (done.stderr.split('\n').find((line) => line.includes('error')) ?? 'failed').slice(0, 200);
    return readFileSync(object);
  };
}

/** The same, which keeps what it compiled in its folder: several processes that need the same programs share it. */
export function keepingCompilerIn(folder: string): CCompiler {
  const compile = compilerIn(folder);
  return (source) => {
    const kept = join(folder, `${createHash('sha256').update(JSON.stringify(source)).digest('hex')}.o`);
    if (existsSync(kept)) return readFileSync(kept);
    const bytes = compile(source);
    if (typeof bytes === 'string') return bytes;
    // Whole or not at all: another process may look for it meanwhile.
    writeFileSync(`${kept}-${process.pid}`, bytes);
    renameSync(`${kept}-${process.pid}`, kept);
    return bytes;
  };
}
