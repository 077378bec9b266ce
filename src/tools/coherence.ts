/**
 * `npm run coherence -- [--states N] [--packets N] [--long N] [--figures N [--places SET] [--cells FILE] [--page
 * FILE]] [--seed N] [DIR]`: do card and host stay in step, and what does that cost? Tables, each closing with rows
 * that pass or fail: every interleaving of small worlds under each protocol (to N states a world, 0: all there are;
 * `cut` where there are more); protocols with one line broken, each of which must be found; the examples that hold
 * state (or the objects of a folder, with the captures beside them) on two sides over a link that delays and reorders,
 * with a witness that runs the packets in the order in which they were decided; long runs of the same, where misses
 * are lost on their way and the card is taken out; and figures by the clock, over N packets each: throughput and
 * latency beside what is wanted, at 1 % misses, Zipf 1 and PCIe (`--places few`), on the lines through there (`lines`)
 * or at `all` shares of misses, popularities of flows and links. `--cells` keeps them in a file, and does not run
 * again what is there; `--page` writes them into docs/coherence.md and the charts beside it. Closes with `N passed, N
 * failed`.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { UnsupportedError, UsageError } from '../base/index.js';
import { findObjects, type ObjectFile } from '../cli/check/objects.js';
import { packetsBeside, readSubject } from '../cli/check/subjects.js';
import {
  brokenProtocols,
  type CampaignOptions,
  type Explored,
  explore,
  makeProtocol,
  type ProtocolName,
  protocolNames,
  runCampaign,
  type SharedMap,
  shareMaps,
  type TriedWorld,
  worldOf,
  worlds,
} from '../coherence/index.js';
import { xdpCandidates } from '../object/index.js';
import { type Arrival, flowHash } from '../runtime/index.js';
import { type Cell, count, formatNumber, formatTable } from '../text/index.js';
import type { Machine } from '../vm/index.js';
import { loadMaps } from '../vm/map-json.js';
import { type CellPlace, type FigureCell, figureCell, placeSets, placesOf, type Subject } from './coherence/cells.js';
import { cellRow, cellTitles, figureRows, placeText, writePage } from './coherence/page.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage =
  'npm run coherence -- [--states N] [--packets N] [--long N] [--figures N [--places SET] [--cells FILE] [--page FILE]] [--seed N] [DIR]';
const digest = (state: string): string => createHash('sha1').update(state).digest('base64');

let passed = 0;
let failed = 0;

/** Counts a row, and says what became of it. */
function row(isGood: boolean, otherwise: string): string {
  if (isGood) passed++;
  else failed++;
  return isGood ? 'ok' : `FAIL: ${otherwise}`;
}

function print(title: string, titles: readonly string[], rows: readonly (readonly Cell[])[]): void {
  console.log(title);
  process.stdout.write(
    formatTable(
      titles.map((name) => ({ title: name })),
      rows,
    ),
  );
  console.log();
}

function explored(world: TriedWorld, limit: number): readonly Cell[] {
  const { states, ends, fault, isCut }: Explored = explore(worldOf(world), { limit, digest });
  const how = isCut ? 'cut' : 'all';
  return [
    world.name,
    world.protocols.join(', '),
    formatNumber(states),
    how,
    formatNumber(ends),
    row(fault === undefined, fault ?? ''),
  ];
}

