/** What `jitnic opt` says of its result: tables for people, one document for scripts. */
import type { ObjectDifferenceRow } from '../judge/index.js';
import type { ObjectSpec } from '../object/index.js';
import type { ExecutedRow } from '../report/index.js';
import type { Effort, FunctionOutcome, Goal, ImprovedObject } from '../super/index.js';
import { count, formatNumber, formatShare, formatTable, hex } from '../text/index.js';
import type { Io } from './command.js';
import type { KernelState } from './opt-checks.js';
import type { FunctionProof } from './opt-proofs.js';

/** All that is said. */
export interface OptReportData {
  readonly name: string;
  readonly goal: Goal;
  readonly effort: Effort;
  readonly result: ImprovedObject;
  /** Bytes of the file that is written. */
  readonly size: number;
  readonly before: ObjectSpec;
  readonly after: ObjectSpec;
  readonly compared: readonly ObjectDifferenceRow[];
  readonly executed: readonly ExecutedRow[];
  readonly kernel: KernelState;
  /** By name of the function; undefined: nobody asked for proofs. */
  readonly proofs: ReadonlyMap<string, FunctionProof> | undefined;
}

const right = 'right' as const;

/** How sure it is that a function still does the same. */
export function labelOf(fn: FunctionOutcome, { result, compared, proofs }: OptReportData): string {
  if (fn.before === fn.after && fn.saved.length === 0) return 'unchanged';
  const verdict = proofs?.get(fn.name)?.verdict;
  if (verdict !== undefined && verdict !== 'unknown') return verdict;
  const tested = compared.some(
    ({ program, packets }) => packets > 0 && result.programs.some(({ name }) => name === program),
  );
  return tested ? 'tested' : 'by rule';
}

/** Functions that changed with what each pass saved, then what the judges said. */
export function printOptReport(data: OptReportData, output: string | undefined, counted: boolean, io: Io): void {
  const { result, compared, executed } = data;
  const changed = result.functions.filter((fn) => fn.saved.length > 0 || fn.takenBack.length > 0);
  const rows = changed.map((fn) => [
    fn.name,
    fn.section,
    fn.before,
    fn.after,
    formatShare(fn.before - fn.after, fn.before),
    fn.saved
      .filter(({ slots }) => slots > 0)
      .map(({ pass, slots }) => `${pass} ${slots}`)
      .join(', '),
  ]);
  const columns = [
    { title: 'function' },
    { title: 'section' },
    { title: 'slots', align: right },
    { title: 'after', align: right },
    { title: 'less', align: right },
    { title: 'by' },
  ];
  if (rows.length > 0) io.out(formatTable(columns, rows, '', io.width));
  const before = result.functions.reduce((sum, fn) => sum + fn.before, 0);
  const after = result.functions.reduce((sum, fn) => sum + fn.after, 0);
  io.out(
    `${rows.length > 0 ? '\n' : ''}${formatNumber(before)} slots before, ${formatNumber(after)} after (${formatShare(before - after, before)} less)\n`,
  );
  for (const { name, takenBack } of result.functions) {
    for (const { pass, slot, why } of takenBack) io.out(`${name}: ${pass} at slot ${slot} taken back: ${why}\n`);
  }
  const work = result.programs.filter(
    ({ processedBefore, processedAfter }) => processedBefore !== undefined && processedAfter !== undefined,
  );
  const sum = (key: 'processedBefore' | 'processedAfter'): number =>
    work.reduce((all, each) => all + (each[key] ?? 0), 0);
  const verifier = `verifier: ${formatNumber(sum('processedBefore'))} instructions processed before, ${formatNumber(sum('processedAfter'))} after; `;
  io.out(`${work.length > 0 ? verifier : ''}kernel: ${data.kernel}\n`);
  if (counted) printExecuted(executed, io);
  printCompared(compared, io);
  for (const [name, { verdict, why, packet, maps }] of data.proofs ?? []) {
    io.out(`${name}: ${verdict === 'unknown' ? 'not proved' : verdict}${why === undefined ? '' : ` (${why})`}\n`);
    if (packet !== undefined) io.out(`  packet ${packet === '' ? 'empty' : packet}\n`);
    for (const byte of maps ?? []) io.out(`  map ${byte}\n`);
  }
  printSearch(result.search, io);
  if (result.dropped.length > 0) {
    io.info('DWARF does not fit the new code and is left out; source lines are in .BTF.ext');
  }
  if (output !== undefined) io.info(`${output}: ${formatNumber(data.size)} bytes`);
}

