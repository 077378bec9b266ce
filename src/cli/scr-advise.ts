/** `jitnic scr advise FILE [PROG] -r CAPTURE`: which way to share the state over cores, and how far that goes. */
import { decodeUtf8, exitCodes, UsageError } from '../base/index.js';
import { pickProgram } from '../object/index.js';
import {
  addedBytes,
  analyzeScr,
  assumedSharing,
  type ChoiceInput,
  type ChoiceRow,
  type CountedCosts,
  choose,
  coreCounts,
  countReplay,
  largestShare,
  layoutFor,
  observe,
  type SharingCosts,
  scrLimits,
  type Technique,
} from '../scr/index.js';
import { hostEngines } from '../sim/index.js';
import { count, formatTable, wholeNumber, wrapWords } from '../text/index.js';
import { loadMaps, type Machine, parseMapsFile } from '../vm/index.js';
import { readPackets } from './capture-input.js';
import { openCard } from './card-file.js';
import { readInput } from './files.js';
import { openProgramFile } from './program-file.js';
import { findingText } from './scr-analyze.js';
import type { ScrOperation } from './scr-operation.js';

/** Cores that are advised for where nobody says how many there are. */
const usualCores = 8;
/** Packets of a capture where nobody says how many. */
const usualPackets = 100_000;
/** Packets over which the replay's instructions are counted. */
const countedPackets = 2000;

const words: Readonly<Record<Technique, string>> = {
  scr: 'replicate: every core has a copy of the state (jitnic scr build)',
  shard: 'shard: packets of an element go to one core (RSS)',
  migrate: 'shard, and move buckets between cores as load changes (RSS++)',
  lock: 'share the state, and lock its elements',
  atomic: 'share the state, and change it by atomic operations',
};

