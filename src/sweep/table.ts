/** A sweep as files: rows as CSV, rows and fronts as JSON. The same bytes for the same rows. */
import type { Figures, Row } from './outcome.js';
import { objectives, paretoFront } from './pareto.js';
import type { Axis } from './space.js';

/** A sweep with what it found so far; rows in the order of programs and points. */
export interface Sweep {
  readonly card: string;
  readonly axes: readonly Axis[];
  /** In the order in which they were given. */
  readonly programs: readonly string[];
  readonly rows: readonly Row[];
  /** Points that have no row yet: it was broken off. */
  readonly missing: number;
}

/** Columns behind the axes: key as JSON and CSV have it, and the figure. */
const columns: readonly (readonly [key: string, of: (figures: Figures) => number | null])[] = [
  ['packets', ({ packets }) => packets],
  ['lost', ({ lost }) => lost],
  ['hit_rate', ({ hitRate }) => hitRate],
  ['offered_pps', ({ offered }) => offered],
  ['achieved_pps', ({ achieved }) => achieved],
  ['hit_p50_ns', ({ hitP50 }) => hitP50],
  ['hit_p99_ns', ({ hitP99 }) => hitP99],
  ['miss_p99_ns', ({ missP99 }) => missP99],
  ['host_cores', ({ hostCores }) => hostCores],
  ['link_bytes', ({ linkBytes }) => linkBytes],
  ['luts', ({ luts }) => luts],
];

/** Pieces of the CSV (RFC 4180, but that lines end in a line feed alone), header first. */
export function* sweepCsv({ axes, programs, rows }: Sweep): IterableIterator<string> {
  const fronts = new Set(programs.flatMap((name) => paretoFront(rows.filter(({ program }) => program === name))));
  yield csvLine(['program', ...axes.map(({ name }) => name), ...columns.map(([key]) => key), 'front', 'refused']);
  for (const row of rows) {
    const { program, point, outcome } = row;
    const figures = outcome.kind === 'ran' ? columns.map(([, of]) => of(outcome.figures) ?? '') : columns.map(() => '');
    const why = outcome.kind === 'refused' ? outcome.why : '';
    const isFront = outcome.kind === 'refused' ? '' : fronts.has(row) ? 1 : 0;
    yield csvLine([program, ...axes.map(({ name }) => point[name] ?? ''), ...figures, isFront, why]);
  }
}

function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => (/[",\n\r]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell)).join(',')}\n`;
}

/** Key-value pairs of `jitnic.explore/1`, without the schema. */
export function sweepJson(sweep: Sweep): Readonly<Record<string, unknown>> {
  const { card, axes, programs, rows, missing } = sweep;
  const numberOf = new Map(rows.map((row, i) => [row, i]));
  return {
    card,
    model: true,
    axes,
    objectives: objectives.map(({ name, most }) => ({ name, best: most ? 'most' : 'least' })),
    programs: programs.map((name) => ({
      name,
      /** Indexes into `rows`. */
      front: paretoFront(rows.filter(({ program }) => program === name)).map((row) => numberOf.get(row)),
    })),
    rows: rows.map(({ program, point, outcome }) => ({
      program,
      point,
      ...(outcome.kind === 'ran'
        ? { figures: Object.fromEntries(columns.map(([key, of]) => [key, of(outcome.figures)])) }
        : { refused: outcome.why }),
    })),
    missing,
    interrupted: missing > 0,
  };
}
