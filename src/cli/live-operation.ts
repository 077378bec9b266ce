/** What an operation of `jitnic live` is; the table of them is in live.ts. */
import type { Command } from 'commander';
import type { ExitCode } from '../base/index.js';
import type { Io } from './command.js';

/** All flags of `jitnic live`; which operation takes which, {@link LiveOperation.flags} says. */
export interface LiveFlags {
  readonly [flag: string]: unknown;
}

/** One operation: `jitnic live NAME ...`. */
export interface LiveOperation {
  readonly name: string;
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** An example, whole. */
  readonly example: string;
  /** Names of the flags that it takes, as commander has them. */
  readonly flags: readonly string[];
  /** Declares flags that no operation before it in the table has declared. */
  readonly declare: (command: Command) => void;
  /** `operands` are the words behind the operation's name. */
  readonly run: (operands: readonly (string | undefined)[], flags: LiveFlags, io: Io) => ExitCode | Promise<ExitCode>;
}
