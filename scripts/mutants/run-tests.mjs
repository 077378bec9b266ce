/** Test files run by vitest in a clone. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const runner = fileURLToPath(new URL('./runner.mjs', import.meta.url));

/** A runner for each clone, which is started with the first request and after one that hung. */
const runners = new Map();
/** Sources that a runner has read with a mutant in them. */
const stale = new Map();

function start(folder) {
  const child = fork(runner, { cwd: folder, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], detached: true });
  child.ready = new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the runner of the tests ends with ${code}`)));
  });
  child.once('exit', () => {
    if (runners.get(folder) === child) runners.delete(folder);
  });
  runners.set(folder, child);
  return child;
}

/**
 * Runs test files (names, or parts of names) one after the other. Resolves with `files`, each with its name, its
 * milliseconds and the first test of it that failed; with `hangs` where the time was over before the tests were.
 * `changed`: sources that are not as they were when the clone was made. `bail`: until the first test fails. `inOrder`:
 * in the order of their names.
 */
export async function runTests(folder, names, { changed = [], bail, minutes, inOrder = false }) {
  const child = runners.get(folder) ?? start(folder);
  await child.ready;
  const written = [...new Set([...(stale.get(folder) ?? []), ...changed])];
  stale.set(folder, changed);
  return new Promise((resolve) => {
    const end = (answer) => {
      clearTimeout(hang);
      child.removeAllListeners('message');
      child.removeListener('exit', died);
      resolve({ hangs: false, ...answer });
    };
    const died = () => end({ files: [], failed: true, why: ['the runner ended'] });
    const hang = setTimeout(
      () => {
        runners.delete(folder);
        process.kill(-child.pid, 'SIGKILL');
        end({ files: [], failed: true, hangs: true });
      },
      (minutes ?? 120) * 60_000,
    );
    child.once('message', end);
    child.once('exit', died);
    child.send({ names, changed: written, bail, inOrder });
  });
}

/** Ends what runs tests. */
export function endRunners() {
  for (const child of runners.values()) process.kill(-child.pid, 'SIGKILL');
  runners.clear();
}
