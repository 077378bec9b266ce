/**
 * The host: runs whole programs, compiled to WebAssembly or on the interpreter.
 *
 * Compiling takes as long as interpreting some thousand packets, so a host that stands behind a card compiles when it has something to run that is not
 * recorded: recordings need the interpreter anyway. What cannot be compiled stays on the interpreter; {@link Host.fallback} says why.
 */

import { Interpreter } from '../interp/index.js';
import { type Fallback, WasmEngine } from '../jit/index.js';
import type { ProgramSpec } from '../object/index.js';
import type { Settings } from '../opt/index.js';
import {
  type LoadedProgram,
  type Machine,
  type Outcome,
  type PacketArena,
  record,
  type TrapSite,
} from '../vm/index.js';

/** `interp`: never compiled. */
export type HostKind = 'interp' | 'wasm';

export interface HostOptions {
  readonly kind: HostKind;
  /** Has a verifier accepted it? No other program is compiled; one that a tail call reaches checks every access. */
  readonly verified: (program: ProgramSpec) => boolean;
  readonly maxSteps: number | undefined;
  /** Passes of compiled code; default all. */
  readonly settings?: Settings | undefined;
}

export class Host {
  readonly machine: Machine;
  readonly program: LoadedProgram;
  readonly interpreter: Interpreter;
  /** Why the program is interpreted although it should have been compiled; known once something ran. */
  fallback: Fallback | undefined = undefined;
  private readonly verified: (program: ProgramSpec) => boolean;
  private readonly engine: WasmEngine | undefined;
  private compiled: boolean | undefined = undefined;

  constructor(machine: Machine, program: LoadedProgram, options: HostOptions) {
    this.machine = machine;
    this.program = program;
    this.interpreter = new Interpreter(machine, { maxSteps: options.maxSteps });
    this.verified = options.verified;
    if (options.kind === 'wasm') {
      this.engine = new WasmEngine(machine, {
        verified: ({ spec }) => options.verified(spec),
        settings: options.settings,
      });
    }
  }

  /** True if it runs compiled code, or would have. */
  get compiles(): boolean {
    return this.engine !== undefined;
  }

  /** Compiles now instead of when it is needed; `fallback` then says whether that was in vain. */
  prepare(): this {
    this.ready();
    return this;
  }

  isVerified(program: ProgramSpec): boolean {
    return this.verified(program);
  }

  /** Runs the packet in the machine's packet buffer. In a transaction that is the interpreter's task. */
  run(): Outcome {
    const { machine, program } = this;
    const engine = machine.memory.journal === null ? this.ready() : undefined;
    return engine === undefined ? this.interpreter.run(program) : engine.run(program);
  }

  /**
   * Runs packets `from` to `to` (exclusive) of the arena in order, up to the first one that a trap stops. Returns the index behind the last packet that
   * ran; the trap, if there was one, goes to `onTrap`.
   */
  runArena(arena: PacketArena, from: number, to: number, onTrap: (index: number, site: TrapSite) => void): number {
    const engine = this.ready();
    if (engine === undefined) return this.interpret(arena, from, onTrap);
    this.machine.clearPacket();
    const ran = engine.runBatch(this.program, arena.recordOf(from), to - from, record.size);
    if (engine.batchTrap === undefined) return from + ran;
    onTrap(from + ran, engine.batchTrap);
    return from + ran + 1;
  }

  private interpret(arena: PacketArena, index: number, onTrap: (index: number, site: TrapSite) => void): number {
    arena.toBuffer(index);
    const { verdict, trap } = this.interpreter.run(this.program);
    arena.fromBuffer(index, verdict);
    if (trap !== undefined) onTrap(index, trap);
    return index + 1;
  }

  /** The engine if it has the program compiled. */
  private ready(): WasmEngine | undefined {
    const { engine, program } = this;
    if (engine === undefined || this.compiled === false) return undefined;
    if (this.compiled === undefined) {
      // Checks of code that no verifier has seen know one packet at a time: it is not for batches.
      this.compiled = this.verified(program.spec) && engine.compile(program) !== undefined;
      [this.fallback] = engine.fallbacks;
      if (!this.compiled) return undefined;
    }
    return engine;
  }
}
