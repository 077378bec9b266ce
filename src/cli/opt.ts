/** `jitnic opt FILE -o OUT`: a smaller or faster object file that Linux still accepts. */
import { realpath } from 'node:fs/promises';
import { exitCodes, UsageError } from '../base/index.js';
import { formatInsn } from '../isa/index.js';
import { findPrograms, type ObjectSpec, readObject } from '../object/index.js';
import { bytecodePasses, type Goal, optimizeObject, type PassStep } from '../super/index.js';
import { nearest } from '../text/index.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { writeOutput } from './files.js';
import { kernelOptions } from './kernel-flags.js';
import { comparedPackets, executedInstructions, kernelRefusals } from './opt-checks.js';
import { proveFunctions } from './opt-proofs.js';
import { type OptReportData, optJson, printOptReport } from './opt-report.js';
import { declareReading, type ReadingFlags, readProgramBytes } from './program-file.js';

/** `--in-place` and `-o` exclude each other; with neither nothing is written. */
interface Options extends ReadingFlags {
  readonly output?: string;
  readonly inPlace?: true;
  readonly goal: string;
  readonly atomics: boolean;
  readonly read?: string;
  readonly packets: string;
  readonly kernelCheck: boolean;
  readonly prove?: true;
  readonly opt?: readonly string[];
  readonly printAfter?: readonly string[];
  readonly timePasses?: true;
}

/** Packets that the result is compared on, over all contents of maps. */
const defaultPackets = 2000;

/** Exit 1 where the result differs over packets: then nothing is written. JSON: `jitnic.opt/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command);
    const collect = (word: string, before: readonly string[] | undefined): readonly string[] => [
      ...(before ?? []),
      word,
    ];
    command
      .argument('<file>', 'ELF object, .c, .s, or - for stdin')
      .argument('[prog...]', 'programs to optimize, with all that they call; without any, all')
      .option('-o, --output <file>', 'file to write, or - for stdout; without it, only the table')
      .option('--in-place', 'write over FILE')
      .option('--goal <what>', 'size: fewest slots; speed: fewest instructions a packet', 'size')
      .option('--no-atomics', 'never make load, change, store one atomic instruction, which is smaller and slower')
      .option('-r, --read <capture>', 'count executed instructions on these packets, and compare on them too')
      .option('--packets <n>', 'generated packets that input and output are compared on', String(defaultPackets))
      .option('--no-kernel-check', 'do not show candidates to the running kernel')
      .option('--prove', 'have each changed function proved by the solver; one that is refuted is not written')
      .option('-O, --opt <setting>', 'passes: 0 to 3 (default 3), +pass, -pass; repeatable', collect)
      .option('--print-after <pass>', 'print functions after these passes, or all; repeatable', collect)
      .option('--time-passes', 'milliseconds that each pass took, to stderr')
      .addHelpText(
        'after',
        `
Examples:
  jitnic opt prog.o -o small.o            fewest slots
  jitnic opt prog.o -o fast.o --goal speed -r t.pcap
                                          fewest instructions a packet, counted
  jitnic opt prog.o --print-after widen   what a pass does
  jitnic opt prog.o -o small.o --prove    with a proof for each function

Passes: ${bytecodePasses.map(({ name, description }) => `\n  ${name.padEnd(9)} ${description}`).join('')}`,
      );
  },
  run: async ([file = '-', ...names], options, io) => {
    const output = await outputOf(file, options, io);
    const goal = goalOf(options.goal);
    const bytes = await readProgramBytes(file, io, options);
    const name = file === '-' ? 'stdin' : file;
    const reading = { ...(await kernelOptions(options, io)), name };
    const before = readObject(bytes, reading);
    const programs = programNames(
      before,
      names.filter((each) => each !== undefined),
    );
    const refuses = options.kernelCheck ? kernelRefusals(reading, io) : undefined;
    const steps = new StepWatch(printNames(options.printAfter ?? []), io);
    const result = io.breakable('optimizing', () =>
      optimizeObject(bytes, {
        name,
        goal,
        programs,
        atomics: options.atomics && goal === 'size',
        passes: passNames(options.opt ?? []),
        refuses: refuses?.ask,
        watch: (step) => steps.see(step),
      }),
    );
    const after = readObject(result.bytes, reading);
    const count = countOf(options.packets);
    const compared = await comparedPackets(before, after, { count, capture: options.read, programs }, io);
    const executed =
      options.read === undefined ? [] : await executedInstructions(before, after, options.read, programs, io);
    const changed = new Set(result.functions.filter(({ saved }) => saved.length > 0).map((fn) => fn.name));
    const proofs = options.prove === true ? await proveFunctions(before, after, changed, io) : undefined;
    const kernel = refuses?.state ?? 'not asked';
    const data: OptReportData = { name, goal, result, compared, executed, kernel, proofs };
    const isRefuted = [...(proofs?.values() ?? [])].some(({ verdict }) => verdict === 'refuted');
    const isEqual = !isRefuted && compared.every(({ difference }) => difference === undefined);
    if (output !== undefined && isEqual) await writeOutput(output, result.bytes, io);
    if (options.timePasses === true) steps.printTimes();
    if (io.flags.json) io.json('jitnic.opt/1', optJson(data, isEqual ? output : undefined));
    else if (output !== '-') printOptReport(data, isEqual ? output : undefined, io);
    return isEqual ? exitCodes.ok : exitCodes.negative;
  },
});

/** The file to write; undefined: only the report is wanted. */
async function outputOf(file: string, { output, inPlace }: Options, io: Io): Promise<string | undefined> {
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
  const real = async (path: string): Promise<string> => realpath(path).catch(() => path);
  if (file !== '-' && (await real(output)) === (await real(file))) {
    throw new UsageError(`\`${output}\` is the input`, {}, 'to write over it: `--in-place`');
  }
  return output;
}

