/** Statements that hold others: branches, loops, calls and callbacks. */

import { jumpKinds, op } from '../../isa/index.js';
import { callbackMemory, ctxReg, fp, stackBytes } from './conventions.js';
import type { Generator } from './generate.js';
import { none, scalar, TypeState } from './type-state.js';

/** A conditional jump over some statements, with or without an alternative. */
export function branch(g: Generator): void {
  const { out, random } = g;
  const dst = random.pick(g.scalars());
  const cls = random.chance(0.5) ? op.JMP : op.JMP32;
  const otherwise = out.label();
  if (random.chance(0.6)) out.jump(cls | random.pick(jumpKinds) | op.K, otherwise, dst, 0, g.immediate());
  else out.jump(cls | random.pick(jumpKinds) | op.X, otherwise, dst, random.pick(g.scalars()));
  const before = new TypeState(g.state);
  g.block(1 + random.below(4));
  const afterThen = g.state;
  g.state = before;
  if (random.chance(0.5)) {
    const end = out.label();
    out.jump(random.chance(0.1) ? op.JA32_OP : op.JA_OP, end);
    out.bind(otherwise);
    g.block(1 + random.below(4));
    out.bind(end);
  } else {
    out.bind(otherwise);
  }
  g.state.meet(afterThen);
}

/**
 * A loop with a constant number of rounds, its counter on the stack or in a register. What holds at its head must hold
 * again at its end: temporaries are forgotten before it, and within it only numbers are overwritten by numbers.
 */
export function loop(g: Generator): void {
  const { out, random } = g;
  for (let r = 0; r <= 5; r++) g.state.set(r, none);
  for (const r of g.state.withKind('scalar')) g.state.set(r, scalar);
  const rounds = 1 + random.below(6);
  const before = new Set(g.reserved);
  const inRegister = random.chance(0.5);
  const counter = [8, 9].find((r) => !g.reserved.has(r) && g.state.get(r).kind !== 'packet') ?? -1;
  const useRegister = inRegister && counter >= 0;
  g.nextCounter += 8;
  const slot = g.nextCounter;
  if (useRegister) {
    out.movImm(counter, 0);
    g.state.set(counter, scalar);
    g.reserved.add(counter);
  } else {
    out.emit(op.ST | op.MODE_MEM | op.SIZE_DW, fp, 0, -slot, 0);
  }
  for (let r = 0; r <= 9; r++) if (!['none', 'scalar'].includes(g.state.get(r).kind)) g.reserved.add(r);

  const head = out.label();
  out.bind(head);
  const atHead = new TypeState(g.state);
  const leave = out.label();
  const mayLeave = random.chance(0.15);
  if (mayLeave) out.jump(op.JMP | op.JCOND, leave);
  g.loopDepth++;
  g.block(1 + random.below(4));
  g.loopDepth--;
  for (let r = 0; r <= 9; r++) {
    if (atHead.get(r).kind !== 'scalar' || g.state.get(r).kind === 'scalar') continue;
    out.movImm(r, 0);
    g.state.set(r, scalar);
  }
  if (useRegister) {
    out.addImm(counter, 1);
    out.jump(op.JMP | op.JLT | op.K, head, counter, 0, rounds);
  } else {
    const reg = g.target();
    out.emit(op.LDX | op.MODE_MEM | op.SIZE_DW, reg, fp, -slot);
    out.addImm(reg, 1);
    out.emit(op.STX | op.MODE_MEM | op.SIZE_DW, fp, reg, -slot);
    out.jump(op.JMP | op.JNE | op.K, head, reg, 0, rounds);
    g.state.set(reg, scalar);
  }
  if (mayLeave) {
    out.bind(leave);
    g.state.meet(atHead);
  }
  g.reserved = before;
}

/** A call of a function that is generated later. */
export function call(g: Generator): void {
  if (!g.canCall() || g.pending.length >= 3) return;
  const { out, random, state } = g;
  const label = out.label();
  const [a, b] = [random.pick(g.scalars()), random.pick(g.scalars())];
  out.mov(0, a);
  out.mov(2, b);
  out.mov(1, 0);
  const role = random.chance(0.3) ? 'global' : 'plain';
  if (role === 'plain') out.mov(3, ctxReg);
  out.callLocal(label);
  const moves = role === 'plain' && g.depth === 0 && random.chance(0.3);
  g.pending.push({ label, name: `${g.name}_${role}_${out.here}`, role, moves });
  state.clobber();
  state.set(0, scalar);
  if (moves) {
    state.dropPacketPointers();
    g.packetCheck();
  }
}

/** bpf_loop with a callback that is generated later, over memory on the stack. */
export function bpfLoop(g: Generator): void {
  if (!g.canCall() || g.pending.length >= 3) return;
  const { out, random, state } = g;
  if (!state.stackReadable(stackBytes, callbackMemory)) return;
  const label = out.label();
  out.movImm(1, random.below(9));
  out.loadFunction(2, label);
  g.pointToStack(3, stackBytes);
  out.movImm(4, 0);
  out.callHelper('loop');
  g.pending.push({ label, name: `${g.name}_callback_${out.here}`, role: 'callback', moves: false });
  state.clobber();
  state.set(0, scalar);
}
