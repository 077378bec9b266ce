/** Ways out of conditional jumps of programs: which there are, and what is known of those that no run went. */
import { isConditionalJump } from '../isa/index.js';
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
  /** Not gone, and nothing is known. */
  readonly missed: readonly Way[];
}

/** `index`: of the program in its object. `gone`: numbers of ways (path-steps.ts), of other programs as well. */
export function countWays(
  program: ProgramSpec,
  index: number,
  gone: ReadonlySet<number>,
  facts: ProgramFacts | undefined,
): WayCount {
  let all = 0;
  const infeasible: Way[] = [];
  const missed: Way[] = [];
  for (const [pc, insn] of program.insns.entries()) {
    if (!isConditionalJump(insn)) continue;
    for (const isTaken of [false, true]) {
      all++;
      const way = wayOf(index, pc, isTaken);
      if (gone.has(way)) continue;
      const known = facts?.insns[pc];
      const isPossible = known === undefined || (isTaken ? known.taken : known.fallThrough);
      (isPossible ? missed : infeasible).push(jumpOfWay(way));
    }
  }
  return { all, reached: all - infeasible.length - missed.length, infeasible, missed };
}
