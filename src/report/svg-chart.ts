/**
 * Line and bar charts as SVG files that stand alone: light and dark by the reader's preference, series told apart by
 * mark and dash as well as by colour, the same bytes for the same figures. (Chart libraries that draw without a
 * browser are tens of megabytes and put colours into every element, so that a file is either light or dark.)
 */
import { escapeHtml, number } from './html.js';

/** An axis with its bounds; a logarithmic one needs `min` above 0. */
export interface Axis {
  /** With the unit. */
  readonly label: string;
  readonly scale: 'linear' | 'log';
  readonly min: number;
  readonly max: number;
  /** Where there are lines and numbers; made up if left out. */
  readonly ticks?: readonly number[] | undefined;
}

/** A line: points in order of x. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** One of several charts side by side. */
export interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
}

/** A figure of lines. */
export interface LineChart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  /** One beside another, all with the same axes; series of one name look alike in all of them. */
  readonly panels: readonly Panel[];
}

/** A figure of bars in groups. */
export interface BarChart {
  readonly title: string;
  readonly y: Axis;
  readonly groups: readonly { readonly name: string; readonly values: readonly number[] }[];
  /** What the bars of a group are, in order. */
  readonly bars: readonly string[];
}

const width = 900;
const plotHeight = 250;
const margin = { left: 64, right: 18, top: 58, bottom: 50, between: 26 };
const legendLine = 22;

/**
 * Colours by Okabe and Ito, which most kinds of colour blindness tell apart; darker on light ground, lighter on dark.
 */
const light = ['#0067a5', '#c04f00', '#00805a', '#a3306f', '#8a6d00', '#3d3d3d', '#2a8fbf', '#7a4fa8', '#b3243a'];
const dark = ['#5db1f0', '#ff9a4d', '#3fcf9f', '#f08cc4', '#e8cf4a', '#d8d8d8', '#8fd4f5', '#c3a3f5', '#ff8592'];
const dashes = ['', '7 3', '2 3', '9 3 2 3', '', '7 3', '2 3', '9 3 2 3', '4 2'];
/** Shapes of the series in order. Their order is that of the colours, with which they repeat. */
const marks = ['circle', 'square', 'triangle', 'diamond', 'cross', 'plus', 'ring', 'box', 'down'] as const;

/** The figure as an SVG document. */
export function lineChart(chart: LineChart): string {
  const names = [...new Set(chart.panels.flatMap(({ series }) => series.map(({ name }) => name)))];
  const legend = legendOf(names, (i, x, y) => sample(i, x, y));
  const count = chart.panels.length;
  const panelWidth = (width - margin.left - margin.right - (count - 1) * margin.between) / count;
  const body = chart.panels.map((panel, p) => {
    const left = margin.left + p * (panelWidth + margin.between);
    const x = scaleOf(chart.x, left, left + panelWidth);
    const y = scaleOf(chart.y, margin.top + plotHeight, margin.top);
    const lines = panel.series.map((series) => drawSeries(series, names.indexOf(series.name), x, y));
    return [
      ...yRules(chart.y, y, left, left + panelWidth, p === 0),
      ...xTicks(chart.x, x),
      `<text class="name" x="${round(left + panelWidth / 2)}" y="${margin.top - 10}" text-anchor="middle">${escapeHtml(panel.title)}</text>`,
      ...lines,
    ].join('\n');
  });
  return frame(chart.title, chart.y.label, [...body, xLabel(chart.x.label)], legend);
}

/** The figure as an SVG document. */
export function barChart(chart: BarChart): string {
  const { groups, bars } = chart;
  const legend = legendOf(bars, (i, x, y) => `<rect class="b${i}" x="${x}" y="${y - 6}" width="26" height="11"/>`);
  const y = scaleOf(chart.y, margin.top + plotHeight, margin.top);
  const right = width - margin.right;
  const groupWidth = (right - margin.left) / groups.length;
  const barWidth = Math.min(34, (groupWidth * 0.82) / bars.length);
  const zero = y(chart.y.scale === 'log' ? chart.y.min : Math.max(0, chart.y.min));
  const body = groups.map((group, g) => {
    const middle = margin.left + (g + 0.5) * groupWidth;
    const start = middle - (barWidth * group.values.length) / 2;
    const drawn = group.values.map((value, i) => {
      const top = y(value);
      return `<rect class="b${i}" x="${round(start + i * barWidth + 1)}" y="${round(top)}" width="${round(barWidth - 2)}" height="${round(Math.max(0, zero - top))}"><title>${escapeHtml(`${group.name}, ${bars[i]}: ${value}`)}</title></rect>`;
    });
    return `${drawn.join('')}${groupName(group.name, middle, groupWidth)}`;
  });
  return frame(chart.title, chart.y.label, [...yRules(chart.y, y, margin.left, right, true), ...body], legend);
}

