/**
 * The part of a program that changes its state (Weiser's backward slice from the changes, by data and by control), cut
 * where the sequencer's knowledge ends.
 *
 * - Blocks from which no change can be reached are one block, the exit.
 * - A branch on what the sequencer knows, one way of which leads to the exit, is *absorbed* where nothing else can
 * have
 *   come before it: no change and no branch on state. Whoever takes the exit there does nothing at all, which is what
 * an
 *   absent item says; so of a present one it is known which way it goes, and nothing has to be sent for it.
 * - Of what is left, a branch is in the slice if something of the slice is control dependent on it (Ferrante,
 * Ottenstein
 *   and Warren, 1987); any other goes on at its immediate postdominator.
 */
import { type Order, orderOf } from '../code/index.js';
import { type Block, callEffects, directAddress, liveBlocks, successors, type Value } from '../ir/index.js';
import type { ScrCode } from './analysis-code.js';

/** How a block of the slice ends. */
export type SliceEnd =
  | { readonly kind: 'exit' }
  | { readonly kind: 'jump'; readonly to: number }
  | {
      readonly kind: 'branch';
      readonly condition: Value;
      readonly yes: number | undefined;
      readonly no: number | undefined;
    };

/** The slice. Blocks go by their ids in the program; undefined is the exit. */
export interface Slice {
  readonly scr: ScrCode;
  /** What is in it: effects, reads, phis and values computed from state. */
  readonly needed: ReadonlySet<Value>;
  /** What the sequencer knows and the slice asks for: its inputs. */
  readonly inputs: ReadonlySet<Value>;
  readonly ends: ReadonlyMap<number, SliceEnd>;
  /** Conditions of branches whose way is known of a present item, and that way. */
  readonly absorbed: ReadonlyMap<number, 'yes' | 'no'>;
  /** Blocks from which a change of state can be reached. */
  readonly live: ReadonlySet<number>;
}

/** A stretch of stack: addresses as directAddress has them; undefined: it may be anywhere. */
type Stretch = { readonly at: number; readonly size: number } | undefined;

/** The slice of a program. `absorb`: false keeps all conditions, for who wants the verifier to see bounds. */
export function sliceOf(scr: ScrCode, absorb = true): Slice {
  return new Slicer(scr, absorb).run();
}

class Slicer {
  private readonly scr: ScrCode;
  private readonly absorb: boolean;
  private readonly live: ReadonlySet<number>;
  private readonly absorbed = new Map<number, 'yes' | 'no'>();
  private readonly needed = new Set<Value>();
  private readonly inputs = new Set<Value>();
  private readonly neededBlocks = new Set<number>();
  private readonly neededBranches = new Set<number>();
  private readonly work: Value[] = [];
  private readonly exit: number;
  private controllers: ReadonlyMap<number, ReadonlySet<number>> = new Map();
  private post: Order | undefined;

  constructor(scr: ScrCode, absorb: boolean) {
    this.scr = scr;
    this.absorb = absorb;
    this.exit = scr.code.blocks.length;
    this.live = this.liveBlocks();
  }

  run(): Slice {
    const { scr } = this;
    if (this.absorb) this.absorbBranches();
    this.post = this.postOrder();
    this.controllers = this.controlDependences(this.post);
    for (const root of scr.roots) this.need(root);
    for (let value = this.work.pop(); value !== undefined; value = this.work.pop()) this.follow(value);
    const ends = new Map<number, SliceEnd>();
    for (const id of this.live) ends.set(id, this.endOf(id));
    return { scr, needed: this.needed, inputs: this.inputs, ends, absorbed: this.absorbed, live: this.live };
  }

  private block(id: number): Block {
    return this.scr.code.blocks[id] as Block;
  }

  private hasRoot(id: number): boolean {
    return this.block(id).pinned.some((value) => this.scr.roots.has(value));
  }

