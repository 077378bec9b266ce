/**
 * One program for each reason for which `jitnic verify` refuses one: test/golden/verify/CODE.s (or .c), with what the
 * command prints as comments at its end. `UPDATE_GOLDEN=1 npx vitest run test/golden/verify.test.ts` writes these
 * anew. Where the running kernel can be asked, it has to refuse the program too, in the same words.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../src/base/index.js';
import type { Io } from '../../src/cli/command.js';
import { readProgramBytes } from '../../src/cli/program-file.js';
import { captureCli } from '../../src/cli/testing.js';
import { encodeInsns, type Insn, op } from '../../src/isa/index.js';
import { readAgreementLines } from '../../src/judge/index.js';
import { Bpf, hostBtf, KernelObject } from '../../src/linux/index.js';
import { assemble, type ObjectSpec, type ProgramSpec } from '../../src/object/index.js';
import { verify } from '../../src/verifier/index.js';
import { messages } from '../../src/verifier/messages.js';

const folder = fileURLToPath(new URL('./verify/', import.meta.url));
const files = readdirSync(folder).filter((name) => /\.[cs]$/.test(name));
/** C programs are compiled by the version that their expected line numbers are from. */
const compiler = 'clang-19';
const compiles = spawnSync(compiler, ['--version']).status === 0;
/** `code.which.s`: one of several for a code. */
const codeOf = (file: string): string => basename(file, extname(file)).replace(/\..*$/, '');

const bpf = Bpf.tryOpen();

/** By file: what the running kernel says where it says something else. */
const otherwise: Readonly<Record<string, string>> = {
  // On purpose (docs/verifier.md).
  'global-arg.null.c': 'accepted',
  'map-ptr-offset.s': 'accepted',
  'kernel-object.s': 'accepted',
  // Linux gives the number only.
  'map-refused.c': 'EINVAL',
  'format-data.c': 'processed',
  // Found while its code is rewritten: the number counts slots of that.
  'dead-callback.c': 'No program to jit at insn',
  'dead-callback.wide.c': 'No program to jit at insn',
  'dead-callback.within.c': 'No program to jit at insn',
  // The loader has no descriptor to give.
  'map-fd.s': 'fd -1 is not pointing to valid bpf_map',
  // It names its own structure.
  'map-ptr-write.s': 'only read from bpf_htab is supported',
  // The slot is a call of a helper that does not exist.
  'unresolved-reference.c': 'invalid func unknown#195896080',
};

