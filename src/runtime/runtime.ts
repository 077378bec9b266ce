/**
 * Card and host: one machine (the maps are shared), the card's trace cache in front, the host behind. A packet that no
 * installed trace takes is a miss: the host runs the whole program on it, and if the policy (offload.ts) finds that
 * worth it, records the path and installs the trace. Recording is the interpreter's; packets that are not recorded run
 * compiled if the host compiles.
 *
 * This is the immediate driver: each packet is decided, and its miss dealt with, before the next one is looked at, and
 * nothing takes time. Packets come one by one in the machine's packet buffer ({@link Runtime.run}), or many in an
 * arena ({@link Runtime.runArena}). The outcome is the same.
 */

import { UsageError } from '../base/index.js';
import type { TraceCache } from '../cache/index.js';
import { type TraceNames, traceNames } from '../condition/index.js';
import { type ArenaOwner, CompiledCard, type InstalledTrace } from '../nic/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import {
  type AbortCode,
  defaultLimits,
  ForkSides,
  type RecordedTrace,
  Recorder,
  StableValues,
} from '../trace/index.js';
import { Verdicts } from '../verifier/index.js';
import {
  type LoadedProgram,
  Machine,
  type Outcome,
  type Output,
  PacketArena,
  type PacketInput,
  packetMoves,
  programsBehind,
  type TrapSite,
} from '../vm/index.js';
import { type AbortRecord, type FaultLog, noteFault } from './failures.js';
import { Host } from './host.js';
import { makeOffload } from './make-offload.js';
import { type Loaded, noCounts, type Offload, type OffloadCounts, type Start } from './offload.js';
import { noPenalties, type PenaltyCounts } from './penalties.js';
import type { RuntimeOptions } from './runtime-options.js';
import type { TraceRecord } from './trace-record.js';

/** What one packet came to; reused for the next one. */
export interface PacketResult {
  /** Low half of r0; ABORTED after a fault. */
  verdict: number;
  hit: TraceRecord | undefined;
  /** It was lost on its way to the host (slow-path.ts): nothing ran, and it does not count. */
  isLost: boolean;
  /** Instructions that the host ran, where it counts them (the interpreter does); 0 for a hit. */
  steps: number;
}

/** The arena, who tells a card about it and is told, and which of its packets the card decided. */
interface ArenaState {
  readonly arena: PacketArena;
  readonly owner: Omit<ArenaOwner, 'inOrder'>;
  /** 1 for each packet that the card decided. */
  readonly isHit: Uint8Array;
}

/** Told of each packet in order which path it took: the trace that decided it or was recorded from it, if any. */
export type PathObserver = (path: TraceRecord | undefined) => void;

/**
 * The immediate driver of one program. `run` takes a packet at a time, `runArena` many; both give the same results.
 */
export class Runtime {
  readonly machine: Machine;
  readonly program: LoadedProgram;
  readonly host: Host;
  /** The card, and who decides about it; undefined: the host runs every packet. */
  readonly offload: Offload | undefined;
  readonly faults: FaultLog = new Map();
  packets = 0;
  misses = 0;
  /** The packet that {@link run} ran last. */
  readonly last: PacketResult = { verdict: 0, hit: undefined, isLost: false, steps: 0 };
  /** While set, what the packets of arenas put out is gathered here. */
  gathered: Output[] | undefined = undefined;
  onPath: PathObserver | undefined = undefined;
  private readonly recorder: Recorder;
  private lane: ArenaState | undefined;

  /**
   * Throws what {@link Machine.admit} throws when the program cannot run here, UsageError for options that make no
   * sense.
   */
  constructor(object: ObjectSpec, program: ProgramSpec, options: RuntimeOptions = {}) {
    const machine = new Machine(object, options);
    this.machine = machine;
    const index = object.programs.indexOf(program);
    const loaded = machine.programs[index];
    if (loaded === undefined) throw new UsageError(`program ${program.name} is not in ${object.name}`);
    machine.admit(loaded);
    this.program = loaded;
    const { verdicts = Verdicts.of(object) } = options;
    this.host = new Host(machine, loaded, {
      kind: options.host ?? 'interp',
      verdicts,
      maxSteps: options.maxSteps,
      settings: options.settings,
      isEager: options.isEager,
      store: options.store,
      counts: options.counts,
      core: options.core?.(machine),
    });
    const behind = programsBehind(loaded, machine.programs).map(({ spec }) => spec);
    const stable = options.assume === false ? undefined : new StableValues(machine, verdicts, behind);
    const forks = options.countSides === false ? undefined : new ForkSides<InstalledTrace>();
    this.recorder = new Recorder(machine, { ...defaultLimits, ...options.limits }, stable, forks);
    // A card is better than an interpreter, whatever it costs.
    const mayRest = options.bypass === true && this.host.compiles ? () => this.host.fallback === undefined : undefined;
    this.offload = makeOffload(machine, loaded, verdicts, options, {
      mayRest,
      workOfHost: () => this.host.work,
      program: () => this.host.inner(this.packets),
      forks,
    });
  }

