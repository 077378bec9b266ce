/**
 * `npm run test-bpf -- [FILE.jsonl] [--engine E] [--max-insns N]`: the eBPF cases of the kernel's lib/test_bpf.c on an
 * engine. Without a file they are extracted from Debian's linux-source-6.1 first. A row for each that does not pass;
 * exit 0 when none fails.
 */
import { spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { UnsupportedError } from '../base/index.js';
import { bareEngine, checkTestBpfCase, parseTestBpfCase } from '../judge/index.js';
import { negativeIf, numberFlag, runTool, writeSummary } from './tool.js';

const usage = 'npm run test-bpf -- [FILE.jsonl] [--engine E] [--max-insns N]';

await runTool(
  usage,
  { engine: { type: 'string', default: 'interp' }, 'max-insns': { type: 'string' }, summary: { type: 'string' } },
  async (operands, flags) => {
    const maxInsns = numberFlag(flags, 'max-insns', Number.MAX_SAFE_INTEGER);
    const counts = await runCases(operands[0], String(flags['engine']), maxInsns);
    if (counts.notOurs > 0) console.log(`${counts.notOurs} cases that the engine does not take`);
    if (counts.skipped > 0) console.log(`${counts.skipped} cases longer than ${maxInsns} instructions left out`);
    writeSummary(flags, { ...counts });
    console.log(`${counts.passed} passed, ${counts.failed} failed`);
    return negativeIf(counts.failed);
  },
);

/** Cases by what became of them; `notOurs`: the engine cannot take them, for a reason that is printed. */
interface Counts {
  passed: number;
  failed: number;
  notOurs: number;
  /** Longer than asked for. */
  skipped: number;
}

/** Runs the cases and prints those that do not pass. `file`: undefined extracts them. */
async function runCases(file: string | undefined, engineName: string, maxInsns: number): Promise<Counts> {
  const engine = bareEngine(engineName);
  const counts: Counts = { passed: 0, failed: 0, notOurs: 0, skipped: 0 };
  const source = file === undefined ? extractCases() : { lines: createReadStream(file), done: async () => {} };
  for await (const line of createInterface({ input: source.lines, crlfDelay: Number.POSITIVE_INFINITY })) {
    // An instruction is 16 hexadecimal digits, so a line this long has more of them; parsing it would take the
    // longest.
    if (line.length / 16 > maxInsns) {
      counts.skipped++;
      continue;
    }
    const test = parseTestBpfCase(line);
    const verdict = checkTestBpfCase(test, engine);
    if (verdict.kind === 'passed') counts.passed++;
    else {
      if (verdict.kind === 'failed') counts.failed++;
      else counts.notOurs++;
      console.log(`${verdict.kind.padEnd(8)}  ${test.name}: ${verdict.what.split('\n')[0]}`);
    }
  }
  await source.done();
  return counts;
}

/** Starts the extraction; `done` waits for its end and throws UnsupportedError when it could not be made. */
function extractCases(): { readonly lines: Readable; readonly done: () => Promise<void> } {
  const work = mkdtempSync(join(tmpdir(), 'jitnic-test-bpf-'));
  const script = fileURLToPath(new URL('../../scripts/dump-test-bpf.sh', import.meta.url));
  const child = spawn('bash', [script, work], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (text) => {
    complaint += String(text);
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    lines: child.stdout,
    done: async () => {
      const status = await exit;
      rmSync(work, { recursive: true, force: true });
      if (status === 0) return;
      const why = complaint.trim().split('\n')[0] ?? '';
      throw new UnsupportedError(
        `the cases of test_bpf cannot be extracted: ${why}`,
        {},
        'install the packages linux-source-6.1, xz-utils and gcc',
      );
    },
  };
}
