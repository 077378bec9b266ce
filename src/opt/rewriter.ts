/**
 * Walks a function in reverse postorder and makes it again. Idea: values are immutable and shared, so a pass does not change a value, it maps it to another one; who
 * reads a mapped value is made again through the graph (and so folded and shared as it allows), who does not stays the same object. A pass only says
 * where it differs, by hooks, and a pass that finds nothing to do costs a walk.
 *
 * What holds whenever a hook is called:
 *   1. All predecessors but those of back edges have been rewritten; edges that they no longer take are gone.
 *   2. A value is mapped when its first reader is, so what a hook returns for a pinned value must be right at every place that the value reaches.
 *   3. Phis keep their identity: their arguments are replaced in place. A phi whose arguments are one value becomes that value.
 */
import {
  type Block,
  type End,
  type FunctionCode,
  type Graph,
  hasAddress,
  isConst,
  mapEnd,
  type Order,
  opTable,
  orderOf,
  splitOffset,
  successors,
  type Value,
} from '../ir/index.js';

export interface Hooks {
  /** Before anything of the block. */
  readonly enter?: (block: number) => void;
  /** Bits that a phi can have, where they are fewer than it says. */
  readonly phiOnes?: (phi: Value) => bigint | undefined;
  /** A pure value, with its new arguments; undefined: it is made again with those. */
  readonly pure?: (old: Value, args: readonly Value[]) => Value | undefined;
  /** A phi that is no loop's, with its new arguments; undefined: it stays a phi. */
  readonly phi?: (args: readonly Value[], block: number) => Value | undefined;
  /** A pinned value, its arguments already new. What is returned takes its place and stands nowhere; undefined: it stays. */
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

export interface RewriteOptions {
  /** Make every pure value again, not only those whose arguments changed. */
  readonly anew?: boolean;
}

export class Rewriter {
  readonly code: FunctionCode;
  readonly graph: Graph;
  readonly order: Order;
  /** The block that is being rewritten. */
  block = 0;
  /** By id of the old value. */
  private readonly mapped: (Value | undefined)[];
  private readonly aliases = new Map<Value, Value>();
  private readonly anew: boolean;
  private readonly done: ({ phis: Value[]; pinned: Value[]; end: End } | undefined)[];
  private readonly phis: Value[][];
  private pinned: Value[] = [];
  private hooks: Hooks = {};
  private isSameFlow = true;
  private readonly taken = new Set<number>();
  private readonly oldArgs = new Map<Value, readonly Value[]>();

  constructor(code: FunctionCode, options: RewriteOptions = {}) {
    this.code = code;
    this.graph = code.graph;
    this.mapped = new Array<Value | undefined>(code.graph.code.length).fill(undefined);
    this.anew = options.anew ?? false;
    this.order = orderOfCode(code);
    this.done = code.blocks.map(() => undefined);
    this.phis = code.blocks.map(() => []);
  }

  run(hooks: Hooks): FunctionCode {
    this.hooks = hooks;
    for (const id of this.order.rpo) {
      const block = this.code.blocks[id] as Block;
      if (id !== 0 && this.before(id).length === 0) continue;
      this.block = id;
      this.pinned = [];
      hooks.enter?.(id);
      this.enterPhis(block, hooks);
      for (const old of block.pinned) this.place(old, hooks);
      let end = mapEnd(block.end, (value) => this.localValue(this.value(value), hooks));
      end = hooks.end?.(end, id) ?? end;
      if (this.code.prunes) end = pruned(end);
      const pinned = hooks.leave?.(this.pinned, id) ?? this.pinned;
      this.done[id] = { phis: this.phis[id] as Value[], pinned, end };
      const next = successors(end);
      for (const to of next) this.taken.add(this.key(id, to));
      const old = successors(block.end);
      if (next.length !== old.length || next[0] !== old[0] || next[1] !== old[1]) this.isSameFlow = false;
    }
    return this.finish(hooks);
  }

  /** Predecessors of a block that come before it and still go there. */
  before(id: number): readonly number[] {
    const { position } = this.order;
    const preds = this.code.blocks[id]?.preds ?? [];
    return preds.filter(
      (pred) => (position[pred] as number) < (position[id] as number) && this.taken.has(this.key(pred, id)),
    );
  }

  /** Predecessors of a block, those of back edges too; complete at the end. */
  all(id: number): readonly number[] {
    return (this.code.blocks[id]?.preds ?? []).filter((pred) => this.taken.has(this.key(pred, id)));
  }

  isHead(id: number): boolean {
    return this.order.headers.has(id);
  }

  /** The end that a block was given. */
  endOf(id: number): End | undefined {
    return this.done[id]?.end;
  }

  /** Adds a phi, with arguments for `all` predecessors by the time that the walk ends. */
  addPhi(block: number, phi: Value): void {
    this.phis[block]?.push(phi);
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
    if (isConst(value)) return value;
    // Arguments first, without recursion: chains can be as long as programs.
    const stack = [value];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const other = this.aliases.get(top);
      const args = other !== undefined ? [other] : isPlaced(top) ? [] : top.args;
      const missing = this.unmapped(args);
      if (missing !== undefined) {
        stack.push(missing);
        continue;
      }
      stack.pop();
      if (this.mapped[top.id] !== undefined) continue;
      this.mapped[top.id] = other === undefined ? this.again(top) : (this.mapped[other.id] ?? other);
    }
    return this.mapped[value.id] as Value;
  }

