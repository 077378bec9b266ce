/**
 * Calls of the program's own functions, and returning from them (check_func_call and prepare_func_exit in the kernel).
 */
import { maxFrames } from '../platform/index.js';
import type { Env, FunctionSignature, ParamType } from './env.js';
import { checkFixedPointer, checkMapMode, checkMapValue, checkPacket, checkRegion } from './memory-access.js';
import { forgetPacketPointers } from './references.js';
import { noReg, pointerReg, type RegState, unknownReg } from './reg-state.js';
import { typeText } from './reg-text.js';
import { checkStackBounds, checkStackInitialized, frameOf } from './stack-access.js';
import { type CallbackInfo, FrameState } from './verifier-state.js';

/** Registers of a new frame: only the frame pointer is set. */
export function frameRegs(depth: number): RegState[] {
  const regs: RegState[] = new Array<RegState>(11).fill(noReg);
  const fp = pointerReg('fp');
  fp.frame = depth;
  regs[10] = fp;
  return regs;
}

/** Refuses a frame too many: 8 at once, as in the kernel (MAX_CALL_FRAMES). */
export function checkDepth(env: Env): void {
  if (env.state.frames.length >= maxFrames) env.reject('call-depth', { frames: maxFrames + 1 });
}

/** Returns the slot to go on at. */
export function checkLocalCall(env: Env, target: number): number {
  const index = env.shape.subprogOf[target] ?? 0;
  const callee = env.shape.subprogs[index];
  if (callee === undefined || callee.start !== target) env.reject('call-out-of-range');
  const fn = callee.fn >= 0 ? env.program.functions[callee.fn] : undefined;
  const signature = callee.global && index !== 0 && fn !== undefined ? env.types.signature(fn) : undefined;
  if (signature !== undefined) {
    callGlobal(env, index, callee.name, signature);
    return env.pc + 1;
  }
  checkDepth(env);
  const caller = env.frame;
  const regs = frameRegs(env.state.frames.length);
  for (let r = 1; r <= 5; r++) regs[r] = caller.reg(r);
  for (let r = 0; r <= 5; r++) caller.regs[r] = noReg;
  env.state.frames.push(new FrameState(regs, [], env.pc, index));
  env.live.moved();
  return target;
}

/** A global function is verified on its own; here only its arguments count, and its result is any number. */
function callGlobal(env: Env, index: number, name: string, signature: FunctionSignature): void {
  if (env.state.lock !== undefined) env.reject('lock-held-call');
  for (const [i, param] of signature.params.entries()) checkGlobalArg(env, index, name, i + 1, param);
  env.calledGlobals.add(index);
  if (env.shape.subprogs[index]?.movesPacket === true) forgetPacketPointers(env);
  for (let r = 0; r <= 5; r++) env.frame.regs[r] = noReg;
  env.frame.regs[0] = signature.returns === 'void' ? noReg : unknownReg();
}

function checkGlobalArg(env: Env, func: number, name: string, regno: number, param: ParamType): void {
  const reg = env.read(regno);
  const bad = (what: string): never => env.reject('global-arg', { what, func, name });
  switch (param.kind) {
    case 'scalar':
      if (reg.kind !== 'scalar') bad(`R${regno} is not a scalar`);
      return;
    case 'ctx':
      if (reg.kind !== 'ctx') bad(`arg#${regno - 1} expects pointer to ctx`);
      checkFixedPointer(env, regno, reg);
      return;
    case 'mem':
      if (param.nullable && reg.isZero) return;
      if (!param.nullable && (reg.nullable || reg.isZero)) bad(`arg#${regno - 1} is expected to be non-NULL`);
      if (!checkMemoryArg(env, regno, reg, param.size)) bad(`R${regno} type=${typeText(reg)} expected=fp`);
      return;
    case 'unsupported':
      bad(`arg#${regno - 1} reference type('${param.type}') size cannot be determined: -22`);
  }
}

/**
 * Is it memory at all? Whether a function may read and write `size` bytes of it is checked here (check_mem_reg in the
 * kernel).
 */
function checkMemoryArg(env: Env, regno: number, reg: RegState, size: number): boolean {
  switch (reg.kind) {
    case 'fp': {
      const span = checkStackBounds(env, `R${regno}`, reg, reg.off, size, 'write to');
      checkStackInitialized(env, frameOf(env, reg), span.min, span.max + size, true);
      return true;
    }
    case 'map_value':
      checkMapMode(env, reg, reg.off, size, 'read');
      checkMapMode(env, reg, reg.off, size, 'write');
      checkMapValue(env, regno, reg, reg.off, size, false);
      return true;
    case 'mem':
      checkRegion(env, regno, reg, reg.off, size, reg.memSize, false);
      return true;
    case 'pkt':
    case 'pkt_meta':
      checkPacket(env, regno, reg, reg.off, size, false);
      return true;
    default:
      return false;
  }
}

/** Leaves the top frame. Returns the slot to go on at in the caller. */
export function returnFromCall(env: Env): number {
  const { frames } = env.state;
  const callee = env.frame;
  const r0 = callee.reg(0);
  if (r0.kind === 'fp') env.reject('call-stack-return');
  const { callback } = callee;
  if (callback !== undefined) checkCallbackReturn(env, r0, callback);
  env.live.update(env.state);
  frames.pop();
  if (callback !== undefined) return callee.callsite;
  env.frame.regs[0] = r0;
  return callee.callsite + 1;
}

/**
 * What a callback returns must be a number in the range that its helper understands: 0 or 1 to go on or stop, or 0
 * where nobody waits for it.
 */
export function checkCallbackReturn(env: Env, r0: RegState, { async, returnMin, returnMax }: CallbackInfo): void {
  if (r0.kind !== 'scalar') env.reject(async ? 'async-scalar' : 'callback-scalar', { type: typeText(r0) });
  env.need(r0);
  const { smin, smax } = r0.range;
  if (smin >= returnMin && smax <= returnMax) return;
  const value = `has smin=${smin} smax=${smax}`;
  env.reject(async ? 'async-return' : 'callback-return', { value, min: returnMin, max: returnMax });
}
