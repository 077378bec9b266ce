/**
 * A program for a micro-engine, as the driver of Linux compiles one: slot by slot, two registers for each of eBPF's,
 * then what turns the verdict into what the firmware does with the packet. What the driver refuses is done where the
 * engine can do it, and named (`extensions`), so that whole programs run.
 */
import {
  calledHelper,
  followOrigins,
  functionEntries,
  isFunctionAddress,
  isHelperCall,
  isLocalCall,
  isTailCall,
} from '../../code/index.js';
import {
  accessSize,
  type Insn,
  insnClass,
  isCall,
  isConditionalJump,
  isExit,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  lddwImm,
  op,
} from '../../isa/index.js';
import { helperId } from '../../platform/index.js';
import type { ProgramFacts } from '../../verifier/index.js';
import type { Label } from './assembler.js';
import { type CacheGroup, type Copy, findCaches, findCopies } from './groups.js';
import { encode, type Instruction, withParity } from './instruction.js';
import { lowerAlu } from './lower-alu.js';
import {
  enterFunction,
  leaveFunction,
  lowerCall,
  readLength,
  type Subprogram,
  type Subroutines,
  savedBytes,
  savingRoutines,
} from './lower-call.js';
import { lowerJump } from './lower-jump.js';
import { lowerAtomic, lowerCopy, lowerLoad, lowerStore } from './lower-memory.js';
import { Lowering, nearWindow, type Source } from './lowering.js';
import { both, constant, inA, inB, none } from './operand.js';
import { allManycoreOptimizations, type ManycoreOptimization } from './optimizations.js';
import { nextPacket } from './routines.js';

/** How to compile. */
export interface ManycoreOptions {
  /** Default: all. */
  readonly optimizations?: ReadonlySet<ManycoreOptimization>;
  /** What the verifier knows; without it less is known of pointers and nothing of numbers. */
  readonly facts?: ProgramFacts | undefined;
  /** Bytes from a frame to that of a function that it calls; default 512. */
  readonly stride?: number;
}

/** A program in the instruction store. */
export interface ManycoreProgram {
  readonly code: readonly Instruction[];
  /** The same as words, without parity. */
  readonly words: readonly bigint[];
  /** Slot of the program that each comes from; -1: none. */
  readonly slots: readonly number[];
  /** Slots of the program. */
  readonly size: number;
  /** Address at which r0 is the verdict. */
  readonly out: number;
  /** Bytes from where the stack's window stands to the frame's top. */
  readonly depth: number;
  /** What the driver of Linux refuses, with the first slot that has it. */
  readonly extensions: ReadonlyMap<string, number>;
}

/** What came of a program: instructions, or why there are none. */
export type ManycoreCompilation =
  | ({ readonly kind: 'compiled' } & ManycoreProgram)
  | { readonly kind: 'refused'; readonly what: string; readonly insn: number };

/** Addresses of the program's own that a branch can name. */
const storeLimit = 8192;

/** Compiles a program whose references may be resolved or not. A refusal is an answer, not an error. */
export function compileManycore(insns: readonly Insn[], options: ManycoreOptions = {}): ManycoreCompilation {
  const refusal = refusalOf(insns);
  if (refusal !== undefined) return { kind: 'refused', ...refusal };
  const on = options.optimizations ?? allManycoreOptimizations;
  const source: Source = { insns, origins: followOrigins(insns), facts: options.facts };
  const entries = functionEntries(insns);
  const to = new Lowering(source, on, depthOf(source, entries.size > 1));
  const { asm } = to;
  const subroutines: Subroutines = {
    functions: functionsOf(to, entries),
    push: asm.label(),
    pop: asm.label(),
    stride: options.stride ?? 512,
  };
  readLength(asm);
  lowerSlots(to, subroutines);
  asm.slot = -1;
  leaveProgram(to, insns.some(isRedirect));
  if ([...subroutines.functions.values()].some(({ saves }) => saves)) savingRoutines(asm, subroutines);
  if (asm.code.length > storeLimit)
    return { kind: 'refused', what: `${asm.code.length} instructions, and branches reach ${storeLimit}`, insn: 0 };
  const code = asm.finish();
  return {
    kind: 'compiled',
    code,
    words: code.map(encode),
    slots: asm.slots,
    size: insns.length,
    out: to.out.at,
    depth: to.depth,
    extensions: to.extensions,
  };
}

