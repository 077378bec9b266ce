/**
 * The frame around the commands: finds the command, loads only its module, lets commander parse, gives it an {@link
 * Io}, and turns whatever it throws into a message and an exit code (0 done, 1 a negative answer, 2 usage, 3 bad
 * input, 4 not supported, 5 a budget ran out, 70 our bug).
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, type Option } from 'commander';
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { jsonText, nearest } from '../text/index.js';
import type { CliCommand, CommonFlags, Interrupt, Io } from './command.js';
import { type CommandRow, commandRows } from './commands.js';
import { describeError, errorJson, errorText } from './error-report.js';
import { InterruptedError, inTurn, turn } from './interrupt.js';
import { linesOf, type Terminal } from './lines.js';
import { makeStyle, paintedText, wantsColor } from './style.js';

export { ioReason } from './files.js';
export { breakable } from './interrupt.js';

/** What the process offers; tests offer captured streams. */
export interface Host {
  out(text: string | Uint8Array): void;
  err(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly width: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  stdin(): AsyncIterable<Uint8Array>;
  /** Both ends of a terminal, where stdin and stdout are one. */
  readonly terminal?: Terminal | undefined;
  /** Calls `handler` for each Ctrl-C from now on that does not end work under {@link breakable}. */
  onInterrupt(handler: () => void): void;
  /** Runs work that Ctrl-C ends with an InterruptedError; see interrupt.ts. Left out where there are no signals. */
  breakable?<T>(work: () => T, phase: string): T;
}

/** Options of every command, before or behind its name. */
interface CommonOptions {
  readonly json?: true;
  readonly pretty?: true;
  readonly quiet?: true;
  readonly verbose?: number;
  readonly color?: string;
  readonly progress?: boolean;
}

/** Runs one command line (without `node` and the script). Never throws and never exits the process. */
export async function runCli(argv: readonly string[], host: Host): Promise<ExitCode> {
  const flags = jsonFlags(argv);
  try {
    return await parseAndRun(argv, host);
  } catch (error) {
    const report = describeError(error);
    if (flags.json) host.out(errorJson(report, flags.pretty));
    else host.err(errorText(report));
    // A bug is reported with its stack; users' errors have none.
    if (report.exitCode === exitCodes.internal && error instanceof Error) host.err(`${error.stack ?? ''}\n`);
    return report.exitCode;
  }
}

/** `-j` and `-p` before anything is parsed: an error of parsing is JSON too. */
function jsonFlags(argv: readonly string[]): { json: boolean; pretty: boolean } {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const pretty = words.includes('-p') || words.includes('--pretty');
  return { json: pretty || words.includes('-j') || words.includes('--json'), pretty };
}

/**
 * Declares all commands by name, but only the one that was called with its options: help of the others needs no more
 * than their summaries, and their modules stay unread.
 */
async function parseAndRun(argv: readonly string[], host: Host): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = addCommonOptions(new Command('jitnic'))
    .description('Runs, explains and offloads XDP programs.')
    .usage('<command> [options]')
    .option('-V, --version', 'print the version')
    .helpCommand('help [command]', 'the same as <command> --help')
    .enablePositionalOptions()
    .addHelpText('after', '\nEvery command explains itself: jitnic <command> --help');
  program.action(async (options: { version?: true }) => {
    if (options.version) host.out(`${packageVersion()}\n`);
    else exitCode = withoutCommand(program, host);
  });

  const called = calledCommand(argv);
  checkCommand(called);
  for (const row of commandRows) {
    const command = program.command(row.name).description(row.summary).helpGroup(`${row.group}:`);
    if (row.name !== called) continue;
    const loaded = await load(row);
    loaded.declare(command);
    addCommonOptions(command);
    command.action(async (...given: unknown[]) => {
      // Commander hands over operands, then options, then the command; a variadic operand is a list.
      const operands = given.slice(0, command.registeredArguments.length).flat() as (string | undefined)[];
      const options = { ...program.opts(), ...command.opts() };
      const interrupts = new Interrupts(host);
      const io = makeIo(options, host, interrupts);
      // A command that does not listen for Ctrl-C loses against it.
      const run = turn().then(() => loaded.run(operands, options, io));
      exitCode = await Promise.race([interrupts.unheeded, run]);
    });
  }
  quieten(program, host);
  const words = withLanguage(withLongMcpu(argv));
  try {
    const own = program.commands.find((command) => command.name() === called);
    if (own !== undefined && isAskingForHelp(words, [program, own])) own.help();
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) throw usageError(error, called);
  }
  return exitCode;
}

