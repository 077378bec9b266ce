/**
 * What can be said of a program before any of its values is known: functions, jumps, reachability, where exploration
 * may compare states, and which registers are live at each instruction (check_subprogs, check_cfg and
 * compute_live_registers in the kernel).
 */

import {
  calledHelper,
  isLocalCall,
  isTailCall,
  namedFunction,
  solveBackward,
  successors,
  usedRegisters,
  writtenRegisters,
} from '../code/index.js';
import {
  type Insn,
  insnClass,
  isCall,
  isExit,
  isJump,
  isLddw,
  isUnconditionalJump,
  jumpTarget,
  op,
} from '../isa/index.js';
import type { MapSpec, ProgramSpec } from '../object/index.js';
import { deviceKfuncs, type KfuncRow, kfuncRow, maxInsns, maxSubprogs, maxVarOffset } from '../platform/index.js';
import { Rejection } from './env.js';
import { findLoops, forced } from './loops.js';
import type { MessageCode, MessageValues } from './messages.js';
import { type RangeMemos, rangeMemos } from './range-memo.js';

/** A function of the program: slots `start` to `end` (exclusive). */
export interface Subprog {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly global: boolean;
  /** Index in `ProgramSpec.functions`; -1 where the program names none. */
  readonly fn: number;
  /** Bytes of stack that verified paths touch. */
  stackDepth: number;
  readonly tailCalls: boolean;
  /** Moves the packet's ends, itself or through what it calls. */
  movesPacket: boolean;
  /** Used as a callback of a timer: a chain of its own. */
  asyncCallback: boolean;
}

/** What is known of a program before a path is followed; arrays have an entry for each slot. */
export interface ProgramShape {
  readonly subprogs: readonly Subprog[];
  /** Subprogram of each slot. */
  readonly subprogOf: Uint8Array;
  /** 1 where states are compared; more (see {@link forced}) where one is saved always. */
  readonly prunePoints: Uint8Array;
  /** 1 where a path may come from elsewhere than the slot before: Linux keeps a note of each passage. */
  readonly jumpPoints: Uint8Array;
  /** Bit i: register i may be read before it is written, from before this slot on. */
  readonly liveBefore: Uint16Array;
  readonly backEdges: boolean;
  /** Number (from 1) of the loop that each slot is part of, 0 for none. */
  readonly loopOf: Uint32Array;
  /** The same, where a call that runs a callback again and again is a loop as well. */
  readonly loopWithCallbackOf: Uint32Array;
  /** 1 for each slot that some path came to. */
  readonly seen: Uint8Array;
  /** What instructions made of the ranges that paths brought so far. */
  readonly memos: RangeMemos;
}

/** Refuses the program before any of its paths is followed. */
function fail(code: MessageCode, values: MessageValues, insn: number): never {
  throw new Rejection(code, values, insn);
}

/** The row of the kfunc that an instruction calls; undefined for all else, and for one that jitnic does not have. */
function calledKfunc(program: ProgramSpec, insn: Insn): KfuncRow | undefined {
  if (insn.code !== op.CALL_OP || insn.src !== op.CALL_KFUNC) return undefined;
  return kfuncRow(program.kfuncs[insn.imm]?.name ?? '');
}

/** A call of an open-coded iterator's `next`, where loops over it close. */
function isIteratorNext(program: ProgramSpec, insn: Insn): boolean {
  return calledKfunc(program, insn)?.iterator === 'next';
}

