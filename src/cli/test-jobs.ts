/** Test files shared out over processes: each is `jitnic test FILE... -j` of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ExitCode, exitCodes, InternalError } from '../base/index.js';
import type { CaseResult } from '../cases/index.js';
import type { Io } from './command.js';

interface Done {
  readonly results: readonly CaseResult[];
  readonly exitCode: ExitCode;
}

/** The command line as a script: beside this module, and beside the folder of the bundle. */
const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));

/** Results in the order of the files. */
export async function runTestsInProcesses(
  files: readonly string[],
  jobs: number,
  engines: readonly string[] | undefined,
  filter: string | undefined,
  io: Io,
): Promise<Done> {
  const found = new Map<string, readonly CaseResult[]>();
  let exitCode: ExitCode = exitCodes.ok;
  const left = [...files];
  const flags = [
    ...(engines ?? []).flatMap((name) => ['--engine', name]),
    ...(filter === undefined ? [] : ['--filter', filter]),
  ];
  const work = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      const done = await runOne(file, flags, io);
      found.set(file, done.results);
      if (done.exitCode > exitCodes.negative) exitCode = done.exitCode;
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, files.length) }, work));
  return { results: files.flatMap((file) => found.get(file) ?? []), exitCode };
}

function runOne(file: string, flags: readonly string[], io: Io): Promise<Done> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, 'test', '-j', ...flags, '--', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = (): void => void child.kill();
    process.once('exit', end);
    const out: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => io.err(piece.toString('utf8')));
    child.on('error', reject);
    child.on('close', (status) => {
      process.off('exit', end);
      const text = Buffer.concat(out).toString('utf8');
      try {
        const json = JSON.parse(text) as {
          results?: readonly CaseResult[];
          error?: { message: string; hint?: string };
        };
        // A filter that fits nothing in one file may fit in others.
        const isUnfiltered = status === exitCodes.usage && flags.includes('--filter');
        if (json.results === undefined && !isUnfiltered) io.err(`error: ${file}: ${json.error?.message ?? text}\n`);
        const results = (json.results ?? []).map((one) => ({
          ...one,
          reason: one.reason,
          failures: one.failures.map((failure) => ({ ...failure, packet: failure.packet ?? 0 })),
        }));
        resolve({ results, exitCode: isUnfiltered ? exitCodes.ok : ((status ?? exitCodes.internal) as ExitCode) });
      } catch {
        reject(new InternalError('test', `${file}: the process ended with ${status} and said: ${text.slice(0, 200)}`));
      }
    });
  });
}
