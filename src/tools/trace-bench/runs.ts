/**
 * What `jitnic run` costs with its card, as somebody who starts it sees it: whole processes, from their start to their
 * end, on the example's own capture played again and again up to {@link packets} packets. *wasm* is `--engine wasm`,
 * *default* the command without a word about engines. Both run in turns, in a cache of their own that a first round
 * has filled; figures are medians of processor time, that of compiling threads included, so a busy machine changes
 * them little.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InternalError } from '../../base/index.js';
import { repeated } from '../../cli/check/traffic.js';
import { encodeCapture } from '../../packet/index.js';
import type { Arrival } from '../../runtime/index.js';
import { formatTable } from '../../text/index.js';

const packets = 100_000;
const rounds = 3;
/** What the default may take at most, as a share of what it is compared with. */
const least = 0.95;

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
/** Says on standard error, last, what the process took: microseconds of all threads. */
const clock =
  'data:text/javascript,process.on("exit",()=>{const{user,system}=process.cpuUsage();console.error(user+system)})';

/** An example as files. */
export interface RunSubject {
  readonly name: string;
  readonly packets: readonly Arrival[];
  /** Paths of the object and of its map file, if there is one, and the name of the program that packets come to. */
  readonly files: { readonly object: string; readonly program: string; readonly maps: string | undefined };
}

/** Milliseconds of processor time of one process. */
function timeRun(args: readonly string[], cache: string): number {
  const { status, stderr } = spawnSync(process.execPath, ['--import', clock, main, 'run', ...args], {
    env: { ...process.env, JITNIC_CACHE: cache },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new InternalError('trace-bench', `run ${args.join(' ')}: exit ${status}: ${stderr}`);
  return Number(stderr.trimEnd().split('\n').at(-1)) / 1000;
}

/** A row an example. */
export function runsTable(subjects: readonly RunSubject[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-runs-'));
  try {
    const rows = subjects.map((subject) => {
      const capture = join(folder, `${subject.name}.pcap`);
      writeFileSync(capture, encodeCapture(repeated(subject.packets, packets)));
      const { object, program, maps } = subject.files;
      const common = [object, program, '-r', capture, '-q', ...(maps === undefined ? [] : ['--maps-in', maps])];
      const times: readonly [number[], number[]] = [[], []];
      for (let round = 0; round <= rounds; round++)
        for (const [i, engine] of [['--engine', 'wasm'], []].entries()) {
          const time = timeRun([...common, ...engine], join(folder, 'cache'));
          if (round > 0) times[i]?.push(time);
        }
      rmSync(capture);
      const [wasm, own] = times.map((list) => list.sort((a, b) => a - b)[list.length >> 1] as number) as [
        number,
        number,
      ];
      return { name: subject.name, wasm, own, ratio: wasm / own };
    });
    const table = formatTable(
      [
        { title: `runs of ${packets}`, align: 'left' },
        { title: 'wasm ms', align: 'right' },
        { title: 'default ms', align: 'right' },
        { title: 'ratio', align: 'right' },
      ],
      rows.map(({ name, wasm, own, ratio }) => [name, wasm.toFixed(0), own.toFixed(0), ratio.toFixed(2)]),
    );
    const worst = Math.min(...rows.map(({ ratio }) => ratio));
    return `${table}\nworst ${worst.toFixed(2)}, wanted ${least}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
