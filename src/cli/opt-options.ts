/** Values of the flags of `jitnic opt`, read and checked. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { UnsupportedError, UsageError } from '../base/index.js';
import { type BpfVersion, has } from '../bpf/index.js';
import { formatInsn } from '../isa/index.js';
import { fileFunctions, findPrograms, type ObjectSpec } from '../object/index.js';
import { bytecodePasses, type Effort, type Goal, versionOf } from '../super/index.js';
import { nearest } from '../text/index.js';
import type { Io } from './command.js';

/** What tells where results go. */
interface OutputFlags {
  readonly output?: string;
  readonly inPlace?: true;
  readonly report?: string;
}

/** The file to write; undefined: only the report is wanted. */
export async function outputOf(
  file: string,
  { output, inPlace, report }: OutputFlags,
  io: Io,
): Promise<string | undefined> {
  if (report !== undefined && report !== '-') {
    for (const other of [file, output])
      if (other !== undefined && other !== '-' && (await isSameFile(other, report)))
        throw new UsageError(`\`--report ${report}\` is an object file of this call`);
  }
  if (report === '-' && (output === '-' || io.flags.json))
    throw new UsageError(`\`--report -\` and \`${output === '-' ? '-o -' : '--json'}\` both want stdout`);
  if (inPlace === true) {
    if (output !== undefined) throw new UsageError('`-o` and `--in-place` exclude each other');
    if (file === '-') throw new UsageError('`--in-place` needs a file', {}, 'name FILE');
    return file;
  }
  if (output === undefined) return undefined;
  if (output === '-') {
    if (io.flags.json) throw new UsageError('`-o -` and `--json` both want stdout');
    return output;
  }
  if (file !== '-' && (await isSameFile(output, file))) {
    throw new UsageError(`\`${output}\` is the input`, {}, 'to write over it: `--in-place`');
  }
  return output;
}

/** Do both lead to one file, by whatever names and links? */
async function isSameFile(one: string, other: string): Promise<boolean> {
  if (resolve(one) === resolve(other)) return true;
  const [a, b] = await Promise.all([one, other].map((path) => stat(path).catch(() => undefined)));
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}

/** Throws UsageError. */
export function goalOf(word: string): Goal {
  if (word === 'size' || word === 'speed') return word;
  throw new UsageError(`\`--goal ${word}\`: there is no such goal`, {}, 'size or speed');
}

/** Throws UsageError. */
export function countOf(word: string): number {
  if (/^\d{1,8}$/.test(word)) return Number(word);
  throw new UsageError(`\`--packets ${word}\` is no number`, {}, 'such as 100000; 0 compares nothing but `-r`');
}

/**
 * Names of the programs that are wanted, by program or section; undefined: all. Throws UsageError with the nearest
 * name.
 */
export function programNames(object: ObjectSpec, names: readonly string[]): readonly string[] | undefined {
  if (names.length === 0) return undefined;
  return names.flatMap((name) => {
    const found = findPrograms(object, name).map((program) => program.name);
    if (found.length > 0) return found;
    const known = object.programs.map((program) => program.name);
    const near = nearest(name, known);
    throw new UsageError(
      `no program \`${name}\``,
      { file: object.name },
      near === undefined ? `programs: ${known.join(', ')}` : `did you mean \`${near}\`?`,
    );
  });
}

const allNames: readonly string[] = bytecodePasses.map(({ name }) => name);

/** Throws UsageError for a pass or a level that there is not. */
export function passNames(words: readonly string[]): ReadonlySet<string> {
  let enabled = new Set(allNames);
  for (const word of words) {
    if (/^[0-3]$/.test(word)) {
      enabled = new Set(bytecodePasses.filter(({ level }) => level <= Number(word)).map(({ name }) => name));
      continue;
    }
    const name = checkedName('-O', word.slice(1), /^[+-]/.test(word) ? word : `+${word}`);
    if (word.startsWith('-')) enabled.delete(name);
    else enabled.add(name);
  }
  return enabled;
}

/** Passes behind which functions are printed. Throws UsageError. */
export function printNames(words: readonly string[]): ReadonlySet<string> {
  const chosen = words.flatMap((word) => word.split(','));
  if (chosen.includes('all')) return new Set(allNames);
  return new Set(chosen.map((word) => checkedName('--print-after ', word, word)));
}

function checkedName(flag: string, name: string, word: string): string {
  if (allNames.includes(name)) return name;
  const near = nearest(name, allNames);
  const hint = near === undefined ? `passes: ${allNames.join(', ')}` : `did you mean \`${near}\`?`;
  throw new UsageError(`\`${flag}${word}\`: there is no pass \`${name}\``, {}, hint);
}

/** Throws UsageError. */
export function effortOf(word: string): Effort {
  const effort = ([0, 1, 2, 3] as const).find((each) => String(each) === word);
  if (effort === undefined)
    throw new UsageError(
      `\`--effort ${word}\`: there is no such effort`,
      {},
      '0 to 3: passes, whole functions, search',
    );
  return effort;
}

const versions: readonly BpfVersion[] = ['v1', 'v2', 'v3', 'v4'];

/**
 * Throws UsageError for what is no version, and UnsupportedError where the input has instructions that the version
 * does not have: the optimizer takes instructions out, it does not put older ones in their place.
 */
export function mcpuOf(word: string | undefined, bytes: Uint8Array, file: string): BpfVersion | undefined {
  if (word === undefined) return undefined;
  const version = versions.find((each) => each === word);
  if (version === undefined) throw new UsageError(`\`-mcpu ${word}\`: there is no such version`, {}, 'v1 to v4');
  for (const { name, insns } of fileFunctions(bytes)) {
    const slot = insns.findIndex((insn, i) => insns[i - 1]?.code !== 0x18 && !has(version, versionOf([insn])));
    if (slot < 0) continue;
    throw new UnsupportedError(
      `\`${formatInsn(insns, slot, 'llvm', {})}\` of \`${name}\` is no instruction of ${version}`,
      { file },
      'compile the source with that -mcpu',
    );
  }
  return version;
}
