/**
 * Snapshots: where the program was, and what it held, when a guard was recorded. If the guard fails for another
 * packet, that packet has come the same way until there, so its recording need not begin at the program's start: a
 * *side trace* takes over the IR, the guards and the contents of memory that its parent had at the snapshot, and only
 * what comes after it is recorded.
 *
 * Unlike LuaJIT's, which restore an interpreter's frame, these restore a recorder: a packet that leaves a trace leaves
 * no mark, and the host runs it from its start. The recorder sleeps until the program is at the snapshot, and only
 * reads off what the inherited loads and calls gave for this packet.
 *
 * A snapshot is small. Registers are those that are live; everything else is a position in what the recording wrote
 * down anyway: its values, its guards, its changes of memory. The state at any guard is that prefix. Guards of one
 * instruction share one; inside of a helper that calls back, the snapshot is that of the call.
 */

import { liveSlots } from '../code/index.js';
import type { Graph, Value } from '../ir/index.js';
import type { LoadedProgram } from '../vm/index.js';
import { TraceAbort } from './aborts.js';
import type { Join } from './joins.js';
import type { MemoryChange } from './recorded-memory.js';
import type { Sampled } from './recorded-values.js';

/**
 * State before a guard. Lists are shared with the recording, so a snapshot costs what changed since the one before.
 */
export interface Snapshot {
  readonly program: LoadedProgram;
  /** Instruction that comes next. */
  readonly pc: number;
  /** Instructions that ran before, those inside of joins left out. */
  readonly step: number;
  readonly tailCalls: number;
  /** The outermost first. */
  readonly frames: readonly SnapshotFrame[];
  // What there was by then of the recording's:
  readonly values: number;
  readonly guards: number;
  readonly changes: number;
  readonly sampled: number;
}

/** Where a frame goes on, and the registers that are live there. */
export interface SnapshotFrame {
  readonly pc: number;
  /** Bit r: register r is live. */
  readonly live: number;
  /** Their values, in order. */
  readonly values: readonly Value[];
}

/** A frame of the recorder, the innermost without a place to go on. */
interface OpenFrame {
  readonly registers: readonly (Value | undefined)[];
  readonly resume: number;
}

/**
 * Makes the snapshots of one recording: guards of one instruction share one, and where there is no guard nothing is
 * made.
 */
export class SnapshotLog {
  /** One for each guard. */
  readonly all: Snapshot[];
  /** State before the current instruction; inside of a helper that calls back, before the call. */
  private boundary: Omit<Snapshot, 'frames'> | undefined;
  private frames: readonly OpenFrame[] = [];
  /** The snapshot of the current boundary, once a guard has asked for it. */
  private current: Snapshot | undefined;

  /** `inherited`: those of the guards that a side trace takes over. */
  constructor(inherited: Snapshot[] = []) {
    this.all = inherited;
  }

  /** Before an instruction. */
  reach(boundary: Omit<Snapshot, 'frames'>, frames: readonly OpenFrame[]): void {
    this.boundary = boundary;
    // Registers are replaced, not changed, when an instruction writes.
    this.frames = frames.map(({ registers, resume }) => ({ registers, resume }));
    this.current = undefined;
  }

  /** After a guard. */
  note(): void {
    const { boundary } = this;
    if (boundary === undefined) throw new TraceAbort('desync', 'guard');
    this.current ??= { ...boundary, frames: this.liveFrames(boundary) };
    this.all.push(this.current);
  }

  /** Frames with the registers that may still be read from there on. */
  private liveFrames({ program, pc }: Omit<Snapshot, 'frames'>): SnapshotFrame[] {
    const slots = liveSlots(program.insns);
    const inner = this.frames.length - 1;
    return this.frames.map(({ registers, resume }, depth) => {
      const next = depth === inner ? pc : resume;
      let live = 0;
      const values: Value[] = [];
      for (const [r, value] of registers.entries()) {
        // A caller goes on with the registers that calls preserve.
        if (value === undefined || (depth < inner && r < 6) || !slots.isLive(next, r)) continue;
        live |= 1 << r;
        values.push(value);
      }
      return { pc: next, live, values };
    });
  }
}

/** All eleven registers; undefined where they are not live. */
export function registersOf({ live, values }: SnapshotFrame): (Value | undefined)[] {
  let next = 0;
  return Array.from({ length: 11 }, (_, r) => (((live >> r) & 1) === 1 ? values[next++] : undefined));
}

/** What a recording leaves to its side traces. */
export interface History {
  readonly graph: Graph;
  readonly guards: readonly Value[];
  /** One for each guard. */
  readonly snapshots: readonly Snapshot[];
  readonly changes: readonly MemoryChange[];
  readonly sampled: readonly Sampled[];
  /** In the order of the program. */
  readonly joins: readonly Join[];
}

/** Stack bytes that hold a value: `size` of them from `offset`, relative to the top of their frame. */
export interface StackSlot {
  readonly frame: number;
  readonly offset: number;
  readonly size: number;
  /** Undefined: a helper has filled them. */
  readonly value: Value | undefined;
}
