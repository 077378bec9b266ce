/**
 * A trace as stages. What a path condition says of single fields is matched in front (a ternary row each); everything
 * else becomes operations in stages of VLIW slots, with values in registers between them.
 *
 * Whole or not at all: what others see (stores to maps, atomics, updates) is done no sooner than all guards are known,
 * at the *commit stage*. What such an operation yields (the old value of an atomic, whether an update found room) is
 * known before, by looking: a guard may depend on it. Loads of what is only written back are taken as late as that
 * allows, since the stages between read and write are those in which packets can collide.
 */
import { isConst, isFixed, isPacketAccess, type TraceCode, type Value } from '../../ir/index.js';
import type { MapSpec } from '../../object/index.js';
import { type CardDescription, numberOf } from '../description.js';
import { mapLatency, type Operation, operationOf, packetEnd } from './operation.js';

/** An access of a map that packets under way can collide in. */
export interface MapAccess {
  readonly map: number;
  /** Stage in which it reads, if it does, and in which what it writes is in the memory. */
  readonly read: number | undefined;
  readonly write: number | undefined;
  /** The value that does it. */
  readonly value: Value;
  /** A read and its write that the memory's own unit does in one step: an atomic, or a counter. */
  readonly isAtomic: boolean;
}

/** A trace in a pipeline. */
export interface PipelinedTrace {
  readonly kind: 'pipelined';
  /** Values by the stage in which they are done. */
  readonly stages: readonly (readonly Value[])[];
  readonly stageOf: ReadonlyMap<Value, number>;
  /** Stage in which all guards are known. */
  readonly commit: number;
  /** Operations in slots, memories and units; those that are wires or matched in front are none. */
  readonly operations: number;
  readonly memoryOperations: number;
  readonly barrels: number;
  /** Guards that the match table in front decides. */
  readonly matched: number;
  /** How often a packet goes through: more than once where the card's stages or memory operations do not suffice. */
  readonly passes: number;
  readonly accesses: readonly MapAccess[];
  /** Loads that are a part of the row that another access reads, by that access. */
  readonly parts: ReadonlyMap<Value, readonly Value[]>;
}

/** Why a trace does not go into a pipeline: what, how many it takes, and how many there are. */
export interface PipelineRefusal {
  readonly kind: 'refused';
  readonly what: string;
}

/** Bounds of the card. */
interface Shape {
  readonly lanes: number;
  readonly ports: number;
  readonly width: number;
  readonly parser: number;
  readonly latency: number;
}

/** Lowers a trace for a card. */
export function lowerTrace(
  code: TraceCode,
  maps: readonly MapSpec[],
  card: CardDescription,
): PipelinedTrace | PipelineRefusal {
  const shape: Shape = {
    lanes: numberOf(card, 'units.lanes'),
    ports: numberOf(card, 'memories.maps.ports') || 1,
    width: numberOf(card, 'frame.width'),
    parser: numberOf(card, 'front.parser_depth'),
    latency: mapLatency(card),
  };
  const lowering = new Lowering(code, maps, shape);
  const made = lowering.run();
  if (made.kind === 'refused') return made;
  const most = numberOf(card, 'limits.operations');
  if (made.operations > most) return refused(`${made.operations} operations, and the card does ${most}`);
  const needed = Math.max(
    ratio(made.stages.length, numberOf(card, 'units.stages')),
    ratio(made.memoryOperations, numberOf(card, 'limits.memory_operations')),
  );
  const passes = numberOf(card, 'limits.passes') || 1;
  if (needed <= passes) return { ...made, passes: needed };
  return refused(
    `${made.stages.length} stages with ${made.memoryOperations} operations on memory, and the card has ` +
      `${numberOf(card, 'units.stages')} with ${numberOf(card, 'limits.memory_operations')}, ${passes} times`,
  );
}

function ratio(wanted: number, there: number): number {
  return wanted === 0 ? 1 : Math.max(1, Math.ceil(wanted / Math.max(there, 1e-9)));
}

/** The row of its element that a load reads. */
function rowOf({ imm }: Value): number {
  return Math.floor(Number(imm) / rowBytes);
}