/** Words as the instruction store holds them, parity included; what the store fetches ahead is empty. */
export function imageOf({ words }: Pick<ManycoreProgram, 'words'>): readonly bigint[] {
  const idle = encode({ kind: 'nop' });
  return [...words, ...Array.from({ length: prefetched }, () => idle)].map(withParity);
}

const prefetched = 8;

function refusalOf(insns: readonly Insn[]): { what: string; insn: number } | undefined {
  const hasFunctions = insns.some(isLocalCall);
  for (const [insn, each] of insns.entries()) {
    const say = (what: string): { what: string; insn: number } => ({ what, insn });
    if (isFunctionAddress(each) || calledHelper(each)?.calls !== undefined)
      return say('helpers do not call functions of the program');
    if (isCall(each) && !isLocalCall(each) && !isHelperCall(each)) return say('there are no kernel functions');
    if (isConditionalJump(each) && (each.code & 0xf0) === op.JCOND) return say('there is no `may_goto`');
    if (insnClass(each) === op.LD && !isLddw(each) && each.code !== 0) return say('legacy packet load');
    if (hasFunctions && isTailCall(each)) return say('a tail call in a program with functions');
  }
  return undefined;
}

/** A program may send packets elsewhere: the verdict REDIRECT is one that the firmware knows. */
function isRedirect(insn: Insn): boolean {
  return isHelperCall(insn) && (insn.imm === helperId.redirect || insn.imm === helperId.redirect_map);
}

/** Bytes from the lowest one of the frame that is known to be used to the top, in whole windows. */
function depthOf(source: Source, hasFunctions: boolean): number {
  const probe = new Lowering(source, allManycoreOptimizations, 0);
  let deepest = 0;
  for (const [pc, insn] of source.insns.entries()) {
    const kind = insnClass(insn);
    const register = kind === op.LDX ? insn.src : insn.dst;
    if (kind === op.LDX || kind === op.ST || kind === op.STX) {
      const space = accessSize(insn) > 0 ? probe.spaceAt(pc, register, insn.off) : undefined;
      if (space?.kind === 'frame' && space.own) deepest = Math.max(deepest, -(space.offset ?? 0));
    }
    if (isHelperCall(insn)) for (let r = 1; r <= 5; r++) deepest = Math.max(deepest, -(probe.pointerAt(pc, r) ?? 0));
  }
  const bytes = deepest + (hasFunctions ? savedBytes : 0);
  return Math.ceil(bytes / nearWindow) * nearWindow;
}

function functionsOf(to: Lowering, entries: ReadonlySet<number>): ReadonlyMap<number, Subprogram> {
  const { insns } = to.program;
  const sorted = [...entries].filter((pc) => pc > 0).sort((a, b) => a - b);
  return new Map(
    sorted.map((entry, i) => {
      const body = insns.slice(entry, sorted[i + 1] ?? insns.length);
      return [entry, { entry: to.asm.label(), saves: body.some(writesSaved) }];
    }),
  );
}

/** Does an instruction write r6 to r9? */
function writesSaved(insn: Insn): boolean {
  const kind = insnClass(insn);
  const saved = (register: number): boolean => register >= 6 && register <= 9;
  if (kind === op.STX) return (insn.code & 0xe0) === op.MODE_ATOMIC && (saved(insn.src) || saved(insn.dst));
  return (kind === op.ALU || kind === op.ALU64 || kind === op.LD || kind === op.LDX) && saved(insn.dst);
}

