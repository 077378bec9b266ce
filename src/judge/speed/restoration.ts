/**
 * Programs that change their packet: BPF_PROG_TEST_RUN with `repeat` does not put it back, so the second run sees a
 * packet that grew or lost a hop, and soon a path that no traffic takes. Where that happens, the kernel measures the
 * program behind a *prologue* that puts the packet back, less an empty program behind the same prologue. A program
 * that goes the same way again and again all the same (it swaps addresses) needs none.
 *
 * The prologue moves the packet's start (or end) back and stores the bytes that the program is seen to change. A load
 * that such a store covers only in part waits for it, and the program would pay for that: so there are prologues with
 * stores of several widths, and the one that is kindest to the program counts.
 */
import { Interpreter } from '../../interp/index.js';
import { type Insn, op } from '../../isa/index.js';
import type { ProgramSpec } from '../../object/index.js';
import type { LoadedProgram, Machine, PacketInput } from '../../vm/index.js';

/** What a program does to the place of its packet and to the bytes that were there. */
export interface PacketChange {
  readonly startMoves: boolean;
  readonly endMoves: boolean;
  /** Offsets of bytes that change, from where the packet started, ascending. */
  readonly bytes: readonly number[];
}

/** Widths of a prologue's stores. */
export const storeWidths: readonly number[] = [2, 4];

/** Runs of the program on a fresh packet: the first ones fill maps. */
const freshRuns = 8;
/** Runs on what the last run left: more than a packet has hops. */
const staleRuns = 600;

const adjustHead = 44;
const adjustTail = 65;

/** Undefined: it goes the same way without help. Runs the program on the machine, whose maps follow. */
export function observeChange(machine: Machine, program: LoadedProgram, input: PacketInput): PacketChange | undefined {
  const engine = new Interpreter(machine);
  const bytes = new Set<number>();
  let startMoves = false;
  let endMoves = false;
  let way = '';
  for (let run = 0; run < freshRuns; run++) {
    machine.setPacket(input);
    const { lane } = machine;
    const before = lane.pointers;
    way = wayOf(engine, program);
    startMoves ||= lane.pointers.data !== before.data;
    endMoves ||= lane.pointers.dataEnd !== before.dataEnd;
    const after = lane.packet.arrived(input.data.length);
    for (const [i, byte] of after.entries()) if (byte !== input.data[i]) bytes.add(i);
  }
  let strays = startMoves || endMoves;
  for (let run = 0; run < staleRuns && bytes.size > 0 && !strays; run++) strays = wayOf(engine, program) !== way;
  machine.setPacket(input);
  return strays ? { startMoves, endMoves, bytes: [...bytes].sort((a, b) => a - b) } : undefined;
}

/** Tells one path through the program from another, nearly always. */
function wayOf(engine: Interpreter, program: LoadedProgram): string {
  const { verdict, steps } = engine.run(program);
  return `${verdict} ${steps}`;
}

/**
 * `width`: of the stores, in bytes. Undefined: both ends move, and a program cannot tell from the length by how much
 * each.
 */
export function restoringPrologue(change: PacketChange, packet: Uint8Array, width: number): Insn[] | undefined {
  if (change.startMoves && change.endMoves) return undefined;
  const { length } = packet;
  const move: Insn[] =
    change.startMoves || change.endMoves
      ? [
          load(2, 1, 4),
          load(3, 1, 0),
          insn(op.ALU64 | op.SUB | op.X, 2, 3),
          insn(op.JMP | op.JEQ, 2, 0, change.startMoves ? 2 : 4, length),
          // The start moves by what the packet is too long, the end by what it is too short.
          ...(change.startMoves
            ? [insn(op.ALU64 | op.SUB, 2, 0, 0, length)]
            : [mov(3, length), insn(op.ALU64 | op.SUB | op.X, 3, 2), copy(2, 3)]),
          insn(op.CALL_OP, 0, 0, 0, change.startMoves ? adjustHead : adjustTail),
        ]
      : [];
  const stores = storesOf(change.bytes, packet, width);
  return [
    copy(6, 1),
    ...move,
    load(3, 6, 0),
    load(2, 6, 4),
    copy(4, 3),
    insn(op.ALU64 | op.ADD, 4, 0, 0, length),
    insn(op.JMP | op.JGT | op.X, 4, 2, stores.length),
    ...stores,
    copy(1, 6),
  ];
}

/** Stores that cover the bytes. Headers behind an Ethernet header lie at 2 modulo 4, and so do words. */
function storesOf(bytes: readonly number[], packet: Uint8Array, width: number): Insn[] {
  const stores: Insn[] = [];
  let covered = 0;
  for (const at of bytes) {
    if (at < covered) continue;
    const start = Math.max(0, at - ((at + width - 2) % width));
    let size = start + width <= packet.length && (start - 2 + width) % width === 0 ? width : 2;
    if (start + size > packet.length) size = 1;
    const from = size === 1 ? at : size === 2 ? at & ~1 : start;
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = (value << 8) | (packet[from + i] ?? 0);
    stores.push(
      insn(op.ST | op.MODE_MEM | (size === 4 ? op.SIZE_W : size === 2 ? op.SIZE_H : op.SIZE_B), 3, 0, from, value),
    );
    covered = from + size;
  }
  return stores;
}

/** The program under another name, behind a prologue that leaves r1 as it was. */
export function behind(prologue: readonly Insn[], spec: ProgramSpec, name: string): ProgramSpec {
  const by = prologue.length;
  if (by === 0) return { ...spec, name };
  return {
    ...spec,
    name,
    insns: [...prologue, ...spec.insns],
    functions: spec.functions.map((f) => ({ ...f, start: f.start === 0 ? 0 : f.start + by, end: f.end + by })),
    lines: spec.lines.map((line) => ({ ...line, insn: line.insn === 0 ? 0 : line.insn + by })),
    unresolved: spec.unresolved.map((what) => ({ ...what, insn: what.insn + by })),
  };
}

function insn(code: number, dst = 0, src = 0, off = 0, imm = 0): Insn {
  return { code, dst, src, off, imm };
}

function mov(dst: number, imm: number): Insn {
  return insn(op.ALU64 | op.MOV, dst, 0, 0, imm);
}

function copy(dst: number, src: number): Insn {
  return insn(op.ALU64 | op.MOV | op.X, dst, src);
}

function load(dst: number, src: number, off: number): Insn {
  return insn(op.LDX | op.MODE_MEM | op.SIZE_W, dst, src, off);
}
