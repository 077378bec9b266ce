/**
 * Packets under way in a pipeline, cycle by cycle: each stage does for its packet what stands in it, on the machine's
 * maps, while other packets are in other stages. So a hazard that nobody minds leaves wrong maps behind, and what a
 * strategy costs is counted, not computed.
 *
 * Only traces whose accesses are loads, stores, atomics and look-ups; helpers have units of their own that see one
 * packet at a time.
 */
import { UnsupportedError } from '../../base/index.js';
import { isPacketAccess, mask64, opTable, packetOffset, type TraceCode, type Value } from '../../ir/index.js';
import { staticIn } from '../../jit/index.js';
import type { Machine, Region } from '../../vm/index.js';
import type { HazardStrategy } from './hazards.js';
import type { MapAccess, PipelinedTrace } from './lower.js';

/** A trace, lowered. */
export interface LoadedTrace {
  readonly code: TraceCode;
  readonly lowered: PipelinedTrace;
}

/** What came of a packet: whether the trace's guards held, and its bytes. */
export interface PipelineResult {
  readonly holds: boolean;
  readonly bytes: Uint8Array;
}

/** A run of memory that was read or is to be written. */
interface Range {
  readonly address: number;
  readonly size: number;
}

/** A packet under way. */
interface UnderWay {
  readonly index: number;
  readonly trace: LoadedTrace;
  readonly arrived: Uint8Array;
  bytes: Uint8Array;
  /** The stage that it is in; below 0 it has not begun. */
  stage: number;
  readonly values: Map<Value, bigint>;
  readonly reads: Range[];
  /** Writes that are done, and in which cycle. */
  readonly written: Map<Value, number>;
  holds: boolean;
}

/** Where each packet is, to programs that compute with its address: frames are no part of the machine's memory. */
const packetBase = 0x10000n;

/** Runs packets that come one a cycle; `none` minds no hazard, to show that somebody has to. */
export class PipelineMachine {
  /** Cycles until the last packet was through; collisions; packets that began anew. */
  cycles = 0;
  collisions = 0;
  private readonly machine: Machine;
  private readonly strategy: HazardStrategy | 'none';
  private readonly reload: number;
  private readonly keys: Region;

  constructor(machine: Machine, strategy: HazardStrategy | 'none', reload: number) {
    this.machine = machine;
    this.strategy = strategy;
    this.reload = reload;
    this.keys = machine.memory.allocate('scratch', 'keys of the pipeline', 512);
  }

  /** Runs them all; `traceOf` says which trace the match table chose for a packet. */
  run(packets: readonly Uint8Array[], traceOf: (packet: Uint8Array) => LoadedTrace): readonly PipelineResult[] {
    const results: PipelineResult[] = [];
    let flight: UnderWay[] = [];
    let next = 0;
    let wait = 0;
    for (this.cycles = 0; next < packets.length || flight.length > 0; this.cycles++) {
      const isFree = flight.every(({ stage }) => stage > 0);
      if (wait > 0) wait--;
      else if (next < packets.length && isFree)
        flight.push(this.begin(next, traceOf(packets[next] as Uint8Array), packets[next++] as Uint8Array));
      // The oldest first: what it writes in a cycle is there for those behind it in the next.
      for (const [i, packet] of flight.entries()) {
        if (!this.mayGoOn(packet, flight.slice(0, i))) {
          this.collisions++;
          break;
        }
        this.runStage(packet);
        const flushed = this.strategy === 'flush' ? this.collided(packet, flight.slice(i + 1)) : undefined;
        packet.stage++;
        if (flushed === undefined) continue;
        this.collisions++;
        // That one and all behind it begin anew.
        flight = flight.slice(0, flight.indexOf(flushed));
        next = flushed.index;
        wait = Math.max(0, this.reload - 1);
        for (const behind of flight.slice(i + 1)) this.step(behind);
        break;
      }
      flight = flight.filter((packet) => {
        if (packet.stage < packet.trace.lowered.stages.length) return true;
        results[packet.index] = { holds: packet.holds, bytes: packet.bytes };
        return false;
      });
    }
    return results;
  }

  private begin(index: number, trace: LoadedTrace, arrived: Uint8Array): UnderWay {
    const values = new Map<Value, bigint>();
    return {
      index,
      trace,
      arrived,
      bytes: arrived.slice(),
      stage: 0,
      values,
      reads: [],
      written: new Map(),
      holds: true,
    };
  }

