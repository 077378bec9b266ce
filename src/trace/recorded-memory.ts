/**
 * Memory as one recording sees it: what pointers point to, which bytes are known by value, and what a load or a store
 * becomes in the trace. Stack bytes never reach memory unless a helper reads them; packet and map bytes are known
 * where the trace has stored them ({@link Shadow}). An access that the guards do not prove to be inside of its object
 * gets a guard, or a check when the trace runs.
 */
import {
  cellOf,
  depthOf,
  frameStart,
  isConst,
  isInFrame,
  mask32,
  type Space,
  splitOffset,
  stackAddress,
  type Value,
} from '../ir/index.js';
import { regionAt } from '../jit/index.js';
import type { MapCell } from '../object/index.js';
import { stackSize, xdpMd } from '../platform/index.js';
import { cellSize, type Machine } from '../vm/index.js';
import { TraceAbort } from './aborts.js';
import { type Anchored, anchorOf } from './anchor.js';
import type { RecordedValues } from './recorded-values.js';
import { peek, sampleOf, valueAt } from './resample.js';
import { type ByteOf, joinRuns, mayOverlap, Shadow, spanOf, type Target, toRuns } from './shadow.js';
import type { Assumption } from './stable-values.js';

/** A stack byte that is known, or the fact that only memory has it. */
export type StackByte = ByteOf | 'memory';

/** What a pointer was made of: an object of a size. */
export interface Root {
  readonly space: Space;
  readonly map: number;
  readonly size: number;
}

/**
 * What a recording did to its memory, one step; applied again, it brings a side trace to where its parent was. Stack
 * addresses are those of ir/stack-address.ts.
 */
export type MemoryChange =
  /** The frame of that call depth starts zeroed. */
  | { readonly kind: 'frame'; readonly depth: number }
  | { readonly kind: 'spill'; readonly address: number; readonly size: number; readonly value: Value }
  /** A helper filled stack bytes. */
  | { readonly kind: 'filled'; readonly address: number; readonly bytes: readonly StackByte[] }
  | { readonly kind: 'store'; readonly at: Target; readonly size: number; readonly value: Value }
  /** The bytes hold something that the trace does not know. */
  | { readonly kind: 'clobber'; readonly at: Target; readonly size: number }
  | { readonly kind: 'clobber-all'; readonly space: Space; readonly map: number }
  /** Look-ups in a map may find something else from now on. */
  | { readonly kind: 'elements'; readonly map: number }
  /** A pointer that a look-up or a helper gave; `found`: it is known not to be null. */
  | { readonly kind: 'root'; readonly pointer: Value; readonly root: Root; readonly found: boolean }
  /** `data`, `data_meta` and `data_end` have moved. */
  | { readonly kind: 'bounds'; readonly data: bigint; readonly meta: bigint; readonly end: Value }
  | { readonly kind: 'end'; readonly end: Value }
  /** Bytes of a map were taken for constants, or might have been. */
  | { readonly kind: 'assumed' | 'asked'; readonly assumption: Assumption };

/** The memory of one recording. */
export class RecordedMemory {
  /** All that was done to it, in order. */
  readonly changes: MemoryChange[] = [];
  private readonly shadow: Shadow = new Shadow();
  /** Counts changes of what look-ups in each map find. */
  private readonly mapVersions = new Map<number, number>();
  /** What pointers that a look-up or a helper gave point into. */
  private readonly roots = new Map<Value, Root>();
  /** Signed offsets of data, data_end and data_meta from where the packet started at arrival. */
  dataOffset = 0n;
  endOffset: Value;
  /** Undefined: nothing of the trace hangs on how much metadata the packet came with. */
  private meta: bigint | undefined;
  private readonly machine: Machine;
  private readonly values: RecordedValues;
  private readonly isStable: (assumption: Assumption) => boolean;
  private readonly stack = new Map<number, StackByte>();
  /** Counts the times that a helper has written to the stack; tells loads apart. */
  private stackVersion = 0;

  /** `isStable`: whether what a map's bytes hold may be taken for a constant. */
  constructor(machine: Machine, values: RecordedValues, isStable: (assumption: Assumption) => boolean) {
    this.machine = machine;
    this.values = values;
    this.isStable = isStable;
    this.endOffset = values.graph.length;
  }

