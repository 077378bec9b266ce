/**
 * What a packet costs a card, in cycles of its clock: how long until the next one can begin, and how long until this
 * one is through. One model a kind of card.
 */
import { UnsupportedError } from '../base/index.js';
import { mayBeWritten } from '../code/index.js';
import {
  type CardDescription,
  compileManycore,
  compileProgram,
  ElementKeys,
  HazardClock,
  type HazardStrategy,
  ManycoreEngine,
  mapLatencies,
  numberOf,
  PipelineCard,
  packetCycles,
  placedByCounts,
  placedFar,
  VliwEngine,
  Work,
  wordOf,
} from '../nic/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { XDP_REDIRECT, XDP_TX } from '../platform/index.js';
import type { SessionOptions, TraceRecord } from '../runtime/index.js';
import type { RecordedTrace } from '../trace/index.js';
import type { Machine } from '../vm/index.js';
import { ThreadClock } from './threads.js';

/** Why a packet keeps the next one waiting for more than one cycle. */
export const stallCauses = ['frame', 'program', 'passes', 'hazard', 'slow_path'] as const;

/** One of {@link stallCauses}. */
export type StallCause = (typeof stallCauses)[number];

/** Cycles of one packet. */
export interface Passage {
  /** From its begin to that of the next one at the earliest. */
  occupies: number;
  /** Before its begin: it waits for packets under way. */
  waits: number;
  /** From its begin until it is through. */
  takes: number;
  /** Of {@link occupies} less the first: what for. */
  cause: StallCause;
}

/** A card with time. */
export interface CardModel {
  /** What the session needs in order to do what the card does. */
  readonly session: SessionOptions;
  /** Every packet runs on the card: there are no traces, and no misses. */
  readonly isWhole: boolean;
  /**
   * What the packet that has just run costs if it is looked at in that cycle; `hit` is the trace that decided it,
   * `data` the packet as it came. Once for each packet that the card decides, in order.
   */
  passage(hit: TraceRecord | undefined, data: Uint8Array, cycle: number, into: Passage): void;
  /** The same of one that it leaves to the host. */
  missed(length: number, into: Passage): void;
}

/** The model of a card for a program. Throws UnsupportedError where there is none, or the program does not fit. */
export function cardModel(card: CardDescription, program: ProgramSpec): CardModel {
  switch (card.kind) {
    case 'pipeline':
      return pipelineModel(card);
    case 'vliw':
      return coreModel(card, program);
    case 'manycore':
      return manycoreModel(card, program);
  }
}

/** Frames of a packet: each takes a cycle to move. */
function framesOf(length: number, width: number): number {
  return Math.max(1, Math.ceil(length / width));
}

/**
 * All packets go through all stages, hits and misses alike, a frame a cycle, as often as the trace says; packets that
 * collide wait or begin anew, as the card's strategy has it.
 */
function pipelineModel(card: CardDescription): CardModel {
  const width = numberOf(card, 'frame.width');
  const stages = numberOf(card, 'units.stages');
  const front = numberOf(card, 'front.cycles');
  const hazards = new HazardClock(wordOf(card, 'hazards.strategy') as HazardStrategy, numberOf(card, 'hazards.reload'));
  const keysOf = new WeakMap<RecordedTrace, ElementKeys>();
  let port: PipelineCard | undefined;
  let isWritten = (_map: number): boolean => true;
  const through = (length: number, passes: number, into: Passage): void => {
    const frames = framesOf(length, width);
    into.occupies = frames * passes;
    into.takes = front + stages * passes + into.occupies - 1;
    into.cause = passes > 1 ? 'passes' : 'frame';
    into.waits = 0;
  };
  return {
    session: {
      host: 'interp',
      cacheSize: numberOf(card, 'front.entries'),
      makeCard: ({ machine, software }) => {
        const { object } = machine;
        port = new PipelineCard(software(), card, object.maps);
        isWritten = (map) => map < 0 || mayBeWritten(object, map);
        return port;
      },
    },
    isWhole: false,
    missed: (length, into) => through(length, 1, into),
    passage: (hit, data, cycle, into) => {
      const trace = hit?.trace;
      const lowered = trace === undefined ? undefined : port?.lower(trace);
      if (trace === undefined || lowered?.kind !== 'pipelined') return through(data.length, 1, into);
      through(data.length, lowered.passes, into);
      const keys = keysOf.get(trace) ?? new ElementKeys(lowered.accesses, isWritten);
      keysOf.set(trace, keys);
      into.waits = hazards.enter(cycle, keys.of(data)) - cycle;
    },
  };
}

