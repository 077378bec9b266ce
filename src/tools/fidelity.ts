/**
 * `npm run fidelity -- [--quick] [--conformance DIR] [--corpus DIR] [--examples DIR] [--test-bpf FILE] [--programs N]
 * [--seed N] [--jobs N] [--recorded FILE,...] [--out FILE]`: everything that says how exactly jitnic does what Linux
 * does, in one run: the conformance vectors and the kernel's own compiler tests through every engine, real programs
 * and generated ones on the kernel and on every engine, planted mistakes, object loading. Prints the tables and writes
 * them to `docs/fidelity.md` (with `--quick`, a shorter run for CI, only to the terminal).
 *
 * Each part is one of the other tools, in a process of its own; `--summary` is how it hands over its figures.
 * `--recorded` takes such files of fuzz campaigns that ran before, in place of running one for their engine. A part
 * that cannot be run (no corpus, no kernel) fails.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bareEngineNames, machineEngineNames } from '../judge/index.js';
import { type FidelityResults, fidelityPage, type Part } from './fidelity-page.js';
import { type Flags, negativeIf, numberFlag, runTool, writeSummary } from './tool.js';

const usage =
  'npm run fidelity -- [--quick] [--conformance DIR] [--corpus DIR] [--examples DIR] [--test-bpf FILE] [--programs N] [--seed N] [--jobs N] [--recorded FILE,...] [--out FILE]';
const root = fileURLToPath(new URL('../../', import.meta.url));
// Vectors and corpus lie beside the checkout unless the environment names another place.
const shared = process.env['JITNIC_SHARED'] ?? join(root, '..', 'shared');

/**
 * How much of each is run: instructions of the longest test_bpf case (for the interpreter, for others), packets of an
 * example's capture, generated packets a program, generated programs, packets a program that is loaded both ways.
 */
const amounts = {
  full: {
    testBpf: Number.MAX_SAFE_INTEGER,
    testBpfOthers: 10_000,
    traffic: 100_000,
    generated: 300,
    fuzz: 51_500,
    loading: 100,
  },
  quick: { testBpf: 2000, testBpfOthers: 2000, traffic: 300, generated: 40, fuzz: 400, loading: 20 },
} as const;

