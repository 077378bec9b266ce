/**
 * `npm run fuzz -- [--programs N] [--packets N] [--seed N] [--engine E] [-O...] [--out DIR] [--summary FILE]
 * [--self-test] [--c]`: generated programs on the kernel and on an engine (with `--c`: generated C, on all engines and
 * cards). A failing one is shrunk and written as `.s` with its packets (and map contents, if it needs any), ready to
 * be given to `npm run differential`. With `--self-test`, engines with one mistake each are run instead, and each has
 * to be found out. Exit 0 when nothing differs (or every fault was found).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CampaignResult, type Failure, faultsOf, machineEngine, runCampaign } from '../judge/index.js';
import { Bpf } from '../linux/index.js';
import { disassemble } from '../object/index.js';
import { encodeCapture } from '../packet/index.js';
import { formatNumber, formatTable } from '../text/index.js';
import { fuzzC, selfTestOfC } from './fuzz-c.js';
import {
  type Flags,
  negativeIf,
  numberFlag,
  optimizationFlag,
  optimizationOption,
  runTool,
  writeSummary,
} from './tool.js';

const usage =
  'npm run fuzz -- [--programs N] [--packets N] [--seed N] [--engine E] [-O...] [--out DIR] [--summary FILE] [--self-test] [--no-shrink] [--c [NAME...] [--jobs N]]';

await runTool(
  usage,
  {
    programs: { type: 'string' },
    packets: { type: 'string' },
    seed: { type: 'string' },
    engine: { type: 'string', default: 'interp' },
    out: { type: 'string', default: 'fuzz-failures' },
    'self-test': { type: 'boolean', default: false },
    c: { type: 'boolean', default: false },
    jobs: { type: 'string' },
    'no-shrink': { type: 'boolean', default: false },
    summary: { type: 'string' },
    ...optimizationOption,
  },
  (operands, flags) => {
    const isSelfTest = flags['self-test'] === true;
    if (flags['c'] === true) return isSelfTest ? selfTestOfC(operands, flags) : fuzzC(flags);
    return isSelfTest ? selfTest(flags) : campaign(flags);
  },
);

/** The campaign on one engine, its progress, its failures as files, and its figures. Returns the exit code. */
function campaign(flags: Flags): number {
  const seed = numberFlag(flags, 'seed', 1);
  const programs = numberFlag(flags, 'programs', 1000);
  const engine = String(flags['engine']);
  const started = Date.now();
  let reported = 0;
  // Written as it goes: what an interrupted campaign did counts.
  const summarize = (so: CampaignResult): void => {
    const { generated, accepted, packets, insns } = so;
    const notCompiled = [...so.notCompiled.values()].reduce((sum, count) => sum + count, 0);
    const seconds = Math.round((Date.now() - started) / 1000);
    const differences = so.failures.length;
    writeSummary(flags, { engine, seed, generated, accepted, packets, insns, notCompiled, differences, seconds });
  };
  const result = runCampaign(Bpf.open(), {
    engine: machineEngine(engine, { settings: optimizationFlag(flags) }),
    seed,
    programs,
    packetsPerProgram: numberFlag(flags, 'packets', 16),
    shrink: flags['no-shrink'] !== true,
    progress: (done, so) => {
      for (const failure of so.failures.slice(reported)) report(failure, String(flags['out']));
      reported = so.failures.length;
      if (done % 1000 !== 0) return;
      console.error(`${formatNumber(done)} programs, ${so.failures.length} differences`);
      summarize(so);
    },
  });
  summarize(result);
  printResult(result, seed, engine, (Date.now() - started) / 1000);
  console.log(`${result.accepted - result.failures.length} passed, ${result.failures.length} failed`);
  return negativeIf(result.failures.length);
}