  private step(packet: UnderWay): void {
    this.runStage(packet);
    packet.stage++;
  }

  /** Does the strategy let the packet into its stage, with those ahead of it where they are? */
  private mayGoOn(packet: UnderWay, ahead: readonly UnderWay[]): boolean {
    const { strategy } = this;
    if (strategy === 'none' || strategy === 'flush') return true;
    return this.startingReads(packet).every((access) =>
      ahead.every((other) =>
        other.trace.lowered.accesses.every((write) => {
          if (write.write === undefined || write.map !== access.map) return true;
          if (strategy === 'atomic' && access.isAtomic && write.isAtomic) return true;
          const done = other.written.get(write.value);
          // Forwarding hands on in the cycle in which the one ahead writes; the memory answers in the next.
          if (done !== undefined && (strategy === 'forward' || done < this.cycles)) return true;
          const to = this.rangeOf(other, write.value);
          return !this.readBy(packet, access).some((range) => overlaps(range, to));
        }),
      ),
    );
  }

  /** What an access reads: its own bytes, and those of its row that are loads of their own. */
  private readBy(packet: UnderWay, { value }: MapAccess): readonly Range[] {
    const parts = packet.trace.lowered.parts.get(value) ?? [];
    return [value, ...parts].flatMap((each) => this.rangeOf(packet, each) ?? []);
  }

  /** Reads that begin in the packet's stage. */
  private startingReads({ stage, trace: { lowered } }: UnderWay): readonly MapAccess[] {
    return lowered.accesses.filter(({ read }) => read === stage);
  }

  /** A packet behind that has read what this one writes in its stage. */
  private collided(packet: UnderWay, behind: readonly UnderWay[]): UnderWay | undefined {
    const writes = packet.trace.lowered.accesses.filter(({ write }) => write === packet.stage);
    const ranges = writes.flatMap(({ value }) => this.rangeOf(packet, value) ?? []);
    const found = behind.find(({ reads }) => reads.some((read) => ranges.some((range) => overlaps(read, range))));
    if (found !== undefined && behind.slice(behind.indexOf(found)).some((each) => each.written.size > 0))
      throw new UnsupportedError('a packet that begins anew has written already');
    return found;
  }

  /** Does what stands in the packet's stage: first what it reads and computes, then what it writes. */
  private runStage(packet: UnderWay): void {
    const { stage, trace, values, reads, written } = packet;
    const { lowered } = trace;
    for (const value of lowered.stages[stage] ?? []) {
      const access = lowered.accesses.find((each) => each.value === value);
      const isLate = this.strategy === 'atomic' && access?.isAtomic === true;
      if (access?.read === undefined) {
        if (access === undefined && !this.isInUnit(packet, value)) this.valueOf(packet, value);
        continue;
      }
      if (isLate) continue;
      values.set(value, this.readAt(packet, value));
      for (const part of lowered.parts.get(value) ?? []) values.set(part, this.readAt(packet, part));
      reads.push(...this.readBy(packet, access));
    }
    if (stage !== lowered.commit && !lowered.accesses.some(({ write }) => write === stage)) return;
    if (stage === lowered.commit) packet.holds = this.guardsHold(packet);
    for (const access of lowered.accesses) {
      if (access.write !== stage || written.has(access.value)) continue;
      if (packet.holds) this.writeAt(packet, access);
      written.set(access.value, this.cycles);
    }
  }

  /** A memory's own unit computes it, of what it reads when it writes. */
  private isInUnit({ trace: { lowered } }: UnderWay, { args }: Value): boolean {
    return (
      this.strategy === 'atomic' && lowered.accesses.some((access) => access.isAtomic && args.includes(access.value))
    );
  }

  private guardsHold(packet: UnderWay): boolean {
    return packet.trace.code.values.every(
      ({ op, args: [condition], detail }) =>
        op !== 'guard' ||
        condition === undefined ||
        detail?.kind !== 'guard' ||
        (this.valueOf(packet, condition) !== 0n) === detail.expect,
    );
  }

