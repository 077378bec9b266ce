/**
 * Functions of the program that helpers call back. bpf_loop and bpf_for_each_map_elem call any number of times, so the
 * body is explored from the call site again and again, until it is entered in a state that was seen before (explore.ts
 * compares at the call site). A timer's callback runs some time later, on its own.
 */
import type { Env } from './env.js';
import type { CallFacts } from './helper-args.js';
import { noReg, pointerReg, type RegState, unknownReg } from './reg-state.js';
import { checkDepth, frameRegs } from './subprog-call.js';
import { type CallbackInfo, FrameState, VerifierState } from './verifier-state.js';

/**
 * Leaves a path into the function that the helper calls back, with the registers that it will be called with
 * (push_callback_call). The call itself goes on as if the callback had run some number of times, zero included.
 */
export function pushCallback(env: Env, facts: CallFacts): void {
  const subprog = facts.callback;
  const callee = env.shape.subprogs[subprog];
  if (callee === undefined) return;
  if (callee.global && subprog !== 0 && callee.fn >= 0) env.reject('callback-not-static');
  if (facts.helper === 'timer_set_callback') {
    pushTimerCallback(env, facts, subprog);
    return;
  }
  const caller = env.frame;
  if (facts.helper === 'loop') {
    const rounds = env.peek(1);
    if (rounds.kind !== 'scalar') env.reject('loop-count');
    env.need(rounds);
    // A loop of known length ends by itself.
    if (BigInt(caller.callbackDepth) >= rounds.range.umax) {
      caller.callbackDepth = 0;
      return;
    }
  }
  checkDepth(env);
  const state = env.state.copy();
  state.unrollDepth++;
  state.top.callbackDepth++;
  const regs = frameRegs(state.frames.length);
  fillArgs(env, facts, regs);
  const info: CallbackInfo = { helper: facts.helper, async: false, returnMin: 0n, returnMax: 1n };
  state.frames.push(new FrameState(regs, [], env.pc, subprog, info));
  env.push(callee.start, state);
  caller.callbackDepth = 0;
}

function fillArgs(env: Env, facts: CallFacts, regs: RegState[]): void {
  if (facts.helper === 'loop') {
    regs[1] = unknownReg();
    regs[2] = env.peek(3).forked();
    return;
  }
  const { map } = facts;
  regs[1] = pointerReg('map_ptr');
  regs[1].map = map?.map;
  regs[2] = pointerReg('map_key');
  regs[2].map = map?.map;
  regs[3] = pointerReg('map_value');
  regs[3].map = map?.map;
  regs[4] = env.peek(3).forked();
}

function pushTimerCallback(env: Env, facts: CallFacts, subprog: number): void {
  const callee = env.shape.subprogs[subprog];
  if (callee === undefined || callee.asyncCallback) return;
  callee.asyncCallback = true;
  const regs = frameRegs(0);
  for (const [i, kind] of [
    [1, 'map_ptr'],
    [2, 'map_key'],
    [3, 'map_value'],
  ] as const) {
    const reg = pointerReg(kind);
    reg.map = facts.map?.map;
    regs[i] = reg;
  }
  const info: CallbackInfo = { helper: facts.helper, async: true, returnMin: 0n, returnMax: 0n };
  env.push(callee.start, new VerifierState([new FrameState(regs, [], -1, subprog, info)], []));
  regs[0] = noReg;
}
