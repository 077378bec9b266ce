/** Checks one instruction in the current state and says where to go on (do_check_insn in the kernel). */
import { accessSize, type Insn, insnClass, jumpTarget, lddwImm, op } from '../isa/index.js';
import { helperId } from '../platform/index.js';
import { checkAlu } from './alu-check.js';
import { checkAtomic } from './atomic-check.js';
import type { Env } from './env.js';
import { checkHelperCall } from './helper-call.js';
import { checkJump } from './jump-check.js';
import { checkKfuncCall } from './kfunc-call.js';
import { checkLoad, checkStore, noteAccess } from './memory-access.js';
import { checkNothingHeld, forgetPacketPointers } from './references.js';
import { constReg, pointerReg, type RegState, scalarReg, unknownReg } from './reg-state.js';
import { typeText } from './reg-text.js';
import { signExtend } from './scalar-alu.js';
import { checkCallbackReturn, checkLocalCall, returnFromCall } from './subprog-call.js';

/** The path ends here. */
export const pathEnds = -1;

/** Returns the next slot, or {@link pathEnds}. Other possible ways are pushed. */
export function step(env: Env): number {
  const { insn, live, state, pc } = env;
  if (!mayWriteStack(insn)) return checkInsn(env, insn);
  const depth = state.frames.length;
  live.begin();
  const next = checkInsn(env, insn);
  // What a function of the program writes is known at its end.
  if (state.frames.length === depth) live.end(state, pc);
  return next;
}

function mayWriteStack(insn: Insn): boolean {
  const cls = insnClass(insn);
  return cls === op.ST || cls === op.STX || insn.code === op.CALL_OP;
}

function checkInsn(env: Env, insn: Insn): number {
  const { pc } = env;
  const missing = env.program.unresolved.length === 0 ? undefined : env.program.unresolved.find((u) => u.insn === pc);
  if (missing !== undefined) env.reject('unresolved-reference', { what: missing.what });
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      checkAlu(env, insn);
      return pc + 1;
    case op.LD:
      return checkImmediate(env, insn);
    case op.LDX:
      checkLoadInsn(env, insn);
      return pc + 1;
    case op.ST:
      checkStoreImmediate(env, insn);
      return pc + 1;
    case op.STX:
      checkStoreInsn(env, insn);
      return pc + 1;
    default:
      env.jumps++;
      return checkControl(env, insn);
  }
}

/**
 * `r1 = *(size *)(r2 + off)`, zero- or sign-extended. What is loaded with sign extension is a number whatever it was.
 */
function checkLoadInsn(env: Env, insn: Insn): void {
  const pointer = env.read(insn.src);
  env.checkWritable(insn.dst);
  const size = accessSize(insn);
  let loaded = checkLoad(env, insn.src, insn.off, size);
  if ((insn.code & 0xe0) === op.MODE_MEMSX) {
    if (pointer.kind === 'ctx' && loaded.kind !== 'scalar') env.reject('ctx-access', { off: insn.off, size });
    loaded = loaded.kind === 'scalar' ? scalarReg(signExtend(loaded.range, size), loaded.trail.fork()) : unknownReg();
  }
  noteAccess(env, pointer);
  env.write(insn.dst, loaded);
}

/** `*(size *)(r1 + off) = r2`, and atomic operations. */
function checkStoreInsn(env: Env, insn: Insn): void {
  const mode = insn.code & 0xe0;
  if (mode === op.MODE_ATOMIC) {
    checkAtomic(env, insn);
    return;
  }
  if (mode !== op.MODE_MEM || insn.imm !== 0) env.reject('reserved-fields', { group: 'BPF_STX' });
  const value = env.read(insn.src);
  const pointer = env.read(insn.dst);
  checkStore(env, insn.dst, insn.off, accessSize(insn), { value, reg: insn.src, immediate: false });
  noteAccess(env, pointer);
}

/** `*(size *)(r1 + off) = imm`. */
function checkStoreImmediate(env: Env, insn: Insn): void {
  if ((insn.code & 0xe0) !== op.MODE_MEM || insn.src !== 0) env.reject('reserved-fields', { group: 'BPF_ST' });
  const pointer = env.read(insn.dst);
  checkStore(env, insn.dst, insn.off, accessSize(insn), {
    value: constReg(BigInt(insn.imm)),
    reg: -1,
    immediate: true,
  });
  noteAccess(env, pointer);
}

/** LD class: 64-bit immediates. */
function checkImmediate(env: Env, insn: Insn): number {
  const mode = insn.code & 0xe0;
  if (mode === op.MODE_ABS || mode === op.MODE_IND) env.reject('ld-abs');
  if (insn.off !== 0) env.reject('reserved-fields', { group: 'BPF_LD_IMM64' });
  env.checkWritable(insn.dst);
  env.write(insn.dst, immediate(env, insn));
  return env.pc + 2;
}

/**
 * What an lddw puts in its register: a constant, a map, an address in its only value, a function of the program, a
 * symbol of the kernel.
 */
