/**
 * What is asked of registers and stack bytes further on, bit by bit: a backward data-flow over blocks. A bit that no
 * one asks for may be anything, so what only makes such bits can go.
 */
import { type Insn, insnClass, isCall, isExit, isLddw, op } from '../isa/index.js';
import { type CallReach, callReach, isSuccess } from './call-stack.js';
import {
  accessOf,
  callerSaved,
  isAlu,
  isAtomic,
  isLoad,
  isPacketLoad,
  isStore,
  reads,
  usesSource,
  writes,
} from './effects.js';
import { copyState, type Flow, type Place, type State } from './flow.js';
import { type Block, blockOrder, type FunctionCode, followers, type Op } from './function-code.js';
import { maskOver, u32, u64 } from './values.js';

/** What is asked for after (or before) an instruction. */
export interface Demand {
  /** By register, a mask of bits. */
  readonly regs: bigint[];
  /** A bit for each byte of the frame; bit 0 is 512 bytes below r10. */
  stack: bigint;
}

const frame = 512;
const wholeStack = (1n << BigInt(frame)) - 1n;

/** Where an instruction reaches on the stack, as far as that is known from the names of its operands. */
export type Reach = { readonly place: Place } | CallReach | undefined;

/**
 * What is asked for behind each instruction of one function. Sets only grow until nothing changes, so loops need no
 * care.
 */
export class Demands {
  /** By block, for the ops that it had then. */
  private readonly reach = new Map<Block, { readonly ops: readonly Op[]; readonly reach: readonly Reach[] }>();
  private readonly before = new Map<Block, Demand>();
  private readonly after = new Map<Block, Demand>();
  private readonly flow: Flow;
  private readonly narrowResult: boolean;
  private readonly escaped: boolean;
  private readonly frameBase: string;

