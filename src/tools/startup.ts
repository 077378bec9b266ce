/**
 * `npm run startup -- [--rounds N]`: how long one waits for the command line. Whole processes, started in turns so
 * that a busy machine disturbs all alike; of each the median of N (default 21) by the clock, and what that is above
 * the median of `node -e 0`. The code that V8 keeps (src/cli/bundle.ts) and the results of earlier runs are there, as
 * for anybody who uses a tool for the second time; the first round, which makes them, does not count.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InternalError } from '../base/index.js';
import { formatTable } from '../text/index.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

/** What the package runs. */
const main = fileURLToPath(new URL('../bundle/main.cjs', import.meta.url));
// The first verdict is that of a program with maps and a capture of its own, as in `jitnic demo`.
const example = (file: string): string => fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
const balancer = [
  example('load-balancer/load-balancer.o'),
  ...['-r', example('load-balancer/traffic.pcap'), '--maps-in', example('load-balancer/load-balancer.maps.json')],
];

/** `most`: milliseconds above `node -e 0`. */
const commands = [
  { name: 'node -e 0', args: ['-e', '0'], most: undefined },
  { name: 'jitnic --version', args: [main, '--version'], most: 40 },
  { name: 'first verdict of the load balancer', args: [main, 'run', ...balancer, '-c', '1', '-q'], most: 120 },
] as const;

await runTool('npm run startup -- [--rounds N]', { rounds: { type: 'string' } }, (_operands, flags) => {
  const rounds = Math.max(1, numberFlag(flags, 'rounds', 21));
  const cache = mkdtempSync(join(tmpdir(), 'jitnic-startup-'));
  const runs = commands.map((): number[] => []);
  try {
    // All commands in each round, so that a busy minute disturbs none of them alone.
    for (let round = 0; round <= rounds; round++)
      for (const [i, { args }] of commands.entries()) {
        const milliseconds = timeProcess(args, cache);
        if (round > 0) runs[i]?.push(milliseconds);
      }
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
  const medians = runs.map((list) => median(list));
  const rows = commands.map(({ name, most }, i) => {
    const clock = medians[i] ?? 0;
    return { name, clock, above: clock - (medians[0] ?? 0), most };
  });
  console.log(
    formatTable(
      [
        { title: `median of ${rounds}`, align: 'left' },
        { title: 'clock (ms)' },
        { title: 'above node (ms)' },
        { title: 'wanted (ms)' },
      ],
      rows.map(({ name, clock, above, most }) => [
        name,
        clock.toFixed(0),
        most === undefined ? '' : above.toFixed(0),
        most === undefined ? '' : `<= ${most}`,
      ]),
    ),
  );
  const failed = rows.filter(({ above, most }) => most !== undefined && above > most).length;
  console.log(`\n${rows.length - 1 - failed} passed, ${failed} failed`);
  return negativeIf(failed);
});

/** Milliseconds by the clock that one process takes. */
function timeProcess(args: readonly string[], cache: string): number {
  // Certificates that the environment has Node read before it runs anything take longer than all that is measured.
  const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    // A cache of its own: what the user's cache holds is not part of the figure.
    env: { ...environment, JITNIC_CACHE: cache },
    encoding: 'utf8',
  });
  const milliseconds = performance.now() - start;
  if (status !== 0) throw new InternalError('startup', `${args.join(' ')}: exit ${status}: ${stderr}`);
  return milliseconds;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