function goalOf(word: string): Goal {
  if (word === 'size' || word === 'speed') return word;
  throw new UsageError(`\`--goal ${word}\`: there is no such goal`, {}, 'size or speed');
}

function countOf(word: string): number {
  if (/^\d{1,8}$/.test(word)) return Number(word);
  throw new UsageError(`\`--packets ${word}\` is no number`, {}, 'such as 100000; 0 compares nothing but `-r`');
}

/**
 * Names of the programs that are wanted, by program or section; undefined: all. Throws UsageError with the nearest
 * name.
 */
function programNames(object: ObjectSpec, names: readonly string[]): readonly string[] | undefined {
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
function passNames(words: readonly string[]): ReadonlySet<string> {
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

function printNames(words: readonly string[]): ReadonlySet<string> {
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

/** What `--print-after` and `--time-passes` show. */
class StepWatch {
  private readonly print: ReadonlySet<string>;
  private readonly io: Io;
  private readonly times = new Map<string, number>();
  private last = performance.now();

  constructor(print: ReadonlySet<string>, io: Io) {
    this.print = print;
    this.io = io;
  }

  see({ function: fn, pass, changed, insns }: PassStep): void {
    const now = performance.now();
    this.times.set(pass, (this.times.get(pass) ?? 0) + now - this.last);
    if (changed && this.print.has(pass)) {
      const slots = insns();
      const lines = slots.flatMap((insn, pc) =>
        insn.code === 0 ? [] : [`${String(pc).padStart(6)}: ${formatInsn(slots, pc, 'llvm', {})}`],
      );
      const text = `${this.io.style.bold(`${fn} after ${pass}`)}\n${lines.join('\n')}\n\n`;
      if (this.io.flags.json) this.io.err(text);
      else this.io.out(text);
    }
    this.last = performance.now();
  }

  printTimes(): void {
    for (const [pass, ms] of this.times) this.io.err(`${pass.padEnd(9)} ${ms.toFixed(1).padStart(9)} ms\n`);
  }
}
