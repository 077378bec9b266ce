/** `jitnic verify FILE [PROG]`: would Linux load it, and if not, why and what to do. */
import { exitCodes, formatPlace, UnsupportedError } from '../base/index.js';
import { formatInsn } from '../isa/index.js';
import { findPrograms, type ObjectSpec, type ProgramSpec, programNames, xdpFitness } from '../object/index.js';
import { errno } from '../platform/index.js';
import { formatNumber, wrapWords } from '../text/index.js';
import { type Failure, factJson, type ProgramFacts, type VerifyResult, verify } from '../verifier/index.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { chooseProgram, declareReading, openProgramFile, type ReadingFlags } from './program-file.js';
import { Steps } from './steps.js';

interface Options extends ReadingFlags {
  readonly all?: true;
}

/** A program of several about which jitnic cannot say what Linux would do. */
interface NotJudged {
  readonly program: ProgramSpec;
  readonly error: UnsupportedError;
}

/** Exit 1 if Linux would refuse any of the programs, else 4 if one could not be judged. JSON: `jitnic.verify/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command);
    command
      .argument('<file>', 'ELF object, .c, .s, or - for stdin')
      .argument('[prog]', 'program or section; without it, all XDP programs of the file')
      .option('--all', 'go on after a failure and report those of other paths too')
      .addHelpText(
        'after',
        '\n-v prints the log in the format of the kernel, -v --json what is known before each instruction.',
      );
  },
  run: async ([file = '-', name], options, io) => {
    const object = await openProgramFile(file, io, options);
    const programs = programsOf(object, name);
    const verbose = io.flags.verbosity > 0;
    const steps = new Steps(io);
    const results: { readonly program: ProgramSpec; readonly result: VerifyResult }[] = [];
    const notJudged: NotJudged[] = [];
    for (const program of programs) {
      const result = await steps.take('verifying', () => {
        try {
          return verify(program, object.maps, {
            btf: object.btf,
            kernelBtf: object.kernelBtf,
            license: object.license,
            // Level 2 is the kernel's BPF_LOG_LEVEL2: every instruction with its state.
            logLevel: verbose ? 2 : 1,
            facts: verbose && io.flags.json,
            all: options.all === true,
          });
        } catch (error) {
          // The other programs have answers of their own.
          if (!(error instanceof UnsupportedError) || programs.length === 1) throw error;
          notJudged.push({ program, error });
          return undefined;
        }
      });
      if (result !== undefined) results.push({ program, result });
    }
    if (io.flags.json) {
      io.json('jitnic.verify/1', {
        file: object.name,
        programs: results.map(({ program, result }) => resultJson(program, result, verbose)),
        ...(notJudged.length === 0 ? {} : { not_judged: notJudged.map(notJudgedJson) }),
        ...steps.json(),
      });
    } else {
      for (const { program, result } of results) printResult(io, object, program, result);
      for (const { program, error } of notJudged)
        io.out(`${io.style.bold(program.name)}: ${io.style.yellow('not judged')}\n\n${error.format()}\n`);
      io.out(steps.text());
    }
    if (steps.exitCode !== undefined) return steps.exitCode;
    if (results.some(({ result }) => !result.accepted)) return exitCodes.negative;
    return notJudged.length === 0 ? exitCodes.ok : exitCodes.unsupported;
  },
});

/** The programs that are meant: those of that name or section, else all that the file declares to be XDP. */
function programsOf(object: ObjectSpec, name: string | undefined): readonly ProgramSpec[] {
  if (name !== undefined)
    return findPrograms(object, name).length > 1 ? findPrograms(object, name) : [chooseProgram(object, name)];
  const declared = object.programs.filter((program) => xdpFitness(program) === 'declared');
  return declared.length > 0 ? declared : [chooseProgram(object, undefined)];
}

/** Accepted or rejected, what it took, and each failure. */
function printResult(io: Io, object: ObjectSpec, program: ProgramSpec, result: VerifyResult): void {
  const { style } = io;
  if (io.flags.verbosity > 0) io.out(result.log);
  const { insns, totalStates } = result.stats;
  const effort = `${formatNumber(insns)} instructions checked, ${formatNumber(totalStates)} states saved`;
  if (result.accepted) {
    const words = `${style.bold(program.name)}: ${style.green('accepted')} (${program.insns.length} instructions; ${effort})`;
    io.out(`${wrapWords(words, io.width, '  ').join('\n')}\n`);
    return;
  }
  io.out(`${style.bold(program.name)}: ${style.red('rejected')} (${effort})\n`);
  for (const failure of result.failures) io.out(failureText(io, object, program, failure));
}

