/** `jitnic paths`: paths of a program with a packet for each, as a capture and as test cases. */
import { dirname, relative } from 'node:path';
import { type ExitCode, exitCodes, UsageError } from '../base/index.js';
import { lineCounts, totalsOf } from '../explore/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { encodeCapture, summarize } from '../packet/index.js';
import { verdictName, verdictNames } from '../platform/index.js';
import { count, formatNumber, formatShare, formatTable, wholeNumber, wrapWords } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { type MapHolder, MapStore } from '../vm/index.js';
import { readPackets } from './capture-input.js';
import { caseFileText } from './case-file.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { writeOutput } from './files.js';
import { type FoundPaths, findPaths, type KnownPath } from './path-finder.js';
import { declareInput, declareWorld, openProgram, type SessionFlags, worldOptions } from './run-options.js';
import { entriesJson, entriesText, hexText, mapNames } from './start-text.js';

interface Options extends SessionFlags {
  readonly write?: string;
  readonly tests?: string;
  readonly budget?: string;
  readonly uncovered?: true;
  readonly keepMaps?: true;
  readonly searchSeed?: string;
}

/** Starts that are tried unless told otherwise. */
export const defaultBudget = 20_000;

/** Paths that the text shows; JSON has them all. */
const shownPaths = 24;

/** Finds packets and contents of maps for paths within a budget of tries. JSON: `jitnic.paths/2`. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    declareInput(command);
    declareWorld(command);
    command
      .option('--budget <n>', `starts (a packet and contents of maps) to try (default ${formatNumber(defaultBudget)})`)
      .option('--search-seed <n>', 'seed of the search (default 1)')
      .option('--uncovered', 'only paths that go ways which the capture (-r), or a path before them, does not')
      .option('--keep-maps', 'maps are as they were given for each packet: look for packets only')
      .option('-w, --write <file>', 'a packet for each path: .pcap, or pcapng with verdicts and maps as comments')
      .option('--tests <file>', 'a test file with a case for each path; - is stdout')
      .addHelpText(
        'after',
        `
Examples:
  jitnic paths prog.o                               what there is
  jitnic paths prog.o --maps-in maps.json           with elements like these
  jitnic paths prog.o --maps-in maps.json --keep-maps   with just these
  jitnic paths prog.o -w paths.pcap --tests prog.xdp.yaml
  jitnic paths prog.o -r traffic.pcap --uncovered   what the traffic leaves out`,
      );
  },
  run: async ([file = '-', name], options, io) => {
    for (const flag of ['check', 'mapsScript', 'get'] as const)
      if (options[flag] !== undefined)
        throw new UsageError(
          `\`--${flag === 'mapsScript' ? 'maps-script' : flag}\` is about a run: here each packet has a start of its own`,
        );
    if (options.tests === '-' && (io.flags.json || options.write === '-'))
      throw new UsageError('two things want stdout');
    const { object, program } = await openProgram(file, name, options, io);
    const limit = wholeNumber('--count', options.count, 1);
    const packets =
      options.read === undefined ? [] : (await readPackets(options.read, io, limit)).map(({ data }) => data);
    const world = await worldOptions(options, io);
    const finder = {
      ...world,
      verdicts: Verdicts.of(object),
      budget: wholeNumber('--budget', options.budget, 0) ?? defaultBudget,
      searchSeed: wholeNumber('--search-seed', options.searchSeed, 0) ?? 1,
      seeds: packets,
      known: options.uncovered === true ? packets : [],
      keepMaps: options.keepMaps === true,
    };
    const holder = new MapStore(object, world.cpus);
    const found = await io.work('searching for paths', () => findPaths(object, program, finder));
    const paths = options.uncovered === true ? found.paths.filter(({ isNew }) => isNew) : found.paths;
    if (options.write !== undefined) await writeOutput(options.write, captureOf(options.write, paths, holder), io);
    if (options.tests !== undefined) {
      const head = caseHead(file, chosenName(object, program), options, options.tests, holder);
      await writeOutput(options.tests, caseFileText(head, paths), io);
    }
    if (io.flags.json) io.json('jitnic.paths/2', pathsJson(program.name, found, paths, holder));
    else if (options.write !== '-' && options.tests !== '-') io.out(pathsText(program.name, found, paths, holder, io));
    return exitCodes.ok as ExitCode;
  },
});

/** The program's name, where it has to be said. */
export function chosenName({ programs }: ObjectSpec, { name }: ProgramSpec): string | undefined {
  return programs.length > 1 ? name : undefined;
}

/** What stands at the head of a test file that lies at `to`. */
export function caseHead(
  file: string,
  program: string | undefined,
  options: SessionFlags & { readonly keepMaps?: true },
  to: string,
  holder: MapHolder,
): Parameters<typeof caseFileText>[0] {
  const folder = to === '-' ? '.' : dirname(to);
  const beside = (path: string): string => relative(folder, path) || path;
  return {
    key: file.endsWith('.c') ? 'source' : 'object',
    path: beside(file),
    program,
    mapsIn: options.mapsIn === undefined || options.keepMaps !== true ? undefined : beside(options.mapsIn),
    set: options.set ?? [],
    mapEntries: options.mapEntries ?? [],
    define: options.define ?? [],
    include: (options.include ?? []).map(beside),
    cpus: options.cpus,
    seed: options.seed,
    holder,
  };
}