/** Declares them on the program and on the command, since people write them in either place. */
function addCommonOptions(command: Command): Command {
  return command
    .optionsGroup('Common to all commands:')
    .option('-j, --json', 'print JSON')
    .option('-p, --pretty', 'print indented JSON')
    .option('-q, --quiet', 'no warnings, hints or progress')
    .option('-v, --verbose', 'say more; repeatable', (_value: string, before: number | undefined) => (before ?? 0) + 1)
    .option('--color <when>', 'auto, always or never')
    .option('--no-progress', 'no progress line')
    .optionsGroup('Options:')
    .configureHelp({ sortOptions: false });
}

/** `-mcpu v3` and `-mcpu=v3`, as clang has them, are the long option. */
function withLongMcpu(argv: readonly string[]): string[] {
  return argv.map((word) => (/^-mcpu(=|$)/.test(word) ? `-${word}` : word));
}

/**
 * Commander takes whatever stands behind an option for its value, be it an option itself: `--init --help` would look
 * for a file of that name. True: there `--help` stands; throws UsageError where another option of the command does.
 * (A file of such a name is `./--help`, or `--init=--help`.)
 */
function isAskingForHelp(words: readonly string[], commands: readonly Command[]): boolean {
  const options = commands.flatMap((command) => command.options);
  const named = (word: string): Option | undefined =>
    options.find(({ long, short }) => word === long || word === short);
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const next = words[i + 1];
    if (word === '--') return false;
    if (next === undefined || named(word)?.required !== true) continue;
    if (next === '--help' || next === '-h') return true;
    const other = named(next);
    if (other !== undefined || next === '--') {
      const { flags } = named(word) as Option;
      const hint =
        next === '--' ? `see \`jitnic ${commands.at(-1)?.name()} --help\`` : `a file of that name is \`./${next}\``;
      throw new UsageError(`\`${flags}\` wants a value before \`${next}\``, {}, hint);
    }
    i++;
  }
  return false;
}

/** `-x c` names a language, as clang has it; a lone `-x` is tcpdump's, or the disassembler's. */
function withLanguage(argv: readonly string[]): string[] {
  return argv.flatMap((word, i) => {
    const next = argv[i + 1];
    if (word === '-x' && (next === 'c' || next === 'assembler')) return ['--language', next];
    return (word === 'c' || word === 'assembler') && argv[i - 1] === '-x' ? [] : [word];
  });
}

/** The first word that is no option; also the `x` of `help x`. */
function calledCommand(argv: readonly string[]): string | undefined {
  const words: string[] = [];
  for (let i = 0; i < argv.length && words.length < 2; i++) {
    const word = argv[i] ?? '';
    if (word === '--') break;
    if (word === '--color') i++;
    else if (!word.startsWith('-')) words.push(word);
  }
  return words[0] === 'help' ? words[1] : words[0];
}

/** Throws UsageError, with the nearest name, where there is no such command. */
function checkCommand(called: string | undefined): void {
  if (called === undefined || commandRows.some((row) => row.name === called)) return;
  const names = commandRows.map((row) => row.name);
  const near = nearest(called, names);
  const hint = near === undefined ? `commands: ${names.join(', ')}` : `did you mean \`${near}\`?`;
  throw new UsageError(`unknown command \`${called}\``, {}, hint);
}

/** Imports the command's module. */
async function load(row: CommandRow): Promise<CliCommand> {
  return (await row.load()).command;
}

