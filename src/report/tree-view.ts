/**
 * The trace tree as nested lists with the roles of a tree: each row says what is asked, and how many packets went that
 * way. A row where a trace ends links to that trace.
 */
import type { GuardNode } from './guard-tree.js';
import { escapeHtml, number, share } from './html.js';
import type { ReportData, ReportTrace } from './report-data.js';
import { verdictBadge } from './verdict-badge.js';

/** Characters of a run of guards that is shown on one line, and guards of a longer one that are always shown. */
const lineLength = 90;
const shownGuards = 5;

/** Branches with a smaller share of the packets start closed. */
const smallShare = 0.01;

/** The tree of all traces as HTML. */
export function treeView(data: ReportData): string {
  const byId = new Map(data.traces.map((trace) => [trace.id, trace]));
  const { tree, packets, misses } = data;
  const branches = tree.children.map((child) => nodeView(child, byId, packets, 2)).join('');
  const ended = tree.traces.map((id) => leafView(byId.get(id), packets, 2)).join('');
  const host = `<li role="treeitem" aria-level="2" tabindex="-1"><div class="row"><span class="what host">no trace: decided by the host</span>${bar(misses, packets)}</div></li>`;
  return `<ul role="tree" aria-label="Trace tree" class="tree"><li role="treeitem" aria-level="1" aria-expanded="true" tabindex="0"><div class="row"><span class="what all">all packets</span>${bar(packets, packets)}</div><ul role="group">${branches}${ended}${host}</ul></li></ul>`;
}

/** A node with what is below it. A node that is only the end of one trace is one row with it. */
function nodeView(node: GuardNode, byId: ReadonlyMap<number, ReportTrace>, whole: number, level: number): string {
  const asks = guardList(node.guards);
  const [only] = node.traces;
  if (node.children.length === 0 && node.traces.length === 1 && only !== undefined) {
    return `<li role="treeitem" aria-level="${level}" tabindex="-1"><div class="row"><span class="what">${asks}</span>${traceLink(byId.get(only))}${bar(node.packets, whole)}</div></li>`;
  }
  const inner =
    node.children.map((child) => nodeView(child, byId, whole, level + 1)).join('') +
    node.traces.map((id) => leafView(byId.get(id), whole, level + 1)).join('');
  const small = node.packets < smallShare * whole ? ' data-small' : '';
  return `<li role="treeitem" aria-level="${level}" aria-expanded="true"${small} tabindex="-1"><div class="row"><span class="what">${asks}</span>${bar(node.packets, whole)}</div><ul role="group">${inner}</ul></li>`;
}

/** Guards on one line where they fit, else one below the other; the rest of a long run opens on demand. */
function guardList(guards: readonly string[]): string {
  const words = guards.map((guard) => `<code>${escapeHtml(guard)}</code>`);
  if (guards.join(' and ').length <= lineLength) return words.join('<span class="and"> and </span>');
  const line = (word: string, i: number): string =>
    `<span class="guard">${i === 0 ? '' : '<span class="and">and </span>'}${word}</span>`;
  const rest = words.slice(shownGuards).map((word, i) => line(word, i + shownGuards));
  const shown = words.slice(0, shownGuards).map(line).join('');
  return rest.length === 0
    ? shown
    : `${shown}<details><summary tabindex="-1">and ${number(rest.length)} more</summary>${rest.join('')}</details>`;
}

/** Where a trace ends at an inner node: it asks nothing that the others ask. */
function leafView(trace: ReportTrace | undefined, whole: number, level: number): string {
  if (trace === undefined) return '';
  return `<li role="treeitem" aria-level="${level}" tabindex="-1"><div class="row"><span class="what host">nothing more</span>${traceLink(trace)}${bar(trace.packets, whole)}</div></li>`;
}

/** A way to a trace's section. */
export function traceLink(trace: Pick<ReportTrace, 'id' | 'verdict'> | undefined): string {
  if (trace === undefined) return '';
  return `<a class="leaf" href="#trace-${trace.id}" tabindex="-1">${verdictBadge(trace.verdict)} trace ${trace.id}</a>`;
}

/** Packets that went this way, of `whole`. */
export function bar(packets: number, whole: number): string {
  const percent = whole === 0 ? 0 : (100 * packets) / whole;
  return `<span class="bar" aria-hidden="true"><span style="width:${percent.toFixed(2)}%"></span></span><span class="count">${number(packets)}</span><span class="share">${share(packets, whole)}</span>`;
}
