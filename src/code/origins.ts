/**
 * What registers hold, as far as a program's bytecode says: pointers by what they point into, small constants, and
 * which bytes of the frame are still as they were at the start. A forward data-flow over blocks. Who orders memory
 * accesses asks it which of them can meet; who leaves checks to hardware asks it which comparisons are bounds checks.
 *
 * An origin is one number, so that a state is an array of them:
 *
 *     kind << 40 | id << 20 | offset + 2^19       (products, not shifts: beyond 32 bits)
 *
 * `id` tells two pointers of a kind apart: the slot at which a variable was added to a packet pointer, or at which a
 * call returned a map's value; {@link anyId} where paths disagree. Pointers of one kind and id differ by their offsets
 * exactly. That holds within one turn of a loop: when the slot is passed again, what the last turn left loses its id.
 *
 * Registers that nothing has written hold the constant 0 and frames are zeroed: so it is on hardware that clears them.
 * Functions that the program calls are not followed; what they return, and what they write, may be anything.
 */
import { accessSize, type Insn, insnClass, isCall, isConditionalJump, isLddw, lddwImm, op } from '../isa/index.js';
import { argAccess, stackSize, xdpMd } from '../platform/index.js';
import { calledHelper } from './calls.js';
import { leaders, successors } from './leaders.js';
import { orderOf } from './order.js';
import { writtenRegisters } from './register-effects.js';

/** Kinds of origins. */
export const origin = {
  any: 0,
  constant: 1,
  context: 2,
  /** The packet's first byte plus a constant. */
  packet: 3,
  /** The packet, at a variable distance. */
  packetPlus: 4,
  packetEnd: 5,
  /** The frame's top plus a constant. */
  frame: 6,
  /** Somewhere in the frame. */
  framePlus: 7,
  /** The value of a map's element. */
  value: 8,
  /** The zero that a register holds since the start. A zero that was written is a constant: its writer may go. */
  untouched: 9,
} as const;

/** The id of a pointer of which only the kind is known. */
export const anyId = 0xfffff;

const registers = 11;
const fp = 10;
const idUnit = 2 ** 20;
const kindUnit = 2 ** 40;
const bias = 2 ** 19;
const constantBias = 2 ** 31;
const slots = stackSize / 8;

/** The kind of an origin, a member of {@link origin}. */
export function kindOf(of: number): number {
  return Math.floor(of / kindUnit);
}

/** What tells it apart from others of its kind. */
export function idOf(of: number): number {
  return Math.floor((of % kindUnit) / idUnit);
}

/** Distance in bytes from what its kind and id name. */
export function offsetOf(of: number): number {
  return (of % idUnit) - bias;
}

function make(kind: number, id: number, offset: number): number {
  if (Math.abs(offset) >= bias) return make(kind, anyId, 0);
  return kind * kindUnit + id * idUnit + offset + bias;
}

/** A constant of 32 bits, signed or not; else anything. */
function constant(value: number): number {
  return value >= -constantBias && value < 2 * constantBias ? kindUnit + value + constantBias : 0;
}

/** The number that a constant origin is; undefined for others. */
export function constantOf(of: number): number | undefined {
  return kindOf(of) === origin.constant ? (of % kindUnit) - constantBias : undefined;
}

/** No pointer, as far as is known. */
function isUnknown(kind: number): boolean {
  return kind <= origin.constant || kind === origin.untouched;
}

/** May accesses of these sizes at these origins touch a byte in common? */
export function mayMeet(a: number, aSize: number, b: number, bSize: number): boolean {
  const kindA = kindOf(a);
  const kindB = kindOf(b);
  if (isUnknown(kindA) || isUnknown(kindB)) return true;
  const space = (kind: number): number => (kind === origin.packetPlus || kind === origin.framePlus ? kind - 1 : kind);
  if (space(kindA) !== space(kindB)) return false;
  if (kindA !== kindB || idOf(a) !== idOf(b) || idOf(a) === anyId) return kindA !== origin.context;
  const from = offsetOf(a);
  const to = offsetOf(b);
  return from < to + bSize && to < from + aSize;
}

/** What is known of a program, by slot. */
export interface Origins {
  /** Where an access goes (its first byte), for loads, stores and atomics; what a bounds check compares. */
  addressAt(pc: number): number;
  /** What register `r` holds before the call at `pc`. */
  argumentAt(pc: number, r: number): number;
  /**
   * Where the conditional jump compares a pointer into the packet with the packet's end: the pointer's register;
   * else -1.
   */
  checkedPointer(pc: number): number;
  /** The instruction writes zeros to where zeros have been since the start. */
  writesZeroAgain(pc: number): boolean;
}

