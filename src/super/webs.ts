/**
 * Each register's life cut into webs: definitions and the reads that they reach. Two webs meet where one is written
 * while the other is still read; those that don't can be in one register (Chaitin, "Register allocation and spilling
 * via graph coloring", 1982). What calls, `exit` and the function's beginning want in certain registers stays there.
 */
import { type Insn, insnClass, isCall, isExit, op } from '../isa/index.js';
import { hasSource, isAlu, isAtomic, isPacketLoad, reads, writes } from './effects.js';
import { type Block, blockOrder, type FunctionCode, followers, type Op } from './function-code.js';

const registers = 11;

/** A place in the code: which node each register's value belongs to before the instruction there. */
type Nodes = readonly number[];

/** The webs of a function as it is; of no use once that has changed. */
export class Webs {
  /** Blocks in reverse postorder. */
  readonly order: readonly Block[];
  /** Union-find over nodes: a node is a definition, or a register's value at a block's beginning. */
  private readonly parent: number[] = [];
  /** Register of each web, by its root. */
  readonly color: number[] = [];
  /** Webs, by root, that have to be in their register. */
  readonly isFixed: boolean[] = [];
  private readonly entry = new Map<Block, Nodes>();
  /** Before each op, and before the branch. */
  private readonly before = new Map<Block, Nodes[]>();
  /** Behind each op, and behind the branch. */
  private readonly after = new Map<Block, Nodes[]>();
  /** Registers, as bits, that are read before they are written from a block's head on. */
  readonly liveIn: Map<Block, number> = new Map();
  private readonly meets = new Map<number, Set<number>>();

  constructor(code: FunctionCode) {
    this.order = blockOrder(code);
    for (const block of this.order) {
      const nodes = Array.from({ length: registers }, (_, r) => this.node(r));
      this.entry.set(block, nodes);
    }
    const [first] = this.order;
    // Arguments, and what the frame pointer is.
    for (const node of (first === undefined ? undefined : this.entry.get(first)) ?? []) this.isFixed[node] = true;
    this.findLive();
    for (const block of this.order) this.number(block);
    for (const block of this.order) this.connect(block);
  }

  private node(register: number): number {
    this.color.push(register);
    this.isFixed.push(register === 10);
    return this.parent.push(this.parent.length) - 1;
  }

  /** The web of a node. */
  find(node: number): number {
    let root = node;
    while (this.parent[root] !== root) root = this.parent[root] as number; // nodes are indexes
    this.parent[node] = root;
    return root;
  }

  /** Makes one web of two. */
  unite(a: number, b: number): void {
    const x = this.find(a);
    const y = this.find(b);
    if (x === y) return;
    this.parent[y] = x;
    this.isFixed[x] = this.isFixed[x] === true || this.isFixed[y] === true;
    const met = this.meets.get(y);
    if (met === undefined) return;
    const mine = this.meets.get(x) ?? new Set<number>();
    for (const each of met) mine.add(each);
    this.meets.set(x, mine);
    this.meets.delete(y);
  }