  /** Does it and notes it. Everything that changes goes through here. */
  change(change: MemoryChange): void {
    this.changes.push(change);
    const { shadow, stack } = this;
    switch (change.kind) {
      case 'frame':
        if (stack.size > 0) {
          const start = frameStart(change.depth);
          for (let at = start; at < start + stackSize; at++) stack.delete(at);
        }
        break;
      case 'spill':
        for (let i = 0; i < change.size; i++) stack.set(change.address + i, { value: change.value, byte: i });
        break;
      case 'filled':
        for (const [i, byte] of change.bytes.entries()) stack.set(change.address + i, byte);
        this.stackVersion++;
        break;
      case 'store':
        shadow.store(change.at, change.size, change.value);
        break;
      case 'clobber':
        shadow.clobber(change.at, change.size);
        break;
      case 'clobber-all':
        shadow.clobberAll(change.space, change.map);
        break;
      case 'elements':
        this.mapVersions.set(change.map, this.mapVersion(change.map) + 1);
        shadow.clobberAll('map', change.map);
        break;
      case 'root':
        this.roots.set(change.pointer, change.root);
        if (change.found) this.values.facts.found.set(change.pointer, true);
        break;
      case 'bounds':
        this.dataOffset = change.data;
        this.meta = change.meta;
        this.endOffset = change.end;
        break;
      case 'end':
        this.endOffset = change.end;
        break;
      default:
    }
  }

  /** Where the metadata begins. The first time that something asks, how much of it there is becomes a condition. */
  metaOffset(): bigint {
    const { values } = this;
    if (this.meta !== undefined) return this.meta;
    const length = values.graph.metaLength;
    values.setSample(length, values.arrivedMeta);
    values.specialise(length);
    const meta = this.dataOffset - values.arrivedMeta;
    this.change({ kind: 'bounds', data: this.dataOffset, meta, end: this.endOffset });
    return meta;
  }

  /** Bytes of metadata that the packet has to come with; undefined: any number. */
  get metaLength(): bigint | undefined {
    return this.meta === undefined ? undefined : this.values.arrivedMeta;
  }

  /** Contents of maps that were taken for constants. */
  get assumptions(): Assumption[] {
    return this.changes.flatMap((change) => (change.kind === 'assumed' ? [change.assumption] : []));
  }

  /** Number of times that what look-ups in the map find may have changed. */
  mapVersion(map: number): number {
    return this.mapVersions.get(map) ?? 0;
  }

  /** The value of `size` bytes there. */
  load(pointer: Value, offset: number, size: number): Value {
    const { graph } = this.values;
    const address = graph.add(pointer, graph.constant(BigInt(offset)));
    const [pointee, distance] = splitOffset(address);
    if (pointee?.op === 'context' && distance >= 0n && distance < BigInt(xdpMd.size))
      return this.loadCtx(Number(distance), size);
    const at = this.locate(address);
    if (at.space === 'stack') return joinRuns(graph, toRuns(graph, this.stackBytes(at.offset, size)));
    return this.readAt(at, size, this.prove(at, size));
  }

  /** What is there, of a place that is known to be inside of its object ({@link certain}). */
  read(at: Target, size: number): Value {
    const { graph } = this.values;
    if (at.space === 'stack') return joinRuns(graph, toRuns(graph, this.stackBytes(at.offset, size)));
    return this.readAt(at, size, false);
  }

  private readAt(at: Target, size: number, checked: boolean): Value {
    const { graph } = this.values;
    const known = this.shadow.bytes(at, size);
    if (known.every((byte) => byte !== undefined)) return joinRuns(graph, toRuns(graph, known));
    if (known.every((byte) => byte === undefined)) return this.loadMemory(at, size, checked);
    return joinRuns(
      graph,
      toRuns(
        graph,
        known.map(
          (byte, i) => byte ?? { value: this.loadMemory({ ...at, offset: at.offset + i }, 1, checked), byte: 0 },
        ),
      ),
    );
  }

  /** A u32 of a map's bookkeeping: which element is where. */
  link(cell: MapCell): Value {
    const place = this.values.graph.cell(cell);
    return this.loadMemory(this.inCell(cell, { place, rest: undefined }, 0), 4, false);
  }

  /** Bytes that are reached from a cell of a map. */
  private inCell(cell: MapCell, { place, rest }: Anchored, offset: number): Target {
    const map = this.machine.maps[cell.map];
    if (map === undefined) throw new TraceAbort('desync', 'map');
    const base = rest === undefined ? place : this.values.graph.add(place, rest);
    return { space: 'map', map: cell.map, base, offset, anchor: { place, size: cellSize(map, cell.part), rest } };
  }

