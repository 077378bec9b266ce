/** What the figures come to: rows beside what is wanted, tables and charts of docs/coherence.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InternalError } from '../../base/index.js';
import { type Axis, lineChart, type Panel } from '../../report/index.js';
import { formatTable } from '../../text/index.js';
import type { CellPlace, FigureCell, Outcome, Popularity } from './cells.js';

/** A figure beside what is wanted of it. */
export interface FigureRow {
  readonly example: string;
  readonly what: string;
  readonly measured: string;
  readonly wanted: string;
  readonly isGood: boolean;
}

/** One of a cell's outcomes. */
export function outcomeOf({ outcomes }: FigureCell, protocol: string): Outcome {
  const found = outcomes.find((each) => each.protocol === protocol);
  if (found === undefined) throw new InternalError('coherence', `no outcome of ${protocol}`);
  return found;
}

/** The fastest of the protocols. */
export function bestOf({ outcomes }: FigureCell): Outcome {
  const [first, ...rest] = outcomes.filter(({ protocol }) => protocol !== 'none' && protocol !== 'chosen');
  if (first === undefined) throw new InternalError('coherence', 'no protocols');
  return rest.reduce((best, each) => (each.mpps > best.mpps ? each : best), first);
}

/** Share of misses at which the best protocol is held against no sharing. */
const fewMisses = 0.01;
const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

/** `1 % misses, Zipf 1, PCIe`. */
export function placeText({ misses, popularity, link }: Omit<CellPlace, 'example'>): string {
  return `${100 * misses} % misses, ${popularityText(popularity)}, ${link}`;
}

function popularityText(popularity: Popularity): string {
  return popularity === 'hot' ? 'one hot flow' : `Zipf ${popularity}`;
}

/** What is to be reached, cell by cell. */
export function figureRows(cells: readonly FigureCell[]): FigureRow[] {
  return cells.flatMap((cell): FigureRow[] => {
    const [none, chosen, stall, best] = [
      outcomeOf(cell, 'none'),
      outcomeOf(cell, 'chosen'),
      outcomeOf(cell, 'stall'),
      bestOf(cell),
    ];
    const { example } = cell;
    const place = placeText(cell);
    const choice: FigureRow = {
      example,
      what: `the choice beside the best (${best.protocol}): ${place}`,
      measured: percent(chosen.mpps, best.mpps),
      wanted: 'at least 97 %',
      isGood: chosen.mpps >= 0.97 * best.mpps,
    };
    if (cell.misses !== fewMisses || cell.popularity === 'hot') return [choice];
    return [
      {
        example,
        what: `the best (${best.protocol}) beside no sharing: ${place}`,
        measured: percent(best.mpps, none.mpps),
        wanted: 'at least 95 %',
        isGood: best.mpps >= 0.95 * none.mpps,
      },
      choice,
      {
        example,
        what: `the best (${best.protocol}) beside stall: ${place}`,
        measured: percent(best.mpps, stall.mpps),
        wanted: 'over 100 %',
        isGood: best.mpps > stall.mpps,
      },
    ];
  });
}

/** How often each protocol is the fastest, by share of misses and link. */
export function winners(cells: readonly FigureCell[]): readonly (readonly (string | number)[])[] {
  const rows = new Map<string, Map<string, number>>();
  for (const cell of cells) {
    const key = `${cell.link}, ${100 * cell.misses} %`;
    const row = rows.get(key) ?? new Map<string, number>();
    rows.set(key, row);
    const best = bestOf(cell);
    // As good as the best is who is within one percent of it.
    for (const { protocol, mpps } of cell.outcomes)
      if (protocol !== 'none' && protocol !== 'chosen' && mpps >= 0.99 * best.mpps)
        row.set(protocol, (row.get(protocol) ?? 0) + 1);
  }
  return [...rows].map(([key, row]) => [key, ...shownProtocols.map((name) => row.get(name) ?? 0)]);
}

/** Columns of tables, in order. */
export const shownProtocols = ['migrate', 'replay', 'device-home', 'host-home', 'stall'] as const;

