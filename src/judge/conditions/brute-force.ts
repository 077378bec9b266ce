/**
 * Path conditions of small programs beside every packet: is the condition the path, and is it as small as it can be?
 *
 * - *Unsound*: a packet that the condition lets through takes another path.
 * - *Narrow*: a packet of the path that the condition does not let through.
 * - A mentioned bit is *free* if no packet that the condition lets through is kept out by flipping it.
 * - A part is *redundant* if leaving it out lets no other packet through.
 */

import { type Conjunct, isLengthBound, minimise, packetSupport, pathCondition } from '../../condition/index.js';
import { Interpreter } from '../../interp/index.js';
import { Prng } from '../../packet/index.js';
import { type RecordedTrace, Recorder } from '../../trace/index.js';
import { type LoadedProgram, Machine } from '../../vm/index.js';
import { ConditionOracle } from './oracle.js';
import { PathObserver } from './path.js';
import { smallPacketSize, smallPackets, smallProgram, steeringBit } from './small-programs.js';

/** Counts of a run over many programs. */
export interface BruteForceTally {
  programs: number;
  traces: number;
  /** Pairs of a packet and a condition. */
  cases: number;
  parts: number;
  bits: number;
  aborts: number;
  unsound: number;
  narrow: number;
  freeBits: number;
  redundantParts: number;
  /** Where the first faults are: seed and what. */
  readonly examples: string[];
}

const keyBytes = 4096;
const maxExamples = 20;

/** Runs `programs` generated programs, the first of them with seed `seed`. */
export function judgeSmallPrograms(seed: number, programs: number): BruteForceTally {
  const tally: BruteForceTally = {
    programs: 0,
    traces: 0,
    cases: 0,
    parts: 0,
    bits: 0,
    aborts: 0,
    unsound: 0,
    narrow: 0,
    freeBits: 0,
    redundantParts: 0,
    examples: [],
  };
  const packets = smallPackets();
  for (let i = 0; i < programs; i++) judgeOne(seed + i, packets, tally);
  return tally;
}

/** One program: every packet's path, a trace of each path, and its condition against all packets. */
function judgeOne(seed: number, packets: readonly Uint8Array[], tally: BruteForceTally): void {
  const object = smallProgram(new Prng(seed));
  const machine = new Machine(object);
  const program = machine.programs[0] as LoadedProgram;
  const host = new Interpreter(machine);
  const recorder = new Recorder(machine);
  const oracle = new ConditionOracle(machine, machine.memory.allocate('scratch', 'keys', keyBytes));
  const observer = new PathObserver();
  tally.programs++;
  const classes = new Map<string, number[]>();
  const paths = packets.map((data, number) => {
    machine.setPacket({ data });
    const path = observer.pathOf(host, program);
    classes.set(path, [...(classes.get(path) ?? []), number]);
    return path;
  });
  for (const [path, members] of classes) {
    // Any packet of the path has to yield the same condition; take one in the middle.
    const data = packets[members[members.length >> 1] as number] as Uint8Array;
    machine.setPacket({ data });
    recorder.start(program, host.registers);
    host.observer = recorder;
    const outcome = host.run(program);
    host.observer = null;
    const recording = recorder.finish(outcome);
    if (recording.kind === 'abort') {
      tally.aborts++;
      continue;
    }
    tally.traces++;
    const judged = new JudgedTrace(recording.trace, packets, machine, oracle);
    judged.compare(paths, path, tally, (text) => {
      if (tally.examples.length < maxExamples) tally.examples.push(`seed ${seed}: ${text}`);
    });
  }
}

/** A trace's condition with the truth of each of its parts for each packet. */
class JudgedTrace {
  private readonly trace: RecordedTrace;
  private readonly parts: readonly Conjunct[];
  /** For each packet: how many parts do not hold, and the last one of them. */
  private readonly failing: Uint8Array;
  private readonly lastFailing: Int16Array;

  constructor(trace: RecordedTrace, packets: readonly Uint8Array[], machine: Machine, oracle: ConditionOracle) {
    this.trace = trace;
    this.parts = minimise(trace.facts).parts;
    this.failing = new Uint8Array(packets.length);
    this.lastFailing = new Int16Array(packets.length);
    for (const [number, data] of packets.entries()) {
      machine.setPacket({ data });
      oracle.reset();
      for (const [i, part] of this.parts.entries()) {
        if (oracle.holdsPart(trace.facts, part) === true) continue;
        this.failing[number] = (this.failing[number] as number) + 1;
        this.lastFailing[number] = i;
      }
    }
  }

  private holds(number: number): boolean {
    return this.failing[number] === 0;
  }

  /** Soundness and width of one condition; then what of it could be left out. */
  compare(paths: readonly string[], path: string, tally: BruteForceTally, note: (text: string) => void): void {
    const { facts } = this.trace;
    const condition = pathCondition(facts, { map: String, program: String }).text;
    const alone = new Set<number>();
    for (const [number, own] of paths.entries()) {
      tally.cases++;
      if (this.holds(number) && own !== path) {
        tally.unsound++;
        note(`packet ${number} takes another path: ${condition}`);
      }
      if (!this.holds(number) && own === path) {
        tally.narrow++;
        note(`packet ${number} takes the same path: ${condition}`);
      }
      if (this.failing[number] === 1) alone.add(this.lastFailing[number] as number);
    }
    for (const [i, part] of this.parts.entries()) {
      // The length does not vary here.
      if (isLengthBound(facts, part)) continue;
      tally.parts++;
      if (alone.has(i)) continue;
      tally.redundantParts++;
      note(`part ${i} (${part.kind}) follows from the rest: ${condition}`);
    }
    const support = packetSupport(facts);
    for (let bit = 0; bit < 8 * smallPacketSize; bit++) {
      if (!support.has(bit)) continue;
      tally.bits++;
      const at = steeringBit(bit);
      if (at >= 0 && paths.some((_, number) => this.holds(number) && !this.holds(number ^ (1 << at)))) continue;
      tally.freeBits++;
      note(`bit ${bit & 7} of byte ${bit >> 3} is mentioned but free: ${condition}`);
    }
  }
}
