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
  type Output,
  type PacketArena,
  type PacketInput,
  privateState,
  type RedirectNote,
  type Region,
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
  /** What the interpreter wrote in this batch: address, bytes, index of the packet. */
  private readonly written: number[] = [];

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
    const { verdict } = this.interpreter.run(this.program);
    const number = this.runtime.packets;
    const differ: Differ = (what, a, b) => this.differ(number, what, a, b, result.hit, input);
    const difference =
      this.comparePacket(verdict, decidedInBuffer(card, result.verdict), differ) ??
      compareOutputs(card.outputs, machine.outputs, differ) ??
      (this.isExact ? this.compareChanges(card, differ) : undefined) ??
      this.compareChanges(machine, differ);
    if (this.isExact) card.transaction.commit();
    machine.transaction.commit();
    return { result, difference };
  }

  /** Runs the packets in the arena on both sides; `dataOf` has each as it arrived. */
  runArena(dataOf: (index: number) => Uint8Array): Difference | undefined {
    const { runtime, machine, written } = this;
    const { arena } = runtime;
    const before = runtime.packets;
    const outputs: Output[] = [];
    written.length = 0;
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
      this.noteWritten(i);
      machine.transaction.commit();
      if (difference !== undefined) return difference;
    }
    return compareOutputs(runtime.gathered, outputs, differ(arena.count - 1)) ?? this.compareWritten(differ);
  }

  /** Compares all memory that outlives a packet. */
  finish(): Difference | undefined {
    const mine = this.machine.memory;
    const theirs = this.runtime.machine.memory;
    for (const region of mine.regions) {
      if (!this.isLasting(region)) continue;
      const words = region.size >>> 2;
      const a = new Uint32Array(mine.u8.buffer, region.start, words);
      const b = new Uint32Array(theirs.u8.buffer, region.start, words);
      let same = 0;
      while (same < words && a[same] === b[same]) same++;
      for (let at = region.start + 4 * same; at < region.start + region.size; at++) {
        if (mine.u8[at] !== theirs.u8[at] && this.isComparable(at)) {
          return this.differ(0, this.where(at), theirs.u8[at], mine.u8[at], undefined, undefined);
        }
      }
    }
    return undefined;
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

  /** What the interpreter's machine wrote, by its journal: that is what has to be equal in both. */
  private noteWritten(index: number): void {
    const { journal } = this.machine.memory;
    if (journal === null) throw new InternalError('check', 'no journal');
    for (let i = 0; i < journal.length; i++) {
      const start = journal.addresses[i] as number;
      const region = this.machine.memory.regionOf(start);
      if (region === undefined || !this.isLasting(region)) continue;
      this.written.push(start, journal.lengths[i] as number, index);
    }
  }

  /** All that the interpreter wrote in this batch must now be the same on both sides. */
  private compareWritten(differ: (i: number) => Differ): Difference | undefined {
    const { written } = this;
    const mine = this.machine.memory.u8;
    const theirs = this.runtime.machine.memory.u8;
    for (let i = written.length - 3; i >= 0; i -= 3) {
      const start = written[i] as number;
      for (let at = start; at < start + (written[i + 1] as number); at++) {
        if (mine[at] === theirs[at] || !this.isComparable(at)) continue;
        return differ(written[i + 2] as number)(this.where(at), theirs[at], mine[at]);
      }
    }
    return undefined;
  }

  /** Everything that `side` wrote must now be the same on both. */
  private compareChanges(side: Machine, differ: Differ): Difference | undefined {
    const { journal } = side.memory;
    if (journal === null) throw new InternalError('check', 'no journal');
    const mine = this.machine.memory.u8;
    const theirs = this.runtime.machine.memory.u8;
    for (let i = 0; i < journal.length; i++) {
      const start = journal.addresses[i] as number;
      const size = journal.lengths[i] as number;
      for (let at = start; at < start + size; at++) {
        if (mine[at] === theirs[at] || !this.isComparable(at)) continue;
        const region = side.memory.regionOf(at);
        if (region !== undefined && !this.isLasting(region)) break;
        return differ(this.where(at), theirs[at], mine[at]);
      }
    }
    return undefined;
  }

  /** Stacks and helper scratch die with the packet; the packet itself is compared as such. */
  private isLasting(region: Region): boolean {
    if (region.kind === 'stack' || region.kind === 'packet' || region.kind === 'ctx') return false;
    if (region.kind !== 'scratch') return true;
    return region.start === this.machine.lane.state || !/scratch|fragments|keys of the card|code of/.test(region.name);
  }

  /**
   * Of the machine's private state, compiled code and packets in an arena leave only what outlives a packet (the
   * random generator) where the interpreter does; redirect and geometry are compared as the packet's.
   */
  private isComparable(address: number): boolean {
    const { state } = this.machine.lane;
    return this.isExact || address < state + privateState.redirectKind || address >= state + 0x1000;
  }

  /** An address in words. */
  private where(address: number): string {
    const region = this.machine.memory.regionOf(address);
    return region === undefined
      ? `memory at 0x${address.toString(16)}`
      : `${region.name} +0x${(address - region.start).toString(16)}`;
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
