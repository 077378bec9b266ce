/**
 * Counters of loops in 32 bits, where their whole range lies there:
 *
 *     p = phi(c, p + k)          =   p = sext32(q), q = phi(c, q +32 k)       where -2^31 <= p, p + k < 2^31
 *     (x + p) + m                =   x + sext32(q +32 m)                      where -2^31 <= p + m < 2^31
 *
 * Compilers count in 64 bits, since the eBPF registers have them. What it costs is in the code that engines make of
 * it: V8 folds a 64-bit counter, its distance to the next round and whatever is added to it into one `lea` of three
 * parts, which takes a cycle more than an addition, on the very chain that goes from round to round. An extension is
 * one instruction off that chain, and nothing is folded over it.
 *
 * Why the range is known: a counter moves by a constant, and no round ends without a comparison of it with a constant
 * that holds. So by induction it never steps over the bound: see {@link rangeOf}.
 *
 * The range that has to fit is that of the phi and of its next value, so that the addition in 32 bits does not wrap
 * either. One that ends at 2^31 stays as it is.
 */
import {
  type Block,
  type FunctionCode,
  type Graph,
  isConst,
  liveBlocks,
  mask32,
  orderOfCode,
  type Phi,
  type Value,
} from '../ir/index.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/** Both ends included, as signed numbers. */
interface Range {
  readonly lo: bigint;
  readonly hi: bigint;
}

/** A phi that is to be counted in 32 bits. */
interface Counter extends Range {
  readonly phi: Phi;
  readonly step: bigint;
}

/** Blocks in reverse postorder, with positions, heads of loops and dominators. */
type Order = ReturnType<typeof orderOfCode>;

/** What 32 bits hold with a sign: the extension of such a number gives it back. */
const least = -(1n << 31n);
const most = (1n << 31n) - 1n;

/** Constants are kept as 64 bits without a sign; ranges are told with one. */
const signed = (bits: bigint): bigint => BigInt.asIntN(64, bits);
const fits = ({ lo, hi }: Range): boolean => lo >= least && hi <= most;

/** The pass. The old phi stays, read by no one: dead code elimination takes it. */
export function counters(code: FunctionCode, { modes }: PassContext): FunctionCode {
  const order = orderOfCode(code);
  if (order.headers.size === 0) return code;
  const found = new Map<number, readonly Counter[]>();
  for (const block of liveBlocks(code)) {
    const list = order.headers.has(block.id) ? countersOf(code, order, block) : [];
    if (list.length > 0) found.set(block.id, list);
  }
  if (found.size === 0) return code;
  const rewriter = new Rewriter(code, modes);
  const made = new Narrowed(rewriter.graph);
  return rewriter.run({
    enter: (id) => {
      for (const counter of found.get(id) ?? []) made.count(counter);
    },
    leave: (pinned, id) => {
      // Behind the old phis, whose arguments are open until the walk ends.
      const { preds } = code.blocks[id] as Block;
      for (const counter of found.get(id) ?? []) {
        const args = preds.map((_, i) => made.argument(counter, i));
        rewriter.addPhi(id, { value: made.halfOf(counter), args });
      }
      return pinned;
    },
    local: (value) => made.of(value),
    edge: (value) => made.of(value),
    pure: (old, args) => made.pure(old, args),
  });
}

/** Counters and what stands for them: the extension of their 32 bits, by the old phi. */
class Narrowed {
  private readonly graph: Graph;
  private readonly half = new Map<Value, Value>();
  private readonly wide = new Map<Value, Value>();
  /** By what stands for it. */
  private readonly counters = new Map<Value, Counter>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /** Makes the phi of 32 bits for a counter. */
  count(counter: Counter): void {
    const half = this.graph.phi(mask32);
    const wide = this.extended(half, counter.lo);
    this.half.set(counter.phi.value, half);
    this.wide.set(counter.phi.value, wide);
    this.counters.set(wide, counter);
  }

  /** The phi that {@link count} made. */
  halfOf({ phi }: Counter): Value {
    return this.half.get(phi.value) as Value;
  }

  /** What the phi of 32 bits gets from a predecessor, by its number. */
  argument(counter: Counter, index: number): Value {
    const old = counter.phi.args[index] as Value;
    if (isConst(old)) return this.graph.constant(old.imm & mask32);
    return this.graph.make('add32', this.halfOf(counter), this.graph.constant(counter.step & mask32));
  }

  /** What is read in place of a value: the extension for a counter, else the value itself. */
  of(value: Value): Value {
    return this.wide.get(value) ?? value;
  }

  /** A pure value that reads a counter; undefined: it does not. */
  pure(old: Value, args: readonly Value[]): Value | undefined {
    const now = args.some((arg) => this.wide.has(arg)) ? args.map((arg) => this.of(arg)) : args;
    const [a, b] = now;
    if (a !== undefined && b !== undefined && isConst(b)) {
      if (old.op === 'add') {
        const moved = this.moved(a, signed(b.imm)) ?? this.sum(a, signed(b.imm));
        if (moved !== undefined) return moved;
      }
      const counter = old.op === 'eq' ? this.counters.get(a) : undefined;
      if (counter !== undefined && fits({ lo: signed(b.imm), hi: signed(b.imm) }))
        return this.graph.make('eq', this.halfOf(counter), this.graph.constant(b.imm & mask32));
    }
    return now === args ? undefined : this.graph.again(old, now);
  }

