/** `jitnic asm FILE.s -o FILE.o`: text to an object file that libbpf loads, or to raw instructions. */
import { stat } from 'node:fs/promises';
import { exitCodes, UsageError, UserError } from '../base/index.js';
import { type ObjectSpec, parseImage, rawInsns, rawMapList, readObject, writeElf } from '../object/index.js';
import { count } from '../text/index.js';
import { type CliCommand, defineCommand } from './command.js';
import { readInput, writeOutput } from './files.js';
import { chooseProgram } from './program-file.js';

interface Options {
  readonly output?: string;
  /** Instructions alone, without an ELF file around them. */
  readonly raw?: true;
  readonly mapList?: string;
}

/** Exit 3 where the text does not assemble. JSON: `jitnic.asm/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .argument('<file>', 'assembler text or a listing of llvm-objdump or bpftool, or - for stdin')
      .argument('[prog]', 'with --raw: the program to write, where there are several')
      .option('-o, --output <file>', 'file to write, or - for stdout; by default FILE with .o (.bin) instead of .s')
      .option('--raw', 'write the instructions alone, eight bytes each')
      .option('--map-list <file>', 'with --raw: where to write the maps that loads name by number, as .map lines');
  },
  run: async ([file = '-', program], options, io) => {
    if (options.raw !== true && (options.mapList !== undefined || program !== undefined)) {
      throw new UsageError('a program and `--map-list` belong to `--raw`', {}, 'an object file has all programs');
    }
    const output = options.output ?? (await besides(file, options.raw === true ? '.bin' : '.o'));
    const toStdout = output === '-' || options.mapList === '-';
    if (toStdout && io.flags.json) throw new UsageError('`-o -` and `--json` both want stdout');
    const text = new TextDecoder().decode(await readInput(file, io));
    const name = file === '-' ? 'stdin' : file;
    const bytes = named(name, () => writeElf(parseImage(text, name)));
    // Reading it back checks what the text alone cannot: that programs, maps and references hold together.
    const object = named(name, () => readObject(bytes, { name: output }));
    const written = options.raw === true ? named(name, () => rawInsns(chooseProgram(object, program))) : bytes;
    await writeOutput(output, written, io);
    if (options.mapList !== undefined) await writeOutput(options.mapList, rawMapList(object), io);
    if (io.flags.json) {
      const programs = object.programs.map((program) => ({ name: program.name, insns: program.insns.length }));
      const maps = object.maps.map((map) => map.name);
      io.json('jitnic.asm/1', { file: output, bytes: written.length, programs, maps });
    } else {
      io.info(`${output}: ${summary(object)}`);
      for (const line of undefinedSymbols(object)) io.info(line);
    }
    return exitCodes.ok;
  },
});

/** The file beside FILE that is written where none is named. One that is there stays: nobody asked for it to go. */
async function besides(file: string, extension: string): Promise<string> {
  const output = file.endsWith('.s') ? `${file.slice(0, -2)}${extension}` : undefined;
  if (output === undefined) throw new UsageError('where to?', {}, `name the file to write: \`-o FILE${extension}\``);
  const isThere = await stat(output).then(
    () => true,
    () => false,
  );
  if (isThere) throw new UsageError(`\`${output}\` is there already`, {}, `to replace it: \`-o ${output}\``);
  return output;
}

/** `1 program, 23 instructions, 2 maps`. */
function summary(object: ObjectSpec): string {
  const insns = object.programs.reduce((sum, program) => sum + program.insns.length, 0);
  return [count(object.programs.length, 'program'), count(insns, 'instruction'), count(object.maps.length, 'map')].join(
    ', ',
  );
}

/** A listing names maps and data that it does not define; the object can be shown, and not loaded. */
function undefinedSymbols(object: ObjectSpec): string[] {
  const names = new Set(
    object.programs.flatMap(({ unresolved }) => unresolved.flatMap(({ symbol }) => symbol?.name ?? [])),
  );
  if (names.size === 0) return [];
  return [`undefined: ${[...names].join(', ')}; define maps with .map, data in .section .rodata, .data or .bss`];
}

/** Fills the file's name into errors that know only the line. */
function named<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof UserError && error.place.source === undefined ? error.withFile(file) : error;
  }
}
