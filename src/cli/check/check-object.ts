/**
 * One object file as `jitnic check` looks at it: on card and host, and beside the running kernel where there is one.
 */
import { type DifferentialRow, differentialObject, machineEngine, type RowStatus } from '../../judge/index.js';
import type { Bpf } from '../../linux/index.js';
import type { Arrival } from '../../runtime/index.js';
import { type CorpusResult, type CorpusRow, type CorpusRun, runSubject, stopped, withoutFolders } from './card-run.js';
import type { ObjectFile } from './objects.js';
import { notForBpf, readSubject, type Subject } from './subjects.js';

/** What an object is checked with. */
export interface CheckOptions {
  readonly run: CorpusRun;
  /** The running kernel; undefined where it is not asked. */
  readonly bpf?: Bpf | undefined;
  /** Fills the maps of both sides when the kernel is compared. */
  readonly seed: number;
}

/** A program: how card and host did, and what the kernel said. */
export interface CheckedRow extends CorpusRow {
  /** Of the comparison with the running kernel; undefined where it was not asked. */
  readonly kernel?: RowStatus | undefined;
}

/** How many programs ended how. */
export interface CheckSummary {
  readonly passed: number;
  readonly failed: number;
  readonly refused: number;
  readonly skipped: number;
}

/** A row for each program of the object. What goes wrong becomes a row; nothing is thrown but an interruption. */
export function checkObject(file: ObjectFile, packets: readonly Arrival[], options: CheckOptions): CheckedRow[] {
  const { bpf, run, seed } = options;
  let subject: Subject | undefined;
  try {
    subject = readSubject(file, run.rxMetadata !== undefined);
  } catch (error) {
    return [stopped(file.name, '', error)];
  }
  if (subject === undefined) return [{ object: file.name, program: '', result: 'skipped', why: notForBpf }];
  const rows = runSubject(subject, packets, run);
  if (bpf === undefined) return rows;
  // Compiled code is what a host runs, so that is what the kernel is compared with; the interpreter stood beside the
  // card.
  const kernel = differentialObject(bpf, subject.object, packets, {
    engine: machineEngine('wasm'),
    seed,
    contents: subject.maps?.contents,
  });
  return rows.map((row) => {
    const program = subject.object.programs.find(({ name }) => name === row.program);
    const said = kernel.find(({ program: name }) => name === row.program);
    // A test run loads them as XDP programs, which may do less than those that a devmap or cpumap calls.
    if (program?.attach !== 'xdp' && said?.status === 'refused') return { ...row, kernel: 'incomparable' };
    return withKernel(row, said);
  });
}

/**
 * Both say the same, or the row has failed: a program that one of them loads and the other does not is as much of a
 * difference as another verdict.
 */
function withKernel(row: CorpusRow, kernel: DifferentialRow | undefined): CheckedRow {
  if (kernel === undefined || row.result === 'skipped' || row.result === 'failed') return row;
  const { status } = kernel;
  // What was said of the program before stays behind what the kernel adds.
  const why = (words: string): string => withoutFolders([words, row.why].filter((part) => part !== '').join('; '));
  const [reason = ''] = (kernel.why ?? '').split('\n');
  if (status === 'differs') return { ...row, kernel: status, result: 'failed', why: why(`kernel: ${reason}`) };
  if (row.result === 'ok' && status === 'refused')
    return { ...row, kernel: status, result: 'failed', why: why(`the kernel does not load it: ${reason}`) };
  if (row.result === 'refused' && row.rejected === true && status !== 'refused')
    return { ...row, kernel: status, result: 'failed', why: why('the kernel loads it') };
  return { ...row, kernel: status };
}

/** Counts the rows by result. */
export function checkSummary(rows: readonly CheckedRow[]): CheckSummary {
  const number = (result: CorpusResult): number => rows.filter((row) => row.result === result).length;
  return { passed: number('ok'), failed: number('failed'), refused: number('refused'), skipped: number('skipped') };
}
