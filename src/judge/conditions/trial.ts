/**
 * Path conditions on trial: for each trace that a program's traffic yields, packets near the recorded one, tried on
 * the card, on the condition's normal form and on the interpreter, with the maps as they were when the trace was
 * recorded.
 *
 * - *Sound*: whenever the card takes a packet for the trace's, the interpreter takes the trace's path with it.
 * - *True to its words*: the normal form that is printed holds exactly where the card's guards do.
 * - *Complete*: bits that the condition does not mention may change as they like and the card still takes the packet.
 * - *Disjoint*: a packet that two conditions hold for takes the path of both.
 * - *Regions*: where traces share a place, the body that they have together leads each packet of a trace to that one's
 *   end, and no packet there that is not the trace's.
 * - *Narrow* cases are counted and no fault: the interpreter takes the same path with a packet that the card leaves to
 *   the host (the trace is specialised on more than its branches, on an address or a length, say).
 */

import { type Conjunct, minimise, packetSupport } from '../../condition/index.js';
import { Interpreter } from '../../interp/index.js';
import { TraceTree } from '../../nic/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import type { Prng } from '../../packet/index.js';
import { fingerprint, type Join, type RecordedTrace, Recorder } from '../../trace/index.js';
import { type LoadedProgram, Machine, type PacketInput } from '../../vm/index.js';
import { mutations } from './mutations.js';
import { ConditionOracle } from './oracle.js';
import { PathObserver } from './path.js';
import { regionFor, type TrialRegion } from './places.js';

/** Counts of a trial, and examples of what went wrong. */
export interface ConditionTally {
  traces: number;
  aborts: number;
  /** Packets tried. */
  cases: number;
  /** Packets that the card took for the trace's. */
  held: number;
  narrow: number;
  /** Pairs of a packet and another trace's condition. */
  pairs: number;
  /** Packets that a region of more than one trace was asked about, and could tell where they end. */
  led: number;
  faults: number;
  /** The first faults, in words. */
  readonly examples: string[];
}

/** All zero. */
export function newTally(): ConditionTally {
  return { traces: 0, aborts: 0, cases: 0, held: 0, narrow: 0, pairs: 0, led: 0, faults: 0, examples: [] };
}

/** A trace that has been tried. */
interface Known {
  readonly trace: RecordedTrace;
  readonly parts: readonly Conjunct[];
  readonly path: string;
}

/** Where a trial of one program ends. */
export interface TrialLimits {
  /** Traces of one program. */
  readonly traces: number;
  /** Packets tried for one program. */
  readonly cases: number;
}

const keyBytes = 4096;
const maxExamples = 5;
/** Other conditions that a packet is compared with, and how often. */
const maxOthers = 200;
const pairEvery = 8;

/** One program with its traces, card and interpreter, all on one machine. */
export class ConditionTrial {
  readonly machine: Machine;
  readonly tally: ConditionTally = newTally();
  private readonly program: LoadedProgram;
  private readonly host: Interpreter;
  private readonly recorder: Recorder;
  private readonly tree: TraceTree;
  private readonly oracle: ConditionOracle;
  private readonly observer = new PathObserver();
  private readonly known = new Map<string, Known>();
  private readonly regions: TrialRegion[] = [];
  private readonly random: Prng;
  private readonly limits: TrialLimits;

  /** Throws what {@link Machine.admit} throws. */
  constructor(object: ObjectSpec, program: ProgramSpec, random: Prng, limits: TrialLimits) {
    this.machine = new Machine(object);
    this.random = random;
    this.limits = limits;
    this.program = this.machine.programs[object.programs.indexOf(program)] as LoadedProgram;
    this.machine.admit(this.program);
    this.host = new Interpreter(this.machine);
    this.recorder = new Recorder(this.machine);
    const { memory } = this.machine;
    this.tree = new TraceTree(this.machine, memory.allocate('scratch', 'keys of the card', keyBytes));
    this.oracle = new ConditionOracle(this.machine, memory.allocate('scratch', 'keys of the oracle', keyBytes));
  }

  get done(): boolean {
    return this.tally.traces >= this.limits.traces || this.tally.cases >= this.limits.cases;
  }

  /** Tries the trace of one packet, if it is a new one, then lets the packet pass. */
  packet(input: PacketInput): void {
    const trace = this.inTrial(input, () => this.record());
    if (trace !== undefined) {
      const key = fingerprint(trace.code, trace.verdict);
      if (!this.known.has(key)) this.examine(trace, key, input);
    }
    this.machine.setPacket(input);
    this.host.run(this.program);
  }