  private liveBlocks(): ReadonlySet<number> {
    const work = liveBlocks(this.scr.code)
      .map(({ id }) => id)
      .filter((id) => this.hasRoot(id));
    const live = new Set(work);
    for (let id = work.pop(); id !== undefined; id = work.pop())
      for (const pred of this.block(id).preds) {
        if (live.has(pred)) continue;
        live.add(pred);
        work.push(pred);
      }
    return live;
  }

  /** Forward: which blocks come behind a change or a branch on state. */
  private absorbBranches(): void {
    const tainted = new Set<number>();
    const work: number[] = [];
    const taint = (id: number): void => {
      if (tainted.has(id)) return;
      tainted.add(id);
      work.push(id);
    };
    for (const id of this.live) {
      const { end } = this.block(id);
      const asks = end.kind === 'branch' && this.scr.knower(end.condition) === 'core';
      if (this.hasRoot(id) || asks) for (const to of successors(end)) taint(to);
    }
    for (let id = work.pop(); id !== undefined; id = work.pop())
      for (const to of successors(this.block(id).end)) taint(to);
    for (const id of this.live) {
      const { end } = this.block(id);
      if (end.kind !== 'branch' || tainted.has(id) || this.hasRoot(id)) continue;
      if (this.scr.knower(end.condition) === 'core') continue;
      const [yes, no] = [this.live.has(end.yes), this.live.has(end.no)];
      if (yes !== no) this.absorbed.set(id, yes ? 'yes' : 'no');
    }
  }

  /** Where control goes from a block, as far as the slice is concerned. */
  private targets(id: number): readonly number[] {
    if (id === this.exit || !this.live.has(id)) return [];
    const { end } = this.block(id);
    const way = this.absorbed.get(id);
    if (end.kind === 'branch' && way !== undefined) return [end[way]];
    const to = successors(end).map((each) => (this.live.has(each) ? each : this.exit));
    return to.length === 0 ? [this.exit] : to;
  }

  /** The graph turned round, from the exit. */
  private postOrder(): Order {
    const preds: number[][] = Array.from({ length: this.exit + 1 }, () => []);
    for (const id of this.live) for (const to of this.targets(id)) preds[to]?.push(id);
    return orderOf(this.exit + 1, this.exit, (id) => preds[id] ?? []);
  }

  private controlDependences({ idom }: Order): Map<number, Set<number>> {
    const result = new Map<number, Set<number>>();
    for (const id of this.live) {
      const to = this.targets(id);
      if (new Set(to).size < 2) continue;
      for (const each of to) {
        for (let at = each; at !== idom[id] && at >= 0 && at !== this.exit; at = idom[at] as number) {
          const known = result.get(at);
          if (known === undefined) result.set(at, new Set([id]));
          else known.add(id);
        }
      }
    }
    return result;
  }

  private need(value: Value): void {
    const knower = this.scr.knower(value);
    if (knower === 'all') return;
    if (knower === 'sequencer') {
      this.inputs.add(this.scr.same(value));
      return;
    }
    if (this.needed.has(value)) return;
    this.needed.add(value);
    this.work.push(value);
  }

  private needBlock(id: number): void {
    if (this.neededBlocks.has(id) || !this.live.has(id)) return;
    this.neededBlocks.add(id);
    for (const branch of this.controllers.get(id) ?? []) this.needBranch(branch);
  }

  private needBranch(id: number): void {
    if (this.neededBranches.has(id)) return;
    this.neededBranches.add(id);
    this.needBlock(id);
    const { end } = this.block(id);
    if (end.kind === 'branch') this.need(end.condition);
    if (end.kind === 'tail call') this.need(end.slot);
  }

  private follow(value: Value): void {
    const { scr } = this;
    const choice = scr.choices.get(value);
    const fromPacket = scr.packetArguments.get(value);
    for (const [i, arg] of (choice?.loads ?? scr.args(value)).entries())
      for (const each of fromPacket?.get(i)?.loads ?? [arg]) this.need(each);
    const home = choice?.block ?? scr.home.get(value);
    if (home === undefined) return;
    this.needBlock(home);
    if (value.op === 'phi' || choice !== undefined) {
      for (const pred of this.block(home).preds) {
        this.needBlock(pred);
        if (new Set(this.targets(pred)).size > 1) this.needBranch(pred);
      }
      return;
    }
    for (const stretch of this.stackReads(value)) this.needWriters(stretch);
  }

