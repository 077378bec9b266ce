/**
 * A sweep as a page of its own: for each program the Pareto front of throughput over area, drawn and as a table, and
 * what each value of each axis is worth at its best. Needs no script; follows the system's dark.
 */
import { type Axis as ChartAxis, escapeHtml, lineChart, number, pageFrame, type Series } from '../report/index.js';
import type { Figures, Row } from './outcome.js';
import { paretoFront } from './pareto.js';
import type { Axis, AxisValue } from './space.js';
import type { Sweep } from './table.js';

const style = `
h3 { margin-top: 24px; } figure { margin: 10px 0; overflow-x: auto; } figure svg { max-width: 100%; height: auto; min-width: 560px; }
@media (max-width: 600px) { main, header { padding: 0 12px; } th, td { padding: 4px 6px; font-size: 13px; } }
`;

type Ran = Row & { readonly outcome: { readonly kind: 'ran'; readonly figures: Figures } };
const isRan = (row: Row): row is Ran => row.outcome.kind === 'ran';

const mega = (rate: number): string => (rate / 1e6).toFixed(2);
const percent = (part: number): string => (100 * part).toFixed(1);

/** HTML. */
export function sweepPage(sweep: Sweep): string {
  const { card, axes, programs, rows, missing } = sweep;
  const ran = rows.filter(isRan).length;
  const notes = [
    'Every figure is the model’s: rates, times, and the area, which is estimated from costs of single operations.',
    ...(missing > 0 ? [`The sweep was broken off: ${number(missing)} points are missing.`] : []),
  ];
  return pageFrame({
    title: `Sweep over ${card}`,
    heading: 'Sweep',
    about: `${card}: ${axes.map(({ name }) => name).join(' × ')}`,
    style,
    mainHtml: `<ul class="tiles"><li><b>${number(rows.length)}</b><span>points</span></li><li><b>${number(rows.length - ran)}</b><span>that do not fit</span></li><li><b>${number(programs.length)}</b><span>${programs.length === 1 ? 'program' : 'programs'}</span></li></ul>
${notes.map((note) => `<p class="note">${note}</p>`).join('\n')}
${programs
  .map((name) =>
    programView(
      name,
      axes,
      rows.filter(({ program }) => program === name),
    ),
  )
  .join('\n')}`,
    footer: 'Made by jitnic explore.',
  });
}

function programView(name: string, axes: readonly Axis[], rows: readonly Row[]): string {
  const ran = rows.filter(isRan);
  if (ran.length === 0) {
    const [first] = rows;
    const why = first?.outcome.kind === 'refused' ? `: ${escapeHtml(first.outcome.why)}` : '';
    return `<h2>${escapeHtml(name)}</h2><p class="note">${rows.length === 0 ? 'No point has run yet' : `It fits none of the cards${why}`}.</p>`;
  }
  const front = paretoFront(rows).filter(isRan);
  return `<h2>${escapeHtml(name)}</h2>
${frontChart(name, ran, front)}
<h3>Pareto front</h3>
<p class="note">No other point is better in throughput, area or hit rate and at least as good in the others.</p>
${frontTable(axes, front)}
${axes
  .filter(({ values }) => values.length > 1)
  .map((axis) => axisTable(axis, ran))
  .join('\n')}`;
}