function lowerSlots(to: Lowering, subroutines: Subroutines): void {
  const { asm, on, program } = to;
  const { insns, facts } = program;
  const copies: ReadonlyMap<number, Copy> = on.has('gathered-copies') ? findCopies(to) : new Map();
  const caches: ReadonlyMap<number, CacheGroup> = on.has('packet-cache') ? findCaches(to, copies) : new Map();
  const removes = on.has('dead-branches') && facts !== undefined;
  let inside: Subprogram | undefined;
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn;
    asm.slot = pc;
    const starts = subroutines.functions.get(pc);
    if (starts !== undefined) {
      inside = starts;
      enterFunction(to, starts);
    }
    asm.mark(to.starts[pc] as Label);
    const copy = copies.get(pc);
    if (removes && facts.insns[pc]?.reached === false) {
      // No path comes here.
    } else if (copy !== undefined) {
      lowerCopy(to, copy);
      for (let i = 1; i <= copy.slots; i++) asm.mark(to.starts[pc + i] as Label);
      pc += copy.slots;
    } else lowerInsn(to, insn, pc, { inside, subroutines, group: caches.get(pc), removes });
    if (isLddw(insn)) {
      pc++;
      asm.mark(to.starts[pc] as Label);
    }
  }
}

/** Where an instruction stands. */
interface Surroundings {
  readonly inside: Subprogram | undefined;
  readonly subroutines: Subroutines;
  readonly group: CacheGroup | undefined;
  /** Branches that go one way are none. */
  readonly removes: boolean;
}

function lowerInsn(to: Lowering, insn: Insn, pc: number, at: Surroundings): void {
  const { asm, program } = to;
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      lowerAlu(to, insn, pc);
      return;
    case op.LD: {
      const value = lddwImm(program.insns, pc);
      const [low, high] = [Number(value & 0xffff_ffffn), Number(value >> 32n)];
      asm.immediate(both(2 * insn.dst), low);
      if (low === high) asm.move(both(2 * insn.dst + 1), inA(2 * insn.dst));
      else asm.immediate(both(2 * insn.dst + 1), high);
      return;
    }
    case op.LDX:
      lowerLoad(to, insn, pc, at.group);
      return;
    case op.ST:
      lowerStore(to, insn, pc);
      return;
    case op.STX:
      if ((insn.code & 0xe0) === op.MODE_ATOMIC) lowerAtomic(to, insn, pc);
      else lowerStore(to, insn, pc);
      return;
    default:
      lowerControl(to, insn, pc, at);
      return;
  }
}

function lowerControl(to: Lowering, insn: Insn, pc: number, { inside, subroutines, removes }: Surroundings): void {
  const { asm, program } = to;
  if (isExit(insn)) {
    if (inside !== undefined) leaveFunction(to, inside, subroutines);
    else asm.branch('always', to.out);
    return;
  }
  if (isCall(insn)) {
    lowerCall(to, insn, pc, subroutines);
    return;
  }
  const target = to.starts[jumpTarget(insn, pc)] as Label;
  if (isUnconditionalJump(insn)) {
    asm.branch('always', target);
    return;
  }
  const facts = removes ? program.facts?.insns[pc] : undefined;
  if (facts !== undefined && !facts.taken) return;
  if (facts !== undefined && !facts.fallThrough) {
    asm.branch('always', target);
    return;
  }
  lowerJump(to, insn, target);
}

/**
 * The end of all packets: a byte says what the firmware does, and which counter it is for. A verdict that XDP does not
 * know is an abort. What stands behind a branch is done on the way.
 *
 *     ABORTED 0x82   DROP 0x22   PASS 0x11   TX 0x44   REDIRECT 0x44, which the driver has not
 */
function leaveProgram(to: Lowering, redirects: boolean): void {
  const { asm } = to;
  asm.mark(to.abort);
  asm.branchTo(nextPacket, 2);
  asm.move(inA(0), constant(0));
  asm.field(inA(0), 0xc, constant(0x82), 'left', 16, false);
  asm.mark(to.out);
  if (redirects) {
    to.beyond('the verdict REDIRECT', 0);
    const other = asm.label();
    asm.alu(none, 'xor', inA(0), constant(4));
    asm.branch('ne', other);
    asm.immediate(inB(0), 3);
    asm.mark(other);
  }
  asm.alu(none, 'sub', constant(3), inB(0));
  asm.branch('no-carry', to.abort);
  asm.immediate(inB(2), 0x4411_2282);
  asm.shift(inA(1), 'b', none, inB(0), 'left', 3);
  asm.shiftBy(inA(1), inB(2), 'and', constant(0xff), inB(2), 'right');
  asm.branchTo(nextPacket, 2);
  asm.move(inA(0), constant(0));
  asm.field(inA(0), 0xc, inB(2), 'left', 16, false);
}