  /** What of the stack an operation reads. */
  private stackReads(value: Value): readonly Stretch[] {
    const { op, detail, args } = value;
    if (op === 'load' || op === 'atomic') {
      if ((detail?.kind !== 'memory' && detail?.kind !== 'atomic') || detail.space !== 'stack') return [];
      return [this.stretch(args[0], value.imm, detail.size)];
    }
    if (op === 'lookup' && detail?.kind === 'lookup' && detail.pieces.length === 0) {
      const size = scrKeySize(this.scr, detail.map);
      return isStackAddress(args[0]) ? [this.stretch(args[0], 0n, size)] : [];
    }
    if (op !== 'call') return [];
    const effects = callEffects(this.scr.world, this.scr.code)(value);
    return effects.args.flatMap((use, i): Stretch[] => {
      if (use.kind === 'value' || !isStackAddress(args[i])) return [];
      return [use.kind === 'escapes' || use.size === undefined ? undefined : this.stretch(args[i], 0n, use.size)];
    });
  }

  private stretch(base: Value | undefined, imm: bigint, size: number): Stretch {
    const at = base === undefined ? undefined : directAddress(base);
    return at === undefined ? undefined : { at: at + Number(imm), size };
  }

  /** All that may have written these bytes. */
  private needWriters(stretch: Stretch): void {
    for (const id of this.live)
      for (const value of this.block(id).pinned) if (this.writesStack(value, stretch)) this.need(value);
  }

  private writesStack(value: Value, stretch: Stretch): boolean {
    const { op, detail, args } = value;
    if (op === 'store' || op === 'fill' || op === 'atomic') {
      if ((detail?.kind !== 'memory' && detail?.kind !== 'atomic') || detail.space !== 'stack') return false;
      return overlap(this.stretch(args[0], value.imm, detail.size), stretch);
    }
    if (op !== 'call') return false;
    const effects = callEffects(this.scr.world, this.scr.code)(value);
    return effects.args.some((use, i) => {
      if (use.kind !== 'write' && use.kind !== 'escapes') return false;
      if (!isStackAddress(args[i])) return false;
      const size = use.kind === 'write' ? use.size : undefined;
      return overlap(size === undefined ? undefined : this.stretch(args[i], 0n, size), stretch);
    });
  }

  private endOf(id: number): SliceEnd {
    const { end } = this.block(id);
    const to = this.targets(id);
    const target = (each: number): number | undefined =>
      each === this.exit || !this.live.has(each) ? undefined : each;
    const only = new Set(to).size === 1 ? target(to[0] as number) : undefined;
    if (new Set(to).size === 1) return only === undefined ? { kind: 'exit' } : { kind: 'jump', to: only };
    if (end.kind === 'branch' && this.neededBranches.has(id))
      return { kind: 'branch', condition: end.condition, yes: target(end.yes), no: target(end.no) };
    const after = target(this.post?.idom[id] ?? this.exit);
    return after === undefined ? { kind: 'exit' } : { kind: 'jump', to: after };
  }
}

function overlap(a: Stretch, b: Stretch): boolean {
  return a === undefined || b === undefined || (a.at < b.at + b.size && b.at < a.at + a.size);
}

/** May the value be an address on the stack? */
function isStackAddress(value: Value | undefined): boolean {
  if (value === undefined) return false;
  if (value.op === 'frame' || value.op === 'phi' || value.op === 'select') return true;
  return (value.op === 'add' || value.op === 'sub') && value.args.some(isStackAddress);
}

function scrKeySize(scr: ScrCode, map: number): number {
  return scr.world.maps[map]?.spec.keySize ?? 0;
}
