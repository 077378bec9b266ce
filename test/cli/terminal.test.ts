/**
 * The built command line on a terminal: `script` (util-linux) gives it one. What is typed is read by Node's readline,
 * and a command that has ended ends the process.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { builtCli } from '../support/interrupted.js';

const why = !existsSync(builtCli)
  ? 'there is no dist/: npm run build'
  : spawnSync('script', ['--version']).status !== 0
    ? 'no `script`, which util-linux has'
    : undefined;

test.skipIf(why !== undefined)(
  `a debugger is talked to at a terminal${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    const args = ['debug', 'examples/ipv6-filter/ipv6-filter.o', '--layers', 'eth/ip6(hlim=9)/udp'];
    const command = [process.execPath, builtCli, ...args].map((word) => `'${word}'`).join(' ');
    // Twice: the second time with the code that the first one left behind.
    for (let round = 0; round < 2; round++) {
      const { stdout, status } = spawnSync('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
        input: 'goto end\nquit\n',
        encoding: 'utf8',
      });
      expect(stdout).toContain('the program returns 2: PASS');
      expect(stdout).not.toContain('internal error');
      expect(status).toBe(0);
    }
  },
);
