/**
 * Two versions of a program on the same packets and maps: what each decides, and what it leaves in its maps. Packets
 * are those of a capture, in order and with the maps as they become, and one for each path that a search finds in
 * either version, with the elements that it needs. Where these show nothing, starts are asked for on which the two
 * decide or leave something else (explore/follow/divergence.ts).
 */
import { Divergences, fillMaps, type ProgramVersion, type StartState } from '../explore/index.js';
import { Interpreter } from '../interp/index.js';
import type { ProgramSpec } from '../object/index.js';
import { type FieldDifference, packetDifferences } from '../packet/index.js';
import { verdictName } from '../platform/index.js';
import { hex } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { formatOutput, formatTrap, loadMaps, Machine, MapStore, type MapsFile, type PacketInput } from '../vm/index.js';
import { MapPairs, type Version } from './diff-maps.js';
import { classRank, packetClass } from './packet-class.js';
import { findPaths } from './path-finder.js';
import type { Chosen } from './run-options.js';
import { entriesJson, mapNames } from './start-text.js';

/** Where two programs part. */
export interface Parting {
  /** Of the capture, from 1; 0: it was made. */
  readonly packet: number;
  readonly data: Uint8Array;
  /** What a packet that was made finds. */
  readonly start?: MadeStart | undefined;
  readonly what: string;
  readonly old: string;
  readonly new: string;
  readonly fields: readonly FieldDifference[];
}

/** What a packet that was made finds, as far as it is not what every packet does. */
export interface MadeStart {
  /** As in map files. */
  readonly maps: ReturnType<typeof entriesJson> | undefined;
  readonly full: readonly string[] | undefined;
  readonly metadata: Uint8Array | undefined;
  /** Nanoseconds. */
  readonly clock: bigint | undefined;
  readonly ifindex: number | undefined;
}

/** What packets of one class took: instructions in all. */
export interface ClassSteps {
  readonly name: string;
  readonly packets: number;
  readonly old: number;
  readonly new: number;
}

/** What came of a comparison. */
export interface Compared {
  readonly partings: readonly Parting[];
  /** Packets of the capture, and packets that were made. */
  readonly packets: number;
  readonly made: number;
  /** Packets that were made for one version and need elements that the other's maps cannot hold. */
  readonly skipped: number;
  /** Sums over all packets, and over those of each class. */
  readonly steps: readonly [old: number, fresh: number];
  readonly classes: readonly ClassSteps[];
}

/** The two versions, and what they are compared on. */
export interface Comparison {
  readonly old: Chosen;
  readonly fresh: Chosen;
  /** Of a capture. */
  readonly packets: readonly { readonly data: Uint8Array; readonly time: bigint }[];
  readonly maps: MapsFile | undefined;
  /** Starts that a search tries for each of the two. */
  readonly budget: number;
}

/** One of the two, alive. */
interface Side {
  readonly machine: Machine;
  readonly run: (input: PacketInput) => Decision;
}

interface Decision {
  readonly verdict: string;
  readonly bytes: Uint8Array;
  readonly redirect: string;
  readonly outputs: string;
  readonly trap: string | undefined;
  readonly steps: number;
}

/** Interface that packets of a capture come in by, as everywhere. */
const ingressIfindex = 1;

/** Differences after which no more are aimed at. */
const mostAimed = 8;

