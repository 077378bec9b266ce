/**
 * Makes a failing program small: deletes instructions, in runs that halve in length, as long as the failure persists (delta debugging,
 * Zeller and Hildebrandt 2002), then makes constants small. Whether a candidate is still a valid program is for the predicate
 * to say: it asks the kernel.
 */
import { type Insn, isLddw } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import { rewriteProgram } from './rewrite.js';

export interface ShrinkOptions {
  /** Candidates tried at most; default 3,000. */
  readonly budget?: number;
}

/** The smallest program found for which `fails` still holds; `fails(program)` is known to hold. */
export function shrinkProgram(
  program: ProgramSpec,
  fails: (candidate: ProgramSpec) => boolean,
  options: ShrinkOptions = {},
): ProgramSpec {
  let budget = options.budget ?? 3000;
  let best = program;
  const attempt = (candidate: ProgramSpec | undefined): boolean => {
    if (candidate === undefined || budget <= 0) return false;
    budget--;
    if (!fails(candidate)) return false;
    best = candidate;
    return true;
  };

  for (let progress = true; progress && budget > 0; ) {
    const before = best;
    for (let run = starts(best).length >> 1; run >= 1; run >>= 1) {
      for (let at = 0; at < starts(best).length; ) {
        if (!attempt(deleteRun(best, at, run))) at += run;
      }
    }
    for (const pc of starts(best)) simplify(best, pc, attempt);
    progress = best !== before;
  }
  return best;
}

/** First slots of the instructions. */
function starts(program: ProgramSpec): number[] {
  return [...program.insns.keys()].filter((pc) => pc === 0 || !isLddw(program.insns[pc - 1] as Insn));
}

function deleteRun(program: ProgramSpec, at: number, run: number): ProgramSpec | undefined {
  const edits = new Map<number, readonly Insn[]>();
  for (const pc of starts(program).slice(at, at + run)) edits.set(pc, []);
  const shorter = rewriteProgram(program, edits);
  // A function of which nothing is left goes with its instructions; nothing may call it then, or the kernel will say so.
  return shorter && { ...shorter, functions: shorter.functions.filter((f) => f.end > f.start) };
}

/** Smaller constants, if the failure does not need this one. */
function simplify(program: ProgramSpec, pc: number, attempt: (candidate: ProgramSpec) => boolean): void {
  const insn = program.insns[pc];
  if (insn === undefined || isLddw(insn) || insn.imm === 0) return;
  for (const imm of [0, 1, insn.imm >> 16, insn.imm >> 8]) {
    if (imm === insn.imm) continue;
    const insns = program.insns.with(pc, { ...insn, imm });
    if (attempt({ ...program, insns })) return;
  }
}
