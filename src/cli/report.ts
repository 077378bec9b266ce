/** The report page of a run: `jitnic run --report FILE`, `jitnic trace --dump html`. */
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { reportData, reportPage, type Timeline } from '../report/index.js';
import type { Session } from '../runtime/index.js';
import type { Io } from './command.js';
import { fileError } from './program-file.js';

/** `capture`: path of the capture, or `-`. Call it once the packets have run. */
export function reportText(session: Session, timeline: Timeline, capture: string): string {
  timeline.finish(session.runtime);
  const name = capture === '-' ? 'stdin' : basename(capture);
  return reportPage(reportData(session, { capture: name, timeline: timeline.moments }));
}

/** Text to a file, or to stdout for `-`. Throws InputError where the file cannot be written. */
export async function writeText(path: string, text: string, io: Io): Promise<void> {
  if (path === '-') {
    io.out(text);
    return;
  }
  try {
    await writeFile(path, text);
  } catch (error) {
    throw fileError(error, path);
  }
}