/** Runs both. Throws RejectedError where Linux would not load one of them. */
export function compare({ old, fresh, packets, maps, budget }: Comparison): Compared {
  const pairs = new MapPairs(old.object, fresh.object);
  const partings: Parting[] = [];
  const steps = new StepCount();
  const given = (version: Version): MapsFile | undefined => maps && pairs.contentsFor(version, maps);
  const versions = [
    ['old', old],
    ['fresh', fresh],
  ] as const;
  let [made, skipped] = [0, 0];
  let isAiming = false;
  const starts: StartState[] = [];
  // Starts bring the elements that they need.
  const bare = { old: sideOf(old, undefined), fresh: sideOf(fresh, undefined) };
  const judge = (start: StartState, version: Version, holder: MapStore): void => {
    const judged = judgeStart(start, version, bare, pairs);
    if (judged === undefined) {
      // A path is told of, what was aimed at is not.
      if (!isAiming) skipped++;
      return;
    }
    made++;
    steps.add(start.packet, judged.decisions);
    if (judged.found !== undefined)
      partings.push({ packet: 0, data: start.packet, start: madeStart(start, holder), ...judged.found });
  };
  for (const [version, { object, program }] of versions) {
    const contents = given(version);
    const found = findPaths(object, program, {
      verdicts: Verdicts.of(object),
      budget,
      searchSeed: 1,
      known: [],
      maps: contents && { contents },
      seeds: packets.slice(0, 500).map(({ data }) => data),
    });
    const holder = new MapStore(object);
    for (const { start } of found.paths) {
      judge(start, version, holder);
      const own = version === 'old' ? start : pairs.translatedStart(start, version);
      if (own !== undefined) starts.push(own);
    }
  }
  isAiming = partings.length === 0;
  if (isAiming) {
    const holder = new MapStore(old.object);
    const divergences = new Divergences(versionOf(old), versionOf(fresh), {
      mapOf: (index) => pairs.oldMapOf(index),
      translated: (start) => pairs.translatedStart(start, 'old'),
    });
    const tried = new Set<string>();
    const most = 2 * starts.length;
    for (let i = 0; i < starts.length && partings.length < mostAimed; i++)
      for (const start of divergences.near(starts[i] as StartState)) {
        const id = `${hex(start.packet)} ${startId(madeStart(start, holder))}`;
        if (tried.has(id)) continue;
        tried.add(id);
        judge(start, 'old', holder);
        // What is near a start that shows nothing may show something.
        if (starts.length < most) starts.push(start);
        if (partings.length >= mostAimed) break;
      }
  }
  const [a, b] = [sideOf(old, given('old')), sideOf(fresh, given('fresh'))];
  for (const [i, { data, time }] of packets.entries()) {
    const input = { data, now: time, ingressIfindex };
    const decisions = [a.run(input), b.run(input)] as const;
    steps.add(data, decisions);
    const found = partingOf(...decisions) ?? mapParting(pairs, a, b);
    if (found === undefined) continue;
    partings.push({ packet: i + 1, data, ...found });
    // From here on the maps may not be the same any more.
    break;
  }
  return { partings, packets: packets.length, made, skipped, steps: steps.all, classes: steps.classes };
}

function versionOf({ object, program }: Chosen): ProgramVersion {
  const machine = new Machine(object);
  const loaded = machine.programs[object.programs.indexOf(program)] as Machine['programs'][number]; // it is the object's
  machine.admit(loaded);
  return { machine, program: loaded, arrival: { cpu: 0, egressIfindex: egressOf(program), frags: program.frags } };
}

/** Packets of a device map's entry leave by some interface. */
function egressOf({ attach }: ProgramSpec): number {
  return attach === 'xdp_devmap' ? 2 : 0;
}

function startId({ maps, full, metadata, clock, ifindex }: MadeStart): string {
  return JSON.stringify([maps, full, metadata && hex(metadata), clock?.toString(), ifindex]);
}

function madeStart(start: StartState, holder: MapStore): MadeStart {
  const maps = entriesJson(holder, start);
  return {
    maps: Object.keys(maps).length === 0 ? undefined : maps,
    full: start.full.length === 0 ? undefined : mapNames(holder, start.full),
    metadata: start.metadata.length === 0 ? undefined : start.metadata,
    clock: start.now === 0n ? undefined : start.now,
    ifindex: start.ifindex === ingressIfindex ? undefined : start.ifindex,
  };
}

