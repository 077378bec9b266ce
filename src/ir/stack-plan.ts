/**
 * Which stack bytes become values. A frame is cut into double words, a double word into pieces at every boundary at which some access starts or
 * ends; a piece is a variable like a register. A double word stays memory if an access crosses its edge, if its address gets out, or if a helper writes it.
 *
 * All this shows only while the program is translated. So translation starts with what the text of the program shows, notes what contradicts it, and starts
 * again; a plan only ever gets more cuts, stores and memory, so this ends.
 */
import { accessSize, type Insn, insnClass, op } from '../isa/index.js';
import { type Machine, maxFrames, stackSize } from '../vm/index.js';
import type { Flow } from './flow.js';

export class StackPlan {
  /** Something was noted that makes the current translation wrong. */
  changed = false;
  /** No piece is a variable. */
  readonly allMemory: boolean;
  private readonly machine: Machine;
  /** Boundaries inside each double word, as a bit mask of offsets 1 to 7. */
  private readonly cuts = new Map<number, number>();
  private readonly memory = new Set<number>();
  private readonly wholeFrames = new Set<number>();
  /** Pieces that each block stores to. */
  private readonly stores = new Map<number, Set<number>>();
  /** Assumptions about phis of loops that did not hold. */
  private readonly refuted = new Set<string>();

  constructor(machine: Machine, flow: Flow, allMemory: boolean) {
    this.machine = machine;
    this.allMemory = allMemory;
    if (!allMemory) for (const block of flow.blocks) for (const step of block.steps) this.prime(flow, block, step);
    this.changed = false;
  }

  /** r10 of a call depth. */
  frameEnd(depth: number): number {
    return this.machine.frames[depth]?.hi ?? 0;
  }

  /** Call depth of the frame that an address lies in (or at the end of), or -1. */
  frameOf(address: bigint): number {
    if (address > 0xffff_ffffn) return -1;
    const at = Number(address);
    for (let depth = 0; depth < maxFrames; depth++) {
      const end = this.frameEnd(depth);
      if (at >= end - stackSize && at <= end) return depth;
    }
    return -1;
  }

  isMemory(address: number): boolean {
    const word = address & ~7;
    return this.allMemory || this.memory.has(word) || this.wholeFrames.has(this.frameOf(BigInt(word)));
  }

  isWholeFrame(depth: number): boolean {
    return this.allMemory || this.wholeFrames.has(depth);
  }

  /** Double words of a frame that are memory, one by one; not asked of whole frames. */
  memoryWords(depth: number): number[] {
    return [...this.memory].filter((word) => this.frameOf(BigInt(word)) === depth).sort((a, b) => a - b);
  }

  /** Pieces of [address, address + size), or undefined where that is memory. May note a cut. */
  pieces(address: number, size: number): { readonly at: number; readonly size: number }[] | undefined {
    const first = address & ~7;
    const last = (address + size - 1) & ~7;
    let isMemory = false;
    for (let word = first; word <= last; word += 8) if (this.isMemory(word)) isMemory = true;
    if (isMemory) {
      this.toMemory(address, size);
      return undefined;
    }
    this.cut(address);
    this.cut(address + size);
    const found: { at: number; size: number }[] = [];
    for (let at = address; at < address + size; ) {
      const mask = this.cuts.get(at & ~7) ?? 0;
      let end = (at & 7) + 1;
      while (end < 8 && (mask & (1 << end)) === 0) end++;
      found.push({ at, size: end - (at & 7) });
      at = (at & ~7) + end;
    }
    return found;
  }

  toMemory(address: number, size: number): void {
    for (let word = address & ~7; word < address + size; word += 8) {
      if (this.isMemory(word)) continue;
      this.memory.add(word);
      this.changed = true;
    }
  }

  /** An address into the frame gets where it cannot be followed. */
  escape(depth: number): void {
    if (this.isWholeFrame(depth)) return;
    this.wholeFrames.add(depth);
    this.changed = true;
  }

  noteStore(block: number, piece: number): void {
    let set = this.stores.get(block);
    if (set === undefined) {
      set = new Set();
      this.stores.set(block, set);
    }
    if (set.has(piece)) return;
    set.add(piece);
    this.changed = true;
  }

  storesOf(block: number): Iterable<number> {
    return this.stores.get(block) ?? [];
  }

  isRefuted(assumption: string): boolean {
    return this.refuted.has(assumption);
  }

  refute(assumption: string): void {
    if (this.refuted.has(assumption)) return;
    this.refuted.add(assumption);
    this.changed = true;
  }

  private cut(address: number): void {
    const bit = address & 7;
    if (bit === 0) return;
    const word = address & ~7;
    const mask = this.cuts.get(word) ?? 0;
    if ((mask & (1 << bit)) !== 0) return;
    this.cuts.set(word, mask | (1 << bit));
    this.changed = true;
  }

  /** Accesses that name r10. */
  private prime(flow: Flow, block: Flow['blocks'][number], step: Flow['blocks'][number]['steps'][number]): void {
    if (step.kind !== 'insn') return;
    const insn = flow.program.insns[step.pc] as Insn;
    const kind = insnClass(insn);
    const isStore = kind === op.ST || kind === op.STX;
    if (!(isStore && insn.dst === 10) && !(kind === op.LDX && insn.src === 10)) return;
    if ((insn.code & 0xe0) === op.MODE_ATOMIC) return;
    const at = this.frameEnd(block.depth) + insn.off;
    const size = accessSize(insn);
    if ((at & ~7) !== ((at + size - 1) & ~7)) {
      this.toMemory(at, size);
      return;
    }
    for (const piece of this.pieces(at, size) ?? []) if (isStore) this.noteStore(block.id, piece.at);
  }
}
