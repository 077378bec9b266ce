/**
 * Replaces instructions of a program by others, more or fewer, and mends everything that counts slots: jumps, calls,
 * function addresses, function bounds, line records. What an inserted sequence jumps to must lie within the sequence.
 */
import { type Insn, isCall, isConditionalJump, isLddw, isUnconditionalJump, jumpTarget, op } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';

/** By slot of an instruction (its first one): what stands there instead; an empty list deletes. */
export type Edits = ReadonlyMap<number, readonly Insn[]>;

/** What of a program counts in slots. */
type Rewritable = Pick<ProgramSpec, 'insns' | 'functions' | 'lines'>;

/** Undefined when a distance no longer fits its field. */
export function rewriteProgram<P extends Rewritable>(program: P, edits: Edits): P | undefined {
  const { insns } = program;
  const moved: number[] = [];
  const out: { readonly insn: Insn; readonly from: number }[] = [];
  for (let pc = 0; pc < insns.length; pc++) {
    const insn = insns[pc];
    if (insn === undefined) break;
    moved[pc] = out.length;
    const replacement = edits.get(pc);
    const wide = isLddw(insn);
    if (replacement !== undefined) for (const each of replacement) out.push({ insn: each, from: -1 });
    else out.push({ insn, from: pc });
    if (wide) {
      pc++;
      moved[pc] = out.length;
      const second = insns[pc];
      if (replacement === undefined && second !== undefined) out.push({ insn: second, from: -1 });
    }
  }
  moved[insns.length] = out.length;

  const result: Insn[] = [];
  for (const [at, { insn, from }] of out.entries()) {
    if (from < 0) {
      result.push(insn);
      continue;
    }
    const field = distanceField(insn);
    if (field === undefined) {
      result.push(insn);
      continue;
    }
    const old = field === 'off' || insn.code === op.JA32_OP ? jumpTarget(insn, from) : from + 1 + insn.imm;
    const distance = (moved[old] ?? out.length) - at - 1;
    if (field === 'off' && (distance < -0x8000 || distance > 0x7fff)) return undefined;
    result.push({ ...insn, [field]: distance });
  }

  const functions = program.functions.map((f) => ({
    ...f,
    start: moved[f.start] ?? f.start,
    end: moved[f.end] ?? f.end,
  }));
  const lines = program.lines.map((line) => ({ ...line, insn: moved[line.insn] ?? line.insn }));
  // Deletions can leave two records at one slot; the later one says what is there now.
  const unique = lines.filter((line, i) => lines[i + 1]?.insn !== line.insn);
  // CO-RE is applied in what was rewritten: it is a program for one kernel.
  return { ...program, insns: result, functions, lines: unique, core: undefined };
}

/** The field that holds a distance in slots, if the instruction has one. */
export function distanceField(insn: Insn): 'off' | 'imm' | undefined {
  if (isConditionalJump(insn)) return 'off';
  if (isUnconditionalJump(insn)) return insn.code === op.JA32_OP ? 'imm' : 'off';
  if (isCall(insn)) return insn.src === op.CALL_LOCAL ? 'imm' : undefined;
  if (isLddw(insn)) return insn.src === op.PSEUDO_FUNC ? 'imm' : undefined;
  return undefined;
}