/** State at one place: origins of registers, then of 8-byte slots of the frame from the top; then written bytes. */
class State {
  readonly of: Float64Array;
  /** 1: may differ from 0. Byte -1 is the first. */
  readonly written: Uint8Array;

  constructor(of?: Float64Array, written?: Uint8Array) {
    this.of = of ?? new Float64Array(registers + slots);
    this.written = written ?? new Uint8Array(stackSize);
  }

  copy(): State {
    return new State(this.of.slice(), this.written.slice());
  }

  /** Joins another state into this one; did that change it? */
  join(other: State): boolean {
    let changed = false;
    for (const [i, now] of other.of.entries()) {
      const old = this.of[i] as number;
      const joined = joinOrigins(old, now);
      if (joined === old) continue;
      this.of[i] = joined;
      changed = true;
    }
    for (const [i, now] of other.written.entries()) {
      if (now === 0 || this.written[i] === 1) continue;
      this.written[i] = 1;
      changed = true;
    }
    return changed;
  }
}

function joinOrigins(a: number, b: number): number {
  if (a === b) return a;
  const kinds = [kindOf(a), kindOf(b)];
  const within = (...these: readonly number[]): boolean => kinds.every((kind) => these.includes(kind));
  if (within(origin.packet, origin.packetPlus)) return make(origin.packetPlus, anyId, 0);
  if (within(origin.frame, origin.framePlus)) return make(origin.framePlus, anyId, 0);
  if (within(origin.value)) return make(origin.value, anyId, 0);
  return 0;
}

/** Follows origins from the program's first instruction. */
export function followOrigins(insns: readonly Insn[]): Origins {
  return new Follower(insns).run();
}

class Follower {
  private readonly insns: readonly Insn[];
  private readonly addresses: Float64Array;
  private readonly checks: Int8Array;
  private readonly zeros: Uint8Array;
  private readonly args = new Map<number, Float64Array>();
  private state = new State();

  constructor(insns: readonly Insn[]) {
    this.insns = insns;
    this.addresses = new Float64Array(insns.length);
    this.checks = new Int8Array(insns.length).fill(-1);
    this.zeros = new Uint8Array(insns.length);
  }