/** Titles of {@link cellRow}. */
export const cellTitles: readonly string[] = [
  'example',
  'link',
  'misses',
  'flows',
  'no sharing',
  'chosen',
  ...shownProtocols,
  'hit ns',
  'miss ns',
];

/** A line a cell: throughput of each protocol, latency of the choice. */
export function cellRow(cell: FigureCell): readonly string[] {
  const { misses, popularity, link, example } = cell;
  const chosen = outcomeOf(cell, 'chosen');
  return [
    example,
    link,
    `${100 * misses} %`,
    popularityText(popularity),
    ...['none', 'chosen', ...shownProtocols].map((name) => outcomeOf(cell, name).mpps.toFixed(1)),
    chosen.hit.toFixed(0),
    chosen.miss.toFixed(0),
  ];
}

/** Throughput beside no sharing over the share of misses: a panel an example, a line a protocol. */
export function panelsOf(cells: readonly FigureCell[]): Panel[] {
  const examples = [...new Set(cells.map(({ example }) => example))];
  return examples.map((title) => {
    const own = cells.filter(({ example }) => example === title).sort((a, b) => a.misses - b.misses);
    return {
      title,
      series: shownProtocols.map((name) => ({
        name,
        points: own.map((cell): readonly [number, number] => [
          100 * cell.misses,
          (100 * outcomeOf(cell, name).mpps) / outcomeOf(cell, 'none').mpps,
        ]),
      })),
    };
  });
}

const misses: Axis = { label: 'misses, %', scale: 'log', min: 0.1, max: 20, ticks: [0.1, 1, 5, 20] };
const kept: Axis = { label: 'throughput beside no sharing, %', scale: 'linear', min: 0, max: 120 };
/** Examples side by side in one chart. */
const panelsInRow = 4;

/** The charts, by file name: Zipf 1, a file a link and row of examples. */
function charts(cells: readonly FigureCell[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const link of ['PCIe', 'coherent'] as const) {
    const panels = panelsOf(cells.filter((cell) => cell.link === link && cell.popularity === 1));
    for (let at = 0; at < panels.length; at += panelsInRow) {
      const name = `coherence-${link.toLowerCase()}-${1 + at / panelsInRow}.svg`;
      const title = `What protocols keep of the throughput, ${link} link, Zipf 1 (a model)`;
      files.set(name, lineChart({ title, x: misses, y: kept, panels: panels.slice(at, at + panelsInRow) }));
    }
  }
  return files;
}

/** docs/coherence.md: what stands between its marks is made here, and so are the charts in the folder beside it. */
export function writePage(file: string, cells: readonly FigureCell[]): void {
  const drawn = charts(cells);
  for (const [name, svg] of drawn) writeFileSync(join(dirname(file), 'coherence', name), svg);
  const table = (titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
    `    ${formatTable(
      titles.map((title) => ({ title })),
      rows,
    )
      .trimEnd()
      .replaceAll('\n', '\n    ')}`;
  const rows = figureRows(cells);
  const good = rows.filter(({ isGood }) => isGood).length;
  const missed = rows.filter(({ isGood }) => !isGood);
  const made: Readonly<Record<string, string>> = {
    charts: [...drawn.keys()].map((name) => `![${name}](coherence/${name})`).join('\n\n'),
    winners: table(['link, misses', ...shownProtocols], winners(cells)),
    wanted: `${good} of ${rows.length} rows are reached. Those that are not:\n\n${table(
      ['example', 'what', 'measured', 'wanted'],
      missed.map(({ example, what, measured, wanted }) => [example, what, measured, wanted]),
    )}`,
    cells: table(cellTitles, cells.filter(({ popularity }) => popularity === 1).map(cellRow)),
  };
  const block = /<!-- table: (\w+) -->\n[\s\S]*?<!-- end -->/g;
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(block, (whole, name: string) => {
      const text = made[name];
      return text === undefined ? whole : `<!-- table: ${name} -->\n\n${text}\n\n<!-- end -->`;
    }),
  );
}
