/**
 * The kernel's figure: BPF_PROG_TEST_RUN with `repeat`, less that of an empty program in the same round on the same
 * packet.
 *
 * - What one call costs (about 15 ms: the kernel patches its dispatcher) cancels out in the difference of two runs
 *   with different `repeat`.
 * - The processor works on the program while the test's own loop goes on, so of a program of a few nanoseconds little
 *   is seen, and where the kernel put the code matters more: each program is loaded several times, rounds take them in
 *   turn, and the figure is the difference of the medians over all of them.
 * - `noise` is two standard errors of that difference. A net figure below it is not told from nothing.
 * - Both figures are told: the net one, and the net one where program and empty program alike come after instructions
 *   that keep every execution unit busy (`busy`). The former is what is left of a program once the processor has
 *   overlapped it with the test's loop, the latter what it costs a core that has something else to do, such as the
 *   next packet. Compiled code is measured the latter way: its loop has nothing to overlap with but packets.
 * - A program that changes its packet runs behind a prologue that puts it back, and so does its empty program: see
 *   restoration.ts.
 */
import { InputError } from '../../base/index.js';
import { type Insn, op } from '../../isa/index.js';
import { type Bpf, KernelObject, lastWords, possibleCpus } from '../../linux/index.js';
import { needsDevice, type ObjectSpec, type ProgramSpec } from '../../object/index.js';
import { errnoName } from '../../platform/index.js';
import { Machine } from '../../vm/index.js';
import { bareObject } from '../engines.js';
import { cpuTime, errorOfMedian, type Figure, summarize } from './clock.js';
import type { SpeedSubject } from './measure.js';
import { behind, type PacketChange, restoringPrologue, storeWidths } from './restoration.js';

/** Nanoseconds a packet, net. */
export interface KernelFigure extends Figure {
  /** Two standard errors of the median, in nanoseconds. */
  readonly noise: number;
  /** What the empty program takes: the test's own loop. */
  readonly empty: number;
}

/** How often a program is loaded. */
const copies = 4;
/** Cycles of the busy prologue, about: the loop alone takes 25 to 80. */
const busySteps = 120;
/** Runs of the shorter of two test runs. */
const few = 20_000;

/** One program in the kernel, and the empty one beside it; to be closed. */
export class KernelTurns {
  /** What the program said last. */
  verdict = 0;
  private readonly bpf: Bpf;
  private readonly packet: Uint8Array;
  private readonly kernel: KernelObject;
  private readonly programs: readonly number[];
  private readonly empties: readonly number[];
  private readonly many: number;
  private readonly loaded: number[] = [];
  private readonly unloaded: number[] = [];
  private round = 0;

  /**
   * `turn`: seconds; `prologue`: what comes before program and empty program. Throws InputError where the kernel
   * refuses the program.
   */
  private constructor(bpf: Bpf, subject: SpeedSubject, prologue: readonly Insn[], turn: number) {
    this.bpf = bpf;
    this.packet = subject.packet;
    const spec = subject.object.programs.find(({ name }) => name === subject.program) as ProgramSpec;
    const empty = emptyObject().programs[0] as ProgramSpec;
    const copyOf = (of: ProgramSpec, kind: string, i: number): ProgramSpec => behind(prologue, of, `${kind} ${i}`);
    const numbers = Array.from({ length: copies }, (_, i) => i);
    const object: ObjectSpec = {
      ...subject.object,
      programs: [
        ...subject.object.programs,
        ...numbers.flatMap((i) => [copyOf({ ...spec, type: 'xdp' }, 'measured', i), copyOf(empty, 'empty', i)]),
      ],
    };
    if (needsDevice(spec)) throw new InputError(`it runs \`${subject.program}\` on its device alone`);
    this.kernel = KernelObject.load(bpf, object);
    const descriptors = (kind: string): number[] => numbers.flatMap((i) => this.kernel.programFd(`${kind} ${i}`) ?? []);
    this.programs = descriptors('measured');
    this.empties = descriptors('empty');
    if (this.programs.length < copies || this.empties.length < copies) {
      const refused = this.kernel.programs.find(({ loaded }) => !('fd' in loaded))?.loaded;
      this.close();
      const why =
        refused === undefined || 'fd' in refused ? '' : ` with ${errnoName(refused.errno)}: ${lastWords(refused.log)}`;
      throw new InputError(`the kernel refuses \`${subject.program}\`${why}`);
    }
    copyMaps(bpf, subject, this.kernel);
    bpf.pinToCpu(0);
    const once = (this.run(this.programs[0] as number, 2 * few) - this.run(this.programs[0] as number, few)) / few;
    this.many = few + Math.max(20_000, Math.ceil((2 * turn * 1e9) / Math.max(once, 20)));
  }

