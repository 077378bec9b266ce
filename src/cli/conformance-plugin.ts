/**
 * The plugin protocol of the public bpf_conformance suite: the memory is argument 1 (hex bytes, if the vector has any), the program comes
 * on stdin in the same encoding (bytes of an ELF file with `--elf`), r0 goes to stdout in hex. A program that fails ends with a
 * message on stderr and exit code 1, one that asks for what is not ours to have with 4.
 */
import { exitCodes, InputError, UnsupportedError } from '../base/index.js';
import { decodeInsns, type Insn } from '../isa/index.js';
import { bareEngine, bareEngineNames, parseHex } from '../judge/index.js';
import { readObject } from '../object/index.js';
import { type CliCommand, defineCommand } from './command.js';

interface Options {
  engine: string;
  elf?: boolean;
  program?: string;
}

export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .argument('[memory]', 'what r1 points to, as hex bytes')
      .option('--engine <name>', `engine: ${bareEngineNames.join(', ')}`, 'interp')
      .option('--elf', 'stdin is the hex form of an ELF file')
      .option('--program <hex>', 'the program, instead of on stdin');
  },
  run: async ([memory], options, io) => {
    const text = options.program ?? new TextDecoder().decode(await io.readStdin());
    const bytes = parseHex(text, 'program');
    const insns = options.elf === true ? insnsOfElf(bytes) : decodeInsns(bytes);
    const data = memory === undefined || memory.trim() === '' ? undefined : parseHex(memory, 'memory');
    const result = bareEngine(options.engine).run(insns, data);
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

/** The first program of an ELF file, or its whole `.text` where no section names a program. Throws InputError. */
function insnsOfElf(bytes: Uint8Array): readonly Insn[] {
  const object = readObject(bytes, { name: '-' });
  const program = object.programs[0];
  if (program !== undefined) return program.insns;
  const text = object.sections.find((section) => section.name === '.text' && section.size > 0);
  if (text === undefined) throw new InputError('no program in this file', { file: '-' });
  return decodeInsns(bytes.subarray(text.offset, text.offset + text.size));
}
