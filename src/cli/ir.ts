/** `jitnic ir FILE [PROG]`: the intermediate representation of a program, after all passes or after each. */

import { exitCodes, UnsupportedError, UsageError, Wasm } from '../base/index.js';
import { type FunctionCode, formatFunction, type Names, Unsupported } from '../ir/index.js';
import { allocateAreas, compileModule, WasmEngine, worldOfMachine } from '../jit/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { type OptReport, reportPasses, type Settings } from '../opt/index.js';
import { xdpMdFields } from '../platform/index.js';
import { formatTable } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { type LoadedProgram, Machine, placeOf } from '../vm/index.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { writeOutput } from './files.js';
import { declareOpt, type OptFlags, passNames, settingsOf } from './opt-flags.js';
import { chooseProgram, declareReading, openProgramFile, type ReadingFlags } from './program-file.js';

interface Options extends OptFlags, ReadingFlags {
  readonly timePasses?: true;
  readonly printAfter?: readonly string[];
  readonly facts?: true;
  readonly exact?: true;
  readonly check?: true;
  readonly output?: string;
}

/** Exit 4 for a program that is not translated, with the instruction at fault. JSON: `jitnic.ir/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareReading(command);
    command.argument('<file>', 'ELF object, .c, .s, or - for stdin').argument('[prog]', 'program or section');
    declareOpt(command);
    command
      .option('--time-passes', 'how long each pass took and how many IR instructions it left, and code generation')
      .option(
        '--print-after <pass>',
        'print the IR after this pass too (`all`: after each); repeatable, or a list',
        (word: string, before: readonly string[] | undefined) => [...(before ?? []), word],
      )
      .option('--facts', 'with all that the verifier knows of each register, which runs do without')
      .option('--exact', 'the form that can be read back')
      .option('--check', 'run the IR checker after each pass')
      .option(
        '-o, --output <file>',
        'write the WebAssembly module that it becomes, with function names, or - for stdout',
      );
  },
  run: async ([file = '-', name], options, io) => {
    const settings = settingsOf(options);
    const print = passNames(options.printAfter ?? []);
    const object = await openProgramFile(file, io, options);
    const spec = chooseProgram(object, name);
    const machine = await io.work('making the maps', () => new Machine(object));
    const program = machine.programs[object.programs.indexOf(spec)] as LoadedProgram;
    // Throws where the program asks for what jitnic does not have.
    machine.admit(program);
    const verdicts = Verdicts.of(object, { facts: options.facts });
    const { accepted } = await io.work('verifying', () => verdicts.of(spec));
    if (!accepted) io.info(`${spec.name} is not verified: its accesses are checked, and few passes run`);
    const names = namesOf(machine);
    const texts: { readonly pass: string; readonly text: string }[] = [];
    const exact = options.exact === true;
    const optimize = (): OptReport =>
      reportPasses(worldOfMachine(machine), program, {
        verdicts,
        settings,
        check: options.check === true,
        now: () => performance.now(),
        watch: (step, code) => {
          if (print.has(step.name)) texts.push({ pass: step.name, text: formatFunction(code, names, exact) });
        },
      });
    const report = await io.work('optimizing', () => withPlace(program, optimize));
    const code =
      options.timePasses === true ? await io.work('compiling', () => timeCode(machine, report.code)) : undefined;
    const { output } = options;
    if (output !== undefined) {
      if (output === '-' && io.flags.json) throw new UsageError('`-o -` and `--json` both want stdout');
      await writeOutput(output, await io.work('compiling', () => moduleBytes(object, spec, verdicts, settings)), io);
      if (output === '-') return exitCodes.ok;
    }
    const text = formatFunction(report.code, names, exact);
    if (io.flags.json) {
      io.json('jitnic.ir/1', {
        program: spec.name,
        verified: accepted,
        ir: text.split('\n'),
        passes: passesJson(report, texts),
        ...(code === undefined ? {} : { code: { bytes: code.bytes, ms: rounded(code.ms) } }),
      });
      return exitCodes.ok;
    }
    for (const { pass, text: after } of texts) io.out(`${io.style.bold(`after ${pass}`)}\n${after}\n\n`);
    if (texts.length === 0) io.out(`${text}\n`);
    if (code !== undefined) printTimes(report, code, io);
    return exitCodes.ok;
  },
});

/** Says where in the program the translation stopped, and what happens to such a program. */
function withPlace<T>(program: LoadedProgram, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    throw new UnsupportedError(error.message, placeOf(program.spec, error.insn), 'it runs in the interpreter');
  }
}

/**
 * The module of the engine `wasm`, on a machine of its own: guest memory has to be laid out as a run does it. Programs
 * that tail calls reach are in it.
 */
function moduleBytes(object: ObjectSpec, spec: ProgramSpec, verdicts: Verdicts, settings: Settings): Uint8Array {
  const machine = new Machine(object);
  const program = machine.programs[object.programs.indexOf(spec)] as LoadedProgram;
  machine.admit(program);
  const engine = new WasmEngine(machine, { verdicts, settings, names: true });
  const compiled = engine.compile(program);
  if (compiled !== undefined) return compiled.module.bytes;
  const { what, program: at, insn } = engine.fallbacks[0] ?? { what: 'it is not compiled', program, insn: 0 };
  throw new UnsupportedError(what, placeOf(at.spec, insn), 'it runs in the interpreter');
}

/** Names for maps and context fields, as the IR is printed with them. */
function namesOf(machine: Machine): Names {
  return {
    map: (index) => machine.maps[index]?.spec.name ?? 'map?',
    ctxField: (offset) => `ctx.${xdpMdFields[offset / 4] ?? offset}`,
  };
}

/** Passes in the order in which they ran; `ir` where `--print-after` asked for it. */
function passesJson(report: OptReport, texts: readonly { readonly pass: string; readonly text: string }[]): unknown[] {
  return report.steps.map(({ name, insns, ms }) => {
    const printed = texts.find(({ pass }) => pass === name);
    return {
      name,
      insns,
      ms: rounded(ms),
      ...(printed === undefined ? {} : { ir: printed.text.split('\n') }),
    };
  });
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** The WebAssembly module's size, and milliseconds to make and compile it. */
interface CodeTime {
  readonly bytes: number;
  readonly ms: number;
}

/** What it takes to make WebAssembly of the program, without those that it calls, and to compile that. */
function timeCode(machine: Machine, code: FunctionCode): CodeTime {
  const areas = allocateAreas(machine);
  const before = performance.now();
  const { bytes } = compileModule({ machine, programs: [code], areas });
  new Wasm.Module(bytes);
  return { bytes: bytes.length, ms: performance.now() - before };
}

/** To stderr: the IR on stdout stays what it is. */
function printTimes({ steps }: OptReport, code: CodeTime, io: Io): void {
  const total = steps.reduce((sum, { ms }) => sum + ms, code.ms);
  const rows = steps.map(({ name, insns, ms }) => [name, insns, ms.toFixed(2)]);
  const columns = [{ title: 'pass' }, { title: 'IR instructions' }, { title: 'ms', align: 'right' as const }];
  io.err(
    `${formatTable(columns, [...rows, ['code', '', code.ms.toFixed(2)], ['all', steps.at(-1)?.insns, total.toFixed(2)]], '', io.width)}`,
  );
}
