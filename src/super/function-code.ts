/**
 * A function of an object file as basic blocks whose instructions can be changed one by one. Jumps are edges between
 * blocks: distances exist in files only (emit.ts).
 */
import { InternalError } from '../base/index.js';
import type { BpfVersion } from '../bpf/index.js';
import { leaders } from '../code/index.js';
import { type Insn, isConditionalJump, isExit, isLddw, isUnconditionalJump, jumpTarget } from '../isa/index.js';
import type { FileFunction } from '../object/index.js';
import type { ValueFact } from '../verifier/index.js';

/** What an access certainly reaches; accesses of two different kinds never meet, `any` meets all but the stack. */
export type Region = 'stack' | 'packet' | 'ctx' | 'map' | 'any';

/** What the verifier knew before an instruction, in the code as it was read. */
export interface OpFacts {
  /** Of the register that `dst` names, and that which `src` does. */
  readonly dst: ValueFact | undefined;
  readonly src: ValueFact | undefined;
  /** A branch: which ways are possible. */
  readonly taken: boolean;
  readonly fallThrough: boolean;
}

/** One instruction; a value: who changes it puts another in its place. */
export interface Op {
  readonly insn: Insn;
  /** Second half of a 64-bit load. */
  readonly high: number | undefined;
  /** Slot of the section whose relocation it carries or whose call it is, or -1. */
  readonly refers: number;
  /** Name of what it refers to: equal names are one thing. */
  readonly symbol: string | undefined;
  /** A CO-RE record mends it: what stands in `off` or `imm` is not what will run. */
  readonly pinned: boolean;
  /** What the record asks for: equal ones put the same number there. */
  readonly core: string | undefined;
  /** Slot of the section that it was made from, for its source line. */
  readonly line: number;
  /**
   * Memory that it accesses, where the verifier knew; of a branch: the packet, if it compares with the packet's end.
   */
  readonly region: Region | undefined;
  readonly facts: OpFacts | undefined;
}

/** Straight-line code; what follows it is `taken`, if the branch is, or else `next`; neither: it ends with `exit`. */
export interface Block {
  readonly id: number;
  ops: Op[];
  /** A conditional jump, after the ops. */
  branch: Op | undefined;
  taken: Block | undefined;
  next: Block | undefined;
  /** Slots of the section that stood at its beginning. */
  labels: readonly number[];
  /** How often it ran on sample packets, and how often its branch was taken then; undefined: not counted. */
  weight?: number | undefined;
  takenWeight?: number | undefined;
}

/** What sample packets did in a function, by slot of the section. */
export interface Profile {
  /** How often the instruction ran. */
  readonly ran: (slot: number) => number;
  /** How often the jump was taken. */
  readonly taken: (slot: number) => number;
  /** Lengths of the packets. */
  readonly lengths: readonly number[];
}

/** A function under change. */
export interface FunctionCode {
  readonly name: string;
  /** In the order in which they stood; the first is the entry. */
  blocks: Block[];
  /** Only the low half of its result is looked at. */
  readonly narrowResult: boolean;
  /** r1 is the context. */
  readonly isEntry: boolean;
  /** Fields of the context change by calls that move the packet only. */
  readonly isXdp: boolean;
  /** Bytes of the context, from and to, that Linux takes for memory, whatever the width. */
  readonly plainContext?: readonly [number, number] | undefined;
  /** Instructions that there may be. */
  readonly version: BpfVersion;
  /** Names of maps whose element 0 is always there. */
  readonly arrays?: ReadonlySet<string> | undefined;
  /** What it is laid out by, where that is known. */
  readonly profile?: Profile | undefined;
}

/** What is known of a function beside its code. */
export type FunctionKind = Pick<
  FunctionCode,
  'isEntry' | 'narrowResult' | 'isXdp' | 'plainContext' | 'version' | 'arrays' | 'profile'
>;

/** Facts by slot of the function, joined over all programs that have it. */
export type FactsOf = (slot: number) => { readonly region: Region | undefined; readonly facts: OpFacts | undefined };

