/**
 * Terms of bytes in guest memory, for a run that is followed: what the packet, elements of maps and the stack hold as
 * functions of the start. Bytes of the packet and of elements are variables of their own until something is stored
 * there; bytes that are no variable have no term, and are what they are.
 */
import { type Term, type Terms, widthOf } from '../../solve/index.js';
import type { GuestAddress, GuestMemory, Machine } from '../../vm/index.js';

/** Memory in which each byte is a variable to begin with. */
export interface VariableSpan {
  readonly start: number;
  readonly size: number;
  /** Name of the variable of a byte. */
  name(offset: number): string;
}

/** What is known of memory during one run; {@link clear} before the next. */
export class ShadowMemory {
  private readonly terms: Terms;
  private readonly memory: GuestMemory;
  private readonly lane: Machine['lane'];
  /** By address; null: overwritten by what has no term. */
  private readonly bytes = new Map<number, Term | null>();
  /** Of each frame's stack. */
  private readonly stacks: Map<number, Term>[];
  private readonly spans: VariableSpan[] = [];

  constructor(terms: Terms, memory: GuestMemory, lane: Machine['lane']) {
    this.terms = terms;
    this.memory = memory;
    this.lane = lane;
    this.stacks = lane.frames.map(() => new Map());
  }

  /** Nothing is known any more. */
  clear(): void {
    this.bytes.clear();
    this.spans.length = 0;
    for (const stack of this.stacks) stack.clear();
  }

  /** Bytes there are variables from now on. */
  addSpan(span: VariableSpan): void {
    this.spans.push(span);
  }

  /** A function begins: its stack is cleared. */
  enterFrame(depth: number): void {
    this.stacks[depth]?.clear();
  }

  /** The term of a byte; undefined where it is what it is. */
  byte(address: number): Term | undefined {
    const stack = this.stackAt(address);
    if (stack !== undefined) return stack.get(address);
    const known = this.bytes.get(address);
    if (known !== undefined) return known ?? undefined;
    for (const { start, size, name } of this.spans)
      if (address >= start && address < start + size) return this.terms.unknown(name(address - start), 8);
    return undefined;
  }

  /** Sets or forgets the term of a byte. */
  setByte(address: number, term: Term | undefined): void {
    const stack = this.stackAt(address);
    const constant = term === undefined || term.op === 'const' ? undefined : term;
    if (stack === undefined) this.bytes.set(address, constant ?? null);
    else if (constant === undefined) stack.delete(address);
    else stack.set(address, constant);
  }

  /** `size` bytes as one number; undefined where none of them has a term. */
  load(address: number, size: number): Term | undefined {
    const { terms } = this;
    const parts: (Term | undefined)[] = [];
    let isKnown = true;
    for (let i = 0; i < size; i++) {
      const term = this.byte(address + i);
      if (term !== undefined) isKnown = false;
      parts.push(term);
    }
    if (isKnown) return undefined;
    const bytes = parts.map((part, i) => part ?? terms.bits(8, this.memory.load8((address + i) as GuestAddress)));
    return terms.concatAll(bytes.reverse());
  }

  /** The low `size` bytes of `term` are stored; undefined: bytes without a term. */
  store(address: number, size: number, term: Term | undefined): void {
    const isTerm = term !== undefined && term.op !== 'const';
    for (let i = 0; i < size; i++)
      this.setByte(
        address + i,
        isTerm && 8 * i < widthOf(term) ? this.terms.extract(term, 8 * i + 7, 8 * i) : undefined,
      );
  }

  /** Bytes are copied; the two may overlap. */
  copy(to: number, from: number, size: number): void {
    const bytes = Array.from({ length: size }, (_, i) => this.byte(from + i));
    for (const [i, term] of bytes.entries()) this.setByte(to + i, term);
  }

  private stackAt(address: number): Map<number, Term> | undefined {
    const { frames } = this.lane;
    for (let depth = 0; depth < frames.length; depth++) {
      const { start, size } = frames[depth] as (typeof frames)[number];
      if (address >= start && address < start + size) return this.stacks[depth];
    }
    return undefined;
  }
}