function immediate(env: Env, insn: Insn): RegState {
  switch (insn.src) {
    case 0:
      return constReg(lddwImm(env.insns, env.pc));
    case op.PSEUDO_MAP_FD:
      return mapPointer(env, 'map_ptr', insn.imm, 0);
    case op.PSEUDO_MAP_VALUE:
      return mapPointer(env, 'map_value', insn.imm, env.insns[env.pc + 1]?.imm ?? 0);
    case op.PSEUDO_FUNC: {
      const reg = pointerReg('func');
      reg.subprog = env.shape.subprogOf[env.pc + 1 + insn.imm] ?? 0;
      const callee = env.shape.subprogs[reg.subprog];
      if ((env.program.functions[callee?.fn ?? -1]?.btfId ?? 0) === 0) env.reject('no-func-info');
      if (callee?.global === true) env.reject('callback-not-static');
      return reg;
    }
    default: {
      const symbol = env.program.ksyms[insn.imm];
      // A weak symbol that the kernel lacks is null; any other is an address that nothing is known of here.
      if (symbol?.weak === true) return constReg(0n);
      const reg = pointerReg('ptr');
      reg.untrusted = true;
      return reg;
    }
  }
}

/** Both were checked before (checkReferences in program-shape.ts). */
function mapPointer(env: Env, kind: 'map_ptr' | 'map_value', index: number, off: number): RegState {
  const reg = pointerReg(kind);
  reg.map = env.maps[index];
  reg.off = off;
  return reg;
}

/** Jumps, calls and exits; returns the slot at which the path goes on, or {@link pathEnds}. */
function checkControl(env: Env, insn: Insn): number {
  const { pc } = env;
  const is32 = insnClass(insn) === op.JMP32;
  switch (insn.code & 0xf0) {
    case op.CALL:
      return checkCall(env, insn, is32);
    case op.JA:
      if (insn.src !== 0 || insn.dst !== 0 || (insn.code & op.X) !== 0 || (is32 ? insn.off : insn.imm) !== 0) {
        env.reject('reserved-fields', { group: 'BPF_JA' });
      }
      return jumpTarget(insn, pc);
    case op.EXIT:
      if (insn.src !== 0 || insn.dst !== 0 || insn.imm !== 0 || (insn.code & op.X) !== 0) {
        env.reject('reserved-fields', { group: 'BPF_EXIT' });
      }
      return checkExit(env);
    case op.JCOND:
      return checkMayGoto(env, insn);
    default: {
      const outcome = checkJump(env, insn);
      if (outcome.other !== undefined) env.push(outcome.other.insn, outcome.other.state);
      return outcome.next;
    }
  }
}

/**
 * `may_goto`: Linux leaves the loop some time, so both ways are followed, first the one out (BPF_JCOND in
 * check_cond_jmp_op).
 */
function checkMayGoto(env: Env, insn: Insn): number {
  if (insn.src !== 0 || insn.dst !== 0 || insn.imm !== 0) env.reject('may-goto', { imm: insn.imm });
  const inside = env.state.copy();
  inside.mayGotoDepth++;
  env.widenRound(inside);
  env.push(env.pc + 1, inside);
  return jumpTarget(insn, env.pc);
}

/**
 * A call of whichever kind. Where a helper calls back, the path goes on in the callback: the number of frames says
 * so.
 */
function checkCall(env: Env, insn: Insn, is32: boolean): number {
  const isKfunc = insn.src === op.CALL_KFUNC;
  if (is32 || (insn.code & op.X) !== 0 || insn.dst !== 0 || insn.src > op.CALL_KFUNC || (insn.off !== 0 && !isKfunc)) {
    env.reject('reserved-fields', { group: 'BPF_CALL' });
  }
  if (insn.src === op.CALL_LOCAL) {
    return checkLocalCall(env, env.pc + 1 + insn.imm);
  }
  if (isKfunc) {
    checkKfuncCall(env, insn.imm);
    return env.pc + 1;
  }
  // Only bpf_spin_unlock may be called between lock and unlock.
  if (env.state.lock !== undefined && insn.imm !== helperId.spin_unlock) env.reject('lock-held-call');
  const { frames } = env.state;
  const before = frames.length;
  checkHelperCall(env, insn.imm);
  if (insn.imm === helperId.tail_call && env.state.depth > 0) return leaveByTailCall(env);
  return before === frames.length ? env.pc + 1 : env.pc;
}

/**
 * A tail call in a function: where it succeeds, the other program's exit returns from this function, with any number,
 * and nobody knows what has become of the packet. Where it fails the function goes on, which is left for later
 * (check_helper_call in the kernel).
 */
function leaveByTailCall(env: Env): number {
  env.push(env.pc + 1, env.state.copy());
  forgetPacketPointers(env);
  env.frame.regs[0] = unknownReg();
  return leaveFunction(env);
}

/** The end of a function, or of the program with all that must not be held any more then (process_bpf_exit). */
function checkExit(env: Env): number {
  const { state } = env;
  if (state.depth > 0) return leaveFunction(env);
  checkNothingHeld(env, 'BPF_EXIT instruction in main prog');
  const r0 = env.read(0);
  const { callback, subprog } = env.frame;
  if (callback !== undefined) checkCallbackReturn(env, r0, callback);
  else if (subprog !== 0 && r0.kind !== 'scalar') env.reject('global-return', { type: typeText(r0) });
  return pathEnds;
}

/** The slot at which the caller goes on. */
function leaveFunction(env: Env): number {
  const callee = env.frame;
  const next = returnFromCall(env);
  if (callee.callback !== undefined) env.returnedFromCallback = true;
  return next;
}