  /** A load that the trace has to make: early if nothing it reads was written by the trace. */
  private loadMemory(at: Target, size: number, checked: boolean): Value {
    const { graph } = this.values;
    const initial = this.shadow.isInitial(at, size);
    const cell = at.anchor === undefined || at.anchor.rest !== undefined ? undefined : cellOf(at.anchor.place);
    if (initial && cell !== undefined) {
      const constant = this.settledValue(cell, at.offset, size);
      if (constant !== undefined) return constant;
    }
    const detail = { kind: 'memory', space: at.space, size, map: at.map, checked } as const;
    const value = graph.load(this.placeOf(at), BigInt(at.offset), detail, initial ? 0 : this.shadow.version, initial);
    this.values.setSample(value, sampleOf(this.machine, this.concrete(at), size));
    return value;
  }

  /**
   * The value of a map's bytes as a constant: of maps that nobody can change, and of those that have not changed for
   * long (assumed).
   */
  private settledValue(cell: MapCell, offset: number, size: number): Value | undefined {
    const at = { ...cell, offset };
    const value = valueAt(this.machine, at, size);
    if (this.machine.maps[at.map]?.isConstant === true) return this.values.graph.constant(value);
    const assumption = { at, size, value };
    const isStable = this.isStable(assumption);
    this.change({ kind: isStable ? 'assumed' : 'asked', assumption });
    if (!isStable) return undefined;
    return this.values.graph.constant(value);
  }

  /** Fields of the context; packet pointers are offsets from where the packet began. */
  private loadCtx(offset: number, size: number): Value {
    if (size !== 4) throw new TraceAbort('unknown-pointer', 'context');
    const { graph } = this.values;
    switch (offset) {
      case xdpMd.data:
        return graph.pointer(graph.constant(this.dataOffset));
      case xdpMd.dataEnd:
        return graph.pointer(this.endOffset);
      case xdpMd.dataMeta:
        return graph.pointer(graph.constant(this.metaOffset()));
      default: {
        const field = graph.ctxField(offset);
        this.values.setSample(field, BigInt(this.machine.lane.contextField(offset)));
        return field;
      }
    }
  }

  /**
   * A store. On the stack it is only noted; anywhere else it is an effect, proved or checked to be inside of its
   * object.
   */
  store(pointer: Value, offset: number, size: number, value: Value): void {
    const { graph } = this.values;
    const at = this.locate(graph.add(pointer, graph.constant(BigInt(offset))));
    if (at.space === 'stack') {
      if (!isInFrame(at.offset, size)) throw new TraceAbort('trap', 'outside of the stack');
      this.change({ kind: 'spill', address: at.offset, size, value });
      return;
    }
    this.writeAt(at, size, value, this.prove(at, size));
  }

  /** Writes to a place that is known to be inside of its object ({@link certain}). */
  write(at: Target, size: number, value: Value): void {
    if (at.space === 'stack') this.change({ kind: 'spill', address: at.offset, size, value });
    else this.writeAt(at, size, value, false);
  }

  private writeAt(at: Target, size: number, value: Value, checked: boolean): void {
    const { graph } = this.values;
    const detail = { kind: 'memory', space: at.space, size, map: at.map, checked } as const;
    graph.effect('store', [this.placeOf(at), value], BigInt(at.offset), detail);
    this.change({ kind: 'store', at, size, value });
  }

  /** What an access there goes through; its offset is apart. */
  private placeOf({ space, base }: Target): Value {
    const { graph } = this.values;
    const rest = base ?? graph.constant(0n);
    return space === 'packet' ? graph.pointer(rest) : rest;
  }