  /**
   * As the constructor; of the prologues that put back what the program changes, the one with the lowest figure.
   * `busy`: before them come instructions that leave no execution unit idle.
   */
  static make(
    bpf: Bpf,
    subject: SpeedSubject,
    change: PacketChange | undefined,
    { turn, busy }: { readonly turn: number; readonly busy: boolean },
  ): KernelTurns {
    const prologues =
      change === undefined ? [[]] : storeWidths.map((width) => restoringPrologue(change, subject.packet, width) ?? []);
    const before = busy ? busyPrologue() : [];
    const candidates = prologues.map((prologue) => new KernelTurns(bpf, subject, [...before, ...prologue], turn));
    if (candidates.length > 1) {
      for (let i = 0; i < copies; i++) for (const candidate of candidates) candidate.measure();
      candidates.sort((a, b) => a.figure().median - b.figure().median);
    }
    const [best, ...others] = candidates;
    for (const other of others) other.close();
    return best as KernelTurns;
  }

  /** One round: one copy of the program and one of the empty program. */
  measure(): void {
    const i = this.round++ % copies;
    this.unloaded.push(this.perPacket(this.empties[i] as number));
    this.loaded.push(this.perPacket(this.programs[i] as number));
    this.verdict = this.bpf.testRun(this.programs[i] as number, { data: this.packet, repeat: 1 }).retval;
  }

  /** The program less the empty one. `noise`: two standard errors of that difference of medians. */
  figure(): KernelFigure {
    const { loaded, unloaded } = this;
    const [a, b] = [summarize(loaded), summarize(unloaded)];
    return {
      // Medians first: the difference of two single measurements has the noise of both.
      median: a.median - b.median,
      spread: Math.hypot(a.spread, b.spread),
      noise: 2 * Math.hypot(errorOfMedian(loaded), errorOfMedian(unloaded)),
      empty: b.median,
    };
  }

  /** Nanoseconds a packet of the last `count` rounds; those before them chose the prologue. */
  lastRounds(count: number): { readonly loaded: readonly number[]; readonly unloaded: readonly number[] } {
    return { loaded: this.loaded.slice(-count), unloaded: this.unloaded.slice(-count) };
  }

  close(): void {
    this.kernel.close();
  }

  /** The slope between two numbers of repetitions, in which what a call costs cancels out. */
  private perPacket(program: number): number {
    const short = this.run(program, few);
    return (this.run(program, this.many) - short) / (this.many - few);
  }

  private run(program: number, repeat: number): number {
    const start = cpuTime();
    const { status } = this.bpf.testRun(program, { data: this.packet, repeat });
    const time = cpuTime() - start;
    if (status < 0) throw new InputError(`BPF_PROG_TEST_RUN: ${status}`);
    return time;
  }
}

/**
 * Five chains of operations that take a cycle each, and a load a cycle: what six instructions a cycle leave room for.
 * Long enough that the test's own loop ends before it does.
 */
function busyPrologue(): Insn[] {
  const registers = [0, 2, 3, 4, 5];
  const step = (kind: number, imm: number): Insn[] =>
    registers.map((dst) => ({ code: op.ALU64 | kind, dst, src: 0, off: 0, imm }));
  const load: Insn = { code: op.LDX | op.MODE_MEM | op.SIZE_W, dst: 6, src: 1, off: 12, imm: 0 };
  return [...step(op.MOV, 1), ...Array.from({ length: busySteps }, (_, i) => [...step(op.XOR, i + 2), load]).flat()];
}

/** `r0 = XDP_PASS; exit`. */
function emptyObject(): ObjectSpec {
  return bareObject([
    { code: op.ALU64 | op.MOV, dst: 0, src: 0, off: 0, imm: 2 },
    { code: op.EXIT_OP, dst: 0, src: 0, off: 0, imm: 0 },
  ]);
}

/**
 * Gives the kernel's maps what the machine's hold after `fill`. Interfaces that do not exist become the loopback's.
 */
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