  private unmapped(args: readonly Value[]): Value | undefined {
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as Value;
      if (arg.op !== 'const' && this.mapped[arg.id] === undefined) return arg;
    }
    return undefined;
  }

  private again(value: Value): Value {
    // It has not been passed, so it is only read where control does not come.
    if (isPlaced(value)) return value;
    const args = this.mapArgs(value, (arg) => this.mapped[arg.id] ?? arg);
    const replacement = this.hooks.pure?.(value, args);
    if (replacement !== undefined) return replacement;
    return args === value.args && !this.anew ? value : this.graph.again(value, args);
  }

  /** New arguments; the same array where nothing changes, which is the rule. */
  private mapArgs(value: Value, map: (arg: Value) => Value): readonly Value[] {
    const { args } = value;
    let changed: Value[] | undefined;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as Value;
      const now = map(arg);
      if (now === arg) continue;
      changed ??= [...args];
      changed[i] = now;
    }
    return changed ?? args;
  }

  private key(from: number, to: number): number {
    return from * this.code.blocks.length + to;
  }

  private localValue(value: Value, hooks: Hooks): Value {
    return hooks.local?.(value) ?? value;
  }

  private enterPhis(block: Block, hooks: Hooks): void {
    const { id, preds } = block;
    const isHead = this.isHead(id);
    const before = isHead ? [] : this.before(id);
    for (const phi of block.phis) {
      const ones = hooks.phiOnes?.(phi);
      const kept = ones === undefined ? phi : this.graph.effect('phi', [...phi.args], 0n, undefined, ones);
      if (isHead) {
        // Its arguments may be a phi that is about to change.
        this.oldArgs.set(kept, [...phi.args]);
        this.mapped[phi.id] = kept;
        this.phis[id]?.push(kept);
        continue;
      }
      const args = before.map((pred) => {
        const arg = this.value(phi.args[preds.indexOf(pred)] as Value);
        return hooks.edge?.(arg, pred, id) ?? arg;
      });
      const [first] = args;
      const replacement = args.every((arg) => arg === first) ? first : hooks.phi?.(args, id);
      if (replacement !== undefined) {
        this.mapped[phi.id] = replacement;
        continue;
      }
      this.mapped[phi.id] = kept;
      setArgs(kept, args);
      this.phis[id]?.push(kept);
    }
  }

  private place(old: Value, hooks: Hooks): void {
    let args = this.mapArgs(old, (arg) => this.localValue(this.value(arg), hooks));
    let { imm } = old;
    if (this.graph.fold && hasAddress(old)) [args, imm] = this.splitAddress(args, imm);
    const isSame = imm === old.imm && args === old.args;
    this.graph.origin = old.origin;
    const value = isSame ? old : this.graph.effect(old.op, args, imm, old.detail, old.ones);
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

  private finish(hooks: Hooks): FunctionCode {
    hooks.finish?.();
    const single = new Map<Value, Value>();
    for (const [id, block] of this.done.entries()) {
      if (block === undefined || !this.isHead(id)) continue;
      const { preds } = this.code.blocks[id] as Block;
      const all = this.all(id);
      for (const phi of block.phis) {
        const old = this.oldArgs.get(phi);
        if (old !== undefined) {
          const args = all.map((pred) => {
            const arg = this.value(old[preds.indexOf(pred)] as Value);
            return hooks.edge?.(arg, pred, id) ?? arg;
          });
          setArgs(phi, args);
        }
        const others = phi.args.filter((arg) => arg !== phi);
        if (others.every((arg) => arg === others[0])) single.set(phi, others[0] as Value);
      }
    }
    const blocks = this.done.map((block, id): Block | undefined =>
      block === undefined ? undefined : { id, preds: this.all(id), ...block },
    );
    if (this.isSameFlow) orders.set(blocks, this.order);
    const code = { ...this.code, blocks };
    return single.size === 0 ? code : withoutPhis(code, single);
  }
}

/** Phis of loops that are one value: read that instead. */
function withoutPhis(code: FunctionCode, single: ReadonlyMap<Value, Value>): FunctionCode {
  const final = (value: Value): Value => {
    let at = value;
    for (let next = single.get(at); next !== undefined && next !== value; next = single.get(at)) at = next;
    return at;
  };
  const blocks = code.blocks.map((block) =>
    block === undefined ? undefined : { ...block, phis: block.phis.filter((phi) => !single.has(phi)) },
  );
  orders.set(blocks, orderOfCode(code));
  const rewriter = new Rewriter({ ...code, blocks });
  for (const phi of single.keys()) {
    const value = final(phi);
    // What it is may read another one of them. Phis that are only each other are read by no one who runs.
    if (single.has(value)) rewriter.replace(phi, value);
    else rewriter.alias(phi, value);
  }
  return rewriter.run({});
}

/** Orders of lists of blocks: most passes leave the control flow as it is. */
const orders = new WeakMap<FunctionCode['blocks'], Order>();

export function orderOfCode({ blocks }: FunctionCode): Order {
  let order = orders.get(blocks);
  if (order === undefined) {
    order = orderOf(blocks.length, 0, (id) => successors((blocks[id] as Block).end));
    orders.set(blocks, order);
  }
  return order;
}

/** Phis and pinned values: they have a block. */
export function isPlaced(value: Value): boolean {
  const { kind } = opTable[value.op];
  return value.op === 'phi' || kind === 'effect' || kind === 'read';
}

/** The one place where a value changes: see FunctionCode. */
function setArgs(phi: Value, args: readonly Value[]): void {
  (phi.args as Value[]).splice(0, phi.args.length, ...args);
}

function pruned(end: End): End {
  if (end.kind !== 'branch' || !isConst(end.condition)) return end;
  return { kind: 'jump', to: end.condition.imm !== 0n ? end.yes : end.no };
}
