/** Where a recording joined the sides of a fork, and how an observer follows a packet through one. */
import type { LoadedProgram } from '../vm/index.js';

/** A fork in the program whose sides a recording joined (record-fork.ts). */
export interface Join {
  /** Instructions that ran before its jump, those inside of other joins left out. */
  readonly step: number;
  /** Where the recording went on, in the program and the frame of the jump. */
  readonly exit: number;
}

/** Tells the instructions that a packet takes inside of a join, which are another packet's own business. */
export class Passage {
  private within: { readonly program: LoadedProgram; readonly exit: number; readonly depth: number } | undefined;

  /** A join begins behind the present instruction. */
  enter(program: LoadedProgram, exit: number, depth: number): void {
    this.within = { program, exit, depth };
  }

  /** Forgets the packet. */
  clear(): void {
    this.within = undefined;
  }

  /** Asked before each instruction: it is inside of a join. */
  isInside(program: LoadedProgram, pc: number, depth: number): boolean {
    const { within } = this;
    if (within === undefined) return false;
    if (program !== within.program || pc !== within.exit || depth !== within.depth) return true;
    this.within = undefined;
    return false;
  }
}
