/**
 * Hit rate over the course of the capture, as SVG: between two moments and since the start; below it, when traces were
 * installed.
 */
import { number, share } from './html.js';
import type { Moment } from './timeline.js';

const width = 960;
const height = 260;
const left = 56;
const right = 16;
const top = 14;
/** Of the hit-rate plot; what is below are the installs and the axis. */
const bottom = 176;
const strip = 214;

/** An `<svg>` element, or a note where there is nothing to show. */
export function timelineChart(moments: readonly Moment[]): string {
  const last = moments.at(-1);
  if (last === undefined || last.packets === 0) return '<p class="note">No packets.</p>';
  const x = (packets: number): number => left + ((width - left - right) * packets) / last.packets;
  const y = (rate: number): number => bottom - (bottom - top) * rate;
  const steps: string[] = [];
  const cumulative: string[] = [];
  const bars: string[] = [];
  const most = Math.max(1, ...moments.map((moment, i) => moment.installs - (moments[i - 1]?.installs ?? 0)));
  for (let i = 1; i < moments.length; i++) {
    const from = moments[i - 1] as Moment;
    const to = moments[i] as Moment;
    const level = y((to.hits - from.hits) / (to.packets - from.packets)).toFixed(1);
    steps.push(`${x(from.packets).toFixed(1)},${level} ${x(to.packets).toFixed(1)},${level}`);
    cumulative.push(`${x(to.packets).toFixed(1)},${y(to.hits / to.packets).toFixed(1)}`);
    const installs = to.installs - from.installs;
    if (installs === 0) continue;
    const size = Math.max(2, (24 * installs) / most);
    const wide = Math.max(1.5, x(to.packets) - x(from.packets) - 0.5);
    bars.push(
      `<rect x="${x(from.packets).toFixed(1)}" y="${(strip - size).toFixed(1)}" width="${wide.toFixed(1)}" height="${size.toFixed(1)}"><title>${number(installs)} installed up to packet ${number(to.packets)}</title></rect>`,
    );
  }
  const rules = [0, 0.25, 0.5, 0.75, 1].map(
    (rate) =>
      `<line class="rule" x1="${left}" x2="${width - right}" y1="${y(rate)}" y2="${y(rate)}"/><text class="tick" x="${left - 8}" y="${y(rate) + 4}" text-anchor="end">${100 * rate} %</text>`,
  );
  const ticks = ticksOf(last.packets).map(
    (at) =>
      `<text class="tick" x="${x(at).toFixed(1)}" y="${strip + 20}" text-anchor="${at === 0 ? 'start' : at === last.packets ? 'end' : 'middle'}">${number(at)}</text>`,
  );
  const summary = `Hit rate over ${number(last.packets)} packets: ${share(last.hits, last.packets)} in all, ${number(last.installs)} installs.`;
  return `<figure><svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${summary}">
${rules.join('\n')}
<polyline class="interval" points="${steps.join(' ')}"/>
<polyline class="overall" points="${cumulative.join(' ')}"/>
<g class="installs">${bars.join('')}</g>
<line class="axis" x1="${left}" x2="${width - right}" y1="${strip}" y2="${strip}"/>
${ticks.join('\n')}
<text class="tick" x="${width / 2}" y="${height - 6}" text-anchor="middle">packets</text>
</svg>
<figcaption><span class="key interval"></span> hit rate between two points <span class="key overall"></span> hit rate since the start <span class="key installed"></span> traces installed</figcaption></figure>`;
}

/** 0, round numbers, and the last. */
function ticksOf(packets: number): number[] {
  const rough = packets / 5;
  const scale = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = Math.max(1, scale * (rough / scale >= 5 ? 5 : rough / scale >= 2 ? 2 : 1));
  const ticks: number[] = [];
  for (let at = 0; at <= packets - step / 2; at += step) ticks.push(at);
  return [...ticks, packets];
}
