/**
 * The plugin protocol of the public bpf_conformance suite: the memory is argument 1 (hex bytes, if the vector has
 * any), the program comes on stdin in the same encoding (bytes of an ELF file with `--elf`), r0 goes to stdout in hex.
 * A program that fails ends with a message on stderr and exit code 1, one that asks for what is not ours to have with
 * 4.
 */
import { exitCodes, InputError, UnsupportedError, UsageError } from '../base/index.js';
import { decodeInsns } from '../isa/index.js';
import { bareEngine, bareEngineNames, bareObject, parseHex } from '../judge/index.js';
import { type ObjectSpec, readObject, xdpPrograms } from '../object/index.js';
import { type CliCommand, defineCommand } from './command.js';

/** Flags of the command; `program` is given by runners that have no stdin. */
interface Options {
  engine: string;
  elf?: boolean;
  program?: string;
}

/** Exit codes as the protocol has them (above). JSON: `jitnic.conformance/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .argument('[memory]', 'what r1 points to, as hex bytes')
      .argument('[options]', "the runner's options for its plugin, which are empty when it has none")
      .option('--engine <name>', `engine: ${bareEngineNames.join(', ')}`, 'interp')
      .option('--elf', 'stdin is the hex form of an ELF file')
      .option('--program <hex>', 'the program, instead of on stdin');
  },
  run: async ([memory, rest], options, io) => {
    if (rest !== undefined && rest.trim() !== '') throw new UsageError(`unexpected argument \`${rest}\``);
    const engine = bareEngine(options.engine);
    const text = options.program ?? new TextDecoder().decode(await io.readStdin());
    const bytes = parseHex(text, 'program');
    const object = options.elf === true ? objectOfElf(bytes) : objectOfBytes(bytes);
    const data = memory === undefined || memory.trim() === '' ? undefined : parseHex(memory, 'memory');
    const result = await io.work('running', () => engine.run(object, data));
    switch (result.kind) {
      case 'returned': {
        const r0 = result.r0.toString(16);
        if (io.flags.json) io.json('jitnic.conformance/1', { r0 });
        else io.out(`${r0}\n`);
        return exitCodes.ok;
      }
      case 'error':
        io.err(`${result.what}\n`);
        return exitCodes.negative;
      case 'unsupported':
        throw new UnsupportedError(result.what);
    }
  },
});

/** Instructions alone as an object with one program. Throws InputError. */
function objectOfBytes(bytes: Uint8Array): ObjectSpec {
  if (bytes.length === 0) throw new InputError('there is no program', { file: 'program' });
  if (bytes.length % 8 !== 0) {
    throw new InputError(`${bytes.length} bytes are no whole number of instructions`, { file: 'program' });
  }
  return bareObject(decodeInsns(bytes));
}

/**
 * An ELF file with its first XDP program in front, or, where no section names a program, its whole `.text`. Throws
 * InputError.
 */
function objectOfElf(bytes: Uint8Array): ObjectSpec {
  const object = readObject(bytes, { name: 'program' });
  const first = xdpPrograms(object)[0] ?? object.programs[0];
  if (first !== undefined) return { ...object, programs: [first, ...object.programs.filter((p) => p !== first)] };
  const text = object.sections.find((section) => section.name === '.text' && section.size > 0);
  if (text === undefined) throw new InputError('no program in this file', { file: 'program' });
  return objectOfBytes(bytes.subarray(text.offset, text.offset + text.size));
}
