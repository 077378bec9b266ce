/** Test files run by vitest in a clone. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Runs test files (names, or parts of names) one after the other. Resolves with `files`, each with its name, its
 * milliseconds and the first test of it that failed; with `hangs` where the time was over before the tests were.
 * `bail`: until the first test fails.
 */
export function runTests(folder, names, { bail, minutes }) {
  return new Promise((resolve) => {
    const report = join(folder, 'report.json');
    rmSync(report, { force: true });
    const args = ['node_modules/vitest/vitest.mjs', 'run', ...names, '--no-file-parallelism', '--reporter=json'];
    args.push(`--outputFile.json=${report}`, ...(bail ? ['--bail=1'] : []));
    const child = spawn(process.execPath, args, { cwd: folder, stdio: 'ignore', detached: true });
    let hangs = false;
    const hang = setTimeout(
      () => {
        hangs = true;
        process.kill(-child.pid, 'SIGKILL');
      },
      (minutes ?? 120) * 60_000,
    );
    child.on('exit', (status) => {
      clearTimeout(hang);
      resolve({ files: hangs ? [] : filesOf(folder, report), hangs, failed: status !== 0 });
    });
  });
}

function filesOf(folder, report) {
  let results;
  try {
    results = JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    return [];
  }
  return results.map(({ name, startTime, endTime, status, assertionResults }) => {
    const failed = assertionResults.find(({ status: end }) => end === 'failed');
    const why = status === 'failed' ? (failed?.fullName ?? 'does not load') : undefined;
    return { name: name.replace(`${folder}/`, ''), ms: endTime - startTime, failed: why };
  });
}
