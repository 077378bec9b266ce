/**
 * What a program does with a capture, as the model asks: instructions a packet, and which packets share state.
 * Elements of state maps that one packet touches belong together, since they have to be where that packet is; so what
 * counts as one element here is all that is tied together by packets.
 */
import { mapUses, noAdditions } from '../../code/index.js';
import { Interpreter } from '../../interp/index.js';
import type { ObjectSpec, ProgramSpec } from '../../object/index.js';
import { flowHash } from '../../runtime/index.js';
import { Machine, MapLog } from '../../vm/index.js';
import { type StateMap, stateMaps } from '../analysis-state.js';
import { buildScr } from '../build.js';
import { fillCopies } from '../equivalence.js';
import { coresThatFit } from '../layout.js';
import type { Metadata } from '../metadata.js';
import { Sequencer } from '../metadata-sequence.js';
import { HistorySequencer, type TimedPacket } from '../sequencer-batch.js';
import { fitLine } from './costs.js';
import { type Workload, WorkloadBuilder } from './workload.js';

/** Instructions of a replicated program, as they ran: the line of {@link fitCosts}, in instructions. */
export interface CountedCosts {
  /** Of a packet without history; what is around the program (entry, history taken off) counts. */
  readonly program: number;
  /** Of an item that is replayed. */
  readonly replay: number;
}

/** Numbers of cores for which objects are built to be counted. */
const countedCores = [1, 2, 4, 8];

/**
 * Counts instructions of the objects for some numbers of cores over packets, on the reference interpreter. Undefined
 * where the replay has no code, or frames for two cores do not fit.
 */
export function countReplay(
  metadata: Metadata,
  packets: readonly TimedPacket[],
  fill: (machine: Machine) => void = () => undefined,
): CountedCosts | undefined {
  const counts: (readonly [cores: number, steps: number])[] = [];
  const most = coresThatFit(metadata.layout);
  for (const cores of countedCores.filter((n) => n <= most)) {
    const { object, layout, copies } = buildScr(metadata, { cores });
    const machine = new Machine(object);
    fill(machine);
    fillCopies(machine, copies);
    const entry = machine.programs[0];
    if (entry === undefined) return undefined;
    machine.admit(entry);
    const engine = new Interpreter(machine);
    const sequencer = new HistorySequencer(layout, new Sequencer(metadata));
    let steps = 0;
    for (const { data, time } of packets) {
      machine.setPacket({ data: sequencer.next(data, time).frame, now: time });
      steps += engine.run(entry).steps;
    }
    counts.push([cores, steps / packets.length]);
  }
  if (counts.length < 2) return undefined;
  const { at0, slope } = fitLine(counts.map(([cores, steps]) => [cores - 1, steps]));
  return { program: at0, replay: slope };
}

/** What was seen. */
export interface Observation {
  readonly workload: Workload;
  /** Instructions of a packet, a mean. */
  readonly instructions: number;
  /** Share of packets that touched a state map. */
  readonly touching: number;
  /** All that the program stores into its state is additions, which an atomic operation can do. */
  readonly isAdditive: boolean;
}

/** Sets of elements that belong together: a forest by parents. */
class Ties {
  private readonly parents: number[] = [];
  private readonly numbers = new Map<string, number>();

  of(name: string): number {
    let number = this.numbers.get(name);
    if (number === undefined) {
      number = this.parents.push(this.parents.length) - 1;
      this.numbers.set(name, number);
    }
    return number;
  }

  root(of: number): number {
    let at = of;
    while (this.parents[at] !== at) {
      const above = this.parents[this.parents[at] as number] as number;
      this.parents[at] = above;
      at = above;
    }
    return at;
  }

  tie(a: number, b: number): void {
    this.parents[this.root(b)] = this.root(a);
  }
}

/** Runs the program over packets on the reference interpreter. `fill` puts into maps what is there at the start. */
export function observe(
  object: ObjectSpec,
  program: ProgramSpec,
  packets: Iterable<TimedPacket>,
  { name, fill }: { readonly name: string; readonly fill?: ((machine: Machine) => void) | undefined },
): Observation {
  const machine = new Machine(object);
  fill?.(machine);
  const loaded = machine.programs.find(({ spec }) => spec.name === program.name);
  if (loaded === undefined) throw new Error(`no program ${program.name}`);
  machine.admit(loaded);
  const states = stateMaps(object, program).filter(({ role }) => role === 'state');
  const isState = new Set(states.map(({ index }) => index));
  const engine = new Interpreter(machine);
  const log = MapLog.open(machine);
  const ties = new Ties();
  const touched: number[] = [];
  const lengths: number[] = [];
  let [steps, touching] = [0, 0];
  for (const { data, time } of packets) {
    log.clear();
    machine.setPacket({ data, now: time });
    steps += engine.run(loaded).steps;
    let first: number | undefined;
    for (const op of log.ops) {
      if (!isState.has(op.map)) continue;
      // Stores go where a look-up led, or into a global variable.
      if (op.kind === 'write' && (machine.maps[op.map]?.spec.keySize ?? 0) > 4) continue;
      const element = 'key' in op ? op.key.join() : op.kind === 'write' ? indexText(op.at.element) : '';
      const number = ties.of(`${op.map}:${element}`);
      if (first === undefined) first = number;
      else ties.tie(first, number);
    }
    // Packets that touch no state share nothing with others.
    touched.push(first ?? -1 - (flowHash(data, 0, data.length) >>> 1));
    if (first !== undefined) touching++;
    lengths.push(data.length);
  }
  log.close();
  const builder = new WorkloadBuilder();
  for (const [i, number] of touched.entries())
    builder.add(number < 0 ? number : ties.root(number), lengths[i] as number);
  const count = Math.max(1, touched.length);
  return {
    workload: builder.finish(name),
    instructions: steps / count,
    touching: touching / count,
    isAdditive: isAdditive(object, program, states),
  };
}

/** The key of an array's element, as look-ups tell it. */
function indexText(element: number): string {
  return [element & 255, (element >> 8) & 255, (element >> 16) & 255, element >>> 24].join();
}

function isAdditive(object: ObjectSpec, program: ProgramSpec, states: readonly StateMap[]): boolean {
  const { stored } = mapUses(program, object.maps, noAdditions);
  return states.every(({ index }) => (stored & (1n << BigInt(index))) === 0n);
}
