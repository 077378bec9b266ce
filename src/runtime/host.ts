/**
 * The host: runs whole programs, on the interpreter first and compiled to WebAssembly once that pays (tiers.ts). A
 * module that an earlier run has kept is used at once. What cannot be compiled stays on the interpreter; {@link
 * Host.fallback} says why.
 */

import type { ResultStore } from '../base/index.js';
import type { SlotCounts } from '../code/index.js';
import { Interpreter } from '../interp/index.js';
import { type Fallback, type InnerProgram, WasmEngine } from '../jit/index.js';
import type { Settings } from '../opt/index.js';
import type { Verdicts } from '../verifier/index.js';
import {
  type Engine,
  type LoadedProgram,
  type Machine,
  type Outcome,
  type PacketArena,
  programsBehind,
  type TrapSite,
} from '../vm/index.js';
import type { SlowPath } from './slow-path.js';
import { anyProgram, firstPackets, type Tier, tiersOf } from './tiers.js';

/** What a packet is taken to run where none is known: few. */
const fewSteps = 100;

/** `interp`: never compiled. */
export type HostKind = 'interp' | 'wasm';

/** How whole programs run. */
export interface HostOptions {
  readonly kind: HostKind;
  /** Only an accepted program is compiled; of those that tail calls reach, one that is not checks every access. */
  readonly verdicts: Verdicts;
  readonly maxSteps: number | undefined;
  /** Passes of compiled code; default: few at first, then all. */
  readonly settings?: Settings | undefined;
  /** Compile after a few packets, whether it pays or not. */
  readonly isEager?: boolean | undefined;
  /** Keeps compiled modules from run to run. */
  readonly store?: ResultStore | undefined;
  /** Compiled code counts what it runs: see {@link Host.countsOf}. */
  readonly counts?: boolean | undefined;
  /** Runs packets in place of the interpreter, which still records. */
  readonly core?: Engine | undefined;
}

/** One program's host on one machine. Results do not depend on the tier that runs a packet. */
export class Host {
  readonly machine: Machine;
  readonly program: LoadedProgram;
  readonly interpreter: Interpreter;
  /** How packets get here, and traces back, where that takes time. */
  slowPath: SlowPath | undefined = undefined;
  private readonly core: Engine;
  private refusal: Fallback | undefined;
  private readonly verdicts: Verdicts;
  private readonly engine: WasmEngine | undefined;
  private readonly tiers: readonly Tier[];
  /** Index of the tier that runs; -1: the interpreter. */
  private tier = -1;
  /** Work after which the next tier pays. */
  private next = Number.POSITIVE_INFINITY;
  /** Instructions that have run; those of compiled code by the mean of interpreted packets. */
  work = 0;
  private innerProgram: InnerProgram | undefined;
  private interpreted = 0;
  private interpretedSteps = 0;

  constructor(machine: Machine, program: LoadedProgram, options: HostOptions) {
    this.machine = machine;
    this.program = program;
    this.interpreter = new Interpreter(machine, { maxSteps: options.maxSteps });
    this.core = options.core ?? this.interpreter;
    this.verdicts = options.verdicts;
    this.tiers = tiersOf(options.settings, options.isEager === true);
    if (options.kind === 'wasm') {
      this.engine = new WasmEngine(machine, {
        verdicts: options.verdicts,
        settings: options.settings,
        store: options.store,
        counts: options.counts,
      });
      this.next = 0;
    }
  }

  /** What compiled code ran of a program; what the interpreter ran, its observer knows. Undefined: nothing counts. */
  countsOf(program: LoadedProgram): SlotCounts | undefined {
    return this.engine?.countsOf(program);
  }

  /** True if it runs compiled code, or would have. */
  get compiles(): boolean {
    return this.engine !== undefined;
  }

  /** Why the program was interpreted and would be for any number of packets, although the host compiles. */
  get fallback(): Fallback | undefined {
    const { engine, program } = this;
    if (engine === undefined || this.tier >= 0 || !this.isVerified) return undefined;
    if (this.interpreted > 0) this.refusal ??= engine.refusalOf(program);
    return this.refusal;
  }

  /** Compiles at once what would pay in the end; `fallback` then says whether that was in vain. */
  prepare(): this {
    this.enter(this.tiers.length - 1);
    this.next = Number.POSITIVE_INFINITY;
    return this;
  }

  /** The verifier accepts the program that packets begin with. */
  private get isVerified(): boolean {
    return this.verdicts.of(this.program.spec).accepted;
  }

