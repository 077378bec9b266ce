/** Small things that several views show. */
import type { ReactElement, ReactNode } from 'react';
import type { LinePlace, Opened } from '../lab/index.js';
import type { VerdictName } from '../platform/index.js';
import { verdictSigns } from '../report/verdict-badge.js';
import { type ErrorReport, printableText } from '../text/index.js';

/** `1,234`. */
export function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** `12.3 %`. */
export function share(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;
}

/** A verdict: a sign and the name. */
export function Verdict({ name }: { readonly name: VerdictName }): ReactElement {
  return (
    <span className={`verdict ${name.toLowerCase()}`}>
      <span aria-hidden="true">{verdictSigns[name]}</span> {name}
    </span>
  );
}

/** A part of a whole as a bar; what it says stands beside it, so readers' aids skip it. */
export function Bar({ part, whole }: { readonly part: number; readonly whole: number }): ReactElement {
  return (
    <span className="bar" aria-hidden="true">
      <span style={{ width: `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(2)}%` }} />
    </span>
  );
}

/** Text of a file: what is no visible character is shown as its number. */
export function Text({ children }: { readonly children: string }): ReactElement {
  return <>{printableText(children)}</>;
}

/** `prog.c:12`. */
export function placeText(opened: Opened, place: LinePlace | undefined): string {
  if (place === undefined) return 'no line is known';
  return `${baseName(opened.files[place.file]?.name ?? '?')}:${place.line}`;
}

/** A file's name without its folders. */
export function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, '');
}

/** The head of a table of texts. */
export function Head({ columns }: { readonly columns: readonly string[] }): ReactElement {
  return (
    <thead>
      <tr>
        {columns.map((column) => (
          <th key={column}>{column}</th>
        ))}
      </tr>
    </thead>
  );
}

/** What may be wider than the page: it scrolls by itself, by keyboard too. */
export function Scroll({ label, children }: { readonly label: string; readonly children: ReactNode }): ReactElement {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached without a mouse
    <section className="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** An error as the command line words it. */
export function ErrorBox({
  error,
  children,
}: {
  readonly error: ErrorReport;
  readonly children?: ReactNode;
}): ReactElement {
  return (
    <div className="error" role="alert">
      <p>
        <b>error:</b> {error.place === undefined ? '' : <code>{printableText(error.place)}</code>}
        {error.place === undefined ? '' : ': '}
        <span className="lines-kept">{printableText(error.message)}</span>
      </p>
      {error.hint === undefined ? null : <p className="hint">hint: {printableText(error.hint)}</p>}
      {children}
    </div>
  );
}
