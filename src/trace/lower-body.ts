/**
 * What a trace does once its early guards hold, as blocks: stores, atomic operations, helpers, and the guards that had to wait for an effect.
 *
 * A trace is a transaction. Whatever may still fail after an effect gets a way back: for each effect so far, newest first, the instruction that undoes it. A
 * store's undoing stores what was there, which is loaded just before the store; a helper that runs in JavaScript does so under the machine's journal, as the
 * trace's `mark`-th such call, and `undo` goes back to that mark. So undoing costs a load a store, and nothing on paths that cannot fail.
 *
 * Moving the packet's ends is arithmetic: nothing happens until the trace has decided the packet and writes them to its record, unless a helper in
 * JavaScript has to see them.
 */
import { type Detail, type Graph, isConst, mask32, mask64, recordAddress, type Value } from '../ir/index.js';
import { exchange } from '../jit/index.js';
import { XDP_REDIRECT, xdpMd } from '../platform/index.js';
import { headroom, packetState, privateState, record } from '../vm/index.js';
import type { BlockBuilder, Landing } from './block-builder.js';
import { callFlags } from './card-imports.js';
import { type Geometry, type LowerContext, NotCompiled, ValueLowering } from './lower-value.js';
import type { RecordedTrace } from './recorder.js';
import { bodyValues } from './tree.js';

const helper = {
  prandom: 7,
  redirect: 23,
  csumDiff: 28,
  adjustHead: 44,
  redirectMap: 51,
  adjustMeta: 54,
  adjustTail: 65,
  spinLock: 93,
  spinUnlock: 94,
} as const;

/** Helpers that run in the module and change nothing but what is undone here. */
const inModule: ReadonlySet<number> = new Set([helper.prandom, helper.csumDiff]);

/** map_update_elem and map_delete_elem. */
const movesElements: ReadonlySet<number> = new Set([2, 3]);

export interface BodyContext extends LowerContext {
  /** Guest address of the exchange area. */
  readonly exchange: number;
  /** Guest address of the word that counts the periods in which elements of maps stay where they are (src/jit/lookup-cache.ts). */
  readonly period: number;
}

/** Where a packet goes that turns out not to be this trace's, and what it brings there. */
export interface Refusal {
  readonly landing: Landing;
  readonly exit: Value;
}

export class BodyLowering {
  private readonly context: BodyContext;
  private readonly trace: RecordedTrace;
  private readonly refusal: Refusal;
  private readonly values: ValueLowering;
  private readonly geometry: Geometry;
  /** What undoes the effects so far. */
  private readonly undo: (() => void)[] = [];
  /** Position of the last value that may fail: what comes after it need not be undone. */
  private lastFailure = -1;
  private at = 0;
  private marks = 0;
  /** Writes the redirect's target to the record. */
  private note: (() => void) | undefined;
  private moved = false;
  /** One redirect at most: its note can go straight to the record. Of several, a later one may leave some words of an earlier one. */
  private notesOnce = false;

  constructor(context: BodyContext, trace: RecordedTrace, refusal: Refusal) {
    this.context = context;
    this.trace = trace;
    this.refusal = refusal;
    const { graph } = context.builder;
    this.geometry = { data: 0n, meta: 0n, end: graph.length };
    this.values = new ValueLowering(context, this.geometry, (condition, expect) => this.require(condition, expect));
  }

  private get builder(): BlockBuilder {
    return this.context.builder;
  }

  private get graph(): Graph {
    return this.context.builder.graph;
  }

  /**
   * Appends the body to the open block and ends it. `number`: what the record is to say of who took the packet. `counter`: guest address of two words, the
   * packets that the trace decides and the record of the last one.
   */
  lower(number: number, counter: number): void {
    const needed = bodyValues(this.trace, () => false);
    this.notesOnce = needed.filter(isRedirect).length <= 1;
    this.lastFailure = needed.findLastIndex((value) => this.mayFail(value));
    if (needed.some((value) => isMover(value))) this.requireHeadroom();
    if (needed.some((value) => isRedirect(value) && !this.isDirect(value))) {
      this.storeAt(this.context.machine.state + privateState.redirectKind, 4, this.graph.constant(0n));
    }
    this.hoist(needed);
    for (const [i, value] of needed.entries()) {
      this.at = i;
      if (!this.values.isKnown(value) || value.op === 'guard' || value.op === 'call') this.lowerValue(value);
    }
    this.finish(number, counter);
  }