  /** How conditions speak of the object's maps and programs. */
  get names(): TraceNames {
    return traceNames(this.machine.object);
  }

  /** In order of first installation; a record's `id` is its position. */
  get traces(): readonly TraceRecord[] {
    return this.offload?.book.records ?? [];
  }

  /** Packets that the card decided. */
  get hits(): number {
    return this.offload?.hits ?? 0;
  }

  /** Packets that the host ran because the card did not pay. */
  get bypassed(): number {
    return this.offload?.worth.bypassed ?? 0;
  }

  /** What came of traces. */
  get counts(): Readonly<OffloadCounts> {
    return this.offload?.counts ?? noCounts;
  }

  get installs(): number {
    return this.counts.installs;
  }

  /** Traces that left the card since the control plane changed what they had assumed. */
  get retired(): number {
    return this.counts.retired;
  }

  /** Misses that were not recorded because of what became of earlier recordings. */
  get penalties(): PenaltyCounts {
    return this.offload?.penalties ?? noPenalties;
  }

  get evictions(): number {
    return this.cache?.evictions ?? 0;
  }

  /** Recorded traces that were given no place. */
  get refusals(): number {
    return this.cache?.refusals ?? 0;
  }

  get aborts(): ReadonlyMap<AbortCode, number> {
    return this.offload?.aborts.byCode ?? new Map();
  }

  get abortSites(): ReadonlyMap<string, AbortRecord> {
    return this.offload?.aborts.sites ?? new Map();
  }

  get cache(): TraceCache | undefined {
    return this.offload?.cache;
  }

  /** The card's traces as WebAssembly, if it compiles them. */
  get card(): CompiledCard | undefined {
    const card = this.cache?.card;
    return card instanceof CompiledCard ? card : undefined;
  }

  /**
   * Before the first packet: about so many are to come. Where the card may rest, a long run begins with the host
   * alone.
   */
  expects(packets: number): void {
    this.offload?.worth.expects(packets);
  }

  /** Puts traces on the card that were not recorded here, in order; says of each what came of it. */
  load(traces: readonly RecordedTrace[]): Loaded[] {
    const { offload } = this;
    if (offload === undefined) throw new UsageError('without a card there is no place for traces');
    return traces.map((trace) => offload.load(trace));
  }

  /** Puts a packet in and runs it. What it left behind is in the machine until the next one. */
  run(input: PacketInput): PacketResult {
    this.machine.setPacket(input);
    return this.runCurrent();
  }

  /** Runs the packet that is in the machine. */
  runCurrent(): PacketResult {
    const { offload, machine, last: result } = this;
    this.packets++;
    result.hit = undefined;
    result.isLost = false;
    result.steps = 0;
    let start: Start | undefined;
    if (offload !== undefined) {
      offload.retire();
      offload.cache.card.refresh();
      if (!offload.worth.rests) {
        // Cards hold a packet in one piece.
        const offered = machine.lane.packet.fragmentCount === 0 ? offload.cache.offer() : offload.unoffered;
        if (offered.kind === 'hit') {
          const record = offload.hit(offered, 1);
          offload.worth.ran(1);
          result.verdict = record.verdict;
          result.hit = record;
          this.onPath?.(record);
          return result;
        }
        if (this.host.slowPath?.reaches() === false) return this.lose();
        start = offload.miss(offered);
        if (this.host.slowPath?.records() === false) start = undefined;
      }
    }
    if (offload === undefined && this.host.slowPath?.reaches() === false) return this.lose();
    const outcome = this.runMissed(start);
    // Behind the run: what is broken off in its midst has not been counted.
    this.misses++;
    offload?.worth.ran(1);
    result.verdict = outcome.verdict;
    result.steps = outcome.steps;
    if (outcome.trap !== undefined) noteFault(this.faults, outcome.trap, this.packets);
    return result;
  }

