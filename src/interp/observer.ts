/** Follows an interpreter run instruction by instruction: the trace recorder, profilers and soundness checks. */
import type { LoadedProgram } from '../vm/index.js';

/** Who looks on. It may read registers and memory and must change neither. */
export interface Observer {
  /**
   * Called before the instruction in slot `pc` executes; the interpreter's `registers` hold the values it will read.
   * `depth` counts frames (0: the program itself; callbacks and subprograms run deeper). What an instruction did is
   * seen at the next call.
   */
  before(program: LoadedProgram, pc: number, depth: number): void;
}
