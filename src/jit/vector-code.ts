/**
 * Four packets at once, for programs that only look: behind the check of the packet's length one straight block of
 * loads from fixed places and arithmetic of 32 bits, and then the verdict. A lane of 32 bits is a packet. Native code
 * cannot do better on a chain of operations that wait for one another than have several under way, and a processor
 * sees only so far ahead of one packet.
 *
 * It is the loop over packets that is vectorized, not the program: so it needs no more of the program than that
 * nothing in it has an effect, and that no one looks at the upper half of a value. Packets of which one is too short
 * go the usual way, one by one, and so do the last three.
 *
 * Invariants: every lane holds the low 32 bits of a 64-bit value, so an operation is admitted only if its low half
 * depends on low halves; a value is emitted once, and those with several users stay in a local; the verdict is stored
 * zero-extended, which is why it has to be narrow.
 */
import {
  type Block,
  type FunctionCode,
  findNeeded,
  isConst,
  liveBlocks,
  mask32,
  type Needed,
  type OpName,
  type Value,
} from '../ir/index.js';
import { record } from '../vm/index.js';
import { type CodeBuilder, type VectorOp, vectorSupport } from '../wasm/index.js';

/** Packets at once: lanes of 32 bits in a vector. */
const lanes = 4;

/** Values at most: code for them is made by recursion. */
const mostValues = 2000;

/** A program that is vectorized. */
interface VectorPlan {
  /** Bytes that a packet must have. */
  readonly least: number;
  /** Loads of the straight block, all needed. */
  readonly loads: readonly Value[];
  /** The verdict. */
  readonly result: Value;
  readonly needed: Needed;
}

/** Operations that are one instruction on vectors, and whose low half depends on low halves alone. */
const direct: Partial<Record<OpName, VectorOp>> = {
  add: 'i32x4.add',
  add32: 'i32x4.add',
  sub: 'i32x4.sub',
  sub32: 'i32x4.sub',
  mul: 'i32x4.mul',
  mul32: 'i32x4.mul',
  and: 'v128.and',
  or: 'v128.or',
  xor: 'v128.xor',
};

/** Give all ones or zeros in a lane. Both sides have to be narrow: a lane shows no upper half to compare. */
const comparisons: Partial<Record<OpName, VectorOp>> = { eq: 'i32x4.eq', ult: 'i32x4.lt_u', ule: 'i32x4.le_u' };
/**
 * By constants below 32 only: wasm takes the distance modulo the lane. `shl` moves no high bit down, and `shr` is as
 * good as its 32-bit form where the upper half is zero.
 */
const shifts: Partial<Record<OpName, VectorOp>> = {
  shl: 'i32x4.shl',
  shl32: 'i32x4.shl',
  shr: 'i32x4.shr_u',
  sar32: 'i32x4.shr_s',
};

/** Is the upper half always zero? `ones` has every bit that the value may have. */
const isNarrow = (value: Value): boolean => value.ones <= mask32;

/**
 * How the program is vectorized; undefined: it is not of that form, or has fewer than `share` operations for each
 * load, which is what putting four packets into one vector costs.
 */
export function planVector(code: FunctionCode, share: number): VectorPlan | undefined {
  if (share === 0 || code.checked || !vectorSupport()) return undefined;
  const [entry, ...others] = liveBlocks(code);
  if (entry?.end.kind !== 'branch' || others.length > 3) return undefined;
  const { condition, yes, no } = entry.end;
  const [length, least] = condition.args;
  if (condition.op !== 'ult' || length?.op !== 'len' || least === undefined || !isConst(least)) return undefined;
  const needed = findNeeded(code);
  if (entry.pinned.some((value) => needed.isNeeded(value))) return undefined;
  const body = code.blocks[no];
  const result = body === undefined || yes === no ? undefined : resultOf(code, body);
  if (body?.preds.length !== 1 || result === undefined || !isNarrow(result)) return undefined;
  const loads = body.pinned.filter((value) => needed.isNeeded(value));
  if (!loads.every((load) => packetOffset(load) !== undefined)) return undefined;
  const found = new Set<Value>();
  if (!isVectorizable(result, new Set(loads), found) || found.size < share * loads.length) return undefined;
  return { least: Number(least.imm), loads, result, needed };
}

