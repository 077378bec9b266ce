/** `npm run fuzz -- --c`: generated C against the kernel, on engines and cards (c-fuzz/). */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bpf, possibleCpus } from '../linux/index.js';
import { encodeCapture } from '../packet/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { type CCampaignResult, type CFailure, nameOf, runCCampaign } from './c-fuzz/campaign.js';
import { compilerIn, installedClangs } from './c-fuzz/compile.js';
import { selfTestC } from './c-fuzz/self-test.js';
import { type Flags, negativeIf, numberFlag, writeSummary } from './tool.js';

/** Runs the campaign that the flags of `npm run fuzz` ask for, and prints it. Returns the exit code. */
export function fuzzC(flags: Flags): number {
  const clangs = installedClangs();
  const bpf = Bpf.open();
  const seed = numberFlag(flags, 'seed', 1);
  const started = Date.now();
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-fuzz-'));
  // Failures are written as they are found: a campaign of days may be interrupted.
  let reported = 0;
  try {
    const result = runCCampaign(bpf, {
      compile: compilerIn(folder),
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

/** Mistakes in the cards instead, whose names contain one of `names`; each has to be found. Returns the exit code. */
export async function selfTestOfC(names: readonly string[], flags: Flags): Promise<number> {
  const { passed, failed } = await selfTestC({
    names,
    seed: numberFlag(flags, 'seed', 1),
    programs: numberFlag(flags, 'programs', 300),
    packets: numberFlag(flags, 'packets', 48),
    jobs: Math.max(1, numberFlag(flags, 'jobs', 1)),
  });
  console.log(`${passed} passed, ${failed} failed`);
  return negativeIf(failed);
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
