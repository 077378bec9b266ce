/**
 * Passes that make one failing program smaller. Each tries candidates on a {@link ShrinkTarget} as long as the failure
 * persists; whether a candidate is still a valid program is for the target to say: it asks the kernel. Distances are
 * mended by rewriteProgram.
 */

import { rewriteProgram } from '../../code/index.js';
import { type Insn, isCall, isLddw, op } from '../../isa/index.js';
import type { ProgramSpec } from '../../object/index.js';

/** The failure that has to stay while the program gets smaller. */
export interface ShrinkTarget {
  /** The smallest program so far. */
  readonly program: ProgramSpec;
  /**
   * Whether the candidate still fails; then it is the smallest so far. False when the budget is spent, and for
   * undefined.
   */
  attempt(candidate: ProgramSpec | undefined): boolean;
}

/** Deletes instructions in runs that halve in length (delta debugging, Zeller and Hildebrandt 2002). */
export function deleteRuns(target: ShrinkTarget): void {
  for (let progress = true; progress; ) {
    const before = target.program;
    for (let run = starts(before).length >> 1; run >= 1; run >>= 1) {
      for (let at = 0; at < starts(target.program).length; ) {
        if (!target.attempt(deleteRun(target.program, at, run))) at += run;
      }
    }
    progress = target.program !== before;
  }
}

/**
 * Longest run that {@link deleteWindows} tries: what has to go together, such as taking and giving back a ring buffer
 * record.
 */
const longestWindow = 10;

/**
 * Deletes runs of every length and from every place, the later ones first: what is deleted by halves alone has to lie
 * just so.
 */
export function deleteWindows(target: ShrinkTarget): void {
  for (let run = 2; run <= longestWindow; run++) {
    for (let at = starts(target.program).length - run; at >= 0; at--)
      target.attempt(deleteRun(target.program, at, run));
  }
}

/** The program without `run` instructions from number `at` on; a 64-bit load counts as one. */
function deleteRun(program: ProgramSpec, at: number, run: number): ProgramSpec | undefined {
  const edits = new Map<number, readonly Insn[]>();
  for (const pc of starts(program).slice(at, at + run)) edits.set(pc, []);
  return edits.size === 0 ? undefined : withoutEmptyFunctions(rewriteProgram(program, edits));
}

/** Deletes whole functions but the first; where they were called or pointed to there is a zero. */
export function deleteFunctions(target: ShrinkTarget): void {
  for (let index = target.program.functions.length - 1; index > 0; index--) {
    const { program } = target;
    const gone = program.functions[index];
    if (gone === undefined) continue;
    const edits = new Map<number, readonly Insn[]>();
    for (const pc of starts(program)) {
      const insn = program.insns[pc];
      if (insn === undefined) continue;
      const calls = isCall(insn) && insn.src === op.CALL_LOCAL;
      const points = isLddw(insn) && insn.src === op.PSEUDO_FUNC;
      if (pc >= gone.start && pc < gone.end) edits.set(pc, []);
      else if ((calls || points) && pc + 1 + insn.imm === gone.start) edits.set(pc, [zero(calls ? 0 : insn.dst)]);
    }
    target.attempt(withoutEmptyFunctions(rewriteProgram(program, edits)));
  }
}

/** Smaller constants, where the failure does not need this one. */
export function smallerConstants(target: ShrinkTarget): void {
  for (const pc of starts(target.program)) {
    const { program } = target;
    const insn = program.insns[pc];
    if (insn === undefined || isLddw(insn) || insn.imm === 0) continue;
    for (const imm of [0, 1, insn.imm >> 16, insn.imm >> 8]) {
      if (imm !== insn.imm && target.attempt({ ...program, insns: program.insns.with(pc, { ...insn, imm }) })) break;
    }
  }
}

/** First slots of the instructions. */
export function starts(program: ProgramSpec): number[] {
  return [...program.insns.keys()].filter((pc) => pc === 0 || !isLddw(program.insns[pc - 1] as Insn)); // pc > 0
}

/**
 * A function of which nothing is left goes with its instructions; nothing may call it then, or the kernel will say so.
 */
function withoutEmptyFunctions(program: ProgramSpec | undefined): ProgramSpec | undefined {
  return program && { ...program, functions: program.functions.filter((f) => f.end > f.start) };
}

function zero(dst: number): Insn {
  return { code: op.ALU64 | op.MOV | op.K, dst, src: 0, off: 0, imm: 0 };
}
