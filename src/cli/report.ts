/** The report page of a run: `jitnic run --report FILE`, `jitnic trace --dump html`. */
import { basename } from 'node:path';
import { reportData, reportPage, type Timeline } from '../report/index.js';
import type { Session } from '../runtime/index.js';

/** `capture`: path of the capture, or `-`. Call it once the packets have run. */
export function reportText(session: Session, timeline: Timeline, capture: string): string {
  timeline.finish(session.runtime);
  const name = capture === '-' ? 'stdin' : basename(capture);
  return reportPage(reportData(session, { capture: name, timeline: timeline.moments }));
}
