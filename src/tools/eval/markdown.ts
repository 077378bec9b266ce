/** Cells and tables of the evaluation's page. */
import { formatNumber } from '../../text/index.js';

/** A number is grouped by thousands, undefined is a dash. */
export type Cell = string | number | undefined;

/** Shares run from 0 to 1; what is not known is a dash. */
export const percent: (share: number | undefined, digits?: number) => string = (share, digits = 1) =>
  share === undefined ? '-' : (100 * share).toFixed(digits);
/** A number, grouped by thousands. */
export const show: (value: number | undefined) => string = (value) => (value === undefined ? '-' : formatNumber(value));
/** The same, rounded. */
export const about: (value: number, digits?: number) => string = (value, digits = 1) =>
  formatNumber(Number(value.toFixed(digits)));

/** A Markdown table, first column to the left, numbers to the right. */
export function table(titles: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string =>
    `| ${cells.map((cell) => (typeof cell === 'string' ? cell.replace(/\|/g, '\\|') : show(cell))).join(' | ')} |`;
  return `${[line(titles), line(titles.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')}\n`;
}
