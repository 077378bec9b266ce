/**
 * The flags that say how an object is read: for which kernel (`--btf`, `--kernel`, `--kconfig`; by default the running
 * one), and whether it is none but raw instructions (`--raw`, `--map-list`).
 */
import type { Command } from 'commander';
import { InputError, UsageError } from '../base/index.js';
import { hostKernel, kconfigText } from '../linux/index.js';
import { type Kconfig, parseKconfig, parseKernelVersion, type ReadObjectOptions } from '../object/index.js';
import type { Io } from './command.js';
import { readInput } from './files.js';

/** Plain data: threads of `run --jobs` read the object again, with the same flags. */
export interface KernelFlags {
  readonly btf?: string | undefined;
  /** `6.1`, `6.18.44`. In `disasm`, `true` asks for the kernel's syntax. */
  readonly kernel?: string | true | undefined;
  readonly kconfig?: readonly string[] | undefined;
  readonly raw?: true | undefined;
  readonly mapList?: string | undefined;
  readonly rawSection?: string | undefined;
}

/** Declares the three, for every command that reads an object. */
export function declareKernelFlags(command: Command): void {
  declareKconfig(command).option(
    '--kernel <version>',
    'LINUX_KERNEL_VERSION, such as 6.1 or 6.18.44 (default: the running one)',
  );
}

/** The two without `--kernel`, which `disasm` declares itself. */
export function declareKconfig(command: Command): Command {
  return declareRaw(command)
    .option('--btf <file>', 'BTF that CO-RE is resolved against (default: the running kernel, else the object)')
    .option(
      '--kconfig <file|KEY=VALUE>',
      'kernel configuration for __kconfig variables (default: the running one); may be given several times',
      (value: string, all: readonly string[] = []) => [...all, value],
    );
}

/** Raw instructions: read by commands that take an object, written by `asm`. */
export function declareRaw(command: Command): Command {
  return command
    .option('--raw', 'FILE is instructions alone, eight bytes each')
    .option('--map-list <file>', 'with --raw: the maps that its loads name by number, as .map lines')
    .option('--raw-section <name>', 'with --raw: the section it would stand in, which says its type (default: xdp)');
}

/** Throws UsageError for flags that say nothing, InputError for files that cannot be read. */
export async function kernelOptions(flags: KernelFlags, io: Io): Promise<ReadObjectOptions> {
  const host = hostKernel();
  return {
    btf: flags.btf === undefined ? host.btf : await readInput(flags.btf, io),
    kernelVersion: typeof flags.kernel === 'string' ? versionOf(flags.kernel) : host.kernelVersion,
    kconfig: flags.kconfig === undefined ? host.kconfig : await readKconfig(flags.kconfig, host.kconfig, io),
  };
}

/** LINUX_VERSION_CODE of `6.1` or `6.18.44`. Throws UsageError. */
function versionOf(text: string): number {
  const version = parseKernelVersion(text);
  if (version !== undefined) return version;
  throw new UsageError(`\`--kernel ${text}\` is no kernel version`, {}, 'such as `--kernel 6.1` or `--kernel 6.18.44`');
}

/** Single values count before files, and with a file the running kernel's configuration is not looked at. */
async function readKconfig(given: readonly string[], host: ReadObjectOptions['kconfig'], io: Io): Promise<Kconfig> {
  const values = new Map<string, string>();
  const files: string[] = [];
  for (const word of given) {
    const pair = /^((?:CONFIG|LINUX)_\w+)=(.*)$/s.exec(word);
    if (pair === null) files.push(word);
    else if (pair[2] === '')
      throw new UsageError(`\`--kconfig ${word}\` has no value`, {}, `\`${pair[1]}=y\`, \`=250\`, \`="text"\``);
    else values.set(pair[1] ?? '', unquotedText(pair[2] ?? ''));
  }
  const contents = await Promise.all(files.map((file) => readConfigFile(file, io)));
  const base = typeof host === 'function' ? host() : host;
  for (const config of files.length === 0 ? [base ?? new Map()] : contents) {
    for (const [name, value] of config) if (!values.has(name)) values.set(name, value);
  }
  return values;
}

/** A shell has taken the quotes of `CONFIG_X="text"` off: what is neither number nor y, m, n is text. */
function unquotedText(value: string): string {
  return /^(?:[ymn]|".*"|-?(?:0[xX][0-9a-fA-F]+|\d+))$/s.test(value) ? value : `"${value}"`;
}

/** A kernel configuration, plain or gzipped as /proc/config.gz. Throws InputError for what has no line of one. */
async function readConfigFile(file: string, io: Io): Promise<Kconfig> {
  const bytes = await readInput(file, io);
  let text: string;
  try {
    text = kconfigText(bytes);
  } catch {
    throw new InputError('is damaged: it does not unpack', { file });
  }
  const config = parseKconfig(text, file);
  if (config.size > 0) return config;
  throw new InputError(
    'no kernel configuration',
    { file },
    'it has lines CONFIG_NAME=VALUE; a single value is `--kconfig CONFIG_NAME=VALUE`',
  );
}