  /** The packet that is in the machine did not reach the host: as if it had never come. */
  private lose(): PacketResult {
    this.packets--;
    this.last.isLost = true;
    return this.last;
  }

  /** The arena that {@link runArena} takes packets from. */
  get arena(): PacketArena {
    return this.arenaState.arena;
  }

  /** The arena, made when packets first come in batches. */
  private get arenaState(): ArenaState {
    if (this.lane === undefined) {
      const arena = new PacketArena(this.machine, { moves: packetMoves(this.program, this.machine.programs) });
      const isHit = new Uint8Array(arena.capacity);
      this.lane = { arena, isHit, owner: this.makeOwner(arena, isHit) };
    }
    return this.lane;
  }

  /** What a card tells while it works on an arena. */
  private makeOwner(arena: PacketArena, isHit: Uint8Array): ArenaState['owner'] {
    return {
      numberOf: (installed) => this.offload?.book.of(installed).id ?? 0,
      hit: (installed, packets) => void this.offload?.hit(installed, packets),
      taken: (from, to) => {
        isHit.fill(1, from, to);
        const { onPath, traces } = this;
        if (onPath !== undefined) for (let i = from; i < to; i++) onPath(traces[arena.trace(i)]);
      },
      decided: () => this.gather(),
      passed: (packets) => {
        this.misses += packets;
        this.host.note(packets);
        this.offload?.worth.passed(packets);
      },
      trapped: (index, site) => noteFault(this.faults, site, this.packets - arena.count + index + 1),
    };
  }

  /** Runs the packets that are in the arena, in order; verdicts and all else are in their records. */
  runArena(): void {
    const { arena, isHit, owner } = this.arenaState;
    const { offload } = this;
    offload?.retire();
    const before = this.packets;
    const onTrap = (index: number, site: TrapSite): void => noteFault(this.faults, site, before + index + 1);
    this.packets += arena.count;
    isHit.fill(0);
    for (let at = 0; at < arena.count; ) {
      // A decision about the card falls between two packets.
      const end = at + (offload?.worth.most(arena.count - at) ?? arena.count - at);
      if (offload === undefined || offload.worth.rests) {
        const next = this.host.runArena(arena, at, end, onTrap);
        this.gather();
        this.misses += next - at;
        offload?.worth.ran(next - at);
        at = next;
        continue;
      }
      const { decided, exit } = offload.cache.offerArena(arena, at, end, owner);
      offload.worth.ran(decided);
      at += decided;
      if (exit === undefined) continue;
      this.runMissedInArena(at, offload.miss(exit), onTrap);
      this.misses++;
      offload.worth.ran(1);
      this.gather();
      at++;
    }
  }

  /** The trace that decided packet `i` of the arena; undefined if the host did. */
  hitOf(i: number): TraceRecord | undefined {
    return this.lane?.isHit[i] === 1 ? this.traces[this.arena.trace(i)] : undefined;
  }

  /** Runs the packet that is in the machine on the host, and records its path if there is a start for that. */
  private runMissed(start: Start | undefined): Outcome {
    const { offload, recorder, program, host } = this;
    if (offload === undefined || start === undefined) {
      const outcome = host.run();
      this.onPath?.(undefined);
      return outcome;
    }
    const { parent } = start;
    const { interpreter } = host;
    recorder.start(
      program,
      interpreter.registers,
      parent === undefined ? undefined : { history: parent.installed.trace.history, guard: parent.guard },
    );
    interpreter.observer = recorder;
    const outcome = interpreter.run(program);
    interpreter.observer = null;
    const recording = recorder.finish(outcome);
    const path = this.host.slowPath === undefined ? offload.recorded(start, recording) : undefined;
    this.host.slowPath?.recorded(start, recording);
    this.onPath?.(path);
    return outcome;
  }

  /** A packet that no trace took: by the host, recorded if the policy said where to begin. */
  private runMissedInArena(
    index: number,
    start: Start | undefined,
    onTrap: (index: number, site: TrapSite) => void,
  ): void {
    const { arena, host } = this;
    if (start === undefined) {
      host.runArena(arena, index, index + 1, onTrap);
      this.onPath?.(undefined);
      return;
    }
    arena.toBuffer(index);
    const outcome = this.runMissed(start);
    arena.fromBuffer(index, outcome.verdict);
    if (outcome.trap !== undefined) onTrap(index, outcome.trap);
  }

  private gather(): void {
    this.gathered?.push(...this.machine.outputs);
  }
}
