/**
 * All frames of a call chain share 512 bytes, and a tail call must leave room for the next program
 * (check_max_stack_depth in the kernel).
 */

import { isFunctionAddress, isLocalCall } from '../code/index.js';
import { maxFrames, stackBeforeTailCall, stackSize } from '../platform/index.js';
import type { Env } from './env.js';
import type { Subprog } from './program-shape.js';

/** The JIT aligns frames to 16 bytes. */
const alignment = 16;

const rounded = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Throws Rejection for the first chain that is too deep. */
export function checkStackDepth(env: Env): void {
  visit(env, 0, 0, 1);
  for (const [i, subprog] of env.shape.subprogs.entries()) if (subprog.asyncCallback) visit(env, i, 0, 1);
}

/**
 * Walks all chains of calls from a function, with the bytes that lie above its frame (check_max_stack_depth_subprog).
 */
function visit(env: Env, index: number, above: number, frames: number): void {
  const subprog = env.shape.subprogs[index] as Subprog; // callers pass indexes of existing ones
  if (index !== 0 && subprog.tailCalls && above >= stackBeforeTailCall) env.reject('stack-tail-call', { size: above });
  const depth = above + rounded(subprog.stackDepth);
  if (depth > stackSize) env.reject('stack-too-deep', { frames, size: depth });
  for (let pc = subprog.start; pc < subprog.end; pc++) {
    const insn = env.insns[pc];
    if (insn === undefined || !(isLocalCall(insn) || isFunctionAddress(insn))) continue;
    const callee = env.shape.subprogOf[pc + 1 + insn.imm] ?? 0;
    if (isFunctionAddress(insn) && env.shape.subprogs[callee]?.asyncCallback === true) continue;
    env.pc = pc;
    if (frames >= maxFrames) env.reject('call-chain-depth', { frames });
    visit(env, callee, depth, frames + 1);
  }
}