/** Exit 0 with advice, whatever it is. All rates are a model's. JSON: `jitnic.scr-advise/1`. */
export const adviseOperation: ScrOperation = {
  name: 'advise',
  summary: 'which way to share the state over cores, for the traffic of a capture',
  example: 'jitnic scr advise prog.o -r in.pcap --cores 8',
  flags: ['cores', 'read', 'count', 'mapsIn', 'card', 'costs'],
  declare: (command) => {
    command
      .option('-r, --read <file>', 'capture whose packets the program is asked about')
      .option('-c, --count <n>', 'packets of it (default: 100,000)')
      .option('--maps-in <file>', 'contents of maps at the start')
      .option('--card <name>', 'card, by name or from a .json, whose wire and bus packets go over (default: pipeline)')
      .option('--costs <t,c1,c2>', 'ns: of a packet, of the program, of replaying an item (default: by instructions)');
  },
  run: async ([file, name], flags, io) => {
    if (file === undefined) throw new UsageError('advise about which program?', {}, adviseOperation.example);
    const capture = flags['read'];
    if (typeof capture !== 'string') throw new UsageError('`scr advise` needs `-r`', {}, adviseOperation.example);
    const cores = wholeNumber('--cores', flags['cores'] as string | undefined, 1, 64) ?? usualCores;
    const card = await openCard((flags['card'] as string | undefined) ?? 'pipeline', io);
    const object = await openProgramFile(file, io, flags);
    const program = pickProgram(object, name);
    const analysis = await io.work('analyzing', () => analyzeScr(object, program));
    if (analysis.verdict === 'no state') {
      const advice = `\`${program.name}\` writes no state: it needs no replication, any core takes any packet`;
      if (io.flags.json) io.json('jitnic.scr-advise/1', { program: program.name, verdict: analysis.verdict, advice });
      else io.out(`${advice}\n`);
      return exitCodes.ok;
    }
    const mapsIn = flags['mapsIn'] as string | undefined;
    const contents = mapsIn === undefined ? undefined : parseMapsFile(decodeUtf8(await readInput(mapsIn, io)), mapsIn);
    const most = wholeNumber('--count', flags['count'] as string | undefined, 1) ?? usualPackets;
    // XDP sees no frame without a header.
    const packets = (await readPackets(capture, io, most)).filter(({ data }) => data.length >= 14);
    if (packets.length === 0) throw new UsageError('the capture has no packet', { file: capture });
    const fill = (machine: Machine): void => {
      if (contents !== undefined) loadMaps(machine, contents, mapsIn);
    };
    const seen = await io.work('running', () => observe(object, program, packets, { name: capture, fill }));
    const counted =
      analysis.replay !== undefined && 'insns' in analysis.replay
        ? await io.work('counting', () => countReplay(analysis.metadata, packets.slice(0, countedPackets), fill))
        : undefined;
    const costs = costsOf(flags['costs'] as string | undefined, seen.instructions, counted);
    const possible: Technique[] = ['shard', 'migrate', 'lock'];
    if (seen.isAdditive) possible.push('atomic');
    if (counted !== undefined) possible.unshift('scr');
    const added = (n: number): number => addedBytes(layoutFor(analysis.metadata, n));
    const input: ChoiceInput = { costs, workload: seen.workload, card, added, possible };
    const counts = [...new Set([...coreCounts, cores])].sort((a, b) => a - b);
    const table = counts.map((n) => ({ cores: n, rows: choose(input, n) }));
    const [best] = choose(input, cores) as [ChoiceRow, ...ChoiceRow[]];
    const limits = counted === undefined ? undefined : scrLimits(input);
    if (io.flags.json) {
      io.json('jitnic.scr-advise/1', {
        program: program.name,
        verdict: analysis.verdict,
        advice: words[best.technique],
        technique: best.technique,
        cores,
        packets: packets.length,
        elements: seen.workload.keyCount,
        largest_share: largestShare(seen.workload),
        costs_ns: { t: costs.t, c1: costs.c1, c2: costs.c2, d: costs.t - costs.c1 },
        card: card.name,
        rows: table.flatMap(({ rows }) =>
          rows.map(({ technique, cores: n, mpps, limit, taken, wire, pcie }) => ({
            technique,
            cores: n,
            mpps,
            limit,
            cores_mpps: taken,
            wire_mpps: wire,
            pcie_mpps: pcie,
          })),
        ),
        scr: limits && {
          best_cores: limits.best.cores,
          best_mpps: limits.best.mpps,
          wire_limits_from: limits.wire,
          pcie_limits_from: limits.pcie,
          half_efficiency_cores: limits.halfEfficiency,
          ceiling_mpps: limits.ceiling,
        },
      });
      return exitCodes.ok;
    }
    for (const finding of analysis.findings) io.info(`${finding.weight}: ${findingText(finding)}`);
    const share = `${(100 * largestShare(seen.workload)).toFixed(1)} %`;
    io.out(
      `${program.name}: ${count(seen.workload.keyCount, 'element')} of state in ${count(packets.length, 'packet')}, the busiest has ${share}\n` +
        `t ${costs.t.toFixed(1)} ns, c1 ${costs.c1.toFixed(1)}, c2 ${costs.c2.toFixed(1)}, d ${(costs.t - costs.c1).toFixed(1)} (model); Mpps on card ${card.name}:\n\n`,
    );
    const order = [...possible];
    io.out(
      formatTable(
        [
          { title: 'cores', align: 'right' },
          ...order.map((title) => ({ title, align: 'right' as const })),
          { title: 'best' },
        ],
        table.map(({ cores: n, rows }) => [
          n,
          ...order.map((technique) => (rows.find((row) => row.technique === technique)?.mpps ?? 0).toFixed(1)),
          rows[0] === undefined ? '' : `${rows[0].technique} (limit: ${rows[0].limit})`,
        ]),
        '',
        io.width,
      ),
    );
    io.out(`\nfor ${cores} cores: ${words[best.technique]}\n`);
    if (limits !== undefined)
      io.out(
        `${wrapWords(`replication carries most with ${count(limits.best.cores, 'core')}, ${limits.best.mpps.toFixed(1)} Mpps; ${from('the wire', limits.wire)}, ${from('PCIe', limits.pcie)}; half efficiency at ${limits.halfEfficiency.toFixed(1)} cores`, io.width, '  ').join('\n')}\n`,
      );
    return exitCodes.ok;
  },
};

/** From where on something is the limit. */
function from(what: string, cores: number | undefined): string {
  return cores === undefined
    ? `${what} limits up to 64 cores at no point`
    : `${what} limits from ${count(cores, 'core')} on`;
}

/** What was given, or the kernel's nanoseconds an instruction (sim/host-costs.ts) for those that ran. */
function costsOf(given: string | undefined, program: number, counted: CountedCosts | undefined): SharingCosts {
  if (given !== undefined) {
    const [t, c1, c2, ...rest] = given.split(',').map(Number);
    if (t === undefined || c1 === undefined || c2 === undefined || rest.length > 0 || !(t >= c1 && c1 > 0 && c2 > 0))
      throw new UsageError(`\`--costs ${given}\` is none`, {}, 'nanoseconds, t not below c1: `--costs 110,60,12`');
    return { t, c1, c2, ...assumedSharing };
  }
  const { packet, instruction } = hostEngines['kernel'] ?? { packet: 0, instruction: 0 };
  const c1 = program * instruction;
  // Where nothing can be replayed, what would be under a lock is taken to be the whole program.
  return { t: packet + c1, c1, c2: (counted?.replay ?? program) * instruction, ...assumedSharing };
}
