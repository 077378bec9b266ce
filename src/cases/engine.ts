/**
 * What runs cases: a port, and our own three engines behind it. The kernel's stands with who may call it.
 *
 * `trace` is the card: each packet is rehearsed in a transaction, which records its path and is rolled back, and then
 * runs on the card that holds the trace by now. So a single packet is enough to judge the card by.
 */
import { type Content, type ResultStore, UnsupportedError } from '../base/index.js';
import type { Coverage } from '../explore/index.js';
import { Interpreter, type Observer } from '../interp/index.js';
import { WasmEngine } from '../jit/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';
import { Session } from '../runtime/index.js';
import type { Verdicts } from '../verifier/index.js';
import {
  type Engine,
  fillMap,
  formatTrap,
  type LoadedProgram,
  Machine,
  type MachineOptions,
  type Output,
  type PacketInput,
  type RedirectTarget,
} from '../vm/index.js';

/** What became of a packet. Undefined: the engine cannot see it. */
export interface CaseOutcome {
  /** Low half of r0. */
  readonly verdict: number;
  readonly bytes: Uint8Array;
  readonly redirect: RedirectTarget | undefined | 'unseen';
  readonly outputs: readonly Output[];
  /** What stopped it. */
  readonly trap: string | undefined;
  /** Instructions that it took. */
  readonly steps: number | undefined;
}

/** A key and a value of a map, as bpf(2) has them. */
export interface MapItem {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A program with its maps on one engine; what a packet leaves there the next one finds. */
export interface CaseRunner {
  run(input: PacketInput): CaseOutcome;
  /**
   * Elements of map `index` of the object, of an array such as are not zero, which may be left out of longer ones;
   * undefined where they cannot be read.
   */
  entries(index: number): readonly MapItem[] | undefined;
  lookup(index: number, key: Uint8Array): Uint8Array | undefined;
  /** 0 or a negated errno. */
  update(index: number, key: Uint8Array, value: Uint8Array): number;
  /** Takes an element away: 0 or a negated errno. */
  remove(index: number, key: Uint8Array): number;
  /** Makes the map full; false: it is not. */
  fill(index: number): boolean;
  close(): void;
}

/** What a case starts from. */
export interface RunnerOptions extends MachineOptions {
  /** What the verifier says; `Verdicts.none()`: nobody asked, and only the interpreter runs. */
  readonly verdicts: Verdicts;
  /** Looks on where the engine has something to show. */
  readonly observer?: Observer | undefined;
  /** Takes what compiled code counted, when the runner is closed. */
  readonly coverage?: Coverage | undefined;
}

/** An engine by name. */
export interface CaseEngine {
  readonly name: string;
  /** Kinds of outputs that it can see. */
  readonly sees: readonly Output['kind'][];
  /** Why it cannot run this program; undefined: it can. */
  missing(object: ObjectSpec, program: ProgramSpec, options: RunnerOptions): string | undefined;
  /** Throws what loading throws. */
  open(object: ObjectSpec, program: ProgramSpec, options: RunnerOptions): CaseRunner;
}

const everything: readonly Output['kind'][] = ['printk', 'perf', 'ringbuf'];

/** Map types whose elements user space cannot list. */
const unreadable: ReadonlySet<string> = new Set(['perf_event_array', 'ringbuf', 'bloom_filter', 'xskmap']);

/** Elements of an array that are all listed, whatever they hold; of a longer one such as are not zero. */
export const shortArray = 256;

abstract class MachineRunner implements CaseRunner {
  protected readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  abstract run(input: PacketInput): CaseOutcome;

  entries(index: number): readonly MapItem[] | undefined {
    const map = this.machine.maps[index];
    if (map === undefined || unreadable.has(map.spec.type)) return undefined;
    return [...map.writtenEntries(shortArray)].map(({ key, value }) => ({ key: key.slice(), value: value.slice() }));
  }

  lookup(index: number, key: Uint8Array): Uint8Array | undefined {
    const found = this.machine.maps[index]?.lookupElem(key);
    return found instanceof Uint8Array ? found : undefined;
  }

  update(index: number, key: Uint8Array, value: Uint8Array): number {
    return this.machine.maps[index]?.updateElem(key, value) ?? -1;
  }

  remove(index: number, key: Uint8Array): number {
    return this.machine.maps[index]?.deleteElem(key) ?? -1;
  }

  fill(index: number): boolean {
    const map = this.machine.maps[index];
    return map !== undefined && fillMap(map, this.machine.cpus);
  }

  close(): void {
    // Memory goes with the machine.
  }

  protected outcome(verdict: number, trap: string | undefined, steps: number | undefined): CaseOutcome {
    const { machine } = this;
    return {
      verdict,
      bytes: machine.lane.packet.bytes(),
      redirect: verdict === 4 ? machine.redirect : undefined,
      outputs: [...machine.outputs],
      trap,
      steps,
    };
  }
}

/** The host alone: interpreter or compiled code. */
class EngineRunner extends MachineRunner {
  private readonly engine: Engine;
  private readonly program: LoadedProgram;
  private readonly countsSteps: boolean;