/** One packet after the other, each as many cycles as its rows take; the next one's frames come in meanwhile. */
function coreModel(card: CardDescription, program: ProgramSpec): CardModel {
  // Programs that tail calls reach are compiled when the first packet gets there, and refused there.
  const made = compileProgram(program.insns, { lanes: numberOf(card, 'units.lanes') });
  if (made.kind === 'refused') throw doesNotFit(card, program, made.what, made.insn);
  requireRoom(card, program, made.rows.length, 'rows');
  const width = numberOf(card, 'frame.width');
  let engine: VliwEngine | undefined;
  return {
    session: {
      host: 'interp',
      card: false,
      core: (machine) => {
        engine = new VliwEngine(machine, card);
        return engine;
      },
    },
    isWhole: true,
    // It leaves none.
    missed: () => undefined,
    passage: (_hit, { length }, _cycle, into) => {
      const cycles = engine?.cycles ?? 1;
      into.waits = 0;
      into.occupies = Math.max(cycles, framesOf(length, width));
      into.takes = framesOf(length, width) + cycles;
      into.cause = cycles >= into.occupies ? 'program' : 'frame';
    },
  };
}

function doesNotFit(card: CardDescription, program: ProgramSpec, why: string, insn?: number): UnsupportedError {
  return new UnsupportedError(
    `\`${program.name}\` does not fit \`${card.name}\`: ${why}`,
    insn === undefined ? {} : { insn },
    'a card of kind pipeline leaves such programs to the host: --card pipeline',
  );
}

/** The instruction store has so many rows. */
function requireRoom(card: CardDescription, program: ProgramSpec, rows: number, unit: string): void {
  const most = numberOf(card, 'limits.instructions');
  if (rows > most) throw doesNotFit(card, program, `${rows} ${unit}, and it has ${most}`);
}

/** Packets after which maps are moved to where they are waited for least. */
const countedPackets = 1000;

/** Packets take threads; a thread waits for memory while others run. */
function manycoreModel(card: CardDescription, program: ProgramSpec): CardModel {
  const made = compileManycore(program.insns);
  if (made.kind === 'refused') throw doesNotFit(card, program, made.what, made.insn);
  requireRoom(card, program, made.code.length, 'instructions');
  const width = numberOf(card, 'frame.width');
  const isCounted = wordOf(card, 'maps.placement') === 'counted';
  let run: ManycoreRun | undefined;
  return {
    session: {
      host: 'interp',
      card: false,
      core: (machine) => {
        run = new ManycoreRun(card, machine, isCounted);
        return run.engine;
      },
    },
    isWhole: true,
    // It leaves none.
    missed: () => undefined,
    passage: (_hit, { length }, cycle, into) => run?.passage(cycle, framesOf(length, width), into),
  };
}

/** Cores, threads and maps of one run. */
class ManycoreRun {
  readonly engine: ManycoreEngine;
  private readonly card: CardDescription;
  private readonly object: ObjectSpec;
  private readonly clock: ThreadClock;
  private readonly total: Work;
  private readonly locked: Float64Array;
  private latencies: Float64Array;
  private isCounting: boolean;

  constructor(card: CardDescription, machine: Machine, isCounted: boolean) {
    const maps = machine.maps.length;
    this.card = card;
    this.object = machine.object;
    this.engine = new ManycoreEngine(machine, card);
    this.clock = new ThreadClock(card, maps);
    this.total = new Work(maps);
    this.locked = new Float64Array(maps);
    this.latencies = mapLatencies(card, placedFar(machine.object), maps);
    this.isCounting = isCounted;
    if (isCounted) this.engine.countElements();
  }

  passage(cycle: number, frames: number, into: Passage): void {
    const { card, clock, engine, latencies, locked } = this;
    const { work, verdict } = engine;
    for (const map of locked.keys()) locked[map] = (work.locked[map] ?? 0) * (latencies[map] ?? 0);
    const isSent = verdict === XDP_TX || verdict === XDP_REDIRECT;
    const end = clock.enter(cycle, { ...packetCycles(card, work, latencies), locked, isSent });
    const next = clock.next();
    into.waits = 0;
    into.occupies = Math.max(frames, 1, Math.ceil(next.cycle - cycle));
    into.takes = frames + Math.ceil(end - cycle);
    into.cause = next.isThread ? 'program' : 'frame';
    if (this.isCounting) this.count();
  }

  private count(): void {
    const { card, engine, object, total } = this;
    total.add(engine.work);
    if (total.packets < countedPackets) return;
    this.isCounting = false;
    const placed = placedByCounts(card, object, total, engine.elements) ?? placedFar(object);
    this.latencies = mapLatencies(card, placed, total.maps.length);
    engine.elements = undefined;
  }
}
