/**
 * The report as one HTML page that stands alone: no script, style or font from elsewhere. It shows the same without
 * scripts, only all traces at once.
 */
import { verdictNames } from '../platform/index.js';
import { kinds } from './condition-kinds.js';
import { escapeHtml, number, share } from './html.js';
import { pageFrame } from './page-frame.js';
import { pageScript } from './page-script.js';
import { regionsView } from './region-view.js';
import type { ReportData } from './report-data.js';
import { timelineChart } from './timeline-chart.js';
import { traceList } from './trace-list.js';
import { traceView } from './trace-view.js';
import { treeView } from './tree-view.js';
import { verdictBadge } from './verdict-badge.js';

/** The whole page as HTML text. */
export function reportPage(data: ReportData): string {
  return pageFrame({
    title: `${data.program}: traces of ${data.capture}`,
    heading: data.program,
    about: `${data.object}, packets of ${data.capture}`,
    headerHtml: '<button id="theme" type="button" hidden>Dark</button>',
    mainHtml: `${tiles(data)}
<h2>Verdicts</h2>
${verdictTable(data)}
<h2>Hit rate over time</h2>
${timelineChart(data.timeline)}
<h2 id="tree">Trace tree</h2>
<p class="note">What the card asks of a packet, from the top; guards that traces have in common are asked once. In the tree: <kbd>↑</kbd> <kbd>↓</kbd> move, <kbd>←</kbd> <kbd>→</kbd> close and open, <kbd>Enter</kbd> shows a trace.</p>
${data.traces.length === 0 ? '<p class="note">No trace was installed.</p>' : `<p class="note">${shareKey}</p><div class="beside">${treeView(data)}${traceList(data)}</div>`}
${regionsView(data)}
<h2>Traces</h2>
${data.traces.length === 0 ? '' : legend}
${data.traces.length === 0 ? '<p class="note">None.</p>' : data.traces.map((trace) => traceView(trace, data)).join('\n')}
${troubles(data)}`,
    footer: 'The card is a model in software: nothing here is a claim about hardware. Made by jitnic.',
    script: pageScript,
  });
}

/** What the bars of tree and list say. */
const shareKey =
  '<span class="bar key-bar" aria-hidden="true"><span style="width:60%"></span></span> share of all packets; the number before it is how many.';

/** What the two bars of a trace say, and the kinds of conditions. */
const legend = `<details class="legend" open><summary>What bars and kinds say</summary><dl>
<dt><span class="swatch whole"></span></dt><dd>instructions that the program executes on such a packet</dd>
<dt><span class="swatch asks"></span></dt><dd>of the trace: for its condition</dd>
<dt><span class="swatch does"></span></dt><dd>of the trace: for what it does once that holds</dd>
${kinds.map(({ kind, means }) => `<dt><span class="kind ${kind}">${kind}</span></dt><dd>${means}</dd>`).join('\n')}
</dl></details>`;

/** The figures that one wants first. */
function tiles(data: ReportData): string {
  const tile = (value: string, what: string): string => `<li><b>${value}</b><span>${what}</span></li>`;
  const most = data.traces[0];
  return `<ul class="tiles">${tile(number(data.packets), 'packets')}${tile(share(data.hits, data.packets), 'decided on the card')}${tile(number(data.misses), 'misses')}${tile(number(data.traces.length), 'distinct traces')}${tile(number(data.installs), 'installs')}${tile(number(data.evictions), 'evictions')}${most === undefined ? '' : tile(share(most.packets, data.packets), 'by the busiest trace')}</ul>`;
}

/** Verdicts with a bar each; the bar says what the share beside it says, so readers' aids skip it. */
function verdictTable(data: ReportData): string {
  const rows = verdictNames.map((name) => {
    const count = data.verdicts[name];
    const percent = data.packets === 0 ? 0 : (100 * count) / data.packets;
    return `<tr><td>${verdictBadge(name)}</td><td class="n">${number(count)}</td><td class="n">${share(count, data.packets)}</td><td><span class="bar" aria-hidden="true"><span style="width:${percent.toFixed(2)}%"></span></span></td></tr>`;
  });
  return `<table><thead><tr><th>verdict</th><th class="n">packets</th><th class="n">share</th><th style="width:50%"></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** Recordings that were given up and faults of the program; nothing where there are none. */
function troubles(data: ReportData): string {
  let text = '';
  if (data.aborts.length > 0) {
    const rows = data.aborts.map(
      ({ code, count, where, why }) =>
        `<tr><td class="n">${number(count)}</td><td><code>${escapeHtml(code)}</code></td><td>${escapeHtml(where)}</td><td>${escapeHtml(why)}</td></tr>`,
    );
    text += `<h2>Recordings given up</h2><table><thead><tr><th class="n">times</th><th>code</th><th>where</th><th>why</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  }
  if (data.faults.length > 0) {
    const rows = data.faults.map(
      ({ text: what, count }) => `<tr><td class="n">${number(count)}</td><td><pre>${escapeHtml(what)}</pre></td></tr>`,
    );
    text += `<h2>Faults of the program</h2><table><thead><tr><th class="n">packets</th><th>what</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  }
  return text;
}
