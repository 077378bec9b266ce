/**
 * For tests: a card of another kind. It holds few traces, in a list, and tries them one after another on the packet,
 * value by value as the IR says; whatever a trace did before one of its guards failed is rolled back. Nothing is
 * shared between traces, so a packet leaves them at one place of each trace: the first guard that failed of the one
 * that got furthest.
 */
import { InternalError } from '../base/index.js';
import { mask64, opTable, type Value } from '../ir/index.js';
import { locateStack, staticIn } from '../jit/index.js';
import { headroom, stackSize } from '../platform/index.js';
import type { RecordedTrace } from '../trace/index.js';
import { type Machine, type PacketArena, ProgramTrap, Registers } from '../vm/index.js';
import { ProgArrayMap } from '../vm/maps/index.js';
import {
  type ArenaOffer,
  type ArenaOwner,
  type CardPort,
  type InstalledTrace,
  type Offer,
  offerEach,
  type Parent,
  SideExit,
} from './port.js';

/** A trace in the list, with an exit for each number of guards that were passed. */
class LinearTrace implements InstalledTrace {
  readonly kind = 'hit';
  readonly trace: RecordedTrace;
  readonly bodiesBefore = 0;
  packets = 0;
  /** By the number of guards that held. */
  readonly exits = new Map<number, LinearExit>();

  constructor(trace: RecordedTrace) {
    this.trace = trace;
  }

  exitAfter(guards: number): LinearExit {
    const exit = this.exits.get(guards) ?? new LinearExit(this, guards);
    this.exits.set(guards, exit);
    return exit;
  }
}

/** Where packets left a trace. */
class LinearExit extends SideExit {
  private readonly installed: LinearTrace;
  private readonly guards: number;

  constructor(installed: LinearTrace, guards: number) {
    super();
    this.installed = installed;
    this.guards = guards;
  }

  /**
   * Early guards that were dropped as dead stand in the history all the same, so only a trace that has all of them
   * says where.
   */
  override parent(): Parent | undefined {
    const { installed, guards } = this;
    const own = installed.trace.code.values.filter(({ op }) => op === 'guard').length;
    const isWhole = own === installed.trace.history.guards.length;
    return guards === 0 || !isWhole ? undefined : { installed, guard: guards };
  }
}

/** Where packets go while there is no trace. */
class Empty extends SideExit {
  override parent(): undefined {
    return undefined;
  }
}

/** What one value does to a packet fails: the packet is not the trace's. */
class Left extends Error {}

/** The card; {@link capacity} traces fit. */
export class LinearCard implements CardPort {
  readonly name = 'linear';
  readonly capacity: number;
  readonly holdsRegions: boolean;
  private readonly machine: Machine;
  private readonly traces: LinearTrace[] = [];
  private readonly empty = new Empty();
  private readonly key: number;
  private readonly registers = new Registers();

  constructor(machine: Machine, capacity = 8, holdsRegions = false) {
    this.machine = machine;
    this.capacity = capacity;
    this.holdsRegions = holdsRegions;
    this.key = machine.memory.allocate('scratch', 'keys of the card of tests', 4096).start;
  }

  /** Traces that read their stack back from memory would need frames that are kept between values; it has none. */
  refusal(trace: RecordedTrace): string | undefined {
    const reads = trace.code.values.some(
      ({ op, detail }) => op === 'load' && detail?.kind === 'memory' && detail.space === 'stack',
    );
    return reads ? 'it reads what a helper left on the stack' : undefined;
  }

  install(trace: RecordedTrace): InstalledTrace | undefined {
    if (this.traces.length >= this.capacity) throw new InternalError('linear card', 'it is full');
    if (this.traces.some((other) => shape(other.trace) === shape(trace))) return undefined;
    const installed = new LinearTrace(trace);
    this.traces.push(installed);
    return installed;
  }

  evict(installed: InstalledTrace): void {
    const at = this.traces.indexOf(installed as LinearTrace);
    if (at >= 0) this.traces.splice(at, 1);
  }

  /** Tries the traces in the order of their installation. */
  offer(): Offer {
    const { machine } = this;
    let furthest = -1;
    let exit: SideExit = this.empty;
    for (const installed of this.traces) {
      const mark = machine.memory.journal === null ? undefined : machine.transaction.savepoint();
      if (mark === undefined) machine.transaction.begin();
      const held = this.runTrace(installed.trace);
      if (held === undefined) {
        if (mark === undefined) machine.transaction.commit();
        return installed;
      }
      if (mark === undefined) machine.transaction.rollback();
      else machine.transaction.rollbackTo(mark);
      if (held > furthest) {
        furthest = held;
        exit = installed.exitAfter(held);
      }
    }
    return exit;
  }

  offerArena(arena: PacketArena, from: number, to: number, owner: ArenaOwner): ArenaOffer {
    return offerEach(this, arena, from, to, owner);
  }

  takeSlowLookups(): number {
    return 0;
  }

  refresh(): void {}

  /** Guards that held before one failed; undefined if none did. */
  private runTrace({ code }: RecordedTrace): number | undefined {
    const { frames } = this.machine.lane;
    const values = new Map<Value, bigint>();
    let held = 0;
    for (const frame of frames) frame.openTop(stackSize);
    try {
      for (const value of code.values) {
        values.set(value, this.evaluate(value, values));
        if (value.op === 'guard') held++;
      }
      return undefined;
    } catch (error) {
      if (error instanceof Left || error instanceof ProgramTrap) return held;
      throw error;
    } finally {
      for (const frame of frames) frame.lo = frame.hi;
    }
  }