  /** What an access reads: the element's address, its bytes, or an atomic's old value. */
  private readAt(packet: UnderWay, value: Value): bigint {
    const { detail } = value;
    if (detail?.kind === 'lookup') {
      let at = this.keys.start;
      const { u8 } = this.machine.memory;
      for (const [i, { size }] of detail.pieces.entries()) {
        const piece = this.valueOf(packet, value.args[i] as Value);
        for (let b = 0; b < size; b++) u8[at++] = Number((piece >> BigInt(8 * b)) & 0xffn);
      }
      return BigInt(this.machine.maps[detail.map]?.lookup(this.keys.start, this.machine.lane.cpu) ?? 0);
    }
    const range = this.rangeOf(packet, value);
    if (range === undefined) throw new UnsupportedError(`the pipeline's interpreter has no ${value.op}`);
    return this.load(range);
  }

  private writeAt(packet: UnderWay, access: MapAccess): void {
    const { value } = access;
    const range = this.rangeOf(packet, value);
    const { detail } = value;
    if (range === undefined) throw new UnsupportedError(`the pipeline's interpreter has no ${value.op}`);
    if (detail?.kind === 'atomic') {
      if ((detail.atomic & 0xf0) !== 0) throw new UnsupportedError('atomics but additions');
      // The unit adds to what is there; without one, to what was read.
      const old = this.strategy === 'atomic' && access.isAtomic ? this.load(range) : this.valueOf(packet, value);
      this.store(range, old + this.valueOf(packet, value.args[1] as Value));
      return;
    }
    const stored = value.args[1] as Value;
    if (this.strategy === 'atomic' && access.isAtomic) {
      // Read, changed and written in one step.
      for (const arg of stored.args)
        if (arg.op === 'load' && this.rangeOf(packet, arg)?.address === range.address)
          packet.values.set(arg, this.load(range));
      packet.values.delete(stored);
    }
    this.store(range, this.valueOf(packet, stored));
  }

  private load({ address, size }: Range): bigint {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.machine.memory.load8(address + i));
    return value;
  }

  private store({ address, size }: Range, value: bigint): void {
    for (let i = 0; i < size; i++) this.machine.memory.store8(address + i, Number((value >> BigInt(8 * i)) & 0xffn));
  }

  /** The bytes of a map that an access is about; undefined: a look-up, or its address is not known. */
  private rangeOf(packet: UnderWay, { args: [base], imm, detail }: Value): Range | undefined {
    if (base === undefined || (detail?.kind !== 'memory' && detail?.kind !== 'atomic')) return undefined;
    return { address: Number(BigInt.asUintN(64, this.valueOf(packet, base) + imm)), size: detail.size };
  }

  /** A value that is known, or can be computed of those that are. */
  private valueOf(packet: UnderWay, value: Value): bigint {
    const known = value.op === 'const' ? value.imm : (packet.values.get(value) ?? staticIn(this.machine, value));
    if (known !== undefined) return known;
    const made = this.compute(packet, value);
    packet.values.set(value, made);
    return made;
  }

  private compute(packet: UnderWay, value: Value): bigint {
    const { op, args, imm, detail } = value;
    const arg = (i: number): bigint => this.valueOf(packet, args[i] as Value);
    if (op === 'lookup') return this.readAt(packet, value);
    const pure = opTable[op].evaluate;
    if (pure !== undefined) return pure(arg(0), args.length > 1 ? arg(1) : 0n) & mask64;
    if (op === 'ptr') return (arg(0) + packetBase) & mask64;
    if (op === 'len') return BigInt(packet.arrived.length);
    if (op === 'ret' || op === 'guard') return 0n;
    if ((op === 'load' || op === 'store') && detail?.kind === 'memory' && isPacketAccess(value)) {
      const at = Number(BigInt.asIntN(64, this.valueOf(packet, packetOffset(value))) + imm);
      let loaded = 0n;
      for (let i = detail.size - 1; i >= 0; i--) loaded = (loaded << 8n) | BigInt(packet.bytes[at + i] ?? 0);
      if (op === 'load') return loaded;
      for (let i = 0; i < detail.size; i++) packet.bytes[at + i] = Number((arg(1) >> BigInt(8 * i)) & 0xffn);
      return 0n;
    }
    throw new UnsupportedError(`the pipeline's interpreter has no ${op}`);
  }
}

/** A place that is not known may be the same. */
function overlaps(a: Range, b: Range | undefined): boolean {
  if (b === undefined) return true;
  return a.address < b.address + b.size && b.address < a.address + a.size;
}
