/**
 * `npm run fuzz -- [--programs N] [--packets N] [--seed N] [--engine E] [-O...] [--out DIR] [--summary FILE] [--self-test]`: generated programs on the kernel and on an
 * engine. A failing one is shrunk and written as `.s` with its packet. With `--self-test`, engines with one wrong opcode are run
 * instead, and each has to be found out. Exit 0 when nothing differs (or every fault was found).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatNumber, formatTable } from '../cli/output.js';
import { type CampaignResult, type Failure, machineEngine, plantedFaults, runCampaign } from '../judge/index.js';
import { Bpf } from '../linux/index.js';
import { disassemble } from '../object/index.js';
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
  'npm run fuzz -- [--programs N] [--packets N] [--seed N] [--engine E] [-O...] [--out DIR] [--summary FILE] [--self-test]';

await runTool(
  usage,
  {
    programs: { type: 'string' },
    packets: { type: 'string' },
    seed: { type: 'string' },
    engine: { type: 'string', default: 'interp' },
    out: { type: 'string', default: 'fuzz-failures' },
    'self-test': { type: 'boolean', default: false },
    summary: { type: 'string' },
    ...optimizationOption,
  },
  (_, flags) => (flags['self-test'] === true ? selfTest(flags) : campaign(flags)),
);

function campaign(flags: Flags): number {
  const seed = numberFlag(flags, 'seed', 1);
  const programs = numberFlag(flags, 'programs', 1000);
  const engine = String(flags['engine']);
  const started = Date.now();
  let reported = 0;
  // Written as it goes: what an interrupted campaign did counts.
  const summarize = (so: CampaignResult): void => {
    const { generated, accepted, packets, insns } = so;
    const seconds = Math.round((Date.now() - started) / 1000);
    writeSummary(flags, {
      engine,
      seed,
      generated,
      accepted,
      packets,
      insns,
      differences: so.failures.length,
      seconds,
    });
  };
  const result = runCampaign(Bpf.open(), {
    engine: machineEngine(engine, { settings: optimizationFlag(flags) }),
    seed,
    programs,
    packetsPerProgram: numberFlag(flags, 'packets', 16),
    shrink: true,
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

function printResult(result: CampaignResult, seed: number, engine: string, seconds: number): void {
  const { generated, accepted } = result;
  process.stdout.write(
    formatTable(
      [
        { title: 'engine' },
        { title: 'first seed' },
        { title: 'programs' },
        { title: 'accepted' },
        { title: 'share' },
        { title: 'insns' },
        { title: 'packets' },
        { title: 'differences' },
        { title: 'time (s)' },
      ],
      [
        [
          engine,
          seed,
          generated,
          accepted,
          `${((100 * accepted) / generated).toFixed(1)} %`,
          result.insns,
          result.packets,
          result.failures.length,
          Math.round(seconds),
        ],
      ],
    ),
  );
  for (const [words, count] of result.refusals) console.log(`refused ${formatNumber(count)} times: ${words}`);
}

/** Writes `fuzz-SEED.s` and its packet, and says how to see it again. */
function report(failure: Failure, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const name = join(folder, `fuzz-${failure.seed}`);
  const text = disassemble(failure.failing.object);
  const packet = failure.failing.packets[failure.difference.packet];
  const bytes = packet === undefined ? '' : Buffer.from(packet.data).toString('hex');
  const meta = packet?.meta === undefined ? '' : `# metadata: ${Buffer.from(packet.meta).toString('hex')}\n`;
  writeFileSync(`${name}.s`, `# ${failure.difference.what}\n# packet: ${bytes}\n${meta}${text}`);
  console.log(`seed ${failure.seed}: ${failure.difference.what}`);
  console.log(
    `  ${countSlots(failure)} slots in ${name}.s; again: npm run fuzz -- --seed ${failure.seed} --programs 1`,
  );
}

function countSlots({ failing }: Failure): number {
  return failing.object.programs.reduce((sum, program) => sum + program.insns.length, 0);
}

/** Every planted fault has to show within so many programs. */
function selfTest(flags: Flags): number {
  const bpf = Bpf.open();
  const engine = machineEngine(String(flags['engine']));
  const programs = numberFlag(flags, 'programs', 2000);
  const packetsPerProgram = numberFlag(flags, 'packets', 16);
  const rows = plantedFaults.map((fault) => {
    const options = { engine, seed: numberFlag(flags, 'seed', 1), programs, packetsPerProgram };
    const result = runCampaign(bpf, { ...options, fault, stopAtFirst: true, shrink: true });
    const failure = result.failures[0];
    return {
      fault,
      found: failure !== undefined,
      row: [fault.name, result.generated, failure && countSlots(failure), failure?.difference.what],
    };
  });
  process.stdout.write(
    formatTable(
      [
        { title: 'planted fault' },
        { title: 'found after (programs)' },
        { title: 'shrunk to (slots)' },
        { title: 'difference' },
      ],
      rows.map(({ row }) => row),
    ),
  );
  const missed = rows.filter(({ found }) => !found).length;
  writeSummary(flags, { engine: String(flags['engine']), faults: rows.length, found: rows.length - missed });
  console.log(`${rows.length - missed} passed, ${missed} failed`);
  return negativeIf(missed);
}
