/**
 * Memory as one recording sees it: what pointers point to, which bytes are known by value, and what a load or a store
 * becomes in the trace. Stack bytes never reach memory unless a helper reads them; packet and map bytes are known
 * where the trace has stored them ({@link Shadow}). An access that the guards do not prove to be inside of its object
 * gets a guard, or a check when the trace runs.
 */
import { isConst, mask32, type Space, splitOffset, type Value } from '../ir/index.js';
import { headroom, stackSize, xdpMd } from '../platform/index.js';
import { constantAt, type Machine, type Region } from '../vm/index.js';
import { TraceAbort } from './aborts.js';
import type { RecordedValues } from './recorded-values.js';
import { peek } from './resample.js';
import { type ByteOf, joinRuns, type Location, Shadow, toRuns } from './shadow.js';
import type { Assumption } from './stable-values.js';

/** A stack byte that is known, or the fact that only memory has it. */
export type StackByte = ByteOf | 'memory';

export interface Root {
  readonly space: Space;
  readonly map: number;
  readonly size: number;
}

/** What a recording did to its memory, one step; applied again, it brings a side trace to where its parent was. */
export type MemoryChange =
  /** A frame that ends at guest address `top` starts zeroed. */
  | { readonly kind: 'frame'; readonly top: number }
  | { readonly kind: 'spill'; readonly address: number; readonly size: number; readonly value: Value }
  /** A helper filled stack bytes. */
  | { readonly kind: 'filled'; readonly address: number; readonly bytes: readonly StackByte[] }
  | { readonly kind: 'store'; readonly at: Location; readonly size: number; readonly value: Value }
  /** The bytes hold something that the trace does not know. */
  | { readonly kind: 'clobber'; readonly at: Location; readonly size: number }
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

/**
 * Which map's values lie in a region of guest memory, for addresses that are constants. Look-ups teach it, and it
 * outlives recordings.
 */
export class ValueRegions {
  private readonly machine: Machine;
  private readonly maps = new Map<number, number>();

  constructor(machine: Machine) {
    this.machine = machine;
    for (const map of machine.maps) {
      const direct = map.directValue();
      if (direct !== 0) this.note(direct, map.index);
    }
  }

  /** The region at this address holds values of the map. */
  note(address: number, map: number): void {
    const region = this.machine.memory.regionOf(address);
    if (region !== undefined) this.maps.set(region.start, map);
  }