/** The file up to the expected text, and that text. */
function split(file: string): { readonly source: string; readonly expected: string } {
  const text = readFileSync(`${folder}${file}`, 'utf8');
  const [source = '', expected = ''] = text.split(/^(?:#|\/\/) \$ jitnic verify .*\n/m, 2);
  return { source: source.trimEnd(), expected: expected.trimEnd().replace(/^(?:#|\/\/) ?/gm, '') };
}

function write(file: string, output: string): void {
  const comment = file.endsWith('.c') ? '//' : '#';
  const lines = [`$ jitnic verify ${file}`, ...output.trimEnd().split('\n')].map((line) => `${comment} ${line}`.trimEnd());
  writeFileSync(`${folder}${file}`, `${split(file).source}\n\n${lines.join('\n')}\n`);
}

const inFolder = async (argv: readonly string[]): Promise<Awaited<ReturnType<typeof captureCli>>> =>
  captureCli(argv, { env: { CLANG: compiler } });

const types = bpf === undefined ? undefined : hostBtf();

/** Objects of C files, by their names: the compiler takes longer than everything else here, and each is asked about
 * twice. */
const objects = mkdtempSync(`${tmpdir()}/jitnic-verify-`);
const compiled = new Map<string, string>();
afterAll(() => rmSync(objects, { recursive: true }));

/** A command about a file of the folder, C being compiled once. */
async function ask(command: 'verify' | 'disasm', file: string): ReturnType<typeof inFolder> {
  const path = `${folder}${file}`;
  return inFolder([command, file.endsWith('.c') ? await compile(path) : path]);
}

/** The object of a C file, which has its name. */
async function compile(path: string): Promise<string> {
  const known = compiled.get(path);
  if (known !== undefined) return known;
  const object = `${mkdtempSync(`${objects}/`)}/${basename(path, '.c')}.o`;
  const io = { env: { CLANG: compiler }, info: () => undefined } as unknown as Io; // all that reading asks of it
  writeFileSync(object, await readProgramBytes(path, io));
  compiled.set(path, object);
  return object;
}

async function readSpec(file: string): Promise<ObjectSpec> {
  // The text keeps accesses by CO-RE: they are resolved for the kernel that is asked.
  return assemble((await ask('disasm', file)).out, { btf: types });
}

function kernelWords(object: ObjectSpec): string {
  let kernel: KernelObject;
  try {
    kernel = KernelObject.load(bpf as Bpf, object, { logLevel: 0 }); // only called where there is one
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  try {
    const loaded = kernel.programs[0]?.loaded;
    return loaded === undefined || 'fd' in loaded ? 'accepted' : loaded.log;
  } finally {
    kernel.close();
  }
}

/** Ids are counted differently; everything else has to be the same. */
const withoutIds = (text: string): string => text.replace(/\bid=\d+/g, 'id=N');

describe.each(files)('%s', (file) => {
  const isCast = file.endsWith('.c') && split(file).source.includes('#include "cast.h"');
  // Types that are cast to are those of a kernel.
  const needsCompiler = (file.endsWith('.c') && !compiles) || (isCast && hostBtf() === undefined);

  test.skipIf(needsCompiler)('is refused for that, and so explained', async () => {
    const { out, exitCode } = await ask('verify', file);
    expect(exitCode).toBe(1);
    // The folder is another one elsewhere; debug information has the path that the compiler was given.
    const shown = out.replaceAll(folder, '');
    if (process.env['UPDATE_GOLDEN'] === '1') write(file, shown);
    expect(shown.trimEnd()).toBe(split(file).expected);
  });

  test.skipIf(needsCompiler)('has its code, and is refused by the kernel, where it can be asked, in the same words', async () => {
    const object = await readSpec(file);
    const { errno, failures, message } = verify(object.programs[0] as ProgramSpec, object.maps, {
      btf: object.btf,
      kernelBtf: types,
      license: object.license,
      logLevel: 0,
    });
    expect(errno).toBeLessThan(0);
    expect(failures.map(({ code }) => code)).toEqual([codeOf(file)]);
    if (bpf === undefined) return;
    const log = kernelWords(object);
    const other = otherwise[file];
    if (other !== undefined) expect(log).toContain(other);
    else for (const line of withoutIds(message ?? '').split('; ')) expect(withoutIds(log)).toContain(line);
  });
});

/** Files that hold the program as it is once the hint is followed, too: `#ifdef MENDED`. */
const mendable = files.filter((file) => readFileSync(`${folder}${file}`, 'utf8').includes('MENDED'));

describe.skipIf(!compiles).each(mendable)('%s, when the hint is followed', (file) => {
  const mended = (): string => {
    const scratch = mkdtempSync(`${tmpdir()}/jitnic-mended-`);
    for (const header of ['verify.h', 'iterators.h', 'conntrack.h']) writeFileSync(`${scratch}/${header}`, readFileSync(`${folder}${header}`));
    writeFileSync(`${scratch}/${file}`, `#define MENDED\n${split(file).source}\n`);
    return scratch;
  };

  test('is accepted, by the running kernel too where it can be asked', async () => {
    const scratch = mended();
    try {
      const path = await compile(`${scratch}/${file}`);
      const { out, exitCode } = await inFolder(['verify', path]);
      expect(out).toContain('accepted');
      expect(exitCode).toBe(0);
      const object = assemble((await inFolder(['disasm', path])).out);
      if (bpf !== undefined) expect(kernelWords(object)).toBe('accepted');
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});

test.skipIf(!compiles)('a kernel function that jitnic does not know is not judged', async () => {
  const scratch = mkdtempSync(`${tmpdir()}/jitnic-kfunc-`);
  try {
    writeFileSync(`${scratch}/verify.h`, readFileSync(`${folder}verify.h`));
    const code = 'extern int bpf_xdp_flow_lookup(void *p) __ksym; SEC("xdp") int prog(struct xdp_md *c) { return bpf_xdp_flow_lookup(c); }';
    writeFileSync(`${scratch}/kfunc.c`, `#include "verify.h"\n${code}\n`);
    const { err, exitCode } = await inFolder(['verify', `${scratch}/kfunc.c`]);
    expect(exitCode).toBe(4);
    expect(err).toContain('kernel function `bpf_xdp_flow_lookup` is not supported by jitnic');
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

test.skipIf(!compiles)('what lies behind a pointer of the kernel is not judged', async () => {
  const scratch = mkdtempSync(`${tmpdir()}/jitnic-kernel-pointer-`);
  try {
    writeFileSync(`${scratch}/conntrack.h`, readFileSync(`${folder}conntrack.h`));
    const body = 'struct nf_conn *ct = find(c); if (!ct) return 1; long p = *(long *)((char *)ct + 160); bpf_ct_release(ct); return p ? 1 : 2;';
    writeFileSync(`${scratch}/kernel.c`, `#include "conntrack.h"\nSEC("xdp") int prog(struct xdp_md *c) { ${body} }\n`);
    const { err, exitCode } = await inFolder(['verify', `${scratch}/kernel.c`]);
    expect(exitCode).toBe(4);
    expect(err).toContain('`nf_conn.master` is a pointer of the kernel');
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

const insn = (code: number, dst = 0, src = 0, off = 0, imm = 0): Insn => ({ code, dst, src, off, imm });
const mov = insn(op.ALU64 | op.MOV | op.K, 0, 0, 0, 2);
const exit = insn(op.EXIT_OP);
const call = (imm: number): Insn => insn(op.CALL_OP, 0, op.CALL_LOCAL, 0, imm);
const helper = (number: number): Insn => insn(op.CALL_OP, 0, 0, 0, number);
const repeat = (count: number, ...body: readonly Insn[]): Insn[] => Array.from({ length: count }, () => body).flat();

/** A program that calls `count` functions of two instructions each. */
function callEach(count: number): Insn[] {
  const calls = Array.from({ length: count }, (_, i) => call(count + 1 + 2 * i - i));
  return [...calls, mov, exit, ...repeat(count, mov, exit)];
}

/** Each branch leaves a path to be followed later. */
const branches = repeat(8300, helper(7), insn(op.JMP | op.JEQ | op.K, 0, 0, 0, 0));

const address = (target: number): Insn[] => [insn(op.LDDW, 2, op.PSEUDO_FUNC, 0, target), insn(0)];
const callback = [
  insn(op.ALU64 | op.MOV | op.K, 1, 0, 0, 4),
  ...address(5),
  insn(op.ALU64 | op.MOV | op.K, 3),
  insn(op.ALU64 | op.MOV | op.K, 4),
  helper(181),
  exit,
  insn(op.ALU64 | op.MOV | op.K, 0),
  exit,
];

/** What no file can hold: the code, the program, and the words. */
const built: readonly (readonly [code: keyof typeof messages, insns: readonly Insn[], message: string])[] = [
  ['empty-program', [], 'program has no instructions'],
  ['too-many-insns', repeat(1_000_001, mov), 'program of 1000001 instructions is larger than 1000000'],
  ['too-many-subprogs', callEach(257), 'too many subprograms'],
  ['too-many-jumps', [...branches, mov, exit], 'The sequence of 8193 jumps is too complex.'],
  ['no-func-info', callback, 'missing btf func_info'],
  ['kfunc-module', [insn(op.CALL_OP, 0, op.CALL_KFUNC, 1, 1), mov, exit], 'kfunc offset > 0 without fd_array is invalid'],
  [
    'kfunc-module-negative',
    [insn(op.CALL_OP, 0, op.CALL_KFUNC, -1, 1), mov, exit],
    'negative offset disallowed for kernel module function call',
  ],
  ['tail-call-no-btf', [call(1), exit, helper(12), exit], 'tail_call is not allowed in subprogs without BTF'],
];
/** Linux refuses these before it verifies, without a word. */
const wordless: readonly string[] = ['empty-program', 'too-many-insns'];

describe.each(built)('%s', (code, insns, words) => {
  const [object] = readAgreementLines(JSON.stringify({ insns: Buffer.from(encodeInsns(insns)).toString('hex') }), code);
  if (object === undefined) throw new Error('no program');

  test('is refused in these words', () => {
    const result = verify(object.program, []);
    expect(result.message).toBe(words);
    expect(result.failures.map((failure) => failure.code)).toEqual([code]);
  });

  test.skipIf(bpf === undefined)('is refused by the kernel in the same words', () => {
    const log = kernelWords({ ...object.object, programs: [object.program] });
    if (wordless.includes(code)) expect(log).not.toBe('accepted');
    else expect(log).toContain(words);
  });
});

test('every message has a program that provokes it', () => {
  // What is refused on the way to a card has tests of its own (src/offload, test/cli/rx-metadata.test.ts).
  const provoked = new Set([...files.map(codeOf), ...built.map(([code]) => code), 'device-refused', 'kfunc-offload']);
  expect(Object.keys(messages).filter((code) => !provoked.has(code))).toEqual([]);
  expect([...provoked].filter((code) => !(code in messages))).toEqual([]);
});
