/**
 * The slice as bytecode: a function that repeats on a core's state what one packet did to it.
 *
 *     r1   the packet's item of the history (a pointer into the frame)
 *     r2   the present packet's time (ns), of which the item's whole time is made
 *
 * What the sequencer sent is read at the function's head. Frames of functions that were copied in become one frame,
 * and keys of look-ups are put together below them, where bytecode wants them.
 */
import { type CompiledFunction, compileFunction } from '../bpf/index.js';
import {
  type Block,
  depthOf,
  directAddress,
  type End,
  endUses,
  type FunctionCode,
  FunctionDraft,
  firstArgument,
  Graph,
  isCompare,
  isConst,
  liveBlocks,
  mask64,
  orderOfCode,
  type Piece,
  stackAddress,
  type Value,
} from '../ir/index.js';
import { defaultSettings, optimize, passes } from '../opt/index.js';
import type { LoadChoice } from './analysis-code.js';
import type { Metadata, PlacedRun } from './metadata.js';
import { slicedFunction } from './replay-function.js';

/** The replay of one item. */
export function compileReplay(metadata: Metadata): CompiledFunction {
  const { scr } = metadata.slice;
  const code = new ReplayBuilder(metadata).run();
  const wanted = ['fold', 'branches', 'dce'];
  const enabled = new Set(passes.map(({ name }) => name).filter((name) => wanted.includes(name)));
  return compileFunction(optimize(code, scr.world, { settings: { ...defaultSettings, enabled } }), 'v3');
}

/** Fields that are read at the head, at most. */
const earlyFields = 6;

class ReplayBuilder {
  private readonly metadata: Metadata;
  private readonly sliced: FunctionCode;
  private readonly draft: FunctionDraft;
  private readonly graph: Graph;
  /** Pinned values and phis. */
  private readonly made = new Map<Value, Value>();
  /** By block that is made: values that are computed where they are read, and what they are read from the item for. */
  private readonly local = new Map<number, Map<Value, Value>>();
  private readonly byValue = new Map<Value, PlacedRun[]>();
  /** Few fields are read once, at the head; many would not fit into registers and are read where they are used. */
  private readonly readsEarly: boolean;
  private readonly blocks = new Map<number, number>();
  /** By call depth: what is added to an offset from its r10. */
  private readonly shifts: ReadonlyMap<number, number>;
  /** Lowest byte in use. */
  private readonly lowest: number;
  private at = 0;

  constructor(metadata: Metadata) {
    this.metadata = metadata;
    this.sliced = slicedFunction(metadata.slice);
    this.graph = new Graph();
    this.draft = new FunctionDraft(this.sliced.program, this.graph);
    const { shifts, lowest } = this.placeFrames();
    this.shifts = shifts;
    this.lowest = lowest;
    for (const run of metadata.runs) this.byValue.set(run.value, [...(this.byValue.get(run.value) ?? []), run]);
    this.readsEarly = metadata.runs.length <= earlyFields;
  }

  run(): FunctionCode {
    const { draft, sliced } = this;
    const { slice } = this.metadata;
    const entry = draft.block();
    for (const { id } of liveBlocks(sliced)) this.blocks.set(id, draft.block());
    this.at = entry;
    if (this.readsEarly) this.readItem();
    this.checkBounds();
    draft.end(this.at, { kind: 'jump', to: this.blocks.get(0) as number });
    for (const { id, phis } of liveBlocks(sliced))
      for (const { value } of phis) this.made.set(value, draft.phi(this.blocks.get(id) as number, value.ones));
    for (const [load, choice] of this.choices())
      this.made.set(load, draft.phi(this.blocks.get(choice.block) as number, load.ones));
    for (const id of orderOfCode(sliced).rpo) this.fill(sliced.blocks[id] as Block);
    for (const { phis, preds } of liveBlocks(sliced))
      for (const { value, args } of phis)
        for (const [i, arg] of args.entries()) {
          this.at = this.blocks.get(preds[i] as number) as number;
          draft.argument(this.made.get(value) as Value, this.at, this.map(arg));
        }
    for (const [load, { block, loads }] of this.choices()) {
      const { preds } = slice.scr.code.blocks[block] as Block;
      for (const pred of sliced.blocks[block]?.preds ?? []) {
        this.at = this.blocks.get(pred) as number;
        draft.argument(this.made.get(load) as Value, this.at, this.map(loads[preds.indexOf(pred)] as Value));
      }
    }
    return draft.finish();
  }

  /** Loads in the slice whose place is a core's choice. */
  private choices(): readonly (readonly [Value, LoadChoice])[] {
    const { scr, needed } = this.metadata.slice;
    return [...scr.choices].filter(([load]) => needed.has(load));
  }

