/**
 * `npm run eval -- [--quick] [--packets N] [--seed N] [--jobs N] [--out DIR] [--check] [DIR...]`: how many traces
 * programs need, under which traffic, with which cache; writes `evaluation.md` and its plots to `docs` (a quick run
 * writes only where `--out` says). Examples are always measured; other programs are those below the folders that are
 * given, or else below `JITNIC_CORPUS`. `--check` writes nothing and fails where a file differs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { UserError } from '../base/index.js';
import { withoutFolders } from '../cli/check/card-run.js';
import { findObjects, type ObjectFile } from '../cli/check/objects.js';
import { notForBpf, packetsBeside, readSubject } from '../cli/check/subjects.js';
import { xdpCandidates } from '../object/index.js';
import { charts } from './eval/charts.js';
import { percent } from './eval/markdown.js';
import { type EvalOptions, isMeasured, measureProgram, type ProgramResult } from './eval/measure.js';
import { type EvalResults, evaluationPage } from './eval/page.js';
import { cardPlaces } from './eval/places.js';
import { placesCount } from './eval/places-part.js';
import { type Flags, negativeIf, numberFlag, runTool } from './tool.js';
import { spread } from './worker-pool.js';

const usage = 'npm run eval -- [--quick] [--packets N] [--seed N] [--jobs N] [--out DIR] [--check] [DIR...]';
const root = fileURLToPath(new URL('../../', import.meta.url));

/** An object file; whether it is one of the examples, which have traffic of their own and are named in the page. */
type Item = ObjectFile & { readonly isExample: boolean };
/** What a worker hands back for one program: its figures, or why there are none. */
type Measured =
  | { readonly kind: 'result'; readonly result: ProgramResult }
  /** `isOurs`: a crash, not a program that cannot run here. */
  | { readonly kind: 'without'; readonly name: string; readonly why: string; readonly isOurs: boolean };

/** Measures everything, over worker threads, and puts page and plots together. Returns the exit code. */
async function main(folders: readonly string[], flags: Flags): Promise<number> {
  const quick = flags['quick'] === true;
  const options: EvalOptions = {
    quick,
    packets: Math.max(100, numberFlag(flags, 'packets', quick ? 400 : 2000)),
    seed: numberFlag(flags, 'seed', 1),
  };
  const corpus = folders.length > 0 ? folders : [process.env['JITNIC_CORPUS']].filter((path) => path !== undefined);
  const items: Item[] = [
    ...findObjects(join(root, 'examples')).map((file) => ({ ...file, isExample: true })),
    ...corpus.flatMap(findObjects).map((file) => ({ ...file, isExample: false })),
  ];
  // Progress and times go to stderr; the page has none, so that equal seeds give equal pages.
  const started = performance.now();
  const measured: Measured[] = [];
  await spread<Item, readonly Measured[]>({
    url: new URL(import.meta.url),
    items,
    workerData: options,
    jobs: Math.max(1, Math.min(items.length, numberFlag(flags, 'jobs', availableParallelism()))),
    take: (rows) => {
      for (const row of rows) process.stderr.write(`${shown(row)}\n`);
      measured.push(...rows);
    },
    lost: ({ name }, error) => [{ kind: 'without', name, why: error.message, isOurs: true }],
  });
  const results = measured.filter((row) => row.kind === 'result').map(({ result }) => result);
  const without = measured.filter((row) => row.kind === 'without');
  const all: EvalResults = {
    options,
    examples: results.filter(({ isExample }) => isExample),
    corpus: results.filter(({ isExample }) => !isExample),
    hasCorpus: corpus.length > 0,
    without,
  };
  const files = new Map([
    ['evaluation.md', evaluationPage(all)],
    ...[...charts(all.examples, all.corpus)].map(([name, svg]) => [join('eval', name), svg] as const),
  ]);
  const out = typeof flags['out'] === 'string' ? flags['out'] : quick ? undefined : join(root, 'docs');
  // `--check` is what CI asks: do the committed page and plots follow from the sources?
  const stale = flags['check'] === true ? staleFiles(out ?? join(root, 'docs'), files) : [];
  if (flags['check'] !== true && out !== undefined) write(out, files);
  process.stdout.write(`${files.get('evaluation.md')}\n`);
  for (const file of stale) console.error(`${file}: is not what this run gives`);
  const { passed, failed } = placesCount(results);
  console.error(`few places decide nearly all packets: ${passed} passed, ${failed} failed`);
  const crashed = without.filter(({ isOurs }) => isOurs).length;
  console.error(`${((performance.now() - started) / 1000).toFixed(0)} s`);
  console.log(
    `${results.length} programs measured, ${without.length} without figures, ${crashed + stale.length} failed`,
  );
  return negativeIf(crashed + stale.length);
}

