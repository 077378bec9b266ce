/** `jitnic opt FILE -o OUT`: a smaller or faster object file that Linux still accepts. */
import { exitCodes } from '../base/index.js';
import { formatInsn } from '../isa/index.js';
import { noSolver, openSolver } from '../linux/open-solver.js';
import { rawInsns, readObject } from '../object/index.js';
import { bytecodePasses, type Effort, improveObject, type PassStep } from '../super/index.js';
import { breakableWith, release } from './breakable-solver.js';
import { collect } from './collect.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { writeOutput } from './files.js';
import { kernelOptions } from './kernel-flags.js';
import { comparedPackets, kernelRefusals } from './opt-checks.js';
import { costOf, costPackets, executedByClass, profilesOf } from './opt-cost.js';
import { countOf, effortOf, goalOf, mcpuOf, outputOf, passNames, printNames, programNames } from './opt-options.js';
import { optPageOf } from './opt-page.js';
import { proveFunctions } from './opt-proofs.js';
import { type OptReportData, optJson, printOptReport } from './opt-report.js';
import { declareReading, type ReadingFlags, readProgramBytes } from './program-file.js';

/** `--in-place` and `-o` exclude each other; with neither nothing is written. */
interface Options extends ReadingFlags {
  readonly output?: string;
  readonly inPlace?: true;
  readonly goal: string;
  readonly effort: string;
  readonly mcpu?: string;
  readonly strictAlignment?: true;
  readonly atomics: boolean;
  readonly read?: string;
  readonly report?: string;
  readonly packets?: string;
  readonly kernelCheck: boolean;
  readonly prove?: boolean;
  readonly opt?: readonly string[];
  readonly printAfter?: readonly string[];
  readonly timePasses?: true;
}

/** Packets that the result is compared on, over all contents of maps: without an effort only a few. */
const defaultPackets = (effort: Effort): number => (effort === 0 ? 2000 : 100_000);

/** Exit 1 where the result differs over packets: then nothing is written. JSON: `jitnic.opt/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command);
    command
      .argument('<file>', 'ELF object, .c, .s, or - for stdin')
      .argument('[prog...]', 'programs to optimize, with all that they call; without any, all')
      .option('-o, --output <file>', 'file to write, or - for stdout; without it, only the table')
      .option('--in-place', 'write over FILE')
      .option('--goal <what>', 'size: fewest slots; speed: fewest instructions a packet', 'size')
      .option('--effort <n>', '0: passes and rules; 1: whole functions anew, proofs; 2, 3: a search in windows', '1')
      .option('--mcpu <version>', 'v1 to v4 (also -mcpu): instructions that may be used; default: those of the input')
      .option('--strict-alignment', 'keep accesses aligned, for loaders that set BPF_F_STRICT_ALIGNMENT')
      .option('--no-atomics', 'never make load, change, store one atomic instruction, which is smaller and slower')
      .option('-r, --read <capture>', 'count executed instructions on these packets, and compare on them too')
      .option('--report <file>', 'a page: before and after by source line, passes, proofs, packets (HTML)')
      .option('--packets <n>', 'generated packets to compare on; default 100000, with --effort 0 2000')
      .option('--no-kernel-check', 'do not show candidates to the running kernel')
      .option('--prove', 'have each changed function proved by the solver; default but with --effort 0')
      .option('--no-prove', 'ask no solver')
      .option('-O, --opt <setting>', 'passes: 0 to 3 (default 3), +pass, -pass; repeatable', collect)
      .option('--print-after <pass>', 'print functions after these passes, or all; repeatable', collect)
      .option('--time-passes', 'milliseconds that each pass took, to stderr')
      .addHelpText(
        'after',
        `
Examples:
  jitnic opt prog.o -o small.o              fewest slots
  jitnic opt prog.o -o fast.o --goal speed -r t.pcap
                                            fewest instructions a packet
  jitnic opt prog.o --print-after widen     what a pass does
  jitnic opt prog.o -o small.o --effort 3   search in windows, too
  jitnic opt prog.o --report page.html      before and after by source line
  jitnic opt prog.bin --raw --map-list prog.maps -o small.bin
                                            instructions alone, in and out

Passes: ${bytecodePasses.map(({ name, description }) => `\n  ${name.padEnd(9)} ${description}`).join('')}`,
      );
  },
  run: async ([file = '-', ...names], options, io) => {
    const output = await outputOf(file, options, io);
    const goal = goalOf(options.goal);
    const effort = effortOf(options.effort);
    const count = options.packets === undefined ? defaultPackets(effort) : countOf(options.packets);
    const passes = passNames(options.opt ?? []);
    const steps = new StepWatch(printNames(options.printAfter ?? []), io);
    const bytes = await readProgramBytes(file, io, options);
    const name = file === '-' ? 'stdin' : file;
    const reading = { ...(await kernelOptions(options, io)), name };
    const before = await io.work('reading the object', () => readObject(bytes, reading));
    const mcpu = mcpuOf(options.mcpu, bytes, name);
    const wanted = names.filter((each) => each !== undefined);
    const programs = programNames(before, wanted);
    const aligned = options.strictAlignment === true;
    const refuses = options.kernelCheck ? kernelRefusals(reading, io, aligned) : undefined;
    const isProved = options.prove ?? effort > 0;
    const solver = isProved ? await openSolver() : undefined;
    if (isProved && solver === undefined) io.info(noSolver);
    try {
      const traffic = await costPackets(options.read, io);
      const result = await breakableWith(io, 'optimizing', solver, (heard) =>
        improveObject(bytes, {
          name,
          goal,
          effort,
          mcpu,
          aligned,
          programs,
          solver: heard,
          atomics: options.atomics && goal === 'size',
          passes,
          refuses: refuses?.ask,
          cost: (object) => costOf(object, traffic),
          profile: (object) => profilesOf(object, traffic),
          watch: (step) => steps.see(step),
        }),
      );
      const after = await io.work('reading the object', () => readObject(result.bytes, reading));
      const compared = await comparedPackets(
        before,
        after,
        { count, capture: options.read, programs, kernel: refuses?.bpf },
        io,
      );
      const executed = await io.work('running packets', () => executedByClass(before, after, programs, traffic));
      const changed = new Set(result.functions.filter(({ saved }) => saved.length > 0).map((fn) => fn.name));
      const proofs = isProved
        ? await breakableWith(io, 'proving', solver, (heard) => proveFunctions(before, after, changed, heard))
        : undefined;
      const kernel = refuses?.state ?? 'not asked';
      // What came as instructions alone goes as such.
      const [only] = after.programs;
      const written = options.raw === true && only !== undefined ? rawInsns(only) : result.bytes;
      const said = { name, goal, effort, result, compared, executed, kernel, proofs, before, after };
      const data: OptReportData = { ...said, size: written.length };
      const isRefuted = [...(proofs?.values() ?? [])].some(({ verdict }) => verdict === 'refuted');
      const isEqual = !isRefuted && compared.every(({ difference }) => difference === undefined);
      if (output !== undefined && isEqual) await writeOutput(output, written, io);
      if (options.report !== undefined)
        await writeOutput(options.report, await io.work('writing the page', () => optPageOf(data)), io);
      if (options.timePasses === true) steps.printTimes();
      const isSilent = output === '-' || options.report === '-';
      if (io.flags.json) io.json('jitnic.opt/1', optJson(data, isEqual ? output : undefined));
      else if (!isSilent) printOptReport(data, isEqual ? output : undefined, options.read !== undefined, io);
      return isEqual ? exitCodes.ok : exitCodes.negative;
    } finally {
      release(solver);
    }
  },
});

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
