/**
 * `npm run verifier -- [FILE.jsonl|DIR...] [--fuzz N] [--mutants N] [--programs N] [--packets N] [--seed N]
 * [--quick]`: everything that is claimed of the verifier, by one command: agreement with the running kernel, on
 * mutants too, soundness by execution, proofs of its arithmetic, and speed on the programs of the folders. `--quick`:
 * a slice of each, for CI. Exit 0 when all parts pass.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UnsupportedError } from '../base/index.js';
import { fromObjects } from '../cli/check/objects.js';
import { type AgreementCase, objectCases } from '../judge/index.js';
import { formatTable } from '../text/index.js';
import { verify } from '../verifier/index.js';
import { type Flags, negativeIf, numberFlag, runTool } from './tool.js';

const usage =
  'npm run verifier -- [FILE.jsonl|DIR...] [--fuzz N] [--mutants N] [--programs N] [--packets N] [--seed N] [--quick]';

/**
 * What is promised of the verifier's speed on one core: instructions a second over all programs, and milliseconds for
 * the slowest one.
 */
const leastInsnsPerSecond = 15_000;
const mostMilliseconds = 2000;
/** What a program may take that spends Linux's limit of a million instructions. */
const mostMillisecondsAtLimit = 3000;
const instructionLimit = 1_000_000;

await runTool(
  usage,
  {
    fuzz: { type: 'string' },
    mutants: { type: 'string' },
    programs: { type: 'string' },
    packets: { type: 'string' },
    seed: { type: 'string' },
    quick: { type: 'boolean' },
  },
  (operands, flags) => {
    const parts = partsOf(operands.length === 0 ? ['examples'] : operands, flags);
    const failed = parts.filter(({ title, run }) => {
      console.log(`\n== ${title}`);
      return !run();
    });
    for (const { title } of failed) console.log(`failed: ${title}`);
    console.log(`\n${parts.length - failed.length} passed, ${failed.length} failed`);
    return negativeIf(failed.length);
  },
);

/** A row of the report; `run` prints its figures and says whether it passes. */
interface Part {
  readonly title: string;
  readonly run: () => boolean;
}

/**
 * The parts, the longest-lived question first: does Linux say the same. Each is a tool of its own, so that any of them
 * can be run alone with the same words.
 */
function partsOf(operands: readonly string[], flags: Flags): Part[] {
  const quick = flags['quick'] === true;
  const number = (name: string, usual: number, short: number): string =>
    String(numberFlag(flags, name, quick ? short : usual));
  const seed = number('seed', 1, 1);
  const fuzz = number('fuzz', 1000, 200);
  const folders = operands.filter((path) => !path.endsWith('.jsonl'));
  return [
    { title: 'agreement with the kernel', run: tool('agreement', ...operands, '--fuzz', fuzz, '--seed', seed) },
    {
      title: 'agreement on mutants',
      run: tool(
        'agreement',
        ...operands,
        '--fuzz',
        fuzz,
        '--seed',
        seed,
        '--mutants',
        number('mutants', 100_000, 4000),
      ),
    },
    {
      title: 'soundness by execution',
      run: tool(
        'soundness',
        ...folders,
        ...['--programs', number('programs', 2000, 60), '--packets', number('packets', 600, 100), '--seed', seed],
      ),
    },
    { title: 'proofs', run: tool('prove', ...(quick ? ['tnum', '--quick'] : [])) },
    { title: 'speed, one core', run: () => speed(folders) },
  ];
}

/** One of the other tools, in a process of its own. */
function tool(name: string, ...args: readonly string[]): () => boolean {
  const script = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return () => spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' }).status === 0;
}

/** One program verified once. */
interface Timing {
  readonly name: string;
  readonly insns: number;
  readonly milliseconds: number;
}

/** Whether jitnic can say of a program if Linux would load it; if not, its name and the reason are a line. */
function hasVerdict({ name, program, object }: AgreementCase): boolean {
  try {
    const { maps, btf, kernelBtf, license } = object;
    verify(program, maps, { btf, kernelBtf, license, logLevel: 0 });
    return true;
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    console.log(`${name}: left out: ${error.message}`);
    return false;
  }
}

/** Verifies every program of the folders, each once, without and with facts. */
function speed(folders: readonly string[]): boolean {
  const cases = folders.flatMap((folder) => fromObjects(folder, (object) => objectCases(object))).filter(hasVerdict);
  if (cases.length === 0) return true;
  const time = (facts: boolean): Timing[] =>
    cases.map(({ name, program, object }) => {
      const { maps, btf, kernelBtf, license } = object;
      // The processor's time: other processes do not count.
      const start = process.cpuUsage();
      const { stats } = verify(program, maps, { btf, kernelBtf, license, logLevel: 0, facts });
      const { user, system } = process.cpuUsage(start);
      return { name, insns: stats.insns, milliseconds: (user + system) / 1000 };
    });
  const rows = [false, true].map((facts) => ({ what: facts ? 'with facts' : 'verdict alone', timings: time(facts) }));
  const summary = rows.map(({ what, timings }) => {
    const insns = timings.reduce((sum, timing) => sum + timing.insns, 0);
    const seconds = timings.reduce((sum, timing) => sum + timing.milliseconds, 0) / 1000;
    // What a user waits for is the slowest program, not the mean. Programs that spend the limit are told apart.
    const ended = timings.filter((timing) => timing.insns <= instructionLimit);
    const slowest = (ended.length > 0 ? ended : timings).reduce((a, b) => (b.milliseconds > a.milliseconds ? b : a));
    const atLimit = timings.filter((timing) => timing.insns > instructionLimit);
    for (const { name, milliseconds } of atLimit) {
      const allowed = mostMillisecondsAtLimit;
      console.log(
        `${what}: ${name} spends a million instructions in ${Math.round(milliseconds)} ms (at most ${allowed})`,
      );
    }
    const inTime = atLimit.every(({ milliseconds }) => milliseconds <= mostMillisecondsAtLimit);
    return { what, programs: timings.length, insns, perSecond: Math.round(insns / seconds), slowest, inTime };
  });
  process.stdout.write(
    formatTable(
      [
        { title: '', align: 'left' },
        { title: 'programs' },
        { title: 'insns' },
        { title: 'insns/s' },
        { title: 'slowest (ms)' },
        { title: 'which', align: 'left' },
      ],
      summary.map(({ what, programs, insns, perSecond, slowest }) => [
        what,
        programs,
        insns,
        perSecond,
        Math.round(slowest.milliseconds),
        slowest.name,
      ]),
    ),
  );
  return summary.every(
    ({ perSecond, slowest, inTime }) =>
      inTime && perSecond >= leastInsnsPerSecond && slowest.milliseconds <= mostMilliseconds,
  );
}