  /** A value of the running trace, from the operation's own definition (ir/ops). */
  private evaluate(value: Value, values: Map<Value, bigint>): bigint {
    const { machine, registers } = this;
    const { detail, imm } = value;
    // Constants and what only dead code needs are not among a trace's values.
    const arg = (i: number): bigint => {
      const of = value.args[i] as Value;
      const known = of.op === 'const' ? of.imm : values.get(of);
      if (known !== undefined) return known;
      const made = this.evaluate(of, values);
      values.set(of, made);
      return made;
    };
    const fixed = staticIn(machine, value);
    if (fixed !== undefined) return fixed;
    const pure = opTable[value.op].evaluate;
    if (pure !== undefined) return pure(arg(0), value.args.length > 1 ? arg(1) : 0n);
    const { memory } = machine;
    const { packet } = machine.lane;
    const start = BigInt(packet.region.start + headroom);
    const place = (size: number): number => {
      const address = BigInt.asUintN(64, arg(0) + imm);
      // The side of a join that is not taken may read through a null pointer: bytes that nobody asks for.
      const mayBeNull = value.op === 'load' && detail?.kind === 'memory' && !detail.checked;
      if (address > 0xffff_ffffn || !(mayBeNull || memory.canRead(Number(address), size))) throw new Left();
      return Number(address);
    };
    switch (value.op) {
      case 'len':
        return BigInt(packet.dataEnd - packet.data);
      case 'metalen':
        return BigInt(packet.data - packet.dataMeta);
      case 'ctx':
        return BigInt(memory.load32(machine.lane.ctx.start + Number(imm)));
      case 'ptr':
        return (arg(0) + start) & mask64;
      case 'select':
        return arg(0) === 0n ? arg(2) : arg(1);
      case 'env':
        machine.callHelper(Number(imm), registers, noCallbacks);
        return registers.u64[0] as bigint;
      case 'load':
        return detail?.kind === 'memory' ? loadBytes(machine, place(detail.size), detail.size) : 0n;
      case 'store':
        if (detail?.kind === 'memory') storeBytes(machine, place(detail.size), detail.size, arg(1));
        return 0n;
      case 'atomic':
        return this.atomic(value, place, arg);
      case 'lookup':
        if (detail?.kind !== 'lookup') return 0n;
        this.write(detail.pieces, (i) => arg(i), this.key);
        return BigInt(machine.maps[detail.map]?.lookup(this.key, machine.lane.cpu) ?? 0);
      case 'slot': {
        const map = detail?.kind === 'slot' ? machine.maps[detail.map] : undefined;
        return map instanceof ProgArrayMap ? BigInt(map.programAt(Number(arg(0)))) : 0n;
      }
      case 'call':
        if (detail?.kind !== 'call') return 0n;
        this.write(
          detail.pieces.map(({ at, size }) => ({ at: locateStack(machine, at), size })),
          (i) => arg(5 + i),
          0,
        );
        for (let r = 1; r <= 5; r++) registers.u64[r] = arg(r - 1);
        machine.callHelper(detail.helper, registers, noCallbacks);
        return registers.u64[0] as bigint;
      case 'guard':
        if (detail?.kind === 'guard' && (arg(0) !== 0n) !== detail.expect) throw new Left();
        return 0n;
      case 'ret':
        return 0n;
      default:
        throw new InternalError('linear card', `no ${value.op} in traces`);
    }
  }

  /**
   * By the codes of RFC 9669, section 5.3: 0x00 add, 0x40 or, 0x50 and, 0xa0 xor, 0xe0 exchange, 0xf0 compare and
   * exchange.
   */
  private atomic({ detail }: Value, place: (size: number) => number, arg: (i: number) => bigint): bigint {
    if (detail?.kind !== 'atomic') return 0n;
    const { size, atomic } = detail;
    const address = place(size);
    const mask = size === 8 ? mask64 : 0xffff_ffffn;
    const old = loadBytes(this.machine, address, size);
    const operand = arg(1) & mask;
    const kind = atomic & 0xf0;
    const sum = (old + operand) & mask;
    const plain = kind === 0 ? sum : kind === 0x40 ? old | operand : kind === 0x50 ? old & operand : old ^ operand;
    const exchanged = (): bigint => (kind === 0xe0 || old === (arg(2) & mask) ? operand : old);
    storeBytes(this.machine, address, size, kind >= 0xe0 ? exchanged() : plain);
    return old;
  }

  /** Bytes that a helper or a look-up reads: each piece at its distance from `base`. */
  private write(pieces: readonly { at: number; size: number }[], argument: (i: number) => bigint, base: number): void {
    const { u8 } = this.machine.memory;
    for (const [i, { at, size }] of pieces.entries())
      for (let b = 0; b < size; b++) u8[base + at + b] = Number((argument(i) >> BigInt(8 * b)) & 0xffn);
  }
}

const noCallbacks = {
  call: (): never => {
    throw new InternalError('linear card', 'a helper called back');
  },
};

function loadBytes({ memory }: Machine, address: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(memory.load8(address + i));
  return value;
}

function storeBytes({ memory }: Machine, address: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) memory.store8(address + i, Number((value >> BigInt(8 * i)) & 0xffn));
}

/** Two traces of one shape do the same to every packet. */
function shape({ code, verdict }: RecordedTrace): string {
  const number = new Map(code.values.map((value, i) => [value, i]));
  const lines = code.values.map(({ op, imm, args, detail }) => {
    const from = args.map((arg) => (arg.op === 'const' ? `#${arg.imm}` : number.get(arg)));
    return `${op} ${imm} ${from} ${JSON.stringify(detail)}`;
  });
  return `${verdict}\n${lines.join('\n')}`;
}