/** On two lines where it is long. */
function groupName(name: string, x: number, room: number): string {
  const words = name.split(/(?<=[- ])/);
  const perLine = Math.max(6, Math.floor(room / 6.6));
  const lines: string[] = [''];
  for (const word of words) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length > perLine) lines.push(word);
    else lines[lines.length - 1] = line + word;
  }
  const spans = lines.map(
    (line, i) => `<tspan x="${round(x)}" dy="${i === 0 ? 0 : 13}">${escapeHtml(line.trim())}</tspan>`,
  );
  return `<text class="tick" text-anchor="middle" y="${margin.top + plotHeight + 17}">${spans.join('')}</text>`;
}

/** The file around the drawing: size, style sheet, title, label of the y axis, legend. */
function frame(title: string, yLabel: string, body: readonly string[], legend: Legend): string {
  const height = margin.top + plotHeight + margin.bottom + legend.height;
  const middle = margin.top + plotHeight / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeHtml(title)}">
<style>
svg { --ground: #ffffff; --ink: #1d2127; --soft: #56606c; --line: #dde2e8; ${light.map((color, i) => `--c${i}: ${color};`).join(' ')} font: 12px system-ui, "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ground: #14171b; --ink: #e4e7eb; --soft: #a3adb8; --line: #333a43; ${dark.map((color, i) => `--c${i}: ${color};`).join(' ')} } }
.ground { fill: var(--ground); } .title { fill: var(--ink); font-size: 15px; font-weight: 600; } .name { fill: var(--ink); font-weight: 600; font-size: 13px; }
.tick, .label { fill: var(--soft); } .label { font-size: 13px; } .legend { fill: var(--ink); }
.rule { stroke: var(--line); } .axis { stroke: var(--soft); }
polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
${light.map((_, i) => `.l${i} { stroke: var(--c${i}); stroke-dasharray: ${dashes[i] === '' ? 'none' : dashes[i]}; } .m${i} { stroke: var(--c${i}); fill: ${hollow(i) ? 'var(--ground)' : `var(--c${i})`}; stroke-width: 1.4; } .b${i} { fill: var(--c${i}); }`).join('\n')}
</style>
<rect class="ground" width="${width}" height="${height}"/>
<text class="title" x="${margin.left}" y="24">${escapeHtml(title)}</text>
<text class="label" transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escapeHtml(yLabel)}</text>
${body.join('\n')}
<g transform="translate(0 ${margin.top + plotHeight + margin.bottom})">${legend.body}</g>
</svg>
`;
}

/** Lines of samples with names; `height` in pixels. */
interface Legend {
  readonly body: string;
  readonly height: number;
}

/** Names in rows as wide as the chart; `draw` puts the sample of the i-th at a place. */
function legendOf(names: readonly string[], draw: (i: number, x: number, y: number) => string): Legend {
  if (names.length < 2) return { body: '', height: 0 };
  const parts: string[] = [];
  let x = margin.left;
  let y = 14;
  for (const [i, name] of names.entries()) {
    const wide = 34 + 7.2 * name.length + 20;
    if (x > margin.left && x + wide > width - margin.right) {
      x = margin.left;
      y += legendLine;
    }
    parts.push(`${draw(i, x, y)}<text class="legend" x="${round(x + 33)}" y="${y + 4}">${escapeHtml(name)}</text>`);
    x += wide;
  }
  return { body: parts.join(''), height: y + 18 };
}

/** A series in the legend: a piece of its line with its mark on it. */
function sample(i: number, x: number, y: number): string {
  return `<polyline class="l${i % light.length}" points="${round(x)},${y} ${round(x + 26)},${y}"/>${mark(i, x + 13, y)}`;
}

/** A polyline in order of its points, with marks. */
function drawSeries({ name, points }: Series, i: number, x: Scale, y: Scale): string {
  const line = points.map(([a, b]) => `${round(x(a))},${round(y(b))}`).join(' ');
  // Marks where there are few points, and about a dozen where there are many.
  const every = Math.max(1, Math.ceil(points.length / 12));
  const drawn = points
    .filter((_, at) => at % every === 0 || at === points.length - 1)
    .map(([a, b]) => mark(i, x(a), y(b)));
  return `<g><title>${escapeHtml(name)}</title><polyline class="l${i % light.length}" points="${line}"/>${drawn.join('')}</g>`;
}

const hollow = (i: number): boolean => marks[i] === 'ring' || marks[i] === 'box' || marks[i] === 'down';

/** The mark of series `i` around a point, drawn by relative moves. */
function mark(i: number, x: number, y: number): string {
  const style = `class="m${i % light.length}"`;
  const path = (d: string): string => `<path ${style} d="${d}"/>`;
  const at = `M${round(x)} ${round(y)}`;
  switch (marks[i % marks.length]) {
    case 'circle':
    case 'ring':
      return `<circle ${style} cx="${round(x)}" cy="${round(y)}" r="3"/>`;
    case 'square':
    case 'box':
      return path(`${at}m-3 -3h6v6h-6z`);
    case 'triangle':
      return path(`${at}m0 -4l3.6 6.4h-7.2z`);
    case 'down':
      return path(`${at}m0 4l3.6 -6.4h-7.2z`);
    case 'diamond':
      return path(`${at}m0 -4l4 4l-4 4l-4 -4z`);
    case 'cross':
      return path(`${at}m-3 -3l6 6m0 -6l-6 6`);
    default:
      return path(`${at}m-4 0h8m-4 -4v8`);
  }
}

/** From a value of an axis to pixels. */
type Scale = (value: number) => number;

/** Linear or by logarithm. Values outside of the axis are drawn at its end: a chart never leaves its frame. */
function scaleOf({ scale, min, max }: Axis, from: number, to: number): Scale {
  const of = scale === 'log' ? Math.log2 : (value: number): number => value;
  const low = of(min);
  const span = of(max) - low || 1;
  return (value) => from + ((to - from) * (of(Math.min(max, Math.max(min, value))) - low)) / span;
}

/** Values that an axis names: powers, or about five round numbers (1, 2, 2.5 or 5 times a power of ten). */
function ticksOf({ scale, min, max, ticks }: Axis): readonly number[] {
  if (ticks !== undefined) return ticks;
  const list: number[] = [];
  if (scale === 'log') {
    const factor = max / min > 4096 ? 10 : max / min > 100 ? 4 : 2;
    for (let tick = min; tick <= max; tick *= factor) list.push(tick);
    return list;
  }
  const rough = (max - min) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough) ?? 10 * power;
  for (let i = Math.ceil(min / step); i * step <= max + step / 1e6; i++) list.push(Number((i * step).toPrecision(12)));
  return list;
}

/** Rules across a panel, with their numbers at the first one. */
function yRules(axis: Axis, y: Scale, left: number, right: number, numbered: boolean): string[] {
  return ticksOf(axis).map((tick) => {
    const at = round(y(tick));
    const line = `<line class="${tick === axis.min ? 'axis' : 'rule'}" x1="${round(left)}" x2="${round(right)}" y1="${at}" y2="${at}"/>`;
    return numbered
      ? `${line}<text class="tick" x="${round(left - 7)}" y="${round(y(tick) + 4)}" text-anchor="end">${number(tick)}</text>`
      : line;
  });
}

function xTicks(axis: Axis, x: Scale): string[] {
  const bottom = margin.top + plotHeight;
  return ticksOf(axis).map((tick) => {
    const at = round(x(tick));
    return `<line class="axis" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 5}"/><text class="tick" x="${at}" y="${bottom + 18}" text-anchor="middle">${number(tick)}</text>`;
  });
}

function xLabel(label: string): string {
  return `<text class="label" x="${width / 2}" y="${margin.top + plotHeight + 40}" text-anchor="middle">${escapeHtml(label)}</text>`;
}

/** A coordinate with one digit behind the point. */
function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
