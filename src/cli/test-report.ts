/** What `jitnic test` prints. */
import { type CaseResult, type Failure, type FileError, failureLines } from '../cases/index.js';
import { count } from '../text/index.js';
import type { Io } from './command.js';

/** One case in a line, and what was wrong below it. */
export function caseText(result: CaseResult, io: Io): string {
  const { style } = io;
  const { name, status, reason, failures, engines, missing } = result;
  const mark = { passed: style.green('ok  '), failed: style.red('FAIL'), skipped: style.yellow('skip') }[status];
  const tail = status === 'skipped' && reason !== undefined ? `  (${reason})` : '';
  const head = `${mark}  ${name}${tail}\n`;
  if (status !== 'failed') {
    const notes =
      io.flags.verbosity > 0 && status === 'passed'
        ? missing.map((one) => `      no ${one.engine}: ${one.reason}\n`)
        : [];
    return head + notes.join('');
  }
  return head + failures.map((failure) => failureText(result, failure, engines.length, io)).join('');
}

function failureText({ file, line }: CaseResult, failure: Failure, total: number, io: Io): string {
  const [first = '', ...rest] = failureLines(failure, total);
  const place = file === undefined ? '' : `      ${io.style.dim(`${file}:${failure.line || line}`)}\n`;
  const kind = failure.kind === 'difference' ? 'engines differ: ' : '';
  return `${place}      ${io.style.bold(kind + first)}\n${rest.map((text) => `        ${text}\n`).join('')}`;
}

/** The last lines: how many, on which engines, and why some did not run. */
export function summaryText(results: readonly CaseResult[], files: number, io: Io): string {
  const of = (status: CaseResult['status']): number => results.filter((one) => one.status === status).length;
  const engines = [...new Set(results.flatMap((one) => one.engines))];
  const failed = of('failed');
  const parts = [
    `${count(results.length, 'test')} in ${count(files, 'file')}`,
    io.style.green(`${of('passed')} passed`),
    ...(failed > 0 ? [io.style.red(`${failed} failed`)] : []),
    ...(of('skipped') > 0 ? [io.style.yellow(`${of('skipped')} skipped`)] : []),
  ];
  const missing = new Map<string, Map<string, number>>();
  for (const { engine, reason } of results.flatMap((one) => one.missing)) {
    const reasons = missing.get(engine) ?? new Map<string, number>();
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    missing.set(engine, reasons);
  }
  const notes = [...missing].flatMap(([engine, reasons]) =>
    [...reasons].map(([reason, n]) => `without ${engine} (${count(n, 'test')}): ${reason}\n`),
  );
  return `\n${parts.join(', ')}; engines: ${engines.join(', ') || 'none'}\n${notes.join('')}`;
}

/** `jitnic.test/1`. */
export function testJson(results: readonly CaseResult[], errors: readonly FileError[]): Record<string, unknown> {
  const of = (status: CaseResult['status']): number => results.filter((one) => one.status === status).length;
  return {
    tests: results.length,
    passed: of('passed'),
    failed: of('failed'),
    skipped: of('skipped'),
    errors: errors.length === 0 ? undefined : errors,
    results: results.map(({ name, file, line, status, reason, packets, engines, missing, instructions, failures }) => ({
      name,
      file,
      line,
      status,
      reason,
      packets,
      engines,
      missing,
      instructions,
      failures: failures.map((one) => ({
        kind: one.kind,
        what: one.what,
        expected: one.expected,
        actual: one.actual,
        fields: one.fields,
        packet: one.packet === 0 ? undefined : one.packet,
        line: one.line || line,
        engines: one.engines,
        decided: one.decided,
      })),
    })),
  };
}
