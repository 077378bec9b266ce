/**
 * What the verifier knows, for those who compile: before each instruction, what every live register and stack slot may
 * hold, over all paths that lead there; which ways of a branch are possible; where a 32-bit result must be
 * zero-extended.
 *
 * A fact holds on every run of the program in its object: judge/soundness.ts checks this against the interpreter.
 */

import { functionEntries, jumpTargets, needsZeroExtension } from '../code/index.js';
import { type Insn, insnClass, isLddw, op } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import type { Env } from './env.js';
import type { ProgramShape } from './program-shape.js';
import type { RegKind, RegState } from './reg-state.js';
import { constScalar, joinScalars, type Scalar } from './scalar.js';
import { addScalars, truncate } from './scalar-alu.js';
import { byteMisc, byteZero, type StackSlot } from './stack-state.js';

/** What a register or a spilled one may hold. */
export type ValueFact =
  /** Nothing is known, not even whether it is a number. */
  { readonly kind: 'any' } | { readonly kind: 'scalar'; readonly range: Scalar } | PointerFact;

/** A register or stack slot that holds a pointer. */
export interface PointerFact {
  readonly kind: 'pointer';
  readonly to: RegKind;
  /** May be null instead. */
  readonly nullable: boolean;
  /** Bytes from the start of what it points into (for `fp`: from the frame pointer; for `pkt`: from data). */
  readonly offset: Scalar;
  /** Index in the object's maps; -1 for none, and for inner maps. */
  readonly map: number;
  /** Bytes from the pointer on that certainly lie in the packet. */
  readonly ahead: number;
  /** `fp`: how many frames below the current one the frame lies (0: the current one). */
  readonly framesUp: number;
  /** Bytes of a `mem`. */
  readonly size: number;
}

/** What 8 bytes of the stack hold. */
export interface SlotFact {
  /** Offset of the 8 bytes from the frame pointer. */
  readonly off: number;
  readonly kind: 'spill' | 'zero' | 'misc';
  /** Of a spill: its low bytes that are valid, and what they hold. */
  readonly size: number;
  readonly value: ValueFact;
}

/** What is known before one instruction, over all paths that lead there. */
export interface InsnFacts {
  /** False: no path comes here. */
  readonly reached: boolean;
  /** By register; undefined for one that is dead here. */
  readonly regs: readonly (ValueFact | undefined)[];
  readonly stack: readonly SlotFact[];
  /** Conditional jumps: which ways are possible. */
  readonly taken: boolean;
  readonly fallThrough: boolean;
  /** The upper half of this 32-bit result may be looked at. */
  readonly zeroExtend: boolean;
}

/** Facts by slot of the program: what compilers may rely on. */
export interface ProgramFacts {
  readonly insns: readonly InsnFacts[];
}

/** What is known at a slot of the program, by register and by slot of the stack. */
interface Whole {
  readonly regs: (ValueFact | undefined)[];
  readonly stack: (SlotFact | undefined)[];
}

/** What paths have brought to a slot so far. */
interface Collected extends Whole {
  /** The registers and slots as they were seen last: what looks the same again teaches nothing. */
  readonly lastRegs: (RegState | undefined)[];
  readonly lastSlots: (StackSlot | undefined)[];
}

const any: ValueFact = { kind: 'any' };

/** Classes of instructions that do nothing but write a register, or store. */
const plain: readonly number[] = [op.ALU, op.ALU64, op.LD, op.LDX, op.ST, op.STX];

/**
 * For each slot that control comes to from one instruction alone, a plain one: that instruction. Only what it wrote
 * can differ there, all else is as it was before. -1 for the others.
 */
function plainPredecessors(insns: readonly Insn[]): Int32Array {
  const before = new Int32Array(insns.length).fill(-1);
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn; // pc is in range
    const next = isLddw(insn) ? pc + 2 : pc + 1;
    const atomic = insnClass(insn) === op.STX && (insn.code & 0xe0) === op.MODE_ATOMIC;
    if (plain.includes(insnClass(insn)) && !atomic && next < insns.length) before[next] = pc;
    if (isLddw(insn)) pc++;
  }
  for (const pc of [...functionEntries(insns), ...jumpTargets(insns)]) before[pc] = -1;
  return before;
}

/** Register that a plain instruction writes; -1 for a store. */
function writtenReg(insn: Insn): number {
  return insnClass(insn) === op.ST || insnClass(insn) === op.STX ? -1 : insn.dst;
}