  private mayFail(value: Value): boolean {
    const { detail } = value;
    if (value.op === 'guard') return true;
    if (detail?.kind === 'memory' || detail?.kind === 'atomic') return detail.checked && !this.context.verified;
    return detail?.kind === 'call' && (!this.context.verified || detail.helper === helper.adjustTail);
  }

  /** Guards over what the packet brought and devmap slots can be asked before any effect. */
  private hoist(needed: readonly Value[]): void {
    const early = new Set<Value>();
    for (const value of needed) {
      const isSlot = value.op === 'call' && this.presence(value) !== undefined;
      if (isSlot) {
        early.add(value);
        this.askSlot(value);
        continue;
      }
      if (value.early) continue;
      const isPure = value.op !== 'load' && value.op !== 'lookup' && value.op !== 'slot' && !isEffect(value);
      if (!isPure && value.op !== 'guard') continue;
      if (!value.args.every((arg) => arg.early || early.has(arg))) continue;
      early.add(value);
    }
    for (const value of needed) if (early.has(value) && value.op !== 'call') this.lowerValue(value);
  }

  private lowerValue(value: Value): void {
    switch (value.op) {
      case 'guard':
        this.guard(value);
        return;
      case 'store':
        this.store(value);
        return;
      case 'atomic':
        this.atomic(value);
        return;
      case 'call':
        this.call(value);
        return;
      default:
        this.values.lower(value);
    }
  }

  private readonly asked = new Set<Value>();

  private guard(value: Value): void {
    if (this.asked.has(value)) return;
    this.asked.add(value);
    const expect = value.detail?.kind === 'guard' && value.detail.expect;
    this.require(this.values.lower(value.args[0] as Value), expect);
  }

  /** Ends the open block: the trace goes on if the condition comes out like this, else everything is undone. */
  private require(condition: Value, expect: boolean): void {
    const { builder, refusal } = this;
    if (isConst(condition) && (condition.imm !== 0n) === expect) return;
    const good = builder.newBlock();
    const back = { landing: refusal.landing, value: refusal.exit };
    const bad = this.undo.length === 0 ? back : builder.newBlock();
    if (isConst(condition)) throw new NotCompiled('a guard that never holds');
    builder.branch(condition, expect ? good : bad, expect ? bad : good);
    if ('id' in bad) {
      builder.enter(bad);
      for (const step of this.undo.toReversed()) step();
      builder.jump(back.landing, back.value);
    }
    builder.enter(good);
  }

  /** Notes how to undo what comes next, if it may have to be. */
  private onFailure(step: () => void): void {
    if (this.at < this.lastFailure) this.undo.push(step);
  }

  private keepOld(base: Value, offset: bigint, size: number, detail: Memory): void {
    if (this.at >= this.lastFailure || detail.space === 'stack') return;
    const { builder } = this;
    const plain = { ...detail, size, checked: false };
    const ones = size === 8 ? mask64 : (1n << BigInt(8 * size)) - 1n;
    const old = builder.pin('load', [base], offset, plain, ones);
    this.onFailure(() => builder.pin('store', [base, old], offset, plain));
  }

  private store(value: Value): void {
    const { detail } = value;
    if (detail?.kind !== 'memory') throw new NotCompiled('store');
    const [base, offset] = this.values.address(value);
    this.values.checkAccess(detail, base, offset);
    const stored = this.values.lower(value.args[1] as Value);
    this.keepOld(base, offset, detail.size, detail);
    this.builder.pin('store', [base, stored], offset, { ...detail, checked: false });
  }

  private atomic(value: Value): void {
    const { detail } = value;
    if (detail?.kind !== 'atomic') throw new NotCompiled('atomic');
    const [base, offset] = this.values.address(value);
    this.values.checkAccess(detail, base, offset);
    if (!this.context.verified) {
      const { graph } = this;
      const at = graph.and(graph.add(base, graph.constant(offset)), graph.constant(BigInt(detail.size - 1)));
      this.require(graph.make('eq', at, graph.constant(0n)), true);
    }
    const args = value.args.slice(1).map((arg) => this.values.lower(arg));
    const { size, space, map } = detail;
    this.keepOld(base, offset, size, { kind: 'memory', size, space, map, checked: false });
    const ones = size === 8 ? mask64 : mask32;
    const lowered = this.builder.pin('atomic', [base, ...args], offset, { ...detail, checked: false }, ones);
    this.values.define(value, lowered);
  }

  // Helpers.

