/**
 * Which instructions ran how often, and which ways conditional jumps went, as the interpreter saw it; and the same by
 * source line, from the line records of BTF.ext.
 */
import type { Observer } from '../interp/index.js';
import { isConditionalJump } from '../isa/index.js';
import type { ProgramSpec } from '../object/index.js';
import { type LoadedProgram, lineAt } from '../vm/index.js';

/** Counts of one program, by slot. */
export interface ProgramCounts {
  readonly program: ProgramSpec;
  /** How often each instruction ran. */
  readonly runs: Float64Array;
  /** How often each conditional jump jumped. */
  readonly jumps: Float64Array;
}

/** A source line with code. */
export interface LineCounts {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** Runs of the instruction of the line that ran most. */
  readonly hits: number;
  /** Instructions of the line, and how many of them ran. */
  readonly insns: number;
  readonly insnsRun: number;
  /** Both ways of each conditional jump of the line, in order of the code: how often it went there. */
  readonly branches: readonly (readonly [jumped: number, fell: number])[];
}

/** Numbers of a program or a file: how many there are, and how many of them ran. */
export interface Totals {
  readonly lines: number;
  readonly linesRun: number;
  readonly branches: number;
  readonly branchesRun: number;
  readonly insns: number;
  readonly insnsRun: number;
}

/** Looks on at any number of runs and programs. */
export class Coverage implements Observer {
  private readonly programs = new Map<string, ProgramCounts>();
  private last: ProgramCounts | undefined;
  private lastSpec: ProgramSpec | undefined;
  private jump = -1;

  before(program: LoadedProgram, pc: number): void {
    const counts = this.lastSpec === program.spec ? (this.last as ProgramCounts) : this.of(program.spec);
    if (this.jump >= 0) {
      const before = this.last as ProgramCounts;
      if (before === counts && pc !== this.jump + 1) before.jumps[this.jump] = (before.jumps[this.jump] ?? 0) + 1;
    }
    this.last = counts;
    this.lastSpec = program.spec;
    counts.runs[pc] = (counts.runs[pc] ?? 0) + 1;
    const insn = program.insns[pc];
    this.jump = insn !== undefined && isConditionalJump(insn) ? pc : -1;
  }

  /** All programs that ran, and those that were asked for. */
  get counts(): readonly ProgramCounts[] {
    return [...this.programs.values()];
  }

  /** Counts of a program; of one by the same name and code that another object had, too. */
  of(program: ProgramSpec): ProgramCounts {
    const key = `${program.section} ${program.name} ${program.insns.length}`;
    let counts = this.programs.get(key);
    if (counts === undefined) {
      const { length } = program.insns;
      counts = { program, runs: new Float64Array(length), jumps: new Float64Array(length) };
      this.programs.set(key, counts);
    }
    return counts;
  }

  /** Adds counts of another run. */
  add(program: ProgramSpec, runs: ArrayLike<number>, jumps: ArrayLike<number>): void {
    const counts = this.of(program);
    for (let i = 0; i < counts.runs.length; i++) {
      counts.runs[i] = (counts.runs[i] ?? 0) + (runs[i] ?? 0);
      counts.jumps[i] = (counts.jumps[i] ?? 0) + (jumps[i] ?? 0);
    }
  }

  /** Ways of conditional jumps that were gone: to see whether there are new ones. */
  get branchesRun(): number {
    let sum = 0;
    for (const { program, runs, jumps } of this.programs.values())
      for (const [pc, insn] of program.insns.entries())
        if (isConditionalJump(insn)) sum += Number((jumps[pc] ?? 0) > 0) + Number((runs[pc] ?? 0) > (jumps[pc] ?? 0));
    return sum;
  }
}

/** Lines of some programs by file and number; a line that several of them have is one. */
export function lineCounts(all: readonly ProgramCounts[]): LineCounts[] {
  const lines = new Map<
    string,
    { -readonly [K in keyof LineCounts]: LineCounts[K] } & { branches: (readonly [number, number])[] }
  >();
  for (const { program, runs, jumps } of all) {
    for (let pc = 0; pc < program.insns.length; pc++) {
      const insn = program.insns[pc];
      const found = lineAt(program.lines, pc);
      // A line record without a number belongs to no line.
      if (insn === undefined || found === undefined || found.line === 0) continue;
      const key = `${found.file}\n${found.line}`;
      let line = lines.get(key);
      if (line === undefined) {
        line = { file: found.file, line: found.line, text: found.text, hits: 0, insns: 0, insnsRun: 0, branches: [] };
        lines.set(key, line);
      }
      const ran = runs[pc] ?? 0;
      line.insns++;
      line.insnsRun += Number(ran > 0);
      line.hits = Math.max(line.hits, ran);
      if (isConditionalJump(insn)) line.branches.push([jumps[pc] ?? 0, ran - (jumps[pc] ?? 0)]);
      // The second slot of a 64-bit load is no instruction of its own.
      if (insn.code === 0x18) pc++;
    }
  }
  return [...lines.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
}

/** Sums of lines. */
export function totalsOf(lines: readonly LineCounts[]): Totals {
  const sum = (of: (line: LineCounts) => number): number => lines.reduce((all, line) => all + of(line), 0);
  return {
    lines: lines.length,
    linesRun: sum(({ hits }) => Number(hits > 0)),
    branches: sum(({ branches }) => 2 * branches.length),
    branchesRun: sum(({ branches }) => branches.flat().filter((n) => n > 0).length),
    insns: sum(({ insns }) => insns),
    insnsRun: sum(({ insnsRun }) => insnsRun),
  };
}