/** Throws Rejection for a program that no path through could save. `forCard`: it is offloaded. */
export function shapeOf(program: ProgramSpec, maps: readonly MapSpec[], gpl: boolean, forCard = false): ProgramShape {
  const { insns } = program;
  if (insns.length === 0) fail('empty-program', {}, 0);
  if (insns.length > maxInsns) fail('too-many-insns', { count: insns.length }, 0);
  const starts = findSubprogs(insns);
  checkKfuncs(program, gpl, forCard);
  const subprogOf = new Uint8Array(insns.length);
  const subprogs = starts.map((start, i) => describe(program, start, starts[i + 1] ?? insns.length));
  for (const [i, subprog] of subprogs.entries()) subprogOf.fill(i, subprog.start, subprog.end);
  for (const subprog of subprogs) checkJumps(insns, subprog);
  const typed = program.functions.length > 0 && program.functions.every((fn) => fn.btfId !== 0);
  const caller = typed ? undefined : subprogs.find((subprog) => subprog.start > 0 && subprog.tailCalls);
  if (caller !== undefined) fail('tail-call-no-btf', {}, caller.start);
  checkEncoding(insns);
  checkReferences(program, maps);
  const prunePoints = new Uint8Array(insns.length);
  const jumpPoints = new Uint8Array(insns.length);
  const backEdges = checkReachable(program, subprogs, prunePoints, jumpPoints);
  spreadPacketMoves(insns, subprogs, subprogOf);
  const next = (pc: number): readonly number[] => successors(insns, pc);
  return {
    subprogs,
    subprogOf,
    prunePoints,
    jumpPoints,
    liveBefore: liveRegisters(insns),
    backEdges,
    loopOf: findLoops(insns, starts, next, () => false),
    loopWithCallbackOf: findLoops(insns, starts, next, (pc) => prunePoints[pc] === forced.callback),
    seen: new Uint8Array(insns.length),
    memos: rangeMemos(),
  };
}

/** A call of one counts wherever it stands: Linux looks kfuncs up before it follows any path. */
function checkKfuncs({ insns, kfuncs, devBound }: ProgramSpec, gpl: boolean, forCard: boolean): void {
  for (const [pc, insn] of insns.entries()) {
    if (insn.code !== op.CALL_OP || insn.src !== op.CALL_KFUNC) continue;
    if (!gpl) fail('kfunc-gpl', {}, pc);
    // Loaders put the module there that has it; what an object file says are functions of the kernel proper.
    if (insn.off < 0) fail('kfunc-module-negative', {}, pc);
    if (insn.off > 0) fail('kfunc-module', {}, pc);
    if (!deviceKfuncs.has(kfuncs[insn.imm]?.name ?? '')) continue;
    if (forCard) fail('kfunc-offload', {}, pc);
    if (devBound !== true) fail('kfunc-device', {}, pc);
  }
}

/** First slots of all functions, in order: those that something calls or takes the address of (add_subprog). */
function findSubprogs(insns: readonly Insn[]): number[] {
  const starts = new Set([0]);
  for (const [pc, insn] of insns.entries()) {
    const target = namedFunction(insn, pc);
    if (target === undefined) continue;
    if (target < 0 || target >= insns.length) fail('call-out-of-range', {}, pc);
    starts.add(target);
  }
  if (starts.size > maxSubprogs) fail('too-many-subprogs', {}, 0);
  return [...starts].sort((a, b) => a - b);
}

/** What is known of the function in [start, end) from its own instructions. */
function describe(program: ProgramSpec, start: number, end: number): Subprog {
  const fn = program.functions.findIndex((candidate) => candidate.start === start);
  const spec = program.functions[fn];
  const code = program.insns.slice(start, end);
  return {
    name: spec?.name ?? (start === 0 ? program.name : `func${start}`),
    start,
    end,
    global: start === 0 || spec?.global === true,
    fn,
    stackDepth: 0,
    tailCalls: code.some((insn) => isTailCall(insn)),
    // Who knows what the program does that a tail call runs in its place.
    movesPacket: code.some((insn) => {
      const row = calledHelper(insn);
      return row?.moves !== undefined || isTailCall(insn) || calledKfunc(program, insn)?.moves !== undefined;
    }),
    asyncCallback: false,
  };
}

/** A function that calls one that moves the packet moves it too. */
function spreadPacketMoves(insns: readonly Insn[], subprogs: readonly Subprog[], subprogOf: Uint8Array): void {
  let changed = true;
  while (changed) {
    changed = false;
    for (const [pc, insn] of insns.entries()) {
      if (!isLocalCall(insn)) continue;
      const caller = subprogs[subprogOf[pc] ?? 0];
      const callee = subprogs[subprogOf[pc + 1 + insn.imm] ?? 0];
      if (caller !== undefined && callee?.movesPacket === true && !caller.movesPacket) {
        caller.movesPacket = true;
        changed = true;
      }
    }
  }
}