/** What the program returns behind the block. */
function resultOf(code: FunctionCode, { id, end }: Block): Value | undefined {
  if (end.kind === 'return') return end.value;
  if (end.kind !== 'jump') return undefined;
  const next = code.blocks[end.to];
  if (next?.end.kind !== 'return' || next.pinned.length > 0) return undefined;
  const { value } = next.end;
  const phi = next.phis.find((other) => other.value === value);
  return phi === undefined ? (isConst(value) ? value : undefined) : phi.args[next.preds.indexOf(id)];
}

/** Where in the packet a load reads; undefined: it is something else, or not at a fixed place. */
function packetOffset({ op, args, imm, detail }: Value): number | undefined {
  const base = args[0];
  if (op !== 'load' || detail?.kind !== 'memory' || detail.space !== 'packet' || detail.size > 4) return undefined;
  const start = base?.op === 'ptr' ? base.args[0] : undefined;
  if (start === undefined || !isConst(start)) return undefined;
  const offset = BigInt.asIntN(64, start.imm) + imm;
  return offset >= 0n && offset < 0x8000n ? Number(offset) : undefined;
}

/** Can the value be had from low halves alone? What was looked at is in `found`, pure values only. */
function isVectorizable(value: Value, loads: ReadonlySet<Value>, found: Set<Value>): boolean {
  if (isConst(value) || loads.has(value) || found.has(value)) return true;
  const { op, args } = value;
  const [a, b] = args;
  if (a === undefined || found.size >= mostValues) return false;
  if (shifts[op] !== undefined) {
    if (b === undefined || !isConst(b) || b.imm > 31n || (op === 'shr' && !isNarrow(a))) return false;
  } else if (comparisons[op] !== undefined) {
    if (!args.every(isNarrow)) return false;
  } else if (op === 'select' ? !isNarrow(a) : direct[op] === undefined && op !== 'bswap32') return false;
  found.add(value);
  return args.every((arg) => isVectorizable(arg, loads, found));
}

/**
 * Code for four packets whose records begin at the one in local `at`, where there are as many before `end`; after it,
 * `at` is behind them, and control goes to `turn` levels out. Falls through where a packet is too short.
 */
export function emitVector(out: CodeBuilder, plan: VectorPlan, at: number, end: number): void {
  out.block();
  out
    .getLocal(end)
    .getLocal(at)
    .op('i32.sub')
    .i32(lanes * record.size)
    .op('i32.lt_u')
    .brIf(0);
  const data = Array.from({ length: lanes }, () => out.addLocal('i32'));
  // Lengths are told from the records alone: no byte of a packet is read before all four are known to be long enough.
  for (const [lane, local] of data.entries()) {
    out.getLocal(at).memory('i32.load', lane * record.size + record.dataEnd);
    out
      .getLocal(at)
      .memory('i32.load', lane * record.size + record.data)
      .teeLocal(local);
    out.op('i32.sub').i32(plan.least).op('i32.lt_u').brIf(0);
  }
  const emitter = new VectorEmitter(out, plan, data);
  const result = out.addLocal('v128');
  emitter.emitLoads();
  emitter.push(plan.result);
  out.setLocal(result);
  for (let lane = 0; lane < lanes; lane++) {
    out.getLocal(at).getLocal(result).lane('i32x4.extract_lane', lane).op('i64.extend_i32_u');
    out.memory('i64.store', lane * record.size + record.r0);
  }
  out
    .getLocal(at)
    .i32(lanes * record.size)
    .op('i32.add')
    .teeLocal(at);
  // The loop around this, with the block open.
  out.getLocal(end).op('i32.ne').brIf(1);
  out.op('return').end();
}

/** Emits values of one plan. */
class VectorEmitter {
  private readonly out: CodeBuilder;
  private readonly plan: VectorPlan;
  /** Locals with the packets' addresses. */
  private readonly data: readonly number[];
  private readonly locals = new Map<Value, number>();

  constructor(out: CodeBuilder, plan: VectorPlan, data: readonly number[]) {
    this.out = out;
    this.plan = plan;
    this.data = data;
  }

  /** All loads: words that lie one behind the other four at a time. */
  emitLoads(): void {
    const words = new Map<number, Value>();
    for (const load of this.plan.loads) {
      const isWord = load.detail?.kind === 'memory' && load.detail.size === 4;
      if (isWord) words.set(packetOffset(load) as number, load);
    }
    for (const offset of [...words.keys()].sort((a, b) => a - b)) {
      const four = [0, 4, 8, 12].map((more) => words.get(offset + more));
      if (!four.every((load) => load !== undefined)) continue;
      this.emitTransposed(four, offset);
      for (const more of [0, 4, 8, 12]) words.delete(offset + more);
    }
    for (const load of this.plan.loads) if (!this.locals.has(load)) this.emitGathered(load);
  }

