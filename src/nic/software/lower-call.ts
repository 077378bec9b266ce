/**
 * Helper calls of a trace's body. Moving the packet's ends is arithmetic, and a redirect is a note: nothing happens
 * until the trace has decided the packet and writes both to its record, unless a helper in JavaScript has to see them.
 * Such a helper runs under the machine's journal where something after it may fail, as the trace's `mark`-th such
 * call, and its undoing goes back to that mark.
 */
import { InternalError } from '../../base/index.js';
import { type Detail, type Graph, isConst, mask32, mask64, recordAddress, type Value } from '../../ir/index.js';
import { exchange, locateStack } from '../../jit/index.js';
import { headroom, helperId, XDP_REDIRECT, xdpMd } from '../../platform/index.js';
import { packetState, privateState, record } from '../../vm/index.js';
import type { BlockBuilder } from './block-builder.js';
import { isInModule, isMover, isRedirect, movesElements } from './card-helpers.js';
import { callFlags } from './card-imports.js';
import type { Transaction } from './lower-transaction.js';
import { type Geometry, type LowerContext, metaPointer, NotCompiled, type ValueLowering } from './lower-value.js';

/** Where a body finds what it shares with the card. */
export interface BodyContext extends LowerContext {
  /** Guest address of the exchange area. */
  readonly exchange: number;
  /**
   * Guest address of the word that counts the periods in which elements of maps stay where they are
   * (src/jit/lookup-cache.ts).
   */
  readonly period: number;
}

/** Lowers the calls of one body, and keeps where the packet's ends are by then. */
export class CallLowering {
  private readonly context: BodyContext;
  private readonly transaction: Transaction;
  private readonly values: ValueLowering;
  private readonly geometry: Geometry;
  private readonly slots = new Map<Value, Value>();
  private marks = 0;
  /** Writes the redirect's target to the record. */
  private note: (() => void) | undefined;
  private moved = false;
  /**
   * One redirect at most: its note can go straight to the record. Of several, a later one may leave some words of an
   * earlier one.
   */
  private notesOnce = false;

  constructor(context: BodyContext, transaction: Transaction, values: ValueLowering, geometry: Geometry) {
    this.context = context;
    this.transaction = transaction;
    this.values = values;
    this.geometry = geometry;
  }

  private get builder(): BlockBuilder {
    return this.context.builder;
  }

  private get graph(): Graph {
    return this.context.builder.graph;
  }

  /** Call it before all else, with what the body evaluates. */
  prepare(needed: readonly Value[]): void {
    this.notesOnce = needed.filter(isRedirect).length <= 1;
    if (needed.some(isMover)) this.requireHeadroom();
    if (needed.some((value) => isRedirect(value) && !this.isDirect(value)))
      this.builder.storeAt(this.context.machine.lane.state + privateState.redirectKind, 4, this.graph.constant(0n));
  }

  /** One call: those whose effect is known here become arithmetic and notes, the others calls. */
  call(value: Value): void {
    const { detail } = value;
    if (detail?.kind !== 'call') throw new NotCompiled('call');
    const delta = (): bigint => BigInt.asIntN(64, (value.args[1] as Value).imm);
    switch (detail.helper) {
      case helperId.spin_lock:
      case helperId.spin_unlock:
        // One program runs at a time, so the lock is free, and whoever takes it here gives it back.
        this.values.define(value, this.graph.constant(0n));
        return;
      case helperId.xdp_adjust_head:
        this.moveHead(delta());
        this.move(value);
        return;
      case helperId.xdp_adjust_meta:
        this.geometry.meta = this.metaStart() + delta();
        this.move(value);
        return;
      case helperId.xdp_adjust_tail:
        this.adjustTail(value);
        return;
      case helperId.redirect:
        if (this.redirect(value)) return;
        break;
      case helperId.redirect_map:
        if (this.redirectMap(value)) return;
        break;
      default:
        break;
    }
    this.callHelper(value, detail);
  }

  /** bpf_xdp_adjust_head moves the metadata's start along with the packet's. */
  private moveHead(amount: bigint): void {
    const { geometry } = this;
    const meta = this.metaStart();
    // Its bytes would have to move along.
    if (meta !== geometry.data) throw new NotCompiled('metadata that moves');
    geometry.data += amount;
    geometry.meta = meta + amount;
  }

  /** Where the metadata starts, relative to where the packet began. */
  private metaStart(): bigint {
    const { meta } = this.geometry;
    if (meta === undefined) throw new InternalError('card', 'a trace moves metadata that it does not know');
    return meta;
  }

  private move(value: Value): void {
    this.moved = true;
    this.values.define(value, this.graph.constant(0n));
  }

  /**
   * A packet that gets shorter just does; one that grows has its new bytes cleared, and JavaScript knows where the
   * frame ends. Where the amount is a variable, each packet goes its way.
   */
  private adjustTail(value: Value): void {
    const { graph, geometry, builder } = this;
    const { detail } = value;
    if (detail?.kind !== 'call') return;
    const amount = this.values.lower(value.args[1] as Value);
    const grows = graph.make('slt', graph.constant(0n), amount);
    const grow = (): void => {
      this.callHelper(value, detail, grows);
      this.requireSuccess(value);
    };
    if (!isConst(grows)) builder.when(grows, grow);
    else if (grows.imm !== 0n) grow();
    geometry.end = graph.add(geometry.end, amount);
    this.move(value);
  }

