/**
 * Builds a {@link FunctionCode} block by block. Whoever has control flow and a {@link Graph} can use it: the
 * translation from bytecode, the parser, trees of traces.
 *
 *     const draft = new FunctionDraft(program, graph);
 *     const entry = draft.block();                      // the first block is the entry
 *     const other = draft.block();
 *     draft.pin(entry, graph.effect('store', ...));     // pure values need no place
 *     draft.end(entry, { kind: 'branch', condition, yes: other, no: ... });
 *     const phi = draft.phi(other, ones);
 *     draft.argument(phi, entry, value);                // one for each predecessor
 *     const code = draft.finish();
 */
import { InternalError } from '../base/index.js';
import { type Block, type End, type FunctionCode, makeBlock, mapEnd, type Phi, successors } from './function.js';
import type { Graph } from './graph.js';
import { mask64, type Value } from './value.js';
import type { Program } from './world.js';

/** A block that still takes values. */
interface OpenBlock {
  readonly phis: Value[];
  readonly pinned: Value[];
  end: End | undefined;
}

/** How a draft is made. */
export interface DraftOptions {
  /** Accesses are checked as they happen. Default false. */
  readonly checked?: boolean;
}

/** A function in the making: blocks are opened, filled and ended in any order; `finish` gives it its predecessors. */
export class FunctionDraft {
  readonly program: Program;
  readonly graph: Graph;
  private readonly checked: boolean;
  private readonly open: OpenBlock[] = [];
  private readonly incoming = new Map<Value, Map<number, Value>>();

  constructor(program: Program, graph: Graph, options: DraftOptions = {}) {
    this.program = program;
    this.graph = graph;
    this.checked = options.checked ?? false;
  }

  /** A new block; its id. */
  block(): number {
    this.open.push({ phis: [], pinned: [], end: undefined });
    return this.open.length - 1;
  }

  /** A new phi at the head of a block. `ones`: bits that it can have. */
  phi(block: number, ones: bigint = mask64): Value {
    const phi = this.graph.phi(ones);
    this.at(block).phis.push(phi);
    this.incoming.set(phi, new Map());
    return phi;
  }

  /** What a phi is when control comes from `pred`. */
  argument(phi: Value, pred: number, value: Value): void {
    this.incoming.get(phi)?.set(pred, value);
  }

  /** Appends what stays where it is: reads and effects. */
  pin(block: number, value: Value): Value {
    this.at(block).pinned.push(value);
    return value;
  }

  end(block: number, end: End): void {
    this.at(block).end = mapEnd(end, (value) => value);
  }

  /**
   * Throws InternalError where a block has no end or a phi misses an argument. Blocks that cannot be reached are
   * dropped.
   */
  finish(): FunctionCode {
    const reached = new Set<number>([0]);
    const preds: number[][] = this.open.map(() => []);
    for (const id of reached) {
      for (const to of successors(this.endOf(id))) {
        preds[to]?.push(id);
        reached.add(to);
      }
    }
    const blocks = this.open.map(({ phis, pinned }, id): Block | undefined => {
      if (!reached.has(id)) return undefined;
      const from = (preds[id] as number[]).sort((a, b) => a - b);
      const complete = phis.map((value): Phi => {
        const values = this.incoming.get(value);
        return { value, args: from.map((pred) => values?.get(pred) ?? missing(value, pred)) };
      });
      return makeBlock(id, from, complete, pinned, this.endOf(id));
    });
    const { program, graph, checked } = this;
    return { program, graph, size: graph.code.length, blocks, checked, hoists: false };
  }

  private at(block: number): OpenBlock {
    const open = this.open[block];
    if (open === undefined) throw new InternalError('ir', `no block ${block}`);
    return open;
  }

  private endOf(block: number): End {
    return this.at(block).end ?? missingEnd(block);
  }
}

function missing(phi: Value, pred: number): never {
  throw new InternalError('ir', `v${phi.id} has no argument for block ${pred}`);
}

function missingEnd(block: number): never {
  throw new InternalError('ir', `block ${block} has no end`);
}
