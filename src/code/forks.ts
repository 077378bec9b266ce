/**
 * Forks that come together again: a conditional jump and the few blocks behind it that only arithmetic, loads and
 * stores are in. Where all of their ways lead to one place, what the two sides computed can be chosen between (a
 * *join*); where they lead to two, as with `a && b && c`, all of their jumps are one question (a *switch* between two
 * exits).
 *
 * A fork is found by growing: a block is taken in once all jumps to it come from inside, so its blocks stand in an
 * order in which each is after whatever leads to it, and there is no way back.
 */
import { type Insn, insnClass, isConditionalJump, isLddw, isMayGoto, isUnconditionalJump, op } from '../isa/index.js';
import { flowOf, leaders, successors } from './leaders.js';

/** Instructions that a fork may have behind its jump; more are no longer cheap to run in vain. */
const mostInsns = 40;
/**
 * Stores to other memory than the stack that it may have: on the side that is not taken each is a load and a store
 * that the program does not make, and may have to be taken back.
 */
const mostStores = 3;

/** A stretch of instructions without jumps but the last one. */
export interface ForkBlock {
  readonly start: number;
  /** Behind its last instruction. */
  readonly end: number;
}

/** A conditional jump with the blocks that belong to it. */
export interface Fork {
  /** Each after those that lead to it. */
  readonly blocks: readonly ForkBlock[];
  /** Where it leads: one slot or two. */
  readonly exits: readonly number[];
}

const known = new WeakMap<readonly Insn[], Map<number, Fork | undefined>>();

/** The fork at the conditional jump `pc`: the one with a single exit if there is one, else the largest with two. */
export function forkAt(insns: readonly Insn[], pc: number): Fork | undefined {
  let forks = known.get(insns);
  if (forks === undefined) {
    forks = new Map();
    known.set(insns, forks);
  }
  if (!forks.has(pc)) forks.set(pc, new Finder(insns, pc).find());
  return forks.get(pc);
}

/** Code as blocks, made once for each program. */
interface Blocks {
  readonly starts: ReadonlySet<number>;
  /** The slots that lead to slot i from elsewhere in the function: `before[at[i]]` up to `before[at[i + 1]]`. */
  readonly at: Int32Array;
  readonly before: Int32Array;
}

const blocksOf = new WeakMap<readonly Insn[], Blocks>();

function blocksIn(insns: readonly Insn[]): Blocks {
  let blocks = blocksOf.get(insns);
  if (blocks !== undefined) return blocks;
  const { first, second } = flowOf(insns);
  const { length } = insns;
  // Counted, then filled from behind; the place behind the end is slot `length`.
  const at = new Int32Array(length + 2);
  const each = (visit: (next: number, pc: number) => void): void => {
    for (let pc = 0; pc < length; pc++) {
      // The second half of a wide load is no instruction.
      if (insns[pc]?.code === 0) continue;
      const next = first[pc] as number;
      visit(next, pc);
      if (second[pc] !== next) visit(second[pc] as number, pc);
    }
  };
  each((next) => {
    at[next] = (at[next] as number) + 1;
  });
  for (let slot = 1; slot < at.length; slot++) at[slot] = (at[slot] as number) + (at[slot - 1] as number);
  const before = new Int32Array(at[length + 1] as number);
  each((next, pc) => {
    at[next] = (at[next] as number) - 1;
    before[at[next] as number] = pc;
  });
  blocks = { starts: leaders(insns), at, before };
  blocksOf.set(insns, blocks);
  return blocks;
}

/** The search from one jump. */
class Finder {
  private readonly insns: readonly Insn[];
  private readonly pc: number;
  private readonly blocks: Blocks;

  constructor(insns: readonly Insn[], pc: number) {
    this.insns = insns;
    this.pc = pc;
    this.blocks = blocksIn(insns);
  }

  find(): Fork | undefined {
    // What is stored on one of two ways is better stored when it is known which one it is.
    return this.grow(mostStores, 1) ?? this.grow(0, 2);
  }

  /** `stores`: how many writes to other memory than the stack blocks may have. The fork is the first with one exit. */
  private grow(stores: number, exits: 1 | 2): Fork | undefined {
    const inside = new Set([this.pc]);
    const taken: ForkBlock[] = [];
    let size = 0;
    let best: Fork | undefined;
    for (;;) {
      const out = this.exitsOf(inside);
      if (taken.length > 0 && out.length <= exits) best = { blocks: [...taken], exits: out };
      if (out.length === 1) return best;
      const next = out
        .map((start) => this.blockAt(start))
        .find((block) => size + block.end - block.start <= mostInsns && this.mayTake(block, inside, stores));
      if (next === undefined) return best;
      taken.push(next);
      size += next.end - next.start;
      for (let at = next.start; at < next.end; at++) inside.add(at);
    }
  }

  /** Slots outside that the ones inside lead to, in order. */
  private exitsOf(inside: ReadonlySet<number>): number[] {
    const out = new Set<number>();
    for (const pc of inside)
      if (this.insns[pc]?.code !== 0)
        for (const next of successors(this.insns, pc)) if (!inside.has(next)) out.add(next);
    return [...out].sort((a, b) => a - b);
  }

  /** The block that begins there, up to its jump or the next block. */
  private blockAt(start: number): ForkBlock {
    const { insns, blocks } = this;
    for (let pc = start; ; ) {
      const insn = insns[pc] as Insn;
      if (isConditionalJump(insn) || isUnconditionalJump(insn)) return { start, end: pc + 1 };
      pc += isLddw(insn) ? 2 : 1;
      if (pc >= insns.length || blocks.starts.has(pc)) return { start, end: pc };
    }
  }

  /** All that leads to the block is inside, and nothing in it does more than compute, load and store. */
  private mayTake({ start, end }: ForkBlock, inside: ReadonlySet<number>, stores: number): boolean {
    const { at, before } = this.blocks;
    const stop = at[start + 1] as number;
    if (at[start] === stop) return false;
    for (let i = at[start] as number; i < stop; i++) if (!inside.has(before[i] as number)) return false;
    let left = stores;
    for (const pc of inside) if (isStore(this.insns[pc] as Insn)) left--;
    for (let pc = start; pc < end; ) {
      const insn = this.insns[pc] as Insn;
      if (!isPlain(insn)) return false;
      if (isStore(insn) && --left < 0) return false;
      pc += isLddw(insn) ? 2 : 1;
    }
    return true;
  }
}

/** Writes to other memory than the stack. */
function isStore(insn: Insn): boolean {
  const kind = insnClass(insn);
  return (kind === op.ST || kind === op.STX) && insn.dst !== 10;
}

/** Computes, loads, stores or jumps. */
function isPlain(insn: Insn): boolean {
  switch (insnClass(insn)) {
    case op.ALU:
    case op.ALU64:
      // A division takes as long as all else that a fork may have.
      return (insn.code & 0xf0) !== op.DIV && (insn.code & 0xf0) !== op.MOD;
    case op.LD:
      return insn.code === op.LDDW;
    case op.LDX:
      return (insn.code & 0xe0) === op.MODE_MEM || (insn.code & 0xe0) === op.MODE_MEMSX;
    case op.ST:
    case op.STX:
      return (insn.code & 0xe0) === op.MODE_MEM;
    default:
      return (isConditionalJump(insn) && !isMayGoto(insn)) || isUnconditionalJump(insn);
  }
}
