/**
 * Where stepping leads, forward and back, from what is kept of every step (its place); no state is looked at. A line is
 * *entered* by a step whose line is another one than that of the step before in the same frame, by the first step of a
 * frame, and by jumping back to a beginning of the line itself, so that each turn of a loop of one line counts.
 */
import type { Execution } from './execution.js';
import type { LineTable } from './lines.js';

/** Motions over one execution. Positions are from 0 to its length. */
export class Motion {
  private readonly execution: Execution;
  private readonly lines: LineTable;

  constructor(execution: Execution, lines: LineTable) {
    this.execution = execution;
    this.lines = lines;
  }

  /** Number of the line at a position; 0 at the end, and where there is none. */
  lineAt(position: number): number {
    const { execution } = this;
    if (position >= execution.length) return 0;
    return this.lines.numberOf(execution.programOf(position), execution.pcOf(position));
  }

  /** Does the step at a position enter its line? */
  entersLine(position: number): boolean {
    const { execution } = this;
    const line = this.lineAt(position);
    if (line === 0) return false;
    if (position === 0) return true;
    const [depth, before] = [execution.depthOf(position), execution.depthOf(position - 1)];
    if (depth > before) return true;
    const last = depth === before ? position - 1 : this.lastOfFrame(position);
    // A callback's frames follow each other without one of their caller's steps in between.
    if (last < 0 || this.lineAt(last) !== line) return true;
    const [pc, from] = [execution.pcOf(position), execution.pcOf(last)];
    return pc <= from && this.lines.isBeginning(execution.programOf(position), pc);
  }

  /** The last step of the same frame before `position`, over what it called; -1 where there is none. */
  private lastOfFrame(position: number): number {
    const { execution } = this;
    const depth = execution.depthOf(position);
    for (let step = position - 1; step >= 0; step--) {
      const other = execution.depthOf(step);
      if (other === depth) return step;
      if (other < depth) return -1;
    }
    return -1;
  }

  /** To where the next line is entered; `over`: not in what this frame calls. */
  nextLine(position: number, over: boolean): number {
    const { execution } = this;
    if (position >= execution.length) return execution.length;
    const depth = execution.depthOf(position);
    for (let step = position + 1; step < execution.length; step++) {
      const other = execution.depthOf(step);
      if (over && other > depth) continue;
      // Back in the caller, in the middle of the line that called.
      if (other < depth && this.lineAt(step) !== 0) return step;
      if (this.entersLine(step)) return step;
    }
    return execution.length;
  }

  /** To the beginning of the line at hand, or, from there, of the one before; `over`: not in what was called. */
  previousLine(position: number, over: boolean): number {
    const { execution } = this;
    const depth = position >= execution.length ? 0 : execution.depthOf(position);
    for (let step = Math.min(position, execution.length) - 1; step > 0; step--) {
      if (over && execution.depthOf(step) > depth) continue;
      if (this.entersLine(step)) return step;
    }
    return 0;
  }

  /** One instruction on; `over`: a call is one. */
  nextInsn(position: number, over: boolean): number {
    const { execution } = this;
    if (position >= execution.length) return execution.length;
    const depth = execution.depthOf(position);
    let step = position + 1;
    while (over && step < execution.length && execution.depthOf(step) > depth) step++;
    return step;
  }

  /** One instruction back; `over`: a call is one. */
  previousInsn(position: number, over: boolean): number {
    const { execution } = this;
    if (position <= 0) return 0;
    const depth = position >= execution.length ? 0 : execution.depthOf(position);
    let step = position - 1;
    while (over && step > 0 && execution.depthOf(step) > depth) step--;
    return step;
  }

  /** To where the frame has returned to its caller; from the program itself, the end. */
  out(position: number): number {
    const { execution } = this;
    if (position >= execution.length) return execution.length;
    const depth = execution.depthOf(position);
    for (let step = position + 1; step < execution.length; step++) if (execution.depthOf(step) < depth) return step;
    return execution.length;
  }

  /** To the call that the frame came from; from the program itself, the beginning. */
  backOut(position: number): number {
    const { execution } = this;
    const depth = position >= execution.length ? 0 : execution.depthOf(position);
    for (let step = Math.min(position, execution.length) - 1; step >= 0; step--)
      if (execution.depthOf(step) < depth) return step;
    return 0;
  }
}
