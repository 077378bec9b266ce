/**
 * What has to hold of a whole program between phases: its control flow, and of every value that it is there where it
 * is read. A failure is our bug.
 */
import { InternalError } from '../base/index.js';
import { dominates, orderOf } from '../code/index.js';
import { faultOf } from './check-value.js';
import { type Block, type End, endUses, type FunctionCode, liveBlocks, successors } from './function.js';
import { isCompare, opTable } from './ops.js';
import { isConst, mask32, type Value } from './value.js';

/** Throws InternalError, naming `phase`. */
export function checkFunction(code: FunctionCode, phase: string): void {
  const fail = (where: string, what: string): never => {
    throw new InternalError(phase, `${code.program.spec.name}: ${where}: ${what}`);
  };
  const block = (id: number): Block => code.blocks[id] ?? fail(`block ${id}`, 'is not there');
  const order = orderOf(code.blocks.length, 0, (id) => successors(block(id).end));
  const home = new Map<Value, { readonly block: number; readonly at: number }>();
  for (const id of order.rpo) {
    block(id).phis.forEach(({ value }) => {
      home.set(value, { block: id, at: -1 });
    });
    block(id).pinned.forEach((value, at) => {
      home.set(value, { block: id, at });
    });
  }
  /** Every pinned value and phi that `value` is computed from is there at position `at` of block `id`. */
  const available = (value: Value, id: number, at: number, seen: Set<Value>): void => {
    if (seen.has(value)) return;
    seen.add(value);
    if (value.id >= code.size || code.graph.code[value.id] !== value) fail(`v${value.id}`, 'belongs to another graph');
    const from = home.get(value);
    if (from === undefined) {
      if (value.op === 'phi' || opTable[value.op].kind === 'effect') fail(`v${value.id}`, 'is in no reachable block');
      for (const arg of value.args) available(arg, id, at, seen);
      return;
    }
    const there = from.block === id ? from.at < at : dominates(order, from.block, id);
    if (!there) fail(`block ${id}`, `uses v${value.id} of block ${from.block} where it need not have been computed`);
  };
  for (const id of order.rpo) {
    const { preds, phis, pinned, end } = block(id);
    const edges = order.preds[id] ?? [];
    if (preds.length !== edges.length || preds.some((pred) => !edges.includes(pred)))
      fail(`block ${id}`, 'has wrong predecessors');
    for (const phi of phis) {
      if (phi.args.length !== preds.length)
        fail(`v${phi.value.id}`, `has ${phi.args.length} arguments for ${preds.length} predecessors`);
      phi.args.forEach((arg, i) => {
        available(arg, preds[i] as number, Number.POSITIVE_INFINITY, new Set());
      });
    }
    pinned.forEach((value, at) => {
      const { arity } = opTable[value.op];
      if (arity >= 0 && value.args.length !== arity)
        fail(`v${value.id}`, `has ${value.args.length} arguments, not ${arity}`);
      for (const arg of value.args) available(arg, id, at, new Set());
    });
    for (const value of endUses(end)) available(value, id, Number.POSITIVE_INFINITY, new Set());
    if (end.kind === 'branch' && !isCompare(end.condition.op) && !isConst(end.condition))
      fail(`block ${id}`, 'does not branch on a comparison');
  }
}

/**
 * Looks at every value that is computed: operands, details, bits that it claims. Costs more than {@link
 * checkFunction}, so it is for tests and `--check`. Throws InternalError, naming `phase`.
 */
export function checkValues(code: FunctionCode, phase: string): void {
  const fail = (where: string, what: string): never => {
    throw new InternalError(phase, `${code.program.spec.name}: ${where}: ${what}`);
  };
  const blocks = liveBlocks(code);
  for (const { id, end } of blocks) checkEnd(end, (what) => fail(`block ${id}`, what));
  for (const value of usedValues(blocks)) {
    const fault = faultOf(value);
    if (fault !== undefined) fail(`v${value.id} (${value.op})`, fault);
  }
}

/** Ends use values that have a result; numbers that become words have 32 bits. */
function checkEnd(end: End, fail: (what: string) => never): void {
  for (const { id, op } of endUses(end)) if (opTable[op].width === 0) fail(`ends with v${id}, which has no result`);
  const word = end.kind === 'tail call' ? end.slot : end.kind === 'miss' ? end.exit : undefined;
  if (word !== undefined && word.ones > mask32) fail(`ends with v${word.id}, which has more than 32 bits`);
}

/** Phis, pinned values and everything that they and the ends are computed from. */
function usedValues(blocks: readonly Block[]): ReadonlySet<Value> {
  const used = new Set<Value>();
  for (const { phis, pinned, end } of blocks) {
    for (const list of [pinned, endUses(end)]) for (const value of list) used.add(value);
    for (const { value, args } of phis) for (const part of [value, ...args]) used.add(part);
  }
  for (const value of used) for (const arg of value.args) used.add(arg);
  return used;
}