  private fill(block: Block): void {
    this.at = this.blocks.get(block.id) as number;
    for (const value of block.pinned) if (!this.made.has(value)) this.made.set(value, this.pinned(value));
    this.draft.end(this.at, this.endOf(block.end));
  }

  private endOf(end: End): End {
    const to = (id: number): number => this.blocks.get(id) as number;
    switch (end.kind) {
      case 'jump':
        return { kind: 'jump', to: to(end.to) };
      case 'branch': {
        const condition = this.map(end.condition);
        const test = isCompare(condition.op) ? condition : this.graph.make('ult', this.graph.constant(0n), condition);
        return { kind: 'branch', condition: test, yes: to(end.yes), no: to(end.no) };
      }
      default:
        return { kind: 'return', value: this.graph.constant(0n) };
    }
  }

  /** The value in the function that is made. */
  private map(value: Value): Value {
    const local = this.local.get(this.at) ?? new Map<Value, Value>();
    this.local.set(this.at, local);
    const known = this.made.get(value) ?? local.get(value);
    if (known !== undefined) return known;
    let result = this.fromItem(value);
    if (result !== undefined) {
      local.set(value, result);
      return result;
    }
    if (isConst(value)) result = this.graph.constant(value.imm);
    else if (value.op === 'frame') {
      const shift = BigInt(this.shifts.get(Number(value.imm)) ?? 0);
      const own = this.graph.frame(0);
      result = shift === 0n ? own : this.graph.add(own, this.graph.constant(shift));
    } else {
      this.graph.origin = value.origin;
      result = this.graph.again(
        value,
        value.args.map((arg) => this.map(arg)),
      );
    }
    local.set(value, result);
    return result;
  }

  private pinned(value: Value): Value {
    const { graph } = this;
    const { op, detail } = value;
    graph.origin = value.origin;
    const args = this.argumentsOf(value);
    if (op === 'lookup' && detail?.kind === 'lookup' && detail.pieces.length > 0) {
      const key = this.writePieces(detail.pieces, args);
      return this.pin(graph.effect('lookup', [key], 0n, { ...detail, pieces: [] }, value.ones));
    }
    if (op === 'fill' && detail?.kind === 'memory')
      return this.pin(graph.effect('store', [args[0] as Value, graph.constant(0n)], value.imm, detail));
    if (op === 'store' && detail?.kind === 'memory' && detail.space === 'stack') {
      const at = directAddress(args[0] as Value);
      const offset = at === undefined ? 0 : at + Number(value.imm) - stackAddress(0, 0);
      // What passes put together may lie across what the stack is aligned to.
      if (offset % detail.size !== 0) {
        this.store(offset, detail.size, args[1] as Value);
        return args[1] as Value;
      }
    }
    return this.pin(graph.again(value, args));
  }

  /** Bytes of the packet that a helper reads are put on the stack. */
  private argumentsOf(value: Value): readonly Value[] {
    const fromPacket = this.metadata.slice.scr.packetArguments.get(value);
    let below = 0;
    return value.args.map((arg, i) => {
      const bytes = fromPacket?.get(i);
      if (bytes === undefined) return this.map(arg);
      const loads = bytes.loads.map((load) => this.map(load));
      const address = this.writePieces(bytes.pieces, loads, below);
      below += Math.ceil(Math.max(...bytes.pieces.map(({ at, size }) => at + size)) / 8) * 8;
      return address;
    });
  }

  private pin(value: Value): Value {
    return this.draft.pin(this.at, value);
  }

  /** Puts a key together on the stack; its address. */
  private writePieces(pieces: readonly Piece[], args: readonly Value[], below = 0): Value {
    const size = Math.max(...pieces.map((piece) => piece.at + piece.size));
    const place = this.lowest - below - Math.ceil(size / 8) * 8;
    for (const [i, piece] of pieces.entries()) this.store(place + piece.at, piece.size, args[i] as Value);
    return this.graph.add(this.graph.frame(0), this.graph.constant(BigInt(place)));
  }

  /** Stores, in parts where the stack would be accessed across what it is aligned to. */
  private store(at: number, size: number, value: Value): void {
    if (at % size !== 0) {
      const half = size / 2;
      this.store(at, half, value);
      this.store(at + half, half, this.graph.make('shr', value, this.graph.constant(BigInt(8 * half))));
      return;
    }
    const detail = { kind: 'memory', space: 'stack', size, map: -1, checked: false } as const;
    this.pin(this.graph.effect('store', [this.graph.frame(0), value], BigInt(at), detail));
  }

