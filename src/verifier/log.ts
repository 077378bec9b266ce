/**
 * The verification told in the format of the kernel's log, so that tools that read that can read this: instructions as
 * `12: (b7) r0 = 0`, the registers that each touched behind it, source lines before the code that they gave, and the
 * summary.
 */

import type { Place } from '../base/index.js';
import { usedRegisters, writtenRegisters } from '../code/index.js';
import { formatInsn, type InsnNames } from '../isa/index.js';
import type { LineSpec, MapSpec, ProgramSpec } from '../object/index.js';
import { helperName, maxInsns } from '../platform/index.js';
import type { Env, Rejection } from './env.js';
import type { Subprog } from './program-shape.js';
import { frameText } from './reg-text.js';
import type { Checkpoint } from './verifier-state.js';
import type { VerifyStats } from './verify.js';

/** Column at which the kernel puts the state. */
const stateColumn = 38;
/** Log lines kept: the beginning of a very long verification is dropped. */
const maxLines = 200_000;

/** Names by which instructions are printed in the log: those of the object file, and helpers as C calls them. */
export function insnNames(program: ProgramSpec, maps: readonly MapSpec[]): InsnNames {
  return {
    helper: helperName,
    map: (imm) => maps[imm]?.name,
    kfunc: (imm) => program.kfuncs[imm]?.name,
    ksym: (imm) => program.ksyms[imm]?.name,
    func: (slot) => program.functions.find((fn) => fn.start === slot)?.name,
  };
}

/** Source line of a slot. */
export function lineOf(program: ProgramSpec, insn: number): LineSpec | undefined {
  let best: LineSpec | undefined;
  let low = 0;
  let high = program.lines.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const line = program.lines[middle] as LineSpec; // middle is in range
    if (line.insn <= insn) {
      best = line;
      low = middle + 1;
    } else high = middle - 1;
  }
  return best;
}

/** The place of a slot, for an error about the program. */
export function placeOf(program: ProgramSpec, insn: number): Place {
  const line = lineOf(program, insn);
  const source = line === undefined ? {} : { source: `${line.file}:${line.line}` };
  return { section: program.section, insn, ...source };
}

/**
 * Collects the lines of a verification. Level 2 has each instruction of each path, level 1 the one that was refused,
 * level 0 nothing.
 */
export class LogWriter {
  private readonly program: ProgramSpec;
  private readonly names: InsnNames;
  private readonly level: 0 | 1 | 2;
  private lines: string[] = [];
  private pending = '';
  private lastLine: LineSpec | undefined;
  private touched = 0;
  private depth = 0;
  private slotsBefore: readonly unknown[] = [];

  constructor(program: ProgramSpec, maps: readonly MapSpec[], level: 0 | 1 | 2) {
    this.program = program;
    this.names = insnNames(program, maps);
    this.level = level;
  }

  /** Does it want to see every instruction? */
  get follows(): boolean {
    return this.level === 2;
  }

  start(env: Env, subprog: Subprog): void {
    if (this.level === 0) return;
    const index = env.shape.subprogs.indexOf(subprog);
    if (index === 0) for (const [i, sub] of env.shape.subprogs.entries()) this.lines.push(`func#${i} @${sub.start}`);
    else this.lines.push(`Validating ${subprog.name}() func#${index}...`);
    if (this.level === 2) this.lines.push(`${subprog.start}:${frameText(env.state, 0)}`);
  }

  before(env: Env): void {
    if (this.level !== 2) return;
    this.sourceLine(env.pc);
    this.pending = `${env.pc}: ${formatInsn(env.insns, env.pc, 'kernel', this.names)}`;
    this.touched = usedRegisters(env.insn) | writtenRegisters(env.insn);
    this.depth = env.state.depth;
    this.slotsBefore = env.frame.stack.slice();
  }

  after(env: Env): void {
    if (this.level !== 2) return;
    const { state } = env;
    const text =
      state.depth === this.depth
        ? frameText(state, this.depth, (kind, i) =>
            kind === 'reg' ? (this.touched & (1 << i)) !== 0 : env.frame.stack[i] !== this.slotsBefore[i],
          )
        : '';
    this.push(text === '' ? this.pending : `${this.pending.padEnd(stateColumn)};${text}`);
    this.pending = '';
    if (state.depth > this.depth) {
      this.push(`caller:\n${frameText(state, this.depth)}\ncallee:\n${frameText(state, state.depth)}`);
    } else if (state.depth < this.depth) {
      this.push(`returning from callee:\nto caller at ${env.pc}:\n${frameText(state, state.depth)}`);
    }
  }

  pruned(env: Env, checkpoint: Checkpoint): void {
    this.flush();
    if (this.level === 2) {
      this.push(
        env.previous >= 0 && env.state.parent !== checkpoint
          ? `from ${env.previous} to ${env.pc}: safe`
          : `${env.pc}: safe`,
      );
    }
  }

  resumed(env: Env): void {
    this.flush();
    if (this.level === 2) {
      this.push('', `from ${env.previous} to ${env.pc}:${frameText(env.state, env.state.depth)}`);
      this.lastLine = undefined;
    }
  }

  failure(rejection: Rejection): void {
    if (this.level === 0) return;
    if (this.level === 1 && rejection.insn >= 0) {
      this.sourceLine(rejection.insn);
      if (this.program.insns.length > 0) {
        this.push(`${rejection.insn}: ${formatInsn(this.program.insns, rejection.insn, 'kernel', this.names)}`);
      }
    }
    this.flush();
    this.push(rejection.message);
  }

  summary(stats: VerifyStats): void {
    if (this.level === 0) return;
    this.flush();
    this.push(
      `processed ${stats.insns} insns (limit ${maxInsns}) max_states_per_insn ${stats.maxStatesPerInsn} ` +
        `total_states ${stats.totalStates} peak_states ${stats.peakStates} mark_read 0`,
    );
  }

  text(): string {
    return this.lines.length === 0 ? '' : `${this.lines.join('\n')}\n`;
  }

  /** An instruction whose path ended with it (`exit`, a failure) has no state behind it. */
  private flush(): void {
    if (this.pending !== '') this.push(this.pending);
    this.pending = '';
  }

  private push(...lines: string[]): void {
    this.lines.push(...lines);
    if (this.lines.length > 2 * maxLines) this.lines = this.lines.slice(-maxLines);
  }

  private sourceLine(insn: number): void {
    const line = lineOf(this.program, insn);
    if (line === undefined || line === this.lastLine) return;
    this.lastLine = line;
    this.flush();
    const file = line.file.slice(line.file.lastIndexOf('/') + 1);
    this.push(`; ${line.text.trim()} @ ${file}:${line.line}`);
  }
}