/** The maps that a packet is to find stand in its comments, as a map file. */
function captureOf(path: string, paths: readonly KnownPath[], holder: MapHolder): Uint8Array {
  const format = /\.pcap$/.test(path) ? 'pcap' : 'pcapng';
  return encodeCapture(
    paths.map(({ start: { packet, metadata, full, ...elements }, verdict }, i) => ({
      data: packet,
      time: BigInt(i) * 1000n,
      comments:
        format === 'pcap'
          ? []
          : [
              verdictName(verdict),
              ...(metadata.length === 0 ? [] : [`metadata ${hexText(metadata)}`]),
              ...(full.length === 0 ? [] : [`full ${mapNames(holder, full).join(' ')}`]),
              ...mapsComment(entriesJson(holder, elements)),
            ],
    })),
    { format },
  );
}

function mapsComment(maps: ReturnType<typeof entriesJson>): string[] {
  return Object.keys(maps).length === 0 ? [] : [JSON.stringify({ maps })];
}

function pathsJson(
  program: string,
  found: FoundPaths,
  paths: readonly KnownPath[],
  holder: MapHolder,
): Record<string, unknown> {
  const totals = totalsOf(lineCounts(found.coverage.counts));
  return {
    program,
    paths: paths.map((path) => ({
      verdict: verdictName(path.verdict),
      insns: path.steps,
      packet: path.start.packet,
      metadata: path.start.metadata.length === 0 ? undefined : path.start.metadata,
      maps: entriesJson(holder, path.start),
      full: path.start.full.length === 0 ? undefined : mapNames(holder, path.start.full),
      clock: path.start.now.toString(),
      ifindex: path.start.ifindex,
      out: path.bytes,
      decided: path.decided,
      trap: path.trap,
      adds_branches: path.isNew,
    })),
    found: found.paths.length,
    tried: found.tried,
    exhausted: found.isDone,
    unanswered: found.unanswered,
    coverage: coverageJson(totals),
  };
}

/** Totals as JSON has them. */
export function coverageJson(totals: ReturnType<typeof totalsOf>): Record<string, unknown> {
  return {
    lines: totals.lines,
    lines_run: totals.linesRun,
    branches: totals.branches,
    branches_run: totals.branchesRun,
    insns: totals.insns,
    insns_run: totals.insnsRun,
  };
}

/** Are there more paths? */
function leftText({ isDone, unanswered }: FoundPaths): string {
  if (isDone) return ', and no other is left';
  if (unanswered === undefined) return '; `--budget` tries more';
  return `; ${count(unanswered, 'turn')} of a step had no answer, and no other is left`;
}

function pathsText(program: string, found: FoundPaths, paths: readonly KnownPath[], holder: MapHolder, io: Io): string {
  const totals = totalsOf(lineCounts(found.coverage.counts));
  const by = verdictNames
    .map((name) => [name, paths.filter(({ verdict }) => verdictName(verdict) === name).length] as const)
    .filter(([, n]) => n > 0);
  let text = `${io.style.bold(program)}: ${count(paths.length, 'path')} (${by.map(([name, n]) => `${formatNumber(n)} ${name}`).join(', ')})`;
  text += ` from ${count(found.tried, 'start')} that were tried${leftText(found)}`;
  text = `${wrapWords(text, io.width, '  ').join('\n')}\n`;
  if (paths.length < found.paths.length)
    text += `${formatNumber(found.paths.length - paths.length)} more go no new ways\n`;
  text += `lines ${formatShare(totals.linesRun, totals.lines)}, branches ${formatShare(totals.branchesRun, totals.branches)} (${totals.branchesRun} of ${totals.branches}), instructions ${formatShare(totals.insnsRun, totals.insns)}\n`;
  if (paths.length === 0) return text;
  const shown = paths.slice(0, shownPaths);
  text += `\n${formatTable(
    [
      { title: 'verdict' },
      { title: 'insns', align: 'right' },
      { title: 'decided by' },
      { title: 'packet' },
      { title: 'maps' },
    ],
    shown.map(({ verdict, steps, decided, start }) => [
      verdictName(verdict),
      steps,
      decided === undefined ? '' : `${decided.line}: ${decided.text}`.slice(0, 36),
      summarize(start.packet).slice(0, Math.max(24, io.width - 80)),
      [...mapNames(holder, start.full).map((name) => `${name} is full`), entriesText(holder, start)]
        .filter((text) => text !== '')
        .join(', '),
    ]),
    '',
    io.width,
  )}`;
  return paths.length > shown.length
    ? `${text}... and ${paths.length - shown.length} more; -j, -w and --tests have all\n`
    : text;
}