/** `jitnic` alone: the list of commands, as an error of usage, for scripts that forgot one. */
function withoutCommand(program: Command, host: Host): ExitCode {
  host.err(program.helpInformation());
  return exitCodes.usage;
}

/** Commander reports by throwing; only help goes out through it. */
function quieten(program: Command, host: Host): void {
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => host.out(text),
      writeErr: () => undefined,
      outputError: () => undefined,
      getOutHelpWidth: () => host.width,
    });
  }
}

/** ``error: unknown option '--x'\n(Did you mean --y?)`` in our form. */
function usageError(error: CommanderError, called: string | undefined): UsageError {
  const [first = '', second] = error.message.split('\n');
  const what = first.replace(/^error: /, '').replace(/'([^']*)'/g, '`$1`');
  const near = /^\(Did you mean (?:one of )?(.+)\?\)$/.exec(second ?? '')?.[1];
  const help = `see \`jitnic ${called === undefined ? '' : `${called} `}--help\``;
  return new UsageError(what, {}, near === undefined ? help : `did you mean \`${near}\`?`);
}

/** Of package.json, which lies at the same distance from sources and from what is built. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * Who hears of a Ctrl-C that comes between two pieces of work: the command once it has asked, else the frame, which
 * ends it.
 */
class Interrupts {
  /** Rejects with InterruptedError at a Ctrl-C that nobody waits for, or at the second one. */
  readonly unheeded: Promise<never>;
  private interrupt: Interrupt | undefined;
  private hasCome = false;
  private isTold = false;

  constructor(host: Host) {
    this.unheeded = new Promise((_, reject) => {
      host.onInterrupt(() => {
        if (this.interrupt === undefined || this.hasCome) reject(new InterruptedError());
        this.hasCome = true;
        this.interrupt?.wake?.();
      });
    });
  }

  /** From now on the command hears of it. */
  await(): Interrupt {
    const tell = (): boolean => {
      this.isTold ||= this.hasCome;
      return this.hasCome;
    };
    this.interrupt ??= {
      get requested() {
        return tell();
      },
      wake: undefined,
    };
    return this.interrupt;
  }

  /** One came, and the command has neither looked nor been told of it before. Who asks tells it. */
  get isNews(): boolean {
    const isNews = this.hasCome && !this.isTold;
    this.isTold ||= isNews;
    return isNews;
  }
}

/** The world of one command, made of its common flags. */
function makeIo(options: CommonOptions, host: Host, interrupts: Interrupts): Io {
  const pretty = options.pretty === true;
  const quiet = options.quiet === true;
  const verbosity = options.verbose ?? 0;
  if (quiet && verbosity > 0) throw new UsageError('`-q` and `-v` contradict each other');
  const isColored = wantsColor(options.color, host.env, host.outIsTerminal);
  const flags: CommonFlags = {
    json: pretty || options.json === true,
    pretty,
    quiet,
    verbosity,
    progress: host.errIsTerminal && !quiet && options.progress !== false,
  };
  return {
    flags,
    style: makeStyle(isColored),
    width: host.width,
    env: host.env,
    out: (text) => host.out(typeof text === 'string' ? paintedText(text, isColored) : text),
    err: (text) => host.err(text),
    info: (line) => {
      if (!quiet) host.err(`${paintedText(line, isColored)}\n`);
    },
    detail: (level, line) => {
      if (verbosity >= level) host.err(`${paintedText(line, isColored)}\n`);
    },
    json: (schema, value) => host.out(jsonText({ schema, ...value }, pretty)),
    stdin: () => host.stdin(),
    lines: (prompt, complete) => linesOf(host, prompt, complete),
    get isInteractive() {
      return host.terminal !== undefined;
    },
    readStdin: () => readAll(host.stdin()),
    work: (phase, work) =>
      inTurn(() => {
        if (interrupts.isNews) throw new InterruptedError(phase);
        return host.breakable === undefined ? work() : host.breakable(work, phase);
      }),
    catchInterrupt: () => interrupts.await(),
  };
}

/** A stream to its end, as one piece. */
async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  const bytes = new Uint8Array(all.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of all) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
