/** `--coverage` and what belongs to it: a summary, lcov, a page, and counts that are kept from run to run. */
import { existsSync, readFileSync } from 'node:fs';
import { InputError } from '../base/index.js';
import { Coverage, type LineCounts, lcovText, lineCounts, totalsOf } from '../explore/index.js';
import type { ProgramSpec } from '../object/index.js';
import { coveragePage } from '../report/index.js';
import { count, formatShare, formatTable } from '../text/index.js';
import { isRecord, parseJson } from '../vm/map-json.js';
import type { Io } from './command.js';
import type { CoverageFlags } from './coverage-flags.js';
import { ioReason, writeOutput } from './files.js';

/** Coverage of a run under way; counts of earlier runs join when it is written. */
export class CoverageLog {
  readonly coverage: Coverage = new Coverage();
  private readonly flags: CoverageFlags;
  private readonly io: Io;

  constructor(flags: CoverageFlags, io: Io) {
    this.flags = flags;
    this.io = io;
  }

  /** Writes the files, with counts of earlier runs. Throws InputError for a file of counts that is none. */
  async finish(title: string): Promise<readonly LineCounts[]> {
    const { coverage, flags, io } = this;
    const { coverageData: data } = flags;
    if (data !== undefined) {
      if (existsSync(data)) addCounts(coverage, readFileSync(data, 'utf8'), data);
      await writeOutput(data, countsText(coverage), io);
    }
    const lines = lineCounts(coverage.counts);
    if (flags.lcov !== undefined) await writeOutput(flags.lcov, lcovText(lines, coverage.counts, title), io);
    if (flags.coverageHtml !== undefined)
      await writeOutput(flags.coverageHtml, coveragePage({ title, lines, sources: sourcesOf(lines) }), io);
    return lines;
  }
}

/** What stands at the head of a file of counts. */
const fileFormat = 'jitnic coverage 1';

/** Counts by slot, program by program. */
function countsText(coverage: Coverage): string {
  const programs = coverage.counts.map(({ program, runs, jumps }) => ({
    name: program.name,
    section: program.section,
    insns: program.insns.length,
    runs: [...runs],
    jumps: [...jumps],
  }));
  return `${JSON.stringify({ format: fileFormat, programs })}\n`;
}

/** Counts that `--coverage-data` wrote, for these programs. Throws InputError for a file that is none. */
export function readCounts(programs: readonly ProgramSpec[], file: string): Coverage {
  const coverage = new Coverage();
  coverPrograms(coverage, programs);
  addCounts(coverage, readText(file), file);
  return coverage;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(ioReason((error as NodeJS.ErrnoException).code), { file });
  }
}

function addCounts(coverage: Coverage, text: string, file: string): void {
  const json = parseJson(text, file);
  const programs = isRecord(json) && json['format'] === fileFormat ? json['programs'] : undefined;
  if (!Array.isArray(programs))
    throw new InputError('no counts of coverage', { file }, '`--coverage-data` writes them');
  for (const { program } of coverage.counts) {
    const old = (programs as unknown[]).find(
      (one) => isRecord(one) && one['name'] === program.name && one['section'] === program.section,
    );
    if (!isRecord(old)) continue;
    const { runs, jumps } = old;
    if (old['insns'] !== program.insns.length || !isCounts(runs) || !isCounts(jumps))
      throw new InputError(
        `counts of another \`${program.name}\``,
        { file },
        'the program was built anew: begin with a new file',
      );
    coverage.add(program, runs, jumps);
  }
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'number' && one >= 0);
}

/** Source files that are where the compiler found them. */
function sourcesOf(lines: readonly LineCounts[]): Map<string, readonly string[]> {
  const sources = new Map<string, readonly string[]>();
  for (const file of new Set(lines.map((line) => line.file))) {
    try {
      const text = readFileSync(file, 'utf8').split('\n');
      // Another file by that name tells nothing: every line with code has to be as the compiler saw it.
      const own = lines.filter((line) => line.file === file && line.text !== '');
      if (own.every((line) => text[line.line - 1]?.trim() === line.text.trim())) sources.set(file, text);
    } catch {
      // Line records have the lines with code.
    }
  }
  return sources;
}

/** Names of programs that ran or might have. */
export function coverPrograms(coverage: Coverage, programs: readonly ProgramSpec[]): void {
  for (const program of programs) coverage.of(program);
}

/** A table by file, and lines that never ran. */
export function coverageText(lines: readonly LineCounts[], io: Io): string {
  if (lines.length === 0) return '\ncoverage: the object has no line records; compile with `-g`\n';
  const files = [...new Set(lines.map(({ file }) => file))];
  const row = (name: string, own: readonly LineCounts[]): (string | number)[] => {
    const t = totalsOf(own);
    return [
      name,
      formatShare(t.linesRun, t.lines),
      formatShare(t.branchesRun, t.branches),
      formatShare(t.insnsRun, t.insns),
    ];
  };
  const rows = files.map((file) =>
    row(
      file.slice(file.lastIndexOf('/') + 1),
      lines.filter((line) => line.file === file),
    ),
  );
  const table = formatTable(
    [
      { title: 'coverage' },
      { title: 'lines', align: 'right' },
      { title: 'branches', align: 'right' },
      { title: 'insns', align: 'right' },
    ],
    files.length > 1 ? [...rows, row('all', lines)] : rows,
    '',
    io.width,
  );
  const never = lines.filter(({ hits }) => hits === 0);
  if (never.length === 0) return `\n${table}`;
  const shown = io.flags.verbosity > 0 ? never : never.slice(0, 12);
  const place = (file: string, line: number): string => `${file.slice(file.lastIndexOf('/') + 1)}:${line}`;
  const listed = shown.map(
    ({ file, line, text }) => `${`  ${place(file, line)}: ${text.trim()}`.slice(0, io.width)}\n`,
  );
  const more = never.length > shown.length ? `  ... and ${never.length - shown.length} more; -v lists all\n` : '';
  return `\n${table}\n${count(never.length, 'line')} never ran:\n${listed.join('')}${more}`;
}

/** `coverage` of JSON. */
export function coverageJsonOf(lines: readonly LineCounts[]): Record<string, unknown> {
  const t = totalsOf(lines);
  return {
    lines: t.lines,
    lines_run: t.linesRun,
    branches: t.branches,
    branches_run: t.branchesRun,
    insns: t.insns,
    insns_run: t.insnsRun,
    by_line: lines.map(({ file, line, hits, insns, insnsRun, branches }) => ({
      file,
      line,
      hits,
      insns,
      insns_run: insnsRun,
      branches,
    })),
  };
}