  private call(value: Value): void {
    const { detail } = value;
    if (detail?.kind !== 'call') throw new NotCompiled('call');
    const delta = (): bigint => BigInt.asIntN(64, (value.args[1] as Value).imm);
    switch (detail.helper) {
      case helper.spinLock:
      case helper.spinUnlock:
        // One program runs at a time, so the lock is free, and whoever takes it here gives it back.
        this.values.define(value, this.graph.constant(0n));
        return;
      case helper.adjustHead:
        this.geometry.data += delta();
        this.geometry.meta += delta();
        this.move(value);
        return;
      case helper.adjustMeta:
        this.geometry.meta += delta();
        this.move(value);
        return;
      case helper.adjustTail:
        this.adjustTail(value);
        return;
      case helper.redirect:
        if (this.redirect(value)) return;
        break;
      case helper.redirectMap:
        if (this.redirectMap(value)) return;
        break;
      default:
        break;
    }
    this.callHelper(value, detail);
  }

  private move(value: Value): void {
    this.moved = true;
    this.values.define(value, this.graph.constant(0n));
  }

  /** A packet that gets shorter just does; one that grows has its new bytes cleared, and JavaScript knows where the frame ends. */
  private adjustTail(value: Value): void {
    const { graph, geometry } = this;
    const amount = value.args[1] as Value;
    if (isConst(amount) && BigInt.asIntN(64, amount.imm) <= 0n) {
      geometry.end = graph.add(geometry.end, amount);
      this.move(value);
      return;
    }
    if (value.detail?.kind !== 'call') return;
    this.callHelper(value, value.detail);
    this.undoAndRequire(value);
    geometry.end = graph.add(geometry.end, this.values.lower(amount));
    this.moved = true;
  }

  /** The recording saw the helper succeed; a frame of another size may make it fail. */
  private undoAndRequire(value: Value): void {
    const { graph } = this;
    this.require(graph.make('eq', this.values.lower(value), graph.constant(0n)), true);
  }

  /** Traces that move the packet's start were recorded in a frame with the usual headroom. */
  private requireHeadroom(): void {
    const { graph } = this;
    const start = this.loadRecord(record.frameStart, 4);
    const data = graph.add(start, graph.constant(BigInt(headroom)));
    this.require(graph.make('eq', data, graph.pointer(graph.constant(0n))), true);
  }

  /** Without flags; with flags the helper refuses, which JavaScript says. */
  private redirect(value: Value): boolean {
    if (!this.isDirect(value)) return false;
    const { graph } = this;
    const target = this.values.lower(value.args[0] as Value);
    this.note = () => {
      this.storeRecord(record.redirect, 4, graph.constant(1n));
      this.storeRecord(record.redirect + 4, 4, target);
    };
    this.values.define(value, graph.constant(BigInt(XDP_REDIRECT)));
    return true;
  }

  /** Is the redirect noted without JavaScript? */
  private isDirect(value: Value): boolean {
    const flags = value.args[1] as Value;
    const isPlain = value.detail?.kind === 'call' && value.detail.helper === helper.redirect;
    if (isPlain) return this.notesOnce && isConst(flags) && flags.imm === 0n;
    return this.presence(value) !== undefined;
  }

  /** Key and layout of a redirect_map whose outcome is known from one word of the map. */
  private presence(
    value: Value,
  ): { readonly map: number; readonly base: bigint; readonly entries: number; readonly missed: bigint } | undefined {
    const [handle, key, flags] = value.args;
    if (!this.notesOnce || value.detail?.kind !== 'call' || value.detail.helper !== helper.redirectMap)
      return undefined;
    if (handle === undefined || key === undefined || flags === undefined || !key.early) return undefined;
    if (!isConst(handle) || !isConst(flags) || flags.imm > 3n) return undefined;
    const map = this.context.machine.mapAt(Number(handle.imm & mask32));
    const layout = map?.layout();
    if (map === undefined || layout?.kind !== 'redirect') return undefined;
    return {
      map: map.index,
      base: BigInt(layout.base + layout.present),
      entries: map.spec.maxEntries,
      missed: flags.imm,
    };
  }

  /** Reads the slot: 1 if it holds something. Only the control plane changes it, so that may be done before any effect. */
  private askSlot(value: Value): Value {
    const known = this.slots.get(value);
    const slot = this.presence(value);
    if (known !== undefined) return known;
    if (slot === undefined) throw new NotCompiled('redirect_map');
    const { graph, builder } = this;
    const key = this.slotKey(value);
    const inside = graph.make('ult', key, graph.constant(BigInt(slot.entries)));
    const at = graph.make('shl', graph.make('mul', inside, key), graph.constant(3n));
    const memory: Detail = { kind: 'memory', space: 'other', size: 4, map: -1, checked: false };
    const word = builder.pin('load', [at], slot.base, memory, mask32);
    const present = graph.make('ult', graph.constant(0n), word);
    const found = graph.and(inside, present);
    this.slots.set(value, found);
    // A sum, so that comparisons with constants see through it.
    const more = graph.constant(BigInt(XDP_REDIRECT) - slot.missed);
    this.values.define(value, graph.add(graph.constant(slot.missed), graph.make('mul', found, more)));
    return found;
  }

