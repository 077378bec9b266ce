/** References that a program holds: taken by acquiring helpers, gone when released, forgotten never. */
import type { Env } from './env.js';
import { lostReg, pointerReg, type RegState } from './reg-state.js';

/** Notes that this instruction got hold of something that must be released, and returns its id. */
export function acquireReference(env: Env): number {
  const id = env.newId();
  env.state.refs = [...env.state.refs, { id, insn: env.pc }];
  return id;
}

/**
 * A pointer that has to be compared with null before it is used: a comparison of any copy decides for all that share
 * its id.
 */
export function nullableReg(env: Env, kind: RegState['kind'], acquires: boolean): RegState {
  const reg = pointerReg(kind);
  reg.nullable = true;
  reg.id = acquires ? acquireReference(env) : env.newId();
  if (acquires) reg.refId = reg.id;
  return reg;
}

/** Every copy of the pointer becomes a meaningless number. */
export function releaseReference(env: Env, id: number): void {
  env.state.refs = env.state.refs.filter((ref) => ref.id !== id);
  env.state.mapRegs((reg) => (reg.refId === id ? lostReg(reg, env.pc) : reg));
}

/** At the end of the program (or a tail call) nothing may be held. `prefix` words the place. */
export function checkNothingHeld(env: Env, prefix: string): void {
  const { state } = env;
  if (state.lock !== undefined) env.reject('lock-held-exit', { prefix });
  const [held] = state.refs;
  if (held !== undefined) env.reject('unreleased-reference', { id: held.id, insn: held.insn, prefix });
}

/** Packet pointers do not survive a change of the packet's ends. */
export function forgetPacketPointers(env: Env): void {
  env.state.mapRegs((reg) => (reg.isPacket || reg.kind === 'pkt_end' || reg.pktSlice ? lostReg(reg, env.pc) : reg));
}
