/** The list of traces beside the tree: busiest first, with a field that narrows it down. */
import { escapeHtml, number, share } from './html.js';
import type { ReportData, ReportTrace } from './report-data.js';
import { verdictBadge } from './verdict-badge.js';

/** Without scripts the field is hidden, since it would do nothing. */
export function traceList(data: ReportData): string {
  return `<nav class="traces" aria-label="Traces">
<label class="filter" hidden>Filter <input id="filter" type="search" placeholder="verdict, field, map, number" autocomplete="off"></label>
<p class="note" id="filtered" role="status"></p>
<ol>${data.traces.map((trace) => entry(trace, data.packets)).join('\n')}</ol></nav>`;
}

/** A line of the list; its text is what the field above it searches. */
function entry(trace: ReportTrace, packets: number): string {
  return `<li><a class="leaf" href="#trace-${trace.id}">${verdictBadge(trace.verdict)} trace ${trace.id}</a> <span class="count">${number(trace.packets)}</span> <span class="share">${share(trace.packets, packets)}</span><code class="brief">${escapeHtml(trace.condition)}</code></li>`;
}
