/** All that the evaluation wants to know of one program. Nothing in here depends on how fast the machine is. */
import { hitCurves, policies } from '../../cache/index.js';
import type { Subject } from '../../cli/check/subjects.js';
import { isConditionalJump } from '../../isa/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import type { Arrival, TraceRecord } from '../../runtime/index.js';
import { type AttackResult, measureAttack } from './attack.js';
import { type ConditionSize, conditionSize } from './condition-size.js';
import { cycleOf, type Rates, ranked, ratesOf, recordPaths, tracesFor, worstOrder } from './paths.js';
import { measurePlaces, type PlacesResult } from './places.js';
import { conversationsOf, replay } from './replay.js';
import { type SearchResult, searchPaths } from './search.js';
import { makeTraffic, realistic, traffics } from './traffics.js';

/** Size of a run. Equal options give equal figures. */
export interface EvalOptions {
  readonly packets: number;
  readonly seed: number;
  readonly quick: boolean;
}

/** One program under one traffic. */
export interface TrafficResult {
  /** Row of `traffics`, or `own`. */
  readonly traffic: string;
  readonly packets: number;
  readonly paths: number;
  /** Traces that decide 50, 90 and 99 % of the packets; undefined where all of them do not. */
  readonly for50: number | undefined;
  readonly for90: number | undefined;
  readonly for99: number | undefined;
  /** Share of the packets that the k most frequent traces decide, k from 1 to {@link mostRanks}. */
  readonly coverage: readonly number[];
  /** Share of packets that hit, by policy, for each of {@link cacheSizes}. */
  readonly curves: Readonly<Record<string, readonly number[]>>;
}

/** All figures of one program. */
export interface ProgramResult {
  readonly object: string;
  readonly program: string;
  readonly isExample: boolean;
  readonly insns: number;
  /** The first is the realistic one: its own packets, or those of `realistic`. */
  readonly traffics: readonly TrafficResult[];
  readonly worst: {
    readonly paths: number;
    readonly curves: TrafficResult['curves'];
  };
  /** What there is besides, as far as a search with a budget finds it. */
  readonly search: SearchResult;
  /**
   * The paths that decide 90 % of the packets, a packet of each, over and over, and a cache one too small for them:
   * what it hits. Undefined if there is only one.
   */
  readonly cycle: { readonly size: number; readonly rates: Rates } | undefined;
  /**
   * Recordings a packet: at best each path once, at worst each miss of LRU with a cache one too small, in the cycle or
   * the worst order.
   */
  readonly compile: { readonly best: number; readonly worst: number };
  /** Instructions a packet, weighted by packets: the whole program; on a hit, of the condition and of the body. */
  readonly insnsPerPacket: { readonly whole: number; readonly condition: number; readonly body: number };
  readonly conditions: ConditionSize;
  readonly attack: AttackResult | undefined;
  /** What a small card decides of the realistic packets. */
  readonly places: PlacesResult;
}

/** Sizes of the cache for which hit rates are told, in traces. */
export const cacheSizes = [1, 2, 4, 8, 16, 32, 64] as const;
/** Traces by rank of use that the curves show. */
export const mostRanks = 64;
/** Packets of the cycle: with a few dozen paths, enough rounds for the first misses not to count. */
const cyclePackets = 1000;
/** Packets that the search for more paths tries. */
const searchBudget = 2000;
/** The same for `--quick`. */
const quickBudget = 100;

/**
 * True if there is more than one way through the program, and packets come to it from outside, not by a tail call of
 * another one.
 */
export function isMeasured(object: ObjectSpec, program: ProgramSpec): boolean {
  const called = object.maps.some(
    ({ init }) => init?.kind === 'programs' && [...init.slots.values()].includes(program.name),
  );
  return !called && program.insns.some(isConditionalJump);
}

