/** C, compiled with the first clang there is (`CLANG` names another), for the bpf target. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve as resolvePath } from 'node:path';
import { InputError } from '../base/index.js';
import type { Io } from './command.js';

/** Names to try, the distribution's default first, then the newest. */
const clangNames = ['clang', ...[21, 20, 19, 18, 17, 16, 15, 14].map((version) => `clang-${version}`)];

/** How C is compiled. */
export interface CompileFlags {
  readonly include?: readonly string[] | undefined;
  readonly define?: readonly string[] | undefined;
}

/** How messages name FILE. */
export function displayName(path: string): string {
  return path === '-' ? 'stdin' : path;
}

/** Compiles with the first clang there is (`CLANG` names another), with debug information, to the object's bytes. */
export async function compile(path: string, text: Uint8Array, flags: CompileFlags, io: Io): Promise<Uint8Array> {
  const source = path === '-' ? ['-x', 'c', '-'] : ['-x', 'c', path];
  // -O2: the verifier refuses much of what -O0 makes. -g: BTF, which maps and CO-RE need. v3 (32-bit jumps, atomics
  // that fetch) needs Linux 5.12.
  const words = ['-O2', '-g', '-target', 'bpf', '-mcpu=v3', ...searchWords(flags), '-c', ...source, '-o', '-'];
  const done = await anyClang(words, path === '-' ? text : undefined, io);
  if (done === undefined)
    throw new InputError(
      'is C, and there is no clang to compile it',
      { file: displayName(path) },
      'install clang, or set CLANG to one',
    );
  if (done.status !== 0)
    throw new InputError(`does not compile:\n${done.messages.trimEnd()}`, { file: displayName(path) });
  if (done.messages !== '') io.info(done.messages.trimEnd());
  return done.output;
}

/**
 * Headers that the source at `path` includes, those of the system left out; such as are not there yet among them. None
 * where nobody can tell.
 */
export async function headersOf(path: string, flags: CompileFlags, io: Io): Promise<string[]> {
  const words = ['-target', 'bpf', ...searchWords(flags), '-MM', '-MG', '-x', 'c', path];
  const done = await anyClang(words, undefined, io);
  if (done === undefined || done.status !== 0) return [];
  // A rule of make: `name.o: name.c name.h \`, blanks of names with a backslash before them.
  const text = new TextDecoder().decode(done.output).replaceAll('\\\n', ' ');
  const [, ...names] = text.slice(text.indexOf(':') + 1).match(/(?:\\ |\S)+/g) ?? [];
  // What is not there has the name that the source has for it.
  return names
    .map((name) => name.replaceAll('\\ ', ' '))
    .map((name) => (existsSync(name) ? name : resolvePath(dirname(path), name)));
}

/** Where headers are looked for, and macros. */
function searchWords({ include = [], define = [] }: CompileFlags): string[] {
  // Debian keeps asm/ in the host's own folder, which the bpf target does not look into.
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const given = [...include.map((folder) => `-I${folder}`), ...define.map((macro) => `-D${macro}`)];
  return [...given, '-idirafter', `/usr/include/${machine}-linux-gnu`];
}

/** What the first clang that is there makes of these words; undefined: there is none. */
async function anyClang(words: readonly string[], text: Uint8Array | undefined, io: Io): Promise<Compiled | undefined> {
  const given = io.env['CLANG'];
  for (const clang of given === undefined || given === '' ? clangNames : [given]) {
    const done = await runClang(clang, words, text);
    if (done !== undefined) return done;
  }
  return undefined;
}

/** What became of a run of clang; `messages` is its stderr. */
interface Compiled {
  readonly status: number | null;
  readonly output: Uint8Array;
  readonly messages: string;
}

/** Undefined where there is no such program. */
function runClang(
  clang: string,
  words: readonly string[],
  text: Uint8Array | undefined,
): Promise<Compiled | undefined> {
  // Loaded where it is needed: most files are objects, and it takes a process some milliseconds.
  const { spawn } = createRequire(import.meta.url)('node:child_process') as typeof import('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(clang, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    // Who ends this process ends that one.
    const end = (): void => void child.kill();
    process.once('exit', end);
    // A compiler that has not read all has said why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
    const output: Buffer[] = [];
    const messages: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => output.push(piece));
    child.stderr.on('data', (piece: Buffer) => messages.push(piece));
    child.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(undefined) : reject(error)));
    child.on('close', (status) => {
      process.off('exit', end);
      resolve({ status, output: Buffer.concat(output), messages: Buffer.concat(messages).toString('utf8') });
    });
  });
}
