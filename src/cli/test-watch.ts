/** Runs something again when files change, until Ctrl-C. */
import { statSync } from 'node:fs';
import { type ExitCode, exitCodes, UserError } from '../base/index.js';
import { count } from '../text/index.js';
import type { Io } from './command.js';
import { describeError, errorText } from './error-report.js';

/** Milliseconds between two looks. Editors replace files, which notifications of the system do not survive. */
const period = 250;

/** `run` returns the files to look at. Errors of the user's files are printed, and the next change is waited for. */
export async function watchFiles(io: Io, run: () => Promise<readonly string[]>): Promise<ExitCode> {
  const interrupt = io.catchInterrupt();
  let files: readonly string[] = [];
  for (;;) {
    try {
      // What a file that is wrong for now named before stays looked at.
      files = [...new Set([...files, ...(await run())])];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      io.err(errorText(describeError(error)));
      if (files.length === 0) return error.exitCode;
    }
    io.info(`\nwatching ${count(files.length, 'file')}; Ctrl-C ends it`);
    const before = stampsOf(files);
    while (stampsOf(files) === before) {
      if (interrupt.requested) return exitCodes.ok;
      await new Promise<void>((done) => {
        const timer = setTimeout(done, period);
        interrupt.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    io.out('\n');
  }
}

function stampsOf(files: readonly string[]): string {
  return files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0).join();
}