  /** The recording saw the helper succeed; a frame of another size may make it fail. */
  private requireSuccess(value: Value): void {
    const { graph } = this;
    this.transaction.require(graph.make('eq', this.values.lower(value), graph.constant(0n)), true);
  }

  /** Traces that move the packet's start were recorded in a frame with the usual headroom. */
  private requireHeadroom(): void {
    const { graph } = this;
    const start = this.loadRecord(record.frameStart);
    const data = graph.add(start, graph.constant(BigInt(headroom)));
    this.transaction.require(graph.make('eq', data, graph.pointer(graph.constant(0n))), true);
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
    const isPlain = value.detail?.kind === 'call' && value.detail.helper === helperId.redirect;
    if (isPlain) return this.notesOnce && isConst(flags) && flags.imm === 0n;
    return this.slotOf(value) !== undefined;
  }

  /** Key and layout of a redirect_map whose outcome is known from one word of the map. */
  private slotOf(
    value: Value,
  ): { readonly map: number; readonly base: number; readonly entries: number; readonly missed: bigint } | undefined {
    const [handle, key, flags] = value.args;
    if (!this.notesOnce || value.detail?.kind !== 'call' || value.detail.helper !== helperId.redirect_map)
      return undefined;
    if (handle === undefined || key === undefined || flags === undefined || !key.early) return undefined;
    if (handle.op !== 'map' || !isConst(flags) || flags.imm > 3n) return undefined;
    const map = this.context.machine.maps[Number(handle.imm)];
    const layout = map?.layout();
    if (map === undefined || layout?.kind !== 'redirect') return undefined;
    return {
      map: map.index,
      base: layout.base + layout.present,
      entries: map.spec.maxEntries,
      missed: flags.imm,
    };
  }

  /** Can it be asked before any effect? */
  isSlot(value: Value): boolean {
    return value.op === 'call' && this.slotOf(value) !== undefined;
  }

  /**
   * Reads the slot: 1 if it holds something. Only the control plane changes it, so that may be done before any effect.
   */
  askSlot(value: Value): Value {
    const known = this.slots.get(value);
    const slot = this.slotOf(value);
    if (known !== undefined) return known;
    if (slot === undefined) throw new NotCompiled('redirect_map');
    const { graph, builder } = this;
    const key = this.slotKey(value);
    const inside = graph.make('ult', key, graph.constant(BigInt(slot.entries)));
    const at = graph.make('shl', graph.make('mul', inside, key), graph.constant(3n));
    const word = builder.loadOwn(at, slot.base, 4);
    const present = graph.make('ult', graph.constant(0n), word);
    const found = graph.and(inside, present);
    this.slots.set(value, found);
    // A sum, so that comparisons with constants see through it.
    const more = graph.constant(BigInt(XDP_REDIRECT) - slot.missed);
    this.values.define(value, graph.add(graph.constant(slot.missed), graph.make('mul', found, more)));
    return found;
  }

  /** Slots are 32-bit numbers. */
  private slotKey(value: Value): Value {
    return this.graph.and(this.values.lower(value.args[1] as Value), this.graph.constant(mask32));
  }

