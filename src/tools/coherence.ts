/**
 * `npm run coherence -- [--states N] [--packets N] [--seed N] [DIR]`: do card and host stay in step? Three tables,
 * each closing with rows that pass or fail: every interleaving of small worlds under each protocol (to N states a
 * world; `cut` where there are more); protocols with one line broken, each of which must be found; and the examples
 * that hold state (or the objects of a folder, with the captures beside them) on two sides over a link that delays and
 * reorders, with a witness that runs the packets in the order in which they were decided. Closes with `N passed, N
 * failed`.
 */
import { createHash } from 'node:crypto';
import { UnsupportedError } from '../base/index.js';
import { findObjects, type ObjectFile } from '../cli/check/objects.js';
import { packetsBeside, readSubject } from '../cli/check/subjects.js';
import {
  brokenProtocols,
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
import { loadMaps } from '../vm/map-json.js';
import { negativeIf, numberFlag, runTool } from './tool.js';

const usage = 'npm run coherence -- [--states N] [--packets N] [--seed N] [DIR]';
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

/** One object's program under each protocol that carries all of its state, and under those chosen for it. */
async function onTwoSides(file: ObjectFile, packets: number, seed: number): Promise<(readonly Cell[])[]> {
  const subject = readSubject(file);
  const arrivals = await packetsBeside(file, packets);
  if (subject === undefined || arrivals === undefined || arrivals.length === 0) return [];
  const { object, maps } = subject;
  const [main] = xdpCandidates(object).slice(-1);
  if (main === undefined) return [];
  const chosen = shareMaps(object);
  if (chosen.every(({ protocol }) => protocol === undefined)) return [[file.name, '', '', '', '', 'no state to share']];
  const wanted: readonly (ProtocolName | 'chosen')[] = ['chosen', ...protocolNames];
  return wanted.flatMap((name) => {
    const shared = chosen.map((map): SharedMap => {
      return name !== 'chosen' && map.possible.includes(name) ? { ...map, protocol: name } : map;
    });
    if (name !== 'chosen' && !shared.some(({ protocol }) => protocol === name)) return [];
    const result = runCampaign({
      object,
      program: object.programs.indexOf(main),
      shared,
      packets: repeated(arrivals, packets),
      misses: 0.2,
      seed,
      fill: (machine) => {
        if (maps !== undefined) loadMaps(machine, maps.contents, maps.file);
      },
    });
    const messages = [...result.messages.values()].reduce((sum, each) => sum + each, 0);
    const { fault } = result;
    const cells = [formatNumber(result.packets), formatNumber(result.misses), formatNumber(messages)];
    return [[file.name, name, ...cells, row(fault === undefined, fault ?? '')]];
  });
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

await runTool(
  usage,
  { states: { type: 'string' }, packets: { type: 'string' }, seed: { type: 'string' } },
  async ([folder = 'examples'], flags) => {
    const limit = numberFlag(flags, 'states', 200_000);
    const packets = numberFlag(flags, 'packets', 10_000);
    const seed = numberFlag(flags, 'seed', 1);
    print(
      'every interleaving of five jobs',
      ['world', 'protocols', 'states', 'which', 'ends', 'result'],
      worlds.map((world) => explored(world, limit)),
    );
    print(
      'protocols with one line broken: each must be found',
      ['protocol', 'what it does', 'found as', 'result'],
      broken(Math.min(limit, 5000)),
    );
    const rows: (readonly Cell[])[] = [];
    for (const file of findObjects(folder)) {
      try {
        rows.push(...(await onTwoSides(file, packets, seed)));
      } catch (error) {
        if (!(error instanceof UnsupportedError)) throw error;
        rows.push([file.name, '', '', '', '', `not shared: ${error.message}`]);
      }
    }
    print(
      `programs on two sides, ${count(packets, 'packet')} each`,
      ['object', 'protocol', 'packets', 'misses', 'parcels', 'result'],
      rows,
    );
    console.log(`${passed} passed, ${failed} failed`);
    return negativeIf(failed);
  },
);
