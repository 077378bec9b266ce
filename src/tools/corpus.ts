/**
 * `npm run corpus -- DIR... [-c packets] [--jobs N]`: every object file below the folders, every XDP program in it,
 * run through card and host with the plain interpreter beside; maps are filled from `NAME.maps.json` beside `NAME.o`.
 * With `--no-regions` each trace has a place of its own; with `--updates` a control plane changes a map at random
 * before every packet. One row each, in order; closes with `N passed, N failed, ...`; exit code 1 if any failed.
 * Objects are spread over worker threads, each of which runs this same file.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { UsageError } from '../base/index.js';
import { type CorpusRow, corpusPage, corpusSummary, corpusTraffic, runObject, stopped } from '../cli/check/card-run.js';
import { findObjects, type ObjectFile } from '../cli/check/objects.js';
import { readPackets } from '../cli/check/traffic.js';
import type { Arrival } from '../runtime/index.js';
import { type Flags, negativeIf, numberFlag, runTool } from './tool.js';
import { spread } from './worker-pool.js';

const usage =
  'usage: npm run corpus -- DIR... [-r capture] [-c packets] [--jobs N] [--markdown FILE] [--cache-size N] [--seed N] [--updates] [--no-regions]';

/** What every worker needs to know. */
interface Work {
  readonly capture: string | undefined;
  readonly count: number;
  readonly seed: number;
  readonly cacheSize: number;
  readonly updates: boolean;
  readonly regions: boolean;
}

/**
 * Spreads the files over workers and prints their rows as they come, in the order of the files. Returns the exit code.
 */
async function main(folders: readonly string[], flags: Flags): Promise<number> {
  if (folders.length === 0) throw new UsageError('give a folder', {}, usage);
  const capture = typeof flags['read'] === 'string' ? flags['read'] : undefined;
  const work: Work = {
    capture,
    count: numberFlag(flags, 'count', capture === undefined ? 1000 : Number.MAX_SAFE_INTEGER),
    seed: numberFlag(flags, 'seed', 1),
    cacheSize: Math.max(1, numberFlag(flags, 'cache-size', 64)),
    updates: flags['updates'] === true,
    regions: flags['no-regions'] !== true,
  };
  const files = folders.flatMap(findObjects);
  const jobs = Math.max(1, Math.min(files.length, numberFlag(flags, 'jobs', availableParallelism())));
  const rows: CorpusRow[] = [];
  await spread<ObjectFile, readonly CorpusRow[]>({
    url: new URL(import.meta.url),
    items: files,
    workerData: work,
    jobs,
    take: (found) => {
      for (const row of found) {
        rows.push(row);
        process.stdout.write(`${shown(row)}\n`);
      }
    },
    // A worker that dies (V8's heap is full, say) takes its object with it, which is a failed row and not the end.
    lost: (file, error) => [stopped(file.name, '', error)],
  });
  if (typeof flags['markdown'] === 'string') {
    const packets = capture === undefined ? `${work.count} generated packets` : `the packets of ${basename(capture)}`;
    await writeFile(flags['markdown'], corpusPage(rows, packets));
  }
  process.stdout.write(`\n${corpusSummary(rows)}\n`);
  return negativeIf(rows.filter((row) => row.result === 'failed').length);
}

/** A row as a line of text; cells that say nothing are left out, so lines are not columns. */
function shown(row: CorpusRow): string {
  const cells = [
    row.result.padEnd(7),
    `${row.object} ${row.program}`.padEnd(50),
    row.verdicts,
    row.hitRate,
    row.traces === undefined ? '' : `${row.traces} traces`,
    row.aborts,
    row.updates === undefined ? '' : `${row.updates} updates, ${row.retired} retired`,
    row.why,
  ];
  return cells.filter((cell) => cell !== undefined && cell !== '').join('  ');
}

/** Inside of a worker: a file in, its rows out, until there are no more. */
function serve({ capture, count, seed, cacheSize, updates, regions }: Work): void {
  let packets: Promise<readonly Arrival[]> | undefined;
  parentPort?.on('message', async (file: ObjectFile | undefined) => {
    if (file === undefined) {
      parentPort?.close();
      return;
    }
    // Every worker makes or reads the packets once; they are the same for all objects.
    packets ??= capture === undefined ? Promise.resolve(corpusTraffic(seed, count)) : readPackets(capture, count);
    parentPort?.postMessage(
      runObject(file, await packets, { cacheSize, regions, updates: updates ? seed : undefined }),
    );
  });
}

if (isMainThread) {
  await runTool(
    usage,
    {
      read: { type: 'string', short: 'r' },
      count: { type: 'string', short: 'c' },
      jobs: { type: 'string', short: 'j' },
      markdown: { type: 'string' },
      'cache-size': { type: 'string' },
      seed: { type: 'string' },
      updates: { type: 'boolean' },
      'no-regions': { type: 'boolean' },
    },
    main,
  );
} else serve(workerData as Work);
