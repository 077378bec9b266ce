/** Conditional jumps: which ways are possible, and what each teaches (check_cond_jmp_op in the kernel). */
import { type Insn, insnClass, jumpTarget, op } from '../isa/index.js';
import { branchTaken, flip, negate, refine } from './branch.js';
import type { Env } from './env.js';
import { liftNull } from './nullness.js';
import { learnPacketRange, packetBranchTaken, packetComparison } from './packet-range.js';
import { constReg, type RegState } from './reg-state.js';
import { constScalar, type Scalar } from './scalar.js';
import { addScalars, zeroExtend } from './scalar-alu.js';
import { frameInsn } from './state-equal.js';
import { Trail } from './trail.js';
import type { FrameState, VerifierState } from './verifier-state.js';

/** Where exploration goes from a conditional jump. */
export interface JumpOutcome {
  /** The slot to go on at. */
  readonly next: number;
  /** The other way, if it is possible as well. */
  readonly other: { readonly insn: number; readonly state: VerifierState } | undefined;
}

/**
 * Checks a conditional jump (check_cond_jmp_op): which ways are possible, and what the condition teaches of registers
 * on each of them.
 */
export function checkJump(env: Env, insn: Insn): JumpOutcome {
  const code = insn.code & 0xf0;
  const is32 = insnClass(insn) === op.JMP32;
  const byReg = (insn.code & op.X) !== 0;
  const dst = env.read(insn.dst);
  if (byReg ? insn.imm !== 0 : insn.src !== 0) env.reject('reserved-fields', { group: 'BPF_JMP/JMP32' });
  const src = byReg ? env.read(insn.src) : constReg(BigInt(insn.imm));
  const target = jumpTarget(insn, env.pc);

  const taken = predict(code, is32, byReg, insn, dst, src);
  if (taken !== undefined) {
    env.need(dst);
    if (byReg) env.need(src);
    return { next: taken ? target : env.pc + 1, other: undefined };
  }

  const fallThrough = env.state;
  const linked = linkedPlaces(env, byReg ? src : undefined, dst);
  if (linked.length > 1) env.note();
  const other = fallThrough.copy();
  if (dst.kind === 'scalar' && src.kind === 'scalar') {
    learnScalars(env, fallThrough, false, is32, insn, dst, src, linked);
    learnScalars(env, other, true, is32, insn, dst, src, linked);
  } else {
    learnPointers(env, code, is32, byReg, insn, dst, src, other, fallThrough);
  }
  return { next: env.pc + 1, other: { insn: target, state: other } };
}

/** A number that is known, as far as the comparison looks. */
function isConst(reg: RegState, is32: boolean): boolean {
  return reg.kind === 'scalar' && (is32 ? (reg.range.mask & 0xffff_ffffn) === 0n : reg.range.isConst);
}

function predict(
  code: number,
  is32: boolean,
  byReg: boolean,
  insn: Insn,
  dst: RegState,
  src: RegState,
): boolean | undefined {
  if (dst.kind === 'scalar' && src.kind === 'scalar') return branchTaken(code, is32, dst.range, src.range);
  const isPacket = (reg: RegState): boolean => reg.isPacket || reg.kind === 'pkt_end';
  if (byReg && !is32 && isPacket(dst) && isPacket(src)) {
    const comparison = packetComparison(code, insn.dst, dst, insn.src, src);
    return comparison === undefined ? undefined : packetBranchTaken(comparison);
  }
  // A pointer that is surely not null, against zero.
  const [pointer, number, operation] = isConst(src, is32) ? [dst, src, code] : [src, dst, flip(code)];
  if (
    !isConst(number, is32) ||
    !pointer.isNonNull ||
    (is32 ? number.range.value & 0xffff_ffffn : number.range.value) !== 0n
  ) {
    return undefined;
  }
  if (operation === op.JEQ) return false;
  return operation === op.JNE ? true : undefined;
}

/** Narrows both operands, and everything linked to them, by the condition being true, or false. */
function learnScalars(
  env: Env,
  state: VerifierState,
  holds: boolean,
  is32: boolean,
  insn: Insn,
  dst: RegState,
  src: RegState,
  linked: readonly Place[],
): void {
  const byReg = (insn.code & op.X) !== 0;
  const isSame = byReg && insn.dst === insn.src;
  const memo = holds ? env.shape.memos.taken : env.shape.memos.fallThrough;
  const other = isSame ? undefined : src.range;
  let known = memo.find(env.pc, dst.range, other);
  if (known === undefined) {
    const code = insn.code & 0xf0;
    const [x, y] = refine(holds ? code : negate(code), is32, dst.range, other);
    known = memo.keep(env.pc, dst.range, other, possible(x), possible(y));
  }
  const { result: a, second: b } = known;
  const frame = state.top;
  // What is learned of one operand depends on the other.
  const newDst = learned(dst, a, byReg ? src.trail : undefined);
  frame.regs[insn.dst] = newDst;
  if (!byReg) {
    if (dst.id !== 0) syncLinked(state, newDst, insn.dst, linked);
    return;
  }
  const newSrc = learned(src, b, dst.trail);
  frame.regs[insn.src] = newSrc;
  if (src.id !== 0) syncLinked(state, newSrc, insn.src, linked);
  if (dst.id !== 0) syncLinked(state, frame.reg(insn.dst), insn.dst, linked);
}

/** A contradiction: this way is impossible, but it is explored, with the bits that came out. */
function possible(range: Scalar): Scalar {
  return range.isEmpty ? range.bitsOnly() : range;
}