  /** Notes the target. */
  private redirectMap(value: Value): boolean {
    const slot = this.slotOf(value);
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

  /**
   * A call of a helper, in the module where it has one; else of JavaScript, which sees the packet as it is by now.
   * `made`: only where that holds; absent: for each packet.
   */
  private callHelper(value: Value, detail: Detail & { readonly kind: 'call' }, made?: Value): void {
    const { builder, context } = this;
    this.writePieces(value, detail);
    // A pointer to a map stays one: then passes know what the helper does with the other arguments.
    const args = value.args
      .slice(0, 5)
      .map((arg) => (arg.op === 'map' ? this.graph.map(Number(arg.imm)) : this.values.lower(arg)));
    if (isInModule(detail.helper)) {
      const isRandom = detail.helper === helperId.get_prandom_u32;
      if (isRandom) this.keepRandom();
      this.values.define(value, builder.pin('call', args, 0n, { ...detail, pieces: [] }, isRandom ? mask32 : mask64));
      return;
    }
    let flags = 0;
    // A redirect that comes here is one for JavaScript.
    // A dynptr on the stack may stand for the packet.
    const pieces = value.args.slice(5).map((piece) => this.values.lower(piece));
    if (isRedirect(value) || [...args, ...pieces].some((arg) => this.reachesPacket(arg))) {
      this.writeContext();
      flags |= callFlags.context;
    }
    // JavaScript may have to be undone if anything after this, or the call itself, may fail.
    if (detail.visible && (this.transaction.mayFailLater || !context.verified)) {
      const mark = this.marks++;
      flags |= callFlags.mark(mark);
      const undo = (): void => {
        this.callJavaScript(0, callFlags.undo(mark));
        this.startPeriod();
      };
      this.transaction.onFailure(made === undefined || isConst(made) ? undo : () => builder.when(made, undo));
    }
    const lowered = this.callJavaScript(detail.helper, flags, args);
    if (movesElements(detail.helper)) this.startPeriod();
    this.values.define(value, lowered);
    if (isRedirect(value)) this.note = () => this.copyNote();
    if (!context.verified) {
      const refused = builder.loadAt(context.exchange + exchange.refused, 4);
      this.transaction.require(this.graph.make('eq', refused, this.graph.constant(0n)), true);
    }
  }

  /** Look-up caches (src/jit/lookup-cache.ts) hold no longer. */
  private startPeriod(): void {
    const { graph, builder } = this;
    const { period } = this.context;
    builder.storeAt(period, 4, graph.make('add32', builder.loadAt(period, 4), graph.constant(1n)));
  }

  /** A call out of the module; flags tell what has to be brought up to date before, and how it can be undone. */
  private callJavaScript(id: number, flags: number, args: readonly Value[] = []): Value {
    const detail: Detail = { kind: 'call', helper: id | flags, name: '', pieces: [], visible: true };
    return this.builder.pin('call', args, 0n, detail, mask64);
  }

  /** Stack memory that the helper reads and the trace knows. */
  private writePieces(value: Value, detail: Detail & { readonly kind: 'call' }): void {
    const { builder, graph, context } = this;
    for (const [i, piece] of detail.pieces.entries()) {
      const stored = this.values.lower(value.args[5 + i] as Value);
      for (let done = 0; done < piece.size; ) {
        const left = piece.size - done;
        const size = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        const part = graph.make('shr', stored, graph.constant(BigInt(8 * done)));
        const at = graph.constant(BigInt(locateStack(context.machine, piece.at) + done));
        builder.pin('store', [at, part], 0n, { kind: 'memory', space: 'stack', size, map: -1, checked: false });
        done += size;
      }
    }
  }

  /** Drawing a number changes the generator's state: a packet that is sent back must not have drawn one. */
  private keepRandom(): void {
    const at = this.graph.constant(BigInt(this.context.machine.lane.state + privateState.random));
    this.transaction.keepOld(at, 0n, 8, { kind: 'memory', space: 'other', size: 8, map: -1, checked: false });
  }

  /** Does a helper get the context, or a pointer into the packet? */
  private reachesPacket(value: Value, depth = 0): boolean {
    if (value.op === 'ptr') return true;
    if (isConst(value)) return value.imm === BigInt(this.context.machine.lane.ctx.start);
    // Deep enough for pointer arithmetic; whatever is deeper is taken for a pointer.
    if (depth > 8) return true;
    return value.op !== 'load' && value.args.some((arg) => this.reachesPacket(arg, depth + 1));
  }

  /** The context and the frame as the program has them now, in guest memory. */
  private writeContext(): void {
    const { graph, geometry } = this;
    const { ctx, state } = this.context.machine.lane;
    this.builder.storeAt(ctx.start + xdpMd.data, 4, graph.pointer(graph.constant(geometry.data)));
    this.builder.storeAt(ctx.start + xdpMd.dataEnd, 4, graph.pointer(geometry.end));
    this.builder.storeAt(ctx.start + xdpMd.dataMeta, 4, metaPointer(graph, geometry));
    for (const field of [xdpMd.ingressIfindex, xdpMd.rxQueueIndex, xdpMd.egressIfindex]) {
      this.builder.storeAt(ctx.start + field, 4, graph.ctxField(field));
    }
    const frame = state + privateState.packet;
    this.builder.storeAt(frame + packetState.frameStart, 4, this.loadRecord(record.frameStart));
    this.builder.storeAt(frame + packetState.frameSize, 4, this.loadRecord(record.frameSize));
  }

  /** The target that a helper in JavaScript noted. */
  private copyNote(): void {
    const noted = this.context.machine.lane.state + privateState.redirectKind;
    for (const at of [0, 8]) this.storeRecord(record.redirect + at, 8, this.builder.loadAt(noted + at, 8));
  }

  /** What the calls come to, to the packet's record; when nothing can fail any more. */
  finish(): void {
    const { graph, geometry } = this;
    if (this.moved) {
      // The end first: its value may be computed from the record's fields.
      this.storeRecord(xdpMd.dataEnd, 4, graph.pointer(geometry.end));
      this.storeRecord(xdpMd.data, 4, graph.pointer(graph.constant(geometry.data)));
      if (geometry.meta !== undefined) this.storeRecord(xdpMd.dataMeta, 4, metaPointer(graph, geometry));
    }
    this.note?.();
  }

  private loadRecord(offset: number): Value {
    return this.builder.loadOwn(this.graph.environment(recordAddress), offset, 4);
  }

  private storeRecord(offset: number, size: number, value: Value): void {
    this.builder.storeOwn(this.graph.environment(recordAddress), offset, size, value);
  }
}
