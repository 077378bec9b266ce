/**
 * Both analyses of a function, kept while its code is what it was: a pass that finds nothing leaves them to the next
 * one. What code is, is compared instruction by instruction (instructions are values), which costs next to nothing
 * beside an analysis, and so no pass has to say what it changed.
 */
import { Demands } from './demand.js';
import { Flow } from './flow.js';
import type { Block, FunctionCode, Op } from './function-code.js';

/** A block as it was. */
interface Shape {
  readonly block: Block;
  readonly ops: readonly Op[];
  readonly branch: Op | undefined;
  readonly taken: Block | undefined;
  readonly next: Block | undefined;
}

interface Kept {
  readonly shape: readonly Shape[];
  readonly flow: Flow;
  demands: Demands | undefined;
}

const kept = new WeakMap<FunctionCode, Kept>();

/** Names of all values before each block. Who steps on from there copies the state first. */
export function flowOf(code: FunctionCode): Flow {
  return analysed(code).flow;
}

/** What is asked for, on the names of {@link flowOf}. */
export function demandsOf(code: FunctionCode): Demands {
  const known = analysed(code);
  known.demands ??= new Demands(code, known.flow);
  return known.demands;
}

function analysed(code: FunctionCode): Kept {
  const known = kept.get(code);
  if (known !== undefined && isShape(code.blocks, known.shape)) return known;
  const shape = code.blocks.map((block): Shape => {
    const { ops, branch, taken, next } = block;
    return { block, ops: [...ops], branch, taken, next };
  });
  const fresh: Kept = { shape, flow: new Flow(code), demands: undefined };
  kept.set(code, fresh);
  return fresh;
}

function isShape(blocks: readonly Block[], shapes: readonly Shape[]): boolean {
  return (
    blocks.length === shapes.length &&
    shapes.every(({ block, ops, branch, taken, next }, i) => {
      const now = blocks[i] as Block; // of equal length
      return (
        now === block &&
        now.branch === branch &&
        now.taken === taken &&
        now.next === next &&
        now.ops.length === ops.length &&
        ops.every((op, at) => op === now.ops[at])
      );
    })
  );
}