/** The front in throughput over area alone, and the points behind it. */
function frontChart(name: string, ran: readonly Ran[], front: readonly Ran[]): string {
  const placed = ran.filter(({ outcome }) => outcome.figures.luts !== null);
  const areas = placed.map(areaOf);
  if (new Set(areas).size < 2) return '';
  const at = (row: Ran): readonly [number, number] => [areaOf(row), row.outcome.figures.achieved / 1e6];
  // As area grows, the most that is reached with it: the outline of all points.
  const best: (readonly [number, number])[] = [];
  for (const point of [...front].map(at).sort((a, b) => a[0] - b[0] || b[1] - a[1]))
    if (best.length === 0 || point[1] > (best.at(-1)?.[1] ?? 0)) best.push(point);
  const worst = leastByArea(placed.map(at));
  const most = Math.max(...ran.map(({ outcome }) => outcome.figures.achieved / 1e6));
  const x: ChartAxis = {
    label: 'area (1,000 LUT6, estimated)',
    scale: 'log',
    min: below(Math.min(...areas)),
    max: above(Math.max(...areas)),
  };
  const y: ChartAxis = { label: 'throughput (Mpps)', scale: 'linear', min: 0, max: most * 1.05 || 1 };
  const series: Series[] = [
    { name: 'Pareto front', points: best },
    { name: 'least at that area', points: worst },
  ];
  return `<figure>${lineChart({ title: `${name}: throughput over area`, x, y, panels: [{ title: '', series }] })}</figure>`;
}

/** In thousands. */
const areaOf = ({ outcome: { figures } }: Ran): number => (figures.luts ?? 0) / 1000;

/** The slowest point of each area. */
function leastByArea(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const least = new Map<number, number>();
  for (const [area, rate] of points) least.set(area, Math.min(least.get(area) ?? Number.POSITIVE_INFINITY, rate));
  return [...least].sort((a, b) => a[0] - b[0]);
}

const below = (value: number): number => 2 ** Math.floor(Math.log2(value || 1));
const above = (value: number): number => 2 ** Math.ceil(Math.log2(value || 2));

/** Rows of a front that a page shows at most: from the fastest, the rest is in the files. */
const mostRows = 40;

function frontTable(axes: readonly Axis[], front: readonly Ran[]): string {
  const shown = [...front].sort((a, b) => b.outcome.figures.achieved - a.outcome.figures.achieved).slice(0, mostRows);
  const heads = ['Mpps', 'hits (%)', 'p99 of hits (ns)', 'lost (%)', 'LUTs'];
  const lines = shown.map(({ point, outcome: { figures } }) => {
    const cells = [
      mega(figures.achieved),
      percent(figures.hitRate),
      number(Math.round(figures.hitP99)),
      percent(figures.lost / Math.max(1, figures.packets)),
      figures.luts === null ? 'not known' : number(figures.luts),
    ];
    const values = axes.map(({ name }) => `<td>${escapeHtml(String(point[name] ?? ''))}</td>`).join('');
    return `<tr>${values}${cells.map((cell) => `<td class="n">${cell}</td>`).join('')}</tr>`;
  });
  const rest =
    front.length > shown.length ? `<p class="note">${front.length - shown.length} more are in the files.</p>` : '';
  return `<div class="scroll"><table><thead><tr>${axes.map(({ name }) => `<th>${escapeHtml(name)}</th>`).join('')}${heads.map((head) => `<th class="n">${head}</th>`).join('')}</tr></thead><tbody>${lines.join('')}</tbody></table></div>${rest}`;
}

/** What a value is worth: the best and the median of the points that have it. */
function axisTable({ name, values }: Axis, ran: readonly Ran[]): string {
  const lines = values.map((value) => {
    const rates = ratesAt(ran, name, value);
    const cells =
      rates.length === 0
        ? ['none fits', '']
        : [mega(rates.at(-1) as number), mega(rates[Math.floor((rates.length - 1) / 2)] as number)];
    return `<tr><td>${escapeHtml(String(value))}</td>${cells.map((cell) => `<td class="n">${cell}</td>`).join('')}</tr>`;
  });
  return `<h3>${escapeHtml(name)}</h3>
<div class="scroll"><table><thead><tr><th>${escapeHtml(name)}</th><th class="n">best (Mpps)</th><th class="n">median (Mpps)</th></tr></thead><tbody>${lines.join('')}</tbody></table></div>`;
}

/** Ascending. */
function ratesAt(ran: readonly Ran[], name: string, value: AxisValue): number[] {
  return ran
    .filter(({ point }) => point[name] === value)
    .map(({ outcome }) => outcome.figures.achieved)
    .sort((a, b) => a - b);
}