/**
 * Gathers {@link ProgramFacts} while paths are explored. A fact holds on every path: what paths disagree on is
 * joined, and what a pruned path would have brought is covered by the state that it was pruned for.
 */
export class FactsCollector {
  private readonly program: ProgramSpec;
  private readonly shape: ProgramShape;
  /** By slot: everything, or where {@link before} names an instruction only what that changed. */
  private readonly collected: (Collected | undefined)[];
  private readonly before: Int32Array;
  private readonly taken: Uint8Array;
  private readonly fallThrough: Uint8Array;

  constructor(program: ProgramSpec, shape: ProgramShape) {
    this.program = program;
    this.shape = shape;
    this.collected = new Array<Collected | undefined>(program.insns.length).fill(undefined);
    this.before = plainPredecessors(program.insns);
    this.taken = new Uint8Array(program.insns.length);
    this.fallThrough = new Uint8Array(program.insns.length);
  }

  /** A path is about to execute the current instruction. */
  visit(env: Env): void {
    const { pc, previous } = env;
    if (previous >= 0) (pc === previous + 1 ? this.fallThrough : this.taken)[previous] = 1;
    let entry = this.collected[pc];
    const visited = entry !== undefined;
    if (entry === undefined) {
      entry = { regs: [], stack: [], lastRegs: [], lastSlots: [] };
      this.collected[pc] = entry;
    }
    const before = this.before[pc] ?? -1;
    if (before < 0) {
      for (let i = 0; i <= 10; i++) this.visitReg(env, entry, i, visited);
      this.visitStack(env, entry, visited);
      return;
    }
    const written = writtenReg(this.program.insns[before] as Insn); // an existing predecessor
    if (written >= 0) this.visitReg(env, entry, written, visited);
    else this.visitStack(env, entry, visited);
  }

  private visitReg(env: Env, { regs, lastRegs }: Collected, i: number, visited: boolean): void {
    const live = this.shape.liveBefore[env.pc] ?? 0x7ff;
    if ((live & (1 << i)) === 0 && i !== 10) return;
    const reg = env.frame.reg(i);
    const known = regs[i];
    const last = lastRegs[i];
    // Nothing is learned from what is known already.
    if (known?.kind === 'any' || (known?.kind === 'scalar' && reg.kind === 'scalar' && known.range.covers(reg.range)))
      return;
    if (known !== undefined && last !== undefined && looksTheSame(env, known, last, reg)) return;
    lastRegs[i] = reg;
    regs[i] = join(known, this.fact(env, reg), visited);
  }

  private visitStack(env: Env, { stack, lastSlots }: Collected, visited: boolean): void {
    const { stack: slots } = env.frame;
    // A slot that one path never wrote holds nothing that all paths agree on.
    for (let i = slots.length; i < stack.length; i++) stack[i] = undefined;
    for (let i = 0; i < slots.length; i++) {
      const known = stack[i];
      if (visited && (known === undefined || slotLooksTheSame(env, known, lastSlots[i], slots[i]))) continue;
      lastSlots[i] = slots[i];
      const fact = this.slotFact(env, i, slots[i]);
      stack[i] = visited ? joinSlots(known, fact) : fact;
    }
  }

  finish(): ProgramFacts {
    const zeroExtend = needsZeroExtension(this.program.insns);
    const whole: (Whole | undefined)[] = [];
    for (const [pc, entry] of this.collected.entries()) whole.push(entry && this.whole(pc, entry, whole));
    return {
      insns: whole.map((entry, pc) => ({
        reached: entry !== undefined,
        regs: entry?.regs ?? [],
        stack: entry?.stack.filter((slot) => slot !== undefined) ?? [],
        taken: this.taken[pc] === 1,
        fallThrough: this.fallThrough[pc] === 1,
        zeroExtend: zeroExtend[pc] === 1,
      })),
    };
  }

  /** What was collected at a slot, completed by what holds before its only predecessor. */
  private whole(pc: number, entry: Whole, earlier: readonly (Whole | undefined)[]): Whole {
    const before = this.before[pc] ?? -1;
    const from = before < 0 ? undefined : earlier[before];
    const live = this.shape.liveBefore[pc] ?? 0x7ff;
    const written = before < 0 ? -1 : writtenReg(this.program.insns[before] as Insn); // an existing predecessor
    const regs: (ValueFact | undefined)[] = [];
    for (let i = 0; i <= 10; i++) {
      const isLive = (live & (1 << i)) !== 0 || i === 10;
      regs.push(isLive ? (from === undefined || i === written ? entry.regs[i] : from.regs[i]) : undefined);
    }
    return { regs, stack: from === undefined || written < 0 ? entry.stack : from.stack };
  }

