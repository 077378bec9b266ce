/**
 * Walks a function in reverse postorder and makes it again. Idea: values are immutable and shared, so a pass does not
 * change a value, it maps it to another one; who reads a mapped value is made again through the graph (and so folded
 * and shared as it allows), who does not stays the same object. A pass only says where it differs, by hooks, and a
 * pass that finds nothing to do costs a walk.
 *
 * What holds whenever a hook is called:
 *   1. All predecessors but those of back edges have been rewritten; edges that they no longer take are gone.
 *   2. A value is mapped when its first reader is, so what a hook returns for a pinned value must be right at every
 *   place that the value reaches.
 *   3. Phis keep their identity: their arguments are replaced in place. A phi whose arguments are one value becomes
 *   that value.
 *
 * It runs a dozen times a program, most often on code that the engine has not optimized yet: so it makes no closures,
 * copies nothing that stays as it is, and hands back blocks, lists and functions that did not change.
 */
import type { Order } from '../code/index.js';
import {
  type Block,
  type End,
  type FunctionCode,
  type Graph,
  hasAddress,
  isConst,
  liveBlocks,
  makeBlock,
  mapEnd,
  opTable,
  orderOfCode,
  type Phi,
  shareOrder,
  splitOffset,
  successors,
  type Value,
  withBlocks,
} from '../ir/index.js';
import type { Modes } from './pass.js';

/** Where a pass differs from leaving everything as it is; all are optional. */
export interface Hooks {
  /** Before anything of the block. */
  readonly enter?: (block: number) => void;
  /** Bits that a phi can have, where they are fewer than it says. */
  readonly phiOnes?: (phi: Value) => bigint | undefined;
  /** A pure value, with its new arguments; undefined: it is made again with those. */
  readonly pure?: (old: Value, args: readonly Value[]) => Value | undefined;
  /** A phi that is no loop's, with its new arguments; undefined: it stays a phi. */
  readonly phi?: (args: readonly Value[], block: number) => Value | undefined;
  /**
   * A pinned value, its arguments already new. What is returned takes its place and stands nowhere; undefined: it
   * stays.
   */
  readonly pinned?: (value: Value, old: Value) => Value | undefined;
  /** The block's end, its values already new. */
  readonly end?: (end: End, block: number) => End;
  /** Every pinned value after it has been placed. */
  readonly placed?: (value: Value, old: Value) => void;
  /** What this block reads may be replaced by what is equal here. */
  readonly local?: (value: Value) => Value;
  /** What a phi gets from `pred` may be replaced by what is equal on that edge. */
  readonly edge?: (value: Value, pred: number, block: number) => Value;
  /** After the last block, before the phis of loops get their arguments. */
  readonly finish?: () => void;
  /** The finished list of pinned values. */
  readonly leave?: (pinned: Value[], block: number) => Value[];
}

/** How the walk treats what no hook wants to change. */
export interface RewriteOptions {
  /** Make every pure value again, not only those whose arguments changed. */
  readonly anew?: boolean;
}

/** Hooks as one kind of object, whichever a pass has. */
class HookTable {
  readonly enter: Hooks['enter'];
  readonly phiOnes: Hooks['phiOnes'];
  readonly pure: Hooks['pure'];
  readonly phi: Hooks['phi'];
  readonly pinned: Hooks['pinned'];
  readonly end: Hooks['end'];
  readonly placed: Hooks['placed'];
  readonly local: Hooks['local'];
  readonly edge: Hooks['edge'];
  readonly finish: Hooks['finish'];
  readonly leave: Hooks['leave'];

  constructor(hooks: Hooks) {
    this.enter = hooks.enter;
    this.phiOnes = hooks.phiOnes;
    this.pure = hooks.pure;
    this.phi = hooks.phi;
    this.pinned = hooks.pinned;
    this.end = hooks.end;
    this.placed = hooks.placed;
    this.local = hooks.local;
    this.edge = hooks.edge;
    this.finish = hooks.finish;
    this.leave = hooks.leave;
  }
}

/** A phi whose arguments may still be the old ones. */
interface OpenPhi {
  readonly value: Value;
  args: readonly Value[];
}

/**
 * One walk over one function; it is used once. Hooks get new values and, where they ask for it, the old one that
 * stands for them in {@link code}.
 */