  private slotKey(value: Value): Value {
    return this.graph.and(this.values.lower(value.args[1] as Value), this.graph.constant(mask32));
  }

  /** Notes the target. */
  private redirectMap(value: Value): boolean {
    const slot = this.presence(value);
    if (slot === undefined) return false;
    const { graph } = this;
    const found = this.askSlot(value);
    const key = this.slotKey(value);
    this.note = () => {
      this.storeRecord(record.redirect, 4, graph.make('shl', found, graph.constant(1n)));
      this.storeRecord(record.redirect + 4, 4, graph.constant(BigInt(slot.map)));
      this.storeRecord(record.redirect + 8, 8, key);
    };
    return true;
  }

  private readonly slots = new Map<Value, Value>();

  private callHelper(value: Value, detail: Detail & { readonly kind: 'call' }): void {
    const { builder, context } = this;
    this.writePieces(value, detail);
    const args = value.args.slice(0, 5).map((arg) => this.values.lower(arg));
    if (inModule.has(detail.helper)) {
      const isRandom = detail.helper === helper.prandom;
      if (isRandom) this.keepRandom();
      this.values.define(value, builder.pin('call', args, 0n, { ...detail, pieces: [] }, isRandom ? mask32 : mask64));
      return;
    }
    let flags = 0;
    // A redirect that comes here is one for JavaScript.
    if (isRedirect(value) || args.some((arg) => this.reachesPacket(arg))) {
      this.writeContext();
      flags |= callFlags.context;
    }
    // JavaScript may have to be undone if anything after this, or the call itself, may fail.
    if (detail.visible && (this.at < this.lastFailure || !context.verified)) {
      const mark = this.marks++;
      flags |= callFlags.mark(mark);
      this.onFailure(() => {
        this.callJavaScript(0, callFlags.undo(mark));
        this.startPeriod();
      });
    }
    const lowered = this.callJavaScript(detail.helper, flags, args);
    if (movesElements.has(detail.helper)) this.startPeriod();
    this.values.define(value, lowered);
    if (isRedirect(value)) this.note = () => this.copyNote();
    if (!context.verified) {
      const memory: Detail = { kind: 'memory', space: 'other', size: 4, map: -1, checked: false };
      const at = this.graph.constant(BigInt(context.exchange + exchange.refused));
      this.require(this.graph.make('eq', builder.pin('load', [at], 0n, memory, mask32), this.graph.constant(0n)), true);
    }
  }

  private startPeriod(): void {
    const { graph, builder } = this;
    const at = graph.constant(BigInt(this.context.period));
    const detail: Detail = { kind: 'memory', space: 'other', size: 4, map: -1, checked: false };
    const next = graph.make('add32', builder.pin('load', [at], 0n, detail, mask32), graph.constant(1n));
    builder.pin('store', [at, next], 0n, detail);
  }

  private callJavaScript(id: number, flags: number, args: readonly Value[] = []): Value {
    const detail: Detail = { kind: 'call', helper: id | flags, name: '', pieces: [], visible: true };
    return this.builder.pin('call', args, 0n, detail, mask64);
  }

  /** Stack memory that the helper reads and the trace knows. */
  private writePieces(value: Value, detail: Detail & { readonly kind: 'call' }): void {
    const { builder, graph } = this;
    for (const [i, piece] of detail.pieces.entries()) {
      const stored = this.values.lower(value.args[5 + i] as Value);
      for (let done = 0; done < piece.size; ) {
        const left = piece.size - done;
        const size = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        const part = graph.make('shr', stored, graph.constant(BigInt(8 * done)));
        const at = graph.constant(BigInt(piece.address + done));
        builder.pin('store', [at, part], 0n, { kind: 'memory', space: 'stack', size, map: -1, checked: false });
        done += size;
      }
    }
  }

  private keepRandom(): void {
    const at = this.graph.constant(BigInt(this.context.machine.state + privateState.random));
    this.keepOld(at, 0n, 8, { kind: 'memory', space: 'other', size: 8, map: -1, checked: false });
  }