  constructor(machine: Machine, program: LoadedProgram, engine: Engine, countsSteps: boolean) {
    super(machine);
    this.program = program;
    this.engine = engine;
    this.countsSteps = countsSteps;
  }

  run(input: PacketInput): CaseOutcome {
    this.machine.setPacket(input);
    const { verdict, trap, steps } = this.engine.run(this.program);
    return this.outcome(
      verdict,
      trap === undefined ? undefined : formatTrap(trap),
      this.countsSteps ? steps : undefined,
    );
  }
}

/** Compiled code that counts what it runs, besides. */
class CountingRunner extends EngineRunner {
  private readonly counting: WasmEngine;
  private readonly coverage: Coverage;

  constructor(machine: Machine, program: LoadedProgram, engine: WasmEngine, coverage: Coverage) {
    super(machine, program, engine, false);
    this.counting = engine;
    this.coverage = coverage;
  }

  override close(): void {
    for (const program of this.machine.programs) {
      const counts = this.counting.countsOf(program);
      if (counts?.runs.some((n) => n > 0)) this.coverage.add(program.spec, counts.runs, counts.jumps);
    }
  }
}

/** Card and host as in a run, a packet at a time. */
class CardRunner extends MachineRunner {
  private readonly session: Session;

  constructor(session: Session) {
    super(session.runtime.machine);
    this.session = session;
  }

  run(input: PacketInput): CaseOutcome {
    const { machine } = this;
    const { runtime } = this.session;
    machine.transaction.begin();
    runtime.run(input);
    machine.transaction.rollback();
    const before = runtime.faults.size;
    const { verdict } = runtime.run(input);
    const fault = runtime.faults.size > before ? [...runtime.faults.values()].at(-1)?.text : undefined;
    return this.outcome(verdict, fault, undefined);
  }
}

function loaded(
  object: ObjectSpec,
  program: ProgramSpec,
  options: MachineOptions,
): { machine: Machine; own: LoadedProgram } {
  const machine = new Machine(object, options);
  const own = machine.programs[object.programs.indexOf(program)];
  if (own === undefined) throw new UnsupportedError(`program ${program.name} is not in ${object.name}`);
  machine.admit(own);
  return { machine, own };
}

/** Modules of the last few programs: cases of a file compile the same code again and again. */
class ModuleStore implements ResultStore {
  private readonly kept = new Map<string, Uint8Array>();

  load(kind: string, content: Content): Uint8Array | undefined {
    return this.kept.get(keyOf(kind, content));
  }

  save(kind: string, content: Content, result: Uint8Array): void {
    const [oldest] = this.kept.keys();
    if (this.kept.size >= mostModules && oldest !== undefined) this.kept.delete(oldest);
    this.kept.set(keyOf(kind, content), result);
  }
}

const mostModules = 16;

function keyOf(kind: string, content: Content): string {
  return `${kind} ${content.map((part) => (typeof part === 'string' ? part : part.join())).join('|')}`;
}

const modules = new ModuleStore();

const unverified = 'Linux would not load the program';

/** The interpreter, compiled code, and the card. */
export const machineEngines: readonly CaseEngine[] = [
  {
    name: 'interp',
    sees: everything,
    missing: () => undefined,
    open: (object, program, options) => {
      const { machine, own } = loaded(object, program, options);
      const engine = new Interpreter(machine);
      engine.observer = options.observer ?? null;
      return new EngineRunner(machine, own, engine, true);
    },
  },
  {
    name: 'wasm',
    sees: everything,
    missing: (object, program, { verdicts, ...options }) => {
      if (!verdicts.of(program).accepted) return unverified;
      const { machine, own } = loaded(object, program, options);
      const engine = new WasmEngine(machine, { verdicts, store: modules });
      engine.compile(own);
      return engine.fallbacks[0]?.what;
    },
    open: (object, program, { verdicts, coverage, ...options }) => {
      const { machine, own } = loaded(object, program, options);
      const engine = new WasmEngine(machine, { verdicts, store: modules, counts: coverage !== undefined });
      return coverage === undefined
        ? new EngineRunner(machine, own, engine, false)
        : new CountingRunner(machine, own, engine, coverage);
    },
  },
  {
    name: 'trace',
    sees: everything,
    missing: (_object, program, { verdicts }) => (verdicts.of(program).accepted ? undefined : unverified),
    open: (object, program, options) => {
      // Everything interpreted: only then does a transaction see what card and host store.
      const session = new Session(object, program, {
        ...options,
        card: true,
        compiled: false,
        host: 'interp',
        assume: false,
      });
      return new CardRunner(session);
    },
  },
];
