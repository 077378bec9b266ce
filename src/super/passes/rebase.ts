/**
 * A register that goes on as its sum with a constant, where the sum would be a copy:
 *
 *     y = x; y += 14; if y > end goto out; a = *(x + 12)   -> x += 14; if x > end goto out; a = *(x - 2)
 *
 * so a check of a packet's bounds takes two instructions and not three. From there on x is what y was: whoever reads x
 * takes the constant off again, which costs nothing in the offset of an access and in a sum with a constant. Done
 * where what is saved, by what sample packets do if that is known, is more than what has to be taken off otherwise,
 * and where every way on which x or y is still asked for comes from here.
 */
import { type Insn, insnClass, op } from '../../isa/index.js';
import { demandsOf } from '../analyses.js';
import type { Demands } from '../demand.js';
import { accessOf, isAlu, isAtomic, isLoad, isStore, reads, usesSource, writes } from '../effects.js';
import { type Block, type FunctionCode, followers, type Op, predecessors } from '../function-code.js';
import type { Goal, PassContext } from './pass.js';

/** The pass: a check that follows is one of the register that has moved on. */
export function rebase(code: FunctionCode, context: PassContext): boolean {
  let changed = false;
  while (code.blocks.some((block) => rebaseOne(code, block, context))) changed = true;
  return changed;
}

/** `y = x` at `copy`, `y += c` at `sum`. */
interface Site {
  readonly copy: number;
  readonly sum: number;
  readonly x: number;
  readonly y: number;
  readonly c: number;
}

const copyX = op.ALU64 | op.MOV | op.X;
const addK = op.ALU64 | op.ADD;

/** A sum takes four times as long as a move by the table of single instructions (docs/opt.md). */
const sumCost = 4;

function rebaseOne(code: FunctionCode, block: Block, context: PassContext): boolean {
  for (const [copy, { insn, pinned }] of block.ops.entries()) {
    if (insn.code !== copyX || insn.off !== 0 || pinned || insn.src === 10 || insn.src === insn.dst) continue;
    const site = siteAt(block.ops, copy);
    if (site === undefined) continue;
    const rewrite = new Rewrite(code, block, site, context.goal).run();
    if (rewrite === undefined || !context.allow(block.ops[copy] as Op)) continue;
    for (const [each, { ops, branch }] of rewrite) {
      each.ops = ops;
      each.branch = branch;
    }
    return true;
  }
  return false;
}

/** The sum that the copy becomes, with nothing about either register in between but reads of x. */
function siteAt(ops: readonly Op[], copy: number): Site | undefined {
  const { dst: y, src: x } = (ops[copy] as Op).insn; // in range
  for (let sum = copy + 1; sum < ops.length; sum++) {
    const { insn, pinned } = ops[sum] as Op; // in range
    if (insn.code === addK && insn.dst === y) return pinned ? undefined : { copy, sum, x, y, c: insn.imm };
    if (((reads(insn) | writes(insn)) & (1 << y)) !== 0 || (writes(insn) & (1 << x)) !== 0) return undefined;
  }
  return undefined;
}

/** Does x hold the sum, and is y to be read as x? Neither: whatever it was, it is over. */
interface Shift {
  readonly x: boolean;
  readonly y: boolean;
}

type Changed = ReadonlyMap<Block, { readonly ops: Op[]; readonly branch: Op | undefined }>;

/** The whole change for one sum, tried on paper first. */
class Rewrite {
  private readonly code: FunctionCode;
  private readonly start: Block;
  private readonly site: Site;
  private readonly goal: Goal;
  private readonly demands: Demands;
  private readonly heads = new Map<Block, Shift>();
  private readonly made = new Map<Block, { readonly ops: Op[]; readonly branch: Op | undefined }>();
  /** Instructions saved, less those that are new, as often as they run; and what they take, by kind. */
  private saved = 0;
  private cheaper = 0;

  constructor(code: FunctionCode, start: Block, site: Site, goal: Goal) {
    this.code = code;
    this.goal = goal;
    this.start = start;
    this.site = site;
    this.demands = demandsOf(code);
  }

