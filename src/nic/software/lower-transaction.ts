/**
 * A trace is a transaction. Whatever may still fail after an effect gets a way back: for each effect so far, newest
 * first, the instruction that undoes it. A store's undoing stores what was there, which is loaded just before the
 * store; what undoes a helper is lower-call.ts. So undoing costs a load a store, and nothing on paths that cannot
 * fail.
 */
import { isConst, type Value } from '../../ir/index.js';
import { type BlockBuilder, type Landing, type MemoryDetail, onesOf } from './block-builder.js';
import { NotCompiled } from './lower-value.js';

/** Where a packet goes that turns out not to be this trace's, and what it brings there. */
export interface Refusal {
  readonly landing: Landing;
  readonly exit: Value;
}

/** The ways back of one body. A path that fails runs them, newest first, and then is a miss like any other. */
export class Transaction {
  /** Position of the last value that may fail: what comes after it need not be undone. */
  lastFailure = -1;
  /** Position of the value that is being lowered. */
  at = 0;
  private readonly builder: BlockBuilder;
  private readonly refusal: Refusal;
  /** What undoes the effects so far. */
  private readonly undo: (() => void)[] = [];

  constructor(builder: BlockBuilder, refusal: Refusal) {
    this.builder = builder;
    this.refusal = refusal;
  }

  /** Something that comes after the present value may fail. */
  get mayFailLater(): boolean {
    return this.at < this.lastFailure;
  }

  /** Ends the open block: the trace goes on if the condition comes out like this, else everything is undone. */
  require(condition: Value, expect: boolean): void {
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
  onFailure(step: () => void): void {
    if (this.mayFailLater) this.undo.push(step);
  }

  /** Before a store of `size` bytes: what is there now comes back on failure. */
  keepOld(base: Value, offset: bigint, size: number, detail: MemoryDetail): void {
    if (!this.mayFailLater || detail.space === 'stack') return;
    const { builder } = this;
    const plain = { ...detail, size, checked: false };
    const old = builder.pin('load', [base], offset, plain, onesOf(size));
    this.onFailure(() => builder.pin('store', [base, old], offset, plain));
  }
}