export class Rewriter {
  readonly code: FunctionCode;
  /** Makes the new function's values. */
  readonly graph: Graph;
  private readonly modes: Modes;
  readonly order: Order;
  /** The block that is being rewritten. */
  block = 0;
  /** By id of the old value. */
  private readonly mapped: (Value | undefined)[];
  private readonly aliases = new Map<Value, Value>();
  private readonly anew: boolean;
  private readonly prunes: boolean;
  private hooks: HookTable = new HookTable({});
  /** What has become of each block so far. */
  private readonly ends: (End | undefined)[];
  private readonly lists: (readonly Value[])[];
  private readonly phis: OpenPhi[][];
  /** How many of the first phis of a loop's head still have their old arguments. */
  private readonly open: number[];
  private readonly incoming: (readonly number[] | undefined)[];
  private pinned: Value[] = [];
  /** Values whose arguments are being mapped; each call of `value` uses what is above where it found it. */
  private readonly stack: Value[] = [];
  /** No end so far goes elsewhere, and there are no blocks that cannot be reached: predecessors are what they were. */
  private isSameFlow: boolean;

  constructor(code: FunctionCode, modes: Modes, options: RewriteOptions = {}) {
    const { length } = code.blocks;
    this.code = code;
    this.graph = code.graph.extend(code.size, modes);
    this.modes = modes;
    this.prunes = modes.prune;
    this.mapped = new Array<Value | undefined>(code.size).fill(undefined);
    this.anew = options.anew ?? false;
    this.order = orderOfCode(code);
    this.isSameFlow = this.order.rpo.length === liveBlocks(code).length;
    this.ends = new Array<End | undefined>(length).fill(undefined);
    this.lists = new Array<readonly Value[]>(length).fill(none);
    this.open = new Array<number>(length).fill(0);
    this.incoming = new Array<readonly number[] | undefined>(length).fill(undefined);
    this.phis = code.blocks.map(() => []);
  }

  /** Walks the function and returns the new one: the old object where nothing changed. */
  run(hooks: Hooks): FunctionCode {
    const table = new HookTable(hooks);
    this.hooks = table;
    for (const id of this.order.rpo) {
      const block = this.code.blocks[id] as Block;
      const before = this.before(id);
      if (id !== 0 && before.length === 0) continue;
      this.incoming[id] = before;
      this.block = id;
      this.pinned = [];
      table.enter?.(id);
      this.enterPhis(block, before);
      const { pinned } = block;
      for (let i = 0; i < pinned.length; i++) this.place(pinned[i] as Value);
      let end = block.end.kind === 'jump' ? block.end : mapEnd(block.end, this.mapLocal);
      if (table.end !== undefined) end = table.end(end, id);
      if (this.prunes) end = pruned(end);
      this.lists[id] = table.leave === undefined ? this.pinned : table.leave(this.pinned, id);
      this.ends[id] = end;
      if (this.isSameFlow && end !== block.end && !isSameFlow(end, block.end)) this.isSameFlow = false;
    }
    return this.finish();
  }

  /** Predecessors of a block that come before it and still go there. */
  before(id: number): readonly number[] {
    const known = this.incoming[id];
    if (known !== undefined) return known;
    const { position } = this.order;
    const at = position[id] as number;
    const preds = this.code.blocks[id]?.preds ?? none;
    if (this.isSameFlow && !this.isHead(id)) return preds;
    let found = 0;
    for (const pred of preds) if ((position[pred] as number) < at && goesTo(this.ends[pred], id)) found++;
    return found === preds.length
      ? preds
      : preds.filter((pred) => (position[pred] as number) < at && goesTo(this.ends[pred], id));
  }

  /** Predecessors of a block, those of back edges too; complete at the end. */
  all(id: number): readonly number[] {
    const preds = this.code.blocks[id]?.preds ?? none;
    if (this.isSameFlow) return preds;
    for (const pred of preds) if (!goesTo(this.ends[pred], id)) return preds.filter((p) => goesTo(this.ends[p], id));
    return preds;
  }

  isHead(id: number): boolean {
    return this.order.headers.has(id);
  }

  /** The end that a block was given. */
  endOf(id: number): End | undefined {
    return this.ends[id];
  }

  /** Adds a phi, with arguments for `all` predecessors by the time that the walk ends. */
  addPhi(block: number, { value, args }: Phi): void {
    this.phis[block]?.push({ value, args });
  }

  /** Puts a pinned value at the current place. */
  emit(value: Value): Value {
    this.pinned.push(value);
    return value;
  }

  /** From now on `old` is `value`. */
  replace(old: Value, value: Value): void {
    this.mapped[old.id] = value;
  }

  /** `old` is whatever the old value `other` becomes; it is looked up when `old` is first read. */
  alias(old: Value, other: Value): void {
    this.aliases.set(old, other);
  }

  /** What an old value has become. Phis and pinned values must have been passed. */
  value(value: Value): Value {
    const known = this.mapped[value.id];
    if (known !== undefined) return known;
    if (value.op === 'const') return value;
    // Arguments first, without recursion: chains can be as long as programs.
    const { stack } = this;
    const bottom = stack.length;
    stack.push(value);
    while (stack.length > bottom) {
      const missing = this.map(stack[stack.length - 1] as Value);
      if (missing === undefined) stack.pop();
      else stack.push(missing);
    }
    return this.mapped[value.id] as Value;
  }

