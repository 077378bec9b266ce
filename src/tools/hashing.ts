/**
 * `npm run hashing -- [--programs N] [--seed N] [-c packets] [--budget MS]`: generated programs that decide by hashes
 * of the packet (jhash, SipHash, murmur3's finalizers, FNV, anything), each through `jitnic trace --check -v --rules`,
 * `jitnic ir` and a report. Every phase that Ctrl-C can break off is timed, in processor time so that a busy machine
 * does not matter, and has to stay within the budget: no search over conditions may take as long as they have paths. A
 * row a command and phase; closes with `N passed, N failed`, a check for each phase of each program.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Host, runCli } from '../cli/program.js';
import { encodeCapture, generateTraffic } from '../packet/index.js';
import { formatTable } from '../text/index.js';
import { hashKinds, hashProgram } from './hashing/program.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run hashing -- [--programs N] [--seed N] [-c packets] [--budget MS]';

/** Milliseconds that a phase took, by program. */
type Times = Map<string, { readonly program: string; readonly ms: number }[]>;

/** Runs one command, notes what its phases took, and returns its exit code and what it printed. */
async function timed(args: readonly string[], times: Map<string, number>): Promise<{ code: number; out: string }> {
  let out = '';
  const host: Host = {
    out: (text) => {
      out += typeof text === 'string' ? text : '';
    },
    err: (text) => {
      out += text;
    },
    outIsTerminal: false,
    errIsTerminal: false,
    width: 100,
    env: {},
    stdin: async function* () {
      // Nothing is read from it.
    },
    onInterrupt: () => undefined,
    breakable: (work, phase) => {
      const start = process.cpuUsage();
      try {
        return work();
      } finally {
        const { user, system } = process.cpuUsage(start);
        const of = `${args[0]}: ${phase}`;
        times.set(of, (times.get(of) ?? 0) + (user + system) / 1000);
      }
    },
  };
  const code = await runCli(args, host);
  return { code, out };
}

/** What each program goes through. */
function commandsOf(object: string, capture: string, folder: string): string[][] {
  return [
    ['trace', object, '-r', capture, '--check', '-v', '--rules'],
    ['trace', object, '-r', capture, '-v', '-j'],
    ['ir', object, '--time-passes', '-j'],
    ['run', object, '-r', capture, '--report', join(folder, 'page.html'), '-j'],
  ];
}

function print(times: Times, budget: number): void {
  const titles = ['phase', 'programs', 'median (ms)', 'worst (ms)', 'worst program', `over ${budget} ms`];
  const cells = [...times].map(([phase, of]) => {
    const sorted = of.toSorted((a, b) => a.ms - b.ms);
    const worst = sorted.at(-1);
    return [
      phase,
      of.length,
      (sorted[sorted.length >> 1]?.ms ?? 0).toFixed(1),
      (worst?.ms ?? 0).toFixed(1),
      worst?.program ?? '',
      of.filter(({ ms }) => ms > budget).length,
    ];
  });
  process.stdout.write(
    formatTable(
      titles.map((title) => ({ title })),
      cells,
    ),
  );
}

await runTool(
  usage,
  {
    programs: { type: 'string' },
    seed: { type: 'string' },
    count: { type: 'string', short: 'c' },
    budget: { type: 'string' },
  },
  async (_, flags) => {
    const budget = numberFlag(flags, 'budget', 1000);
    const first = numberFlag(flags, 'seed', 1);
    const folder = mkdtempSync(join(tmpdir(), 'jitnic-hashing-'));
    const [object, capture] = [join(folder, 'p.s'), join(folder, 'traffic.pcap')];
    const traffic = generateTraffic({ seed: first, packets: numberFlag(flags, 'count', 200), flows: 50 });
    writeFileSync(capture, encodeCapture([...traffic], { format: 'pcap' }));
    const all: Times = new Map();
    let passed = 0;
    let failed = 0;
    try {
      for (let seed = first; seed < first + numberFlag(flags, 'programs', 100); seed++) {
        const program = `${seed} (${hashKinds[seed % hashKinds.length]})`;
        writeFileSync(object, hashProgram(seed));
        const times = new Map<string, number>();
        for (const command of commandsOf(object, capture, folder)) {
          const own = new Map<string, number>();
          const { code, out } = await timed(command, own);
          // Of two runs of a command the slower one.
          for (const [phase, ms] of own) times.set(phase, Math.max(ms, times.get(phase) ?? 0));
          if (code === 0) continue;
          failed++;
          console.log(`program ${program}: jitnic ${command[0]} ends with ${code}: ${out.trim().split('\n').at(-1)}`);
        }
        for (const [phase, ms] of times) {
          all.set(phase, [...(all.get(phase) ?? []), { program, ms }]);
          if (ms <= budget) passed++;
          else failed++;
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
    print(all, budget);
    console.log(`${passed} passed, ${failed} failed`);
    return negativeIf(failed);
  },
);