/** `own`: the program's own packets, if it has any: then it is an example. */
export function measureProgram(
  subject: Subject,
  program: ProgramSpec,
  own: readonly Arrival[] | undefined,
  { packets, seed, quick }: EvalOptions,
): ProgramResult {
  const rows = traffics.filter((row) => row.quick || !quick);
  const conversations = own === undefined ? undefined : conversationsOf(own);
  const results = rows.map(({ name, options }) => {
    const made =
      conversations === undefined ? makeTraffic(options, packets, seed) : replay(conversations, options, packets, seed);
    const run = recordPaths(subject, program, made);
    // Thousands of traces take room; only those of the realistic traffic are looked at.
    return { name, made, run: own === undefined && name === realistic ? run : { ...run, traces: [] } };
  });
  // The realistic traffic comes first, whatever the order of the table: an example's is its own capture.
  const first = results.find(({ name }) => name === realistic);
  const real = own === undefined ? first : { name: 'own', made: own, run: recordPaths(subject, program, own) };
  if (real === undefined) throw new Error(`no traffic ${realistic}`);
  const { reference: worst } = recordPaths(subject, program, worstOrder(real.made, real.run.reference));
  const frequent = tracesFor(ranked(real.run.reference), real.run.reference.packets, 0.9) ?? real.run.reference.paths;
  const { reference: turning } = recordPaths(
    subject,
    program,
    cycleOf(real.made, real.run.reference, frequent, cyclePackets),
  );
  // The packets of a program with state may take other ways the next time.
  const size = Math.min(frequent, turning.paths) - 1;
  const rates = size < 1 ? undefined : ratesOf(turning, policies, size);
  const all = [real, ...results.filter((result) => result !== real)];
  // The worst order with a cache one too small: LRU then evicts what comes next, each time.
  const tooSmall = ratesOf(worst, policies, Math.max(1, worst.paths - 1));
  return {
    object: subject.object.name,
    program: program.name,
    isExample: own !== undefined,
    insns: program.insns.length,
    traffics: all.map(({ name, run }) => trafficResult(name, run.reference)),
    worst: {
      paths: worst.paths,
      curves: curvesOf(worst),
    },
    search: searchPaths(subject, program, real.made, { budget: quick ? quickBudget : searchBudget, seed }),
    cycle: rates === undefined ? undefined : { size, rates },
    compile: {
      best: real.run.reference.paths / Math.max(1, real.run.reference.packets),
      worst: Math.max(1 - (tooSmall['lru'] ?? 0), 1 - (rates?.['lru'] ?? 1)),
    },
    insnsPerPacket: insnsPerPacket(real.run.traces),
    conditions: conditionSize(real.run.traces),
    attack: own === undefined ? undefined : measureAttack(subject, program, own, packets, seed),
    places: measurePlaces(subject, program, real.made, packets),
  };
}

/** The figures of one traffic from the sequence of paths alone. */
function trafficResult(traffic: string, reference: Parameters<typeof ranked>[0]): TrafficResult {
  const ranks = ranked(reference);
  const { packets, paths } = reference;
  let sum = 0;
  const coverage = ranks.slice(0, mostRanks).map((count) => {
    sum += count;
    return sum / packets;
  });
  return {
    traffic,
    packets,
    paths,
    for50: tracesFor(ranks, packets, 0.5),
    for90: tracesFor(ranks, packets, 0.9),
    for99: tracesFor(ranks, packets, 0.99),
    coverage,
    curves: curvesOf(reference),
  };
}

/** Hit rates by policy and size, simulated over the recorded sequence: what a run with that cache would count. */
function curvesOf(reference: Parameters<typeof ranked>[0]): TrafficResult['curves'] {
  const packets = Math.max(1, reference.packets);
  return Object.fromEntries(
    hitCurves(reference, { sizes: cacheSizes, policies }).map(({ policy, hits }) => [
      policy.name,
      hits.map((count) => count / packets),
    ]),
  );
}

/** Means over packets. A trace that decided many packets weighs as much as they do. */
function insnsPerPacket(traces: readonly TraceRecord[]): ProgramResult['insnsPerPacket'] {
  let packets = 0;
  let whole = 0;
  let condition = 0;
  let body = 0;
  for (const trace of traces) {
    // The packet that was recorded took the path, too.
    const weight = trace.packets + trace.installs;
    packets += weight;
    whole += weight * trace.insnsProgram;
    condition += weight * trace.insnsCondition;
    body += weight * trace.insnsTrace;
  }
  const per = Math.max(1, packets);
  return { whole: whole / per, condition: condition / per, body: body / per };
}
