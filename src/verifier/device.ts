/**
 * The hooks by which the driver of a card takes part in a verification (struct bpf_prog_offload_ops in Linux): it sees
 * each instruction on each path before the verifier does, the whole program once all paths are accepted, and what is
 * then rewritten: branches that go one way, instructions that no path comes to. Its refusals end the verification like
 * the verifier's own; what it can't follow of the rewriting is only marked, by the driver itself.
 */
import { type Insn, isConditionalJump, isLddw, isUnconditionalJump, jumpTarget, op } from '../isa/index.js';
import type { MapSpec } from '../object/index.js';
import type { ErrnoName } from '../platform/index.js';
import { type Env, Rejection } from './env.js';
import type { LogWriter } from './log.js';
import type { ProgramShape } from './program-shape.js';
import type { RegState } from './reg-state.js';
import type { VerifierState } from './verifier-state.js';

/** Why a driver refuses a program. */
export interface DeviceRefusal {
  /** Its text, as the log has it. */
  readonly message: string;
  readonly errno: ErrnoName;
  /** What to do about it. */
  readonly hint: string;
}

/** What a driver may look at before an instruction is checked. It changes nothing of it. */
export interface DeviceView {
  /** Slot of the instruction. */
  readonly pc: number;
  /** Slot of the one before it on this path; -1 for none. */
  readonly previous: number;
  readonly insn: Insn;
  readonly insns: readonly Insn[];
  /** The object's maps, as registers name them. */
  readonly maps: readonly MapSpec[];
  readonly state: VerifierState;
  /** Register `i`, whatever it holds. */
  peek(i: number): RegState;
}

/** A function of a program that all paths of are accepted. */
export interface DeviceFunction {
  /** First slot, and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Bytes of its frame that paths touch. */
  readonly stackDepth: number;
}

/** A program that all paths of are accepted. */
export interface DeviceProgram {
  readonly functions: readonly DeviceFunction[];
  /** Highest offset in the packet that an access may reach, -1 for none (max_pkt_offset). */
  readonly maxPacketOffset: number;
}

/** What a driver does while a program is verified for its card. A text that it `say`s is a line of the log. */
export interface DeviceHooks {
  insn(at: DeviceView, say: (line: string) => void): DeviceRefusal | undefined;
  finalize(program: DeviceProgram, say: (line: string) => void): DeviceRefusal | undefined;
  /** The conditional jump at `slot` becomes `by`. */
  replaceInsn(slot: number, by: Insn, say: (line: string) => void): void;
  /** `count` instructions from `slot` on go; those that went before do not count. */
  removeInsns(slot: number, count: number, say: (line: string) => void): void;
}

/** Asks the driver about the instruction that is about to be checked. */
export function askDevice(device: DeviceHooks, env: Env, log: LogWriter): void {
  const refusal = device.insn(env, (line) => log.say(line));
  if (refusal !== undefined) throw rejectionOf(refusal, env.pc);
}

/** The driver's last word about a program that is accepted so far. */
export function finalizeOnDevice(device: DeviceHooks, shape: ProgramShape, offset: number, log: LogWriter): void {
  const functions = shape.subprogs.map(({ start, end, stackDepth }) => ({ start, end, stackDepth }));
  const refusal = device.finalize({ functions, maxPacketOffset: offset }, (line) => log.say(line));
  if (refusal !== undefined) throw rejectionOf(refusal, -1);
}

function rejectionOf({ message, errno, hint }: DeviceRefusal, insn: number): Rejection {
  return new Rejection('device-refused', { message, hint }, insn, errno);
}

/**
 * What Linux makes of an accepted program before a driver translates it, told to the driver: conditional jumps of
 * which one way was never gone become plain ones (opt_hard_wire_dead_code_branches), runs of instructions that no path
 * came to are taken out (opt_remove_dead_code), then plain jumps to what now follows (opt_remove_nops).
 */
export function rewriteOnDevice(
  device: DeviceHooks,
  insns: readonly Insn[],
  seen: Uint8Array,
  say: (line: string) => void,
): void {
  // The second half of a 64-bit load goes with the first.
  const isSeen = (pc: number): boolean =>
    seen[pc] === 1 || (pc > 0 && seen[pc - 1] === 1 && isLddw(insns[pc - 1] as Insn));
  /** Where a plain jump leads, by its slot. */
  const plain = new Map<number, number>();
  for (const [pc, insn] of insns.entries()) {
    if (isUnconditionalJump(insn) && isSeen(pc)) plain.set(pc, jumpTarget(insn, pc));
    if (!isConditionalJump(insn)) continue;
    const target = jumpTarget(insn, pc);
    const to = !isSeen(pc + 1) ? target : !isSeen(target) ? pc + 1 : undefined;
    if (to === undefined) continue;
    device.replaceInsn(pc, { code: op.JMP | op.JA, dst: 0, src: 0, off: to - pc - 1, imm: 0 }, say);
    if (isSeen(pc)) plain.set(pc, to);
  }
  for (let pc = 0; pc < insns.length; pc++) {
    const start = pc;
    while (pc < insns.length && !isSeen(pc)) pc++;
    if (pc > start) device.removeInsns(start, pc - start, say);
  }
  for (const [pc, target] of plain) {
    let next = pc + 1;
    while (next < target && !isSeen(next)) next++;
    if (next === target) device.removeInsns(pc, 1, say);
  }
}
