/** One trace on the page: its condition by protocol, its size, and what each source line became. */
import type { ConditionRow } from './condition-rows.js';
import { escapeHtml, number, share } from './html.js';
import type { ReportData, ReportTrace } from './report-data.js';
import type { SourceGroup } from './source-lines.js';
import { verdictBadge } from './verdict-badge.js';

/** The section of a trace. `data` has what it is a share of. */
export function traceView(trace: ReportTrace, data: ReportData): string {
  const kept = trace.insnsCondition + trace.insnsTrace;
  return `<section class="trace" id="trace-${trace.id}" tabindex="-1" aria-labelledby="trace-${trace.id}-title">
<h3 id="trace-${trace.id}-title">Trace ${trace.id} ${verdictBadge(trace.verdict)}</h3>
<p class="facts">${number(trace.packets)} packets (${share(trace.packets, data.packets)}) on the card, installed ${trace.installs === 1 ? 'once' : `${number(trace.installs)} times`}. The program takes <b>${number(trace.insnsProgram)}</b> instructions for such a packet, the trace <b>${number(kept)}</b>: ${number(trace.insnsCondition)} for the condition, ${number(trace.insnsTrace)} for what it does${trace.transactional ? '; its effects are undone if a late guard fails' : ''}.</p>
${sizes(trace)}
<h4>Condition</h4>
${conditionTable(trace.rows)}
${code(trace)}
<p class="ways">${ways(trace, data)}</p>
</section>`;
}

/** Ways back, and to the traces before and after. */
function ways(trace: ReportTrace, { traces }: ReportData): string {
  const at = traces.indexOf(trace);
  const link = (other: ReportTrace | undefined, words: string): string =>
    other === undefined ? '' : `<a href="#trace-${other.id}">${words} trace ${other.id}</a>`;
  return ['<a href="#tree">↑ back to the tree</a>', link(traces[at - 1], '← busier:'), link(traces[at + 1], '→ next:')]
    .filter((word) => word !== '')
    .join(' ');
}

/** Bars of instructions on one scale: what the program executes, and what condition and body of the trace do. */
function sizes(trace: ReportTrace): string {
  const most = Math.max(1, trace.insnsProgram, trace.insnsCondition + trace.insnsTrace);
  const part = (count: number, kind: string): string =>
    `<span class="${kind}" style="width:${((100 * count) / most).toFixed(2)}%"></span>`;
  return `<div class="sizes" aria-hidden="true">
<span class="label">program</span><span class="track">${part(trace.insnsProgram, 'whole')}</span>
<span class="label">trace</span><span class="track">${part(trace.insnsCondition, 'asks')}${part(trace.insnsTrace, 'does')}</span></div>`;
}

/** The condition's rows, grouped by what they are about. */
function conditionTable(rows: readonly ConditionRow[]): string {
  if (rows.length === 0) return '<p class="note">None: every packet.</p>';
  const groups = new Map<string, ConditionRow[]>();
  for (const row of rows) groups.set(row.subject, [...(groups.get(row.subject) ?? []), row]);
  const body = [...groups].flatMap(([subject, group]) =>
    group.map((row, i) => {
      const head = i === 0 ? `<th scope="rowgroup" rowspan="${group.length}">${escapeHtml(subject)}</th>` : '';
      return `<tr>${head}<td><code>${escapeHtml(row.field)}</code></td><td><code>${escapeHtml(row.test)}</code></td><td><span class="kind ${row.kind}">${row.kind}</span></td></tr>`;
    }),
  );
  return `<div class="scroll"><table class="condition"><thead><tr><th>of</th><th>field</th><th>test</th><th>kind</th></tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

/** Source lines with the IR as it was recorded and what is left of it; a line of which nothing is left is greyed. */
function code(trace: ReportTrace): string {
  const { lines } = trace;
  if (lines === undefined)
    return '<p class="note">Its code is left out here: the page holds that of the traces that decided most packets.</p>';
  const before = lines.reduce((sum, group) => sum + group.before.length, 0);
  const after = lines.reduce((sum, group) => sum + group.after.length, 0);
  return `<h4>What each line became</h4>
<div class="scroll"><table class="lines"><thead><tr><th>source</th><th>as recorded (${number(before)})</th><th>on the card (${number(after)})</th></tr></thead><tbody>
${lines.map(lineRow).join('\n')}
</tbody></table></div>`;
}

/** One source line. Cells name their column, since a narrow page shows them one below the other. */
function lineRow(group: SourceGroup): string {
  const text = group.text === '' ? '' : `<code>${escapeHtml(group.text)}</code>`;
  const list = (values: readonly string[]): string =>
    values.length === 0
      ? '<span class="none" aria-label="nothing">–</span>'
      : `<pre>${values.map(escapeHtml).join('\n')}</pre>`;
  return `<tr${group.after.length === 0 ? ' class="gone"' : ''}><th scope="row"><span class="place">${escapeHtml(group.place)}</span>${text}</th><td data-of="as recorded">${list(group.before)}</td><td data-of="on the card">${list(group.after)}</td></tr>`;
}
