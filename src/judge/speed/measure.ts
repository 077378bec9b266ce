/**
 * How long one packet takes on each engine, measured side by side: in each round every engine gets its turn, so that what disturbs the machine disturbs all, and
 * the median over the rounds counts.
 *
 * The packet lies where the engine wants it before the clock starts, and is not put back between runs: a program that changes its packet finds it as
 * it left it, in the kernel (BPF_PROG_TEST_RUN with `repeat` does not reset it) as in the others.
 *
 * Times are processor time, so that a busy machine disturbs less.
 *
 * Kernel: the difference of two runs with different `repeat`, so what one call costs cancels out; less the same for an empty program in the same round.
 */
import type { InputError } from '../../base/index.js';
import { Interpreter } from '../../interp/index.js';
import { WasmEngine } from '../../jit/index.js';
import { type Bpf, KernelObject, possibleCpus } from '../../linux/index.js';
import type { ObjectSpec } from '../../object/index.js';
import { xdpMd } from '../../platform/index.js';
import { type LoadedProgram, Machine, record } from '../../vm/index.js';
import { bareObject } from '../engines.js';

export interface SpeedSubject {
  readonly object: ObjectSpec;
  readonly program: string;
  readonly packet: Uint8Array;
  /** Fills the maps. */
  readonly fill?: ((machine: Machine) => void) | undefined;
}

/** Nanoseconds a packet. */
export interface Figure {
  readonly median: number;
  /** Half the distance between the first and the third quartile. */
  readonly spread: number;
}

export interface Speed {
  readonly interp: Figure | undefined;
  readonly wasm: Figure | undefined;
  /** Net of an empty program. */
  readonly kernel: Figure | undefined;
  /** First call to first verdict, in milliseconds: translation, compilation, instantiation. */
  readonly compileMs: number;
  readonly codeBytes: number;
  readonly verdicts: Readonly<Record<string, number>>;
  /** Why an engine has no figure. */
  readonly notes: readonly string[];
}

export interface SpeedOptions {
  readonly engines: readonly string[];
  /** Undefined: the kernel is not measured. */
  readonly bpf: Bpf | undefined;
  readonly rounds: number;
  /** Seconds that an engine's turn takes, about. */
  readonly turn: number;
}

/** One turn; returns nanoseconds a packet. */
type Turn = () => number;

const batch = 1024;

