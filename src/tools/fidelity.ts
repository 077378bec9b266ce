/**
 * `npm run fidelity -- [--quick] [--recorded FILE,...] [--out FILE]`: everything that says how exactly jitnic does what Linux does, in one run: the
 * conformance vectors and the kernel's own compiler tests through every engine, real programs and generated ones on the kernel and on every
 * engine, planted faults, object loading. Prints the tables and writes them to `docs/fidelity.md` (with `--quick`, a shorter run for
 * CI, only to the terminal).
 *
 * Each part is one of the other tools, in a process of its own; `--summary` is how it hands over its figures. `--recorded` takes such files of
 * fuzz campaigns that ran before in place of running one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bareEngineNames, machineEngineNames } from '../judge/index.js';
import { type FidelityResults, fidelityPage, type Part } from './fidelity-page.js';
import { type Flags, negativeIf, runTool, writeSummary } from './tool.js';

const usage = 'npm run fidelity -- [--quick] [--recorded FILE,...] [--out FILE]';
const root = fileURLToPath(new URL('../../', import.meta.url));

await runTool(
  usage,
  {
    quick: { type: 'boolean', default: false },
    recorded: { type: 'string' },
    out: { type: 'string' },
    summary: { type: 'string' },
  },
  (_, flags) => {
    const work = mkdtempSync(join(tmpdir(), 'jitnic-fidelity-'));
    try {
      const results = runAll(flags, work);
      writeSummary(flags, { ...results });
      const page = fidelityPage(results);
      process.stdout.write(page);
      const out = flags['out'] ?? (flags['quick'] === true ? undefined : join(root, 'docs', 'fidelity.md'));
      if (out !== undefined) writeFileSync(String(out), page);
      const parts = [...results.parts];
      const failed = parts.filter((part) => part.failure !== undefined);
      for (const part of failed) console.error(`${part.name}: ${part.failure}`);
      console.log(`${parts.length - failed.length} passed, ${failed.length} failed`);
      return negativeIf(failed.length);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
);

function runAll(flags: Flags, work: string): FidelityResults {
  const quick = flags['quick'] === true;
  const shared = process.env['JITNIC_SHARED'] ?? join(root, '..', 'shared');
  const corpus = process.env['JITNIC_CORPUS'];
  const examples = join(root, 'examples');
  const parts: Part[] = [];
  const run = (kind: Part['kind'], subject: string, engine: string, tool: string, ...args: string[]): void => {
    parts.push(runPart(work, kind, subject, engine, tool, args));
  };

  for (const engine of bareEngineNames) {
    run(
      'conformance',
      'bpf_conformance vectors',
      engine,
      'conformance',
      join(shared, 'conformance'),
      '--engine',
      engine,
    );
  }
  // The longest cases are half a million instructions; the kernel's verifier takes its time over those.
  const cases = extractCases(work, quick ? 2000 : Number.MAX_SAFE_INTEGER);
  for (const engine of bareEngineNames) {
    const longest = engine === 'kernel' && !quick ? ['--max-insns', '10000'] : [];
    run('conformance', 'test_bpf cases', engine, 'test-bpf', cases, '--engine', engine, ...longest);
  }
  for (const engine of machineEngineNames) {
    const differential = (subject: string, folder: string, ...args: string[]): void =>
      run('differential', subject, engine, 'differential', folder, '--engine', engine, ...args);
    differential('examples, their traffic', examples, '--traffic', '-c', quick ? '300' : '100000');
    differential('examples, generated packets', examples, '-c', quick ? '60' : '300');
    if (corpus !== undefined) differential('corpus, generated packets', corpus, '-c', quick ? '60' : '300');
    const fuzz = ['--engine', engine, '--out', join(work, 'failures')];
    const recorded = flags['recorded'];
    if (typeof recorded === 'string' && engine === 'interp') {
      for (const file of recorded.split(',')) parts.push(recordedPart(file));
    } else run('fuzz', 'generated programs', engine, 'fuzz', ...fuzz, '--programs', quick ? '400' : '51500');
    run('faults', 'planted faults', engine, 'fuzz', ...fuzz, '--self-test', '--programs', '600', '--packets', '8');
  }
  for (const [subject, folder] of [['examples', examples], ...(corpus === undefined ? [] : [['corpus', corpus]])]) {
    run('loading', String(subject), 'kernel', 'loading', String(folder), '-c', quick ? '20' : '100');
  }
  return { quick, kernel: release(), node: process.version, corpus: corpus !== undefined, parts };
}

function runPart(
  work: string,
  kind: Part['kind'],
  subject: string,
  engine: string,
  tool: string,
  args: readonly string[],
): Part {
  const name = `${tool}: ${subject} on ${engine}`;
  const summary = join(work, 'summary.json');
  rmSync(summary, { force: true });
  const started = Date.now();
  const script = fileURLToPath(new URL(`./${tool}.js`, import.meta.url));
  console.error(`-- ${name}`);
  const child = spawnSync(process.execPath, [script, ...args, '--summary', summary], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const seconds = (Date.now() - started) / 1000;
  const figures = existsSync(summary) ? readFigures(summary) : {};
  const base = { name, kind, subject, engine, seconds, figures };
  if (child.status === 0 && existsSync(summary)) return base;
  const words = `${child.stdout}\n${child.stderr}`.trim().split('\n').slice(-12).join('\n');
  return { ...base, failure: `exit ${child.status}\n${words}` };
}

function recordedPart(file: string): Part {
  const figures = readFigures(file);
  const seconds = Number(figures['seconds'] ?? 0);
  const engine = String(figures['engine']);
  const base = {
    name: `fuzz: ${file}`,
    kind: 'fuzz',
    subject: 'generated programs',
    engine,
    seconds,
    figures,
  } as const;
  return figures['differences'] === 0 ? base : { ...base, failure: `${figures['differences']} differences` };
}

function readFigures(file: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>;
}

/** The cases of test_bpf as a file; one that does not exist when they cannot be had, which the part then says. */
function extractCases(work: string, maxInsns: number): string {
  const file = join(work, 'test-bpf.jsonl');
  const script = join(root, 'scripts', 'dump-test-bpf.sh');
  const shell = `"$0" "$1" "$2" > "$3" || rm -f "$3"`;
  spawnSync('bash', ['-c', shell, script, join(work, 'test-bpf'), String(maxInsns), file], { stdio: 'inherit' });
  return file;
}