function refused(what: string): PipelineRefusal {
  return { kind: 'refused', what };
}

/** A row that an access has read; `version`: writes to its map that stood before it. */
interface RowRead {
  readonly by: Value;
  readonly ready: number;
  readonly version: number;
}

/** Bytes of a map's value that one access reads or writes. */
const rowBytes = 64;

class Lowering {
  private readonly code: TraceCode;
  private readonly maps: readonly MapSpec[];
  private readonly shape: Shape;
  private readonly stageOf = new Map<Value, number>();
  /** The first stage that can use the value. */
  private readonly ready = new Map<Value, number>();
  private readonly slots: number[] = [];
  /** Accesses by stage and map. */
  private readonly ports = new Map<string, number>();
  private readonly own: ReadonlySet<Value>;
  /** Values that guards and results need before the commit. */
  private readonly before = new Set<Value>();
  private readonly matched = new Set<Value>();
  /** Of each map: the last stage with a write, and with a read. */
  private readonly lastWrite = new Map<number, number>();
  private readonly lastRead = new Map<number, number>();
  /** Rows of maps that have been read, by the value that is their address: which access did, and when it is there. */
  private readonly rows = new Map<Value, Map<number, RowRead>>();
  private readonly parts = new Map<Value, Value[]>();
  /** Loads that are to be late: accesses of their own. */
  private late: ReadonlySet<Value> = new Set();
  /** Of each map: writes that have been placed. */
  private readonly versions = new Map<number, number>();
  private packetStore = 0;
  private commit = 0;

  constructor(code: TraceCode, maps: readonly MapSpec[], shape: Shape) {
    this.code = code;
    this.maps = maps;
    this.shape = shape;
    this.own = new Set(code.values);
  }

  run(): PipelinedTrace | PipelineRefusal {
    const { code } = this;
    for (const value of code.values) if (value.op === 'guard' && this.isMatched(value)) this.matched.add(value);
    for (const value of code.values) if (value.op === 'guard' && !this.matched.has(value)) this.needs(value);
    // First what guards depend on, then the rest: the commit stage is known in between.
    for (const value of code.values) if (this.before.has(value)) this.place(value, 0);
    for (const value of code.values)
      if (value.op === 'guard' && !this.matched.has(value)) this.commit = Math.max(this.commit, this.readyOf(value));
    const late = this.loadsOfWritten();
    this.late = late;
    const needed = this.neededByEffects();
    for (const value of code.values) {
      if (this.before.has(value) || !needed.has(value)) continue;
      this.place(value, late.has(value) ? Math.max(0, this.commit - this.shape.latency - 1) : 0);
    }
    return this.result();
  }

  /** A comparison of one field with a constant: a row of the match table says it. */
  private isMatched({ args: [condition] }: Value): boolean {
    if (condition === undefined) return false;
    if (condition.args.length === 2) {
      const [a, b] = condition.args as readonly [Value, Value];
      return (isConst(b) && this.isField(a)) || (isConst(a) && this.isField(b));
    }
    return this.isField(condition);
  }

  /** Bytes at constant offsets within the parser's reach, or the length, and nothing done to them but wires. */
  private isField(value: Value): boolean {
    const { op, args } = value;
    if (isConst(value) || op === 'len' || op === 'metalen') return true;
    if (op === 'load') return (packetEnd(value) ?? Number.POSITIVE_INFINITY) <= this.shape.parser;
    // The length less a constant is the length, compared with another constant.
    if ((op === 'add' || op === 'sub') && args.some(isConst))
      return args.every(({ op: each }) => each === 'const' || each === 'len');
    const [of] = args;
    return (
      operationOf(value, this.maps, 1).kind === 'wire' && of !== undefined && args.every((arg) => this.isField(arg))
    );
  }

  /** Everything that a guard depends on. */
  private needs(value: Value): void {
    if (this.before.has(value)) return;
    this.before.add(value);
    for (const arg of value.args) this.needs(arg);
  }

