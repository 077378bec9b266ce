/** What `jitnic trace` prints of regions: one condition each, and the ways through its body with their shares. */
import { verdictName } from '../platform/index.js';
import type { Session } from '../runtime/index.js';
import { count, formatShare, wrapWords } from '../text/index.js';
import { regionBody, regionLines, sharedCondition } from '../trace/index.js';
import type { Io } from './command.js';
import { wrap } from './run-report.js';

/** The regions that are on the card; nothing where each trace has a place of its own. */
export function regionsText(session: Session, io: Io): string {
  const { offload, names } = session.runtime;
  let text = '';
  for (const { traces } of offload?.cache.regions ?? []) {
    const [first] = traces;
    if (offload === undefined || first === undefined || traces.length === 1) continue;
    const recordings = traces.map(({ trace }) => trace);
    const records = traces.map((trace) => offload.book.of(trace));
    const packets = records.reduce((sum, record) => sum + record.packets, 0);
    const body = regionBody(recordings);
    const head = `region of ${count(traces.length, 'trace')}, ${count(packets, 'packet')}`;
    const condition = wrap(sharedCondition(first.trace, body, names).text, Math.max(60, io.width - 4));
    const endOf = (side: number): string => {
      const record = records[side];
      return record === undefined
        ? ''
        : `${verdictName(record.verdict)}, trace ${record.id}: ${formatShare(record.packets, packets)}`;
    };
    const lines = regionLines(recordings, body, names, endOf).flatMap((line) => {
      const indent = ' '.repeat(line.length - line.trimStart().length);
      return wrapWords(line, Math.max(60, io.width - 4), `${indent}  `);
    });
    text += `\n${io.style.bold(head)}\n${[...condition, ...lines].map((line) => `  ${line}\n`).join('')}`;
  }
  return text;
}
