/**
 * What only one way behind a branch asks for is done on that way:
 *
 *     x = y + 1; if c goto a; (x is read here, not at a)   -> if c goto a; x = y + 1
 *     [fp - 8] = 0; if c goto a; (likewise)                -> if c goto a; [fp - 8] = 0
 *
 * Moves results of arithmetic, constants, loads from the own frame and stores to it, loads of values of maps, and
 * loads of an XDP program's context, by whichever register still holds it where they go. A way that others share gets
 * a block of its own, if sample packets say that it is the rarer one. For speed: the code gets no smaller by it.
 */
import { type Insn, isCall, isLddw, op } from '../../isa/index.js';
import { helperId } from '../../platform/index.js';
import { demandsOf, flowOf } from '../analyses.js';
import type { Demands, Reach } from '../demand.js';
import { isAlu, isAtomic, isLoad, isPacketLoad, isStore, reads, writes } from '../effects.js';
import { copyState, movesPacket } from '../flow.js';
import { type Block, edgeWeight, type FunctionCode, followers, type Op, predecessors } from '../function-code.js';
import type { PassContext } from './pass.js';

type Way = 'taken' | 'next';

/** The pass: what has moved may move on. */
export function sink(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (code.blocks.some((block) => new BlockSinker(code, block, context).run())) changed = true;
  return changed;
}

class BlockSinker {
  private readonly code: FunctionCode;
  private readonly block: Block;
  private readonly context: PassContext;
  private readonly demands: Demands;

  constructor(code: FunctionCode, block: Block, context: PassContext) {
    this.code = code;
    this.block = block;
    this.context = context;
    this.demands = demandsOf(code);
  }

  /** Moves the last instruction that can be moved. */
  run(): boolean {
    const { block } = this;
    const { branch, taken, next } = block;
    if (branch === undefined || taken === undefined || next === undefined || taken === next) return false;
    const reach = this.demands.reachesOf(block);
    for (let i = block.ops.length - 1; i >= 0; i--) {
      const each = this.movable(i, reach);
      if (each === undefined) continue;
      const asking = (['taken', 'next'] as const).filter((way) => this.isAsked(each, reach[i], block[way] as Block));
      const ways = asking.length === 2 ? this.both(each, reach[i]) : asking;
      if (ways.length === 0 || !this.context.allow(each)) continue;
      const places = ways.map((way) => this.placeOn(way));
      if (places.some((place) => place === undefined)) continue;
      for (const place of places) if (place !== undefined) place.ops = [each, ...place.ops];
      block.ops = block.ops.filter((_, at) => at !== i);
      return true;
    }
    return false;
  }

  /** The op at `i` as it may be done behind everything that follows it in the block. */
  private movable(i: number, reach: readonly Reach[]): Op | undefined {
    const each = this.block.ops[i] as Op; // callers pass an index of an op
    const { insn } = each;
    const own = reach[i];
    if (isMapLoad(each)) return this.passesAll(insn, this.block, i + 1) ? each : undefined;
    const isField = own !== undefined && 'place' in own && own.place.region === 'ctx';
    if (!isField || !this.code.isXdp || !isLoad(insn) || each.pinned)
      return isMovable(each, own, this.demands) && this.mayPass(i, insn, reach) ? each : undefined;
    if (!this.keepsFields(i, reach)) return undefined;
    const base = [insn.src, ...this.equals(i, insn.src)].find((src) => this.mayPass(i, { ...insn, src }, reach, true));
    return base === undefined ? undefined : { ...each, insn: { ...insn, src: base }, facts: undefined };
  }

  /** Are the context's fields at the block's end what they are at the op at `i`? */
  private keepsFields(i: number, reach: readonly Reach[]): boolean {
    return this.block.ops.slice(i + 1).every(({ insn }, at) => {
      if (isCall(insn)) return !movesPacket(insn);
      const other = reach[i + 1 + at];
      const region = other !== undefined && 'place' in other ? other.place.region : undefined;
      return isLoad(insn) || (region !== 'ctx' && region !== 'any');
    });
  }

  /** Other registers that hold before the op at `i` what one does. */
  private equals(i: number, register: number): number[] {
    const flow = flowOf(this.code);
    const entry = flow.entry.get(this.block);
    if (entry === undefined) return [];
    const state = copyState(entry);
    for (const each of this.block.ops.slice(0, i)) flow.step(state, each);
    const value = state.regs[register];
    return [6, 7, 8, 9, 1, 2, 3, 4, 5, 0].filter((r) => r !== register && state.regs[r] === value);
  }