export function measureSpeed(subject: SpeedSubject, options: SpeedOptions): Speed {
  const notes: string[] = [];
  const verdicts: Record<string, number> = {};
  const turns = new Map<string, Turn>();
  let compileMs = 0;
  let codeBytes = 0;
  let close = (): void => {};
  if (options.engines.includes('interp')) turns.set('interp', interpTurn(subject, options, verdicts));
  if (options.engines.includes('wasm')) {
    const wasm = wasmTurn(subject, options, verdicts, notes);
    if (wasm !== undefined) {
      turns.set('wasm', wasm.turn);
      compileMs = wasm.compileMs;
      codeBytes = wasm.codeBytes;
    }
  }
  if (options.bpf !== undefined && options.engines.includes('kernel')) {
    try {
      const kernel = kernelTurn(options.bpf, subject, options, verdicts);
      turns.set('kernel', kernel.turn);
      close = kernel.close;
    } catch (error) {
      notes.push(`kernel: ${(error as InputError).message}`);
    }
  }
  try {
    warmUp(turns.values());
    const figures = new Map<string, number[]>([...turns.keys()].map((name) => [name, []]));
    for (let round = 0; round < options.rounds; round++) {
      for (const [name, turn] of turns) figures.get(name)?.push(turn());
    }
    const figure = (name: string): Figure | undefined => {
      const list = figures.get(name);
      if (list === undefined) return undefined;
      const { median, spread } = summarize(list);
      // The kernel's turns are medians of all turns so far: the last one knows most.
      return name === 'kernel' ? { median: list.at(-1) ?? median, spread } : { median, spread };
    };
    const [interp, wasm, kernel] = ['interp', 'wasm', 'kernel'].map(figure);
    return { interp, wasm, kernel, compileMs, codeBytes, verdicts, notes };
  } finally {
    close();
  }
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

function summarize(list: readonly number[]): Figure {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { median: at(0.5), spread: (at(0.75) - at(0.25)) / 2 };
}

function prepare(subject: SpeedSubject): { machine: Machine; program: LoadedProgram } {
  const machine = new Machine(subject.object, { cpus: 1 });
  subject.fill?.(machine);
  const program = machine.programs.find(({ spec }) => spec.name === subject.program);
  if (program === undefined) throw new Error(`no program ${subject.program}`);
  machine.admit(program);
  machine.setPacket({ data: subject.packet, ingressIfindex: 1, now: 1_000_000_000n });
  return { machine, program };
}

/**
 * Microseconds of processor time of this process, system calls included. What else runs on the machine takes wall time from a turn, but none
 * of this.
 */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Repeats `run(count)` until a turn's time is used up. */
function timed(seconds: number, count: number, run: () => void): number {
  let packets = 0;
  const start = cpuTime();
  let now = start;
  do {
    run();
    packets += count;
    now = cpuTime();
  } while (now - start < 1e6 * seconds);
  return ((now - start) * 1000) / packets;
}

function interpTurn(subject: SpeedSubject, options: SpeedOptions, verdicts: Record<string, number>): Turn {
  const { machine, program } = prepare(subject);
  const engine = new Interpreter(machine);
  return () =>
    timed(options.turn, 100, () => {
      for (let i = 0; i < 100; i++) verdicts['interp'] = engine.run(program).verdict;
    });
}

function wasmTurn(
  subject: SpeedSubject,
  options: SpeedOptions,
  verdicts: Record<string, number>,
  notes: string[],
): { turn: Turn; compileMs: number; codeBytes: number } | undefined {
  const { machine, program } = prepare(subject);
  const start = cpuTime();
  const engine = new WasmEngine(machine, { verified: () => true });
  const compiled = engine.compile(program);
  if (compiled === undefined) {
    notes.push(`wasm: ${engine.fallbacks.map(({ what, insn }) => `insn ${insn}: ${what}`).join('; ')}`);
    return undefined;
  }
  const at = packetRecord(machine, engine);
  engine.runBatch(program, at, 1, 0);
  const compileMs = (cpuTime() - start) / 1000;
  const turn = (): number => {
    const time = timed(options.turn, batch * 16, () => {
      for (let i = 0; i < 16; i++) engine.runBatch(program, at, batch, 0);
    });
    verdicts['wasm'] = machine.memory.load32(at + record.r0);
    return time;
  };
  return { turn, compileMs, codeBytes: compiled.module.bytes.length };
}

/** A record of the machine's packet. */
function packetRecord(machine: Machine, engine: WasmEngine): number {
  const region = machine.memory.allocate('scratch', 'packet record', record.size);
  machine.memory.copy(region.start, machine.ctx.start, xdpMd.size);
  machine.memory.store64(region.start + record.now, machine.now);
  engine.writeFrame(region.start);
  return region.start;
}

function kernelTurn(
  bpf: Bpf,
  subject: SpeedSubject,
  options: SpeedOptions,
  verdicts: Record<string, number>,
): { turn: Turn; close: () => void } {
  const kernel = KernelObject.load(bpf, subject.object);
  const empty = KernelObject.load(bpf, emptyObject());
  const close = (): void => {
    kernel.close();
    empty.close();
  };
  const fd = kernel.programFd(subject.program);
  const emptyFd = empty.programFd('main');
  if (fd === undefined || emptyFd === undefined) {
    close();
    throw new Error('refused');
  }
  copyMaps(bpf, subject, kernel);
  bpf.pinToCpu(0);
  const run = (program: number, repeat: number): number => {
    const start = cpuTime();
    const result = bpf.testRun(program, { data: subject.packet, repeat });
    const time = cpuTime() - start;
    if (result.status < 0) throw new Error(`BPF_PROG_TEST_RUN: ${result.status}`);
    if (program === fd) verdicts['kernel'] = result.retval;
    return time * 1000;
  };
  const few = 20_000;
  const once = (run(fd, 2 * few) - run(fd, few)) / few;
  const many = few + Math.max(20_000, Math.ceil((2 * options.turn * 1e9) / Math.max(once, 20)));
  const perPacket = (program: number): number => {
    const short = run(program, few);
    return (run(program, many) - short) / (many - few);
  };
  const loaded: number[] = [];
  const unloaded: number[] = [];
  const turn = (): number => {
    loaded.push(perPacket(fd));
    unloaded.push(perPacket(emptyFd));
    // Medians first: the difference of two single measurements has the noise of both.
    return summarize(loaded).median - summarize(unloaded).median;
  };
  return { turn, close };
}

/** `r0 = XDP_PASS; exit`. */
function emptyObject(): ObjectSpec {
  return bareObject([
    { code: 0xb7, dst: 0, src: 0, off: 0, imm: 2 },
    { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
  ]);
}

/** Gives the kernel's maps what the machine's hold after `fill`. Interfaces that do not exist become the loopback's. */
function copyMaps(bpf: Bpf, subject: SpeedSubject, kernel: KernelObject): void {
  const machine = new Machine(subject.object, { cpus: possibleCpus() });
  subject.fill?.(machine);
  const loopback = new Uint8Array(4);
  loopback[0] = 1;
  for (const [index, map] of machine.maps.entries()) {
    const target = kernel.maps[index];
    const { type, init } = map.spec;
    if (target === undefined || init !== undefined || type === 'prog_array') continue;
    for (const { key, value } of map.entries()) {
      const status = bpf.mapUpdate(target.fd, key, value, 0n);
      if (status < 0 && type.startsWith('devmap')) bpf.mapUpdate(target.fd, key, loopback, 0n);
    }
  }
}