  /** Undefined where it can't be done or does not pay. */
  run(): Changed | undefined {
    const { start, site } = this;
    const { copy, sum, x } = site;
    const isPointed = this.demands.behind(start)[sum]?.regs[x] !== 0n;
    // Where x is over anyway, the copy is a matter of other passes.
    if (!isPointed) return undefined;
    const added = start.ops[sum] as Op; // found there
    const before = [
      ...start.ops.slice(0, copy),
      ...start.ops.slice(copy + 1, sum),
      { ...added, insn: { ...added.insn, dst: x }, facts: undefined },
    ];
    this.count(start, start.ops.slice(copy, copy + 1), []);
    if (!this.walk(start, before, sum + 1, { x: true, y: true })) return undefined;
    const comesFrom = predecessors(this.code);
    const work = [...this.heads.keys()];
    const done = new Set<Block>();
    for (let block = work.shift(); block !== undefined; block = work.shift()) {
      if (done.has(block)) continue;
      done.add(block);
      if (block === start || block === this.code.blocks[0]) return undefined;
      if (!this.walk(block, [], 0, this.heads.get(block) as Shift)) return undefined; // it is a key
      for (const next of followers(block)) if (this.heads.has(next)) work.push(next);
    }
    const isOwn = [...this.heads.keys()].every((block) => comesFrom.get(block)?.every((pred) => this.made.has(pred)));
    const pays = this.saved > 0 && (this.goal === 'size' || this.cheaper > 0);
    return isOwn && pays ? this.made : undefined;
  }

  /** Some ops of a block in the place of others. */
  private count({ weight = 0 }: Block, old: readonly Op[], now: readonly Op[]): void {
    const times = this.code.profile === undefined ? 1 : weight;
    const cost = (ops: readonly Op[]): number =>
      ops.reduce((sum, { insn }) => sum + (insn.code === copyX ? 1 : sumCost), 0);
    this.saved += times * (old.length - now.length);
    this.cheaper += times * (cost(old) - cost(now));
  }

  /** Rewrites a block from an op on, and tells the blocks behind it. False where that can't be. */
  private walk(block: Block, ops: Op[], from: number, entry: Shift): boolean {
    let shift: Shift = entry;
    const behind = this.demands.behind(block);
    for (let i = from; i < block.ops.length; i++) {
      const asked = behind[i]?.regs ?? [];
      const step = this.step(block.ops, i, shift, asked);
      if (step === undefined) return false;
      this.count(block, block.ops.slice(i, i + step.taken), step.ops);
      ops.push(...step.ops);
      i += step.taken - 1;
      const { regs } = behind[i] ?? { regs: [] };
      shift = { x: step.shift.x && regs[this.site.x] !== 0n, y: step.shift.y && regs[this.site.y] !== 0n };
      if (shift.y && !shift.x) return false;
    }
    let { branch } = block;
    if (branch !== undefined) {
      const { x, y } = this.site;
      const isX = shift.x && (reads(branch.insn) & (1 << x)) !== 0;
      const isY = shift.y && (reads(branch.insn) & (1 << y)) !== 0;
      if (isX || (isY && branch.pinned)) return false;
      if (isY) branch = { ...branch, insn: this.renamed(branch.insn), facts: swappedFacts(branch) };
    }
    this.made.set(block, { ops, branch });
    return followers(block).every((next) => this.arrive(next, shift));
  }

  /** Notes what holds at a block's head; false if it is not the same on all ways. */
  private arrive(block: Block, shift: Shift): boolean {
    const { regs } = this.demands.atHead(block);
    const now: Shift = { x: shift.x && regs[this.site.x] !== 0n, y: shift.y && regs[this.site.y] !== 0n };
    const known = this.heads.get(block);
    if (known !== undefined) return known.x === now.x && known.y === now.y;
    if (!now.x && !now.y) return true;
    if (!now.x) return false;
    this.heads.set(block, now);
    return true;
  }

  /** Reads of y as reads of x. */
  private renamed(insn: Insn): Insn {
    const { x, y } = this.site;
    const isTarget = isAlu(insn) || isLoad(insn);
    const dst = insn.dst === y && !isTarget && (reads(insn) & (1 << y)) !== 0 ? x : insn.dst;
    const isSource = insn.src === y && (isLoad(insn) || insnClass(insn) === op.STX || usesSource(insn));
    return { ...insn, dst, src: isSource ? x : insn.src };
  }

