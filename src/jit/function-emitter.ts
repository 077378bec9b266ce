/**
 * Emits one program: values as expression trees with locals where a value is used more than once, blocks as structured
 * control.
 *
 * Control follows Ramsey, "Beyond Relooper: recursive translation of unstructured control flow to structured control
 * flow" (2022): the dominator tree is walked; a block that several forward edges reach is placed behind a wasm `block`
 * that they leave, a loop's head inside a `loop`, any other where it is jumped to. Phis are locals, set on the edges:
 * all arguments are pushed before the first local is set, so they are read in parallel.
 */

import { InternalError } from '../base/index.js';
import type { Order } from '../code/index.js';
import {
  type Block,
  type End,
  type FunctionCode,
  findNeeded,
  type Needed,
  orderOfCode,
  type Schedule,
  schedule,
  Unsupported,
  type Value,
} from '../ir/index.js';
import type { Machine } from '../vm/index.js';
import type { CodeBuilder } from '../wasm/index.js';
import type { Arrival } from './context-code.js';
import { emitPinned } from './emit-pinned.js';
import { emitPure } from './emit-pure.js';
import { arrayOf, fixedAddress } from './place.js';
import { type Representation, representations } from './representation.js';
import type { Services } from './services.js';

/** What an emitted program is made into: a function, or the body of the packet loop. */
export interface Frame {
  readonly machine: Machine;
  readonly services: Services;
  /** Local that holds the record's address. */
  readonly record: number;
  readonly arrival: Arrival;
  /** Leaves the program; r0 (i64) is on the stack. `depth`: wasm blocks that are open. */
  leave(code: CodeBuilder, depth: number): void;
  /** The same for a packet that no trace takes; the exit (i32) is on the stack. Absent where that cannot happen. */
  miss?(code: CodeBuilder, depth: number): void;
  /** Functions (record) -> i32 that calls of {@link ownFunction} mean, by number. */
  readonly callees?: readonly number[];
}

type Context = { readonly kind: 'loop' | 'block'; readonly block: number } | { readonly kind: 'other' };

/**
 * Code of one function: structured control out of its blocks (Ramsey, "Beyond Relooper", 2022), values as locals or
 * in place.
 */
export class FunctionEmitter {
  readonly code: FunctionCode;
  readonly out: CodeBuilder;
  readonly frame: Frame;
  readonly represent: (value: Value) => Representation;
  private readonly order: Order;
  private readonly needed: Needed;
  private readonly schedule: Schedule;
  /** Locals by id of value; -1: none yet. */
  private readonly locals: Int32Array;
  /** By id: 1 for pure values that lie in their local. */
  private readonly computed: Uint8Array;
  private readonly context: Context[] = [];
  private readonly merges: ReadonlySet<number>;
  private readonly children: number[][];
  private readonly temporaries = new Map<string, number>();

  constructor(code: FunctionCode, out: CodeBuilder, frame: Frame) {
    this.code = code;
    this.out = out;
    this.frame = frame;
    this.order = orderOfCode(code);
    if (this.order.irreducible) throw new Unsupported('its loops have several entries', 0);
    this.needed = findNeeded(code);
    this.locals = new Int32Array(code.graph.code.length).fill(-1);
    this.computed = new Uint8Array(code.graph.code.length);
    this.represent = representations(code, this.needed);
    this.schedule = schedule(code, this.order, this.needed);
    const { position, preds, idom, rpo } = this.order;
    this.merges = new Set(
      rpo.filter(
        (id) => (preds[id] ?? []).filter((p) => (position[p] as number) < (position[id] as number)).length > 1,
      ),
    );
    this.children = code.blocks.map(() => []);
    for (const id of rpo) if (id !== 0) this.children[idom[id] as number]?.push(id);
  }

  emit(): void {
    this.emitTree(0);
    this.out.op('unreachable');
  }

  /** Does anything read its result? */
  isUsed(value: Value): boolean {
    return this.needed.uses[value.id] !== undefined;
  }

  /** Goes around a loop. */
  isCarried(value: Value): boolean {
    return value.op === 'phi' && this.order.headers.has(this.needed.home[value.id] as number);
  }

  /** Lies in a local. */
  isAtHand(value: Value): boolean {
    return (this.needed.home[value.id] as number) >= 0 || this.computed[value.id] === 1;
  }

  /** A local that holds nothing across values. */
  temporary(name: string, type: Representation): number {
    let local = this.temporaries.get(name);
    if (local === undefined) {
      local = this.out.addLocal(type);
      this.temporaries.set(name, local);
    }
    return local;
  }

  /** Local of a needed value. */
  localOf(value: Value): number {
    let local = this.locals[value.id] as number;
    if (local < 0) {
      local = this.out.addLocal(this.represent(value));
      this.locals[value.id] = local;
    }
    return local;
  }

  /** Pushes a value: all 64 bits, or the low 32. */
  push(value: Value, as: Representation): void {
    const { out } = this;
    const fixed = this.fixed(value);
    if (fixed !== undefined) {
      if (as === 'i32') out.i32(Number(BigInt.asIntN(32, fixed)));
      else out.i64(fixed);
      return;
    }
    this.pushOwn(value);
    if (value.op === 'element') out.i32(arrayOf(this.frame.machine, value).base).op('i32.add');
    const own = this.represent(value);
    if (own === as) return;
    if (as === 'i32') {
      out.op('i32.wrap_i64');
      return;
    }
    if (value.ones > 0xffff_ffffn)
      throw new InternalError('jit', `the upper half of v${value.id} (${value.op}) is lost`);
    out.op('i64.extend_i32_u');
  }