/** Throws InternalError for code that leaves the function other than by `exit`. */
export function functionCode(fn: FileFunction, kind: FunctionKind, factsOf: FactsOf): FunctionCode {
  const { insns, start } = fn;
  const starts = new Set([0, ...leaders(insns)]);
  for (const [slot, insn] of insns.entries()) if (isExit(insn)) starts.add(slot + 1);
  const blocks = new Map<number, Block>();
  for (const slot of [...starts].sort((a, b) => a - b)) {
    if (slot < 0 || slot > insns.length || (slot > 0 && isLddw(insns[slot - 1] as Insn))) {
      throw new InternalError('super', `\`${fn.name}\` jumps to slot ${slot}`);
    }
    if (slot === insns.length) continue;
    blocks.set(slot, {
      id: slot,
      ops: [],
      branch: undefined,
      taken: undefined,
      next: undefined,
      labels: [start + slot],
    });
  }
  const blockAt = (slot: number): Block => {
    const block = blocks.get(slot);
    if (block === undefined) throw new InternalError('super', `\`${fn.name}\` runs past its end at slot ${slot}`);
    return block;
  };
  let block = blockAt(0);
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot] as Insn; // slot is in range
    const begun = blocks.get(slot);
    if (begun !== undefined) block = begun;
    const isWide = isLddw(insn);
    const after = slot + (isWide ? 2 : 1);
    if (isUnconditionalJump(insn)) {
      block.next = blockAt(jumpTarget(insn, slot));
      continue;
    }
    const op: Op = {
      insn,
      high: isWide ? insns[slot + 1]?.imm : undefined,
      refers: fn.references.has(start + slot) || fn.core.has(start + slot) || isOwnCall(insn) ? start + slot : -1,
      symbol: fn.references.get(start + slot),
      pinned: fn.core.has(start + slot),
      core: fn.core.get(start + slot),
      line: start + slot,
      ...factsOf(slot),
    };
    if (isConditionalJump(insn)) {
      block.branch = op;
      block.taken = blockAt(jumpTarget(insn, slot));
      block.next = blockAt(after);
    } else {
      block.ops.push(op);
      if (!isExit(insn) && (after >= insns.length || blocks.has(after))) block.next = blockAt(after);
    }
    slot = after - 1;
  }
  const code = { name: fn.name, blocks: [...blocks.values()], ...kind };
  const { profile } = kind;
  if (profile !== undefined) {
    for (const each of code.blocks) {
      each.weight = profile.ran(start + each.id);
      if (each.branch !== undefined) each.takenWeight = profile.taken(each.branch.line);
    }
  }
  return code;
}

/** How often one way out of a block was gone, as far as that was counted. */
export function edgeWeight(block: Block, way: 'taken' | 'next'): number {
  const { weight = 0, takenWeight = 0 } = block;
  if (block.branch === undefined) return way === 'next' ? weight : 0;
  return way === 'taken' ? Math.min(weight, takenWeight) : Math.max(0, weight - takenWeight);
}

/** A call, or the address, of a function by distance. */
function isOwnCall(insn: Insn): boolean {
  return (insn.code === 0x85 && insn.src === 1) || (isLddw(insn) && insn.src === 4);
}

/** Blocks that may follow, the taken one first. */
export function followers(block: Block): Block[] {
  return [block.taken, block.next].filter((next) => next !== undefined);
}

/** Blocks by those before them. */
export function predecessors(code: FunctionCode): Map<Block, Block[]> {
  const before = new Map<Block, Block[]>(code.blocks.map((block) => [block, []]));
  for (const block of code.blocks) for (const next of followers(block)) before.get(next)?.push(block);
  return before;
}

/** Blocks in reverse postorder from the entry. */
export function blockOrder(code: FunctionCode): Block[] {
  const [entry] = code.blocks;
  if (entry === undefined) return [];
  const seen = new Set<Block>([entry]);
  const post: Block[] = [];
  const stack = [{ block: entry, rest: followers(entry) }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.rest.shift();
    if (next === undefined) {
      post.push(top.block);
      stack.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      stack.push({ block: next, rest: followers(next) });
    }
  }
  return post.reverse();
}

/** Instructions of blocks. */
export function opsOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { ops, branch }) => sum + ops.length + (branch === undefined ? 0 : 1), 0);
}

/** The same code in blocks of its own; ops are values and are shared. */
export function copyCode(code: FunctionCode): FunctionCode {
  const copies = new Map<Block, Block>(code.blocks.map((block) => [block, { ...block, ops: [...block.ops] }]));
  for (const copy of copies.values()) {
    copy.taken = copy.taken === undefined ? undefined : copies.get(copy.taken);
    copy.next = copy.next === undefined ? undefined : copies.get(copy.next);
  }
  return { ...code, blocks: [...copies.values()] };
}

/** One instruction in the place of two that do the same: of it is known what both knew. */
export function jointOp(one: Op, other: Op): Op {
  const region = one.region === other.region ? one.region : undefined;
  const facts = one.facts === other.facts ? one.facts : undefined;
  return region === one.region && facts === one.facts ? one : { ...one, region, facts };
}
