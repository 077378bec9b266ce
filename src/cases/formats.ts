/** Results for other programs: TAP version 14, and JUnit's XML as CI systems read it. */
import type { CaseResult, Failure, FileError } from './result.js';

/** One failure in a few lines: what, the fields that differ, who found it, and the line that decided. */
export function failureLines({ what, fields, packet, engines, decided }: Failure, total: number): string[] {
  const where = packet === 0 ? '' : `packet ${packet}: `;
  const who = engines.length > 0 && engines.length < total ? ` (${engines.join(', ')})` : '';
  const width = Math.max(0, ...fields.map(({ name }) => name.length));
  const rows = fields.map(({ name, expected, actual }) => `  ${name.padEnd(width)}  ${expected} -> ${actual}`);
  const line =
    decided === undefined
      ? []
      : [`decided at ${decided.file}:${decided.line}${decided.text === '' ? '' : `: ${decided.text}`}`];
  return [...`${where}${what}${who}`.split('\n'), ...rows, ...line];
}

/** TAP version 14; a file that could not be run is a test that failed, so that nobody takes it for none. */
export function tapText(results: readonly CaseResult[], errors: readonly FileError[] = []): string {
  const plain = (text: string): string => text.replace(/[\\#]/g, '\\$&').replace(/\s+/g, ' ');
  const lines = ['TAP version 14', `1..${results.length + errors.length}`];
  for (const [i, result] of results.entries()) {
    const name = plain(`${result.file ?? 'cases'}: ${result.name}`);
    const state = result.status === 'failed' ? 'not ok' : 'ok';
    lines.push(`${state} ${i + 1} - ${name}${result.status === 'skipped' ? ` # SKIP ${result.reason ?? ''}` : ''}`);
    if (result.status !== 'failed') continue;
    lines.push('  ---');
    for (const failure of result.failures) {
      lines.push(
        `  - kind: ${failure.kind}`,
        `    at: ${JSON.stringify(`${result.file ?? ''}:${failure.line || result.line}`)}`,
      );
      lines.push(`    message: ${JSON.stringify(failureLines(failure, result.engines.length).join('\n'))}`);
    }
    lines.push('  ...');
  }
  for (const [i, { file, message }] of errors.entries()) {
    lines.push(`not ok ${results.length + i + 1} - ${plain(file)}: could not be run`);
    lines.push('  ---', '  - kind: error', `    message: ${JSON.stringify(message)}`, '  ...');
  }
  return `${lines.join('\n')}\n`;
}

/**
 * JUnit: a suite for each file, in the order in which they were named. A case has one failure, which is all that the
 * format allows, with its line and everything that was not as expected in its text. Nothing is in it that Jenkins'
 * schema (junit-10.xsd) does not know: a file is named by its suite.
 */
export function junitText(results: readonly CaseResult[], errors: readonly FileError[] = []): string {
  const files = new Set([...results.map(({ file }) => file ?? 'cases'), ...errors.map(({ file }) => file)]);
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites ${counts(results, errors)}>`];
  for (const file of files) {
    const own = results.filter((result) => (result.file ?? 'cases') === file);
    const wrong = errors.filter((error) => error.file === file);
    const skipped = own.filter(({ status }) => status === 'skipped').length;
    lines.push(`  <testsuite name="${xml(file)}" file="${xml(file)}" ${counts(own, wrong)} skipped="${skipped}">`);
    for (const { message } of wrong)
      lines.push(
        `    <testcase classname="${xml(file)}" name="the test file">`,
        `      <error type="input" message="${xml(message.split('\n')[0] ?? '')}">${xml(message)}</error>`,
        '    </testcase>',
      );
    for (const { name, line, status, reason, failures, engines } of own) {
      const head = `    <testcase classname="${xml(file)}" name="${xml(name)}"`;
      if (status === 'passed') lines.push(`${head}/>`);
      else if (status === 'skipped') lines.push(`${head}><skipped message="${xml(reason ?? '')}"/></testcase>`);
      else {
        lines.push(`${head}>`);
        const all = failures.flatMap((failure) => failureLines(failure, engines.length));
        const text = [`${file}:${line}`, ...all].join('\n');
        const [first] = failures;
        const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
        const type = first?.kind ?? 'fault';
        lines.push(
          `      <failure type="${type}" message="${xml(`${first?.what ?? ''}${more}`)}">${xml(text)}</failure>`,
        );
        lines.push('    </testcase>');
      }
    }
    lines.push('  </testsuite>');
  }
  return `${[...lines, '</testsuites>'].join('\n')}\n`;
}

function counts(results: readonly CaseResult[], errors: readonly FileError[]): string {
  const of = (status: CaseResult['status']): number => results.filter((result) => result.status === status).length;
  return `tests="${results.length + errors.length}" failures="${of('failed')}" errors="${errors.length}"`;
}

/** What XML cannot hold at all becomes a question mark. */
function xml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '?');
  return clean
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/\n/g, '&#10;');
}