/** A line of progress. */
function shown(row: Measured): string {
  if (row.kind === 'without') return `${row.name}: ${row.why}`;
  const { object, program, traffics, places, attack } = row.result;
  const [real] = traffics;
  const usual = attack?.usual.regions;
  const taken = usual === undefined ? '' : `, an attack takes ${percent(usual.calm - usual.attacked)} points`;
  return `${object} ${program}: ${real?.paths} paths, ${real?.for99 ?? '-'} for 99 %, ${cardPlaces} places ${percent(places.regions.share)} %${taken}`;
}

/** Writes page and plots, which lie in a folder of their own beside it. */
function write(folder: string, files: ReadonlyMap<string, string>): void {
  mkdirSync(join(folder, 'eval'), { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
}

/** Files whose content is not what this run gives, or that are missing. */
function staleFiles(folder: string, files: ReadonlyMap<string, string>): string[] {
  return [...files]
    .map(([name, text]) => ({ path: join(folder, name), text }))
    .filter(({ path, text }) => !existsSync(path) || readFileSync(path, 'utf8') !== text)
    .map(({ path }) => path);
}

/** All programs of one file that branch. */
async function measureFile({ isExample, ...file }: Item, options: EvalOptions): Promise<Measured[]> {
  try {
    const subject = readSubject(file);
    if (subject === undefined) return [{ kind: 'without', name: file.name, why: notForBpf, isOurs: false }];
    const own = isExample ? await packetsBeside(file, Number.MAX_SAFE_INTEGER) : undefined;
    const programs = xdpCandidates(subject.object).filter((program) => isMeasured(subject.object, program));
    if (programs.length === 0) {
      return [{ kind: 'without', name: file.name, why: 'no XDP program that branches', isOurs: false }];
    }
    return programs.map((program): Measured => {
      try {
        return { kind: 'result', result: measureProgram(subject, program, own, options) };
      } catch (error) {
        return failure(`${file.name} ${program.name}`, error);
      }
    });
  } catch (error) {
    return [failure(file.name, error)];
  }
}

/**
 * A program that cannot run here (its error's first line, without folders of this machine, goes into the page), or a
 * crash, of which the stack is kept and which makes the run fail.
 */
function failure(name: string, error: unknown): Measured {
  if (error instanceof UserError) {
    const [first = ''] = error.format().split('\n');
    return { kind: 'without', name, why: withoutFolders(first), isOurs: false };
  }
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: 'without', name, why, isOurs: true };
}

if (isMainThread) {
  await runTool(
    usage,
    {
      quick: { type: 'boolean', default: false },
      packets: { type: 'string' },
      seed: { type: 'string' },
      jobs: { type: 'string' },
      out: { type: 'string' },
      check: { type: 'boolean', default: false },
    },
    main,
  );
} else {
  parentPort?.on('message', async (item: Item | undefined) => {
    if (item === undefined) parentPort?.close();
    else parentPort?.postMessage(await measureFile(item, workerData as EvalOptions));
  });
}
