/**
 * `npm run reassemble -- DIR`: every object of a folder from text and back. `disasm -S` and `asm` again: the same
 * programs, and libbpf (bpftool) loads what comes out as it loads what went in, with no warning of its own. Listings
 * of `llvm-objdump -d`, `-dr` and of `bpftool prog dump xlated` assemble as they are. Exit 0 when all hold; what this
 * machine cannot do is said and counted as skipped.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../base/index.js';
import { findObjects, loadObject, type ObjectFile } from '../cli/check/objects.js';
import { encodeInsns } from '../isa/index.js';
import { hostKernel } from '../linux/index.js';
import { disassemble, type ObjectSpec, type ProgramSpec, parseImage, readObject, writeElf } from '../object/index.js';
import { formatTable } from '../text/index.js';
import { negativeIf, oneOperand, runTool } from './tool.js';

const usage = 'npm run reassemble -- DIR';

/** What is tried with each object, in the order of the columns. */
const trials = ['disasm, asm', 'libbpf', 'objdump -d', 'objdump -dr', 'dump xlated'] as const;
type Trial = (typeof trials)[number];

/** Seconds that a load may take: the kernel writes the log of a program with a million steps for minutes. */
const patience = 20;

await runTool(usage, {}, (operands) => {
  const files = findObjects(oneOperand(operands, usage));
  const counts = new Map(trials.map((trial) => [trial, { passed: 0, failed: 0, skipped: 0 }]));
  const scratch = mkdtempSync(join(tmpdir(), 'jitnic-reassemble-'));
  try {
    for (const file of files) {
      for (const trial of trials) {
        const outcome = attempt(trial, file, scratch);
        const count = counts.get(trial);
        if (count !== undefined) count[outcome === undefined ? 'passed' : outcome.skipped ? 'skipped' : 'failed']++;
        if (outcome !== undefined) console.log(`${file.name}: ${trial}: ${outcome.what}`);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
  const rows = [...counts].map(([trial, { passed, failed, skipped }]) => [trial, passed, failed, skipped]);
  const titles = ['', 'objects', 'failed', 'skipped'];
  process.stdout.write(
    formatTable(
      titles.map((title) => ({ title, align: title === '' ? 'left' : 'right' })),
      rows,
    ),
  );
  const sum = (of: 'passed' | 'failed'): number => [...counts.values()].reduce((all, count) => all + count[of], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  return negativeIf(sum('failed'));
});

/** Why a trial failed or was not made; undefined: it passed. */
type Outcome = { readonly what: string; readonly skipped: boolean } | undefined;

function attempt(trial: Trial, file: ObjectFile, scratch: string): Outcome {
  try {
    switch (trial) {
      case 'disasm, asm':
        return sameAgain(file);
      case 'libbpf':
        return loadsAgain(file, scratch);
      case 'objdump -d':
        return listing('llvm-objdump', ['-d', file.path]);
      case 'objdump -dr':
        return listing('llvm-objdump', ['-dr', file.path]);
      case 'dump xlated':
        return xlatedAssembles(file);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { what: error.format(), skipped: false };
  }
}

/** The object's text with source lines, assembled. */
function reassembled(object: ObjectSpec): Uint8Array {
  return writeElf(parseImage(disassemble(object, { source: true }), object.name));
}

/** Programs by name, with their instructions and lines. */
function sameAgain(file: ObjectFile): Outcome {
  const object = loadObject(file);
  const again = readObject(reassembled(object), { name: file.name, ...hostKernel() });
  const text = ({ programs }: ObjectSpec): string => programs.map(programText).sort().join('\n');
  return text(object) === text(again) ? undefined : { what: 'other programs come out', skipped: false };
}

/** Instructions, and the lines that they come from: text says a line once, where it begins. */
function programText({ name, insns, lines }: ProgramSpec): string {
  const said = lines.filter(({ line, text }, i) => line !== lines[i - 1]?.line || text !== lines[i - 1]?.text);
  return `${name} ${Buffer.from(encodeInsns(insns)).toString('hex')} ${said.map(({ insn, line }) => `${insn}:${line}`)}`;
}

/** Messages of libbpf's about a load, numbers and paths apart, and whether it worked. */
function messages(path: string): { readonly works: boolean; readonly lines: readonly string[] } | undefined {
  const script = 'mount -t bpf bpf /sys/fs/bpf && exec timeout "$1" bpftool prog loadall "$0" /sys/fs/bpf/x 2>&1';
  const { status, stdout } = spawnSync('unshare', ['-m', 'sh', '-c', script, path, String(patience)], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status === null || status === 124 || status === 127) return undefined;
  const own = stdout.split('\n').filter((line) => /^libbpf: (?!.*(?:PROG LOAD LOG|failed to load object))/.test(line));
  return { works: status === 0, lines: own.map((line) => line.replace(/\d+/g, 'N')) };
}

function loadsAgain(file: ObjectFile, scratch: string): Outcome {
  const before = messages(file.path);
  if (before === undefined) return { what: 'cannot be loaded by bpftool here', skipped: true };
  const written = join(scratch, 'again.o');
  writeFileSync(written, reassembled(loadObject(file)));
  const after = messages(written);
  if (after?.works !== before.works) return { what: 'libbpf decides otherwise', skipped: false };
  const warning = after.lines.find((line) => !before.lines.includes(line));
  return warning === undefined ? undefined : { what: warning, skipped: false };
}

function listing(tool: string, args: readonly string[]): Outcome {
  const { stdout, status } = spawnSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) return { what: `no ${tool} that reads it`, skipped: true };
  const slots = parseImage(stdout).code.reduce((sum, { insns }) => sum + insns.length, 0);
  // The slot of each instruction is in front of it: those of the last one of each section tell how many there are.
  return slots > 0 || !/^\s+\d+:\t/m.test(stdout) ? undefined : { what: 'no instruction comes out', skipped: false };
}

/** Every program that the kernel loads, as bpftool lists it then. */
function xlatedAssembles(file: ObjectFile): Outcome {
  const script =
    'mount -t bpf bpf /sys/fs/bpf && timeout "$1" bpftool prog loadall "$0" /sys/fs/bpf/x >/dev/null 2>&1 && ' +
    'for p in /sys/fs/bpf/x/*; do bpftool prog dump xlated pinned $p; echo ==; done';
  const { status, stdout } = spawnSync('unshare', ['-m', 'sh', '-c', script, file.path, String(patience)], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (status !== 0) return { what: 'is not loaded here', skipped: true };
  for (const text of stdout.split('==\n').filter((part) => part.trim() !== '')) parseImage(text, 'listing');
  return undefined;
}