  /** Index of the map, or -1. */
  mapOf(region: Region): number {
    return this.maps.get(region.start) ?? -1;
  }
}

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
  /** Which map's values lie where. */
  readonly maps: ValueRegions;
  private readonly machine: Machine;
  private readonly values: RecordedValues;
  private readonly isStable: (assumption: Assumption) => boolean;
  private readonly stack = new Map<number, StackByte>();
  /** Counts the times that a helper has written to the stack; tells loads apart. */
  private stackVersion = 0;

  /** `isStable`: whether what a map's bytes hold may be taken for a constant. */
  constructor(
    machine: Machine,
    values: RecordedValues,
    maps: ValueRegions,
    isStable: (assumption: Assumption) => boolean,
  ) {
    this.machine = machine;
    this.values = values;
    this.maps = maps;
    this.isStable = isStable;
    this.endOffset = values.graph.length;
  }

  /** Does it and notes it. Everything that changes goes through here. */
  change(change: MemoryChange): void {
    this.changes.push(change);
    const { shadow, stack } = this;
    switch (change.kind) {
      case 'frame':
        if (stack.size > 0) for (let at = change.top - stackSize; at < change.top; at++) stack.delete(at);
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
    if (isConst(address) && this.isCtx(Number(address.imm)))
      return this.loadCtx(Number(address.imm) - this.machine.ctx.start, size);
    const constant = isConst(address) ? constantAt(this.machine, Number(address.imm), size) : undefined;
    if (constant !== undefined) return graph.constant(constant);
    const at = this.locate(address);
    if (at.space === 'stack') return joinRuns(graph, toRuns(graph, this.stackBytes(at.offset, size)));
    const checked = this.prove(at, size);
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

  /** A u32 of a map's bookkeeping at a guest address: which element is where. */
  link(map: number, address: number): Value {
    return this.loadMemory({ space: 'map', map, base: undefined, offset: address }, 4, false);
  }

  private loadMemory(at: Location, size: number, checked: boolean): Value {
    const { graph } = this.values;
    const initial = this.shadow.isInitial(at, size);
    const base = at.base ?? graph.constant(0n);
    if (initial && at.space === 'map' && at.base === undefined && at.map >= 0) {
      const constant = this.settledValue(at, size);
      if (constant !== undefined) return constant;
    }
    const detail = { kind: 'memory', space: at.space, size, map: at.map, checked } as const;
    const value = graph.load(base, BigInt(at.offset), detail, initial ? 0 : this.shadow.version, initial);
    this.values.setSample(value, peek(this.machine, this.concrete(at), size));
    return value;
  }

  /**
   * The value of a map's bytes as a constant: of maps that nobody can change, and of those that have not changed for
   * long (assumed).
   */
  private settledValue(at: Location, size: number): Value | undefined {
    const value = peek(this.machine, at.offset, size);
    if (this.machine.maps[at.map]?.isConstant === true) return this.values.graph.constant(value);
    const assumption = { map: at.map, address: at.offset, size, value };
    const isStable = this.isStable(assumption);
    this.change({ kind: isStable ? 'assumed' : 'asked', assumption });
    if (!isStable) return undefined;
    return this.values.graph.constant(value);
  }

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
        this.values.setSample(field, BigInt(this.machine.memory.load32(this.machine.ctx.start + offset)));
        return field;
      }
    }
  }

  store(pointer: Value, offset: number, size: number, value: Value): void {
    const { graph } = this.values;
    const at = this.locate(graph.add(pointer, graph.constant(BigInt(offset))));
    if (at.space === 'stack') {
      this.change({ kind: 'spill', address: at.offset, size, value });
      return;
    }
    const checked = this.prove(at, size);
    const detail = { kind: 'memory', space: at.space, size, map: at.map, checked } as const;
    graph.effect('store', [at.base ?? graph.constant(0n), value], BigInt(at.offset), detail);
    this.change({ kind: 'store', at, size, value });
  }

  /** Takes an address apart. May add a guard: a variable stack address is pinned. */
  locate(address: Value): Location {
    const concrete = this.values.sample(address);
    if (address.op === 'ptr') {
      const [base, offset] = splitOffset(address.args[0] as Value);
      return { space: 'packet', map: -1, base, offset: Number(offset) };
    }
    const region = concrete < mask32 ? this.machine.memory.regionOf(Number(concrete)) : undefined;
    if (region === undefined) throw new TraceAbort('trap', 'wild pointer');
    if (region.kind === 'stack')
      return { space: 'stack', map: -1, base: undefined, offset: Number(this.values.specialise(address).imm) };
    if (isConst(address)) {
      // Keys are readable where a walk over the map shows them.
      if (region.kind !== 'map value' && region.kind !== 'map') throw new TraceAbort('unknown-pointer', region.name);
      return { space: 'map', map: this.maps.mapOf(region), base: undefined, offset: Number(address.imm) };
    }
    const [base, offset] = splitOffset(address);
    if (base === undefined) throw new TraceAbort('desync', 'address');
    const root = this.rootOf(base);
    if (root !== undefined) return { space: root.space, map: root.map, base, offset: Number(offset) };
    if (region.kind !== 'map value') throw new TraceAbort('unknown-pointer', region.name);
    return { space: 'map', map: this.maps.mapOf(region), base, offset: Number(offset) };
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
  prove(at: Location, size: number): boolean {
    if (at.space !== 'packet') {
      const root = at.base === undefined ? undefined : this.roots.get(at.base);
      if (at.base === undefined) return false;
      const inside = root !== undefined && at.offset >= 0 && at.offset + size <= root.size;
      return !(inside && (root.space === 'other' || this.values.facts.found.get(at.base) === true));
    }
    const { graph } = this.values;
    const end = graph.constant(BigInt(at.offset + size));
    if (at.base === undefined) {
      if (at.offset < 0 && BigInt(at.offset) < this.metaOffset()) throw new TraceAbort('trap', 'before the packet');
      if (!this.machine.memory.canRead(this.concrete(at), size)) throw new TraceAbort('trap', 'outside of the packet');
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

  /** Guest address of a location for this packet. */
  concrete(at: Location): number {
    const base = at.base === undefined ? 0n : this.values.sample(at.base);
    const address = BigInt.asUintN(
      64,
      base + BigInt(at.offset) + (at.space === 'packet' ? BigInt(this.machine.packet.region.start + headroom) : 0n),
    );
    return Number(address);
  }

  /** Stack bytes as values; what only memory has is loaded. */
  stackBytes(address: number, size: number): ByteOf[] {
    const { graph } = this.values;
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
      const value = graph.load(graph.constant(BigInt(address + i)), 0n, detail, this.stackVersion, false);
      this.values.setSample(value, peek(this.machine, address + i, width));
      for (let b = 0; b < width; b++) bytes.push({ value, byte: b });
      i += width;
    }
    return bytes;
  }

  private isCtx(address: number): boolean {
    return address >= this.machine.ctx.start && address < this.machine.ctx.start + xdpMd.size;
  }
}