  /** May `insn` be done behind everything that follows the op at `i` in the block? */
  private mayPass(i: number, insn: Insn, reach: readonly Reach[], isField = false): boolean {
    const { ops, branch } = this.block;
    const own = reach[i];
    const place = own !== undefined && 'place' in own && !isField ? own.place : undefined;
    const bytes = place === undefined ? 0n : this.demands.bytesOf(place);
    if (bytes === undefined) return false;
    for (let at = i + 1; at <= ops.length; at++) {
      const other = at === ops.length ? branch : ops[at];
      if (other === undefined) continue;
      if (isMet(insn, other.insn) || (bytes !== 0n && this.demands.mayMeet(other.insn, reach[at], bytes))) return false;
    }
    return true;
  }

  /**
   * May something that makes a register's value of others, or of a map's value, be done behind all of a block from an
   * op on? Look-ups change no value.
   */
  private passesAll(insn: Insn, { ops, branch }: Block, from: number): boolean {
    const all = [...ops.slice(from), ...(branch === undefined ? [] : [branch])];
    return all.every(({ insn: other, region }) => {
      if (isMet(insn, other)) return false;
      if (!isLoad(insn)) return true;
      if (isCall(other)) return other.src === op.CALL_HELPER && other.imm === helperId.map_lookup_elem;
      return isPacketLoad(other)
        ? false
        : !(isStore(other) || isAtomic(other)) || region === 'stack' || region === 'packet';
    });
  }

  /** Is what it makes asked for at the head of a block? */
  private isAsked({ insn }: Op, reach: Reach, block: Block): boolean {
    const demand = this.demands.atHead(block);
    if (!isStore(insn)) return (demand.regs[insn.dst] ?? 0n) !== 0n;
    const place = reach !== undefined && 'place' in reach ? reach.place : undefined;
    const bytes = place === undefined ? undefined : this.demands.bytesOf(place);
    return bytes === undefined || (demand.stack & bytes) !== 0n;
  }

  /**
   * Both ways, for a store or a result that one of them passes on to its own branch, of which not all ways ask for it.
   * Each has to be this block's alone, or the rarer one.
   */
  private both(each: Op, reach: Reach): readonly Way[] {
    const { taken, next } = this.block;
    const { insn } = each;
    const isResult = isAlu(insn) || isLddw(insn) || isMapLoad(each);
    if (!(isStore(insn) || isResult) || taken === undefined || next === undefined) return [];
    const isOpen = (['taken', 'next'] as const).every((way) => this.isOwn(way) || this.isRare(way));
    const moves = (['taken', 'next'] as const).some((name) => {
      const way = this.block[name];
      return (
        way !== undefined &&
        this.isOwn(name) &&
        (way.ops.length === 0 || (isResult && this.passesAll(insn, way, 0))) &&
        way.taken !== way.next &&
        followers(way).some((then) => !this.isAsked(each, reach, then))
      );
    });
    return isOpen && moves ? ['taken', 'next'] : [];
  }

  /** Does no one else come to a way's head? */
  private isOwn(way: Way): boolean {
    const { block, code } = this;
    const to = block[way];
    return to !== undefined && predecessors(code).get(to)?.length === 1 && to !== code.blocks[0];
  }

  /** Do sample packets go it less often than the other one? */
  private isRare(way: Way): boolean {
    const { block, code } = this;
    return code.profile !== undefined && 2 * edgeWeight(block, way) <= (block.weight ?? 0);
  }

  /** The head of a way, which no other leads to. */
  private placeOn(way: Way): Block | undefined {
    const { block, code } = this;
    const to = block[way];
    if (to === undefined) return undefined;
    if (this.isOwn(way)) return to;
    if (!this.isRare(way)) return undefined;
    const weight = edgeWeight(block, way);
    const id = Math.max(...code.blocks.map((each) => each.id)) + 1;
    const between: Block = { id, ops: [], branch: undefined, taken: undefined, next: to, labels: [], weight };
    code.blocks.push(between);
    block[way] = between;
    return between;
  }
}

/** A load of a map's value. */
function isMapLoad({ insn, region, pinned }: Op): boolean {
  return isLoad(insn) && region === 'map' && !pinned;
}

/** Does one write a register that the other reads or writes? */
function isMet(one: Insn, other: Insn): boolean {
  return (writes(other) & (reads(one) | writes(one))) !== 0 || (reads(other) & writes(one)) !== 0;
}

/** Changes nothing but a register, or bytes of the own frame. */
function isMovable({ insn, pinned }: Op, reach: Reach, demands: Demands): boolean {
  if (pinned || isAtomic(insn) || isCall(insn) || isPacketLoad(insn)) return false;
  if (isAlu(insn) || isLddw(insn)) return true;
  const place = reach !== undefined && 'place' in reach ? reach.place : undefined;
  return (
    (isLoad(insn) || isStore(insn)) && place !== undefined && demands.isTracked && demands.bytesOf(place) !== undefined
  );
}