  /**
   * The place of an access that is inside of its object for every packet that passes the guards so far, whether or not
   * its program makes it; undefined if that is not known. Adds no guard. A load may be at a distance from a pointer
   * that is null: bytes so low in guest memory can be read, and mean nothing.
   */
  certain(pointer: Value, offset: number, size: number, isStore: boolean): Target | undefined {
    const { graph, facts } = this.values;
    const address = graph.add(pointer, graph.constant(BigInt(offset)));
    if (address.op === 'ptr') {
      const [base, distance] = splitOffset(address.args[0] as Value);
      const end = graph.constant(distance + BigInt(size));
      if (isStore || base !== undefined || distance < 0n || !this.isKnown(graph.make('sle', end, this.endOffset)))
        return undefined;
      return { space: 'packet', map: -1, base, offset: Number(distance), anchor: undefined };
    }
    const [base, distance] = splitOffset(address);
    if (base === undefined) return undefined;
    const anchored = anchorOf(graph, base);
    if (anchored?.place.op === 'frame') {
      const at = stackAddress(Number(anchored.place.imm), Number(distance));
      if (anchored.rest !== undefined || !isInFrame(at, size)) return undefined;
      return { space: 'stack', map: -1, base: undefined, offset: at, anchor: undefined };
    }
    const cell = anchored === undefined ? undefined : cellOf(anchored.place);
    if (anchored !== undefined && cell !== undefined) {
      const at = this.inCell(cell, anchored, Number(distance));
      const [low, high] = spanOf(at, size);
      return low >= 0 && high <= (at.anchor?.size ?? 0) ? at : undefined;
    }
    const root = this.roots.get(base);
    if (root === undefined || distance < 0n || distance + BigInt(size) > BigInt(root.size)) return undefined;
    if (isStore && root.space !== 'other' && facts.found.get(base) !== true) return undefined;
    return { space: root.space, map: root.map, base, offset: Number(distance), anchor: undefined };
  }

  private isKnown(condition: Value): boolean {
    return isConst(condition) ? condition.imm !== 0n : this.values.facts.decide(condition) === true;
  }

  /** Could two accesses touch the same byte? */
  mayMeet(a: Target, aSize: number, b: Target, bSize: number): boolean {
    return mayOverlap(a, aSize, b, bSize);
  }

  /** Is it known to be, or to be computed from, the address of something? */
  isPointer(value: Value): boolean {
    if (value.op === 'ptr' || value.op === 'context' || value.op === 'map' || value.op === 'code') return true;
    return anchorOf(this.values.graph, value) !== undefined || this.rootOf(value) !== undefined;
  }

  /** Do stack bytes hold part of a pointer, or something that is not known? */
  hasPointer(address: number, size: number): boolean {
    for (let i = 0; i < size; i++) {
      const byte = this.stack.get(address + i);
      if (byte === 'memory' || (byte !== undefined && this.isPointer(byte.value))) return true;
    }
    return false;
  }

  /** Has memory alone some of the stack bytes at a pointer, since a helper filled them? */
  isInMemory(pointer: Value, size: number): boolean {
    const { space, offset } = this.locate(pointer);
    if (space !== 'stack') return true;
    for (let i = 0; i < size; i++) if (this.stack.get(offset + i) === 'memory') return true;
    return false;
  }

  /** Did a helper fill all of the stack bytes there, so that memory itself has them, and no store since? */
  isFilled(address: number, size: number): boolean {
    for (let i = 0; i < size; i++) if (this.stack.get(address + i) !== 'memory') return false;
    return true;
  }

  /** Takes an address apart. May add a guard: a variable stack address is pinned. */
  locate(address: Value): Target {
    const concrete = this.values.sample(address);
    if (address.op === 'ptr') {
      const [base, offset] = splitOffset(address.args[0] as Value);
      return { space: 'packet', map: -1, base, offset: Number(offset), anchor: undefined };
    }
    const region = concrete < mask32 ? this.machine.memory.pointee(concrete) : undefined;
    if (region === undefined) throw new TraceAbort('trap', 'wild pointer');
    const [base, offset] = splitOffset(address);
    // A number is no pointer, even if something happens to be there.
    if (base === undefined) throw new TraceAbort('unknown-pointer', region.name);
    const anchored = anchorOf(this.values.graph, base);
    if (region.kind === 'stack') return this.onStack(address, anchored);
    const cell = anchored === undefined ? undefined : cellOf(anchored.place);
    if (anchored !== undefined && cell !== undefined) {
      if (regionAt(this.machine, { ...cell, offset: 0 }) !== region)
        throw new TraceAbort('unknown-pointer', region.name);
      return this.inCell(cell, anchored, Number(offset));
    }
    const root = this.rootOf(base);
    const at = { base, offset: Number(offset), anchor: undefined };
    if (root !== undefined) return { space: root.space, map: root.map, ...at };
    if (region.kind !== 'map value') throw new TraceAbort('unknown-pointer', region.name);
    return { space: 'map', map: -1, ...at };
  }

