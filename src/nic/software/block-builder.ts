/**
 * Makes the blocks of a trace tree's function: one block is open at a time and takes what is pinned; a landing is a
 * block that does not exist until all edges to it are known.
 *
 * Reads (loads, look-ups) belong to a block, and two paths that part before they read the same thing read it each for
 * itself. What a path has read is kept by structure in `reads`, and forgotten when the walk goes back to where the
 * paths part.
 */
import {
  type Detail,
  type End,
  type FunctionCode,
  FunctionDraft,
  Graph,
  mask64,
  type Program,
  type Value,
} from '../../ir/index.js';

/** A block, by its number. */
interface OpenBlock {
  readonly id: number;
}

/** What a load or a store says of its memory. */
export type MemoryDetail = Detail & { readonly kind: 'memory' };

/** A block to come. Each edge brings a value. */
export interface Landing {
  readonly block: OpenBlock;
  /** Where each edge comes from, and what it brings. */
  readonly edges: { readonly from: number; readonly value: Value }[];
}

/** One function under construction. What is pinned goes into the open block. */
export class BlockBuilder {
  readonly graph: Graph = new Graph();
  private readonly draft: FunctionDraft;
  private open: OpenBlock;
  private readonly reads = new Map<string, Value>();
  private readonly noted: string[] = [];

  constructor(program: Program) {
    this.draft = new FunctionDraft(program, this.graph);
    this.open = this.newBlock();
  }

  newBlock(): OpenBlock {
    return { id: this.draft.block() };
  }

  enter(block: OpenBlock): void {
    this.open = block;
  }

  newLanding(): Landing {
    return { block: this.newBlock(), edges: [] };
  }

  /** Opens the landing's block and returns what its edges brought; undefined if there are none. */
  land({ block, edges }: Landing): Value | undefined {
    const [first] = edges;
    if (first === undefined) return undefined;
    this.open = block;
    if (edges.every(({ value }) => value === first.value)) return first.value;
    const phi = this.draft.phi(
      block.id,
      edges.reduce((all, { value }) => all | value.ones, 0n),
    );
    for (const { from, value } of edges) this.draft.argument(phi, from, value);
    return phi;
  }

  /** Ends the open block with a jump. */
  jump(landing: Landing, value: Value): void {
    this.end({ kind: 'jump', to: landing.block.id });
    landing.edges.push({ from: this.open.id, value });
  }

  end(end: End): void {
    this.draft.end(this.open.id, end);
  }

  /** Ends the open block with a two-way branch; a side is a fresh block, or a landing with the value that it gets. */
  branch(condition: Value, yes: Side, no: Side): void {
    const from = this.open.id;
    const [positive, flipped] = asComparison(this.graph, condition);
    const [first, second] = flipped ? [no, yes] : [yes, no];
    const idOf = (side: Side): number => ('id' in side ? side.id : side.landing.block.id);
    this.end({ kind: 'branch', condition: positive, yes: idOf(first), no: idOf(second) });
    for (const side of [first, second]) if ('landing' in side) side.landing.edges.push({ from, value: side.value });
  }

  pin(op: Value['op'], args: readonly Value[], imm: bigint, detail: Detail | undefined, ones?: bigint): Value {
    const value = this.graph.effect(op, args, imm, detail, ones);
    return this.draft.pin(this.open.id, value);
  }

  /** Loads `size` bytes of what belongs to the card or the machine: no load or store of a program means them. */
  loadOwn(base: Value, offset: number, size: number): Value {
    return this.pin('load', [base], BigInt(offset), ownMemory(size), onesOf(size));
  }

  /** Stores to memory that no program sees (records, counters): no pass may take it for the program's. */
  storeOwn(base: Value, offset: number, size: number, value: Value): void {
    this.pin('store', [base, value], BigInt(offset), ownMemory(size));
  }

  /** The same, at a guest address. */
  loadAt(address: number, size: number): Value {
    return this.loadOwn(this.graph.constant(BigInt(address)), 0, size);
  }

  storeAt(address: number, size: number, value: Value): void {
    this.storeOwn(this.graph.constant(BigInt(address)), 0, size, value);
  }

  /** A read that this path may have made before. */
  read(key: string, make: () => Value): Value {
    let value = this.reads.get(key);
    if (value === undefined) {
      value = make();
      this.reads.set(key, value);
      this.noted.push(key);
    }
    return value;
  }

  /** Runs `walk` and forgets the reads that it made. */
  scoped(walk: () => void): void {
    const mark = this.noted.length;
    walk();
    for (const key of this.noted.splice(mark)) this.reads.delete(key);
  }

  /** Does something where a condition holds, which is no constant; both ways go on together. */
  when(condition: Value, what: () => void): void {
    const then = this.newBlock();
    const after = this.newLanding();
    const nothing = this.graph.constant(0n);
    this.branch(condition, then, { landing: after, value: nothing });
    this.enter(then);
    this.scoped(what);
    this.jump(after, nothing);
    this.land(after);
  }

  finish(): FunctionCode {
    return this.draft.finish();
  }
}

/** Where a branch goes on: a block that is built next, or a landing that many come to, each with its value. */
export type Side = OpenBlock | { readonly landing: Landing; readonly value: Value };

function ownMemory(size: number): MemoryDetail {
  return { kind: 'memory', space: 'other', size, map: -1, checked: false };
}

/** The bits that a load of so many bytes may set. */
export function onesOf(size: number): bigint {
  return size === 8 ? mask64 : (1n << BigInt(8 * size)) - 1n;
}

/** A condition as a comparison; true: the sides change places. */
function asComparison(graph: Graph, condition: Value): readonly [Value, boolean] {
  const zero = graph.constant(0n);
  switch (condition.op) {
    case 'eq':
    case 'ult':
    case 'ule':
    case 'slt':
    case 'sle':
      return [condition, false];
    default: {
      const isZero = graph.make('eq', condition, zero);
      return [isZero, true];
    }
  }
}