  /**
   * A number of which fewer values are possible than its bits hold, such as a row of a table: the verifier wants to
   * see that. An item with another one is none.
   */
  private checkBounds(): void {
    const { draft, graph } = this;
    for (const value of this.byValue.keys()) {
      const most = this.mostOf(value);
      if (most >= value.ones) continue;
      const read = this.map(value);
      this.made.set(value, read);
      const next = draft.block();
      const exit = this.blocks.get(this.sliced.blocks.length - 1) as number;
      const condition = graph.make('ult', graph.constant(most), read);
      draft.end(
        this.at,
        isConst(condition) ? { kind: 'jump', to: next } : { kind: 'branch', condition, yes: exit, no: next },
      );
      this.at = next;
    }
  }

  /** A number that a value is never above: of a choice, the largest of its ways. */
  private mostOf(value: Value, seen: Set<Value> = new Set()): bigint {
    if (isConst(value)) return value.imm;
    if (value.op !== 'phi') return value.ones;
    if (seen.has(value)) return 0n;
    seen.add(value);
    let most = 0n;
    for (const arg of this.metadata.slice.scr.args(value)) {
      const own = this.mostOf(arg, seen);
      if (own > most) most = own;
    }
    return most;
  }

  /** Reads all fields. */
  private readItem(): void {
    const { slice } = this.metadata;
    for (const value of this.byValue.keys()) this.made.set(value, this.fromItem(value) as Value);
    for (const { pinned } of liveBlocks(slice.scr.code))
      for (const value of pinned) {
        const time = slice.scr.isClock(value) ? this.fromItem(value) : undefined;
        if (time !== undefined) this.made.set(value, time);
      }
  }

  /** The value as the sequencer sent it; undefined: it did not. */
  private fromItem(value: Value): Value | undefined {
    const { graph, metadata } = this;
    const { layout, slice } = metadata;
    if (layout.clock !== undefined && slice.scr.isClock(value)) {
      // now - ((now - item) mod 2^bits)
      const { bit, bits } = layout.clock;
      const now = graph.environment(firstArgument + 1);
      const age = graph.and(graph.sub(now, this.bits(bit, bits)), graph.constant((1n << BigInt(bits)) - 1n));
      return graph.sub(now, age);
    }
    let result: Value | undefined;
    for (const { from, field } of this.byValue.get(slice.scr.same(value)) ?? []) {
      const part = graph.make('shl', this.bits(field.bit, field.bits), graph.constant(BigInt(from)));
      result = result === undefined ? part : graph.make('or', result, part);
    }
    return result;
  }

  /** Bits of the item as a number. */
  private bits(bit: number, bits: number): Value {
    const { graph } = this;
    const start = bit >> 3;
    const end = (bit + bits + 7) >> 3;
    let result: Value | undefined;
    for (let at = start; at < end; ) {
      const size = [8, 4, 2, 1].find((each) => at + each <= end) as number;
      const detail = { kind: 'memory', space: 'packet', size, map: -1, checked: false } as const;
      const ones = size === 8 ? mask64 : (1n << BigInt(8 * size)) - 1n;
      const item = graph.environment(firstArgument);
      const piece = this.pin(graph.effect('load', [item], BigInt(at), detail, ones));
      const shift = 8 * (at - start) - (bit & 7);
      const placed = graph.make(shift < 0 ? 'shr' : 'shl', piece, graph.constant(BigInt(Math.abs(shift))));
      result = result === undefined ? placed : graph.make('or', result, placed);
      at += size;
    }
    const mask = bits === 64 ? mask64 : (1n << BigInt(bits)) - 1n;
    return graph.and(result as Value, graph.constant(mask));
  }

  /** One below the other, each as large as the offsets in use. */
  private placeFrames(): { readonly shifts: ReadonlyMap<number, number>; readonly lowest: number } {
    const deepest = new Map<number, number>();
    const see = (value: Value, imm: bigint): void => {
      const address = directAddress(value);
      if (address === undefined) return;
      const depth = depthOf(address - 1);
      const offset = address + Number(imm) - stackAddress(depth, 0);
      deepest.set(depth, Math.min(deepest.get(depth) ?? 0, offset));
    };
    const seen = new Set<Value>();
    const walk = (value: Value): void => {
      if (seen.has(value)) return;
      seen.add(value);
      see(value, 0n);
      for (const arg of value.args) walk(arg);
    };
    for (const { pinned, phis, end } of liveBlocks(this.sliced)) {
      for (const value of pinned) {
        if (value.args[0] !== undefined && value.op !== 'call' && value.op !== 'lookup') see(value.args[0], value.imm);
        for (const arg of value.args) walk(arg);
      }
      for (const { args } of phis) for (const arg of args) walk(arg);
      for (const value of endUses(end)) walk(value);
    }
    const shifts = new Map<number, number>();
    let lowest = 0;
    for (const [depth, offset] of [...deepest].sort(([a], [b]) => a - b)) {
      shifts.set(depth, lowest);
      lowest += Math.floor(offset / 8) * 8;
    }
    return { shifts, lowest };
  }
}
