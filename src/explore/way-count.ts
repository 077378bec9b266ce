/** Ways out of conditional jumps of programs: which there are, and what is known of those that no run went. */
import { isConditionalJump, isExit, isLddw, isUnconditionalJump, jumpTarget, op } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import type { ProgramFacts } from '../verifier/index.js';
import { jumpOfWay, wayOf } from './follow/path-steps.js';

/** A way out of a jump. */
export interface Way {
  /** Index of the program in its object. */
  readonly program: number;
  readonly pc: number;
  readonly isTaken: boolean;
}

/** The ways of one program. */
export interface WayCount {
  readonly all: number;
  readonly reached: number;
  /** Not gone, and the verifier knows that no run goes there. */
  readonly infeasible: readonly Way[];
  /** Not gone, and refuted wherever a path came to the jump; or of a jump that only such ways lead to. */
  readonly refuted: readonly Way[];
  /** Not gone, and nothing is known. */
  readonly missed: readonly Way[];
}

/**
 * `index`: of the program in its object. `gone`, `refutedWays`: numbers of ways (path-steps.ts), of other programs as
 * well.
 */
export function countWays(
  program: ProgramSpec,
  index: number,
  gone: ReadonlySet<number>,
  refutedWays: ReadonlySet<number>,
  facts: ProgramFacts | undefined,
): WayCount {
  const isDead = (pc: number, isTaken: boolean): boolean => {
    const known = facts?.insns[pc];
    return (
      refutedWays.has(wayOf(index, pc, isTaken)) ||
      (known !== undefined && !(isTaken ? known.taken : known.fallThrough))
    );
  };
  const reachable = reachableFrom(program, isDead);
  let all = 0;
  const infeasible: Way[] = [];
  const refuted: Way[] = [];
  const missed: Way[] = [];
  for (const [pc, insn] of program.insns.entries()) {
    if (!isConditionalJump(insn)) continue;
    for (const isTaken of [false, true]) {
      all++;
      const way = wayOf(index, pc, isTaken);
      if (gone.has(way)) continue;
      const known = facts?.insns[pc];
      const isPossible = known === undefined || (isTaken ? known.taken : known.fallThrough);
      const isRefuted = refutedWays.has(way) || !reachable.has(pc);
      (isPossible ? (isRefuted ? refuted : missed) : infeasible).push(jumpOfWay(way));
    }
  }
  const reached = all - infeasible.length - refuted.length - missed.length;
  return { all, reached, infeasible, refuted, missed };
}

/** Slots that the program's first leads to, dead ways left out; what a function pointer names may be called. */
function reachableFrom({ insns }: ProgramSpec, isDead: (pc: number, isTaken: boolean) => boolean): ReadonlySet<number> {
  const reached = new Set<number>();
  const open = [0];
  for (let pc = open.pop(); pc !== undefined; pc = open.pop()) {
    const insn = insns[pc];
    if (insn === undefined || reached.has(pc)) continue;
    reached.add(pc);
    if (isExit(insn)) continue;
    if (insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL) open.push(pc + 1 + insn.imm);
    if (isLddw(insn) && insn.src === op.PSEUDO_FUNC) open.push(pc + 1 + insn.imm);
    const next = isLddw(insn) ? pc + 2 : pc + 1;
    if (isUnconditionalJump(insn)) open.push(jumpTarget(insn, pc));
    else if (!isConditionalJump(insn)) open.push(next);
    else {
      if (!isDead(pc, true)) open.push(jumpTarget(insn, pc));
      if (!isDead(pc, false)) open.push(next);
    }
  }
  return reached;
}
