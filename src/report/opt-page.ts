/**
 * The page of `jitnic opt`: code before and after side by side by source line, what each pass took away, how sure it
 * is, what packets cost. It stands alone and needs no script; follows the system's dark.
 */
import { escapeHtml, number, share } from './html.js';
import { pageFrame } from './page-frame.js';

/** A source line with its instructions, as text. */
export interface OptLine {
  /** `file.c:12`; empty where there are no line records. */
  readonly place: string;
  readonly text: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** One function. */
export interface OptPageFunction {
  readonly name: string;
  readonly section: string;
  /** Slots. */
  readonly before: number;
  readonly after: number;
  /** `proved`, `bounded`, `tested`, `by rule`, `refuted` or `unchanged`. */
  readonly label: string;
  readonly why: string | undefined;
  readonly saved: readonly { readonly pass: string; readonly slots: number }[];
  readonly takenBack: readonly { readonly pass: string; readonly slot: number; readonly why: string }[];
  readonly kept: string | undefined;
  readonly lines: readonly OptLine[];
}

/** What packets of one class cost in one program, all together. */
export interface ExecutedRow {
  readonly program: string;
  /** `all`, or a class of packets: `IPv4 TCP`, `short`. */
  readonly class: string;
  readonly packets: number;
  /** Instructions. */
  readonly before: number;
  readonly after: number;
  /** Nanoseconds by the cost table. */
  readonly nsBefore: number;
  readonly nsAfter: number;
}

/** What the page is made of. */
export interface OptPage {
  readonly file: string;
  readonly goal: string;
  /** What the running kernel said. */
  readonly kernel: string;
  /** That both versions ran, and programs in which they differed. */
  readonly packets: number;
  readonly differing: readonly string[];
  readonly functions: readonly OptPageFunction[];
  readonly programs: readonly {
    readonly name: string;
    readonly before: number;
    readonly after: number;
    readonly processedBefore: number | undefined;
    readonly processedAfter: number | undefined;
  }[];
  /** Sums over all packets of a class. */
  readonly executed: readonly ExecutedRow[];
}

const style = `
h1 { overflow-wrap: anywhere; min-width: 0; }
.beside { display: block; overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
.beside table { border: 0; background: none; table-layout: fixed; min-width: 640px; }
.beside td { padding: 3px 10px; } .beside pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.beside tr.line td { background: var(--code); border-top: 1px solid var(--line); }
.beside tr.line code { white-space: pre-wrap; } .beside .gone { color: var(--drop); } .beside .less { color: var(--soft); }
.scroll td { overflow-wrap: normal; } .scroll td.n, .scroll td.name { white-space: nowrap; } .scroll td.n, .scroll th.n { padding-left: 4px; }
.scroll tr.group td { background: var(--code); font-weight: 600; }
.label { font-weight: 600; white-space: nowrap; } .label.proved { color: var(--pass); } .label.bounded, .label.tested { color: var(--aborted); } .label.refuted { color: var(--drop); }
@media (max-width: 600px) {
  main, header { padding: 0 12px; } .tiles li { min-width: 96px; padding: 8px 10px; } th, td { padding: 4px 6px; }
  .beside table, .beside tbody { display: block; min-width: 0; } .beside thead { display: none; } .beside tbody tr.code { display: block; } .beside tr.code td { display: block; width: auto; }
  .beside tr.code td::before { content: attr(data-side); color: var(--soft); font-size: 12px; display: block; } .beside tr.code td.empty { display: none; }
}
`;

/** HTML. */
export function optPage(page: OptPage): string {
  const { file, functions } = page;
  return pageFrame({
    title: `${file} optimized`,
    heading: file,
    about: `optimized for ${page.goal}`,
    style,
    mainHtml: `${tiles(page)}
<h2>Functions</h2>
${functionTable(functions)}
<h2>Programs</h2>
${programTable(page)}
<h2>Executed instructions by kind of packet</h2>
${executedTable(page)}
${functions
  .filter(({ saved, takenBack }) => saved.length + takenBack.length > 0)
  .map(functionView)
  .join('\n')}`,
    footer:
      'Slots are 8 bytes. Nanoseconds are those of a table of single instructions, no measurement. Made by jitnic.',
  });
}

function tiles({ functions, packets, differing, kernel }: OptPage): string {
  const tile = (value: string, what: string): string => `<li><b>${value}</b><span>${what}</span></li>`;
  const sum = (side: 'before' | 'after'): number => functions.reduce((all, fn) => all + fn[side], 0);
  const [before, after] = [sum('before'), sum('after')];
  const changed = functions.filter(({ label }) => label !== 'unchanged');
  const proved = changed.filter(({ label }) => label === 'proved').length;
  const same = differing.length === 0 ? 'no difference' : `they differ: ${escapeHtml(differing.join(', '))}`;
  return `<ul class="tiles">${tile(`${number(before)} → ${number(after)}`, 'slots')}${tile(share(before - after, before), 'less')}${tile(`${proved} of ${changed.length}`, 'changed functions proved')}${tile(number(packets), `packets through both: ${same}`)}${tile('kernel', escapeHtml(kernel))}</ul>`;
}

function functionTable(functions: readonly OptPageFunction[]): string {
  const rows = functions.map(
    (fn) =>
      `<tr><td class="name">${fn.saved.length > 0 ? `<a href="#${escapeHtml(idOf(fn))}">${escapeHtml(fn.name)}</a>` : escapeHtml(fn.name)}</td><td class="n">${number(fn.before)}</td><td class="n">${number(fn.after)}</td><td class="n">${share(fn.before - fn.after, fn.before)}</td><td>${labelText(fn)}</td><td>${escapeHtml(savedText(fn))}</td></tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th>function</th><th class="n">slots</th><th class="n">after</th><th class="n">less</th><th>how sure</th><th>slots that each pass took away</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function labelText({ label, why }: OptPageFunction): string {
  const more = why === undefined ? '' : ` <span class="note">${escapeHtml(why)}</span>`;
  return `<span class="label ${label.replace(' ', '-')}">${escapeHtml(label)}</span>${more}`;
}

function savedText({ saved, kept }: OptPageFunction): string {
  const parts = saved.filter(({ slots }) => slots !== 0).map(({ pass, slots }) => `${pass} ${slots}`);
  return parts.join(', ') || (kept ?? '');
}

function programTable({ programs }: OptPage): string {
  const cell = (value: number | undefined): string => `<td class="n">${value === undefined ? '-' : number(value)}</td>`;
  const rows = programs.map(
    (program) =>
      `<tr><td class="name">${escapeHtml(program.name)}</td>${cell(program.before)}${cell(program.after)}${cell(program.processedBefore)}${cell(program.processedAfter)}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th>program</th><th class="n">slots</th><th class="n">after</th><th class="n">verifier: instructions processed</th><th class="n">after</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function executedTable({ executed }: OptPage): string {
  if (executed.length === 0) return '<p class="note">No program of this file runs here on packets.</p>';
  const each = (sum: number, packets: number): string => (packets === 0 ? '-' : (sum / packets).toFixed(1));
  const rows = executed.map(
    (row, i) =>
      `${row.program === executed[i - 1]?.program ? '' : `<tr class="group"><td colspan="6">${escapeHtml(row.program)}</td></tr>`}<tr><td class="name">${escapeHtml(row.class)}</td><td class="n">${number(row.packets)}</td><td class="n">${each(row.before, row.packets)}</td><td class="n">${each(row.after, row.packets)}</td><td class="n">${each(row.nsBefore, row.packets)}</td><td class="n">${each(row.nsAfter, row.packets)}</td></tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th>packets</th><th class="n">how many</th><th class="n">instructions a packet</th><th class="n">after</th><th class="n">ns by table</th><th class="n">after</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function functionView(fn: OptPageFunction): string {
  const back = fn.takenBack.map(
    ({ pass, slot, why }) => `<li>${escapeHtml(pass)} at slot ${slot}: ${escapeHtml(why)}</li>`,
  );
  const rows = fn.lines.map(({ place, text, before, after }) => {
    const kind = after.length === 0 ? 'gone' : after.length < before.length ? 'less' : '';
    const head = `<tr class="line"><td colspan="2"><span class="note">${escapeHtml(place)}</span> <code class="${kind}">${escapeHtml(text)}</code></td></tr>`;
    const code = (side: string, insns: readonly string[]): string =>
      `<td data-side="${side}"${insns.length === 0 ? ' class="empty"' : ''}><pre>${insns.map(escapeHtml).join('\n')}</pre></td>`;
    return `${head}<tr class="code">${code('before', before)}${code('after', after)}</tr>`;
  });
  return `<h2 id="${escapeHtml(idOf(fn))}">${escapeHtml(fn.name)}</h2>
<p class="note">${escapeHtml(fn.section)}, ${number(fn.before)} slots before, ${number(fn.after)} after: ${labelText(fn)}</p>
${back.length === 0 ? '' : `<p class="note">Taken back, since a verifier refused it:</p><ul class="note">${back.join('')}</ul>`}
<div class="beside"><table><thead><tr><th>before</th><th>after</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function idOf({ section, name }: OptPageFunction): string {
  return `f-${section}-${name}`.replaceAll(/[^\w-]/g, '_');
}
