/**
 * Regions on the page: one condition each, below it the questions of the body with what goes to either side. Shares
 * are of the region's packets, not of all.
 */
import type { RegionFork, RegionWords } from '../trace/index.js';
import { escapeHtml, number, share } from './html.js';
import { packetsBelow, packetsOf, type ReportRegion } from './regions.js';
import type { ReportData } from './report-data.js';
import { bar, traceLink } from './tree-view.js';

/** The section of all regions, those with most packets first; nothing where there is none. */
export function regionsView({ regions, packets }: ReportData): string {
  if (regions.length === 0) return '';
  const weights = regions.map((region) => ({ region, weight: packetsOf(region) }));
  const sorted = weights.sort((a, b) => b.weight - a.weight);
  return `<h2 id="regions">Regions</h2>
<p class="note">Traces that come the same way up to a question about state share a place of the card: one condition, and a body that branches. Bars are shares of the region's packets; what has no side here leaves the card.</p>
${sorted.map(({ region, weight }) => regionView(region, weight, packets)).join('\n')}`;
}

/** One region. It starts closed: the tree above has the same traces by what they ask. */
function regionView(region: ReportRegion, weight: number, all: number): string {
  const { traces, words } = region;
  if (words === undefined) return '';
  return `<details class="region"><summary>${number(traces.length)} traces in one place, ${number(weight)} packets (${share(weight, all)})</summary>
<p class="facts"><code>${escapeHtml(words.condition)}</code></p>
<ul class="tree">${partView(words.body, region, weight)}</ul></details>`;
}

/** What is asked here first, then who ends here, then the questions. */
function partView(part: RegionWords, region: ReportRegion, whole: number): string {
  const inner =
    part.ends.map((end) => endView(end, region, whole)).join('') +
    part.forks.map((fork) => forkView(fork, region, whole)).join('');
  return part.asked === '' ? inner : sideView('if', part.asked, packetsBelow(region, part), inner, whole);
}

function forkView({ asked, yes, no }: RegionFork, region: ReportRegion, whole: number): string {
  const side = (word: string, text: string, part: RegionWords): string =>
    sideView(word, text, packetsBelow(region, part), partView(part, region, whole), whole);
  return side('if', asked, yes) + (no === undefined ? '' : side('else', '', no));
}

/** A row with its share, and what is below it. */
function sideView(word: string, asked: string, packets: number, inner: string, whole: number): string {
  const code = asked === '' ? '' : ` <code>${escapeHtml(asked)}</code>`;
  return `<li><div class="row"><span class="what"><span class="and">${word}</span>${code}</span>${bar(packets, whole)}</div><ul>${inner}</ul></li>`;
}

function endView(end: number, { traces, verdicts, packets }: ReportRegion, whole: number): string {
  const [id, verdict] = [traces[end], verdicts[end]];
  const link = id === undefined || verdict === undefined ? '' : traceLink({ id, verdict });
  return `<li><div class="row"><span class="what"></span>${link}${bar(packets[end] ?? 0, whole)}</div></li>`;
}