  /** Records the packet in the machine; undefined if the recording was given up, which is counted. */
  private record(): RecordedTrace | undefined {
    const { recorder, host, program } = this;
    recorder.start(program, host.registers);
    host.observer = recorder;
    const outcome = host.run(program);
    host.observer = null;
    const recording = recorder.finish(outcome);
    if (recording.kind === 'trace') return recording.trace;
    this.tally.aborts++;
    return undefined;
  }

  /** A new trace: its condition is tried on packets near the one that made it. */
  private examine(trace: RecordedTrace, key: string, input: PacketInput): void {
    const { tally, tree } = this;
    const installed = tree.install(trace);
    if (installed === undefined) return;
    tally.traces++;
    const { joins } = trace.history;
    const path = this.pathOf(input, joins);
    const own: Known = { trace, parts: minimise(trace.facts).parts, path };
    this.known.set(key, own);
    const region = regionFor(this.regions, trace);
    region.add(trace);
    const support = packetSupport(trace.facts);
    /** The body has checks of its own, so the guards alone do not decide. */
    const mayLeave = trace.code.values.some(
      (value) =>
        (value.op === 'guard' && !value.early) ||
        ((value.detail?.kind === 'memory' || value.detail?.kind === 'atomic') && value.detail.checked) ||
        value.op === 'call',
    );
    const fault = (text: string): void => {
      tally.faults++;
      if (tally.examples.length < maxExamples)
        tally.examples.push(`trace ${tally.traces} (${Buffer.from(input.data).toString('hex')}): ${text}`);
    };
    for (const mutation of mutations(input.data, support, this.random)) {
      if (tally.cases >= this.limits.cases) break;
      tally.cases++;
      const tried = { ...input, data: mutation.data };
      const { hit, words, ends } = this.inTrial(tried, () => {
        this.oracle.reset();
        const told = { words: this.oracle.holds(trace.facts, own.parts), ends: region.endsOf(this.oracle) };
        return { ...told, hit: tree.offer().kind === 'hit' };
      });
      if (region.traces.length > 1 && ends !== undefined) {
        tally.led++;
        if (hit !== ends.includes(trace) && (hit || !mayLeave))
          fault(`${mutation.text}: the region's body leads ${hit ? 'elsewhere' : 'here'}, the card's guards do not`);
      }
      if (words === false && hit) fault(`${mutation.text}: the card's guards hold, the normal form does not`);
      if (words === true && !hit && !mayLeave)
        fault(`${mutation.text}: the normal form holds, the card's guards do not`);
      if (mutation.kind === 'free' && !hit && !mayLeave)
        fault(`${mutation.text}: not mentioned, but the packet leaves the trace`);
      if (!hit) {
        if (mutation.kind === 'mentioned' && this.pathOf(tried, joins) === path) tally.narrow++;
        continue;
      }
      tally.held++;
      const taken = this.pathOf(tried, joins);
      if (taken !== path) fault(`${mutation.text}: another path (${taken}, not ${path})`);
      if (tally.cases % pairEvery === 0) this.compareOthers(tried, own, fault);
    }
    tree.evict(installed);
  }

  /** Conditions of two paths exclude each other: of the others none may hold for a packet of this path. */
  private compareOthers(input: PacketInput, own: Known, fault: (text: string) => void): void {
    const holding: Known[] = [];
    this.inTrial(input, () => {
      this.oracle.reset();
      let left = maxOthers;
      for (const other of this.known.values()) {
        if (other === own || left-- === 0) continue;
        this.tally.pairs++;
        if (this.oracle.holds(other.trace.facts, other.parts) === true) holding.push(other);
      }
    });
    for (const { trace, path } of holding)
      if (this.pathOf(input, trace.history.joins) !== path) fault('another trace that takes another path holds, too');
  }

  private pathOf(input: PacketInput, joins: readonly Join[]): string {
    return this.inTrial(input, () => this.observer.pathOf(this.host, this.program, joins));
  }

  /** Puts a packet in, does something, and takes back what that changed. */
  private inTrial<T>(input: PacketInput, what: () => T): T {
    const { machine } = this;
    machine.setPacket(input);
    machine.transaction.begin();
    const result = what();
    machine.transaction.rollback();
    return result;
  }
}
