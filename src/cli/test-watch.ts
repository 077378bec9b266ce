/** Runs something again when files change, until Ctrl-C. */
import { statSync } from 'node:fs';
import { type ExitCode, exitCodes, UserError } from '../base/index.js';
import { count } from '../text/index.js';
import type { Io } from './command.js';
import { describeError, errorText } from './error-report.js';

/** Milliseconds between two looks. Editors replace files, which notifications of the system do not survive. */
const period = 250;

/** Looks at files for each at whether there are others: that takes a walk over folders. */
const looksPerWalk = 4;

/**
 * `find` says which files are run, `run` names what else it reads before it does. Errors of the user's files are
 * printed, and the next change is waited for.
 */
export async function watchFiles(
  io: Io,
  find: () => readonly string[],
  run: (files: readonly string[], look: (file: string) => void) => Promise<void>,
): Promise<ExitCode> {
  const interrupt = io.catchInterrupt();
  // Stamps are taken before a file is read: what changes while tests run is seen.
  const stamps = new Map<string, string>();
  let files: readonly string[] = [];
  for (;;) {
    // What a file that is wrong for now named before stays looked at.
    for (const file of stamps.keys()) stamps.set(file, stampOf(file));
    try {
      files = find();
      for (const file of files) stamps.set(file, stampOf(file));
      await run(files, (file) => void (stamps.has(file) || stamps.set(file, stampOf(file))));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      io.err(errorText(describeError(error)));
      if (stamps.size === 0) return error.exitCode;
    }
    io.info(`\nwatching ${count(stamps.size, 'file')}; Ctrl-C ends it`);
    for (let looks = 1; [...stamps].every(([file, stamp]) => stampOf(file) === stamp); looks++) {
      if (interrupt.requested) return exitCodes.ok;
      if (looks % looksPerWalk === 0 && isOther(files, find)) break;
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

/** Are there other files now? */
function isOther(files: readonly string[], find: () => readonly string[]): boolean {
  try {
    return find().join('\n') !== files.join('\n');
  } catch {
    // A file that is away has another stamp.
    return false;
  }
}

function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
}
