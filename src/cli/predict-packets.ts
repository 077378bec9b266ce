/** Packets for `jitnic predict`: those of a capture, in order, or one for each path that a search finds. */
import { createHash } from 'node:crypto';
import { DecisionObserver } from '../cases/index.js';
import { arriving, fillMaps, type StartState } from '../explore/index.js';
import { verdictName } from '../platform/index.js';
import {
  type ContractClass,
  type NamedVariable,
  type PacketCost,
  Prediction,
  type Quantity,
  quantities,
} from '../predict/index.js';
import { PacketClock, type SessionOptions } from '../runtime/index.js';
import { Verdicts } from '../verifier/index.js';
import { loadMaps } from '../vm/index.js';
import type { CapturedPacket } from './capture-input.js';
import { classRank, packetClass } from './packet-class.js';
import { findPaths } from './path-finder.js';
import type { Chosen } from './run-options.js';

/** What packets are run. */
export type PredictPackets =
  | { readonly kind: 'capture'; readonly packets: readonly CapturedPacket[] }
  | { readonly kind: 'search'; readonly starts: readonly StartState[] };

/** Packets of one kind and verdict, together. */
export interface TrafficRow {
  readonly class: string;
  readonly verdict: string;
  readonly packets: number;
  /** Means. */
  readonly counted: Readonly<Record<Quantity, number>>;
  /** Mean nanoseconds by element. */
  readonly ns: Readonly<Record<string, number>>;
}

/** A contract with all that is printed of it. */
export interface Predicted {
  readonly program: string;
  readonly source: 'capture' | 'search';
  readonly packets: number;
  /** Of the packets' bytes: two contracts with the same one speak of the same traffic. */
  readonly digest: string;
  readonly trapped: number;
  readonly classes: readonly ContractClass[];
  readonly variables: readonly NamedVariable[];
  readonly traffic: readonly TrafficRow[];
}

/** Starts that a search tries for a program's paths. */
export const searchBudget = 2000;

/** A packet for each path. Throws what the search throws. */
export function searchStarts(
  { object, program }: Chosen,
  world: SessionOptions,
  budget: number,
): readonly StartState[] {
  const options = { ...world, verdicts: Verdicts.of(object), budget, searchSeed: 1, seeds: [], known: [] };
  return findPaths(object, program, options).paths.map(({ start }) => start);
}

/** Runs the packets. */
export function predictPackets({ object, program }: Chosen, packets: PredictPackets, world: SessionOptions): Predicted {
  const decision = new DecisionObserver();
  const { maps } = world;
  const prediction = new Prediction(object, program, {
    ...world,
    beside: decision,
    // A start says what its maps hold.
    fill: (machine) => {
      if (packets.kind === 'capture' && maps !== undefined) loadMaps(machine, maps.contents, maps.file);
    },
  });
  const hash = createHash('sha256');
  const rows = new Map<string, OpenRow>();
  const run = (data: Uint8Array, go: (label: (verdict: number) => string) => PacketCost | undefined): void => {
    hash.update(data);
    decision.start();
    const kind = packetClass(data);
    const cost = go(() => {
      const { line } = decision;
      return line === undefined ? kind : `${kind}, ${line.file}:${line.line}: ${line.text}`;
    });
    if (cost !== undefined) noteRow(rows, kind, cost);
  };
  const arrival = { cpu: 0, egressIfindex: program.attach === 'xdp_devmap' ? 2 : 0, frags: program.frags };
  if (packets.kind === 'capture') {
    const clock = new PacketClock(world.clock ?? { kind: 'capture' });
    const input = { ingressIfindex: world.ingressIfindex ?? 1, ...arrival };
    for (const [i, { data, time }] of packets.packets.entries())
      run(data, (label) => prediction.run({ ...input, data, now: clock.timeOf(i + 1, time) }, label));
  } else
    for (const start of packets.starts)
      run(start.packet, (label) => {
        const { machine } = prediction;
        machine.transaction.begin();
        fillMaps(machine, start);
        const cost = prediction.run(arriving(start, arrival), label);
        machine.transaction.rollback();
        return cost;
      });
  const { classes, variables, trapped } = prediction;
  const all = packets.kind === 'capture' ? packets.packets.length : packets.starts.length;
  const digest = hash.digest('hex').slice(0, 16);
  return {
    program: program.name,
    source: packets.kind,
    packets: all,
    digest,
    trapped,
    classes,
    variables,
    traffic: trafficOf(rows.values()),
  };
}

interface OpenRow {
  readonly kind: string;
  readonly verdict: string;
  packets: number;
  readonly counted: Record<Quantity, number>;
  readonly ns: Record<string, number>;
}

function noteRow(rows: Map<string, OpenRow>, kind: string, cost: PacketCost): void {
  const verdict = verdictName(cost.verdict);
  const key = `${kind} ${verdict}`;
  const zero = Object.fromEntries(quantities.map((quantity) => [quantity, 0])) as Record<Quantity, number>;
  const row = rows.get(key) ?? { kind, verdict, packets: 0, counted: zero, ns: {} };
  row.packets++;
  for (const quantity of quantities) row.counted[quantity] += cost.counted[quantity];
  for (const [element, ns] of Object.entries(cost.ns)) row.ns[element] = (row.ns[element] ?? 0) + ns;
  rows.set(key, row);
}

/** Sums as means, in the order of kinds of packets. */
function trafficOf(rows: Iterable<OpenRow>): TrafficRow[] {
  return [...rows]
    .map(({ kind, verdict, packets, counted, ns }) => ({
      class: kind,
      verdict,
      packets,
      counted: Object.fromEntries(quantities.map((each) => [each, counted[each] / packets])) as Record<
        Quantity,
        number
      >,
      ns: Object.fromEntries(Object.entries(ns).map(([element, sum]) => [element, sum / packets])),
    }))
    .sort((a, b) => classRank(a.class) - classRank(b.class) || a.verdict.localeCompare(b.verdict));
}
