/** `jitnic asm FILE.s -o FILE.o`: text to an object file that libbpf loads. */
import { exitCodes, UsageError, UserError } from '../base/index.js';
import { parseImage, readObject, writeElf } from '../object/index.js';
import { count } from '../text/index.js';
import { type CliCommand, defineCommand } from './command.js';
import { readInput, writeOutput } from './files.js';

export const command: CliCommand = defineCommand<{ output?: string }>({
  declare: (command) => {
    command
      .argument('<file>', 'assembler text, or - for stdin')
      .option('-o, --output <file>', 'object file to write, or - for stdout; by default FILE with .o instead of .s');
  },
  run: async ([file = '-'], options, io) => {
    const output = options.output ?? (file.endsWith('.s') ? `${file.slice(0, -2)}.o` : undefined);
    if (output === undefined) throw new UsageError('where to?', {}, 'name the object file: `-o FILE.o`');
    const toStdout = output === '-';
    if (toStdout && io.flags.json) throw new UsageError('`-o -` and `--json` both want stdout');
    const text = new TextDecoder().decode(await readInput(file, io));
    const name = file === '-' ? 'stdin' : file;
    const bytes = named(name, () => writeElf(parseImage(text, name)));
    // Reading it back checks what the text alone cannot: that programs, maps and references hold together.
    const object = named(name, () => readObject(bytes, { name: output }));
    await writeOutput(output, bytes, io);
    const insns = object.programs.reduce((sum, program) => sum + program.insns.length, 0);
    if (io.flags.json) {
      const programs = object.programs.map((program) => ({ name: program.name, insns: program.insns.length }));
      io.json('jitnic.asm/1', {
        file: output,
        bytes: bytes.length,
        programs,
        maps: object.maps.map((map) => map.name),
      });
    } else {
      const parts = [
        count(object.programs.length, 'program'),
        count(insns, 'instruction'),
        count(object.maps.length, 'map'),
      ];
      io.info(`${output}: ${parts.join(', ')}`);
    }
    return exitCodes.ok;
  },
});

/** Fills the file's name into errors that know only the line. */
function named<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof UserError && error.place.source === undefined ? error.withFile(file) : error;
  }
}
