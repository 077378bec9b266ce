/**
 * Engines that run a bare program: no object file, no packet, r1 points to memory and r2 is its length. That is what
 * conformance vectors are about. To add one, add a row.
 */
import { UnsupportedError, UsageError, UserError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import type { Insn } from '../isa/index.js';
import { WasmEngine } from '../jit/index.js';
import { type MapSpec, type ObjectSpec, objectSpec, programSpec } from '../object/index.js';
import { levelSettings, type Settings } from '../opt/index.js';
import { Verdicts } from '../verifier/index.js';
import { describeTrap, type Engine, type LoadedProgram, Machine, type Outcome } from '../vm/index.js';
import { IrEngine } from './ir-engine.js';
import { openKernelBare, runKernelBare } from './kernel-bare.js';
import type { EngineFactory } from './machine-subject.js';

/** What became of a bare program. */
export type BareResult =
  | { readonly kind: 'returned'; readonly r0: bigint }
  /** It was refused or stopped; `what` says why. */
  | { readonly kind: 'error'; readonly what: string }
  /** It asks for something that has no meaning here: a helper of uBPF's test harness, a call through a register. */
  | { readonly kind: 'unsupported'; readonly what: string };

/** An engine that runs one program over one block of memory. */
export interface BareEngine {
  readonly name: string;
  /** Throws UnsupportedError when the engine cannot be had here. */
  readonly open?: () => void;
  /**
   * Runs an object's first program. `memory` is what r1 points to; without it r1 and r2 are 0. Never throws for what
   * the program does.
   */
  run(object: ObjectSpec, memory: Uint8Array | undefined): BareResult;
}

/** Runs a program with two arguments: the memory's address, and its length. */
type BareRun = (program: LoadedProgram, r1: bigint, r2: bigint) => Outcome;

/**
 * Makes a machine with the input in guest memory and runs its first program. Traps are errors, what we lack is
 * `unsupported`.
 */
function runOnMachine(
  object: ObjectSpec,
  memory: Uint8Array | undefined,
  make: (machine: Machine) => BareRun,
): BareResult {
  try {
    const machine = new Machine(object);
    const program = machine.programs[0];
    if (program === undefined) return { kind: 'error', what: 'no program' };
    const isThere = memory !== undefined && memory.length > 0;
    const pointer = isThere ? machine.memory.hold('the input', memory) : 0n;
    const outcome = make(machine)(program, pointer, BigInt(memory?.length ?? 0));
    if (outcome.trap === undefined) return { kind: 'returned', r0: outcome.r0 };
    return { kind: 'error', what: `insn ${outcome.trap.insn}: ${describeTrap(outcome.trap.trap)}` };
  } catch (error) {
    if (error instanceof UnsupportedError) return { kind: 'unsupported', what: error.format() };
    if (error instanceof UserError) return { kind: 'error', what: error.format() };
    throw error;
  }
}

/** An object of one program, with `maps` by index. */
export function bareObject(insns: readonly Insn[], maps: readonly MapSpec[] = []): ObjectSpec {
  return objectSpec('bare', [programSpec(insns)], maps);
}

/** The IR interpreter with the checker behind each pass. */
function onIr(settings: Settings | undefined): BareEngine['run'] {
  return (object, memory) =>
    runOnMachine(object, memory, (machine) => {
      const engine = new IrEngine(machine, { settings, check: true });
      return (program, r1, r2) => engine.runWith(program, r1, r2);
    });
}

/** The table: all that `--engine` of conformance and test_bpf takes. */
const bareEngines: readonly BareEngine[] = [
  {
    name: 'interp',
    run: (object, memory) =>
      runOnMachine(object, memory, (machine) => {
        const engine = new Interpreter(machine);
        return (program, r1, r2) => engine.runWith(program, r1, r2);
      }),
  },
  { name: 'ir', run: onIr(undefined) },
  /** As it is written. */
  { name: 'ir-O0', run: onIr(levelSettings(0)) },
  {
    name: 'wasm',
    run: (object, memory) =>
      runOnMachine(object, memory, (machine) => {
        const engine = new WasmEngine(machine);
        return (program, r1, r2) => {
          const outcome = engine.runWith(program, r1, r2);
          const [fallback] = engine.fallbacks;
          if (fallback !== undefined) throw new UnsupportedError(`not compiled: ${fallback.what}`);
          return outcome;
        };
      }),
  },
  { name: 'kernel', open: openKernelBare, run: runKernelBare },
];

/** What `--engine` of the conformance tools takes. */
export const bareEngineNames: readonly string[] = bareEngines.map((engine) => engine.name);

/** The engine of that name. Throws UsageError, and UnsupportedError for one that cannot be had here. */
export function bareEngine(name: string): BareEngine {
  const engine = bareEngines.find((candidate) => candidate.name === name);
  if (engine !== undefined) {
    engine.open?.();
    return engine;
  }
  throw new UsageError(`no engine \`${name}\` runs bare programs`, {}, `engines: ${bareEngineNames.join(', ')}`);
}

/** How an engine is set up. */
export interface EngineOptions {
  /** Passes of engines that optimize; default all. */
  readonly settings?: Settings | undefined;
}

/**
 * Engines that run object files on a machine, by name. The kernel is what they are compared with. To add one, add a
 * row.
 */
const machineEngines: Readonly<Record<string, (machine: Machine, options: EngineOptions) => Engine>> = {
  interp: (machine) => new Interpreter(machine),
  /** With all that the verifier knows, as `jitnic ir --facts` shows it. */
  ir: (machine, { settings }) =>
    new IrEngine(machine, { verdicts: Verdicts.of(machine.object, { facts: true }), settings, check: true }),
  /** As `jitnic run` compiles. */
  wasm: (machine, { settings }) => new WasmEngine(machine, { verdicts: Verdicts.of(machine.object), settings }),
};

/** What `--engine` of the differential tools takes. */
export const machineEngineNames: readonly string[] = Object.keys(machineEngines);

/** The engine of that name. Throws UsageError. */
export function machineEngine(name: string, options: EngineOptions = {}): EngineFactory {
  const engine = machineEngines[name];
  if (engine !== undefined) return (machine) => engine(machine, options);
  throw new UsageError(`no engine \`${name}\``, {}, `engines: ${machineEngineNames.join(', ')}`);
}
