/** Which values have to be computed, and who uses them. Everything else is dead code and never emitted. */
import { type Block, endUses, type FunctionCode, opTable, type Value } from '../ir/index.js';

export interface Use {
  /** The value that reads; undefined: the block's end. */
  readonly user: Value | undefined;
  /** Block in which the value has to be there: for an argument of a phi, the predecessor. */
  readonly block: number;
  /** Position among the user's arguments. */
  readonly index: number;
}

export interface Needed {
  readonly uses: ReadonlyMap<Value, readonly Use[]>;
  readonly isNeeded: (value: Value) => boolean;
  /** Block of phis and pinned values. */
  readonly home: ReadonlyMap<Value, number>;
}

/** Must it happen even if no one reads the result? */
function isRoot(value: Value, checked: boolean): boolean {
  switch (value.op) {
    case 'load':
      return checked && value.detail?.kind === 'memory' && value.detail.checked;
    case 'lookup':
      return value.detail?.kind === 'lookup' && value.detail.marks;
    default:
      return opTable[value.op].kind === 'effect';
  }
}

export function findNeeded(code: FunctionCode): Needed {
  const uses = new Map<Value, Use[]>();
  const home = new Map<Value, number>();
  const needed = new Set<Value>();
  const work: Value[] = [];
  const need = (value: Value): void => {
    if (needed.has(value)) return;
    needed.add(value);
    work.push(value);
  };
  const blocks = code.blocks.filter((block): block is Block => block !== undefined);
  for (const block of blocks) {
    for (const value of [...block.phis, ...block.pinned]) home.set(value, block.id);
    for (const value of block.pinned) if (isRoot(value, code.checked)) need(value);
    for (const value of endUses(block.end)) need(value);
  }
  for (let value = work.pop(); value !== undefined; value = work.pop()) for (const arg of value.args) need(arg);

  const note = (value: Value, use: Use): void => {
    const list = uses.get(value);
    if (list === undefined) uses.set(value, [use]);
    else list.push(use);
  };
  for (const value of needed) {
    const at = home.get(value);
    const preds = value.op === 'phi' && at !== undefined ? code.blocks[at]?.preds : undefined;
    for (const [index, arg] of value.args.entries()) {
      // Pure values have no block of their own yet; the scheduler fills it in.
      note(arg, { user: value, block: preds?.[index] ?? at ?? -1, index });
    }
  }
  for (const block of blocks) {
    for (const [index, value] of endUses(block.end).entries()) note(value, { user: undefined, block: block.id, index });
  }
  return { uses, isNeeded: (value) => needed.has(value), home };
}
