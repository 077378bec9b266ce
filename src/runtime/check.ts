/**
 * `--check`: a second machine runs the whole program on the plain interpreter, packet by packet, and everything that
 * can be seen afterwards must be the same: verdict, packet, metadata, redirect target, outputs, and all memory that a
 * packet changed. Both machines allocate alike, so an address means the same in both. At the end all of guest memory
 * is compared once more.
 *
 * Where everything is interpreted, packets go one by one and both machines' journals say what each packet changed.
 * Compiled code keeps no journal: there memory is compared behind each batch, at all places that the interpreter wrote
 * to, and a place is blamed on the packet that wrote it last. What only compiled code wrote comes out at the end.
 */
import { InternalError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import { reserveKeys } from '../nic/index.js';
import { verdictName } from '../platform/index.js';
import {
  currentRedirect,
  type LoadedProgram,
  Machine,
  MemoryComparison,
  type MemoryDifference,
  type Output,
  type PacketArena,
  type PacketInput,
  type RedirectNote,
  readRedirect,
  sameRedirect,
} from '../vm/index.js';
import type { PacketResult, Runtime } from './runtime.js';
import type { RuntimeOptions } from './runtime-options.js';
import type { TraceRecord } from './trace-record.js';

/** The first difference, with what is needed to see why. */
export interface Difference {
  /** Number of the packet, from 1; 0: found only in the end. */
  readonly packet: number;
  /** What differs, e.g. `verdict`, `packet byte 14`, `value of map flows +0x40`. */
  readonly what: string;
  readonly card: string;
  readonly interpreter: string;
  /** The trace that decided the packet; undefined if the host did. */
  readonly trace: TraceRecord | undefined;
  readonly input: PacketInput | undefined;
}

/** Runs the second machine, and keeps the first difference that it finds. */
export class Checker {
  readonly machine: Machine;
  private readonly runtime: Runtime;
  private readonly interpreter: Interpreter;
  private readonly program: LoadedProgram;
  /** True if packets have to come one by one, see above. */
  readonly isExact: boolean;
  private readonly memory: MemoryComparison;

  constructor(runtime: Runtime, options: RuntimeOptions) {
    this.runtime = runtime;
    this.machine = new Machine(runtime.machine.object, options);
    // The runtime reserves memory of its own after the machine's; keep addresses in step.
    reserveKeys(this.machine);
    this.interpreter = new Interpreter(this.machine, { maxSteps: options.maxSteps });
    const program = this.machine.programs[runtime.program.index];
    if (program === undefined) throw new InternalError('check', 'program');
    this.program = program;
    this.isExact = !runtime.host.compiles;
    this.memory = new MemoryComparison(this.machine, runtime.machine, this.isExact);
  }

  /** Runs one packet on both sides. */
  run(input: PacketInput): { readonly result: PacketResult; readonly difference: Difference | undefined } {
    const card = this.runtime.machine;
    const { machine } = this;
    card.setPacket(input);
    machine.setPacket(input);
    if (this.isExact) card.transaction.begin();
    machine.transaction.begin();
    const result = this.runtime.runCurrent();
    if (result.isLost) {
      if (this.isExact) card.transaction.rollback();
      machine.transaction.rollback();
      return { result, difference: undefined };
    }
    const { verdict } = this.interpreter.run(this.program);
    const number = this.runtime.packets;
    const differ: Differ = (what, a, b) => this.differ(number, what, a, b, result.hit, input);
    const difference =
      this.comparePacket(verdict, decidedInBuffer(card, result.verdict), differ) ??
      compareOutputs(card.outputs, machine.outputs, differ) ??
      asDifference(this.isExact ? this.memory.changesOf('theirs') : undefined, differ) ??
      asDifference(this.memory.changesOf('mine'), differ);
    if (this.isExact) card.transaction.commit();
    machine.transaction.commit();
    return { result, difference };
  }

  /** Runs the packets in the arena on both sides; `dataOf` has each as it arrived. */
  runArena(dataOf: (index: number) => Uint8Array): Difference | undefined {
    const { runtime, machine, memory } = this;
    const { arena } = runtime;
    const before = runtime.packets;
    const outputs: Output[] = [];
    runtime.gathered ??= [];
    runtime.gathered.length = 0;
    // The record is the packet's input, and the engine changes it.
    const inputs = Array.from({ length: arena.count }, (_, i) => ({ ...arena.input(i), data: dataOf(i) }));
    runtime.runArena();
    const differ =
      (i: number): Differ =>
      (what, a, b) =>
        this.differ(before + i + 1, what, a, b, runtime.hitOf(i), inputs[i]);
    for (const [i, input] of inputs.entries()) {
      machine.setPacket(input);
      machine.transaction.begin();
      const { verdict } = this.interpreter.run(this.program);
      const difference = this.comparePacket(verdict, decidedInArena(arena, i), differ(i));
      outputs.push(...machine.outputs);
      memory.note(i);
      machine.transaction.commit();
      if (difference !== undefined) return difference;
    }
    const found = memory.noted();
    return (
      compareOutputs(runtime.gathered, outputs, differ(arena.count - 1)) ??
      asDifference(found, differ(found?.packet ?? 0))
    );
  }

  /** Compares all memory that outlives a packet. */
  finish(): Difference | undefined {
    const found = this.memory.everything();
    return found && this.differ(0, found.where, found.theirs, found.mine, undefined, undefined);
  }

  /** `verdict` is the interpreter's, and what else it did is in its machine. */
  private comparePacket(verdict: number, other: DecidedPacket, differ: Differ): Difference | undefined {
    const { machine } = this;
    if (other.verdict !== verdict) return differ('verdict', verdictName(other.verdict), verdictName(verdict));
    const bytes = firstDifference(other.bytes, machine.lane.packet.bytes());
    if (bytes !== undefined) return differ(`packet ${bytes.what}`, bytes.a, bytes.b);
    const meta = firstDifference(other.meta, machine.lane.packet.metaBytes());
    if (meta !== undefined) return differ(`metadata ${meta.what}`, meta.a, meta.b);
    // Target by target only where the notes differ: a broadcast's targets are as many as the map has entries.
    if (verdictName(verdict) !== 'REDIRECT' || sameRedirect(other.redirect, currentRedirect(machine))) return undefined;
    const a = JSON.stringify(readRedirect(other.redirect));
    const b = JSON.stringify(machine.redirect);
    return a === b ? undefined : differ('redirect target', a, b);
  }

  private differ(
    packet: number,
    what: string,
    card: unknown,
    interpreter: unknown,
    trace: TraceRecord | undefined,
    input: PacketInput | undefined,
  ): Difference {
    return { packet, what, card: String(card), interpreter: String(interpreter), trace, input };
  }
}

/** Makes a difference of two values that are not the same. */
type Differ = (what: string, a: unknown, b: unknown) => Difference;

function asDifference(found: MemoryDifference | undefined, differ: Differ): Difference | undefined {
  return found && differ(found.where, found.theirs, found.mine);
}

/** A packet as the other side left it. */
interface DecidedPacket {
  readonly verdict: number;
  readonly bytes: Uint8Array;
  readonly meta: Uint8Array;
  readonly redirect: RedirectNote;
}

/**
 * What became of the packet in the machine's buffer, and of one in an arena: the same shape, so one comparison serves.
 */
function decidedInBuffer(machine: Machine, verdict: number): DecidedPacket {
  return {
    verdict,
    bytes: machine.lane.packet.bytes(),
    meta: machine.lane.packet.metaBytes(),
    redirect: currentRedirect(machine),
  };
}

function decidedInArena(arena: PacketArena, i: number): DecidedPacket {
  return { verdict: arena.verdict(i), bytes: arena.bytes(i), meta: arena.metaBytes(i), redirect: arena.redirect(i) };
}

/** Where two byte strings part. */
interface Mismatch {
  readonly what: string;
  readonly a: string;
  readonly b: string;
}

function firstDifference(a: Uint8Array, b: Uint8Array): Mismatch | undefined {
  if (a.length !== b.length) return { what: 'length', a: String(a.length), b: String(b.length) };
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return { what: `byte ${i}`, a: hex(a[i]), b: hex(b[i]) };
  return undefined;
}

/** Records, perf events and printed lines, in order. */
function compareOutputs(a: readonly Output[], b: readonly Output[], differ: Differ): Difference | undefined {
  if (a.length !== b.length) return differ('number of outputs', a.length, b.length);
  for (const [i, output] of a.entries()) {
    const left = show(output);
    const right = show(b[i] as Output);
    if (left !== right) return differ(`output ${i}`, left, right);
  }
  return undefined;
}

function show(output: Output): string {
  if (output.kind === 'printk') return output.text;
  const bytes = Array.from(output.data, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${output.kind} ${output.map} ${output.kind === 'perf' ? output.index : ''} ${bytes}`;
}

function hex(byte: number | undefined): string {
  return `0x${(byte ?? 0).toString(16).padStart(2, '0')}`;
}