  private fact(env: Env, reg: RegState): ValueFact {
    if (reg.kind === 'none') return any;
    if (reg.kind === 'scalar') return { kind: 'scalar', range: reg.range };
    const offset = reg.off === 0 ? reg.range : addScalars(reg.range, constScalar(BigInt(reg.off)));
    return {
      kind: 'pointer',
      to: reg.kind,
      nullable: reg.nullable,
      offset,
      map: reg.map === undefined ? -1 : env.maps.indexOf(reg.map),
      ahead: reg.isPacket ? Math.max(0, reg.pktRange - reg.off) : 0,
      framesUp: reg.kind === 'fp' ? env.state.depth - reg.frame : 0,
      size: reg.memSize,
    };
  }

  private slotFact(env: Env, index: number, slot: StackSlot | undefined): SlotFact | undefined {
    if (slot === undefined || slot.dynptr !== undefined) return undefined;
    const off = -8 * (index + 1);
    if (slot.isSpill && slot.reg !== undefined) {
      const { reg, spillSize: size } = slot;
      // A part of a number is kept with what is known of the whole.
      const value: ValueFact =
        reg.kind === 'scalar' ? { kind: 'scalar', range: truncate(reg.range, size) } : this.fact(env, reg);
      return { off, kind: 'spill', size, value };
    }
    let zero = true;
    for (let b = 0; b < 8; b++) {
      const kind = slot.byte(b);
      if (kind !== byteZero) zero = false;
      if (kind !== byteZero && kind !== byteMisc) return undefined;
    }
    return { off, kind: zero ? 'zero' : 'misc', size: 8, value: any };
  }
}

/** Would `reg` give the fact that `last` gave, which is part of `known` already? */
function looksTheSame(env: Env, known: ValueFact, last: RegState, reg: RegState): boolean {
  if (last === reg && reg.kind !== 'fp') return true;
  return (
    last.kind === reg.kind &&
    last.off === reg.off &&
    last.nullable === reg.nullable &&
    last.map === reg.map &&
    last.memSize === reg.memSize &&
    last.pktRange <= reg.pktRange &&
    last.range.equals(reg.range) &&
    (reg.kind !== 'fp' || (known.kind === 'pointer' && known.framesUp === env.state.depth - reg.frame))
  );
}

/** The same of a stack slot. */
function slotLooksTheSame(
  env: Env,
  known: SlotFact,
  last: StackSlot | undefined,
  slot: StackSlot | undefined,
): boolean {
  if (last === slot && slot?.reg?.kind !== 'fp') return true;
  if (last === undefined || slot === undefined || last.bytes !== slot.bytes) return false;
  if (last.dynptr !== slot.dynptr || last.iterator !== slot.iterator) return false;
  if (last.reg === undefined || slot.reg === undefined) return last.reg === slot.reg;
  return looksTheSame(env, known.value, last.reg, slot.reg);
}

/** `known` undefined: the first visit, or a register that was dead on all earlier ones. */
function join(known: ValueFact | undefined, fact: ValueFact, visited: boolean): ValueFact {
  if (known === undefined) return visited ? any : fact;
  if (known.kind === 'any' || fact.kind === 'any') return any;
  if (known.kind === 'scalar') {
    if (fact.kind === 'scalar') {
      const range = joinScalars(known.range, fact.range);
      return range === known.range ? known : { kind: 'scalar', range };
    }
    // Zero is how a pointer that may be null looks when it is.
    return known.range.isConst && known.range.value === 0n ? { ...fact, nullable: true } : any;
  }
  if (fact.kind === 'scalar') {
    return fact.range.isConst && fact.range.value === 0n ? { ...known, nullable: true } : any;
  }
  return joinPointers(known, fact);
}

