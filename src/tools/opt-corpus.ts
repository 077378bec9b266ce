/**
 * `npm run opt-corpus -- DIR... [-c PACKETS] [--goal G] [--effort N] [--slice I/N] [--no-prove] [--keep DIR]
 * [--out DIR] [--svg FILE] [--mcpu LIST] [--summary FILE]`: every object of folders through `jitnic opt`. The kernel
 * has to take all programs that it took, both versions have to decide alike on generated packets, and each function
 * that changed goes to the solver. A line for whatever is not as it should be and for each function that is not
 * proved, then the sums. `--slice 2/5` takes every fifth object from the second on; `--out` writes the results, for
 * `npm run differential`; `--keep` keeps what came of each object, by the bytes of it and of the tool and by what was
 * asked, so that a campaign that was broken off goes on where it was. `--svg` draws what was gained. `--mcpu v1,v4`
 * builds the inputs of opt-bench at these versions in the one folder that is given (bench/opt-inputs.sh), and takes
 * those. Exit 1 for a program that is refused or decides otherwise, and for a refuted proof.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError, UserError } from '../base/index.js';
import { findObjects, type ObjectFile } from '../cli/check/objects.js';
import { makePackets } from '../cli/check/traffic.js';
import { compareObjects, machineEngine } from '../judge/index.js';
import { Bpf } from '../linux/index.js';
import { noSolver, openSolver } from '../linux/open-solver.js';
import { readObject } from '../object/index.js';
import { barChart } from '../report/index.js';
import type { Solver } from '../solve/index.js';
import { type Effort, type Goal, improveObject } from '../super/index.js';
import { validateObject } from '../super/proof/index.js';
import { formatNumber, formatShare } from '../text/index.js';
import { buildHash } from './build-hash.js';
import { refusalsOf } from './opt-bench/refusals.js';
import { type Flags, negativeIf, numberFlag, runTool, writeSummary } from './tool.js';

const usage =
  'npm run opt-corpus -- DIR... [-c PACKETS] [--goal size|speed] [--effort N] [--slice I/N] [--no-prove] [--keep DIR] [--out DIR] [--svg FILE] [--mcpu LIST]';

/** Sums over all objects. */
interface Sums {
  objects: number;
  programs: number;
  /** Programs that the kernel took before, and of those the ones that it refuses now. */
  taken: number;
  refused: number;
  packets: number;
  ran: number;
  differing: number;
  takenBack: number;
  before: number;
  after: number;
  processedBefore: number;
  processedAfter: number;
  functions: number;
  changed: number;
  proved: number;
  bounded: number;
  refuted: number;
}

const none: Sums = {
  objects: 0,
  programs: 0,
  taken: 0,
  refused: 0,
  packets: 0,
  ran: 0,
  differing: 0,
  takenBack: 0,
  before: 0,
  after: 0,
  processedBefore: 0,
  processedAfter: 0,
  functions: 0,
  changed: 0,
  proved: 0,
  bounded: 0,
  refuted: 0,
};

await runTool(
  usage,
  {
    count: { type: 'string', short: 'c' },
    goal: { type: 'string', default: 'size' },
    effort: { type: 'string' },
    slice: { type: 'string' },
    prove: { type: 'boolean', default: true },
    'no-prove': { type: 'boolean', default: false },
    keep: { type: 'string' },
    out: { type: 'string' },
    svg: { type: 'string' },
    mcpu: { type: 'string' },
    summary: { type: 'string' },
  },
  async (operands, flags) => {
    if (operands.length === 0) throw new UsageError('give folders of objects', {}, usage);
    const folders = typeof flags['mcpu'] === 'string' ? builtInputs(operands, flags['mcpu'].split(',')) : operands;
    const task = await taskOf(flags);
    const sums = { ...none };
    const gains: number[] = [];
    const all = folders.flatMap((folder) => findObjects(folder));
    for (const file of all.filter((_, i) => i % task.slices === task.slice)) {
      try {
        const row = await kept(file, task);
        for (const line of row.lines) console.log(line);
        for (const key of Object.keys(sums) as (keyof Sums)[]) sums[key] += row.sums[key];
        gains.push(...row.gains);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        console.error(`left out: ${error.format().split('\n')[0]}`);
      }
    }
    await task.solver?.close();
    tell(sums, task);
    if (typeof flags['svg'] === 'string') writeFileSync(flags['svg'], gainsChart(gains));
    writeSummary(flags, { ...sums });
    return negativeIf(sums.refused + sums.differing + sums.refuted);
  },
);

