/**
 * What `jitnic opt` takes of the processor's time with the search in windows, solver included: about 300 slots, and
 * the largest program of K2's kind (1,734 slots).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSolver } from '../../linux/open-solver.js';
import { readObject } from '../../object/index.js';
import { type Effort, improveObject } from '../../super/index.js';
import { formatTable } from '../../text/index.js';
import { instructionsAlone } from './k2-rows.js';

interface Timed {
  readonly name: string;
  readonly file: string;
  readonly effort: Effort;
  /** Type of the one program, which goes in as instructions alone; undefined: the whole file as it is. */
  readonly section: string | undefined;
  readonly slots: number;
  readonly wanted: number;
}

const timed: readonly Timed[] = [
  { name: 'xdp_fwd search', file: 'v3/xdp_fwd', effort: 2, section: undefined, slots: 300, wanted: 10 },
  { name: 'xdp_tx_iptunnel search', file: 'v3/xdp_tx_iptunnel', effort: 2, section: undefined, slots: 300, wanted: 10 },
  { name: 'cls_redirect search', file: 'k2/cls_redirect', effort: 2, section: 'tc', slots: 1800, wanted: 30 },
];

/** Names of what is timed. */
export const timedPrograms: readonly string[] = timed.map(({ name }) => name);

/** One of them. */
export interface TimeRow {
  readonly what: string;
  readonly slots: number;
  /** For as many slots as the wanted figure is about. */
  readonly seconds: number;
  readonly wanted: number;
}

/** Measures one of {@link timedPrograms}. */
export async function timeRow(folder: string, name: string): Promise<TimeRow> {
  const { file, effort, section, slots, wanted } = timed.find((each) => each.name === name) as Timed; // one of them
  const read = new Uint8Array(readFileSync(join(folder, `${file}.o`)));
  const object = readObject(read);
  const [program] = object.programs;
  const isRaw = section !== undefined && program !== undefined;
  const bytes = isRaw ? instructionsAlone(object, program, section) : read;
  const before = processorSeconds();
  const solver = effort === 0 ? undefined : await openSolver();
  const result = await improveObject(bytes, { effort, solver });
  await solver?.close();
  const taken = processorSeconds() - before;
  const own = result.functions.reduce((sum, fn) => sum + fn.before, 0);
  const share = slots / Math.max(slots, own);
  const what = `${name}, ${own} slots at effort ${effort}, for ${slots}`;
  return { what, slots: own, seconds: Math.round(100 * taken * share) / 100, wanted };
}

/** Of this process and the children that have ended, as Linux counts it. */
function processorSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / 100;
}

/** A line for each. */
export function timeTable(rows: readonly TimeRow[]): string {
  const right = { align: 'right' } as const;
  const columns = [{ title: 'processor time' }, { title: 'seconds', ...right }, { title: 'wanted', ...right }];
  return formatTable(
    columns,
    rows.map(({ what, seconds, wanted }) => [what, seconds.toFixed(1), wanted]),
  );
}
