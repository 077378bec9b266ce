/**
 * Two versions of a program on the same packets and maps: what each decides, and what it leaves in its maps. Packets
 * are those of a capture, in order and with the maps as they become, and one for each path that a search finds in
 * either version, with the elements that it needs. Where these show nothing, starts are asked for on which the two
 * decide or leave something else (explore/follow/divergence.ts).
 */
import { changedSlots } from '../code/index.js';
import {
  Divergences,
  fillMaps,
  type ProgramVersion,
  type StartState,
  type StatePath,
  type StateSearch,
} from '../explore/index.js';
import type { ProgramSpec } from '../object/index.js';
import { hex } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { Machine, MapStore, type MapsFile } from '../vm/index.js';
import { MapPairs, type Version } from './diff-maps.js';
import { type Decision, type Difference, egressOf, mapParting, partingOf, type Side, sideOf } from './diff-sides.js';
import { type ClassSteps, StepCount } from './diff-steps.js';
import { openSearch } from './path-finder.js';
import type { Chosen } from './run-options.js';
import { entriesJson, mapNames } from './start-text.js';

/** Where two programs part. */
export interface Parting extends Difference {
  /** Of the capture, from 1; 0: it was made. */
  readonly packet: number;
  readonly data: Uint8Array;
  /** What a packet that was made finds. */
  readonly start?: MadeStart | undefined;
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

/** What came of a comparison. */
export interface Compared {
  readonly partings: readonly Parting[];
  /** Packets of the capture, and packets that were made. */
  readonly packets: number;
  readonly made: number;
  /** Starts that were tried in all. */
  readonly starts: number;
  /** The searches have gone every path of both. */
  readonly isAll: boolean;
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
}

/** Interface that packets of a capture come in by, as everywhere. */
const ingressIfindex = 1;

/** Differences after which no more are aimed at. */
const mostAimed = 8;

/** Starts of each version that are searched for before those that were found are looked at. */
const startsARound = 100;

/** A start as the old version has it, of which is to be asked what is near it. */
interface Aim {
  readonly start: StartState;
  /** It was aimed at itself. */
  readonly isNear: boolean;
}

/**
 * A comparison under way: it looks on from where it was. Throws RejectedError where Linux would not load one of them.
 */
export class Comparing {
  private readonly comparison: Comparison;
  private readonly pairs: MapPairs;
  private readonly sides: Readonly<Record<Version, Side>>;
  private readonly searches: Readonly<Record<Version, StateSearch>>;
  private readonly divergences: Divergences;
  private readonly holders: Readonly<Record<Version, MapStore>>;
  private readonly partings: Parting[] = [];
  private readonly steps = new StepCount();
  private readonly judged: Record<Version, number> = { old: 0, fresh: 0 };
  /** What came by a slot that has changed, and what did not. */
  private readonly aims: Aim[] = [];
  private readonly lateAims: Aim[] = [];
  private readonly tried = new Set<string>();
  private inCapture = false;
  private made = 0;
  private skipped = 0;

  constructor(comparison: Comparison) {
    const { old, fresh, packets } = comparison;
    this.comparison = comparison;
    this.pairs = new MapPairs(old.object, fresh.object);
    const changed = changedOf(old, fresh, (map) => this.pairs.oldMapOf(map));
    // Starts bring the elements that they need.
    this.sides = { old: sideOf(old, undefined, changed.old), fresh: sideOf(fresh, undefined, changed.fresh) };
    this.holders = { old: new MapStore(old.object), fresh: new MapStore(fresh.object) };
    const search = (version: Version, { object, program }: Chosen): StateSearch => {
      const contents = this.given(version);
      return openSearch(object, program, {
        verdicts: Verdicts.of(object),
        searchSeed: 1,
        maps: contents && { contents },
        seeds: packets.slice(0, 500).map(({ data }) => data),
      });
    };
    this.searches = { old: search('old', old), fresh: search('fresh', fresh) };
    this.divergences = new Divergences(versionOf(old), versionOf(fresh), {
      mapOf: (index) => this.pairs.oldMapOf(index),
      translated: (start) => this.pairs.translatedStart(start, 'old'),
    });
  }

  /** What it took so far (explore/follow/effort.ts). */
  get effort(): number {
    const { searches, divergences } = this;
    return searches.old.effort + searches.fresh.effort + divergences.effort;
  }

  /**
   * Tries `starts` of each version in all, and looks near them; ends early where there is nothing more to look at, or
   * `effort` is used up.
   */
  look(starts: number, effort: number): void {
    const isOver = (): boolean => this.effort >= effort;
    for (let most = 0; ; ) {
      most = Math.min(starts, most + startsARound);
      for (const version of ['old', 'fresh'] as const) {
        this.searches[version].explore(most, isOver);
        this.judgeFound(version);
      }
      // As much for what is near those that were found as for finding them.
      const share = this.searches.old.effort + this.searches.fresh.effort;
      const isLast = most >= starts || isOver();
      this.aim(() => isOver() || (!isLast && this.divergences.effort >= share));
      if (isLast || isOver()) break;
    }
    this.runCapture();
  }

  /** What came of it so far. */
  get compared(): Compared {
    const { partings, comparison, made, skipped, steps, searches, tried } = this;
    const starts = searches.old.tried + searches.fresh.tried + tried.size;
    const isAll = searches.old.isDone && searches.fresh.isDone;
    const packets = comparison.packets.length;
    return { partings, packets, made, starts, isAll, skipped, steps: steps.all, classes: steps.classes };
  }

