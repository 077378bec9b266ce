/** Tables and JSON, the same for every command. Both escape what a terminal would obey instead of show. */
import { printable, printableJson } from './escape.js';

/** A column of {@link formatTable}. */
export interface Column {
  /** With its unit: `size (B)`. */
  readonly title: string;
  /** Numbers go right, text left; by default what the cells are. */
  readonly align?: 'left' | 'right';
}

/** Numbers are grouped by thousands; undefined is a dash. */
export type Cell = string | number | bigint | undefined;

/**
 * An aligned table: header, one dashed rule, rows; two blanks between columns, none at a line's end. Numbers get
 * thousands separators and align right. An undefined cell is `-`. In rows that are wider than `width` text of the last
 * column goes on below itself; where that leaves too little room, rows are folded: columns that do not fit stand in
 * lines below, in the header as in each row, and what is too wide for a line goes on in the next.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  indent = '',
  width: number = Number.POSITIVE_INFINITY,
): string {
  const texts = rows.map((row) => columns.map((_, i) => cellText(row[i])));
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...texts.map((row) => (row[i] ?? '').length)),
  );
  const right = columns.map((column, i) => {
    if (column.align !== undefined) return column.align === 'right';
    return rows.some((row) => isNumber(row[i])) && rows.every((row) => row[i] === undefined || isNumber(row[i]));
  });
  const last = columns.length - 1;
  const before = widths.slice(0, last).reduce((sum, own) => sum + own + 2, 0);
  const room = width - indent.length - before;
  if (right[last] !== true && room >= leastRoom && room >= (columns[last]?.title.length ?? 0))
    widths[last] = Math.min(widths[last] ?? 0, room);
  const folds = foldsOf(widths, width - indent.length);
  const isFolded = folds.length > 1;
  // The rule below a title is no longer than what its column may take.
  if (isFolded)
    for (const [i, own] of widths.entries()) widths[i] = Math.min(own, width - indent.length - foldIndent.length);
  const line = (cells: readonly string[]): string => {
    const [first = '', ...below] = isFolded ? [cells[last]] : wrapWords(cells[last] ?? '', widths[last] ?? 0);
    const padded = [...cells.slice(0, last), first].map((cell, i) =>
      right[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
    );
    return [foldedLines(padded, folds, indent, width), ...below.map((text) => indent + ' '.repeat(before) + text)].join(
      '\n',
    );
  };
  const rule = foldedLines(
    widths.map((dashes) => '-'.repeat(dashes)),
    folds,
    indent,
    width,
  );
  return `${[line(columns.map((column) => column.title)), rule, ...texts.map(line)].join('\n')}\n`;
}

/** Columns that the last one needs so that text in it is still read as lines. */
const leastRoom = 20;

/**
 * Lines of at most `width` characters, broken at single blanks; runs of blanks stay together, and a word that is
 * longer has a line of its own. Lines after the first begin with `indent`.
 */
export function wrapWords(text: string, width: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const word of text.split(/(?<=\S) /)) {
    const own = visibleLength(word);
    if (line !== '' && used + 1 + own > width) {
      lines.push(line);
      line = indent + word;
      used = indent.length + own;
    } else {
      used += own + (line === '' ? 0 : 1);
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Columns that text takes in a terminal: what sets colours (`ESC [ 1 m`) takes none. */
function visibleLength(text: string): number {
  const [first = '', ...coloured] = text.split('\u001b[');
  return coloured.reduce((sum, part) => sum + part.length - part.indexOf('m') - 1, first.length);
}

/** What the second and later lines of a folded row stand to the right by. */
const foldIndent = '    ';

/**
 * The columns at which a row goes on in a new line, so that lines have at most `width` characters where columns have.
 */
function foldsOf(widths: readonly number[], width: number): readonly number[] {
  const folds = [0];
  let used = 0;
  for (const [i, own] of widths.entries()) {
    if (i > (folds.at(-1) as number) && used + own > width) {
      folds.push(i);
      used = foldIndent.length;
    }
    used += own + 2;
  }
  return folds;
}

/** A row's lines, of which one that is still too wide goes on below itself, two columns to the right. */
function foldedLines(cells: readonly string[], folds: readonly number[], indent: string, width: number): string {
  return folds
    .flatMap((from, i) => {
      const before = `${indent}${i === 0 ? '' : foldIndent}`;
      const part = cells
        .slice(from, folds[i + 1])
        .join('  ')
        .trimEnd();
      const lines = folds.length === 1 ? [part] : wrapWords(part, width - before.length, '  ');
      return lines.map((text) => `${before}${text}`.trimEnd());
    })
    .join('\n');
}

function isNumber(cell: Cell): boolean {
  return typeof cell === 'number' || typeof cell === 'bigint';
}

function cellText(cell: Cell): string {
  if (cell === undefined) return '-';
  return typeof cell === 'string' ? printable(cell) : formatNumber(cell);
}

/** `1,234,567`; fractions are kept as they are given, so round first. */
export function formatNumber(value: number | bigint): string {
  const [whole = '', fraction] = String(value).split('.');
  if (!/^-?\d+$/.test(whole)) return String(value);
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** `12.3 %`; `-` where the whole is 0. */
export function formatShare(part: number, whole: number, digits = 1): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(digits)} %`;
}

/** `1 program`, `3 programs`, `1,200 programs`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${formatNumber(n)} ${n === 1 ? noun : plural}`;
}

/**
 * JSON as every command prints it: a 64-bit value (bigint) becomes a decimal string, bytes become lower-case hex, a
 * Map an object, a Set an array; undefined keys are left out. Keys are printed as given: write them in snake_case.
 */
export function jsonText(value: unknown, pretty: boolean): string {
  const text = JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item === 'bigint') return item.toString();
      if (item instanceof Uint8Array) return hex(item);
      if (item instanceof Map) return Object.fromEntries(item) as unknown;
      if (item instanceof Set) return [...(item as ReadonlySet<unknown>)];
      return item;
    },
    pretty ? 2 : undefined,
  );
  return `${printableJson(text)}\n`;
}

/** Bytes as lower-case hex digits. */
export function hex(bytes: Uint8Array, separator = ''): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(separator);
}
