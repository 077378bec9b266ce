/** A number for the sequence of instructions of a run, by which paths are told apart. */
import type { Observer } from '../../interp/index.js';
import type { LoadedProgram } from '../../vm/index.js';

/** Two hashes of 32 bits over programs and slots, in order. */
export class PathNumber implements Observer {
  private low = 0;
  private high = 0;

  /** Before a run. */
  start(): void {
    this.low = 0;
    this.high = 0;
  }

  before(program: LoadedProgram, pc: number): void {
    // FNV-1a, and beside it a mixture with other multipliers.
    this.low = Math.imul(this.low ^ (pc + program.index * 0x10001), 0x01000193) + 0x9e37;
    this.high = Math.imul(this.high ^ (this.low >>> 7), 0x85ebca6b) + pc;
  }

  /** Equal for equal sequences. */
  get text(): string {
    return `${this.low >>> 0}.${this.high >>> 0}`;
  }
}
