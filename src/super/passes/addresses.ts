/**
 * Addresses are computed where they are used. Within a block, for a register x of which nothing else is read:
 *
 *     x += c; x += y; a = *(x + k)           -> x += y; a = *(x + k + c)
 *     x = z + c; ... x = f(); x = *(x + k)   -> x = *(x + c'), done before the chain f, where the old x was the same
 *                                               sum but for a constant
 */
import { type Insn, insnClass, isCall, op } from '../../isa/index.js';
import type { Demand, Demands } from '../demand.js';
import { accessOf, isAlu, isLoad, reads, usesSource, writes } from '../effects.js';
import { copyState, type Flow, mayMeet, type Place, type State } from '../flow.js';
import type { Block, FunctionCode, Op } from '../function-code.js';
import type { Value } from '../values.js';
import { blockByBlock } from './block-by-block.js';
import type { PassContext } from './pass.js';

/** The pass; true if anything changed. */
export function addresses(code: FunctionCode, context: PassContext): boolean {
  return blockByBlock(
    code,
    (block, entry, flow, demands) => sinkOne(block, demands, context) || reuseOne(block, entry, flow, context),
  );
}

const addK = op.ALU64 | op.ADD;
const addX = op.ALU64 | op.ADD | op.X;

/** A constant that is added before the uses goes into their offsets. */
function sinkOne(block: Block, demands: Demands, context: PassContext): boolean {
  let behind: readonly Demand[] | undefined;
  for (const [at, { insn, pinned }] of block.ops.entries()) {
    if (insn.code !== addK || pinned || insn.dst === 10) continue;
    behind ??= demands.behind(block);
    const moved = sunk(
      block.ops,
      at,
      behind.map(({ regs }) => regs[insn.dst] ?? 0n),
    );
    if (moved === undefined || !context.allow(block.ops[at] as Op)) continue;
    block.ops = moved;
    return true;
  }
  return false;
}

/** The ops without the addition at `at`; `asked`: bits of its register that are asked for behind each op. */
function sunk(ops: readonly Op[], at: number, asked: readonly bigint[]): Op[] | undefined {
  const { insn: added } = ops[at] as Op; // in range
  const x = added.dst;
  const bit = 1 << x;
  const result = ops.slice(0, at);
  let uses = 0;
  for (let i = at + 1; i < ops.length; i++) {
    const each = ops[i] as Op; // in range
    const { insn } = each;
    const isRead = (reads(insn) & bit) !== 0;
    const isWritten = (writes(insn) & bit) !== 0;
    if (!isRead) {
      result.push(each);
      if (isWritten) return uses > 0 ? [...result, ...ops.slice(i + 1)] : undefined;
    } else if (isAlu(insn)) {
      // Sums are sums in any order.
      const isSum = insn.dst === x && !each.pinned && (insn.code === addK || (insn.code === addX && insn.src !== x));
      if (!isSum) return undefined;
      result.push(each);
    } else {
      const off = insn.off + added.imm;
      const isBase = accessOf(insn)?.base === x && !each.pinned && off >= -0x8000 && off <= 0x7fff;
      const isValue = insnClass(insn) === op.STX && insn.src === x;
      if (!isBase || isValue) return undefined;
      result.push({ ...each, insn: { ...insn, off } });
      uses++;
      if (isWritten) return [...result, ...ops.slice(i + 1)];
    }
    if (asked[i] === 0n && uses > 0) return [...result, ...ops.slice(i + 1)];
  }
  return undefined;
}

/** A load whose base is computed anew though the register held a neighbour's address just before. */
function reuseOne(block: Block, entry: State, flow: Flow, context: PassContext): boolean {
  if (!block.ops.some(({ insn }) => isLoad(insn) && insn.dst === insn.src)) return false;
  const state = copyState(entry);
  const states: State[] = [];
  const places: (Place | undefined)[] = [];
  for (const each of block.ops) {
    states.push(copyState(state));
    places.push(flow.placeOf(state, each));
    flow.step(state, each);
  }
  for (const [at, each] of block.ops.entries()) {
    const { insn } = each;
    if (!isLoad(insn) || insn.dst !== insn.src || each.pinned) continue;
    const from = chainStart(block.ops, at);
    if (from === undefined) continue;
    const meets = places
      .slice(from, at)
      .some((place) => place !== undefined && mayMeet(place, places[at] as Place, flow.escaped));
    const load = meets ? undefined : rebased(insn, states[at] as State, states[from] as State);
    if (load === undefined || !context.allow(each)) continue;
    const between = block.ops.slice(from, at).filter((other) => (writes(other.insn) & (1 << insn.dst)) === 0);
    block.ops = [...block.ops.slice(0, from), { ...each, insn: load }, ...between, ...block.ops.slice(at + 1)];
    return true;
  }
  return false;
}

/** Where the computation of the base of the load at `at` begins: nothing but it has to do with the register. */
function chainStart(ops: readonly Op[], at: number): number | undefined {
  const x = (ops[at] as Op).insn.dst; // in range
  for (let i = at - 1; i >= 0; i--) {
    const { insn, pinned } = ops[i] as Op; // in range
    if (isCall(insn) || pinned) return undefined;
    const isWritten = (writes(insn) & (1 << x)) !== 0;
    const isRead = (reads(insn) & (1 << x)) !== 0;
    if (!isWritten && !isRead) continue;
    if (!isWritten || !isAlu(insn)) return undefined;
    if (!isRead) return (insn.code & 0xf0) === op.MOV && usesSource(insn) ? i : undefined;
  }
  return undefined;
}

/** The load by what its register held before the chain. */
function rebased(insn: Insn, now: State, before: State): Insn | undefined {
  const wanted = now.regs[insn.src] as Value; // 11 registers
  const held = before.regs[insn.src] as Value; // likewise
  if (wanted.terms.length === 0 || wanted.base !== held.base) return undefined;
  const off = insn.off + Number(BigInt.asIntN(64, wanted.offset - held.offset));
  return off < -0x8000 || off > 0x7fff ? undefined : { ...insn, off };
}
