/**
 * Windows: a few arithmetic instructions of a block of which each uses what an earlier one made. They need not stand
 * side by side: what lies between (calls, accesses, other arithmetic) stays where it is, as long as it neither reads
 * nor writes what the window makes, nor writes what it reads. So all of the window can stand where its last instruction
 * does.
 *
 * The canonical form has registers by order of appearance, how many low bits of each may be set before (what analysis
 * and verifier know) and how many are asked for behind (liveness). Equal forms are one window, whatever function they
 * are in.
 */
import { type Insn, op } from '../../isa/index.js';
import type { Demands } from '../demand.js';
import { isAlu, reads, usesSource, writes } from '../effects.js';
import { copyState, type Flow, type State } from '../flow.js';
import type { Block, Op } from '../function-code.js';

/** A window without its place. */
export interface Shape {
  /** On registers 1 to n, in order of appearance. */
  readonly insns: readonly Insn[];
  /** By register, from 1 on: as many low bits may be set before. */
  readonly known: readonly number[];
  /** By register, from 1 on: as many low bits are asked for behind; 0: it may hold anything. */
  readonly asked: readonly number[];
}

/** Where a shape was found. */
export interface Window extends Shape {
  /** Positions in the block, in order. */
  readonly at: readonly number[];
  /** Real registers by canonical ones, from 1 on. */
  readonly registers: readonly number[];
}

/** Instructions of one shape by their text: what rules are looked up by. */
export function insnsKey(insns: readonly Insn[]): string {
  return insns.map(({ code, dst, src, off, imm }) => `${code},${dst},${src},${off},${imm}`).join(' ');
}

/** Two windows of one key have the same answers. */
export function shapeKey({ insns, known, asked }: Shape): string {
  return `${insnsKey(insns)} | ${known.join(',')} | ${asked.join(',')}`;
}

/** All windows of a block, of 2 to `longest` instructions. */
export function windowsOf(block: Block, entry: State, flow: Flow, demands: Demands, longest: number): Window[] {
  const { ops } = block;
  const states: State[] = [];
  const state = copyState(entry);
  for (const each of ops) {
    states.push(copyState(state));
    flow.step(state, each);
  }
  const behind = demands.behind(block);
  const windows: Window[] = [];
  for (let last = 0; last < ops.length; last++) {
    if (!isPlain(ops[last] as Op)) continue; // in range
    let at = [last];
    while (at.length < longest) {
      const earlier = before(ops, at);
      if (earlier === undefined) break;
      at = [earlier, ...at];
      const window = canonical(ops, at, states, (r) => behind[last]?.regs[r] ?? 0n);
      if (window !== undefined) windows.push(window);
    }
  }
  return windows;
}

/** The block's ops with others in place of a window's. */
export function withWindow(ops: readonly Op[], { at, registers }: Window, after: readonly Insn[]): Op[] {
  const last = at.at(-1) as number; // windows are not empty
  const real = (r: number): number => registers[r - 1] ?? 0;
  const made = after.map((insn): Op => {
    const each = ops[last] as Op; // a position of the block
    const src = hasRegister(insn) ? real(insn.src) : insn.src;
    return { ...each, insn: { ...insn, dst: real(insn.dst), src }, facts: undefined };
  });
  return ops.flatMap((each, i) => (i === last ? made : at.includes(i) ? [] : [each]));
}

/** Arithmetic whose text is what runs; r10 can't be computed with. */
function isPlain({ insn, pinned, refers }: Op): boolean {
  return isAlu(insn) && !pinned && refers < 0 && !(hasRegister(insn) && insn.src === 10) && insn.dst !== 10;
}

/** Is the source field a register? */
export function hasRegister(insn: Insn): boolean {
  return usesSource(insn) && (insn.code & 0xf0) !== op.END;
}

/** The nearest instruction in front that makes something which the window uses, if it can be done where that ends. */
function before(ops: readonly Op[], at: readonly number[]): number | undefined {
  const [first] = at as readonly [number];
  const last = at.at(-1) as number; // not empty
  const used = at.reduce((set, i) => set | reads((ops[i] as Op).insn) | writes((ops[i] as Op).insn), 0); // positions
  for (let i = first - 1; i >= 0; i--) {
    const each = ops[i] as Op; // in range
    if ((writes(each.insn) & used) === 0) continue;
    if (!isPlain(each)) return undefined;
    // All that is skipped, up to the window's end.
    for (let j = i + 1; j < last; j++) {
      if (at.includes(j)) continue;
      const { insn } = ops[j] as Op; // in range
      const made = writes(each.insn);
      const clash = ((reads(insn) | writes(insn)) & made) | (writes(insn) & reads(each.insn));
      if (clash !== 0) return undefined;
    }
    return i;
  }
  return undefined;
}

function canonical(
  ops: readonly Op[],
  at: readonly number[],
  states: readonly State[],
  askedOf: (register: number) => bigint,
): Window | undefined {
  const registers: number[] = [];
  const known: number[] = [];
  let made = 0;
  const rename = (r: number, i: number): number => {
    const index = registers.indexOf(r);
    if (index >= 0) return index + 1;
    registers.push(r);
    const isInput = (made & (1 << r)) === 0;
    known.push(isInput ? bitsOver(states[i]?.regs[r]?.ones ?? 0xffff_ffff_ffff_ffffn) : 64);
    return registers.length;
  };
  const insns = at.map((i): Insn => {
    const { insn } = ops[i] as Op; // a position
    const src = hasRegister(insn) ? rename(insn.src, i) : insn.src;
    const dst = rename(insn.dst, i);
    made |= writes(insn);
    return { ...insn, dst, src };
  });
  if (registers.length > maxRegisters) return undefined;
  const asked = registers.map((r) => bitsOver(askedOf(r)));
  return { insns, known, asked, at, registers };
}

const maxRegisters = 4;

/** 0, 8, 16, 32 or 64: so many low bits cover the mask. */
function bitsOver(mask: bigint): number {
  return [0, 8, 16, 32].find((bits) => mask < 1n << BigInt(bits)) ?? 64;
}
