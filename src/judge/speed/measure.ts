/**
 * How long one packet takes on each engine, measured side by side: in each round every engine gets its turn, so that
 * what disturbs the machine disturbs all, and the median over the rounds counts.
 *
 * The packet lies where the engine wants it before the clock starts. Where the program changes it, it is put back for
 * every run, outside of what is counted: see restoration.ts for the kernel, wasm-turn.ts for compiled code.
 */
import type { InputError } from '../../base/index.js';
import { Interpreter } from '../../interp/index.js';
import type { Bpf } from '../../linux/index.js';
import type { ObjectSpec } from '../../object/index.js';
import type { Settings } from '../../opt/index.js';
import { type LoadedProgram, Machine, type PacketInput } from '../../vm/index.js';
import { type Figure, summarize, type Turn, timed } from './clock.js';
import { type KernelFigure, KernelTurns } from './kernel-turn.js';
import { observeChange, type PacketChange, restoringPrologue } from './restoration.js';
import { wasmTurn } from './wasm-turn.js';

/** A program with the packet that it is timed on. */
export interface SpeedSubject {
  readonly object: ObjectSpec;
  readonly program: string;
  readonly packet: Uint8Array;
  /** Fills the maps. */
  readonly fill?: ((machine: Machine) => void) | undefined;
}

/** Nanoseconds a packet, a figure a round; the n-th of each were measured one after the other. */
export interface Rounds {
  readonly interp: readonly number[];
  readonly wasm: readonly number[];
  /** The program, and the empty program beside it. */
  readonly kernel: { readonly loaded: readonly number[]; readonly unloaded: readonly number[] } | undefined;
  /** Those of {@link SpeedOptions.beside}. */
  readonly beside?: ReadonlyMap<string, readonly number[]> | undefined;
}

/** Nanoseconds a packet by engine; undefined where one was not asked for or cannot run it. */
export interface Speed {
  readonly interp: Figure | undefined;
  readonly wasm: Figure | undefined;
  /** Net of an empty program. */
  readonly kernel: KernelFigure | undefined;
  /** The same on a processor that is busy: see kernel-turn.ts. */
  readonly kernelBusy: KernelFigure | undefined;
  /** Translation, compilation, instantiation, in milliseconds. */
  readonly compileMs: number;
  readonly codeBytes: number;
  readonly verdicts: Readonly<Record<string, number>>;
  /** The program changes its packet, which is put back for every run. */
  readonly restored: boolean;
  /** What the figures are made of. */
  readonly rounds: Rounds;
  /** Why an engine has no figure. */
  readonly notes: readonly string[];
}

/** Who is measured, and for how long. */
export interface SpeedOptions {
  readonly engines: readonly string[];
  /** Undefined: the kernel is not measured. */
  readonly bpf: Bpf | undefined;
  readonly rounds: number;
  /** Seconds that an engine's turn takes, about. */
  readonly turn: number;
  /** Passes of compiled code; default all. */
  readonly settings?: Settings | undefined;
  /** Others that take their turn in each round: peers out of native code. */
  readonly beside?: ReadonlyMap<string, Turn> | undefined;
}

/**
 * All engines in turns, round by round. Verdicts are told beside the figures: engines that differ did not do the same
 * work.
 */
