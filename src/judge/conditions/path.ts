/**
 * Which way a packet takes through a program: a hash over the instructions that are executed, with their programs and
 * frames, and the verdict. What lies inside of a trace's joins is left out: they are made for both sides.
 */
import type { Interpreter, Observer } from '../../interp/index.js';
import { type Join, Passage } from '../../trace/index.js';
import type { LoadedProgram } from '../../vm/index.js';

/** Two 32-bit hashes, so that two of a million paths hardly share both. */
export class PathObserver implements Observer {
  private a = 0x811c9dc5;
  private b = 0x9747b28c;
  private steps = 0;
  private joins: readonly Join[] = [];
  private readonly passage = new Passage();

  /**
   * Two hashes of 32 bits, FNV's and one like murmur's: two paths that agree in both by chance are not to be expected.
   */
  before(program: LoadedProgram, pc: number, depth: number): void {
    if (this.passage.isInside(program, pc, depth)) return;
    const join = this.joins.find(({ step }) => step === this.steps);
    if (join !== undefined) this.passage.enter(program, join.exit, depth);
    this.steps++;
    const x = (program.index * 8 + depth) * 0x10000 + pc;
    this.a = Math.imul(this.a ^ x, 0x01000193);
    this.b = Math.imul((this.b << 13) | (this.b >>> 19), 5) + Math.imul(x, 0xcc9e2d51);
  }

  /**
   * The path of the packet that is in the host's machine, up to what `joins` leave open; runs the program and does not
   * undo what it does.
   */
  pathOf(host: Interpreter, program: LoadedProgram, joins: readonly Join[] = []): string {
    this.joins = joins;
    this.steps = 0;
    this.passage.clear();
    this.a = 0x811c9dc5;
    this.b = 0x9747b28c;
    host.observer = this;
    const outcome = host.run(program);
    host.observer = null;
    const end = outcome.trap === undefined ? `verdict ${outcome.verdict}` : `trap ${outcome.trap.trap.kind}`;
    return `${(this.a >>> 0).toString(16)}${(this.b >>> 0).toString(16)} ${end}`;
  }
}
