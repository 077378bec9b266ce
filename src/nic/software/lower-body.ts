/**
 * What a trace does once its early guards hold, as blocks: stores, atomic operations, helpers (lower-call.ts), and the
 * guards that had to wait for an effect. What fails after an effect is undone ({@link Transaction}).
 */
import { type Graph, mask32, mask64, recordAddress, type Value } from '../../ir/index.js';
import { helperId } from '../../platform/index.js';
import type { RecordedTrace } from '../../trace/index.js';
import { record } from '../../vm/index.js';
import type { BlockBuilder } from './block-builder.js';
import { type BodyContext, CallLowering } from './lower-call.js';
import { type Refusal, Transaction } from './lower-transaction.js';
import { type Geometry, NotCompiled, ValueLowering } from './lower-value.js';
import { bodyValues } from './tree.js';

/**
 * Lowers one trace's body into the block at which its leaf stands. `refusal`: where to go if it cannot be taken after
 * all.
 */
export class BodyLowering {
  private readonly context: BodyContext;
  private readonly trace: RecordedTrace;
  private readonly transaction: Transaction;
  private readonly values: ValueLowering;
  private readonly calls: CallLowering;
  /** Guards that have been evaluated. */
  private readonly asked = new Set<Value>();

  constructor(context: BodyContext, trace: RecordedTrace, refusal: Refusal) {
    this.context = context;
    this.trace = trace;
    const { builder } = context;
    const transaction = new Transaction(builder, refusal);
    const { metaLength } = trace;
    const meta = metaLength === undefined ? undefined : -metaLength;
    const geometry: Geometry = { data: 0n, meta, end: builder.graph.length };
    this.transaction = transaction;
    this.values = new ValueLowering(context, geometry, (condition, expect) => transaction.require(condition, expect));
    this.calls = new CallLowering(context, transaction, this.values, geometry);
  }

  private get builder(): BlockBuilder {
    return this.context.builder;
  }

  private get graph(): Graph {
    return this.context.builder.graph;
  }

  /**
   * Appends the body to the open block and ends it. `number`: what the record is to say of who took the packet.
   * `counter`: guest address of two words, the packets that the trace decides and the record of the last one.
   */
  lower(number: number, counter: number): void {
    const needed = bodyValues(this.trace, () => false);
    this.transaction.lastFailure = needed.findLastIndex((value) => this.mayFail(value));
    this.calls.prepare(needed);
    this.hoist(needed);
    for (const [i, value] of needed.entries()) {
      this.transaction.at = i;
      if (!this.values.isKnown(value) || value.op === 'guard' || value.op === 'call') this.lowerValue(value);
    }
    this.finish(number, counter);
  }

  /**
   * Whether anything of this may still send the packet back. If nothing behind an effect may, the effect needs no
   * undoing.
   */
  private mayFail(value: Value): boolean {
    const { detail } = value;
    if (value.op === 'guard') return true;
    if (detail?.kind === 'memory' || detail?.kind === 'atomic') return detail.checked && !this.context.verified;
    return detail?.kind === 'call' && (!this.context.verified || detail.helper === helperId.xdp_adjust_tail);
  }

  /** Guards over what the packet brought and devmap slots can be asked before any effect. */
  private hoist(needed: readonly Value[]): void {
    const early = new Set<Value>();
    for (const value of needed) {
      if (this.calls.isSlot(value)) {
        early.add(value);
        this.calls.askSlot(value);
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

  /** What happens at this place of the body; pure values are lowered when something needs them. */
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
        this.calls.call(value);
        return;
      default:
        this.values.lower(value);
    }
  }

  /** A late guard: one that reads what an effect before it wrote. */
  private guard(value: Value): void {
    if (this.asked.has(value)) return;
    this.asked.add(value);
    const expect = value.detail?.kind === 'guard' && value.detail.expect;
    this.transaction.require(this.values.lower(value.args[0] as Value), expect);
  }

  /** A store, behind the load of what it overwrites where it may have to be undone. */
  private store(value: Value): void {
    const { detail } = value;
    if (detail?.kind !== 'memory') throw new NotCompiled('store');
    const [base, offset] = this.values.address(value);
    this.values.checkAccess(detail, base, offset);
    const stored = this.values.lower(value.args[1] as Value);
    this.transaction.keepOld(base, offset, detail.size, detail);
    this.builder.pin('store', [base, stored], offset, { ...detail, checked: false });
  }

  /** An atomic operation, which in unverified code checks alignment, too. */
  private atomic(value: Value): void {
    const { detail } = value;
    if (detail?.kind !== 'atomic') throw new NotCompiled('atomic');
    const [base, offset] = this.values.address(value);
    this.values.checkAccess(detail, base, offset);
    if (!this.context.verified) {
      const { graph } = this;
      const at = graph.and(graph.add(base, graph.constant(offset)), graph.constant(BigInt(detail.size - 1)));
      this.transaction.require(graph.make('eq', at, graph.constant(0n)), true);
    }
    const args = value.args.slice(1).map((arg) => this.values.lower(arg));
    const { size, space, map } = detail;
    this.transaction.keepOld(base, offset, size, { kind: 'memory', size, space, map, checked: false });
    const ones = size === 8 ? mask64 : mask32;
    const lowered = this.builder.pin('atomic', [base, ...args], offset, { ...detail, checked: false }, ones);
    this.values.define(value, lowered);
  }

  /** The packet is decided: effects that were only noted happen, the trace is counted, and its record says so. */
  private finish(number: number, counter: number): void {
    const { graph, builder } = this;
    this.calls.finish();
    builder.storeAt(counter, 4, graph.make('add32', builder.loadAt(counter, 4), graph.constant(1n)));
    builder.storeAt(counter + 4, 4, graph.environment(recordAddress));
    // See packet-record.ts: one store says both.
    const answer = BigInt(this.trace.verdict >>> 0) | (BigInt(number) << 32n);
    builder.storeOwn(graph.environment(recordAddress), record.r0, 8, graph.constant(answer));
    builder.end({ kind: 'return', value: graph.constant(0n) });
  }
}

/** What others see. */
function isEffect(value: Value): boolean {
  return value.op === 'store' || value.op === 'atomic' || value.op === 'call' || value.op === 'ret';
}
