/**
 * `--check`: a second machine runs the whole program on the plain interpreter, packet by packet, and everything that can be seen afterwards must
 * be the same: verdict, packet, metadata, redirect target, outputs, and all memory that either side changed. Both machines allocate alike, so
 * an address means the same in both. At the end all of guest memory is compared once more.
 */
import { InternalError } from '../base/index.js';
import { Interpreter } from '../interp/index.js';
import { verdictName } from '../platform/index.js';
import { type LoadedProgram, Machine, type Output, type PacketInput, type Region, sameRedirect } from '../vm/index.js';
import type { PacketResult, Runtime, RuntimeOptions } from './runtime.js';
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

export class Checker {
  readonly machine: Machine;
  private readonly runtime: Runtime;
  private readonly interpreter: Interpreter;
  private readonly program: LoadedProgram;

  constructor(runtime: Runtime, options: RuntimeOptions) {
    this.runtime = runtime;
    this.machine = new Machine(runtime.machine.object, options);
    // The runtime reserves memory of its own after the machine's; keep addresses in step.
    this.machine.memory.allocate('scratch', 'keys of the card', 4096);
    this.interpreter = new Interpreter(this.machine, { maxSteps: options.maxSteps });
    const program = this.machine.programs[runtime.program.index];
    if (program === undefined) throw new InternalError('check', 'program');
    this.program = program;
  }

  /** Runs one packet on both sides. */
  run(input: PacketInput): { readonly result: PacketResult; readonly difference: Difference | undefined } {
    const card = this.runtime.machine;
    const { machine } = this;
    card.setPacket(input);
    machine.setPacket(input);
    card.begin();
    machine.begin();
    const result = this.runtime.runCurrent();
    const outcome = this.interpreter.run(this.program);
    const difference = this.compare(result, outcome.verdict, input);
    card.commit();
    machine.commit();
    return { result, difference };
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
        if (mine.u8[at] !== theirs.u8[at]) {
          return this.differ(0, this.where(at), theirs.u8[at], mine.u8[at], undefined, undefined);
        }
      }
    }
    return undefined;
  }

  private compare(result: PacketResult, verdict: number, input: PacketInput): Difference | undefined {
    const number = this.runtime.packets;
    const card = this.runtime.machine;
    const differ = (what: string, a: unknown, b: unknown): Difference =>
      this.differ(number, what, a, b, result.hit, input);
    if (result.verdict !== verdict) return differ('verdict', verdictName(result.verdict), verdictName(verdict));
    const bytes = firstDifference(card.packetBytes(), this.machine.packetBytes());
    if (bytes !== undefined) return differ(`packet ${bytes.what}`, bytes.a, bytes.b);
    const meta = firstDifference(card.metaBytes(), this.machine.metaBytes());
    if (meta !== undefined) return differ(`metadata ${meta.what}`, meta.a, meta.b);
    // Target by target only where the notes differ: a broadcast's targets are as many as the map has entries.
    if (verdictName(verdict) === 'REDIRECT' && !sameRedirect(card, this.machine)) {
      const a = JSON.stringify(card.redirect);
      const b = JSON.stringify(this.machine.redirect);
      if (a !== b) return differ('redirect target', a, b);
    }
    const outputs = firstOutputDifference(card.outputs, this.machine.outputs);
    if (outputs !== undefined) return differ(outputs.what, outputs.a, outputs.b);
    return this.compareChanges(card, differ) ?? this.compareChanges(this.machine, differ);
  }

  /** Everything that `side` wrote must now be the same on both. */
  private compareChanges(
    side: Machine,
    differ: (what: string, a: unknown, b: unknown) => Difference,
  ): Difference | undefined {
    const { journal } = side.memory;
    if (journal === null) throw new InternalError('check', 'no journal');
    const mine = this.machine.memory.u8;
    const theirs = this.runtime.machine.memory.u8;
    for (let i = 0; i < journal.length; i++) {
      const start = journal.addresses[i] as number;
      const size = journal.lengths[i] as number;
      for (let at = start; at < start + size; at++) {
        if (mine[at] === theirs[at]) continue;
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
    return region.start === this.machine.state || !/scratch|fragments|keys of the card|code of/.test(region.name);
  }

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

function firstOutputDifference(a: readonly Output[], b: readonly Output[]): Mismatch | undefined {
  if (a.length !== b.length) return { what: 'number of outputs', a: String(a.length), b: String(b.length) };
  for (const [i, output] of a.entries()) {
    const left = show(output);
    const right = show(b[i] as Output);
    if (left !== right) return { what: `output ${i}`, a: left, b: right };
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