/**
 * One failure: what the kernel would say, where in source and bytecode, what is known of the operands, and the slice
 * of instructions that led there, as PREVAIL shows it.
 */
function failureText(io: Io, object: ObjectSpec, program: ProgramSpec, failure: Failure): string {
  const { explanation, insn, message } = failure;
  const { style } = io;
  const names = programNames(object, program);
  const insnText = (pc: number): string =>
    `${String(pc).padStart(6)}: ${formatInsn(program.insns, pc, 'kernel', names)}`;
  const at = explanation.source === undefined ? '' : `${explanation.source}: `;
  let text = `\n${at}${style.bold(message)}\n`;
  if (explanation.sourceText !== undefined && explanation.sourceText !== '')
    text += `        ${explanation.sourceText}\n`;
  if (insn >= 0) text += `${insnText(insn)}\n`;
  if (explanation.known.length > 0) text += `known: ${explanation.known.join(', ')}\n`;
  if (explanation.slice.length > 0) {
    text += 'what led here:\n';
    for (const step of explanation.slice) {
      const line = sourceAt(program, step.insn);
      const words = `${insnText(step.insn)}${step.role === 'tests' ? '  (tested)' : ''}`;
      text += line === undefined ? `${words}\n` : `${words.padEnd(56)} ${style.dim(`; ${line}`)}\n`;
    }
  }
  if (explanation.hint !== undefined) text += `hint: ${explanation.hint}\n`;
  return text;
}

/** The source line that an instruction came from, as the kernel's log has it. */
function sourceAt(program: ProgramSpec, insn: number): string | undefined {
  const line = program.lines.findLast((candidate) => candidate.insn <= insn);
  return line === undefined
    ? undefined
    : `${line.text.trim()} @ ${line.file.slice(line.file.lastIndexOf('/') + 1)}:${line.line}`;
}

/** A program in `jitnic.verify/1`. `errno` is negative, as bpf(2) returns it. */
function resultJson(program: ProgramSpec, result: VerifyResult, verbose: boolean): Record<string, unknown> {
  const { stats } = result;
  return {
    name: program.name,
    section: program.section,
    accepted: result.accepted,
    errno: result.errno,
    insns: program.insns.length,
    verified_insns: stats.insns,
    total_states: stats.totalStates,
    peak_states: stats.peakStates,
    max_states_per_insn: stats.maxStatesPerInsn,
    failures: result.failures.map(failureJson),
    ...(verbose ? { log: result.log, facts: result.facts === undefined ? null : factsJson(result.facts) } : {}),
  };
}

/** A program of which nothing can be said, in `jitnic.verify/1`. */
function notJudgedJson({ program, error }: NotJudged): Record<string, unknown> {
  return {
    name: program.name,
    section: program.section,
    message: error.message,
    place: formatPlace(error.place),
    hint: error.hint ?? null,
  };
}

/** A failure; `insn` is null where the program as a whole is at fault. */
function failureJson(failure: Failure): Record<string, unknown> {
  const { explanation } = failure;
  return {
    code: failure.code,
    message: failure.message,
    insn: failure.insn < 0 ? null : failure.insn,
    errno: -errno[failure.errno],
    source: explanation.source ?? null,
    source_text: explanation.sourceText ?? null,
    known: explanation.known,
    slice: explanation.slice,
    hint: explanation.hint ?? null,
  };
}

/** What the verifier knows before each instruction: registers, stack slots, which ways of a branch are possible. */
function factsJson(facts: ProgramFacts): unknown[] {
  return facts.insns.map((insn, pc) => ({
    insn: pc,
    reached: insn.reached,
    regs: insn.regs.map(factJson),
    stack: insn.stack.map(({ off, kind, size, value }) => ({ off, kind, size, value: factJson(value) })),
    taken: insn.taken,
    fall_through: insn.fallThrough,
    zero_extend: insn.zeroExtend,
  }));
}