/** The register with what the comparison taught it. If later code needs that, it needs the other operand as well. */
function learned(reg: RegState, range: Scalar, other: Trail | undefined): RegState {
  const to = reg.copy();
  to.range = range;
  to.trail = new Trail(reg.trail, other);
  return to;
}

/** A register or stack slot of one of the frames. */
interface Place {
  readonly depth: number;
  readonly isSlot: boolean;
  readonly at: number;
}

/** As many numbers as Linux follows at one comparison (LINKED_REGS_MAX). */
const mostLinked = 6;

/**
 * Where the numbers lie that learn along with the operands (collect_linked_regs): registers that are live and spilled
 * ones, from the top frame down, those of the source first. What comes too late is tied to nothing from here on.
 */
function linkedPlaces(env: Env, src: RegState | undefined, dst: RegState): Place[] {
  const places: Place[] = [];
  if (src?.kind === 'scalar' && src.id !== 0) collectLinked(env, src.id, places);
  if (dst.kind === 'scalar' && dst.id !== 0 && dst.id !== src?.id) collectLinked(env, dst.id, places);
  return places;
}

function collectLinked(env: Env, id: number, places: Place[]): void {
  const { state, shape, pc } = env;
  for (let depth = state.depth; depth >= 0; depth--) {
    const { regs, stack } = state.frames[depth] as FrameState; // depth is in range
    const live = shape.liveBefore[frameInsn(state, depth, pc)] ?? 0x7ff;
    for (const [at, reg] of regs.entries()) {
      if (reg.kind !== 'scalar' || reg.id !== id || (live & (1 << at)) === 0) continue;
      if (places.length < mostLinked) places.push({ depth, isSlot: false, at });
      else regs[at] = unlinked(reg);
    }
    for (const [at, slot] of stack.entries()) {
      if (slot?.reg?.kind !== 'scalar' || !slot.isSpill || slot.reg.id !== id) continue;
      if (places.length < mostLinked) places.push({ depth, isSlot: true, at });
      else stack[at] = slot.withReg(unlinked(slot.reg));
    }
  }
}

function unlinked(reg: RegState): RegState {
  const to = reg.copy();
  to.id = 0;
  return to;
}

function numberAt(state: VerifierState, { depth, isSlot, at }: Place): RegState | undefined {
  const frame = state.frames[depth];
  return isSlot ? frame?.stack[at]?.reg : frame?.reg(at);
}

/** Registers with the same id hold the same value (or that plus a constant): they learn along. */
function syncLinked(state: VerifierState, known: RegState, knownIndex: number, places: readonly Place[]): void {
  const linked: Trail[] = [];
  const learning = places.filter((place) => {
    const reg = numberAt(state, place);
    if (reg === undefined || !learnsFrom(reg, known)) return false;
    linked.push(reg.trail);
    return true;
  });
  if (linked.length === 0) return;
  const shared = new Trail(known.trail, undefined, linked);
  for (const place of learning) {
    const reg = numberAt(state, place) as RegState; // there is one: it learns
    const frame = state.frames[place.depth] as FrameState;
    const to = reg.copy();
    to.trail = shared.fork();
    to.range = shifted(known, reg);
    if (place.isSlot) frame.stack[place.at] = frame.stack[place.at]?.withReg(to);
    else frame.regs[place.at] = to;
  }
  const again = known.copy();
  again.trail = shared.fork();
  state.top.regs[knownIndex] = again;
}

const mixed = (a: number, b: number): boolean => a !== 0 && b !== 0 && a !== b;

/** Differences of 64 and of 32 bits do not add up. */
function learnsFrom(reg: RegState, known: RegState): boolean {
  return reg.kind === 'scalar' && reg.id === known.id && reg !== known && !mixed(reg.addConst, known.addConst);
}

/** The value of `reg` from that of a register linked to it. */
function shifted(known: RegState, reg: RegState): Scalar {
  const delta = BigInt((reg.addConst === 0 ? 0 : reg.off) - (known.addConst === 0 ? 0 : known.off));
  if (delta === 0n) return known.range;
  const sum = addScalars(known.range, constScalar(delta));
  return reg.addConst === 32 || known.addConst === 32 ? zeroExtend(sum) : sum;
}

function learnPointers(
  env: Env,
  code: number,
  is32: boolean,
  byReg: boolean,
  insn: Insn,
  dst: RegState,
  src: RegState,
  taken: VerifierState,
  fallThrough: VerifierState,
): void {
  if (is32) return;
  if (!byReg) {
    if (insn.imm === 0 && dst.nullable && (code === op.JEQ || code === op.JNE)) {
      liftNull(env, fallThrough, insn.dst, code === op.JEQ);
      liftNull(env, taken, insn.dst, code === op.JNE);
    }
    return;
  }
  const comparison = packetComparison(code, insn.dst, dst, insn.src, src);
  if (comparison !== undefined) {
    learnPacketRange(comparison, taken, fallThrough);
    return;
  }
  // Equal to a pointer that is not null: not null either.
  if (!dst.isPointer || !src.isPointer || dst.nullable === src.nullable || dst.kind === 'ptr' || src.kind === 'ptr')
    return;
  const state = code === op.JEQ ? taken : code === op.JNE ? fallThrough : undefined;
  if (state !== undefined) liftNull(env, state, dst.nullable ? insn.dst : insn.src, true);
}