  /** Does a helper get the context, or a pointer into the packet? */
  private reachesPacket(value: Value, depth = 0): boolean {
    if (value.op === 'ptr') return true;
    if (isConst(value)) return value.imm === BigInt(this.context.machine.ctx.start);
    // Deep enough for pointer arithmetic; whatever is deeper is taken for a pointer.
    if (depth > 8) return true;
    return value.op !== 'load' && value.args.some((arg) => this.reachesPacket(arg, depth + 1));
  }

  /** The context and the frame as the program has them now, in guest memory. */
  private writeContext(): void {
    const { graph, geometry } = this;
    const { ctx, state } = this.context.machine;
    this.storeAt(ctx.start + xdpMd.data, 4, graph.pointer(graph.constant(geometry.data)));
    this.storeAt(ctx.start + xdpMd.dataEnd, 4, graph.pointer(geometry.end));
    this.storeAt(ctx.start + xdpMd.dataMeta, 4, graph.pointer(graph.constant(geometry.meta)));
    for (const field of [xdpMd.ingressIfindex, xdpMd.rxQueueIndex, xdpMd.egressIfindex]) {
      this.storeAt(ctx.start + field, 4, graph.ctxField(field));
    }
    const frame = state + privateState.packet;
    this.storeAt(frame + packetState.frameStart, 4, this.loadRecord(record.frameStart, 4));
    this.storeAt(frame + packetState.frameSize, 4, this.loadRecord(record.frameSize, 4));
  }

  // The record.

  private finish(number: number, counter: number): void {
    const { graph, geometry, builder } = this;
    if (this.moved) {
      // The end first: its value may be computed from the record's fields.
      this.storeRecord(xdpMd.dataEnd, 4, graph.pointer(geometry.end));
      this.storeRecord(xdpMd.data, 4, graph.pointer(graph.constant(geometry.data)));
      this.storeRecord(xdpMd.dataMeta, 4, graph.pointer(graph.constant(geometry.meta)));
    }
    this.note?.();
    const word: Detail = { kind: 'memory', space: 'other', size: 4, map: -1, checked: false };
    const packets = builder.pin('load', [graph.constant(BigInt(counter))], 0n, word, mask32);
    this.storeAt(counter, 4, graph.make('add32', packets, graph.constant(1n)));
    this.storeAt(counter + 4, 4, graph.environment(recordAddress));
    // See packet-record.ts: one store says both.
    const answer = BigInt(this.trace.verdict >>> 0) | (BigInt(number) << 32n);
    builder.end({ kind: 'return', value: graph.constant(answer) });
  }

  /** The target that a helper in JavaScript noted. */
  private copyNote(): void {
    const { state } = this.context.machine;
    const detail: Detail = { kind: 'memory', space: 'other', size: 8, map: -1, checked: false };
    for (const at of [0, 8]) {
      const from = this.graph.constant(BigInt(state + privateState.redirectKind + at));
      this.storeRecord(record.redirect + at, 8, this.builder.pin('load', [from], 0n, detail, mask64));
    }
  }

  private loadRecord(offset: number, size: number): Value {
    const ones = size === 8 ? mask64 : mask32;
    const detail: Detail = { kind: 'memory', space: 'other', size, map: -1, checked: false };
    return this.builder.pin('load', [this.graph.environment(recordAddress)], BigInt(offset), detail, ones);
  }

  private storeRecord(offset: number, size: number, value: Value): void {
    const detail: Detail = { kind: 'memory', space: 'other', size, map: -1, checked: false };
    this.builder.pin('store', [this.graph.environment(recordAddress), value], BigInt(offset), detail);
  }

  private storeAt(address: number, size: number, value: Value): void {
    const detail: Detail = { kind: 'memory', space: 'other', size, map: -1, checked: false };
    this.builder.pin('store', [this.graph.constant(BigInt(address)), value], 0n, detail);
  }
}

type Memory = Detail & { readonly kind: 'memory' };

function isMover(value: Value): boolean {
  const { detail } = value;
  if (detail?.kind !== 'call') return false;
  return (
    detail.helper === helper.adjustHead || detail.helper === helper.adjustMeta || detail.helper === helper.adjustTail
  );
}

function isRedirect({ detail }: Value): boolean {
  return detail?.kind === 'call' && (detail.helper === helper.redirect || detail.helper === helper.redirectMap);
}

function isEffect(value: Value): boolean {
  return value.op === 'store' || value.op === 'atomic' || value.op === 'call' || value.op === 'ret';
}