  run(): Origins {
    const { insns } = this;
    const heads = [...new Set([0, ...leaders(insns)])].filter((pc) => pc < insns.length).sort((a, b) => a - b);
    const blockAt = new Map(heads.map((pc, i) => [pc, i]));
    const endOf = (block: number): number => heads[block + 1] ?? insns.length;
    const last = (block: number): number => {
      let pc = heads[block] as number;
      for (let next = pc; next < endOf(block); next += isLddw(insns[next] as Insn) ? 2 : 1) pc = next;
      return pc;
    };
    const succs = heads.map((_, block) =>
      successors(insns, last(block)).flatMap((pc) => {
        const to = blockAt.get(pc);
        return to === undefined ? [] : [to];
      }),
    );
    const { rpo } = orderOf(heads.length, 0, (block) => succs[block] ?? []);
    const states: (State | undefined)[] = heads.map(() => undefined);
    states[0] = entryState();
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of rpo) {
        const before = states[block];
        if (before === undefined) continue;
        this.state = before.copy();
        this.walk(heads[block] as number, endOf(block));
        for (const to of succs[block] ?? []) {
          const there = states[to];
          if (there === undefined) states[to] = this.state.copy();
          if (there === undefined || there.join(this.state)) changed = true;
        }
      }
    }
    return this.answers();
  }

  private answers(): Origins {
    const { addresses, args, checks, zeros } = this;
    return {
      addressAt: (pc) => addresses[pc] ?? 0,
      argumentAt: (pc, r) => args.get(pc)?.[r] ?? 0,
      checkedPointer: (pc) => checks[pc] ?? -1,
      writesZeroAgain: (pc) => zeros[pc] === 1,
    };
  }

  /** The last round over a block sees the least that is known, and leaves its answers. */
  private walk(from: number, to: number): void {
    for (let pc = from; pc < to; pc += isLddw(this.insns[pc] as Insn) ? 2 : 1) this.step(this.insns[pc] as Insn, pc);
  }

  private step(insn: Insn, pc: number): void {
    const { of } = this.state;
    switch (insnClass(insn)) {
      case op.LDX:
        this.load(insn, pc);
        return;
      case op.ST:
        this.store(insn, pc, constant(insn.imm));
        return;
      case op.STX:
        if ((insn.code & 0xe0) === op.MODE_ATOMIC) this.atomic(insn, pc);
        else this.store(insn, pc, this.holds(insn.src));
        return;
      case op.ALU:
      case op.ALU64: {
        const made = this.computed(insn, pc);
        if (made === constant(0) && isMove(insn) && kindOf(of[insn.dst] as number) === origin.untouched) {
          this.zeros[pc] = 1;
          return;
        }
        this.zeros[pc] = 0;
        if (idOf(made) === pc && kindOf(made) === origin.packetPlus) this.forget(made);
        of[insn.dst] = made;
        return;
      }
      default:
        if (isLddw(insn)) of[insn.dst] = insn.src === 0 ? constant(Number(lddwImm(this.insns, pc))) : 0;
        else if (isConditionalJump(insn)) this.compare(insn, pc);
        else if (isCall(insn)) this.call(insn, pc);
        else for (let r = 0; r < fp; r++) if (((writtenRegisters(insn) >> r) & 1) === 1) of[r] = 0;
    }
  }

  /** What a register holds, as a value. */
  private holds(register: number): number {
    const of = this.state.of[register] as number;
    return kindOf(of) === origin.untouched ? constant(0) : of;
  }

  private compare(insn: Insn, pc: number): void {
    if ((insn.code & op.X) === 0 || insnClass(insn) !== op.JMP) return;
    const sides = [this.state.of[insn.dst] as number, this.state.of[insn.src] as number];
    const kinds = sides.map(kindOf);
    const kind = insn.code & 0xf0;
    const isOrder = kind === op.JGT || kind === op.JGE || kind === op.JLT || kind === op.JLE;
    const isPacket = kinds.includes(origin.packet) || kinds.includes(origin.packetPlus);
    const isCheck = isOrder && isPacket && kinds.includes(origin.packetEnd);
    this.checks[pc] = !isCheck ? -1 : kinds[0] === origin.packetEnd ? insn.src : insn.dst;
    this.addresses[pc] = sides[kinds[0] === origin.packetEnd ? 1 : 0] as number;
  }

  /** What arithmetic makes. */
  private computed(insn: Insn, pc: number): number {
    const isRegister = (insn.code & op.X) !== 0;
    const isWide = insnClass(insn) === op.ALU64;
    const from = isRegister ? this.holds(insn.src) : constant(insn.imm);
    const to = this.holds(insn.dst);
    if (isMove(insn)) {
      if (isWide) return from;
      const value = constantOf(from);
      return value === undefined ? 0 : constant(value >>> 0);
    }
    const kind = insn.code & 0xf0;
    if (!isWide || (kind !== op.ADD && kind !== op.SUB)) return 0;
    const sign = kind === op.ADD ? 1 : -1;
    const added = constantOf(from);
    if (added !== undefined) return plus(to, sign * added, pc);
    const base = constantOf(to);
    if (base !== undefined && sign === 1) return plus(from, base, pc);
    // A pointer plus a number that is not known, whichever stands first.
    const pointer = isPointer(to) ? to : sign === 1 && isPointer(from) ? from : 0;
    return pointer === 0 || (isPointer(to) && isPointer(from)) ? 0 : moved(pointer, pc);
  }

  private load(insn: Insn, pc: number): void {
    const { of } = this.state;
    const base = of[insn.src] as number;
    const at = plus(base, insn.off, pc);
    this.addresses[pc] = at;
    let loaded = 0;
    if (kindOf(base) === origin.context && accessSize(insn) === 4) {
      if (offsetOf(at) === xdpMd.data) loaded = make(origin.packet, 0, 0);
      if (offsetOf(at) === xdpMd.dataEnd) loaded = make(origin.packetEnd, 0, 0);
    }
    const slot = slotOf(at, accessSize(insn));
    if (slot !== undefined && (insn.code & 0xe0) === op.MODE_MEM) loaded = of[registers + slot] as number;
    of[insn.dst] = loaded;
  }

  private store(insn: Insn, pc: number, value: number): void {
    const size = accessSize(insn);
    const at = plus(this.state.of[insn.dst] as number, insn.off, pc);
    this.addresses[pc] = at;
    const isZero = value === constant(0);
    this.zeros[pc] = isZero && this.isUntouched(at, size) ? 1 : 0;
    this.overwrite(at, size, isZero);
    const slot = slotOf(at, size);
    if (slot !== undefined) this.state.of[registers + slot] = value;
  }

  private atomic(insn: Insn, pc: number): void {
    const isLoad = insn.imm === op.ATOMIC_LOAD_ACQ;
    const at = plus(this.state.of[isLoad ? insn.src : insn.dst] as number, insn.off, pc);
    this.addresses[pc] = at;
    this.zeros[pc] = 0;
    if (!isLoad) this.overwrite(at, accessSize(insn), false);
    for (let r = 0; r < fp; r++) if (((writtenRegisters(insn) >> r) & 1) === 1) this.state.of[r] = 0;
  }

  /** A helper may write where its arguments point to; a function of the program to any frame that it is given. */
  private call(insn: Insn, pc: number): void {
    const { of } = this.state;
    this.args.set(pc, of.slice(0, 6));
    const row = calledHelper(insn);
    for (let r = 1; r <= 5; r++) {
      const at = of[r] as number;
      const kind = kindOf(at);
      if (kind !== origin.frame && kind !== origin.framePlus) continue;
      const arg = row?.args[r - 1];
      const access = row === undefined ? 'write' : arg === undefined ? 'none' : argAccess(arg);
      if (access !== 'none' && access !== 'read') this.overwrite(make(origin.framePlus, anyId, 0), 1, false);
    }
    for (let r = 0; r <= 5; r++) of[r] = 0;
    if (row?.ret !== 'map_value?') return;
    const value = make(origin.value, pc, 0);
    this.forget(value);
    of[0] = value;
  }

  /** What a former turn left of the same name may be something else. */
  private forget(made: number): void {
    const { of } = this.state;
    const unnamed = make(kindOf(made), anyId, 0);
    for (const [i, each] of of.entries())
      if (kindOf(each) === kindOf(made) && idOf(each) === idOf(made)) of[i] = unnamed;
  }

  /** Have all these bytes of the frame been zero since the start? */
  private isUntouched(at: number, size: number): boolean {
    if (kindOf(at) !== origin.frame) return false;
    const offset = offsetOf(at);
    if (offset < -stackSize || offset + size > 0) return false;
    for (let i = 0; i < size; i++) if (this.state.written[-(offset + i) - 1] !== 0) return false;
    return true;
  }

  /** Bytes of the frame that a store may reach hold something else now. */
  private overwrite(at: number, size: number, isZero: boolean): void {
    const kind = kindOf(at);
    const { of, written } = this.state;
    if (kind === origin.frame) {
      const from = offsetOf(at);
      for (let byte = from; byte < from + size; byte++) {
        if (byte < -stackSize || byte >= 0) continue;
        const place = -byte - 1;
        of[registers + (place >> 3)] = 0;
        if (!isZero) written[place] = 1;
      }
    } else if (kind === origin.framePlus || isUnknown(kind)) {
      of.fill(0, registers);
      written.fill(1);
    }
  }
}

