/** Which maps a trace uses: reads, writes, looks up, or hands to a helper. */
import type { Value } from '../ir/index.js';
import type { RecordedTrace } from '../trace/index.js';

/** Maps by index, in order. */
export function mapsOf({ code }: RecordedTrace): readonly number[] {
  const found = new Set<number>();
  for (const value of code.values) {
    for (const map of mapsOfValue(value)) found.add(map);
    // Places are leaves that stand for themselves: they are in no list of their own.
    for (const arg of value.args) for (const map of mapsOfValue(arg)) found.add(map);
  }
  return [...found].filter((map) => map >= 0).sort((a, b) => a - b);
}

function mapsOfValue({ op, imm, detail }: Value): readonly number[] {
  if (op === 'map' || op === 'data' || op === 'element' || op === 'cell') return [Number(imm)];
  switch (detail?.kind) {
    case 'memory':
    case 'atomic':
      return detail.space === 'map' ? [detail.map] : [];
    case 'lookup':
    case 'slot':
      return [detail.map];
    default:
      return [];
  }
}