/** Two pointers at one place: of one object, they are one pointer somewhere in between; else nothing is known. */
function joinPointers(a: PointerFact, b: PointerFact): ValueFact {
  if (a.to !== b.to || a.framesUp !== b.framesUp) return any;
  const offset = joinScalars(a.offset, b.offset);
  const map = a.map === b.map ? a.map : -1;
  const ahead = Math.min(a.ahead, b.ahead);
  const nullable = a.nullable || b.nullable;
  const size = Math.min(a.size, b.size);
  if (offset === a.offset && map === a.map && ahead === a.ahead && nullable === a.nullable && size === a.size) return a;
  return { kind: 'pointer', to: a.to, nullable, offset, map, ahead, framesUp: a.framesUp, size };
}

function joinSlots(known: SlotFact | undefined, fact: SlotFact | undefined): SlotFact | undefined {
  if (known === undefined || fact === undefined) return undefined;
  if (known.kind === fact.kind && known.size === fact.size) {
    const value = join(known.value, fact.value, true);
    return value === known.value ? known : { ...known, value };
  }
  return { off: known.off, kind: 'misc', size: 8, value: any };
}

/** Guest addresses that pointers are judged against. */
export interface ConcreteWorld {
  readonly ctx: bigint;
  readonly data: bigint;
  readonly dataEnd: bigint;
  readonly dataMeta: bigint;
  /** Frame pointer `framesUp` frames above the current one; undefined if it is not known. */
  framePointer(framesUp: number): bigint | undefined;
  /** Is `address` on a value of the map, `offset` bytes behind its start for an offset that `fits`? */
  onMapValue(map: number, address: bigint, fits: (offset: bigint) => boolean): boolean;
}

/** Does `value` (unsigned 64-bit) obey the fact? */
export function factHolds(fact: ValueFact, value: bigint, world: ConcreteWorld): boolean {
  if (fact.kind === 'any') return true;
  if (fact.kind === 'scalar') return fact.range.contains(value);
  if (value === 0n && fact.nullable) return true;
  const offsetFrom = (base: bigint): bigint => BigInt.asUintN(64, value - base);
  switch (fact.to) {
    case 'ctx':
      return fact.offset.contains(offsetFrom(world.ctx));
    case 'pkt':
      return (
        fact.offset.contains(offsetFrom(world.data)) &&
        (fact.ahead === 0 || value + BigInt(fact.ahead) <= world.dataEnd)
      );
    case 'pkt_meta':
      return (
        fact.offset.contains(offsetFrom(world.dataMeta)) &&
        (fact.ahead === 0 || value + BigInt(fact.ahead) <= world.data)
      );
    case 'pkt_end':
      return value === world.dataEnd;
    case 'fp': {
      const base = world.framePointer(fact.framesUp);
      return base === undefined || fact.offset.contains(offsetFrom(base));
    }
    case 'map_value':
      return fact.map < 0 || world.onMapValue(fact.map, value, (offset) => fact.offset.contains(offset));
    default:
      return value !== 0n;
  }
}

/** JSON form of a fact: 64-bit numbers as strings. */
export function factJson(fact: ValueFact | undefined): unknown {
  if (fact === undefined) return null;
  if (fact.kind === 'any') return { kind: 'any' };
  if (fact.kind === 'scalar') return { kind: 'scalar', ...rangeJson(fact.range) };
  const { to, nullable, map, ahead, framesUp, size } = fact;
  return { kind: 'pointer', to, nullable, offset: rangeJson(fact.offset), map, ahead, frames_up: framesUp, size };
}

function rangeJson(range: Scalar): Record<string, string | number> {
  if (range.isConst) return { value: range.value.toString() };
  const { value, mask, smin, smax, umin, umax, s32min, s32max, u32min, u32max } = range;
  return {
    tnum_value: value.toString(),
    tnum_mask: mask.toString(),
    umin: umin.toString(),
    umax: umax.toString(),
    smin: smin.toString(),
    smax: smax.toString(),
    umin32: u32min,
    umax32: u32max,
    smin32: s32min,
    smax32: s32max,
  };
}

/**
 * The same value as the function sees it that this one's code is put into, `levels` calls further up: frames in
 * between are parts of that one's own, each `frameBytes` below the one before.
 */
export function factOfCaller(fact: ValueFact, levels: number, frameBytes: number): ValueFact {
  if (fact.kind !== 'pointer' || fact.to !== 'fp') return fact;
  const above = fact.framesUp - levels;
  if (above >= 0) return { ...fact, framesUp: above };
  const offset = addScalars(fact.offset, constScalar(BigInt(above * frameBytes)));
  return { ...fact, offset, framesUp: 0 };
}
