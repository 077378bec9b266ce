/**
 * Commands of several operations (`jitnic scr analyze`, `jitnic live attach`): each operation is a row of a table, in
 * a file of its own. Commander could nest commands; but completions, man pages and `--help` take a command's flags
 * from one list, and a flag that another operation has deserves another answer than an unknown one.
 */
import type { Command } from 'commander';
import { type ExitCode, UsageError } from '../base/index.js';
import { nearest } from '../text/index.js';
import type { Io } from './command.js';

/** One operation: `jitnic COMMAND NAME ...`, with flags of type `F`. */
export interface Operation<F> {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** An example, whole. */
  readonly example: string;
  /** Names of the flags that it takes, as commander has them (`lossRecovery`); those of every command are free. */
  readonly flags: readonly string[];
  /** Declares flags that no operation before it in the table has declared. */
  readonly declare: (command: Command) => void;
  /** `operands` are the words behind the operation's name. */
  readonly run: (operands: readonly (string | undefined)[], flags: F, io: Io) => ExitCode | Promise<ExitCode>;
}

/** Flags that every command has. */
const common = new Set(['json', 'pretty', 'quiet', 'verbose', 'color', 'progress']);

/** What a word that names none of a command's operations gets for an answer. */
export function unknownOperation(word: string, names: readonly string[]): UsageError {
  const near = nearest(word, names);
  const hint = near === undefined ? `operations: ${names.join(', ')}` : `did you mean \`${near}\`?`;
  return new UsageError(`unknown operation \`${word}\``, {}, hint);
}

/** The operand that names the operation; `rest` are declared behind it, and the flags and help of all rows. */
export function declareOperations<F>(
  command: Command,
  operations: readonly Operation<F>[],
  rest: readonly (readonly [name: string, what: string])[],
): void {
  command.argument('<operation>', operations.map(({ name }) => name).join(', '));
  for (const [name, what] of rest) command.argument(name, what);
  for (const { declare } of operations) declare(command);
  const width = Math.max(...operations.map(({ name }) => name.length)) + 2;
  const summaries = operations.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}\n`);
  const examples = operations.map(({ example }) => `  ${example}\n`);
  command.addHelpText('after', `\nOperations:\n${summaries.join('')}\nExamples:\n${examples.join('')}`);
}

/**
 * Runs the operation that the first word names. Throws UsageError where there is none of that name, and for a flag
 * that belongs to another operation; `free` are flags that all of them may be given.
 */
export function runOperation<F extends object>(
  of: string,
  operations: readonly Operation<F>[],
  [name = '', ...operands]: readonly (string | undefined)[],
  flags: F,
  io: Io,
  free: readonly string[] = [],
): ExitCode | Promise<ExitCode> {
  const operation = operations.find((each) => each.name === name);
  if (operation === undefined)
    throw unknownOperation(
      name,
      operations.map((each) => each.name),
    );
  for (const [flag, value] of Object.entries(flags)) {
    if (value === undefined || common.has(flag) || free.includes(flag) || operation.flags.includes(flag)) continue;
    const dashed = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`\`${of} ${name}\` does not take \`--${dashed}\``, {}, operation.example);
  }
  return operation.run(operands, flags, io);
}