  /** What is done for its own sake, and what that depends on: a matched guard's values need no stage. */
  private neededByEffects(): ReadonlySet<Value> {
    const needed = new Set<Value>();
    const add = (value: Value): void => {
      if (needed.has(value)) return;
      needed.add(value);
      for (const arg of value.args) add(arg);
    };
    for (const value of this.code.values) {
      const { op } = value;
      if (op === 'ret' || op === 'store' || op === 'fill' || op === 'atomic' || op === 'call') add(value);
      if (value.detail?.kind === 'lookup' && value.detail.marks) add(value);
    }
    return needed;
  }

  /** Loads of maps that the trace also writes, and which no guard needs. */
  private loadsOfWritten(): ReadonlySet<Value> {
    const written = new Set<number>();
    for (const value of this.code.values) {
      const operation = this.operation(value);
      if (operation.kind === 'memory' && operation.writes) written.add(operation.map);
    }
    return new Set(
      this.code.values.filter(
        (value) => value.op === 'load' && value.detail?.kind === 'memory' && written.has(value.detail.map),
      ),
    );
  }

  private operation(value: Value): Operation {
    return operationOf(value, this.maps, this.shape.latency);
  }

  private readyOf(value: Value): number {
    return this.ready.get(value) ?? 0;
  }

  /** Puts a value into the first stage from `least` on that has its arguments and a place for it. */
  private place(value: Value, least: number): void {
    if (this.ready.has(value)) return;
    if (isFixed(value) || !this.own.has(value)) {
      this.ready.set(value, 0);
      return;
    }
    const operation = this.operation(value);
    let stage = Math.max(least, ...value.args.map((arg) => this.readyOf(arg)), this.arrives(value));
    switch (operation.kind) {
      case 'wire':
      case 'guard':
        this.ready.set(value, value.op === 'load' && isPacketAccess(value) ? Math.max(stage, this.packetStore) : stage);
        return;
      case 'slot':
        stage = this.slotFrom(stage);
        if (value.op === 'store') this.packetStore = Math.max(this.packetStore, stage + 1);
        this.done(value, stage, operation.latency);
        return;
      case 'unit':
        this.done(value, operation.isShared ? Math.max(stage, this.commit) : stage, operation.latency);
        return;
      case 'memory':
        this.placeAccess(value, operation, stage);
    }
  }

  /** Reads go behind the writes before them, writes behind both, and no sooner than the commit. */
  private placeAccess(value: Value, operation: Operation & { readonly kind: 'memory' }, from: number): void {
    const { map, reads, writes, latency } = operation;
    if (value.op === 'load' && this.isPartOfRow(value, map)) return;
    let stage = Math.max(from, this.lastWrite.get(map) ?? 0);
    // What it yields is known by looking; what it does waits for the commit.
    stage = this.portFrom(stage, map);
    if (reads) this.lastRead.set(map, Math.max(stage, this.lastRead.get(map) ?? 0));
    this.done(value, stage, latency);
    if (reads) this.noteRow(value, map, stage + latency);
    if (writes) this.versions.set(map, (this.versions.get(map) ?? 0) + 1);
    if (writes)
      this.lastWrite.set(map, Math.max(stage + (reads ? latency : 0), this.commit, this.lastRead.get(map) ?? 0) + 1);
  }

  /**
   * An element's bytes come in rows: a load of what a look-up has found, or of a row that another load has read, is a
   * part of that access, unless the map was written in between, or it is to be read late.
   */
  private isPartOfRow(value: Value, map: number): boolean {
    const [base] = value.args;
    const read = base && this.rows.get(base)?.get(rowOf(value));
    if (read === undefined || read.version !== (this.versions.get(map) ?? 0) || this.late.has(value)) return false;
    this.ready.set(value, read.ready);
    this.parts.set(read.by, [...(this.parts.get(read.by) ?? []), value]);
    return true;
  }

  /** Remembers which row an access has read: a look-up those of the element that it yields. */
  private noteRow(value: Value, map: number, ready: number): void {
    const [base] = value.args;
    const of = value.op === 'lookup' ? value : value.op === 'load' ? base : undefined;
    if (of === undefined) return;
    const rows = this.rows.get(of) ?? new Map<number, RowRead>();
    this.rows.set(
      of,
      rows.set(value.op === 'lookup' ? 0 : rowOf(value), { by: value, ready, version: this.versions.get(map) ?? 0 }),
    );
  }