/** One row of figures; then why programs were refused or left to the interpreter, each reason with its count. */
function printResult(result: CampaignResult, seed: number, engine: string, seconds: number): void {
  const { generated, accepted, insns, packets, failures, notCompiled } = result;
  const share = `${((100 * accepted) / Math.max(1, generated)).toFixed(1)} %`;
  const titles = [
    'engine',
    'first seed',
    'programs',
    'accepted',
    'share',
    'insns',
    'packets',
    'differences',
    'time (s)',
  ];
  const cells = [engine, seed, generated, accepted, share, insns, packets, failures.length, Math.round(seconds)];
  process.stdout.write(
    formatTable(
      titles.map((title) => ({ title })),
      [cells],
    ),
  );
  for (const [words, count] of result.refusals) console.log(`refused ${formatNumber(count)} times: ${words}`);
  for (const [words, count] of notCompiled) console.log(`not compiled ${formatNumber(count)} times: ${words}`);
}

/** Writes `fuzz-SEED.s`, its packets and its maps, and says how to see it again. */
function report(failure: Failure, folder: string): void {
  const { seed, difference, failing, maps } = failure;
  mkdirSync(folder, { recursive: true });
  const name = join(folder, `fuzz-${seed}`);
  // pcap has no place for XDP metadata: it is told in the program's head.
  const metadata = failing.packets.flatMap(({ meta }, i) =>
    meta === undefined ? [] : `# metadata of packet ${i}: ${Buffer.from(meta).toString('hex')}\n`,
  );
  writeFileSync(`${name}.s`, `# ${difference.what}\n${metadata.join('')}${disassemble(failing.object)}`);
  writeFileSync(
    `${name}.pcap`,
    encodeCapture(
      failing.packets.map(({ data }, i) => ({ data, time: BigInt(i) * 1_000_000n })),
      { format: 'pcap' },
    ),
  );
  if (maps !== undefined) writeFileSync(`${name}.maps.json`, `${JSON.stringify(maps, null, 1)}\n`);
  console.log(`seed ${seed}: ${difference.what}`);
  console.log(
    `  ${countSlots(failure)} slots in ${name}.s: npm run differential -- ${name}.s -r ${name}.pcap --unseeded`,
  );
  console.log(`  again from the seed: npm run fuzz -- --seed ${seed} --programs 1`);
}

/** Eight-byte slots of all programs of the failing object: what shrinking is measured by. */
function countSlots({ failing }: Failure): number {
  return failing.object.programs.reduce((sum, program) => sum + program.insns.length, 0);
}

/** Every planted fault has to show within so many programs. */
function selfTest(flags: Flags): number {
  const bpf = Bpf.open();
  const name = String(flags['engine']);
  const shrink = flags['no-shrink'] !== true;
  const options = {
    engine: machineEngine(name, { settings: optimizationFlag(flags) }),
    seed: numberFlag(flags, 'seed', 1),
    programs: numberFlag(flags, 'programs', 5000),
    packetsPerProgram: numberFlag(flags, 'packets', 16),
  };
  // Every campaign starts at the same seed and stops at the first failure: the figure is how long a mistake stays
  // hidden.
  const rows = faultsOf(name).map((fault) => {
    const result = runCampaign(bpf, { ...options, fault, stopAtFirst: true, shrink });
    const failure = result.failures[0];
    return { name: fault.name, programs: result.generated, failure, slots: failure && countSlots(failure) };
  });
  const titles = ['planted fault', 'found after (programs)', shrink ? 'shrunk to (slots)' : 'slots', 'difference'];
  process.stdout.write(
    formatTable(
      titles.map((title) => ({ title })),
      rows.map((row) => [row.name, row.programs, row.slots, row.failure?.difference.what ?? 'NOT FOUND']),
    ),
  );
  const missed = rows.filter(({ failure }) => failure === undefined).length;
  writeSummary(flags, {
    engine: name,
    faults: rows.length,
    found: rows.length - missed,
    longest: shrink ? Math.max(0, ...rows.map(({ slots }) => slots ?? 0)) : undefined,
  });
  console.log(`${rows.length - missed} passed, ${missed} failed`);
  return negativeIf(missed);
}
