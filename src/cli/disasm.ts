/** `jitnic disasm FILE [PROG]`: instructions as text that `jitnic asm` reads back. */
import { exitCodes, UsageError } from '../base/index.js';
import type { Coverage } from '../explore/index.js';
import { formatInsn } from '../isa/index.js';
import { disassemble, type ObjectSpec, type ProgramSpec, programNames } from '../object/index.js';
import { formatNumber, printable, printableLine } from '../text/index.js';
import { type CliCommand, defineCommand } from './command.js';
import { readCounts } from './coverage-output.js';
import { declareKconfig } from './kernel-flags.js';
import { chooseProgram, declareReading, openProgramFile, type ReadingFlags } from './program-file.js';

/** Flags of the command; `--kernel` without a version is the old name of `--syntax kernel`. */
interface Options extends ReadingFlags {
  readonly source?: true;
  readonly bytes?: true;
  readonly syntax?: string;
  readonly coverageData?: string;
}

/** Reads any object, loadable or not. JSON: `jitnic.disasm/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command, declareKconfig);
    command
      .argument('<file>', 'ELF object, .c, .s, or - for stdin')
      .argument('[prog]', 'program or section; without it, the whole file, ready for `jitnic asm`')
      .option('-S, --source', 'source lines between the instructions')
      .option('-x, --bytes', 'bytes of each instruction')
      .option('--syntax <name>', "llvm (default), or kernel: as the verifier's log and bpftool print it")
      .option(
        '--coverage-data <file>',
        'how often each instruction ran, and which never did: counts of `run` or `test`',
      )
      .option('--kernel [version]', 'LINUX_KERNEL_VERSION, such as 6.1; without a version the same as --syntax kernel');
  },
  run: async ([file = '-', name], options, io) => {
    const kernelSyntax = hasKernelSyntax(options);
    const object = await openProgramFile(file, io, options);
    const source = options.source === true;
    const bytes = options.bytes === true;
    const chosen = name === undefined ? object.programs : [chooseProgram(object, name)];
    if (kernelSyntax && bytes) throw new UsageError("the kernel's syntax prints no bytes", {}, 'leave out `-x`');
    const coverage = options.coverageData === undefined ? undefined : readCounts(object.programs, options.coverageData);
    if (coverage !== undefined && (kernelSyntax || io.flags.json))
      throw new UsageError(
        '`--coverage-data` marks the listing of LLVM syntax',
        {},
        'leave out `--syntax kernel` and `-j`',
      );
    if (io.flags.json) {
      io.json('jitnic.disasm/1', {
        file: object.name,
        programs: chosen.map((program) => programJson(object, program)),
      });
    } else if (kernelSyntax) {
      io.out(chosen.map((program) => kernelListing(object, program, source)).join('\n'));
    } else {
      const only = name === undefined ? undefined : new Set(chosen.flatMap((p) => p.functions.map((fn) => fn.name)));
      io.out(disassemble(object, { numbers: true, source, bytes, only, remark: coverage && remarks(coverage) }));
    }
    return exitCodes.ok;
  },
});

/** How often instructions ran, over all programs that have a copy of their function. */
function remarks({ counts }: Coverage): (fn: string, offset: number) => string | undefined {
  const byFunction = new Map<string, { readonly runs: Float64Array; readonly start: number }[]>();
  for (const { program, runs } of counts)
    for (const { name, start } of program.functions)
      byFunction.set(name, [...(byFunction.get(name) ?? []), { runs, start }]);
  return (fn, offset) => {
    const copies = byFunction.get(fn);
    if (copies === undefined) return undefined;
    const ran = copies.reduce((sum, { runs, start }) => sum + (runs[start + offset] ?? 0), 0);
    return ran === 0 ? 'never ran' : `ran ${formatNumber(ran)} times`;
  };
}

/** `--syntax kernel`, or the `--kernel` of old, which names no version. */
function hasKernelSyntax({ syntax, kernel }: Options): boolean {
  if (syntax !== undefined && syntax !== 'kernel' && syntax !== 'llvm') {
    throw new UsageError(`no syntax \`${syntax}\``, {}, 'llvm or kernel');
  }
  return syntax === 'kernel' || (kernel === true && syntax === undefined);
}

/** As `bpftool prog dump xlated linum` prints: functions by name, source lines behind `;`. */
function kernelListing(object: ObjectSpec, program: ProgramSpec, source: boolean): string {
  const names = programNames(object, program);
  const functions = new Map(program.functions.map((fn) => [fn.start, fn.name]));
  const lines = new Map(source ? program.lines.map((line) => [line.insn, line]) : []);
  let text = '';
  for (let pc = 0; pc < program.insns.length; pc++) {
    const fn = functions.get(pc);
    if (fn !== undefined) text += `${printable(fn)}:\n`;
    const line = lines.get(pc);
    if (line !== undefined) {
      text += `; ${printableLine(`${line.text.trim()} @ ${line.file.replace(/^.*\//, '')}:${line.line}`)}\n`;
    }
    text += `${String(pc).padStart(4)}: ${printable(formatInsn(program.insns, pc, 'kernel', names))}\n`;
    // A 64-bit load takes two slots, of which the second is no instruction.
    if (program.insns[pc]?.code === 0x18) pc++;
  }
  return text;
}

/**
 * A program in `jitnic.disasm/1`: instructions with their fields and, where known, the source line that begins there.
 */
function programJson(object: ObjectSpec, program: ProgramSpec): Record<string, unknown> {
  const names = programNames(object, program);
  const lines = new Map(program.lines.map((line) => [line.insn, line]));
  return {
    name: program.name,
    section: program.section,
    functions: program.functions.map(({ name, start, end }) => ({ name, start, insns: end - start })),
    insns: program.insns.flatMap((insn, pc) => {
      if (insn.code === 0 && program.insns[pc - 1]?.code === 0x18) return [];
      const line = lines.get(pc);
      const at = line === undefined ? undefined : { file: line.file, line: line.line, text: line.text };
      return [{ pc, disasm: formatInsn(program.insns, pc, 'llvm', names), ...insn, source: at }];
    }),
  };
}