export function measureSpeed(subject: SpeedSubject, options: SpeedOptions): Speed {
  const notes: string[] = [];
  const verdicts: Record<string, number> = {};
  const turns = new Map<string, Turn>();
  const change = changeOf(subject, notes);
  const isMeasured = (engine: string): boolean => options.engines.includes(engine);
  if (isMeasured('interp')) turns.set('interp', interpTurn(subject, options, change, verdicts));
  const { machine, program } = prepare(subject);
  const wasm = isMeasured('wasm')
    ? wasmTurn(machine, program, subject.packet, {
        seconds: options.turn,
        changes: change !== undefined,
        notes,
        settings: options.settings,
      })
    : undefined;
  if (wasm !== undefined) turns.set('wasm', wasm.turn);
  for (const [name, turn] of options.beside ?? []) turns.set(name, turn);
  const kernel = isMeasured('kernel') ? kernelTurns(subject, options, change, notes) : [];
  try {
    warmUp(turns.values());
    const figures = new Map<string, number[]>([...turns.keys()].map((name) => [name, []]));
    for (let round = 0; round < options.rounds; round++) {
      for (const [name, turn] of turns) figures.get(name)?.push(turn());
      for (const turns of kernel) turns.measure();
    }
    const figure = (name: string): Figure | undefined => {
      const list = figures.get(name);
      return list === undefined ? undefined : summarize(list);
    };
    if (wasm !== undefined) verdicts['wasm'] = wasm.verdict();
    const [net, busy] = kernel;
    if (net !== undefined) verdicts['kernel'] = net.verdict;
    return {
      interp: figure('interp'),
      wasm: figure('wasm'),
      kernel: net?.figure(),
      kernelBusy: busy?.figure(),
      compileMs: wasm?.compileMs ?? 0,
      codeBytes: wasm?.codeBytes ?? 0,
      verdicts,
      restored: change !== undefined,
      rounds: {
        interp: figures.get('interp') ?? [],
        wasm: figures.get('wasm') ?? [],
        kernel: net?.lastRounds(options.rounds),
        beside: new Map([...(options.beside?.keys() ?? [])].map((name) => [name, figures.get(name) ?? []])),
      },
      notes,
    };
  } finally {
    for (const turns of kernel) turns.close();
  }
}

/** Net, and net on a busy processor; none, and a note, where the kernel refuses. */
function kernelTurns(
  subject: SpeedSubject,
  options: SpeedOptions,
  change: PacketChange | undefined,
  notes: string[],
): KernelTurns[] {
  const { bpf, turn } = options;
  const made: KernelTurns[] = [];
  if (bpf === undefined) return made;
  try {
    for (const busy of [false, true]) made.push(KernelTurns.make(bpf, subject, change, { turn, busy }));
  } catch (error) {
    notes.push(`kernel: ${(error as InputError).message}`);
  }
  return made;
}

/** What has to be put back between runs. */
function changeOf(subject: SpeedSubject, notes: string[]): PacketChange | undefined {
  const { machine, program } = prepare(subject);
  const change = observeChange(machine, program, inputOf(subject));
  if (change !== undefined && restoringPrologue(change, subject.packet, 2) === undefined) {
    notes.push('kernel: both ends of the packet move, so it is measured on what it left of the packet');
  }
  return change;
}

/** Turns until compiled code has had time to become optimized code, which a thread of its own does. */
function warmUp(turns: Iterable<Turn>): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (const turn of turns) {
    for (let i = 0; i < 4; i++) {
      turn();
      Atomics.wait(pause, 0, 0, 20);
    }
  }
}

function inputOf(subject: SpeedSubject): PacketInput {
  return { data: subject.packet, ingressIfindex: 1, now: 1_000_000_000n };
}

/** A machine with the packet in it. Ring buffers have no consumer: as in the kernel, they run full. */
function prepare(subject: SpeedSubject): { machine: Machine; program: LoadedProgram } {
  const machine = new Machine(subject.object, { cpus: 1, consumer: false });
  subject.fill?.(machine);
  const program = machine.programs.find(({ spec }) => spec.name === subject.program);
  if (program === undefined) throw new Error(`no program ${subject.program}`);
  machine.admit(program);
  machine.setPacket(inputOf(subject));
  return { machine, program };
}

/** The reference interpreter. Putting the packet back is measured on its own and taken off. */
function interpTurn(
  subject: SpeedSubject,
  options: SpeedOptions,
  change: PacketChange | undefined,
  verdicts: Record<string, number>,
): Turn {
  const { machine, program } = prepare(subject);
  const input = inputOf(subject);
  const engine = new Interpreter(machine);
  const restore = change === undefined ? (): void => undefined : (): void => machine.setPacket(input);
  const measure = (run: () => void): number =>
    timed(options.turn, 100, () => {
      for (let i = 0; i < 100; i++) run();
    });
  return () => {
    const both = measure(() => {
      restore();
      verdicts['interp'] = engine.run(program).verdict;
    });
    return change === undefined ? both : both - measure(restore);
  };
}