  constructor(code: FunctionCode, flow: Flow) {
    this.flow = flow;
    this.narrowResult = code.narrowResult;
    this.escaped = flow.escaped;
    this.frameBase = flow.framePointer.base;
    const order = blockOrder(code).reverse();
    const { before } = this;
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of order) {
        const out = this.nothing();
        const filled = this.filledOnSuccess(block);
        for (const next of followers(block)) {
          const isFilled =
            filled !== 0n && block.taken !== block.next && isSuccess(block.branch?.insn, next === block.taken);
          addTo(out, before.get(next), isFilled ? filled : 0n);
        }
        if (block.branch !== undefined) this.step(out, block.branch, undefined);
        this.after.set(block, copyDemand(out));
        const reach = this.reachesOf(block);
        for (let i = block.ops.length - 1; i >= 0; i--) this.step(out, block.ops[i] as Op, reach[i]); // i is in range
        const old = before.get(block);
        if (old === undefined || !isEqual(old, out)) {
          before.set(block, out);
          changed = true;
        }
      }
    }
  }

  /** Bytes of the frame that the block's last call has written if r0 is 0 where the block branches. */
  private filledOnSuccess(block: Block): bigint {
    if (this.escaped || block.branch === undefined) return 0n;
    const reach = this.reachesOf(block);
    for (let i = block.ops.length - 1; i >= 0; i--) {
      if ((writes((block.ops[i] as Op).insn) & 1) === 0) continue; // in range
      const last = reach[i];
      const filled = last !== undefined && 'filled' in last ? last.filled : undefined;
      return filled === undefined ? 0n : (this.bytesOf(filled.place) ?? 0n);
    }
    return 0n;
  }

  /** At the end of the function: nothing, but for a frame whose address got away. */
  private nothing(): Demand {
    return { regs: new Array<bigint>(11).fill(0n), stack: this.escaped ? wholeStack : 0n };
  }

  /** What is asked for behind each op of a block. Ops may have changed if what the block asks for has not grown. */
  behind(block: Block): Demand[] {
    const reach = this.reachesOf(block);
    const result: Demand[] = [];
    const now = copyDemand(this.after.get(block) ?? this.nothing());
    for (let i = block.ops.length - 1; i >= 0; i--) {
      result[i] = copyDemand(now);
      this.step(now, block.ops[i] as Op, reach[i]); // i is in range
    }
    return result;
  }

  /** What is asked for at the end of a block, its branch included. */
  atEnd(block: Block): Demand {
    return copyDemand(this.after.get(block) ?? this.nothing());
  }

  /** What is asked for at a block's head. */
  atHead(block: Block): Demand {
    return copyDemand(this.before.get(block) ?? this.nothing());
  }

  /** Are all ways to the frame known? */
  get isTracked(): boolean {
    return !this.escaped;
  }

  /** May an instruction read or write some of these bytes of the frame? */
  mayMeet(insn: Insn, reach: Reach, bytes: bigint): boolean {
    if (reach === undefined) return isAtomic(insn);
    if ('place' in reach) {
      const own = this.bytesOf(reach.place);
      return reach.place.region === 'stack' && (own === undefined || (own & bytes) !== 0n);
    }
    const filled = reach.filled === undefined ? 0n : (this.bytesOf(reach.filled.place) ?? wholeStack);
    return ((above(reach.from) | filled) & bytes) !== 0n;
  }

  /** Does anyone ask for what it does? `behind`: what is asked for after it. */
  isDead({ insn, pinned }: Op, { regs, stack }: Demand, reach: Reach): boolean {
    if (isAlu(insn) || isLddw(insn) || isLoad(insn)) return regs[insn.dst] === 0n;
    if (!isStore(insn) || pinned || this.escaped || reach === undefined || !('place' in reach)) return false;
    const bytes = this.bytesOf(reach.place);
    return bytes !== undefined && (bytes & stack) === 0n;
  }

  /** Bytes of the own frame that a place covers, as in {@link Demand.stack}; undefined: not known, or not there. */
  bytesOf({ region, base, off, size }: Place): bigint | undefined {
    if (region !== 'stack' || base !== this.frameBase || off < -frame || off + size > 0) return undefined;
    return ((1n << BigInt(size)) - 1n) << BigInt(off + frame);
  }

  /** What each op of a block reaches in memory. */
  reachesOf(block: Block): readonly Reach[] {
    const known = this.reach.get(block);
    if (known !== undefined && known.ops === block.ops) return known.reach;
    const reach = reachOf(block, this.flow);
    this.reach.set(block, { ops: block.ops, reach });
    return reach;
  }

  /**
   * Of what is known at a block's head, that which someone asks for. It stays true when other blocks change, since
   * passes keep what is asked for; and who uses nothing else asks for nothing new.
   */
  certain(block: Block): State | undefined {
    const entry = this.flow.entry.get(block);
    const asked = this.before.get(block);
    if (entry === undefined || asked === undefined) return undefined;
    const { values } = this.flow;
    const regs = entry.regs.map((value, r) =>
      r === 10 || asked.regs[r] === u64 ? value : values.unknown('clobbered'),
    );
    const mem = new Map(
      [...entry.mem].filter(([, place]) => {
        const bytes = this.bytesOf(place);
        return place.region !== 'stack' || (bytes !== undefined && (bytes & ~asked.stack) === 0n);
      }),
    );
    return { regs, mem, isShared: false, path: entry.path };
  }

  /** Goes back over an instruction. */
  step(demand: Demand, each: Op, reach: Reach): void {
    const { insn } = each;
    const { regs } = demand;
    if (isAlu(insn)) {
      alu(regs, each);
    } else if (isLddw(insn)) {
      regs[insn.dst] = 0n;
    } else if (isLoad(insn) || isStore(insn) || isAtomic(insn)) {
      this.access(demand, each, reach);
    } else if (isCall(insn)) {
      put(regs, callerSaved, 0n);
      put(regs, reads(insn), u64);
      if (reach !== undefined && 'from' in reach) {
        if (reach.filled?.always === true && !this.escaped) demand.stack &= ~(this.bytesOf(reach.filled.place) ?? 0n);
        demand.stack |= above(reach.from);
      }
    } else if (isExit(insn)) {
      regs.fill(0n);
      regs[0] = this.narrowResult ? u32 : u64;
      if (!this.escaped) demand.stack = 0n;
    } else if (isPacketLoad(insn)) {
      put(regs, callerSaved, 0n);
      // An offset has 32 bits.
      for (let r = 0; r <= 10; r++) if ((reads(insn) & (1 << r)) !== 0) regs[r] = (regs[r] ?? 0n) | u32;
      regs[6] = u64;
    } else {
      // Branches.
      const width = insnClass(insn) === op.JMP32 ? u32 : u64;
      for (let r = 0; r <= 10; r++) if ((reads(insn) & (1 << r)) !== 0) regs[r] = (regs[r] ?? 0n) | width;
    }
  }

  /** A load asks for bytes of the stack, a store makes them asked for no more; both ask for their address. */
  private access(demand: Demand, { insn }: Op, reach: Reach): void {
    const { regs } = demand;
    const access = accessOf(insn);
    if (access === undefined) return;
    const place = reach !== undefined && 'place' in reach ? reach.place : undefined;
    const bytes = place === undefined ? undefined : this.bytesOf(place);
    put(regs, writes(insn), 0n);
    if (isStore(insn)) {
      if (bytes !== undefined && !this.escaped) demand.stack &= ~bytes;
      if (insnClass(insn) === op.STX) regs[insn.src] = (regs[insn.src] ?? 0n) | ((1n << BigInt(8 * access.size)) - 1n);
      regs[access.base] = u64;
      return;
    }
    put(regs, reads(insn), u64);
    if (place?.region === 'stack') demand.stack |= bytes ?? wholeStack;
  }
}

