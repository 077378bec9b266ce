/** Test files shared out over processes: each is `jitnic test FILE... -j` of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ExitCode, exitCodes, InternalError } from '../base/index.js';
import type { CaseResult, FileError } from '../cases/index.js';
import type { Io } from './command.js';
import { type ReadingFlags, readingWords } from './program-file.js';

interface Done {
  readonly results: readonly CaseResult[];
  readonly errors: readonly FileError[];
  readonly exitCode: ExitCode;
}

/** What the processes are told of what this one was. */
interface JobFlags extends ReadingFlags {
  readonly engine?: readonly string[];
  readonly filter?: string;
}

/** The command line as a script: of the joined files where this is one of them. */
const main = fileURLToPath(new URL(import.meta.url.endsWith('.cjs') ? './main.cjs' : './main.js', import.meta.url));

/** Results in the order of the files. */
export async function runTestsInProcesses(
  files: readonly string[],
  jobs: number,
  options: JobFlags,
  io: Io,
): Promise<Done> {
  const found = new Map<string, Done>();
  let exitCode: ExitCode = exitCodes.ok;
  const left = [...files];
  const { engine = [], filter } = options;
  const flags = [
    ...engine.flatMap((name) => ['--engine', name]),
    ...(filter === undefined ? [] : [`--filter=${filter}`]),
    ...readingWords(options),
  ];
  const work = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      const done = await runOne(file, flags, io);
      found.set(file, done);
      if (done.exitCode > exitCodes.negative) exitCode = done.exitCode;
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, files.length) }, work));
  const all = files.flatMap((file) => found.get(file) ?? []);
  return {
    results: all.flatMap(({ results }) => results),
    errors: all.flatMap(({ errors }) => errors),
    exitCode,
  };
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
          error?: { message: string; place: string | null; hint: string | null };
        };
        // A filter that fits nothing in one file may fit in others.
        const isUnfiltered = status === exitCodes.usage && flags.some((flag) => flag.startsWith('--filter='));
        const errors: FileError[] = [];
        if (json.results === undefined && !isUnfiltered) {
          const { message, place, hint } = json.error ?? { message: text, place: null, hint: null };
          errors.push({ file, message: `${place ?? file}: ${message}${hint === null ? '' : `\nhint: ${hint}`}` });
          io.err(`error: ${errors[0]?.message}\n`);
        }
        const results = (json.results ?? []).map((one) => ({
          ...one,
          reason: one.reason,
          failures: one.failures.map((failure) => ({ ...failure, packet: failure.packet ?? 0 })),
        }));
        resolve({
          results,
          errors,
          exitCode: isUnfiltered ? exitCodes.ok : ((status ?? exitCodes.internal) as ExitCode),
        });
      } catch {
        reject(new InternalError('test', `${file}: the process ended with ${status} and said: ${text.slice(0, 200)}`));
      }
    });
  });
}