  /** A byte of the stack, which is guarded to be the one that is meant. */
  private onStack(address: Value, anchored: Anchored | undefined): Target {
    const { values, machine } = this;
    const found = machine.lane.onStack(values.sample(address));
    if (found === undefined) throw new TraceAbort('trap', 'outside of the stack');
    const { depth, distance } = found;
    const place = values.graph.frame(depth);
    if (anchored?.place !== place)
      values.pin(address, values.graph.add(place, values.graph.constant(BigInt(distance))));
    else if (anchored.rest !== undefined) values.specialise(anchored.rest);
    return { space: 'stack', map: -1, base: undefined, offset: stackAddress(depth, distance), anchor: undefined };
  }

  /** The pointer that an address is computed from. */
  private rootOf(address: Value): Root | undefined {
    const seen = new Set([address]);
    for (const value of seen) {
      const root = this.roots.get(value);
      if (root !== undefined) return root;
      if (value.op === 'add' || value.op === 'sub') for (const arg of value.args) seen.add(arg);
    }
    return undefined;
  }

  /**
   * Makes sure that an access is safe for every packet that passes the guards: by what they say already, by a new
   * guard over the packet's length, or, where neither will do, by a check when the trace runs (result true).
   */
  prove(at: Target, size: number): boolean {
    if (at.space !== 'packet') {
      // What the recording has seen inside of a cell stays there.
      if (at.anchor !== undefined) return at.anchor.rest !== undefined;
      const root = at.base === undefined ? undefined : this.roots.get(at.base);
      if (at.base === undefined) return false;
      const inside = root !== undefined && at.offset >= 0 && at.offset + size <= root.size;
      return !(inside && (root.space === 'other' || this.values.facts.found.get(at.base) === true));
    }
    const { graph } = this.values;
    const end = graph.constant(BigInt(at.offset + size));
    if (at.base === undefined) {
      if (at.offset < 0 && BigInt(at.offset) < this.metaOffset()) throw new TraceAbort('trap', 'before the packet');
      if (this.machine.memory.peek(this.concrete(at), size) === undefined)
        throw new TraceAbort('trap', 'outside of the packet');
      this.values.guard(graph.make('sle', end, this.endOffset), true);
      return false;
    }
    const limit = graph.make('ule', graph.pointer(graph.add(at.base, end)), graph.pointer(this.endOffset));
    const low = graph.make(
      'ule',
      // Without a word about metadata, the packet may begin where it began.
      graph.pointer(graph.constant(this.meta ?? 0n)),
      graph.pointer(graph.add(at.base, graph.constant(BigInt(at.offset)))),
    );
    const proved = (condition: Value): boolean =>
      isConst(condition) ? condition.imm !== 0n : this.values.facts.decide(condition) === true;
    return !(proved(limit) && proved(low));
  }

  /** What a register holds that points there, for this packet. */
  concrete(at: Target): bigint {
    const base = at.base === undefined ? 0n : this.values.sample(at.base);
    const offset = base + BigInt(at.offset);
    return at.space === 'packet' ? this.machine.lane.packet.pointerTo(offset) : BigInt.asUintN(64, offset);
  }

  /** A pointer to a byte of the stack. */
  stackPointer(address: number): Value {
    const { graph } = this.values;
    const depth = depthOf(address);
    return graph.add(graph.frame(depth), graph.constant(BigInt(address - stackAddress(depth, 0))));
  }

  /** Stack bytes as values; what only memory has is loaded. */
  stackBytes(address: number, size: number): ByteOf[] {
    const { graph } = this.values;
    if (!isInFrame(address, size)) throw new TraceAbort('trap', 'outside of the stack');
    const depth = depthOf(address);
    const top = stackAddress(depth, 0);
    const bytes: ByteOf[] = [];
    const zero = graph.constant(0n);
    for (let i = 0; i < size; ) {
      const byte = this.stack.get(address + i);
      if (byte !== 'memory') {
        bytes.push(byte ?? { value: zero, byte: 0 });
        i++;
        continue;
      }
      let run = 1;
      while (i + run < size && run < 8 && this.stack.get(address + i + run) === 'memory') run++;
      const width = run >= 8 ? 8 : run >= 4 ? 4 : run >= 2 ? 2 : 1;
      const detail = { kind: 'memory', space: 'stack', size: width, map: -1, checked: false } as const;
      const value = graph.load(graph.frame(depth), BigInt(address + i - top), detail, this.stackVersion, false);
      this.values.setSample(value, peek(this.machine, this.values.sample(this.stackPointer(address + i)), width));
      for (let b = 0; b < width; b++) bytes.push({ value, byte: b });
      i += width;
    }
    return bytes;
  }
}