await runTool(
  usage,
  {
    quick: { type: 'boolean', default: false },
    conformance: { type: 'string' },
    corpus: { type: 'string' },
    examples: { type: 'string' },
    'test-bpf': { type: 'string' },
    programs: { type: 'string' },
    seed: { type: 'string' },
    jobs: { type: 'string' },
    recorded: { type: 'string' },
    out: { type: 'string' },
    summary: { type: 'string' },
  },
  async (_, flags) => {
    const work = mkdtempSync(join(tmpdir(), 'jitnic-fidelity-'));
    try {
      const quick = flags['quick'] === true;
      const parts = await runParts(await planParts(flags, work), work, numberFlag(flags, 'jobs', 2));
      const results: FidelityResults = { quick, kernel: release(), node: process.version, parts };
      writeSummary(flags, { ...results });
      const page = fidelityPage(results);
      process.stdout.write(page);
      const out = flags['out'] ?? (quick ? undefined : join(root, 'docs', 'fidelity.md'));
      if (out !== undefined) writeFileSync(String(out), page);
      const failed = parts.filter((part) => part.failure !== undefined);
      for (const part of failed) console.error(`\n${part.name}: ${part.failure}`);
      console.log(`\n${parts.length - failed.length} passed, ${failed.length} failed`);
      return negativeIf(failed.length);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
);

/** One part that is to be run. */
interface Plan {
  readonly kind: Part['kind'];
  readonly subject: string;
  readonly engine: string;
  /** A tool and its arguments; or the summary of a run that is over. */
  readonly tool: string;
  readonly args: readonly string[];
  readonly recorded?: string;
}

/**
 * The parts in the order of the page: each suite on each engine, each set of objects on each engine, fuzzing and
 * planted faults, loading. What is missing is still planned, so that its part fails and the page says NOT RUN.
 */
async function planParts(flags: Flags, work: string): Promise<Plan[]> {
  const quick = flags['quick'] === true;
  const amount = quick ? amounts.quick : amounts.full;
  const folder = (name: string, fallback: string): string => String(flags[name] ?? fallback);
  const vectors = folder('conformance', join(shared, 'conformance'));
  const examples = folder('examples', join(root, 'examples'));
  const corpus = await corpusFolder(flags, work);
  const cases = folder('test-bpf', join(work, 'test-bpf.jsonl'));
  if (flags['test-bpf'] === undefined) await extractCases(work, cases, amount.testBpf);
  const programs = String(numberFlag(flags, 'programs', amount.fuzz));
  const seed = numberFlag(flags, 'seed', 1);
  const recorded = String(flags['recorded'] ?? '')
    .split(',')
    .filter((file) => file !== '');
  const recordedEngines = new Set(recorded.map((file) => String(readFigures(file)['engine'])));

  const plans: Plan[] = [];
  const plan = (kind: Part['kind'], subject: string, engine: string, tool: string, ...args: string[]): void => {
    plans.push({ kind, subject, engine, tool, args });
  };
  for (const engine of bareEngineNames) {
    plan('conformance', 'bpf_conformance vectors', engine, 'conformance', vectors, '--engine', engine);
  }
  for (const engine of bareEngineNames) {
    // The longest cases are half a million instructions; the verifier of the kernel and our translation take their
    // time over those.
    const longest = String(engine === 'interp' ? amount.testBpf : amount.testBpfOthers);
    plan('conformance', 'test_bpf cases', engine, 'test-bpf', cases, '--engine', engine, '--max-insns', longest);
  }
  for (const engine of machineEngineNames) {
    const differential = (subject: string, objects: string, packets: number, ...args: string[]): void =>
      plan(
        'differential',
        subject,
        engine,
        'differential',
        objects,
        '--engine',
        engine,
        '-c',
        String(packets),
        ...args,
      );
    differential('examples, their traffic and maps', examples, amount.traffic, '--traffic');
    differential('examples, generated packets', examples, amount.generated);
    differential('corpus, generated packets', corpus, amount.generated);
  }
  for (const [index, engine] of machineEngineNames.entries()) {
    const fuzz = ['--engine', engine, '--out', join(root, 'fuzz-failures')];
    // Engines get programs of their own: ten million seeds apart, so no two campaigns overlap.
    const first = String(seed + index * 10_000_000);
    if (!recordedEngines.has(engine))
      plan('fuzz', 'generated programs', engine, 'fuzz', ...fuzz, '--programs', programs, '--seed', first);
    plan(
      'faults',
      'planted faults',
      engine,
      'fuzz',
      ...fuzz,
      '--self-test',
      ...(quick ? ['--no-shrink', '--packets', '8'] : []),
    );
  }
  for (const file of recorded) {
    const engine = String(readFigures(file)['engine']);
    plans.push({ kind: 'fuzz', subject: 'generated programs', engine, tool: 'fuzz', args: [], recorded: file });
  }
  for (const [subject, objects] of [['examples', examples] as const, ['corpus', corpus] as const]) {
    plan('loading', subject, 'kernel', 'loading', objects, '-c', String(amount.loading));
  }
  return plans;
}

/** Runs the parts, so many at a time, and gives their results in the order of the plan. */
async function runParts(plans: readonly Plan[], work: string, jobs: number): Promise<Part[]> {
  const parts: Part[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < plans.length; at = next++) {
      const plan = plans[at];
      if (plan !== undefined) parts[at] = await runPart(plan, join(work, `summary-${at}.json`));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  return parts;
}

/**
 * Runs one tool and reads its summary. A part passes if it exits with 0 and wrote one: a tool that died after its
 * figures, or before them, does not.
 */
async function runPart(plan: Plan, summary: string): Promise<Part> {
  const { kind, subject, engine, tool, args, recorded } = plan;
  const name = `${tool}: ${subject} on ${engine}`;
  if (recorded !== undefined) {
    const figures = readFigures(recorded);
    const base = { name: `${name} (recorded)`, kind, subject, engine, figures };
    return figures['differences'] === 0 ? base : { ...base, failure: `${figures['differences']} differences` };
  }
  const started = Date.now();
  const script = fileURLToPath(new URL(`./${tool}.js`, import.meta.url));
  const { status, words } = await run(process.execPath, [script, ...args, '--summary', summary]);
  console.error(
    `-- ${name}: ${status === 0 ? 'ok' : `exit ${status}`} (${Math.round((Date.now() - started) / 1000)} s)`,
  );
  const figures = existsSync(summary) ? readFigures(summary) : {};
  const base = { name, kind, subject, engine, figures };
  if (status === 0 && existsSync(summary)) return base;
  return { ...base, failure: `exit ${status}\n${words.trim().split('\n').slice(-12).join('\n')}` };
}

/** Runs a program to its end; `words` is what it printed. */
function run(
  command: string,
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly words: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let words = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        words += String(text);
      });
    }
    child.on('error', (error) => resolve({ status: null, words: String(error) }));
    child.on('close', (status) => resolve({ status, words }));
  });
}

/** A summary as the tools write it with `--summary`; each tool chooses its own names. */
function readFigures(file: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>;
}

/**
 * The corpus of real programs: the folder that was given, else one that is built now. One that does not exist when it
 * cannot be had, which the parts then say.
 */
async function corpusFolder(flags: Flags, work: string): Promise<string> {
  const given = flags['corpus'] ?? process.env['JITNIC_CORPUS'];
  if (given !== undefined) return String(given);
  const built = join(work, 'corpus');
  console.error('-- building the corpus (`--corpus DIR` takes one that is there)');
  await run('bash', [join(shared, 'corpus', 'build.sh'), built]);
  return join(built, 'obj');
}

/** The cases of test_bpf as a file; none when they cannot be had, which the parts then say. */
async function extractCases(work: string, file: string, maxInsns: number): Promise<void> {
  const script = join(root, 'scripts', 'dump-test-bpf.sh');
  const shell = `"$0" "$1" "$2" > "$3" || rm -f "$3"`;
  await run('bash', ['-c', shell, script, join(work, 'test-bpf'), String(maxInsns), file]);
}