/** Jumps stay in their function, and its last instruction does not fall through (check_subprogs). */
function checkJumps(insns: readonly Insn[], { start, end }: Subprog): void {
  for (let pc = start; pc < end; pc++) {
    const insn = insns[pc] as Insn; // pc is in range
    if (!isJump(insn) || isCall(insn) || isExit(insn)) continue;
    if (isLddw(insns[pc - 1] ?? insn)) continue;
    const target = jumpTarget(insn, pc);
    if (target < start || target >= end) fail('jump-out-of-range', { from: pc, to: target }, pc);
  }
  const last = insns[end - 1] as Insn; // a subprogram has at least one slot
  if (!isExit(last) && !isUnconditionalJump(last)) fail('last-insn', {}, end - 1);
}

const loadStoreClasses: readonly number[] = [op.LD, op.LDX, op.ST, op.STX];

/** Is the opcode byte one that some instruction has? */
function knownOpcode(code: number): boolean {
  const cls = code & 7;
  if (loadStoreClasses.includes(cls)) return knownLoadStore(code, cls);
  const kind = code & 0xf0;
  if (cls === op.ALU || cls === op.ALU64) {
    if (kind > op.END) return false;
    if (kind === op.NEG) return (code & op.X) === 0;
    // In the 64-bit class only the unconditional swap exists.
    return kind !== op.END || cls === op.ALU || (code & op.X) === 0;
  }
  if (kind === op.CALL) return cls === op.JMP && (code & op.X) === 0;
  if (kind === op.EXIT) return code === op.EXIT_OP;
  if (kind === op.JA) return (code & op.X) === 0;
  if (kind === op.JCOND) return cls === op.JMP && (code & op.X) === 0;
  return kind <= op.JSLE;
}

/** The same of loads and stores: mode and size bits. */
function knownLoadStore(code: number, cls: number): boolean {
  const mode = code & 0xe0;
  const size = code & 0x18;
  switch (cls) {
    case op.LD:
      if (mode === op.MODE_IMM) return code === op.LDDW;
      return (mode === op.MODE_ABS || mode === op.MODE_IND) && size !== op.SIZE_DW;
    case op.LDX:
      return mode === op.MODE_MEM || (mode === op.MODE_MEMSX && size !== op.SIZE_DW);
    case op.ST:
      return mode === op.MODE_MEM;
    default:
      return mode === op.MODE_MEM || mode === op.MODE_ATOMIC;
  }
}

/** Opcodes and the fields of 64-bit immediates, wherever they stand. */
function checkEncoding(insns: readonly Insn[]): void {
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc] as Insn; // pc is in range
    if (insnClass(insn) === op.LDX) {
      const mode = insn.code & 0xe0;
      if ((mode !== op.MODE_MEM && mode !== op.MODE_MEMSX) || insn.imm !== 0) {
        fail('reserved-fields', { group: 'BPF_LDX' }, pc);
      }
    }
    if (isLddw(insn)) {
      const high = insns[pc + 1];
      if (high === undefined || high.code !== 0 || high.dst !== 0 || high.src !== 0 || high.off !== 0) {
        fail('invalid-ld_imm64-insn', {}, pc);
      }
      if (insn.src > op.PSEUDO_FUNC || (insn.src === op.PSEUDO_MAP_FD && high.imm !== 0)) {
        fail('unrecognized-ldimm64', {}, pc);
      }
      pc++;
      continue;
    }
    if (!knownOpcode(insn.code)) fail('unknown-opcode', { code: insn.code.toString(16).padStart(2, '0') }, pc);
  }
}

/** Maps, functions of the kernel and symbols must exist even in code that no path reaches. */
function checkReferences(program: ProgramSpec, maps: readonly MapSpec[]): void {
  const { insns } = program;
  for (const [pc, insn] of insns.entries()) {
    if (isLddw(insn)) {
      const isValue = insn.src === op.PSEUDO_MAP_VALUE;
      if (isValue || insn.src === op.PSEUDO_MAP_FD) {
        const map = maps[insn.imm];
        if (map === undefined) fail('map-fd', { fd: insn.imm }, pc);
        if (isValue) checkDirectValue(map, insns[pc + 1]?.imm ?? 0, pc);
      }
      const isSymbol = insn.src === op.PSEUDO_BTF_ID;
      if (isSymbol && program.ksyms[insn.imm] === undefined) fail('ksym-unknown', { id: insn.imm >>> 0 }, pc);
    } else if (insn.code === op.CALL_OP && insn.src === op.CALL_KFUNC) {
      // Number 0 is no function, but Linux lets it stand in code that no path reaches.
      const isVoid = insn.imm === 0 && insn.off === 0;
      if (program.kfuncs[insn.imm] === undefined && !isVoid) fail('kfunc-unknown', { id: insn.imm }, pc);
    }
  }
}

