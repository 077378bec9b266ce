/**
 * `npm run conformance -- DIR [--engine E]`: runs every `.data` vector below a folder and prints a row for each that does not pass.
 * Exit 0 when all that concern us pass.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodes, InputError, UsageError, UserError } from '../base/index.js';
import { type BareEngine, bareEngine, checkVector, parseVector, type VectorVerdict } from '../judge/index.js';

function main(): number {
  const { values, positionals } = parseArgs({
    options: { engine: { type: 'string', default: 'interp' } },
    allowPositionals: true,
  });
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0) {
    throw new UsageError('give one folder of `.data` vectors', {}, 'npm run conformance -- DIR [--engine E]');
  }
  const engine = bareEngine(values.engine);
  const rows = findVectors(folder).map((name) => ({ name, verdict: judge(folder, name, engine) }));
  const count = (kind: VectorVerdict['kind']): number => rows.filter(({ verdict }) => verdict.kind === kind).length;
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, verdict } of rows) {
    if (verdict.kind !== 'passed')
      console.log(`${name.padEnd(width)}  ${verdict.kind.padEnd(8)}  ${firstLine(verdict.what)}`);
  }
  if (count('not ours') > 0) console.log(`${count('not ours')} of ${rows.length} vectors do not concern XDP programs`);
  console.log(`${count('passed')} passed, ${count('failed')} failed`);
  return count('failed') === 0 ? exitCodes.ok : exitCodes.negative;
}

function judge(folder: string, name: string, engine: BareEngine): VectorVerdict {
  try {
    return checkVector(parseVector(readFileSync(join(folder, name), 'utf8'), name), engine);
  } catch (error) {
    if (error instanceof UserError) return { kind: 'failed', what: error.format() };
    throw error;
  }
}

function findVectors(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new InputError('no such folder', { file: folder });
  const names = readdirSync(folder, { recursive: true }).map(String);
  const found = names.filter((name) => name.endsWith('.data')).sort();
  if (found.length === 0) throw new InputError('no `.data` file in this folder', { file: folder });
  return found;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.format());
  process.exitCode = error.exitCode;
}
