/**
 * Does replication change anything? The same packets through the program alone and through sequencer and cores, in our
 * engines: verdict and bytes of each packet, and each core's copy of the state against the sequential run's state at
 * the moment at which the copy has come so far.
 */
import { Interpreter } from '../interp/index.js';
import { WasmEngine } from '../jit/index.js';
import type { ObjectSpec } from '../object/index.js';
import { hex } from '../text/index.js';
import { Verdicts } from '../verifier/index.js';
import { contentsText, type Engine, type LoadedProgram, Machine } from '../vm/index.js';
import type { BuiltScr } from './build.js';
import type { Metadata } from './metadata.js';
import { Sequencer } from './metadata-sequence.js';
import { HistorySequencer, packetsInReach, type TimedPacket } from './sequencer-batch.js';

/** What became of a comparison. */
export interface Equivalence {
  readonly packets: number;
  /** Packets that were left out at the end: the history had become older than its clock can say by then. */
  readonly beyond: number;
  /** How many of those compared touched the state. */
  readonly present: number;
  /** Copies of the state that were compared, one for each core, at the end. */
  readonly copies: number;
  /** Where they part, in words. */
  readonly difference: string | undefined;
}

/** What the comparison is done with. */
export interface EquivalenceOptions {
  readonly engine?: 'interp' | 'wasm';
  /** Fills maps that only the control plane writes, on both sides; maps of the program's object come first. */
  readonly fill?: (machine: Machine) => void;
}

/** One side: a machine, an engine, a program. */
class Side {
  readonly machine: Machine;
  private readonly engine: Engine;
  private readonly program: LoadedProgram;

  constructor(object: ObjectSpec, name: string, { engine = 'wasm', fill }: EquivalenceOptions) {
    this.machine = new Machine(object);
    const program = this.machine.programs.find(({ spec }) => spec.name === name);
    if (program === undefined) throw new Error(`no program ${name}`);
    this.program = program;
    this.machine.admit(program);
    fill?.(this.machine);
    this.engine =
      engine === 'interp'
        ? new Interpreter(this.machine)
        : new WasmEngine(this.machine, { verdicts: Verdicts.of(object) });
  }

  /** Verdict and bytes, as one text. */
  run(data: Uint8Array, now: bigint): string {
    this.machine.setPacket({ data, now });
    const { verdict, trap } = this.engine.run(this.program);
    return `${trap === undefined ? verdict : 'trap'} ${hex(this.machine.lane.packet.bytes())}`;
  }
}

/** Stops at the first difference. */
export function compareScr(
  metadata: Metadata,
  built: BuiltScr,
  packets: Iterable<TimedPacket>,
  options: EquivalenceOptions = {},
): Equivalence {
  const { scr } = metadata.slice;
  const { layout, copies } = built;
  const { cores } = layout;
  const alone = new Side(scr.object, scr.program.name, options);
  const many = new Side(built.object, built.object.programs[0]?.name ?? '', options);
  fillCopies(many.machine, copies);
  const sequencer = new HistorySequencer(layout, new Sequencer(metadata));
  const given = [...packets];
  const all = given.slice(0, packetsInReach(layout, given));
  const result = { packets: 0, beyond: given.length - all.length, present: 0, copies: 0 };
  /** By lane: the sequential state at its last packet. */
  const last: (readonly string[] | undefined)[] = Array.from({ length: cores }, () => undefined);
  const states = scr.maps.filter(({ role }) => role === 'state');
  for (const [number, { data, time }] of all.entries()) {
    const expected = alone.run(data, time);
    const { core, frame, item } = sequencer.next(data, time);
    const got = many.run(frame, time);
    result.packets++;
    if (got !== expected)
      return { ...result, difference: `packet ${number}: ${expected} alone, ${got} on ${cores} cores` };
    if (item !== undefined) result.present++;
    if (number >= all.length - cores) last[core] = states.map(({ index }) => contentsText(alone.machine.maps[index]));
  }
  for (const [lane, copy] of copies.entries()) {
    const wanted = last[lane];
    if (wanted === undefined) continue;
    for (const [i, { index, spec }] of states.entries()) {
      const own = contentsText(many.machine.maps[copy.get(index) ?? -1]);
      if (own !== wanted[i]) return { ...result, difference: `core ${lane}'s copy of \`${spec.name}\` differs` };
    }
    result.copies++;
  }
  return { ...result, difference: undefined };
}

/** What the control plane wrote into a state map (the first copy has it), it has to write into each copy. */
export function fillCopies({ maps }: Machine, [first, ...others]: BuiltScr['copies']): void {
  for (const copy of others)
    for (const [map, index] of copy)
      for (const { key, value } of maps[first?.get(map) ?? -1]?.writtenEntries() ?? [])
        maps[index]?.updateElem(key, value);
}