  /** The number that a value is in this machine, where it is an address that follows from its layout. */
  private fixed(value: Value): bigint | undefined {
    return fixedAddress(this.frame.machine, this.code.program, value);
  }

  /** Pushes how far an element is from where its array begins. */
  pushElementOffset(element: Value): void {
    this.pushOwn(element);
  }

  /** Pushes the address of the packet's first byte at arrival. */
  pushData(): void {
    this.out.getLocal(this.frame.arrival.data);
  }

  /** Emits the value's computation; it stays on the stack, in its own representation. */
  private pushOwn(value: Value): void {
    const { out } = this;
    if (this.isAtHand(value)) {
      out.getLocal(this.localOf(value));
      return;
    }
    emitPure(this, value);
    if (this.isInline(value)) return;
    this.computed[value.id] = 1;
    out.teeLocal(this.localOf(value));
  }

  /** Used once, in the block in which it is computed. */
  private isInline(value: Value): boolean {
    const uses = this.needed.uses[value.id] ?? [];
    const [use] = uses;
    if (uses.length !== 1 || use === undefined) return false;
    const at = use.block >= 0 ? use.block : use.user === undefined ? -1 : this.schedule.blockOf(use.user);
    return at === this.schedule.blockOf(value);
  }

  private block(id: number): Block {
    const block = this.code.blocks[id];
    if (block === undefined) throw new InternalError('jit', `block ${id} was never reached`);
    return block;
  }

  /** A block and all that it dominates. A loop's head opens the loop, which only `br` repeats. */
  private emitTree(id: number): void {
    const { out } = this;
    const behind = (this.children[id] ?? []).filter((child) => this.merges.has(child));
    if (!this.order.headers.has(id)) {
      this.emitWithin(id, behind, behind.length - 1);
      return;
    }
    out.loop();
    this.context.push({ kind: 'loop', block: id });
    if (this.code.checked) this.frame.services.emitFuel(out);
    this.emitWithin(id, behind, behind.length - 1);
    this.context.pop();
    out.end();
    // Every path has left.
    out.op('unreachable');
  }

  /** The block, with the first `last` + 1 of `behind` (in reverse postorder) after it. */
  private emitWithin(id: number, behind: readonly number[], last: number): void {
    const next = behind[last];
    if (next === undefined) {
      this.emitBlock(this.block(id));
      return;
    }
    this.out.block();
    this.context.push({ kind: 'block', block: next });
    this.emitWithin(id, behind, last - 1);
    this.context.pop();
    this.out.end();
    this.emitTree(next);
  }

  /** Pinned values in order, then the pure ones that are placed here and read elsewhere. */
  private emitBlock(block: Block): void {
    for (const value of block.pinned) if (this.needed.isNeeded(value)) emitPinned(this, value);
    for (const value of this.schedule.placed[block.id] ?? []) {
      if (this.computed[value.id] === 1 || this.isInline(value) || this.fixed(value) !== undefined) continue;
      this.pushOwn(value);
      this.out.op('drop');
    }
    this.emitEnd(block, block.end);
  }

  /** Control out of a block. Every way leaves by a branch or a return, so what follows in the text is unreachable. */
  private emitEnd(block: Block, end: End): void {
    const { out } = this;
    const { services } = this.frame;
    switch (end.kind) {
      case 'jump':
        this.emitEdge(block.id, end.to);
        return;
      case 'branch':
        this.push(end.condition, 'i32');
        out.if();
        this.context.push({ kind: 'other' });
        this.emitEdge(block.id, end.yes);
        out.else();
        this.emitEdge(block.id, end.no);
        this.context.pop();
        out.end();
        out.op('unreachable');
        return;
      case 'return':
        if (this.code.checked) services.emitExitCheck(out);
        this.push(end.value, 'i64');
        this.frame.leave(out, out.depth);
        return;
      case 'miss':
        if (this.frame.miss === undefined) throw new InternalError('jit', 'a program cannot miss');
        this.push(end.exit, 'i32');
        this.frame.miss(out, out.depth);
        return;
      case 'tail call':
        if (end.map < 0) throw new Unsupported('the map of a tail call is not known', end.pc);
        services.emitTailCall(out, end.map, () => this.push(end.slot, 'i32'));
        out.if();
        out.i64(0n);
        this.frame.leave(out, out.depth);
        out.end();
        this.emitEdge(block.id, end.to);
        return;
      case 'trap':
        services.emitTrap(
          out,
          { program: this.code.program.index, pc: end.pc, what: end.what, unsupported: end.unsupported },
          this.frame.record,
        );
        return;
    }
  }

  /**
   * Goes from block to block: sets the phis, then branches to a label, or continues in the text where this is the
   * only way in.
   */
  private emitEdge(from: number, to: number): void {
    const { out } = this;
    const target = this.block(to);
    const index = target.preds.indexOf(from);
    const phis = target.phis.filter(({ value, args }) => this.needed.isNeeded(value) && args[index] !== value);
    for (const { value, args } of phis) this.push(args[index] as Value, this.represent(value));
    for (const { value } of [...phis].reverse()) out.setLocal(this.localOf(value));
    const { position } = this.order;
    const goesBack = (position[to] as number) <= (position[from] as number);
    if (goesBack) out.br(this.label('loop', to));
    else if (this.merges.has(to)) out.br(this.label('block', to));
    else this.emitTree(to);
  }

  /** How many levels out the label of a block is. */
  private label(kind: 'loop' | 'block', block: number): number {
    for (let i = this.context.length - 1, depth = 0; i >= 0; i--, depth++) {
      const entry = this.context[i] as Context;
      if (entry.kind === kind && entry.block === block) return depth;
    }
    throw new InternalError('jit', `no label for block ${block}`);
  }
}