  /** p + m in 32 bits, extended. */
  private moved(wide: Value, by: bigint): Value | undefined {
    const counter = this.counters.get(wide);
    if (counter === undefined || !fits({ lo: counter.lo + by, hi: counter.hi + by })) return undefined;
    const half = this.halfOf(counter);
    return this.extended(this.graph.make('add32', half, this.graph.constant(by & mask32)), counter.lo + by);
  }

  /** (x + p) + m = x + (p + m): what is there before x is. */
  private sum(value: Value, by: bigint): Value | undefined {
    if (value.op !== 'add') return undefined;
    const [x, y] = value.args as [Value, Value];
    const [counter, other] = this.counters.has(x) ? [x, y] : [y, x];
    const moved = isConst(other) ? undefined : this.moved(counter, by);
    return moved === undefined ? undefined : this.graph.add(other, moved);
  }

  /** 64 bits of a number that is at least `lo`, from its lower half. */
  private extended(half: Value, lo: bigint): Value {
    return lo >= 0n ? half : this.graph.make('sext32', half);
  }
}

/** Phis of a loop's head that count, and stay within 32 bits. */
function countersOf(code: FunctionCode, order: Order, head: Block): Counter[] {
  const { position } = order;
  const isBack = head.preds.map((pred) => (position[pred] as number) >= (position[head.id] as number));
  const latch = head.preds[isBack.indexOf(true)];
  if (latch === undefined || isBack.indexOf(true) !== isBack.lastIndexOf(true)) return [];
  return head.phis.flatMap((phi): Counter[] => {
    // Of so few bits it lies in 32 already.
    if (phi.value.ones <= mask32) return [];
    const step = stepOf(phi, phi.args[isBack.indexOf(true)] as Value);
    const starts = phi.args.filter((_, i) => isBack[i] !== true);
    const [first] = starts;
    if (step === undefined || first === undefined || !starts.every((arg) => isConst(arg) && arg.imm === first.imm))
      return [];
    const range = rangeOf(code, order, { head, latch, phi: phi.value, start: signed(first.imm), step });
    if (range === undefined) return [];
    const ahead = { lo: range.lo + (step < 0n ? step : 0n), hi: range.hi + (step > 0n ? step : 0n) };
    return fits(ahead) ? [{ ...range, phi, step }] : [];
  });
}

/** The constant by which a phi differs from what it gets behind a round. */
function stepOf(phi: Phi, next: Value): bigint | undefined {
  const [a, b] = next.args;
  if (next.op !== 'add' || a !== phi.value || b === undefined || !isConst(b) || b.imm === 0n) return undefined;
  return signed(b.imm);
}

/** A phi that starts at a constant and moves by one. */
interface Progress {
  readonly head: Block;
  /** Where rounds end. */
  readonly latch: number;
  readonly phi: Value;
  readonly start: bigint;
  readonly step: bigint;
}

/**
 * Numbers that the phi can be at the loop's head. Asked are the branches that every round takes one and the same way:
 * their block dominates the latch, and so does the way, which no other block leads to.
 */
function rangeOf(code: FunctionCode, { idom }: Order, progress: Progress): Range | undefined {
  const { head, latch } = progress;
  for (let at = latch, next = head.id; ; next = at, at = idom[at] as number) {
    const { end } = code.blocks[at] as Block;
    const isOnlyWay = next === head.id ? at === latch : code.blocks[next]?.preds.length === 1;
    if (end.kind === 'branch' && isOnlyWay && (end.yes === next || end.no === next)) {
      const range = bounded(progress, end.condition, end.yes === next);
      if (range !== undefined) return range;
    }
    if (at === head.id) return undefined;
  }
}

/** The range, if no round ends unless the condition holds (or does not, as `holds` says). */
function bounded({ phi, start, step }: Progress, { op, args }: Value, holds: boolean): Range | undefined {
  const [a, b] = args;
  if (a === undefined || b === undefined) return undefined;
  const isLeft = isConst(b);
  const offset = offsetFrom(phi, isLeft ? a : b);
  const constant = isLeft ? b : a;
  if (offset === undefined || !isConst(constant)) return undefined;
  /** The bound as one of the phi itself. */
  const bound = signed(constant.imm) - offset;
  if (op === 'eq') {
    const distance = bound - start;
    if (holds || distance % step !== 0n || distance / step < 0n) return undefined;
    return step > 0n ? { lo: start, hi: bound } : { lo: bound, hi: start };
  }
  const isUnsigned = op === 'ult' || op === 'ule';
  if (!isUnsigned && op !== 'slt' && op !== 'sle') return undefined;
  // phi < bound, or phi <= bound, or the opposite; `x < y` that does not hold is `y <= x`.
  const isBelow = isLeft === holds;
  const isStrict = (op === 'ult' || op === 'slt') === holds;
  if (isBelow !== step > 0n) return undefined;
  // Where all numbers are positive, it is the same whether they have a sign. Downwards they would have to stay so.
  if (isUnsigned && (!isBelow || start < 0n || start + offset < 0n || signed(constant.imm) < 0n)) return undefined;
  const last = bound - (isStrict ? (isBelow ? 1n : -1n) : 0n) + step;
  return isBelow ? { lo: start, hi: last > start ? last : start } : { lo: last < start ? last : start, hi: start };
}

/** How far a value is from the phi: 0, or the constant that is added to it. */
function offsetFrom(phi: Value, value: Value): bigint | undefined {
  if (value === phi) return 0n;
  const [a, b] = value.args;
  return value.op === 'add' && a === phi && b !== undefined && isConst(b) ? signed(b.imm) : undefined;
}
