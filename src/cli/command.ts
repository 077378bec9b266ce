/** What a command of the command line is, and what it is given. How to add one is told at the head of commands.ts. */
import type { Command } from 'commander';
import type { ExitCode } from '../base/index.js';

/** The world that a command sees. Tests give it captured streams; `main.ts` gives it the process. */
export interface Io {
  /**
   * The result. End lines yourself. Of text, what is no visible character is escaped; bytes go out as they are. Under
   * `--json` only {@link Io.json} may write here.
   */
  out(text: string | Uint8Array): void;
  /** Progress, warnings and hints. Nothing that a script would want. */
  err(text: string): void;
  /** A line to stderr, not under `-q`. */
  info(line: string): void;
  /** A line to stderr if `-v` was given at least `level` times. */
  detail(level: number, line: string): void;
  /**
   * Prints the one JSON document of this run: `schema` (`jitnic.run/1`) first, then `value`'s keys; see `jsonText`.
   */
  json(schema: string, value: Readonly<Record<string, unknown>>): void;
  /** All of stdin. */
  readStdin(): Promise<Uint8Array>;
  /** Stdin piece by piece, for what does not fit into memory. */
  stdin(): AsyncIterable<Uint8Array>;
  /**
   * Stdin line by line, without their ends. On a terminal with `prompt`, editing, and completion of the line as it is.
   */
  lines(prompt: string, complete: (line: string) => readonly string[]): AsyncIterable<string>;
  /** Stdin and stdout are a person's terminal. */
  readonly isInteractive: boolean;
  /**
   * Does what may take long without a turn of the event loop: Ctrl-C ends it with an InterruptedError (interrupt.ts),
   * whose message names the phase (`verifying`). What leaves a command with that error ends it with exit 130, and the
   * error is all that is printed. A Ctrl-C that came before, and that the command has not been told of, ends it as it
   * begins. There is no way without `await`: only in a turn of the event loop does one find out.
   */
  work<T>(phase: string, work: () => T): Promise<T>;
  /**
   * From now on a Ctrl-C that is heard between two pieces of work sets `requested` and does not end the command. Poll
   * it, print the summary so far, say that it is partial (`interrupted: true`) and return `exitCodes.interrupted`. A
   * second Ctrl-C ends the command.
   */
  catchInterrupt(): Interrupt;
  readonly flags: CommonFlags;
  readonly style: Style;
  /** Columns of the terminal; 100 where neither stdout nor stderr is one. */
  readonly width: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A Ctrl-C that a command hears of by itself. */
export interface Interrupt {
  /** Who reads that it is true has been told. */
  readonly requested: boolean;
  /** Called when it comes: for who waits for something else. Set it to undefined when the wait is over. */
  wake: (() => void) | undefined;
}

/** Flags that every command takes. */
export interface CommonFlags {
  /** `-j` or `-p`. */
  readonly json: boolean;
  readonly pretty: boolean;
  readonly quiet: boolean;
  /** How often `-v` was given. */
  readonly verbosity: number;
  /** True when progress may be drawn: stderr is a terminal and neither `-q` nor `--no-progress` was given. */
  readonly progress: boolean;
}

/** Colours, or the text as it is. Nothing may be told by colour alone. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** A command of the table in commands.ts: what it takes, and what it does. */
export interface CliCommand {
  /** Declares arguments and options on commander's `command`; name, summary and common flags are there already. */
  readonly declare: (command: Command) => void;
  /** Does it. `operands` are the declared arguments in order, undefined where an optional one was left out. */
  readonly run: (
    operands: readonly (string | undefined)[],
    options: Readonly<Record<string, unknown>>,
    io: Io,
  ) => ExitCode | Promise<ExitCode>;
}

/**
 * Types the options of a command. `Options` must say what `declare` declares: commander yields exactly that (a boolean
 * for a flag, a string for `<value>`, undefined where it was not given and has no default).
 */
export function defineCommand<Options extends object>(command: {
  readonly declare: (command: Command) => void;
  readonly run: (
    operands: readonly (string | undefined)[],
    options: Readonly<Options>,
    io: Io,
  ) => ExitCode | Promise<ExitCode>;
}): CliCommand {
  return command as unknown as CliCommand;
}