  private given(version: Version): MapsFile | undefined {
    const { maps } = this.comparison;
    return maps && this.pairs.contentsFor(version, maps);
  }

  /** Runs both on what a search has found since. */
  private judgeFound(version: Version): void {
    const { found } = this.searches[version];
    for (; this.judged[version] < found.length; this.judged[version]++) {
      const { start } = found[this.judged[version]] as StatePath;
      const judged = this.judge(start, version);
      // A path is told of, what was aimed at is not.
      if (judged === undefined) this.skipped++;
      const own = version === 'old' ? start : this.pairs.translatedStart(start, version);
      if (own !== undefined) (judged?.isBy === true ? this.aims : this.lateAims).push({ start: own, isNear: false });
    }
  }

  private judge(start: StartState, version: Version): Judged | undefined {
    const { sides, pairs } = this;
    const sketched = judgeStart(start, version, sides, pairs, true);
    // What is full of elements that nobody sees may be a difference that there is not.
    const isSure = sketched?.found === undefined || start.full.length === 0;
    const judged = isSure ? sketched : judgeStart(start, version, sides, pairs, false);
    if (judged === undefined) return undefined;
    this.made++;
    this.steps.add(start.packet, judged.decisions);
    if (judged.found !== undefined)
      this.partings.push({
        packet: 0,
        data: start.packet,
        start: madeStart(start, this.holders[version]),
        ...judged.found,
      });
    return judged;
  }

  /** Asks what is near the starts that wait for it, until `isOver` says so or they differ often enough. */
  private aim(isOver: () => boolean): void {
    for (;;) {
      if (this.partings.length >= mostAimed || isOver()) return;
      const next = this.aims.shift() ?? this.lateAims.shift();
      if (next === undefined) return;
      for (const start of this.divergences.near(next.start)) {
        const id = `${hex(start.packet)} ${startId(madeStart(start, this.holders.old))}`;
        if (this.tried.has(id)) continue;
        this.tried.add(id);
        const judged = this.judge(start, 'old');
        // What is near a start that shows nothing may show something, and so on once.
        if (judged?.isBy === true && !next.isNear) this.aims.push({ start, isNear: true });
        if (this.partings.length >= mostAimed || isOver()) return;
      }
    }
  }

  /** The packets of the capture, once. */
  private runCapture(): void {
    if (this.inCapture) return;
    this.inCapture = true;
    const { old, fresh, packets } = this.comparison;
    const [a, b] = [sideOf(old, this.given('old')), sideOf(fresh, this.given('fresh'))];
    for (const [i, { data, time }] of packets.entries()) {
      const input = { data, now: time, ingressIfindex };
      const decisions = [a.run(input), b.run(input)] as const;
      this.steps.add(data, decisions);
      const found = partingOf(...decisions) ?? mapParting(this.pairs, a, b);
      if (found === undefined) continue;
      this.partings.push({ packet: i + 1, data, ...found });
      // From here on the maps may not be the same any more.
      break;
    }
  }
}

/** By program of each version: its slots that the other one does not have (code/changed-slots.ts). */
function changedOf(old: Chosen, fresh: Chosen, mapOf: (index: number) => number): Record<Version, Uint8Array[]> {
  const all = (program: ProgramSpec): Uint8Array => new Uint8Array(program.insns.length).fill(1);
  const changed = { old: old.object.programs.map(all), fresh: fresh.object.programs.map(all) };
  for (const [i, program] of old.object.programs.entries()) {
    const other = program === old.program ? fresh.program : fresh.object.programs.find((p) => p.name === program.name);
    if (other === undefined) continue;
    const slots = changedSlots(program.insns, other.insns, mapOf);
    changed.old[i] = slots.old;
    changed.fresh[fresh.object.programs.indexOf(other)] = slots.fresh;
  }
  return changed;
}

function versionOf({ object, program }: Chosen): ProgramVersion {
  const machine = new Machine(object);
  const loaded = machine.programs[object.programs.indexOf(program)] as Machine['programs'][number]; // it is the object's
  machine.admit(loaded);
  return { machine, program: loaded, arrival: { cpu: 0, egressIfindex: egressOf(program), frags: program.frags } };
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

/** What both did from a start. */
interface Judged {
  readonly found: Difference | undefined;
  readonly decisions: readonly [Decision, Decision];
  /** One of them came by a slot that has changed. */
  readonly isBy: boolean;
}

/**
 * Runs a start of one version on both; undefined where the other's maps cannot hold what it needs. `isSketch`: as
 * {@link fillMaps} has it.
 */
function judgeStart(
  start: StartState,
  from: Version,
  sides: Readonly<Record<Version, Side>>,
  pairs: MapPairs,
  isSketch: boolean,
): Judged | undefined {
  const other = pairs.translatedStart(start, from);
  if (other === undefined) return undefined;
  const opened: Machine[] = [];
  try {
    const decide = (version: Version): Decision | undefined => {
      const { machine, run } = sides[version];
      machine.transaction.begin();
      opened.push(machine);
      if (!fillMaps(machine, version === from ? start : other, isSketch)) return undefined;
      const { packet, metadata, now, ifindex } = start;
      return run({ data: packet, meta: metadata, now, ingressIfindex: ifindex });
    };
    const [left, right] = [decide('old'), decide('fresh')];
    if (left === undefined || right === undefined) return undefined;
    const found = partingOf(left, right) ?? mapParting(pairs, sides.old, sides.fresh);
    return { found, decisions: [left, right], isBy: left.isBy || right.isBy };
  } finally {
    for (const machine of opened) machine.transaction.rollback();
  }
}
