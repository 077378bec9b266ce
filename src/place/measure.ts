/**
 * What the pieces of a program cost, counted: packets run through it on the interpreter, and whatever runs from a head
 * on is its piece's until control comes to the next head. So code that several pieces share is counted where it ran,
 * and so are functions.
 */
import { isHelperCall } from '../code/index.js';
import { Interpreter, type Observer } from '../interp/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { helperId, helperName } from '../platform/index.js';
import { type CostTable, helperCost, type InsnKind, insnKind } from '../predict/index.js';
import type { ProgramFacts } from '../verifier/index.js';
import { type LoadedProgram, Machine, type MachineOptions } from '../vm/index.js';
import { chooseHeads, type Head, headsOf } from './pieces.js';

/** A packet on its way through the application. */
export interface Passing {
  readonly data: Uint8Array;
  readonly time: bigint;
}

/** A part of a program. */
export interface MeasuredPiece {
  /** Slot that it begins at. */
  readonly head: number;
  /** Bytes that come with a packet. */
  readonly bytes: number;
  /** Packets that came to it. */
  runs: number;
  /** Nanoseconds of all of them, by table. */
  readonly ns: number[];
  /** Helpers that it calls, with the map that they are given. */
  readonly calls: Map<string, { readonly helper: string; readonly map: number }>;
  /** By map: reads and writes. */
  readonly uses: Map<number, { reads: number; writes: number }>;
}

/** A program, cut and counted. */
export interface MeasuredProgram {
  readonly pieces: readonly MeasuredPiece[];
  /** Packets that went from piece to piece, by `from to`. */
  readonly flows: ReadonlyMap<string, number>;
  /** Packets that ended in a piece with a verdict, by `piece verdict`. */
  readonly exits: ReadonlyMap<string, number>;
  readonly packets: number;
  /** Packets as they left, with their verdict. */
  readonly out: readonly (Passing & { readonly verdict: number })[];
}

/** What is needed for it. */
export interface MeasureOptions {
  readonly machine?: MachineOptions | undefined;
  readonly fill: (machine: Machine) => void;
  readonly facts: ProgramFacts | undefined;
  /** Pieces that the program is cut into at most. */
  readonly most: number;
  readonly tables: readonly CostTable[];
}

/** Cuts a program where packets that run through it say that it pays, and counts what its pieces cost. */
export function measureProgram(
  object: ObjectSpec,
  program: ProgramSpec,
  packets: readonly Passing[],
  options: MeasureOptions,
): MeasuredProgram {
  const runs = new Float64Array(program.insns.length);
  run(object, program, packets, options, () => ({
    before: ({ spec }, pc) => {
      if (spec === program) runs[pc] = (runs[pc] as number) + 1;
    },
  }));
  const heads = chooseHeads(program, headsOf(program, options.facts), runs, options.most - 1);
  return new Meter(program, heads, options).measure(object, packets);
}

function run(
  object: ObjectSpec,
  program: ProgramSpec,
  packets: readonly Passing[],
  { machine: machineOptions, fill }: MeasureOptions,
  observe: (interpreter: Interpreter) => Observer,
  each?: (verdict: number, interpreter: Interpreter, packet: Passing) => void,
): void {
  const machine = new Machine(object, machineOptions ?? {});
  fill(machine);
  const interpreter = new Interpreter(machine);
  interpreter.observer = observe(interpreter);
  const loaded = machine.programs[object.programs.indexOf(program)] as LoadedProgram;
  for (const packet of packets) {
    machine.setPacket({ data: packet.data, now: packet.time, ingressIfindex: 1, frags: program.frags });
    const { verdict } = interpreter.run(loaded);
    each?.(verdict, interpreter, packet);
  }
}

class Meter {
  private readonly program: ProgramSpec;
  private readonly options: MeasureOptions;
  private readonly pieces: MeasuredPiece[];
  private readonly byHead = new Map<number, number>();
  private readonly flows = new Map<string, number>();
  private readonly exits = new Map<string, number>();
  private readonly kinds = new Map<LoadedProgram, readonly InsnKind[]>();
  private now = 0;

  constructor(program: ProgramSpec, heads: readonly Head[], options: MeasureOptions) {
    this.program = program;
    this.options = options;
    const all = [{ pc: 0, bytes: 0 }, ...heads];
    this.pieces = all.map(({ pc, bytes }) => ({
      head: pc,
      bytes,
      runs: 0,
      ns: options.tables.map(() => 0),
      calls: new Map(),
      uses: new Map(),
    }));
    for (const [i, { pc }] of all.entries()) this.byHead.set(pc, i);
  }

  measure(object: ObjectSpec, packets: readonly Passing[]): MeasuredProgram {
    const out: (Passing & { verdict: number })[] = [];
    const observe = (interpreter: Interpreter): Observer => ({
      before: (loaded, pc, depth) => {
        if (depth === 0 && loaded.spec === this.program) this.arrive(pc);
        this.step(interpreter, loaded, pc);
      },
    });
    run(object, this.program, packets, this.options, observe, (verdict, interpreter, { time }) => {
      const exit = `${this.now} ${verdict}`;
      this.exits.set(exit, (this.exits.get(exit) ?? 0) + 1);
      out.push({ data: interpreter.machine.lane.packet.bytes(), time, verdict });
    });
    return { pieces: this.pieces, flows: this.flows, exits: this.exits, packets: packets.length, out };
  }

  private step({ machine, registers }: Interpreter, loaded: LoadedProgram, pc: number): void {
    const piece = this.pieces[this.now] as MeasuredPiece;
    let kinds = this.kinds.get(loaded);
    if (kinds === undefined) {
      kinds = loaded.insns.map(insnKind);
      this.kinds.set(loaded, kinds);
    }
    const insn = loaded.insns[pc];
    if (insn === undefined) return;
    const kind = kinds[pc] as InsnKind;
    const isCall = isHelperCall(insn);
    const map = isCall && registers.u32[3] === 0 ? machine.store.at(registers.u32[2] as number) : undefined;
    for (const [t, table] of this.options.tables.entries())
      piece.ns[t] = (piece.ns[t] as number) + table.insns[kind] + (isCall ? helperCost(insn.imm, map?.spec, table) : 0);
    if (isCall) this.call(piece, insn.imm, map?.index ?? -1);
  }

  /** Control is at a slot of the program itself: if that is a head, its piece begins. */
  private arrive(pc: number): void {
    const piece = this.byHead.get(pc);
    if (piece === undefined) return;
    if (pc !== 0) {
      const flow = `${this.now} ${piece}`;
      this.flows.set(flow, (this.flows.get(flow) ?? 0) + 1);
    }
    this.now = piece;
    (this.pieces[piece] as MeasuredPiece).runs++;
  }

  private call({ calls, uses }: MeasuredPiece, helper: number, map: number): void {
    const name = helperName(helper) ?? `helper ${helper}`;
    calls.set(`${name} ${map}`, { helper: name, map });
    if (map < 0) return;
    const use = uses.get(map) ?? { reads: 0, writes: 0 };
    if (helper === helperId.map_lookup_elem) use.reads++;
    else use.writes++;
    uses.set(map, use);
  }
}
