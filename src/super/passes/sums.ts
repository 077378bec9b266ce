/**
 * A constant that is added to a register goes into whatever is made of the register behind it, across blocks and
 * copies:
 *
 *     x += -24; ...; y = x; a = *(y + 2); y += 16; call f(y)     -> y = x; a = *(y - 22); y += -8; call f(y)
 *
 * Registers that are short by the constant are followed along all ways. Offsets of accesses and other constants that
 * are added make up for it and cost nothing; where something else looks at the register it is added there. Done where
 * that is less often than before, by what sample packets do if that is known.
 */
import { type Insn, insnClass, op } from '../../isa/index.js';
import { demandsOf } from '../analyses.js';
import type { Demands } from '../demand.js';
import { accessOf, reads, writes } from '../effects.js';
import { type Block, type FunctionCode, followers, type Op, predecessors } from '../function-code.js';
import { isCopy } from '../webs.js';
import type { PassContext } from './pass.js';

const addK = op.ALU64 | op.ADD;
const addX = op.ALU64 | op.ADD | op.X;

/** The pass: one sum at a time. */
export function sums(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (code.blocks.some((block) => moveOne(code, block, context))) changed = true;
  return changed;
}

function moveOne(code: FunctionCode, block: Block, context: PassContext): boolean {
  for (const [at, each] of block.ops.entries()) {
    const { insn, pinned } = each;
    if (insn.code !== addK || pinned || insn.dst === 10) continue;
    const made = new Mover(code, block, at).run();
    if (made === undefined || !context.allow(each)) continue;
    for (const [changed, ops] of made) changed.ops = ops;
    return true;
  }
  return false;
}

/** The whole change for one sum, tried on paper first. Sets of registers are bits. */
class Mover {
  private readonly code: FunctionCode;
  private readonly start: Block;
  private readonly at: number;
  private readonly c: number;
  private readonly demands: Demands;
  /** Registers that are short at a block's head. */
  private readonly heads = new Map<Block, number>();
  private readonly made = new Map<Block, Op[]>();
  /** Sums that are gone, less new ones, as often as they run. */
  private saved = 0;

  constructor(code: FunctionCode, start: Block, at: number) {
    this.code = code;
    this.start = start;
    this.at = at;
    this.c = (start.ops[at] as Op).insn.imm; // callers pass an index of an op
    this.demands = demandsOf(code);
  }

  /** Undefined where it can't be done or does not pay. */
  run(): ReadonlyMap<Block, Op[]> | undefined {
    const { start, at, code } = this;
    const added = start.ops[at] as Op; // likewise
    this.count(start, 1);
    this.walk(start, start.ops.slice(0, at), at + 1, 1 << added.insn.dst);
    for (const [block, short] of this.heads) {
      if (block === start || block === code.blocks[0]) return undefined;
      this.walk(block, [], 0, short);
    }
    if (this.saved <= 0) return undefined;
    // Every way to a block that has such a register comes from here, with the same ones.
    const before = predecessors(code);
    const isOwn = [...this.heads].every(([block, short]) =>
      before.get(block)?.every((pred) => this.made.has(pred) && this.shortAt(pred, block) === short),
    );
    return isOwn ? this.made : undefined;
  }

  private readonly ends = new Map<Block, number>();

  /** Registers that are short and asked for on the way from one block to another. */
  private shortAt(from: Block, to: Block): number {
    return this.asked(this.ends.get(from) ?? 0, this.demands.atHead(to).regs);
  }

  private asked(set: number, regs: readonly bigint[]): number {
    return regs.reduce((all, bits, r) => (bits === 0n ? all & ~(1 << r) : all), set);
  }

  private count({ weight = 0 }: Block, less: number): void {
    this.saved += less * (this.code.profile === undefined ? 1 : weight);
  }

  /** Rewrites a block from an op on, and tells the blocks behind it. */
  private walk(block: Block, ops: Op[], from: number, entry: number): void {
    let short = entry;
    const behind = this.demands.behind(block);
    for (let i = from; i < block.ops.length; i++) {
      short = this.step(block, ops, block.ops[i] as Op, short); // in range
      short = this.asked(short, behind[i]?.regs ?? []);
    }
    const { branch } = block;
    if (branch !== undefined) short = this.makeUp(block, ops, branch, short, reads(branch.insn) & short);
    this.made.set(block, ops);
    this.ends.set(block, short);
    for (const next of followers(block)) {
      const set = this.shortAt(block, next);
      if (set !== 0 && !this.heads.has(next)) this.heads.set(next, set);
    }
  }

  /** Puts one op behind the others as it has to be; the registers that are short then. */
  private step(block: Block, ops: Op[], each: Op, short: number): number {
    const { insn, pinned } = each;
    const read = reads(insn) & short;
    const left = short & ~writes(insn);
    if (read === 0) {
      ops.push(each);
      return left;
    }
    const plain: Op = { ...each, facts: undefined };
    if (isCopy(insn)) {
      ops.push(plain);
      return left | (1 << insn.dst);
    }
    if (insn.code === addX && read !== ((1 << insn.dst) | (1 << insn.src))) {
      ops.push(plain);
      return left | (1 << insn.dst);
    }
    const imm = insn.imm + this.c;
    if (insn.code === addK && !pinned && imm === (imm | 0)) {
      if (imm === 0) this.count(block, 1);
      else ops.push({ ...plain, insn: { ...insn, imm } });
      return left;
    }
    const moved = pinned ? undefined : this.moved(plain, read);
    if (moved !== undefined) {
      ops.push(moved);
      return left;
    }
    const rest = this.makeUp(block, ops, each, short, read);
    ops.push(plain);
    return rest & ~writes(insn);
  }

  /** An access by a register that is short. */
  private moved(each: Op, read: number): Op | undefined {
    const { insn, region } = each;
    const access = accessOf(insn);
    if (access === undefined || read !== 1 << access.base || isValue(insn, access.base)) return undefined;
    const off = insn.off + this.c;
    const isPlain = region === 'packet' || region === 'map';
    return isPlain && off >= -0x8000 && off <= 0x7fff ? { ...each, insn: { ...insn, off } } : undefined;
  }

  /** Adds the constant to registers that are looked at; those that stay short. */
  private makeUp(block: Block, ops: Op[], about: Op, short: number, read: number): number {
    for (let r = 0; r < 10; r++) {
      if ((read & (1 << r)) === 0) continue;
      const insn: Insn = { code: addK, dst: r, src: 0, off: 0, imm: this.c };
      const plain = { high: undefined, refers: -1, symbol: undefined, pinned: false, core: undefined };
      ops.push({ ...about, ...plain, insn, region: undefined, facts: undefined });
      this.count(block, -1);
    }
    return short & ~read;
  }
}

/** Is the register also what is stored? */
function isValue(insn: Insn, base: number): boolean {
  return insnClass(insn) === op.STX && insn.src === base;
}
