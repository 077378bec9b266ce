/** Which values have to be computed, and who uses them. Everything else is dead code and never emitted. */
import { endUses, type FunctionCode, liveBlocks } from './function.js';
import { opTable } from './ops.js';
import { argumentsOf } from './phis.js';
import type { Value } from './value.js';

/** One reading of a value. */
export interface Use {
  /** The value that reads; undefined: the block's end. */
  readonly user: Value | undefined;
  /** Block in which the value has to be there: for an argument of a phi, the predecessor; -1: where the user is. */
  readonly block: number;
  /** Position among the user's arguments. */
  readonly index: number;
}

/** By the ids of values: an emitter asks at every step. */
export interface Needed {
  /** Who reads a value; undefined: no one, or it is not needed. */
  readonly uses: readonly (readonly Use[] | undefined)[];
  readonly isNeeded: (value: Value) => boolean;
  /** Block of phis and pinned values; -1: it has none. */
  readonly home: Int32Array;
}

/** Must it happen even if no one reads the result? */
export function isRoot(value: Value): boolean {
  switch (value.op) {
    case 'load':
      return value.detail?.kind === 'memory' && value.detail.checked;
    case 'lookup':
      return value.detail?.kind === 'lookup' && value.detail.marks;
    default:
      return opTable[value.op].kind === 'effect';
  }
}

/** Marks from what has an effect back to all that it is computed from; what is left unmarked need not be computed. */
export function findNeeded(code: FunctionCode): Needed {
  const { length } = code.graph.code;
  const uses = new Array<Use[] | undefined>(length).fill(undefined);
  const home = new Int32Array(length).fill(-1);
  const marks = new Uint8Array(length);
  const needed: Value[] = [];
  const need = (value: Value): void => {
    if (marks[value.id] === 1) return;
    marks[value.id] = 1;
    needed.push(value);
  };
  const blocks = liveBlocks(code);
  for (const { id, phis, pinned, end } of blocks) {
    for (const { value } of phis) home[value.id] = id;
    for (const value of pinned) {
      home[value.id] = id;
      if (isRoot(value)) need(value);
    }
    for (const value of endUses(end)) need(value);
  }
  const note = ({ id }: Value, use: Use): void => {
    const list = uses[id];
    if (list === undefined) uses[id] = [use];
    else list.push(use);
  };
  const argsOf = argumentsOf(code);
  // The list grows while it is walked.
  for (let i = 0; i < needed.length; i++) {
    const user = needed[i] as Value;
    const args = argsOf(user);
    const at = home[user.id] as number;
    const preds = user.op === 'phi' ? code.blocks[at]?.preds : undefined;
    for (let index = 0; index < args.length; index++) {
      const arg = args[index] as Value;
      need(arg);
      // Pure values have no block of their own yet; the scheduler fills it in.
      note(arg, { user, block: preds?.[index] ?? at, index });
    }
  }
  for (const { id, end } of blocks) {
    for (const [index, value] of endUses(end).entries()) note(value, { user: undefined, block: id, index });
  }
  return { uses, isNeeded: ({ id }) => marks[id] === 1, home };
}