  /** Pushes a value as a vector: low halves of it, packet by packet. */
  push(value: Value): void {
    const { out, plan } = this;
    if (isConst(value)) {
      out.v128(Number(value.imm & mask32));
      return;
    }
    const known = this.locals.get(value);
    if (known !== undefined) {
      out.getLocal(known);
      return;
    }
    this.emitPure(value);
    if ((plan.needed.uses[value.id] ?? []).length > 1) out.teeLocal(this.local(value));
  }

  /** A local for a value that is read more than once; wasm has no way to copy what is on the stack. */
  private local(value: Value): number {
    const local = this.out.addLocal('v128');
    this.locals.set(value, local);
    return local;
  }

  /**
   * Four words of each packet are read at once, and become four vectors with one word of all packets: a transposition
   * of 4 x 4 in two steps. Four loads and eight shuffles take the place of sixteen loads that are put in lane by lane.
   *
   *     a0 a1 a2 a3          a0 b0 a1 b1   c0 d0 c1 d1          a0 b0 c0 d0
   *     b0 b1 b2 b3    ->    a2 b2 a3 b3   c2 d2 c3 d3    ->    a1 b1 c1 d1
   *     ...                                                     ...
   */
  private emitTransposed(loads: readonly Value[], offset: number): void {
    const { out, data } = this;
    const rows = data.map((address) => {
      const row = out.addLocal('v128');
      out.getLocal(address).vectorMemory('v128.load', offset).setLocal(row);
      return row;
    });
    const mix = (a: number, b: number, words: readonly number[], local: number): number => {
      out
        .getLocal(a)
        .getLocal(b)
        .shuffle(words.flatMap((word) => [0, 1, 2, 3].map((byte) => 4 * word + byte)));
      out.setLocal(local);
      return local;
    };
    const [a = 0, b = 0, c = 0, d = 0] = rows;
    const pairs = [
      [mix(a, b, [0, 4, 1, 5], out.addLocal('v128')), mix(c, d, [0, 4, 1, 5], out.addLocal('v128'))],
      [mix(a, b, [2, 6, 3, 7], out.addLocal('v128')), mix(c, d, [2, 6, 3, 7], out.addLocal('v128'))],
    ];
    for (const [i, load] of loads.entries()) {
      const [low = 0, high = 0] = pairs[i >> 1] ?? [];
      mix(low, high, i % 2 === 0 ? [0, 1, 4, 5] : [2, 3, 6, 7], this.local(load));
    }
  }

  /** One load of each packet, put together. */
  private emitGathered(load: Value): void {
    const { out, data } = this;
    const size = load.detail?.kind === 'memory' ? load.detail.size : 4;
    const name = size === 4 ? 'i32.load' : size === 2 ? 'i32.load16_u' : 'i32.load8_u';
    for (const [lane, address] of data.entries()) {
      out.getLocal(address).memory(name, packetOffset(load) as number);
      if (lane === 0) out.vector('i32x4.splat');
      else out.lane('i32x4.replace_lane', lane);
    }
    out.setLocal(this.local(load));
  }

  /** An operation on vectors. What has none of its own is a condition, of which the value is 0 or 1. */
  private emitPure(value: Value): void {
    const { out } = this;
    const { op, args } = value;
    const [a, b, c] = args as [Value, Value, Value];
    const plain = direct[op];
    const shift = shifts[op];
    if (plain !== undefined) {
      this.push(a);
      this.push(b);
      out.vector(plain);
    } else if (shift !== undefined) {
      this.push(a);
      out.i32(Number(b.imm)).vector(shift);
    } else if (op === 'bswap32') {
      this.push(a);
      this.push(a);
      out.shuffle([0, 4, 8, 12].flatMap((word) => [3, 2, 1, 0].map((byte) => word + byte)));
    } else if (op === 'select') {
      this.push(b);
      this.push(c);
      this.pushMask(a);
      out.vector('v128.bitselect');
    } else {
      this.pushMask(value);
      out.v128(1).vector('v128.and');
    }
  }

  /** Pushes all ones where the condition holds, else zeros. */
  private pushMask(condition: Value): void {
    const { out } = this;
    const comparison = comparisons[condition.op];
    if (comparison === undefined) {
      this.push(condition);
      out.v128(0).vector('i32x4.ne');
      return;
    }
    this.push(condition.args[0] as Value);
    this.push(condition.args[1] as Value);
    out.vector(comparison);
  }
}
