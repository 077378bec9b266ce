/** What a thrown error looks like to the user, and which exit code it means. */
import { exitCodes } from '../base/index.js';
import { type ErrorReport, jsonText, printable, printableLines, reportOf } from '../text/index.js';
import { ioReason } from './files.js';

/**
 * What to say of whatever was thrown: refusals of the file system that no command foresaw are bad input, for the rest
 * see {@link reportOf}.
 */
export function describeError(error: unknown): ErrorReport {
  // The file system has refused something where nobody reckoned with it: a folder that is gone, a file that was there
  // a moment ago.
  if (isSystemError(error)) {
    const { path, code } = error;
    return { exitCode: exitCodes.input, code: 'bad-input', message: ioReason(code), place: path, hint: undefined };
  }
  return reportOf(error, phaseOf);
}

/** An error of libuv: `code` is `ENOENT` and the like. */
interface SystemError extends Error {
  readonly code: string;
  readonly path?: string;
}

/** What libuv reports of a system call that failed. */
function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'errno' in error && 'code' in error;
}

/** The layer in whose code an unforeseen exception arose: the first `src` or `dist` folder on its stack. */
function phaseOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return /(?:src|dist)[/\\]([a-z]+)[/\\][\w-]+\.[jt]s/.exec(stack)?.[1] ?? 'cli';
}

/** `error: PLACE: what`, then the hint as the last line. */
export function errorText(report: ErrorReport): string {
  const at = report.place === undefined ? '' : `${printable(report.place)}: `;
  const hint = report.hint === undefined ? '' : `hint: ${printable(report.hint)}\n`;
  // Names of the file at fault stand in all three; only the message has lines (a compiler's).
  return `error: ${at}${printableLines(report.message)}\n${hint}`;
}

/** The same as a document `jitnic.error/1`, which goes to stdout: under `--json` there is always one. */
export function errorJson(report: ErrorReport, pretty: boolean): string {
  const { code, message, place, hint } = report;
  return jsonText(
    {
      schema: 'jitnic.error/1',
      error: { code, message, place: place ?? null, hint: hint ?? null },
      // As in what a command prints of a run that was broken off.
      ...(code === 'interrupted' ? { interrupted: true } : {}),
    },
    pretty,
  );
}
