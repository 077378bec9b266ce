/** Tables of `npm run scr`: rows that pass or fail, counted, and written into docs/scr.md as they are printed. */
import { type Cell, formatTable } from '../../text/index.js';

/** A table with a name by which the page asks for it. */
export interface ScrTable {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** Rows that failed, in words. */
  readonly failures: readonly string[];
  /** Rows that were judged. */
  readonly judged: number;
}

/** Gathers the rows of a table. */
export class TableBuilder {
  private readonly rows: (readonly Cell[])[] = [];
  private readonly failures: string[] = [];
  private judged = 0;
  private readonly name: string;
  private readonly title: string;
  private readonly columns: readonly string[];

  constructor(name: string, title: string, columns: readonly string[]) {
    this.name = name;
    this.title = title;
    this.columns = columns;
  }

  /** A row that says what is. */
  tell(...cells: readonly Cell[]): void {
    this.rows.push(cells);
  }

  /** A row that is judged; its last cell says how. */
  judge(isGood: boolean, otherwise: string, ...cells: readonly Cell[]): void {
    this.judged++;
    if (!isGood) this.failures.push(otherwise);
    this.rows.push([...cells, isGood ? 'ok' : `FAIL: ${otherwise}`]);
  }

  finish(): ScrTable {
    const { name, title, columns, rows, failures, judged } = this;
    return { name, title, columns, rows, failures, judged };
  }
}

/** As it is printed. */
export function tableText({ title, columns, rows }: ScrTable): string {
  const width = columns.length;
  // Numbers to the right: a column in which no cell is a text that begins with a letter.
  const isNumeric = (i: number): boolean => rows.every((row) => !/^[a-zA-Z]/.test(String(row[i] ?? '')));
  const head = columns.map((name, i) =>
    i > 0 && isNumeric(i) ? { title: name, align: 'right' as const } : { title: name },
  );
  const cells = rows.map((row) => Array.from({ length: width }, (_, i) => row[i] ?? ''));
  return `${title}\n\n${formatTable(head, cells)}`;
}