  /** Runs the packet in the machine's packet buffer. In a transaction that is the interpreter's task. */
  run(): Outcome {
    const engine = this.machine.memory.journal === null ? this.ready() : undefined;
    if (engine === undefined) return this.interpret();
    this.note(1);
    return engine.run(this.program);
  }

  /**
   * Runs packets `from` to `to` (exclusive) of the arena in order, up to the first one that a trap stops, or some of
   * them. Returns the index behind the last packet that ran; the trap, if there was one, goes to `onTrap`.
   */
  runArena(arena: PacketArena, from: number, to: number, onTrap: (index: number, site: TrapSite) => void): number {
    const engine = this.ready();
    if (engine === undefined) return this.interpretAt(arena, from, onTrap);
    this.machine.clearPacket();
    const ran = engine.runBatch(this.program, arena, from, to);
    this.note(ran);
    if (engine.batchTrap === undefined) return from + ran;
    onTrap(from + ran, engine.batchTrap);
    return from + ran + 1;
  }

  /** One packet of an arena by way of the machine's buffer. */
  private interpretAt(arena: PacketArena, index: number, onTrap: (index: number, site: TrapSite) => void): number {
    arena.toBuffer(index);
    const { verdict, trap } = this.interpret();
    arena.fromBuffer(index, verdict);
    if (trap !== undefined) onTrap(index, trap);
    return index + 1;
  }

  /** One packet, counted: its work tells when compiling pays. */
  private interpret(): Outcome {
    const outcome = this.core.run(this.program);
    this.interpreted++;
    this.interpretedSteps += outcome.steps;
    this.work += outcome.steps;
    return outcome;
  }

  /**
   * The program for a card to call in the midst of its batch, once compiling it pays for `packets`, those that the
   * card was offered: as the tier has it that is the host's. {@link note} is told of those that it runs.
   */
  inner(packets: number): InnerProgram | undefined {
    const { engine } = this;
    if (engine === undefined) return undefined;
    if (this.tier >= 0 && this.work >= this.next) this.advance();
    if (this.tier < 0) {
      if (this.next === Number.POSITIVE_INFINITY) return undefined;
      // Recordings are none of the host's packets: it may have had none so far.
      const steps = (this.interpretedSteps + fewSteps) / (this.interpreted + 1);
      if (packets * steps < this.priceOf(0)) return undefined;
      const isRefused = !this.enter(0);
      this.next = isRefused ? Number.POSITIVE_INFINITY : this.priceOf(1);
      if (isRefused) return undefined;
    }
    this.innerProgram ??= engine.inner(this.program);
    return this.innerProgram;
  }

  /** Compiled code has run so many packets. */
  note(packets: number): void {
    this.work += packets * (this.interpretedSteps / Math.max(this.interpreted, 1));
  }

  /** The engine if it is its turn. */
  private ready(): WasmEngine | undefined {
    if (this.work >= this.next) this.advance();
    return this.tier < 0 ? undefined : this.engine;
  }

  /** Goes to the best tier that pays by now, or that costs nothing. */
  private advance(): void {
    if (this.engine === undefined || this.interpreted < firstPackets) return;
    if (this.next === 0) this.recall();
    let isRefused = false;
    while (!isRefused && this.work >= this.priceOf(this.tier + 1)) isRefused = !this.enter(this.tier + 1);
    this.next = isRefused ? Number.POSITIVE_INFINITY : this.priceOf(this.tier + 1);
  }

  /** Work after which a tier pays. */
  private priceOf(tier: number): number {
    const codes = programsBehind(this.program, this.machine.programs);
    const size = codes.reduce((sum, { insns }) => sum + insns.length, anyProgram);
    return (this.tiers[tier]?.after ?? Number.POSITIVE_INFINITY) * size;
  }

  /** Takes the best code that an earlier run has kept. */
  private recall(): void {
    const { engine, tiers } = this;
    if (!this.isVerified) return;
    for (let tier = tiers.length - 1; tier >= 0; tier--) {
      engine?.optimize((tiers[tier] as Tier).settings);
      if (engine?.recall(this.program) !== true) continue;
      this.tier = tier;
      return;
    }
  }

  /** Compiles; false if that cannot be, and all stays as it is. */
  private enter(tier: number): boolean {
    const { engine, program } = this;
    // Checks of code that no verifier has seen know one packet at a time: it is not for batches.
    if (engine === undefined || !this.isVerified) return false;
    engine.optimize((this.tiers[tier] as Tier).settings);
    this.innerProgram = undefined;
    if (engine.compile(program) !== undefined) {
      this.tier = tier;
      return true;
    }
    [this.refusal] = engine.fallbacks;
    if (tier > 0) this.enter(tier - 1);
    return false;
  }
}