  private done(value: Value, stage: number, latency: number): void {
    this.stageOf.set(value, stage);
    this.ready.set(value, stage + latency);
  }

  /** The stage in which the frame that holds a packet's byte is there; those that the parser reaches are at once. */
  private arrives(value: Value): number {
    const end = value.op === 'load' ? (packetEnd(value) ?? 0) : 0;
    return end <= this.shape.parser ? 0 : Math.floor((end - 1) / this.shape.width);
  }

  private slotFrom(from: number): number {
    let stage = from;
    while ((this.slots[stage] ?? 0) >= this.shape.lanes) stage++;
    for (let i = this.slots.length; i <= stage; i++) this.slots.push(0);
    this.slots[stage] = (this.slots[stage] ?? 0) + 1;
    return stage;
  }

  private portFrom(from: number, map: number): number {
    let stage = from;
    const taken = (): number => this.ports.get(`${map}:${stage}`) ?? 0;
    while (taken() >= this.shape.ports) stage++;
    this.ports.set(`${map}:${stage}`, taken() + 1);
    return stage;
  }

  private result(): PipelinedTrace {
    const { code, stageOf } = this;
    let operations = 0;
    let memoryOperations = 0;
    let barrels = 0;
    const accesses: MapAccess[] = [];
    for (const [value, stage] of stageOf) {
      const operation = this.operation(value);
      operations++;
      if (operation.kind === 'slot' && operation.isBarrel) barrels++;
      if (operation.kind !== 'memory') continue;
      memoryOperations++;
      const { map, reads, writes, latency } = operation;
      const write = writes ? Math.max(stage + (reads ? latency : 0), this.commit) : undefined;
      accesses.push({
        map,
        read: reads ? stage : undefined,
        write,
        value,
        isAtomic: value.op === 'atomic' && !this.isUsed(value),
      });
    }
    // What others see is done in one stage where nothing of the packet's own comes behind it: a packet that begins
    // anew has then done none of it.
    const writes = accesses.flatMap(({ write }) => write ?? []);
    const write = Math.max(0, ...writes);
    const isLast = accesses.every(({ read = 0 }) => read <= Math.min(...writes));
    const together = accesses.map((access) => (isLast && access.write !== undefined ? { ...access, write } : access));
    const last = Math.max(
      this.commit,
      0,
      ...[...stageOf.keys()].map((value) => this.readyOf(value)),
      ...accesses.map(({ write = 0 }) => write + 1),
    );
    const stages = Array.from({ length: last }, (): Value[] => []);
    for (const value of code.values) {
      const stage = stageOf.get(value);
      if (stage !== undefined) stages[stage]?.push(value);
    }
    return {
      kind: 'pipelined',
      stages,
      stageOf,
      commit: this.commit,
      operations,
      memoryOperations,
      barrels,
      matched: this.matched.size,
      passes: 1,
      accesses: pairCounters(together, code),
      parts: this.parts,
    };
  }

  private isUsed(value: Value): boolean {
    return this.code.values.some(({ args }) => args.includes(value));
  }
}

/**
 * A load, one operation with something that does not come from it, and a store to the same address is a counter: the
 * memory's unit does it in one step, where the card has such units.
 */
function pairCounters(accesses: readonly MapAccess[], { values }: TraceCode): readonly MapAccess[] {
  const users = (value: Value): readonly Value[] => values.filter(({ args }) => args.includes(value));
  const counters = new Map<Value, Value>();
  for (const { value: store } of accesses) {
    const [address, sum] = store.args;
    if (store.op !== 'store' || address === undefined || sum === undefined) continue;
    const load = sum.args.find((arg) => arg.op === 'load' && arg.args[0] === address && arg.imm === store.imm);
    if (load === undefined || users(load).length !== 1 || users(sum).length !== 1) continue;
    counters.set(load, store);
  }
  const stores = new Set(counters.values());
  return accesses.map((access) =>
    counters.has(access.value) || stores.has(access.value) ? { ...access, isAtomic: true } : access,
  );
}
