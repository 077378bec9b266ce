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
  programsBehind,
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
    const { machine } = this;
    machine.admit(program);
    // Tail calls are counted by one engine: all programs are translated or none.
    const behind = programsBehind(program, machine.programs).filter((other) => other.refusal === undefined);
    const isWhole = behind.every((other) => this.codeOf(other) !== undefined);
    const code = this.codeOf(program);
    return isWhole && code !== undefined ? this.start(code, undefined) : this.interpreter.run(program);
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

  /** The program's IR; undefined where it is not translated, and the interpreter runs it. */
  private codeOf(program: LoadedProgram): FunctionCode | undefined {
    if (!this.codes.has(program)) this.codes.set(program, this.translate(program, false));
    return this.codes.get(program);
  }

  /** One translation; undefined for a program that is not translated. */
  private translate(program: LoadedProgram, bare: boolean): FunctionCode | undefined {
    try {
      return translate(worldOfMachine(this.machine), program, this.options, bare);
    } catch (error) {
      if (error instanceof Unsupported) return undefined;
      throw error;
    }
  }

  /** Runs a program and those that tail calls lead to. */
  private start(first: FunctionCode, inputs: Inputs | undefined): Outcome {
    const { machine, outcome, keys } = this;
    const position: Position = { pc: 0 };
    let running = first;
    machine.lane.tailCalls = 0;
    machine.lane.tailTarget = undefined;
    outcome.trap = undefined;
    for (const frame of machine.lane.frames) frame.openTop(stackSize);
    keys.hi = keys.end;
    try {
      const codeAt = (index: number): FunctionCode => {
        const target = machine.programs[index] as LoadedProgram;
        machine.admit(target);
        return this.codeOf(target) as FunctionCode; // `run` has seen that there is one
      };
      const complete = (code: FunctionCode, given: Inputs | undefined): bigint => {
        running = code;
        const nested = (index: number): bigint => {
          const { pc } = position;
          const r0 = complete(codeAt(index), undefined);
          running = code;
          position.pc = pc;
          return r0;
        };
        const result = interpretFunction(code, machine, { position, inputs: given, keys: keys.start, nested });
        return result.kind === 'returned' ? result.r0 : complete(codeAt(result.program), undefined);
      };
      outcome.r0 = complete(first, inputs);
      outcome.verdict = Number(outcome.r0 & 0xffff_ffffn);
      return outcome;
    } catch (error) {
      if (!(error instanceof ProgramTrap)) throw error;
      outcome.verdict = 0;
      outcome.r0 = 0n;
      outcome.trap = {
        trap: error.trap,
        program: machine.programs[running.program.index] as LoadedProgram,
        insn: position.pc,
      };
      return outcome;
    } finally {
      keys.hi = keys.lo;
      for (let depth = 0; depth < maxFrames; depth++) machine.lane.leaveFrame(depth);
    }
  }
}