/** Bytes from a distance on, up to the frame's top. */
function above(from: number): bigint {
  if (from >= 0) return 0n;
  const low = Math.max(0, from + frame);
  return wholeStack & ~((1n << BigInt(low)) - 1n);
}

/** What each instruction of a block reaches in memory, by the names that the flow knows there. */
function reachOf(block: Block, flow: Flow): Reach[] {
  const entry = flow.entry.get(block);
  if (entry === undefined) return [];
  const state = copyState(entry);
  return block.ops.map((each) => {
    const { insn } = each;
    let reach: Reach;
    if (isCall(insn)) reach = callReach(flow, state, insn);
    else {
      const place = flow.placeOf(state, each);
      if (place !== undefined) reach = { place };
    }
    flow.step(state, each);
    return reach;
  });
}

/** Bits of the operands that the wanted bits of the result depend on: a sum's low bits need low bits only. */
function alu(regs: bigint[], { insn, pinned }: Op): void {
  const wanted = regs[insn.dst] ?? 0n;
  const is64 = insnClass(insn) === op.ALU64;
  const kind = insn.code & 0xf0;
  const limit = is64 || kind === op.END ? u64 : u32;
  const asked = wanted & limit;
  regs[insn.dst] = 0n;
  const ask = (r: number, bits: bigint): void => {
    const wantedOfIt = bits & (kind === op.END ? u64 : limit);
    // Read it is, whatever it holds: the verifier wants it written.
    regs[r] = (regs[r] ?? 0n) | (asked === 0n ? 0n : wantedOfIt === 0n ? 1n : wantedOfIt);
  };
  const isReg = usesSource(insn) && kind !== op.END;
  const constant = isReg || pinned ? undefined : BigInt.asUintN(64, BigInt(insn.imm));
  switch (kind) {
    case op.MOV:
      if (isReg) ask(insn.src, insn.off === 0 ? asked : (1n << BigInt(insn.off)) - 1n);
      return;
    case op.AND:
      ask(insn.dst, constant === undefined ? asked : asked & constant);
      break;
    case op.OR:
      ask(insn.dst, constant === undefined ? asked : asked & ~constant);
      break;
    case op.XOR:
      ask(insn.dst, asked);
      break;
    case op.ADD:
    case op.SUB:
    case op.MUL:
    case op.NEG:
      ask(insn.dst, maskOver(asked));
      if (isReg) ask(insn.src, maskOver(asked));
      return;
    case op.LSH:
    case op.RSH:
    case op.ARSH: {
      const bits = is64 ? 64 : 32;
      if (constant === undefined) {
        ask(insn.dst, limit);
        if (isReg) ask(insn.src, BigInt(bits - 1));
        return;
      }
      ask(insn.dst, shifted(kind, asked, constant & BigInt(bits - 1), bits));
      return;
    }
    case op.END:
      ask(insn.dst, insn.imm === 64 ? u64 : (1n << BigInt(insn.imm)) - 1n);
      return;
    default:
      ask(insn.dst, limit);
      if (isReg) ask(insn.src, limit);
      return;
  }
  if (isReg) ask(insn.src, asked);
}

/** Bits of the operand that a shift by a constant passes on to those that are asked for. */
function shifted(kind: number, asked: bigint, amount: bigint, bits: 32 | 64): bigint {
  const limit = (1n << BigInt(bits)) - 1n;
  if (kind === op.LSH) return asked >> amount;
  const direct = (asked << amount) & limit;
  const isSignAsked = kind === op.ARSH && asked >> (BigInt(bits) - amount) !== 0n;
  return isSignAsked ? direct | (1n << BigInt(bits - 1)) : direct;
}

/** Sets the demand on a set of registers. */
function put(regs: bigint[], set: number, bits: bigint): void {
  for (let r = 0; r <= 10; r++) if ((set & (1 << r)) !== 0) regs[r] = bits;
}

/** Joins the demand of another way in place, but for bytes of the frame that are written on that way. */
function addTo(to: Demand, from: Demand | undefined, written: bigint): void {
  if (from === undefined) return;
  for (let r = 0; r <= 10; r++) to.regs[r] = (to.regs[r] ?? 0n) | (from.regs[r] ?? 0n);
  to.stack |= from.stack & ~written;
}

function copyDemand({ regs, stack }: Demand): Demand {
  return { regs: [...regs], stack };
}

function isEqual(a: Demand, b: Demand): boolean {
  return a.stack === b.stack && a.regs.every((bits, r) => bits === b.regs[r]);
}
