/** `npm run fuzz -- --c`: generated C against the kernel, on engines and cards (c-fuzz/). */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import { Bpf, possibleCpus } from '../linux/index.js';
import { encodeCapture } from '../packet/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { type CCampaignResult, type CFailure, nameOf, runCCampaign } from './c-fuzz/campaign.js';
import type { CSource } from './c-fuzz/source.js';
import { type Flags, negativeIf, numberFlag, writeSummary } from './tool.js';

/** Versions that the campaign knows; those that are installed are used. */
const versions = [14, 16, 19];

/** Runs the campaign that the flags of `npm run fuzz` ask for, and prints it. Returns the exit code. */
export function fuzzC(flags: Flags): number {
  const clangs = versions.filter((version) => spawnSync(`clang-${version}`, ['--version']).status === 0);
  if (clangs.length === 0)
    throw new InputError('no clang to compile with', {}, `install one of clang-${versions.join(', clang-')}`);
  const bpf = Bpf.open();
  const seed = numberFlag(flags, 'seed', 1);
  const started = Date.now();
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-fuzz-'));
  // Failures are written as they are found: a campaign of days may be interrupted.
  let reported = 0;
  try {
    const result = runCCampaign(bpf, {
      compile: (source) => compile(source, folder),
      clangs,
      seed,
      programs: numberFlag(flags, 'programs', 150),
      packetsPerProgram: numberFlag(flags, 'packets', 96),
      cpus: possibleCpus(),
      shrink: flags['no-shrink'] !== true,
      progress: (done, so) => {
        for (const failure of so.failures.slice(reported)) report(failure, String(flags['out']));
        reported = so.failures.length;
        if (done % 50 === 0) console.error(`${formatNumber(done)} programs, ${so.failures.length} differences`);
      },
    });
    const seconds = Math.round((Date.now() - started) / 1000);
    print(result, seed, seconds);
    const { generated, accepted, packets, insns, hits } = result;
    writeSummary(flags, {
      engine: 'c',
      seed,
      generated,
      accepted,
      packets,
      insns,
      hits,
      differences: result.failures.length,
      seconds,
    });
    console.log(`${accepted - result.failures.length} passed, ${result.failures.length} failed`);
    return negativeIf(result.failures.length);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The object's bytes, or clang's last words. */
function compile({ text, target }: CSource, folder: string): Uint8Array | string {
  const file = join(folder, 'fuzz.c');
  const object = join(folder, 'fuzz.o');
  writeFileSync(file, text);
  // libc's headers of this machine, which <linux/bpf.h> includes, by Debian's names of architectures. Searched last,
  // so that clang's own headers win.
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? process.arch;
  const includes = ['-idirafter', `/usr/include/${machine}-linux-gnu`];
  const flags = ['-target', 'bpf', '-g', target.level, `-mcpu=${target.cpu}`, '-w', ...includes];
  const done = spawnSync(`clang-${target.clang}`, [...flags, '-c', file, '-o', object], { encoding: 'utf8' });
  if (done.status !== 0)
    return (done.stderr.split('\n').find((line) => line.includes('error')) ?? 'failed').slice(0, 200);
  return readFileSync(object);
}

/** One row of figures, how often each target was compiled for, and why programs were refused. */
function print(result: CCampaignResult, seed: number, seconds: number): void {
  const { generated, accepted, insns, packets, hits, failures, refusals, targets } = result;
  const share = `${((100 * accepted) / Math.max(1, generated)).toFixed(1)} %`;
  const titles = ['first seed', 'programs', 'accepted', 'share', 'insns', 'packets', 'hits', 'differences', 'time (s)'];
  const cells = [seed, generated, accepted, share, insns, packets, hits, failures.length, seconds];
  process.stdout.write(
    formatTable(
      titles.map((title) => ({ title })),
      [cells],
    ),
  );
  console.log(
    `targets: ${[...targets]
      .sort()
      .map(([name, times]) => `${name} ${times}`)
      .join(', ')}`,
  );
  for (const [words, times] of refusals) console.log(`refused ${formatNumber(times)} times: ${words}`);
}

/** Writes `c-SEED.c` and its packets, and says how to see it again. */
function report({ seed, mode, difference, source, packets }: CFailure, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const name = join(folder, `c-${seed}`);
  const head = `// ${nameOf(source.target)}; ${mode}: packet ${difference.packet}: ${difference.what.split('\n')[0]}\n`;
  writeFileSync(`${name}.c`, `${head}${source.text}`);
  const timed = packets.map(({ data }, i) => ({ data, time: BigInt(i) * 1_000_000n }));
  writeFileSync(`${name}.pcap`, encodeCapture(timed, { format: 'pcap' }));
  console.log(`seed ${seed} (${nameOf(source.target)}), ${mode}: packet ${difference.packet}: ${difference.what}`);
  console.log(`  ${name}.c and its packets; again from the seed: npm run fuzz -- --c --seed ${seed} --programs 1`);
}