  private findLive(): void {
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of [...this.order].reverse()) {
        const live = stepsOf(block).reduceRight(
          (set, { insn }) => (set & ~writes(insn)) | reads(insn),
          this.liveOut(block),
        );
        if (this.liveIn.get(block) === live) continue;
        this.liveIn.set(block, live);
        changed = true;
      }
    }
  }

  private liveOut(block: Block): number {
    return followers(block).reduce((set, next) => set | (this.liveIn.get(next) ?? 0), 0);
  }

  /** Gives each definition its node, and unites what must be one register. */
  private number(block: Block): void {
    let now = [...(this.entry.get(block) ?? [])];
    const before: Nodes[] = [];
    const after: Nodes[] = [];
    for (const { insn } of stepsOf(block)) {
      before.push(now);
      const next = [...now];
      for (let r = 0; r < registers; r++) if ((writes(insn) & (1 << r)) !== 0) next[r] = this.node(r);
      this.constrain(insn, now, next);
      now = next;
      after.push(now);
    }
    this.before.set(block, before);
    this.after.set(block, after);
    for (const next of followers(block)) {
      const entry = this.entry.get(next) ?? [];
      for (let r = 0; r < registers; r++) {
        if (((this.liveIn.get(next) ?? 0) & (1 << r)) !== 0) this.unite(now[r] as number, entry[r] as number); // registers
      }
    }
  }

  private constrain(insn: Insn, now: Nodes, next: Nodes): void {
    const isWhole = isCall(insn) || isExit(insn) || isPacketLoad(insn);
    for (let r = 0; r < registers; r++) {
      const isRead = (reads(insn) & (1 << r)) !== 0;
      const isWritten = (writes(insn) & (1 << r)) !== 0;
      if (isWhole || (isAtomic(insn) && r === 0 && insn.imm === op.ATOMIC_CMPXCHG)) {
        if (isRead) this.isFixed[this.find(now[r] as number)] = true; // registers
        if (isWritten) this.isFixed[this.find(next[r] as number)] = true; // likewise
      } else if (isRead && isWritten && !isCopy(insn) && !(insnClass(insn) === op.LDX)) {
        // The operand is where the result goes.
        const isTied = isAlu(insn) ? r === insn.dst && (insn.code & 0xf0) !== op.MOV : isAtomic(insn);
        if (isTied) this.unite(now[r] as number, next[r] as number); // likewise
      }
    }
  }

  /** Which webs meet: whatever is read later than a definition meets what is defined. */
  private connect(block: Block): void {
    const steps = stepsOf(block);
    const after = this.after.get(block) ?? [];
    let live = this.liveOut(block);
    for (let i = steps.length - 1; i >= 0; i--) {
      const { insn } = steps[i] as Op; // in range
      const nodes = after[i] ?? [];
      for (let d = 0; d < registers; d++) {
        if ((writes(insn) & (1 << d)) === 0) continue;
        for (let r = 0; r < registers; r++) {
          if (r === d || (live & (1 << r)) === 0 || (isCopy(insn) && r === insn.src)) continue;
          this.meet(nodes[d] as number, nodes[r] as number); // registers
        }
      }
      live = (live & ~writes(insn)) | reads(insn);
    }
    if (block !== this.order[0]) return;
    const entry = this.entry.get(block) ?? [];
    for (let a = 0; a < registers; a++) {
      for (let b = 0; b < a; b++) {
        if ((live & (1 << a)) !== 0 && (live & (1 << b)) !== 0) this.meet(entry[a] as number, entry[b] as number); // likewise
      }
    }
  }

  /** The web that a register's value belongs to before the op at `i`, or the branch. */
  webBefore(block: Block, i: number, register: number): number {
    return this.find((this.before.get(block)?.[i] ?? [])[register] ?? 0);
  }

  /** The same behind it. */
  webAfter(block: Block, i: number, register: number): number {
    return this.find((this.after.get(block)?.[i] ?? [])[register] ?? 0);
  }

  private meet(a: number, b: number): void {
    const x = this.find(a);
    const y = this.find(b);
    if (x === y) return;
    for (const [from, to] of [
      [x, y],
      [y, x],
    ] as const) {
      const set = this.meets.get(from);
      if (set === undefined) this.meets.set(from, new Set([to]));
      else set.add(to);
    }
  }

  /** Can the two not be in one register? */
  isMet(a: number, b: number): boolean {
    return this.neighbours(a).has(b) || this.neighbours(b).has(a);
  }

  /** The webs that a web meets. */
  neighbours(web: number): Set<number> {
    return new Set([...(this.meets.get(web) ?? [])].map((each) => this.find(each)));
  }

  /** Writes the registers of all webs into the code, without the copies that are gone. */
  rename(gone: ReadonlyMap<Block, ReadonlySet<number>>): void {
    const registerOf = (node: number | undefined): number => this.color[this.find(node ?? 0)] ?? 0;
    for (const block of this.order) {
      const before = this.before.get(block) ?? [];
      const after = this.after.get(block) ?? [];
      const renamed = stepsOf(block).map((each, i): Op => {
        const { insn } = each;
        const isWritten = (r: number): boolean => (writes(insn) & (1 << r)) !== 0;
        const isRead = (r: number): boolean => (reads(insn) & (1 << r)) !== 0;
        if (isCall(insn) || isExit(insn)) return each;
        const dst = isWritten(insn.dst)
          ? registerOf(after[i]?.[insn.dst])
          : isRead(insn.dst)
            ? registerOf(before[i]?.[insn.dst])
            : insn.dst;
        // `src` of other instructions says what a constant stands for.
        const isSource = isRead(insn.src) && insn.code !== op.LDDW && hasSource(insn);
        const src = isSource ? registerOf(before[i]?.[insn.src]) : insn.src;
        return dst === insn.dst && src === insn.src ? each : { ...each, insn: { ...insn, dst, src } };
      });
      if (block.branch !== undefined) block.branch = renamed.pop();
      const here = gone.get(block);
      block.ops = here === undefined ? renamed : renamed.filter((_, i) => !here.has(i));
    }
  }
}

/** `dst = src`, all 64 bits. */
export function isCopy(insn: Insn): boolean {
  return insn.code === (op.ALU64 | op.MOV | op.X) && insn.off === 0;
}

function stepsOf({ ops, branch }: Block): readonly Op[] {
  return branch === undefined ? ops : [...ops, branch];
}