/** Folders of the inputs of opt-bench at these versions, built where they are not there yet. */
function builtInputs(operands: readonly string[], versions: readonly string[]): string[] {
  const [work, ...others] = operands;
  if (work === undefined || others.length > 0 || versions.some((mcpu) => !/^v[1-4]$/.test(mcpu)))
    throw new UsageError('--mcpu takes v1 to v4, by commas, and one folder to build in', {}, usage);
  const missing = versions.filter((mcpu) => !existsSync(join(work, mcpu, 'xdp_router_ipv4.o')));
  const script = fileURLToPath(new URL('../../bench/opt-inputs.sh', import.meta.url));
  if (missing.length > 0)
    execFileSync('bash', [script, work], {
      env: { ...process.env, MCPU: missing.join(' ') },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  return versions.map((mcpu) => join(work, mcpu));
}

/** What is done with each object. */
interface Task {
  readonly goal: Goal;
  readonly effort: Effort;
  readonly packets: readonly { readonly data: Uint8Array }[];
  readonly bpf: Bpf | undefined;
  readonly solver: Solver | undefined;
  readonly out: string | undefined;
  readonly keep: string | undefined;
  /** Tells apart what results hang on beside the object: the tool's code, and what it was asked. */
  readonly version: string;
  readonly slice: number;
  readonly slices: number;
}

async function taskOf(flags: Flags): Promise<Task> {
  const effort = numberFlag(flags, 'effort', 0);
  const goal = flags['goal'];
  if (goal !== 'size' && goal !== 'speed') throw new UsageError('--goal takes size or speed', {}, usage);
  if (effort !== 0 && effort !== 1 && effort !== 2 && effort !== 3) throw new UsageError('--effort takes 0 to 3');
  const slice = /^([1-9]\d*)\/([1-9]\d*)$/.exec(String(flags['slice'] ?? '1/1'));
  if (slice === null) throw new UsageError('--slice takes I/N, such as 2/5', {}, usage);
  const solver = flags['no-prove'] === true ? undefined : await openSolver();
  if (solver === undefined && flags['no-prove'] !== true) console.error(noSolver);
  const bpf = Bpf.tryOpen();
  if (bpf === undefined) console.error('the running kernel cannot be asked');
  return {
    goal,
    effort,
    packets: makePackets(numberFlag(flags, 'count', 2000), 1).map((data) => ({ data })),
    bpf,
    solver,
    out: typeof flags['out'] === 'string' ? flags['out'] : undefined,
    keep: typeof flags['keep'] === 'string' ? flags['keep'] : undefined,
    version: `${buildHash()} ${goal} ${effort} ${flags['count'] ?? ''} ${flags['no-prove']}`,
    slice: Number(slice[1]) - 1,
    slices: Number(slice[2]),
  };
}

/** What came of one object. */
interface ObjectRow {
  readonly sums: Sums;
  /** What is not as it should be, and what is not proved. */
  readonly lines: readonly string[];
  /** Of its programs, as shares. */
  readonly gains: readonly number[];
}

/** What came of an object with the same bytes before, or else now. */
async function kept(file: ObjectFile, task: Task): Promise<ObjectRow> {
  const bytes = new Uint8Array(readFileSync(file.path));
  if (task.keep === undefined || task.out !== undefined) return optimized(file, bytes, task);
  const key = createHash('sha256').update(bytes).update(`${file.name} ${task.version}`).digest('hex');
  const path = join(task.keep, `${key.slice(0, 24)}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'));
  const row = await optimized(file, bytes, task);
  mkdirSync(task.keep, { recursive: true });
  writeFileSync(path, JSON.stringify(row));
  return row;
}

async function optimized(file: ObjectFile, bytes: Uint8Array, task: Task): Promise<ObjectRow> {
  const { goal, effort, packets, bpf, solver } = task;
  const sums: Sums = { ...none, objects: 1 };
  const lines: string[] = [];
  const refuses = refusalsOf(bpf);
  const result = await improveObject(bytes, { name: file.name, goal, effort, refuses, solver });
  const [before, after] = [bytes, result.bytes].map((each) => readObject(each, { name: file.name }));
  if (before === undefined || after === undefined) return { sums, lines, gains: [] };
  if (task.out !== undefined) {
    const path = join(task.out, file.name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, result.bytes);
  }
  const old = new Set(refuses(bytes).map(({ program }) => program));
  sums.programs += before.programs.length;
  sums.taken += before.programs.length - old.size;
  for (const { program, why } of refuses(result.bytes)) {
    if (old.has(program)) continue;
    sums.refused++;
    lines.push(`${file.name}: ${program}: refused: ${why}`);
  }
  for (const row of compareObjects(before, after, packets, {
    engine: machineEngine('wasm'),
    seeds: [1, 2],
    kernel: bpf,
  })) {
    sums.packets += row.packets;
    if (row.packets > 0) sums.ran++;
    if (row.difference === undefined) continue;
    sums.differing++;
    lines.push(`${file.name}: ${row.program}: packet ${row.difference.packet}: ${row.difference.what}`);
  }
  for (const fn of result.functions) {
    sums.functions++;
    sums.before += fn.before;
    sums.after += fn.after;
    sums.takenBack += fn.takenBack.length;
  }
  for (const { processedBefore, processedAfter } of result.programs) {
    sums.processedBefore += processedBefore ?? 0;
    sums.processedAfter += processedAfter ?? 0;
  }
  const changed = new Set(result.functions.filter(({ saved }) => saved.length > 0).map(({ name }) => name));
  sums.changed += changed.size;
  if (solver !== undefined)
    for (const [name, validation] of await validateObject(before, after, changed, solver)) {
      const { verdict } = validation;
      if (verdict !== 'unknown') sums[verdict]++;
      if (verdict === 'refuted') lines.push(`${file.name}: ${name}: refuted: ${validation.what}`);
      if (verdict === 'unknown') lines.push(`${file.name}: ${name}: not proved: ${validation.why}`);
    }
  const gains = result.programs.map((program) => (program.before - program.after) / program.before);
  return { sums, lines, gains };
}

function tell(sums: Sums, { solver, bpf }: Task): void {
  const n = formatNumber;
  console.log(
    `${n(sums.objects)} objects, ${n(sums.programs)} programs: ${n(sums.before)} slots before, ${n(sums.after)} after (${formatShare(sums.before - sums.after, sums.before)} less), ${n(sums.takenBack)} changes taken back`,
  );
  console.log(
    `verifier: ${n(sums.processedBefore)} instructions processed before, ${n(sums.processedAfter)} after; kernel: ${bpf === undefined ? 'not asked' : `of ${n(sums.taken)} that it took it refuses ${n(sums.refused)}`}`,
  );
  console.log(
    `${n(sums.packets)} packets through ${n(sums.ran)} programs, before and after: ${n(sums.differing)} programs differ`,
  );
  if (solver !== undefined) {
    const rest = sums.changed - sums.proved - sums.bounded - sums.refuted;
    console.log(
      `${n(sums.changed)} of ${n(sums.functions)} functions changed: ${n(sums.proved)} proved (${formatShare(sums.proved, sums.changed)}), ${n(sums.bounded)} bounded, ${n(rest)} not proved, ${n(sums.refuted)} refuted`,
    );
  }
  const failed = sums.refused + sums.differing + sums.refuted;
  console.log(`\n${n(Math.max(0, sums.programs - failed))} passed, ${n(failed)} failed`);
}

/** How many programs gained how much. */
function gainsChart(gains: readonly number[]): string {
  const step = 5;
  const most = Math.max(step, ...gains.map((gain) => 100 * gain));
  const groups = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => {
    const within = gains.filter((gain) => Math.floor((100 * gain) / step) === i).length;
    return { name: `${i * step}-${(i + 1) * step} %`, values: [within] };
  });
  const max = Math.max(...groups.map(({ values }) => values[0] ?? 0));
  return barChart({
    title: `Slots that jitnic opt takes out of ${gains.length} programs`,
    y: { label: 'programs', scale: 'linear', min: 0, max: Math.ceil(max / 5) * 5 },
    groups,
    bars: ['programs'],
  });
}
