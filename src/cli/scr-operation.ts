/** What an operation of `jitnic scr` is; the table of them is in scr.ts. */
import type { Command } from 'commander';
import type { ExitCode } from '../base/index.js';
import type { Io } from './command.js';
import type { ReadingFlags } from './program-file.js';

/** All flags of `jitnic scr`; which operation takes which, {@link ScrOperation.flags} says. */
export interface ScrFlags extends ReadingFlags {
  readonly [flag: string]: unknown;
}

/** One operation: `jitnic scr NAME ...`. */
export interface ScrOperation {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** An example, whole. */
  readonly example: string;
  /** Names of the flags that it takes, as commander has them (`lossRecovery`); flags about reading FILE are free. */
  readonly flags: readonly string[];
  /** Declares flags that no operation before it in the table has declared. */
  readonly declare: (command: Command) => void;
  /** `operands` are the words behind the operation's name. */
  readonly run: (operands: readonly (string | undefined)[], flags: ScrFlags, io: Io) => ExitCode | Promise<ExitCode>;
}
