/**
 * The engine `ir`: programs are translated, optimized as told, and interpreted value by value. It judges the
 * translation and each pass without code generation.
 */

import { Interpreter } from '../interp/index.js';
import { bareR1, bareR2, type FunctionCode, Unsupported } from '../ir/index.js';
import { worldOfMachine } from '../jit/index.js';
import { type TranslateOptions, translate } from '../opt/index.js';
import { maxFrames, stackSize } from '../platform/index.js';
import {
  type Engine,
  type LoadedProgram,
  type Machine,
  newOutcome,
  type Outcome,
  ProgramTrap,
  type Region,
} from '../vm/index.js';
import { type Inputs, interpretFunction, type Position } from './interpret.js';

/** Slow, and for tests only; packets and maps are the machine's. */
export class IrEngine implements Engine {
  readonly name: string = 'ir';
  readonly machine: Machine;
  private readonly options: TranslateOptions;
  private readonly interpreter: Interpreter;
  private readonly keys: Region;
  private readonly codes = new Map<LoadedProgram, FunctionCode | undefined>();
  private readonly outcome: Outcome = newOutcome();

  constructor(machine: Machine, options: TranslateOptions = {}) {
    this.machine = machine;
    this.options = options;
    this.interpreter = new Interpreter(machine);
    const longest = machine.maps.reduce((most, { spec }) => Math.max(most, spec.keySize), 8);
    this.keys = machine.memory.allocate('scratch', 'keys of interpreted code', longest);
    this.keys.hi = this.keys.lo;
  }

  /** `steps` of the outcome is 0. What cannot be translated runs in the reference interpreter. */
  run(program: LoadedProgram): Outcome {
    this.machine.admit(program);
    if (!this.codes.has(program)) this.codes.set(program, this.translate(program, false));
    const code = this.codes.get(program);
    return code === undefined ? this.interpreter.run(program) : this.start(code, undefined);
  }

  /** Runs a program with r1 and r2 given, and no context. */
  runWith(program: LoadedProgram, r1: bigint, r2: bigint): Outcome {
    this.machine.admit(program);
    const code = this.translate(program, true);
    if (code === undefined) return this.interpreter.runWith(program, r1, r2);
    return this.start(
      code,
      new Map([
        [BigInt(bareR1), r1],
        [BigInt(bareR2), r2],
      ]),
    );
  }

  private translate(program: LoadedProgram, bare: boolean): FunctionCode | undefined {
    try {
      return translate(worldOfMachine(this.machine), program, this.options, bare);
    } catch (error) {
      if (error instanceof Unsupported) return undefined;
      throw error;
    }
  }

  private start(first: FunctionCode, inputs: Inputs | undefined): Outcome {
    const { machine, outcome, keys } = this;
    const position: Position = { pc: 0 };
    let code = first;
    machine.tailCalls = 0;
    machine.tailTarget = undefined;
    outcome.trap = undefined;
    for (const frame of machine.frames) frame.lo = frame.hi - stackSize;
    keys.hi = keys.start + keys.size;
    try {
      for (;;) {
        const result = interpretFunction(code, machine, { position, inputs, keys: keys.start });
        if (result.kind === 'returned') {
          outcome.r0 = result.r0;
          outcome.verdict = Number(result.r0 & 0xffff_ffffn);
          return outcome;
        }
        const target = machine.programs[result.program] as LoadedProgram;
        machine.admit(target);
        const next = this.codes.get(target) ?? this.translate(target, false);
        if (next === undefined) return this.interpreter.run(target);
        this.codes.set(target, next);
        code = next;
      }
    } catch (error) {
      if (!(error instanceof ProgramTrap)) throw error;
      outcome.verdict = 0;
      outcome.r0 = 0n;
      outcome.trap = {
        trap: error.trap,
        program: machine.programs[code.program.index] as LoadedProgram,
        insn: position.pc,
      };
      return outcome;
    } finally {
      keys.hi = keys.lo;
      for (let depth = 0; depth < maxFrames; depth++) machine.leaveFrame(depth);
    }
  }
}
