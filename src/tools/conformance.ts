/**
 * `npm run conformance -- DIR [--engine E]`: runs every `.data` vector below a folder and prints a row for each that
 * does not pass. Exit 0 when all that concern us pass.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { InputError, UserError } from '../base/index.js';
import { type BareEngine, bareEngine, checkVector, parseVector, type VectorVerdict } from '../judge/index.js';
import { negativeIf, oneOperand, runTool, systemErrorCode, writeSummary } from './tool.js';

const usage = 'npm run conformance -- DIR [--engine E]';

await runTool(
  usage,
  { engine: { type: 'string', default: 'interp' }, summary: { type: 'string' } },
  (operands, flags) => {
    const folder = oneOperand(operands, usage);
    const engine = bareEngine(String(flags['engine']));
    const rows = findVectors(folder).map((name) => ({ name, verdict: judge(folder, name, engine) }));
    const count = (kind: VectorVerdict['kind']): number => rows.filter(({ verdict }) => verdict.kind === kind).length;
    const width = Math.max(...rows.map(({ name }) => name.length));
    for (const { name, verdict } of rows) {
      if (verdict.kind !== 'passed')
        console.log(`${name.padEnd(width)}  ${verdict.kind.padEnd(8)}  ${firstLine(verdict.what)}`);
    }
    if (count('not ours') > 0)
      console.log(`${count('not ours')} of ${rows.length} vectors have nothing to compare here, for the reasons given`);
    writeSummary(flags, { passed: count('passed'), failed: count('failed'), notOurs: count('not ours'), skipped: 0 });
    console.log(`${count('passed')} passed, ${count('failed')} failed`);
    return negativeIf(count('failed'));
  },
);

/** What one vector comes to. An exception is a failure of that vector: the others are run all the same. */
function judge(folder: string, name: string, engine: BareEngine): VectorVerdict {
  try {
    return checkVector(parseVector(readFileSync(join(folder, name), 'utf8'), name), engine);
  } catch (error) {
    if (error instanceof UserError) return { kind: 'failed', what: error.format() };
    const code = systemErrorCode(error);
    return { kind: 'failed', what: code === undefined ? `jitnic fails: ${error}` : `it cannot be read: ${code}` };
  }
}

/**
 * Paths of the vectors below a folder, relative to it and sorted, so that two runs print the same. Throws InputError
 * where there is none: a run over nothing must not pass.
 */
function findVectors(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new InputError('no such folder', { file: folder });
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const found = entries
    .filter((entry) => entry.name.endsWith('.data') && !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
  if (found.length === 0) throw new InputError('no `.data` file in this folder', { file: folder });
  return found;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