  /** Maps a value, or returns one that has to be mapped before. */
  private map(value: Value): Value | undefined {
    const { mapped } = this;
    if (mapped[value.id] !== undefined) return undefined;
    const other = this.aliases.size > 0 ? this.aliases.get(value) : undefined;
    if (other !== undefined) {
      if (mapped[other.id] === undefined && !isConst(other)) return other;
      mapped[value.id] = mapped[other.id] ?? other;
      return undefined;
    }
    if (isPlaced(value)) {
      // It has not been passed, so it is only read where control does not come.
      mapped[value.id] = value;
      return undefined;
    }
    const { args } = value;
    let changed: Value[] | undefined;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as Value;
      const now = mapped[arg.id];
      if (now === undefined && arg.op !== 'const') return arg;
      if (now === undefined || now === arg) continue;
      changed ??= args.slice();
      changed[i] = now;
    }
    mapped[value.id] =
      this.hooks.pure?.(value, changed ?? args) ??
      (changed === undefined && !this.anew ? value : this.graph.again(value, changed ?? args));
    return undefined;
  }

  private readonly mapLocal = (value: Value): Value => {
    const now = this.value(value);
    return this.hooks.local === undefined ? now : this.hooks.local(now);
  };

  /**
   * Phis of a block. At a loop's head they are kept open, since arguments from back edges are not made yet; elsewhere
   * a phi may turn out to be a value.
   */
  private enterPhis({ id, preds, phis }: Block, before: readonly number[]): void {
    if (phis.length === 0) return;
    const { hooks } = this;
    const list = this.phis[id] as OpenPhi[];
    const isHead = this.isHead(id);
    for (const phi of phis) {
      const old = phi.value;
      const ones = hooks.phiOnes?.(old);
      const kept = ones === undefined ? old : this.graph.phi(ones);
      if (isHead) {
        // Its arguments may be a phi that is about to change.
        this.mapped[old.id] = kept;
        list.push({ value: kept, args: phi.args });
        continue;
      }
      const args = this.phiArgs(phi.args, preds, before, id);
      const replacement = onlyValue(args) ?? hooks.phi?.(args, id);
      if (replacement !== undefined) {
        this.mapped[old.id] = replacement;
        continue;
      }
      this.mapped[old.id] = kept;
      list.push({ value: kept, args });
    }
    if (isHead) this.open[id] = phis.length;
  }

  /** What a phi's old arguments have become, for the predecessors that are left. */
  private phiArgs(old: readonly Value[], preds: readonly number[], left: readonly number[], id: number): Value[] {
    const args: Value[] = [];
    for (const pred of left) {
      const arg = this.value(old[left === preds ? args.length : preds.indexOf(pred)] as Value);
      args.push(this.hooks.edge === undefined ? arg : this.hooks.edge(arg, pred, id));
    }
    return args;
  }

  /** A pinned value: its arguments mapped, the hook asked, the result appended to the block. */
  private place(old: Value): void {
    const { hooks, graph } = this;
    let args = old.args;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as Value;
      let now = this.mapped[arg.id] ?? this.value(arg);
      if (hooks.local !== undefined) now = hooks.local(now);
      if (now === arg) continue;
      if (args === old.args) args = args.slice();
      (args as Value[])[i] = now;
    }
    let { imm } = old;
    if (graph.fold && hasAddress(old) && hasConstant(args[0] as Value)) [args, imm] = this.splitAddress(args, imm);
    const isSame = args === old.args && imm === old.imm;
    graph.origin = old.origin;
    const value = isSame ? old : graph.effect(old.op, args, imm, old.detail, old.ones);
    const replacement = hooks.pinned?.(value, old);
    this.mapped[old.id] = replacement ?? value;
    if (replacement !== undefined) return;
    this.pinned.push(value);
    hooks.placed?.(value, old);
  }

  /** Constants of the base go to the immediate; a packet pointer keeps what varies. */
  private splitAddress(args: readonly Value[], imm: bigint): [readonly Value[], bigint] {
    const base = args[0] as Value;
    const isPacket = base.op === 'ptr';
    const [symbol, constant] = splitOffset(isPacket ? (base.args[0] as Value) : base);
    if (constant === 0n || (symbol === undefined && !isPacket)) return [args, imm];
    const rest = symbol ?? this.graph.constant(0n);
    return [[isPacket ? this.graph.pointer(rest) : rest, ...args.slice(1)], imm + constant];
  }

  /**
   * Closes the phis of loops. One whose arguments are all one value (or itself) is that value, which may make further
   * phis the same; so they are replaced together at the end.
   */
  private finish(): FunctionCode {
    this.hooks.finish?.();
    const old = this.code.blocks;
    const single = new Map<Value, Value>();
    for (let id = 0; id < old.length; id++) {
      if (this.ends[id] === undefined || !this.isHead(id)) continue;
      const { preds } = old[id] as Block;
      const all = this.all(id);
      for (const [i, phi] of (this.phis[id] as OpenPhi[]).entries()) {
        if (i < (this.open[id] as number)) phi.args = this.phiArgs(phi.args, preds, all, id);
        const others = phi.args.filter((arg) => arg !== phi.value);
        if (others.every((arg) => arg === others[0])) single.set(phi.value, others[0] as Value);
      }
    }
    const blocks = old.map((block) => (block === undefined ? undefined : this.finished(block)));
    const isSame = blocks.every((block, id) => block === old[id]);
    if (this.isSameFlow && !isSame) shareOrder(blocks, this.order);
    const code = withBlocks(this.code, isSame ? old : blocks, this.graph);
    return single.size === 0 ? code : withoutPhis(code, single, this.modes);
  }

  /** The new block, or the old one where every part of it is the same. */
  private finished(block: Block): Block | undefined {
    const { id } = block;
    const end = this.ends[id];
    if (end === undefined) return undefined;
    const preds = this.all(id);
    const phis = samePhis(this.phis[id] as OpenPhi[], block.phis);
    const pinned = same(this.lists[id] as readonly Value[], block.pinned);
    const isSame = end === block.end && phis === block.phis && pinned === block.pinned && preds === block.preds;
    return isSame ? block : makeBlock(id, preds, phis, pinned, end);
  }
}