/** Runs a start of one version on both; undefined where the other's maps cannot hold what it needs. */
function judgeStart(
  start: StartState,
  from: Version,
  sides: Readonly<Record<Version, Side>>,
  pairs: MapPairs,
): { readonly found: Difference | undefined; readonly decisions: readonly [Decision, Decision] } | undefined {
  const other = pairs.translatedStart(start, from);
  if (other === undefined) return undefined;
  const opened: Machine[] = [];
  try {
    const decide = (version: Version): Decision | undefined => {
      const { machine, run } = sides[version];
      machine.transaction.begin();
      opened.push(machine);
      if (!fillMaps(machine, version === from ? start : other)) return undefined;
      const { packet, metadata, now, ifindex } = start;
      return run({ data: packet, meta: metadata, now, ingressIfindex: ifindex });
    };
    const [left, right] = [decide('old'), decide('fresh')];
    if (left === undefined || right === undefined) return undefined;
    return { found: partingOf(left, right) ?? mapParting(pairs, sides.old, sides.fresh), decisions: [left, right] };
  } finally {
    for (const machine of opened) machine.transaction.rollback();
  }
}

function sideOf({ object, program }: Chosen, contents: MapsFile | undefined): Side {
  const machine = new Machine(object);
  if (contents !== undefined) loadMaps(machine, contents);
  const loaded = machine.programs[object.programs.indexOf(program)] as Machine['programs'][number]; // it is the object's
  machine.admit(loaded);
  const interpreter = new Interpreter(machine);
  const run = (input: PacketInput): Decision => {
    machine.setPacket({ ...input, egressIfindex: egressOf(program), frags: program.frags });
    const { verdict, steps, trap } = interpreter.run(loaded);
    const name = verdictName(verdict);
    return {
      verdict: name,
      bytes: machine.lane.packet.bytes(),
      redirect: name === 'REDIRECT' ? JSON.stringify(machine.redirect) : '',
      outputs: machine.outputs.map((output) => formatOutput(object, output, new Map()).text).join(' | '),
      trap: trap === undefined ? undefined : formatTrap(trap),
      steps,
    };
  };
  return { machine, run };
}

type Difference = Omit<Parting, 'packet' | 'data' | 'start'>;

function partingOf(left: Decision, right: Decision): Difference | undefined {
  const say = (what: string, a: string, b: string, fields: readonly FieldDifference[] = []): Difference => ({
    what,
    old: a,
    new: b,
    fields,
  });
  if (left.trap !== undefined || right.trap !== undefined)
    return left.trap === right.trap ? undefined : say('what stops it', left.trap ?? 'nothing', right.trap ?? 'nothing');
  if (left.verdict !== right.verdict) return say('verdict', left.verdict, right.verdict);
  if (left.redirect !== right.redirect) return say('redirect', left.redirect, right.redirect);
  // Nobody sees what became of a packet that is dropped.
  const fields =
    left.verdict === 'DROP' || left.verdict === 'ABORTED' ? [] : packetDifferences(left.bytes, right.bytes);
  if (fields.length > 0) return say('packet', `${left.bytes.length} bytes`, `${right.bytes.length} bytes`, fields);
  return left.outputs === right.outputs
    ? undefined
    : say('lines and records', left.outputs || 'none', right.outputs || 'none');
}

/** What a packet has left in the maps. */
function mapParting(pairs: MapPairs, a: Side, b: Side): Difference | undefined {
  const found = pairs.parting(a.machine, b.machine);
  return found && { what: `${found.what}, after the packet`, old: found.old, new: found.fresh, fields: found.fields };
}

/** Instructions that both took, in all and by class of packet. */
class StepCount {
  readonly all: [old: number, fresh: number] = [0, 0];
  private readonly byClass = new Map<string, { packets: number; old: number; new: number }>();

  add(data: Uint8Array, [old, fresh]: readonly [Decision, Decision]): void {
    this.all[0] += old.steps;
    this.all[1] += fresh.steps;
    const name = packetClass(data);
    const sum = this.byClass.get(name) ?? { packets: 0, old: 0, new: 0 };
    this.byClass.set(name, sum);
    sum.packets++;
    sum.old += old.steps;
    sum.new += fresh.steps;
  }

  get classes(): ClassSteps[] {
    return [...this.byClass]
      .map(([name, sum]) => ({ name, ...sum }))
      .sort((a, b) => classRank(a.name) - classRank(b.name));
  }
}
