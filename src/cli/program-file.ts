/**
 * `FILE` and `PROG` of every command: an ELF object as it is, `.c` compiled with clang, `.s` assembled, `-` from stdin
 * (told apart by its first bytes).
 */
import type { Command } from 'commander';
import { InputError, UsageError, UserError } from '../base/index.js';
import {
  bindToDevice,
  connectionLayoutNote,
  type ObjectSpec,
  type ProgramSpec,
  parseImage,
  rawImage,
  readObject,
  writeElf,
} from '../object/index.js';
import { compile, displayName } from './clang.js';
import { collect } from './collect.js';
import type { Io } from './command.js';
import { readInput } from './files.js';
import { declareKernelFlags, type KernelFlags, kernelOptions } from './kernel-flags.js';

/** How FILE is read: the values of the flags that {@link declareReading} declares. */
export interface ReadingFlags extends KernelFlags {
  readonly language?: string | undefined;
  readonly include?: readonly string[] | undefined;
  readonly define?: readonly string[] | undefined;
  readonly devBound?: true | undefined;
  /** Of commands that run packets: what the device knows of frames, so there is one. */
  readonly rxMetadata?: string | undefined;
}

/** The flags as words of a command line, for a process that is to read alike. */
export function readingWords(flags: ReadingFlags): string[] {
  const { language, include = [], define = [], kconfig = [], kernel, btf, raw, mapList, rawSection } = flags;
  const one = (name: string, value: string | true | undefined): string[] =>
    value === undefined ? [] : [value === true ? `--${name}` : `--${name}=${value}`];
  return [
    ...one('language', language),
    ...include.flatMap((folder) => one('include', folder)),
    ...define.flatMap((macro) => one('define', macro)),
    ...kconfig.flatMap((value) => one('kconfig', value)),
    ...one('kernel', kernel),
    ...one('btf', btf),
    ...one('raw', raw),
    ...one('map-list', mapList),
    ...one('raw-section', rawSection),
    ...one('dev-bound', flags.devBound),
  ];
}

/** Names of `-x`, as clang has them. */
const languages = ['c', 'assembler', 'none'] as const;

/** Declares the flags of every command that reads FILE. */
export function declareReading(command: Command, declareKernel: typeof declareKernelFlags = declareKernelFlags): void {
  command.optionsGroup('Reading FILE:');
  declareKernel(command);
  command
    .option('--language <name>', `what FILE is, whatever its name: ${languages.join(', ')}; also -x c, as clang has it`)
    .option('-I, --include <folder>', 'where C finds headers; may be given several times', collect)
    .option('-D, --define <macro>', 'a macro of C, NAME or NAME=VALUE; may be given several times', collect)
    .option(
      '--dev-bound',
      'load it for one network device, as bpftool does with xdpmeta_dev: bpf_xdp_metadata_rx_* ask for that',
    )
    .optionsGroup('Options:');
}

/**
 * Reads FILE for the kernel that the flags name, by default the running one. Throws InputError (exit 3) for what is no
 * such file, UnsupportedError (exit 4) for one of a kind that is not read.
 */
export async function openProgramFile(path: string, io: Io, flags: ReadingFlags = {}): Promise<ObjectSpec> {
  return objectOf(await readProgramBytes(path, io, flags), path, io, flags);
}

/** The object that is in `bytes`, which came from `path`; see {@link openProgramFile}. */
export async function objectOf(bytes: Uint8Array, path: string, io: Io, flags: ReadingFlags = {}): Promise<ObjectSpec> {
  const options = await kernelOptions(flags, io);
  const isBound = flags.devBound === true || flags.rxMetadata !== undefined;
  const object = await io.work('reading the object', () => {
    const read = readObject(bytes, { ...options, name: displayName(path) });
    return isBound ? bindToDevice(read) : read;
  });
  const note = connectionLayoutNote(object);
  if (note !== undefined) io.info(`${object.name}: ${note}`);
  return object;
}

/** Is FILE C, by its name or by what was said of it? */
export function isSource(path: string, { language = 'none' }: ReadingFlags): boolean {
  return language === 'c' || (language === 'none' && path.endsWith('.c'));
}

/** The bytes of an ELF object, whatever FILE was. */
export async function readProgramBytes(path: string, io: Io, flags: ReadingFlags = {}): Promise<Uint8Array> {
  if (flags.raw === true) return readRaw(path, flags, io);
  if (flags.mapList !== undefined) throw new UsageError('`--map-list` belongs to `--raw`');
  if (flags.rawSection !== undefined) throw new UsageError('`--raw-section` belongs to `--raw`');
  const { language = 'none' } = flags;
  if (!languages.some((name) => name === language))
    throw new UsageError(`no language \`${language}\``, {}, `languages: ${languages.join(', ')}`);
  const isC = isSource(path, flags);
  if (!isC && (flags.include !== undefined || flags.define !== undefined))
    throw new UsageError('`-I` and `-D` are about C', {}, 'with `-x c`, FILE is C whatever its name');
  const bytes = await readInput(path, io);
  if (isC) return compile(path, bytes, flags, io);
  if (language !== 'assembler' && !isText(path, bytes)) return bytes;
  const text = new TextDecoder().decode(bytes);
  return io.work('assembling', () => writeElf(parseImage(text, displayName(path))));
}

/** Raw instructions and the map list that belongs to them, as an object. */
async function readRaw(path: string, { mapList, rawSection }: ReadingFlags, io: Io): Promise<Uint8Array> {
  const list = mapList === undefined ? '' : new TextDecoder().decode(await readInput(mapList, io));
  const bytes = await readInput(path, io);
  try {
    return writeElf(rawImage(bytes, list, mapList, rawSection));
  } catch (error) {
    throw error instanceof UserError && error.place.source === undefined ? error.withFile(displayName(path)) : error;
  }
}

/** Begins as what llvm-objdump prints does. */
const disassembly = /^Disassembly of section .+:$/m;

/**
 * Assembler text: by name, a disassembler's listing whatever its name, or on stdin whatever is no ELF and has no
 * control characters at its start.
 */
function isText(path: string, bytes: Uint8Array): boolean {
  if (path.endsWith('.s')) return true;
  if (bytes.length === 0 || bytes[0] === 0x7f) return false;
  if (path !== '-') return disassembly.test(new TextDecoder().decode(bytes.subarray(0, 4096)));
  return bytes.subarray(0, 64).every((byte) => byte >= 0x20 || (byte >= 9 && byte <= 13));
}

/** PROG: by program or section name; the only one where none is named. Throws UsageError (exit 2) that lists them. */
export function chooseProgram(object: ObjectSpec, name: string | undefined): ProgramSpec {
  const all = object.programs;
  const found = name === undefined ? all : all.filter((program) => program.name === name || program.section === name);
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  if (all.length === 0) throw new InputError('has no program', { file: object.name });
  const list = `programs: ${all.map((program) => `\`${program.name}\` (${program.section})`).join(', ')}`;
  if (name === undefined) throw new UsageError(`${all.length} programs, which one?`, { file: object.name }, list);
  const what = found.length === 0 ? `no program or section \`${name}\`` : `\`${name}\` names ${found.length} programs`;
  throw new UsageError(what, { file: object.name }, list);
}

/** The object of a C text that lies in no file. Throws InputError that names it as `name`. */
export async function compileText(name: string, text: Uint8Array, io: Io): Promise<Uint8Array> {
  try {
    return await compile('-', text, {}, io);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.message.replaceAll('<stdin>', name), { file: name }, error.hint);
  }
}
