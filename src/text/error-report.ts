/** What a thrown error says to the user: the same words on the command line and on a page. */
import { type ExitCode, exitCodes, formatPlace, InternalError, UserError } from '../base/index.js';

/** The parts of a message, to be printed or shown. */
export interface ErrorReport {
  readonly exitCode: ExitCode;
  /** Stable name for scripts: `usage`, `bad-input`, `unsupported`, `interrupted`, `internal`. */
  readonly code: string;
  readonly message: string;
  readonly place: string | undefined;
  readonly hint: string | undefined;
}

/** The hint of everything that users can do nothing about. */
const reportHint = 'this is a bug in jitnic: please report it with this message, the command line and the input file';

/**
 * Errors made for users say it themselves; everything else is our bug, with the phase that it happened in: `phaseOf`
 * says which where the error does not.
 */
export function reportOf(error: unknown, phaseOf: (error: unknown) => string): ErrorReport {
  if (error instanceof UserError) {
    const place = formatPlace(error.place);
    return {
      exitCode: error.exitCode,
      code: error.code,
      message: error.message,
      place: place === '' ? undefined : place,
      hint: error.hint,
    };
  }
  const text = error instanceof Error ? error.message : String(error);
  const message = error instanceof InternalError ? text : `${phaseOf(error)}: ${text}`;
  return {
    exitCode: exitCodes.internal,
    code: 'internal',
    message: `internal error in ${message}`,
    place: undefined,
    hint: reportHint,
  };
}
