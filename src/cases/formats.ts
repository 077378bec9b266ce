/** Results for other programs: TAP version 14, and JUnit's XML as CI systems read it. */
import type { CaseResult, Failure } from './result.js';

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

/** TAP version 14. */
export function tapText(results: readonly CaseResult[]): string {
  const lines = ['TAP version 14', `1..${results.length}`];
  for (const [i, result] of results.entries()) {
    const name = `${result.file ?? 'cases'}: ${result.name}`.replace(/[\\#]/g, '\\$&').replace(/\s+/g, ' ');
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
  return `${lines.join('\n')}\n`;
}

/** JUnit: a suite for each file. */
export function junitText(results: readonly CaseResult[]): string {
  const files = [...new Set(results.map(({ file }) => file ?? 'cases'))];
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites ${counts(results)}>`];
  for (const file of files) {
    const own = results.filter((result) => (result.file ?? 'cases') === file);
    lines.push(`  <testsuite name="${xml(file)}" ${counts(own)}>`);
    for (const { name, line, status, reason, failures, engines } of own) {
      const head = `    <testcase classname="${xml(file)}" name="${xml(name)}" file="${xml(file)}" line="${line}"`;
      if (status === 'passed') lines.push(`${head}/>`);
      else if (status === 'skipped') lines.push(`${head}><skipped message="${xml(reason ?? '')}"/></testcase>`);
      else {
        lines.push(`${head}>`);
        for (const failure of failures) {
          const text = failureLines(failure, engines.length).join('\n');
          lines.push(`      <failure type="${failure.kind}" message="${xml(failure.what)}">${xml(text)}</failure>`);
        }
        lines.push('    </testcase>');
      }
    }
    lines.push('  </testsuite>');
  }
  return `${[...lines, '</testsuites>'].join('\n')}\n`;
}

function counts(results: readonly CaseResult[]): string {
  const of = (status: CaseResult['status']): number => results.filter((result) => result.status === status).length;
  return `tests="${results.length}" failures="${of('failed')}" skipped="${of('skipped')}" errors="0"`;
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