function broken(limit: number): (readonly Cell[])[] {
  return brokenProtocols.map(({ protocol, what, make }) => {
    let fault: string | undefined;
    const tried = worlds.filter(({ protocols }) => protocols.includes(protocol));
    for (const world of tried)
      fault ??= explore(
        { ...worldOf(world), make: (name) => (name === protocol ? make() : makeProtocol(name)) },
        { limit, digest },
      ).fault;
    return [protocol, what, fault?.replace(/ \(choices.*/, '') ?? '', row(fault !== undefined, 'not found')];
  });
}

/** An object with packets beside it; undefined: it is none that can be run. */
async function openSubject(file: ObjectFile, packets: number): Promise<Subject | undefined> {
  const subject = readSubject(file);
  const arrivals = await packetsBeside(file, packets);
  if (subject === undefined || arrivals === undefined || arrivals.length === 0) return undefined;
  const { object, maps } = subject;
  const [program] = xdpCandidates(object).slice(-1);
  if (program === undefined) return undefined;
  const fill = (machine: Machine): void => {
    if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
  };
  return { name: object.name, object, program, arrivals, fill };
}

/** One object's program under each protocol that carries all of its state, and under those chosen for it. */
function onTwoSides(subject: Subject, packets: number, seed: number): (readonly Cell[])[] {
  const chosen = shareMaps(subject.object);
  if (chosen.every(({ protocol }) => protocol === undefined))
    return [[subject.name, '', '', '', '', 'no state to share']];
  const wanted: readonly (ProtocolName | 'chosen')[] = ['chosen', ...protocolNames];
  return wanted.flatMap((name) => {
    const shared = chosen.map((map): SharedMap => {
      return name !== 'chosen' && map.possible.includes(name) ? { ...map, protocol: name } : map;
    });
    if (name !== 'chosen' && !shared.some(({ protocol }) => protocol === name)) return [];
    return [campaignRow(subject, name, { shared, packets, seed })];
  });
}

/** Its chosen protocols over many packets, with failures: misses lost on their way, and in the end no card. */
function longRun(subject: Subject, packets: number, seed: number): (readonly Cell[])[] {
  const shared = shareMaps(subject.object);
  if (shared.every(({ protocol }) => protocol === undefined)) return [];
  const removeAfter = Math.ceil(0.9 * packets);
  return [campaignRow(subject, 'chosen', { shared, packets, seed, losses: 0.01, removeAfter })];
}

type CampaignParts = Pick<CampaignOptions, 'shared' | 'seed' | 'losses' | 'removeAfter'> & { readonly packets: number };

function campaignRow(
  { name, object, program, arrivals, fill }: Subject,
  what: string,
  parts: CampaignParts,
): readonly Cell[] {
  const packets = repeated(arrivals, parts.packets);
  const options = { ...parts, object, program: object.programs.indexOf(program), misses: 0.2, fill };
  const result = runCampaign({ ...options, packets });
  const messages = [...result.messages.values()].reduce((sum, each) => sum + each, 0);
  const cells = [result.packets, result.misses, messages].map((n) => formatNumber(n));
  const { fault } = result;
  return [name, what, ...cells, row(fault === undefined, fault ?? '')];
}

/** The capture again and again, its flows told apart as a card would. */
function* repeated(
  arrivals: readonly Arrival[],
  packets: number,
): Iterable<{ readonly packet: { readonly data: Uint8Array; readonly now: bigint }; readonly flow: number }> {
  for (let at = 0; at < packets; at++) {
    const { data, time } = arrivals[at % arrivals.length] as Arrival;
    yield { packet: { data, now: time ?? 0n }, flow: flowHash(data, 0, data.length) };
  }
}

/** Runs something for each subject; one that can't be shared is a line that says why. */
function forEach(subjects: readonly Subject[], rows: (subject: Subject) => (readonly Cell[])[]): (readonly Cell[])[] {
  return subjects.flatMap((subject) => {
    try {
      return rows(subject);
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      return [[subject.name, '', '', '', '', `not shared: ${error.message}`]];
    }
  });
}

/** Objects with state that can be shared, without those that say why not. */
function stateful(subjects: readonly Subject[]): readonly Subject[] {
  return subjects.filter(({ object }) => {
    try {
      return shareMaps(object).some(({ protocol }) => protocol !== undefined);
    } catch (error) {
      if (error instanceof UnsupportedError) return false;
      throw error;
    }
  });
}

/** Figures by the clock, and what is wanted of them. */
function figures(
  subjects: readonly Subject[],
  packets: number,
  set: (typeof placeSets)[number],
  file: string | undefined,
): readonly FigureCell[] {
  const kept = new Map<string, FigureCell>();
  const text = file !== undefined && existsSync(file) ? readFileSync(file, 'utf8') : '';
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const cell = JSON.parse(line) as FigureCell;
    kept.set(`${cell.example}, ${placeText(cell)}`, cell);
  }
  const run = (subject: Subject, place: Omit<CellPlace, 'example'>): FigureCell => {
    const known = kept.get(`${subject.name}, ${placeText(place)}`);
    const cell = figureCell(subject, place, packets, known);
    if (file !== undefined) appendFileSync(file, `${JSON.stringify(cell)}\n`);
    return cell;
  };
  const cells =
    set === 'kept'
      ? [...kept.values()]
      : stateful(subjects).flatMap((subject) => placesOf(set).map((place) => run(subject, place)));
  print(
    `throughput in Mpps, mean latency in ns of what was chosen (a model's), ${count(packets, 'packet')} each`,
    cellTitles,
    cells.map(cellRow),
  );
  print(
    'beside what is wanted',
    ['example', 'what', 'measured', 'wanted', 'result'],
    figureRows(cells).map(({ example, what, measured, wanted, isGood }) => [
      example,
      what,
      measured,
      wanted,
      row(isGood, 'not reached'),
    ]),
  );
  return cells;
}

await runTool(
  usage,
  {
    states: { type: 'string' },
    packets: { type: 'string' },
    long: { type: 'string' },
    figures: { type: 'string' },
    places: { type: 'string' },
    cells: { type: 'string' },
    page: { type: 'string' },
    seed: { type: 'string' },
  },
  async ([folder = 'examples'], flags) => {
    const limit = numberFlag(flags, 'states', 200_000) || Number.POSITIVE_INFINITY;
    const packets = numberFlag(flags, 'packets', 10_000);
    const long = numberFlag(flags, 'long', 0);
    const figured = numberFlag(flags, 'figures', 6000);
    const seed = numberFlag(flags, 'seed', 1);
    const subjects: Subject[] = [];
    for (const file of findObjects(folder)) {
      const subject = await openSubject(file, 10_000);
      if (subject !== undefined) subjects.push(subject);
    }
    if (limit > 1)
      print(
        'every interleaving of five jobs',
        ['world', 'protocols', 'states', 'which', 'ends', 'result'],
        worlds.map((world) => explored(world, limit)),
      );
    if (limit > 1)
      print(
        'protocols with one line broken: each must be found',
        ['protocol', 'what it does', 'found as', 'result'],
        broken(Math.min(limit, 5000)),
      );
    const titles = ['object', 'protocol', 'packets', 'misses', 'parcels', 'result'];
    if (packets > 0)
      print(
        `programs on two sides, ${count(packets, 'packet')} each`,
        titles,
        forEach(subjects, (subject) => onTwoSides(subject, packets, seed)),
      );
    if (long > 0)
      print(
        `long runs, ${count(long, 'packet')} each: 1 % of misses lost on their way, the card taken out after 90 %`,
        titles,
        forEach(subjects, (subject) => longRun(subject, long, seed)),
      );
    if (figured > 0) {
      const set = placeSets.find((each) => each === (flags['places'] ?? 'few'));
      if (set === undefined) throw new UsageError(`--places takes one of ${placeSets.join(', ')}`);
      const file = typeof flags['cells'] === 'string' ? flags['cells'] : undefined;
      const cells = figures(subjects, figured, set, file);
      if (typeof flags['page'] === 'string') writePage(flags['page'], cells);
    }
    console.log(`${passed} passed, ${failed} failed`);
    return negativeIf(failed);
  },
);
