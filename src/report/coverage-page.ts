/**
 * Coverage as a page of its own: what ran, file by file and line by line. Needs no script; follows the system's dark.
 */
import type { LineCounts, Totals } from '../explore/index.js';
import { totalsOf } from '../explore/index.js';
import { escapeHtml, number, share } from './html.js';
import { pageFrame } from './page-frame.js';

const style = `
.source { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; margin-top: 8px; }
.source table { border: 0; background: none; width: max-content; min-width: 100%; }
.source td { border: 0; padding: 0 8px; white-space: pre; font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.source td.at, .source td.hits { color: var(--soft); text-align: right; font-variant-numeric: tabular-nums; user-select: none; }
.source td.mark { padding: 0 4px; font-weight: 700; }
.source tr.ran td.mark { color: var(--pass); } .source tr.never td { background: color-mix(in srgb, var(--drop) 12%, transparent); }
.source tr.never td.mark { color: var(--drop); } .source tr.half td { background: color-mix(in srgb, var(--aborted) 12%, transparent); }
.source tr.half td.mark { color: var(--aborted); } .source td.sides { color: var(--aborted); }
.source tr.plain td { color: var(--soft); }
@media (max-width: 600px) { main, header { padding: 0 12px; } .source td { padding: 0 4px; font-size: 12px; } .tiles li { min-width: 96px; padding: 8px 10px; } th, td { padding: 4px 6px; } }
`;

/** What the page is made of. */
export interface CoveragePage {
  readonly title: string;
  readonly lines: readonly LineCounts[];
  /** Text of source files, where somebody has it; else the lines with code alone are shown. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
}

/** HTML. */
export function coveragePage({ title, lines, sources }: CoveragePage): string {
  const files = [...new Set(lines.map(({ file }) => file))];
  const parts = files.map((file) =>
    fileView(
      file,
      lines.filter((line) => line.file === file),
      sources.get(file),
    ),
  );
  return pageFrame({
    title: `Coverage of ${title}`,
    heading: 'Coverage',
    about: title,
    style,
    mainHtml: `${tiles(totalsOf(lines))}
<p class="note"><b>✓</b> ran, <b>✗</b> never ran, <b>½</b> a branch of the line always went the same way. What is beside a line says how often each way was gone: jumped, fell through.</p>
${files.length > 1 ? fileTable(files, lines) : ''}
${parts.join('\n')}
${files.length === 0 ? '<p class="note">The object has no line records: compile with <code>-g</code>.</p>' : ''}`,
    footer: 'Made by jitnic from the line records of BTF.ext.',
  });
}

function tiles(totals: Totals): string {
  const tile = (run: number, all: number, what: string): string =>
    `<li><b>${share(run, all)}</b><span>${what}: ${number(run)} of ${number(all)}</span></li>`;
  return `<ul class="tiles">${tile(totals.linesRun, totals.lines, 'lines')}${tile(totals.branchesRun, totals.branches, 'branches')}${tile(totals.insnsRun, totals.insns, 'instructions')}</ul>`;
}

function fileTable(files: readonly string[], lines: readonly LineCounts[]): string {
  const rows = files.map((file, i) => {
    const totals = totalsOf(lines.filter((line) => line.file === file));
    return `<tr><td><a href="#file${i}">${escapeHtml(baseOf(file))}</a></td><td class="n">${share(totals.linesRun, totals.lines)}</td><td class="n">${share(totals.branchesRun, totals.branches)}</td></tr>`;
  });
  return `<div class="scroll"><table><thead><tr><th>file</th><th class="n">lines</th><th class="n">branches</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`.replace(
    /#file(\d+)/g,
    (_, i: string) => `#${anchorOf(files[Number(i)] ?? '')}`,
  );
}

function baseOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}

function anchorOf(file: string): string {
  return `file-${file.replace(/[^\w.-]/g, '-')}`;
}

function fileView(file: string, lines: readonly LineCounts[], source: readonly string[] | undefined): string {
  const known = new Map(lines.map((line) => [line.line, line]));
  const numbers = source === undefined ? [...known.keys()] : Array.from(source, (_, i) => i + 1);
  let before = 0;
  const rows = numbers.map((at) => {
    const gap =
      source === undefined && before > 0 && at > before + 1
        ? '<tr class="plain"><td class="at">⋮</td><td colspan="4"></td></tr>'
        : '';
    before = at;
    return gap + row(at, known.get(at), source?.[at - 1] ?? known.get(at)?.text ?? '');
  });
  return `<h2 id="${anchorOf(file)}">${escapeHtml(baseOf(file))}</h2><div class="source"><table>${rows.join('\n')}</table></div>`;
}

function row(at: number, line: LineCounts | undefined, text: string): string {
  const code = escapeHtml(text.replace(/\t/g, '    '));
  if (line === undefined)
    return `<tr class="plain"><td class="at">${at}</td><td class="hits"></td><td class="mark"></td><td>${code}</td><td></td></tr>`;
  const isHalf = line.hits > 0 && line.branches.some(([jumped, fell]) => jumped > 0 !== fell > 0);
  const [kind, mark] = line.hits === 0 ? ['never', '✗'] : isHalf ? ['half', '½'] : ['ran', '✓'];
  const ways = isHalf ? line.branches.map(([jumped, fell]) => `${number(jumped)}/${number(fell)}`).join(' ') : '';
  return `<tr class="${kind}"><td class="at">${at}</td><td class="hits">${number(line.hits)}</td><td class="mark">${mark}</td><td>${code}</td><td class="sides">${ways}</td></tr>`;
}
