/** `jitnic predict`: what packets cost a program, by class, as formulas; and whether a new version costs more. */
import { decodeUtf8, type ExitCode, exitCodes, InputError, UsageError } from '../base/index.js';
import { type ComparedRow, compareVersions, type VersionRow } from '../predict/index.js';
import { formatNumber, wholeNumber } from '../text/index.js';
import { parseJson } from '../vm/map-json.js';
import { readPackets } from './capture-input.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { readInput } from './files.js';
import { type Predicted, type PredictPackets, predictPackets, searchBudget, searchStarts } from './predict-packets.js';
import { compareText, isExact, predictJson, predictText, versionRows } from './predict-report.js';
import {
  type Chosen,
  declareInput,
  declareWorld,
  openProgram,
  type SessionFlags,
  worldOptions,
} from './run-options.js';

interface Options extends SessionFlags {
  readonly budget?: string;
  readonly diff?: string;
  readonly tolerance?: string;
}

/** Exit 1 where `--diff` finds a regression, or a formula is not what was counted. JSON: `jitnic.predict/1`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareInput(command);
    declareWorld(command);
    command
      .option(
        '--budget <n>',
        `starts that the search for paths tries, without -r (default ${formatNumber(searchBudget)})`,
      )
      .option('--diff <old>', 'an older version, or its contract as JSON (-j) from the same packets: what got worse?')
      .option('--tolerance <percent>', 'how much worse a mean may get (default 0%)')
      .addHelpText(
        'after',
        `
Examples:
  jitnic predict prog.o                          paths that a search finds
  jitnic predict prog.o -r traffic.pcap --maps-in maps.json
  jitnic predict prog.o -r traffic.pcap -j > contract.json
  jitnic predict new.o -r traffic.pcap --diff old.o
  jitnic predict new.o -r traffic.pcap --diff contract.json --tolerance 2%`,
      );
  },
  run: async ([file = '-', name], options, io) => {
    for (const flag of ['check', 'mapsScript', 'get'] as const)
      if (options[flag] !== undefined)
        throw new UsageError(
          `\`--${flag === 'mapsScript' ? 'maps-script' : flag}\` is about a run: a contract is checked by itself`,
        );
    if (options.read !== undefined && options.budget !== undefined)
      throw new UsageError('`--budget` is for the search: `-r` gives the packets');
    if (options.tolerance !== undefined && options.diff === undefined)
      throw new UsageError('`--tolerance` is for `--diff`');
    const tolerance = parseTolerance(options.tolerance);
    const chosen = await openProgram(file, name, options, io);
    const world = await worldOptions(options, io);
    const old = options.diff === undefined ? undefined : await openOld(options.diff, name, options, io);
    const budget = wholeNumber('--budget', options.budget, 0) ?? searchBudget;
    const search = (each: Chosen): Promise<ReturnType<typeof searchStarts>> =>
      io.work('searching for paths', () => searchStarts(each, world, budget));
    const packets: PredictPackets =
      options.read === undefined
        ? {
            kind: 'search',
            starts: [...(await search(chosen)), ...(old?.kind === 'program' ? await search(old.chosen) : [])],
          }
        : {
            kind: 'capture',
            packets: await readPackets(options.read, io, wholeNumber('--count', options.count, 1)),
          };
    const predict = (each: Chosen): Promise<Predicted> =>
      io.work('counting', () => predictPackets(each, packets, world));
    const predicted = await predict(chosen);
    const before =
      old?.kind === 'program'
        ? versionRows((await predict(old.chosen)).traffic)
        : old === undefined
          ? undefined
          : contractRows(old.value, predicted, options.diff);
    const rows = before === undefined ? undefined : compareVersions(before, versionRows(predicted.traffic), tolerance);
    if (io.flags.json)
      io.json('jitnic.predict/1', {
        ...predictJson(predicted),
        ...(rows === undefined ? {} : { diff: rows.map(rowJson) }),
      });
    else io.out(rows === undefined ? predictText(predicted, io) : compareText(rows, io));
    const isWorse = rows?.some(({ worse }) => worse.length > 0) === true;
    return isWorse || !isExact(predicted.classes) ? exitCodes.negative : (exitCodes.ok as ExitCode);
  },
});

/** `2%`, as 0.02. */
function parseTolerance(text: string | undefined): number {
  if (text === undefined) return 0;
  const [, digits] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`\`--tolerance ${text}\` is none`, {}, 'give a share in percent: 2%');
  return Number(digits) / 100;
}

type Old =
  | { readonly kind: 'program'; readonly chosen: Chosen }
  | { readonly kind: 'contract'; readonly value: Readonly<Record<string, unknown>> };

/** The older version as a program, or what its contract says. */
async function openOld(path: string, name: string | undefined, options: Options, io: Io): Promise<Old> {
  if (!path.endsWith('.json')) return { kind: 'program', chosen: await openProgram(path, name, options, io) };
  const value = parseJson(decodeUtf8(await readInput(path, io)), path);
  if (typeof value !== 'object' || value === null || (value as { schema?: unknown }).schema !== 'jitnic.predict/1')
    throw new InputError('no contract of jitnic predict', { file: path }, 'make one: jitnic predict old.o -r FILE -j');
  if (options.read === undefined)
    throw new UsageError('a contract as JSON can be compared on a capture alone', {}, 'give the same packets: -r FILE');
  return { kind: 'contract', value: value as Readonly<Record<string, unknown>> };
}

/** Rows of a contract that was read, if it is about the same packets. */
function contractRows(old: Readonly<Record<string, unknown>>, { digest }: Predicted, file = ''): VersionRow[] {
  if (old['digest'] !== digest)
    throw new InputError(
      'that contract is about other packets',
      { file },
      'make it anew with the same capture and `-c`: jitnic predict old.o -r FILE -j',
    );
  const number = (value: unknown): number => {
    if (typeof value !== 'number') throw new InputError('a row of `traffic` lacks a figure', { file });
    return value;
  };
  const traffic = old['traffic'];
  if (!Array.isArray(traffic)) throw new InputError('no `traffic` in it', { file });
  return (traffic as Readonly<Record<string, unknown>>[]).map((row) => ({
    class: String(row['class']),
    verdict: String(row['verdict']),
    packets: number(row['packets']),
    insns: number(row['insns']),
    memory: ['loads', 'stores', 'helper_loads', 'helper_stores'].reduce((sum, key) => sum + number(row[key]), 0),
    ns: number((row['ns'] as Readonly<Record<string, unknown>> | undefined)?.['kernel']),
  }));
}

function rowJson({ class: kind, verdict, old, fresh, worse }: ComparedRow): Record<string, unknown> {
  const side = (row: VersionRow | undefined): Record<string, number> | null =>
    row === undefined ? null : { packets: row.packets, insns: row.insns, memory: row.memory, ns: row.ns };
  return { class: kind, verdict, old: side(old), new: side(fresh), worse };
}