/** Only an array of one element has values at fixed addresses. `off` is unsigned. */
function checkDirectValue(map: MapSpec, off: number, pc: number): void {
  if (off >>> 0 >= maxVarOffset) fail('direct-value-offset', { off: off >>> 0 }, pc);
  if (map.type !== 'array') fail('direct-value-type', {}, pc);
  if (map.maxEntries !== 1 || off >>> 0 >= map.valueSize) fail('no-direct-value', { size: map.valueSize, off }, pc);
}

/**
 * Every slot must be reachable. Marks where exploration compares states: at conditional jumps, jump targets, around
 * calls. Returns whether the program has loops.
 */
function checkReachable(
  program: ProgramSpec,
  subprogs: readonly Subprog[],
  prunePoints: Uint8Array,
  jumpPoints: Uint8Array,
): boolean {
  const { insns } = program;
  const seen = new Uint8Array(insns.length);
  const point = (pc: number, kind: number): void => {
    if (pc < insns.length && (prunePoints[pc] ?? 0) < kind) prunePoints[pc] = kind;
  };
  const jumpPoint = (pc: number): void => {
    point(pc, 1);
    if (pc < insns.length) jumpPoints[pc] = 1;
  };
  let backEdges = false;
  const work: number[] = subprogs.map((subprog) => subprog.start);
  for (let pc = work.pop(); pc !== undefined; pc = work.pop()) {
    if (pc >= insns.length) fail('jump-out-of-range', { from: pc - 1, to: pc }, pc - 1);
    if (seen[pc] === 1) continue;
    seen[pc] = 1;
    const insn = insns[pc] as Insn; // pc is in range
    if (isLddw(insns[pc - 1] ?? insn) && pc > 0 && seen[pc - 1] === 1 && insn.code === 0) {
      fail('jump-into-ldimm64', { insn: pc - 1 }, pc - 1);
    }
    if (isJump(insn) && !isCall(insn) && !isExit(insn)) {
      const target = jumpTarget(insn, pc);
      if (target <= pc) backEdges = true;
      jumpPoint(target);
      if ((insn.code & 0xf0) === op.JCOND) point(pc, forced.mayGoto);
      else if (!isUnconditionalJump(insn)) point(pc, 1);
    }
    // Behind every call, and where a function or its address is used: before, behind, and at the function's own start.
    const named = namedFunction(insn, pc);
    if (named !== undefined) {
      point(pc, 1);
      jumpPoint(named);
    }
    if (named !== undefined || isCall(insn)) jumpPoint(pc + (isLddw(insn) ? 2 : 1));
    if (isIteratorNext(program, insn)) point(pc, forced.iterator);
    const calls = calledHelper(insn)?.calls;
    if (calls !== undefined) point(pc, 1);
    if (calls === 'now') {
      point(pc, forced.callback);
      jumpPoint(pc);
    }
    work.push(...successors(insns, pc));
  }
  for (let pc = 0; pc < insns.length; pc++) {
    if (seen[pc] === 0) fail('unreachable-insn', { insn: pc }, pc);
    if (isLddw(insns[pc] as Insn)) {
      if (seen[pc + 1] === 1) fail('jump-into-ldimm64', { insn: pc }, pc);
      pc++;
    }
  }
  return backEdges;
}

/**
 * Registers that may be read before they are written, as Linux counts them (compute_live_registers): states are
 * compared by these, so they have to be the kernel's own, not those of `code/live-slots.ts`. The two differ at calls
 * of helpers; `code/register-effects.ts` says how and why.
 */
function liveRegisters(insns: readonly Insn[]): Uint16Array {
  const live = solveBackward(insns, 1, (insn, _, now) => {
    now[0] = ((now[0] as number) & ~writtenRegisters(insn)) | usedRegisters(insn);
  });
  return Uint16Array.from(live.subarray(0, insns.length));
}