function entryState(): State {
  const state = new State();
  state.of.fill(make(origin.untouched, 0, 0), 0, registers);
  state.of.fill(constant(0), registers);
  state.of[1] = make(origin.context, 0, 0);
  state.of[fp] = make(origin.frame, 0, 0);
  return state;
}

/** `dst = src` and `dst = imm`, without sign extension. */
function isMove(insn: Insn): boolean {
  return (insn.code & 0xf0) === op.MOV && insn.off === 0;
}

function isPointer(of: number): boolean {
  return !isUnknown(kindOf(of));
}

/** An origin plus a constant. */
function plus(of: number, distance: number, pc: number): number {
  const kind = kindOf(of);
  if (kind === origin.any || kind === origin.untouched) return 0;
  if (kind === origin.constant) return constant((constantOf(of) as number) + distance);
  if (idOf(of) === anyId) return of;
  const offset = offsetOf(of) + distance;
  return Math.abs(offset) < bias ? make(kind, idOf(of), offset) : moved(of, pc);
}

/** A pointer plus what is not known. */
function moved(pointer: number, pc: number): number {
  switch (kindOf(pointer)) {
    case origin.packet:
    case origin.packetPlus:
      return make(origin.packetPlus, pc, 0);
    case origin.frame:
    case origin.framePlus:
      return make(origin.framePlus, anyId, 0);
    case origin.value:
      return make(origin.value, anyId, 0);
    default:
      return 0;
  }
}

/** The 8-byte slot that an access covers exactly, from the frame's top. */
function slotOf(at: number, size: number): number | undefined {
  if (kindOf(at) !== origin.frame || size !== 8) return undefined;
  const offset = offsetOf(at);
  return offset % 8 === 0 && offset < 0 && offset >= -stackSize ? -offset / 8 - 1 : undefined;
}