  /** What the op at `i` becomes, with how many of the old ops that stands for. */
  private step(
    ops: readonly Op[],
    i: number,
    shift: Shift,
    asked: readonly bigint[],
  ): { readonly ops: Op[]; readonly taken: number; readonly shift: Shift } | undefined {
    const { x, y } = this.site;
    const each = ops[i] as Op; // in range
    const { insn } = each;
    const read = reads(insn);
    const isX = shift.x && (read & (1 << x)) !== 0;
    const isY = shift.y && (read & (1 << y)) !== 0;
    const left: Shift = {
      x: shift.x && (writes(insn) & (1 << x)) === 0,
      y: shift.y && (writes(insn) & (1 << y)) === 0,
    };
    if (shift.y && asked[y] !== 0n && left.y && (writes(insn) & (1 << x)) !== 0) return undefined;
    if (!isX && !isY) return { ops: [each], taken: 1, shift: left };
    if ((isX && isY) || each.pinned) return undefined;
    return isX ? this.offset(ops, i, left) : this.instead(each, left);
  }

  /** An op that reads x, which is further on by c. */
  private offset(
    ops: readonly Op[],
    i: number,
    shift: Shift,
  ): { readonly ops: Op[]; readonly taken: number; readonly shift: Shift } | undefined {
    const { x, c } = this.site;
    const each = ops[i] as Op; // in range
    const { insn } = each;
    const access = accessOf(insn);
    if (access !== undefined) {
      const off = insn.off - c;
      const isValue = insnClass(insn) === op.STX && insn.src === x;
      const isPlain = each.region === 'packet' || each.region === 'map';
      if (access.base !== x || isValue || !isPlain || off < -0x8000 || off > 0x7fff) return undefined;
      return { ops: [{ ...each, insn: { ...insn, off }, facts: undefined }], taken: 1, shift };
    }
    if (insn.code === addK && insn.dst === x) {
      const imm = insn.imm - c;
      if (imm !== (imm | 0)) return undefined;
      const made = imm === 0 ? [] : [{ ...each, insn: { ...insn, imm }, facts: undefined }];
      return { ops: made, taken: 1, shift: { ...shift, x: false } };
    }
    // Something is added to x as it is to what x was.
    if (insn.code === (addK | op.X) && insn.dst === x && insn.src !== x)
      return { ops: [{ ...each, facts: undefined }], taken: 1, shift: { ...shift, x: true } };
    const kind = insn.code & 0xf0;
    const isTerm = isAlu(insn) && (kind === op.ADD || kind === op.SUB) && insn.dst !== x;
    if (isTerm && c !== -0x8000_0000) {
      const fix = { code: insnClass(insn) | op.ADD, dst: insn.dst, src: 0, off: 0, imm: kind === op.ADD ? -c : c };
      const plain: Op = { ...each, facts: undefined };
      return { ops: [plain, { ...plain, insn: fix }], taken: 1, shift };
    }
    if (insn.code !== copyX || insn.off !== 0 || insn.dst === x) return undefined;
    const next = ops[i + 1];
    const isSum = next?.insn.code === addK && next.insn.dst === insn.dst && !next.pinned;
    const imm = (isSum ? next.insn.imm : 0) - c;
    if (imm !== (imm | 0)) return undefined;
    const sum: Op = {
      ...(isSum ? next : each),
      insn: { code: addK, dst: insn.dst, src: 0, off: 0, imm },
      facts: undefined,
    };
    const copy: Op = { ...each, facts: undefined };
    return { ops: imm === 0 ? [copy] : [copy, sum], taken: isSum ? 2 : 1, shift };
  }

  /** An op that reads y, which is x now. */
  private instead(
    each: Op,
    shift: Shift,
  ): { readonly ops: Op[]; readonly taken: number; readonly shift: Shift } | undefined {
    const { x, y } = this.site;
    const { insn } = each;
    const isAccess = (isLoad(insn) || isStore(insn)) && !isAtomic(insn);
    const isOperand = isAlu(insn) && usesSource(insn) && insn.src === y && insn.dst !== y && insn.dst !== x;
    if (isAccess || isOperand) {
      // x itself may be what is loaded: then it is over.
      return { ops: [{ ...each, insn: this.renamed(insn), facts: undefined }], taken: 1, shift };
    }
    // Whoever wants it in that register, or changes it, has a copy made.
    const copy: Op = {
      ...each,
      insn: { code: copyX, dst: y, src: x, off: 0, imm: 0 },
      high: undefined,
      refers: -1,
      symbol: undefined,
      core: undefined,
      region: undefined,
      facts: undefined,
    };
    return { ops: [copy, each], taken: 1, shift: { ...shift, y: false } };
  }
}

/** The facts of registers no longer stand for the ones that are named; which ways are possible stays. */
function swappedFacts({ facts }: Op): Op['facts'] {
  return facts === undefined ? undefined : { ...facts, dst: undefined, src: undefined };
}