const none: readonly never[] = [];

/** The older of two lists, if they are equal: what is not kept is soon forgotten. */
function same(list: readonly Value[], old: readonly Value[]): readonly Value[] {
  if (list.length !== old.length) return list;
  for (let i = 0; i < list.length; i++) if (list[i] !== old[i]) return list;
  return old;
}

/** The old list where all phis are what they were. */
function samePhis(list: readonly OpenPhi[], old: readonly Phi[]): readonly Phi[] {
  let isSame = list.length === old.length;
  const phis = list.map((phi, i): Phi => {
    const { value, args } = phi;
    const before = old[i];
    if (before?.value === value && same(args, before.args) === before.args) return before;
    isSame = false;
    return { value, args };
  });
  return isSame ? old : phis;
}

/** The value that all are, if they are one. */
function onlyValue(values: readonly Value[]): Value | undefined {
  const [first] = values;
  for (const value of values) if (value !== first) return undefined;
  return first;
}

/** Does control go from this end to that block? */
function goesTo(end: End | undefined, id: number): boolean {
  switch (end?.kind) {
    case 'jump':
    case 'tail call':
      return end.to === id;
    case 'branch':
      return end.yes === id || end.no === id;
    default:
      return false;
  }
}

/** Do two ends have the same successors in the same order? Then the order of blocks can be kept. */
function isSameFlow(a: End, b: End): boolean {
  const [next, old] = [successors(a), successors(b)];
  return next.length === old.length && next[0] === old[0] && next[1] === old[1];
}

/** Is there a constant in the sum that this address is? */
function hasConstant(base: Value): boolean {
  const sum = base.op === 'ptr' ? (base.args[0] as Value) : base;
  return sum.op === 'const' ? sum !== base : sum.op === 'add' && isConst(sum.args[1] as Value);
}

/** Phis of loops that are one value: read that instead. */
function withoutPhis(code: FunctionCode, single: ReadonlyMap<Value, Value>, modes: Modes): FunctionCode {
  const final = (value: Value): Value => {
    let at = value;
    for (let next = single.get(at); next !== undefined && next !== value; next = single.get(at)) at = next;
    return at;
  };
  const blocks = code.blocks.map((block) => {
    if (block === undefined || !block.phis.some((phi) => single.has(phi.value))) return block;
    const { id, preds, phis, pinned, end } = block;
    return makeBlock(
      id,
      preds,
      phis.filter((phi) => !single.has(phi.value)),
      pinned,
      end,
    );
  });
  shareOrder(blocks, orderOfCode(code));
  const rewriter = new Rewriter(withBlocks(code, blocks), modes);
  for (const phi of single.keys()) {
    const value = final(phi);
    // What it is may read another one of them. Phis that are only each other are read by no one who runs.
    if (single.has(value)) rewriter.replace(phi, value);
    else rewriter.alias(phi, value);
  }
  return rewriter.run({});
}

/** Phis and pinned values: they have a block. */
export function isPlaced(value: Value): boolean {
  const { kind } = opTable[value.op];
  return kind === 'effect' || kind === 'read' || value.op === 'phi';
}

/** A branch on a constant is a jump. */
function pruned(end: End): End {
  if (end.kind !== 'branch' || !isConst(end.condition)) return end;
  return { kind: 'jump', to: end.condition.imm !== 0n ? end.yes : end.no };
}
