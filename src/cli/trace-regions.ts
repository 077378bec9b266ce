/** What `jitnic trace` prints of regions: one condition each, and the ways through its body with their shares. */
import { packetsOf, regionsOf } from '../report/regions.js';
import type { Session } from '../runtime/index.js';
import { count, formatShare, wrapWords } from '../text/index.js';
import { regionLines } from '../trace/index.js';
import type { Io } from './command.js';
import { wrap } from './run-report.js';

/** The regions that are on the card and `mayWord` leaves time for; nothing where each trace has a place of its own. */
export function regionsText(session: Session, io: Io, mayWord: () => boolean): string {
  const width = Math.max(60, io.width - 4);
  let text = '';
  for (const region of regionsOf(session, mayWord)) {
    const { words } = region;
    if (words === undefined) break;
    const packets = packetsOf(region);
    const head = `region of ${count(region.traces.length, 'trace')}, ${count(packets, 'packet')}`;
    const endOf = (side: number): string =>
      `${region.verdicts[side]}, trace ${region.traces[side]}: ${formatShare(region.packets[side] ?? 0, packets)}`;
    const lines = regionLines(words.body, endOf).flatMap((line) => {
      const indent = ' '.repeat(line.length - line.trimStart().length);
      return wrapWords(line, width, `${indent}  `);
    });
    const shown = [...wrap(words.condition, width), ...lines].map((line) => `  ${line}\n`);
    text += `\n${io.style.bold(head)}\n${shown.join('')}`;
  }
  return text;
}