/** Instructions and nanoseconds a packet, by class. */
function printExecuted(executed: readonly ExecutedRow[], io: Io): void {
  for (const row of executed.filter((each) => each.class === 'all')) {
    const each = (sum: number): string => (row.packets === 0 ? '-' : (sum / row.packets).toFixed(1));
    io.out(
      `${row.program}: ${each(row.before)} instructions a packet before, ${each(row.after)} after; by the cost table ${each(row.nsBefore)} ns, ${each(row.nsAfter)}\n`,
    );
  }
}

/** What the tiers that need a solver came to. */
function printSearch({ windows, rules, whole, unproved }: ImprovedObject['search'], io: Io): void {
  if (windows > 0) io.out(`${count(windows, 'window')} searched, ${count(rules, 'rule')} found\n`);
  for (const name of whole) io.out(`${name}: made anew as a whole\n`);
  for (const name of unproved) io.out(`${name}: whole new code was better and is not proved, so it is not taken\n`);
}

/** What comparing both files over packets came to. */
function printCompared(compared: readonly ObjectDifferenceRow[], io: Io): void {
  const packets = compared.reduce((sum, row) => sum + row.packets, 0);
  const run = compared.filter((row) => row.packets > 0).length;
  if (packets > 0) {
    io.out(
      `${formatNumber(packets)} packets through ${count(run, 'program')} before and after: ${compared.every(({ difference }) => difference === undefined) ? 'no difference' : 'they differ, nothing is written'}\n`,
    );
  }
  for (const { program, difference } of compared) {
    if (difference === undefined) continue;
    io.out(`${program}: packet ${difference.packet}, maps by seed ${difference.seed}: ${difference.what}\n`);
    if (difference.packetBytes !== undefined) io.out(`  ${hex(difference.packetBytes)}\n`);
  }
}

function rounded(ns: number): number {
  return Math.round(ns * 100) / 100;
}

/** `jitnic.opt/1`. */
export function optJson(data: OptReportData, output: string | undefined): Record<string, unknown> {
  const { name, goal, result, compared, executed, kernel } = data;
  return {
    file: name,
    output: output ?? null,
    goal,
    effort: data.effort,
    kernel,
    dropped: result.dropped,
    functions: result.functions.map((fn) => ({
      name: fn.name,
      section: fn.section,
      slots_before: fn.before,
      slots_after: fn.after,
      label: labelOf(fn, data),
      why: data.proofs?.get(fn.name)?.why ?? null,
      saved: fn.saved,
      taken_back: fn.takenBack,
      kept: fn.kept ?? null,
    })),
    programs: result.programs.map((program) => ({
      name: program.name,
      section: program.section,
      slots_before: program.before,
      slots_after: program.after,
      processed_before: program.processedBefore ?? null,
      processed_after: program.processedAfter ?? null,
    })),
    executed: executed.map(({ nsBefore, nsAfter, ...row }) => ({
      ...row,
      ns_before: rounded(nsBefore),
      ns_after: rounded(nsAfter),
    })),
    search: result.search,
    compared: compared.map(({ program, packets, difference, why }) => ({
      program,
      packets,
      why: why ?? null,
      difference:
        difference === undefined
          ? null
          : {
              packet: difference.packet,
              seed: difference.seed,
              what: difference.what,
              bytes: difference.packetBytes === undefined ? null : hex(difference.packetBytes),
            },
    })),
  };
}
