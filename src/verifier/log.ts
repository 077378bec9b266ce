/**
 * The verification told in the format of the kernel's log, so that tools that read that can read this: instructions as
 * `12: (b7) r0 = 0`, the registers that each touched behind it, source lines before the code that they gave, and the
 * summary.
 */

import type { Place } from '../base/index.js';
import { isLocalCall, usedRegisters, writtenRegisters } from '../code/index.js';
import { formatInsn, type Insn, type InsnNames, isConditionalJump, isExit } from '../isa/index.js';
import type { LineSpec, MapSpec, ProgramSpec } from '../object/index.js';
import { helperName, maxInsns } from '../platform/index.js';
import type { Env, Rejection } from './env.js';
import { forced, type LoopVisit } from './loops.js';
import type { Subprog } from './program-shape.js';
import { stateText } from './reg-text.js';
import type { Checkpoint, FrameState } from './verifier-state.js';
import type { VerifyStats } from './verify.js';

/** Column at which Linux puts the state behind an instruction of `length` characters (vlog_alignment). */
function stateColumn(length: number): number {
  return Math.ceil(Math.max(length + 5, 40) / 8) * 8 - 2;
}

/** Log lines kept: the beginning of a very long verification is dropped. */
const maxLines = 200_000;

/** Names by which instructions are printed in the log: those of the object file, and helpers as C calls them. */
export function insnNames(program: ProgramSpec, maps: readonly MapSpec[]): InsnNames {
  return {
    // Number 0 is a row of Linux's table too, though no helper.
    helper: (imm) => (imm === 0 ? 'bpf_unspec' : (helperName(imm) ?? 'unknown')),
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
 *
 * Linux writes what an instruction touched when it comes to the next one (a jump's at once): behind the instruction if
 * nothing was written since, else on a line of its own, which begins with where it is by then. What was touched last
 * before a path ended is told with what the next path touches, since the end of a path touches everything.
 */
export class LogWriter {
  private readonly program: ProgramSpec;
  private readonly names: InsnNames;
  private readonly level: 0 | 1 | 2;
  private lines: string[] = [];
  private lastLine: LineSpec | undefined;
  /** Registers touched since they were written last, a bit each. */
  private touched = 0;
  /** Everything is to be written: a new frame or another path. */
  private touchedAll = false;
  /** Is the last line that of the instruction, so that its state still goes behind it? */
  private open = false;
  /** The path goes on elsewhere than behind the last instruction: all of its state comes first. */
  private moved = false;
  /** Counts before the instruction. */
  private demands = 0;
  private waiting = 0;
  /** The frame that ran before the instruction, and how many there were. */
  private frame: FrameState | undefined;
  private depth = 0;
  /** What follows the reason of a refusal. */
  private twin: readonly string[] = [];

  constructor(program: ProgramSpec, maps: readonly MapSpec[], level: 0 | 1 | 2) {
    this.program = program;
    // Linux knows functions by their place alone.
    this.names = { ...insnNames(program, maps), func: undefined, numericFunctions: true };
    this.level = level;
  }

  /** Does it want to see every instruction? */
  get follows(): boolean {
    return this.level === 2;
  }

  start(env: Env, subprog: Subprog): void {
    if (this.level === 0) return;
    const index = env.shape.subprogs.indexOf(subprog);
    if (index === 0) this.push(...env.shape.subprogs.map((sub, i) => `func#${i} @${sub.start}`));
    else this.push(`Validating ${subprog.name}() func#${index}...`);
    this.touchedAll = true;
    this.moved = false;
  }

  before(env: Env): void {
    if (this.level !== 2) return;
    if (this.moved) this.push('', `${this.from(env)}:${stateText(env.state, env.frame, env.state.depth)}`);
    this.moved = false;
    this.writeState(env, env.pc);
    this.sourceLine(env.pc);
    this.push(`${env.pc}: ${formatInsn(env.insns, env.pc, 'kernel', this.names)}`);
    this.open = true;
    // What a function returns stands in the whole state that follows.
    if (!isExit(env.insn)) this.touched |= usedRegisters(env.insn) | writtenRegisters(env.insn);
    this.demands = env.demands;
    this.waiting = env.pendings.length;
    this.frame = env.frame;
    this.depth = env.state.depth;
  }

  after(env: Env): void {
    if (this.level !== 2) return;
    const { state, previous } = env;
    if (env.demands !== this.demands) this.open = false;
    const caller = state.frames[state.depth - 1];
    if (state.depth > this.depth && caller !== undefined) {
      this.push(
        `caller:\n${stateText(state, caller, this.depth)}\ncallee:\n${stateText(state, env.frame, state.depth)}`,
      );
      this.touchedAll = true;
    } else if (state.depth < this.depth && this.frame !== undefined) {
      this.push(`returning from callee:\n${stateText(state, this.frame, this.depth)}`);
      this.push(`to caller at ${env.pc}:\n${stateText(state, env.frame, state.depth)}`);
      this.moved = true;
    } else if (isConditionalJump(env.insns[previous] as Insn)) {
      this.writeState(env, previous);
    } else if (isLocalCall(env.insns[previous] as Insn)) {
      this.globalCall(env, previous);
    } else if (env.shape.prunePoints[previous] === forced.callback) {
      if (env.pendings.length > this.waiting) this.touchedAll = true;
      else this.push(`frame${state.depth} bpf_loop iteration limit reached `);
    }
  }

  pruned(env: Env): void {
    if (this.level !== 2) return;
    if (this.moved) this.push('', `${this.from(env)}: safe`);
    else this.push(`${env.pc}: safe`);
  }

  resumed(): void {
    this.moved = true;
    this.touchedAll = true;
  }

  loop({ name }: LoopVisit, begins: boolean): void {
    this.push(`SCC ${begins ? 'enter' : 'exit'} (${name})`);
  }

  /** Both states stand below the reason. */
  endless({ state }: Env, { state: old }: Checkpoint): void {
    this.twin = [
      `cur state:${stateText(state, state.top, state.depth)}`,
      `old state:${stateText(old, old.top, old.depth, { saved: true })}`,
    ];
  }

  private from(env: Env): string {
    return `from ${env.previous} to ${env.pc}`;
  }

  /** A call that is not followed: the function is verified by itself. */
  private globalCall(env: Env, pc: number): void {
    const { shape, insns } = env;
    const index = shape.subprogOf[pc + 1 + (insns[pc] as Insn).imm] ?? 0;
    this.push(`Func#${index} ('${shape.subprogs[index]?.name}') is global and assumed valid.`);
  }

  /** What was touched since it was written last, seen from slot `at`. */
  private writeState(env: Env, at: number): void {
    const { touched, touchedAll } = this;
    const { touchedSlots: slots } = env;
    if (!touchedAll && touched === 0 && slots.size === 0) return;
    const shows = (kind: 'reg' | 'slot', i: number): boolean =>
      touchedAll || (kind === 'reg' ? (touched & (1 << i)) !== 0 : slots.has(i));
    const text = stateText(env.state, env.frame, env.state.depth, { shows });
    const last = this.lines.at(-1);
    if (this.open && last !== undefined) {
      this.lines[this.lines.length - 1] = `${last.padEnd(stateColumn(last.length))};${text}`;
      this.open = false;
    } else {
      this.push(`${at}:${text}`);
    }
    this.touched = 0;
    this.touchedAll = false;
    slots.clear();
  }

  failure(rejection: Rejection): void {
    if (this.level === 0) return;
    if (this.level === 1 && rejection.insn >= 0) {
      this.sourceLine(rejection.insn);
      if (this.program.insns.length > 0) {
        this.push(`${rejection.insn}: ${formatInsn(this.program.insns, rejection.insn, 'kernel', this.names)}`);
      }
    }
    this.push(rejection.message, ...this.twin);
    this.twin = [];
  }

  /** A line that somebody else has to say. */
  say(line: string): void {
    if (this.level > 0) this.push(line);
  }

  summary(stats: VerifyStats): void {
    if (this.level === 0) return;
    this.push(
      `processed ${stats.insns} insns (limit ${maxInsns}) max_states_per_insn ${stats.maxStatesPerInsn} ` +
        `total_states ${stats.totalStates} peak_states ${stats.peakStates} mark_read 0`,
    );
  }

  text(): string {
    return this.lines.length === 0 ? '' : `${this.lines.join('\n')}\n`;
  }

  private push(...lines: string[]): void {
    this.open = false;
    this.lines.push(...lines);
    if (this.lines.length > 2 * maxLines) this.lines = this.lines.slice(-maxLines);
  }

  private sourceLine(insn: number): void {
    const line = lineOf(this.program, insn);
    if (line === undefined || line === this.lastLine) return;
    const last = this.lastLine;
    this.lastLine = line;
    // Debug information tells columns apart, which a reader does not see.
    if (last?.line === line.line && last.file === line.file && last.text === line.text) return;
    const file = line.file.slice(line.file.lastIndexOf('/') + 1);
    this.push(`; ${line.text.trim()} @ ${file}:${line.line}`);
  }
}
