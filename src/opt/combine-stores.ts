/**
 * Neighbouring stores become one wider store, where what they store is constants, loads of neighbours (headers that
 * are copied or swapped piece by piece), or pieces of one value, swapped ones too.
 *
 *     store.2 p[0], load.2 q[0];  store.2 p[2], load.2 q[2]   =   store.4 p[0], load.4 q[0]
 *     store.1 p[0], x >> 8;  store.1 p[1], x                  =   store.2 p[0], bswap16(x)
 *
 * The earlier store moves down to the later one, the later load up to the earlier one; nothing in between may touch
 * those bytes. Pairs are combined until none is left, so bytes become words. Within a block only.
 */
import {
  type FunctionCode,
  type Graph,
  isConst,
  makeBlock,
  mask64,
  onesOf,
  type Value,
  withBlocks,
} from '../ir/index.js';
import { isAligned, mayAlias, type Place, placeOf } from './memory-effects.js';
import type { PassContext } from './pass.js';

/** The pass, block by block. `-Owindow=N` is how many pinned values may lie between two stores that become one. */
export function combineStores(code: FunctionCode, { params, modes }: PassContext): FunctionCode {
  const graph = code.graph.extend(code.size, modes);
  let changed = false;
  const blocks = code.blocks.map((block) => {
    const pinned = block === undefined ? none : combine(graph, block.pinned, params);
    if (block === undefined || pinned === block.pinned) return block;
    changed = true;
    return makeBlock(block.id, block.preds, block.phis, pinned, block.end);
  });
  return withBlocks(code, changed ? blocks : code.blocks, graph);
}

const none: readonly Value[] = [];

/** The same list where nothing is combined. */
function combine(graph: Graph, pinned: readonly Value[], params: PassContext['params']): readonly Value[] {
  if (!hasTwoStores(pinned)) return pinned;
  const code = pinned.slice();
  for (let at = 0; at < code.length; at++) {
    // A wider store may find a partner of its own: look at it again.
    while (combineAt(graph, code, at, params)) at = Math.max(0, at - 2);
  }
  return code.length === pinned.length && code.every((value, i) => value === pinned[i]) ? pinned : code;
}

/** Most blocks have none: this is asked before anything is made. */
function hasTwoStores(pinned: readonly Value[]): boolean {
  let stores = 0;
  for (const { op } of pinned) if (op === 'store' && ++stores > 1) return true;
  return false;
}

/** Memory that a plain load or store touches; undefined for everything else, which nothing is moved across. */
function accessOf(value: Value): Place | undefined {
  return value.op === 'load' || value.op === 'store' ? placeOf(value) : undefined;
}

/** Combines the store at `at` with a later one, if there is one for it. */
function combineAt(graph: Graph, code: Value[], at: number, params: PassContext['params']): boolean {
  const first = code[at];
  if (first?.op !== 'store') return false;
  const one = accessOf(first);
  if (one === undefined || one.size === 8) return false;
  for (let i = at + 1; i < Math.min(code.length, at + params.window); i++) {
    const value = code[i] as Value;
    const access = accessOf(value);
    if (access === undefined) return false;
    if (value.op === 'store' && isNeighbour(one, access)) {
      const isLow = one.offset < access.offset;
      const [low, high] = isLow ? [first, value] : [value, first];
      const fits = params.aligned === 0 || isAligned(isLow ? one : access, 2 * one.size);
      if (fits && merge(graph, code, at, i, low, high, one.size, params.aligned === 1)) return true;
    }
    if (mayAlias(one, access)) return false;
  }
  return false;
}

/** Two accesses of one size, one right behind the other. */
function isNeighbour(a: Place, b: Place): boolean {
  if (a.size !== b.size || a.base !== b.base) return false;
  const distance = a.offset - b.offset;
  return distance === BigInt(a.size) || distance === -BigInt(a.size);
}

/** Replaces the stores at `at` and `later` by one; `low` and `high` are the two by address. */
function merge(
  graph: Graph,
  code: Value[],
  at: number,
  later: number,
  low: Value,
  high: Value,
  size: number,
  aligned: boolean,
): boolean {
  const [x, y] = [low.args[1] as Value, high.args[1] as Value];
  const whole = joined(graph, x, y, size);
  if (whole !== undefined) {
    code[later] = widen(graph, low, [low.args[0] as Value, whole]);
    code.splice(at, 1);
    return true;
  }
  const [from, to] = [code.indexOf(x), code.indexOf(y)];
  if (from < 0 || to < 0) return false;
  const [a, b] = [accessOf(x), accessOf(y)];
  if (x.op !== 'load' || y.op !== 'load' || a === undefined || b === undefined) return false;
  if (a.size !== size || b.size !== size || !isNeighbour(a, b) || a.offset > b.offset) return false;
  if (aligned && !isAligned(a, 2 * size)) return false;
  const [early, late] = [Math.min(from, to), Math.max(from, to)];
  const moved = from > to ? a : b;
  for (let i = early + 1; i < late; i++) {
    const value = code[i] as Value;
    const access = accessOf(value);
    if (access === undefined) return false;
    if (value.op === 'store' && mayAlias(access, moved)) return false;
  }
  const load = widen(graph, x, [x.args[0] as Value]);
  code[later] = widen(graph, low, [low.args[0] as Value, load]);
  code.splice(at, 1);
  code.splice(early, 0, load);
  return true;
}

/** The value of twice `size` bytes whose halves are `x` and `y`, if they are constants or belong together. */
function joined(graph: Graph, x: Value, y: Value, size: number): Value | undefined {
  const bits = BigInt(8 * size);
  const ones = onesOf(size);
  if (isConst(x) && isConst(y)) return graph.constant((x.imm & ones) | ((y.imm & ones) << bits));
  const [low, high] = [cutOf(x, ones), cutOf(y, ones)];
  if (low.of === high.of && high.from === low.from + bits) return shift(graph, low.of, low.from);
  if (size === 1 && low.of === high.of && low.from === high.from + 8n)
    return graph.make('bswap16', shift(graph, high.of, high.from));
  const op = size === 2 ? 'bswap16' : 'bswap32';
  if (size === 1 || x.op !== op || y.op !== op) return undefined;
  const [first, second] = [cutOf(x.args[0] as Value, ones), cutOf(y.args[0] as Value, ones)];
  if (first.of !== second.of || first.from !== second.from + bits) return undefined;
  return graph.make(size === 2 ? 'bswap32' : 'bswap64', shift(graph, second.of, second.from));
}

/** What the bits of `ones` are a part of: those of `of` from bit `from` on. */
function cutOf(value: Value, ones: bigint): { readonly of: Value; readonly from: bigint } {
  let of = value;
  const [a, b] = of.args;
  if (of.op === 'and' && a !== undefined && b !== undefined && isConst(b) && (b.imm & ones) === ones) of = a;
  const [c, d] = of.args;
  if (of.op === 'shr' && c !== undefined && d !== undefined && isConst(d)) {
    // A mask below the shift is no matter if it leaves these bits.
    const [e, f] = c.args;
    const covers =
      c.op === 'and' && f !== undefined && isConst(f) && ((f.imm >> d.imm) & ones) === (ones & (mask64 >> d.imm));
    return { of: covers && e !== undefined ? e : c, from: d.imm };
  }
  return { of, from: 0n };
}

function shift(graph: Graph, value: Value, by: bigint): Value {
  return by === 0n ? value : graph.make('shr', value, graph.constant(by));
}

/** The same access of twice the size. */
function widen(graph: Graph, value: Value, args: readonly Value[]): Value {
  const { detail } = value;
  if (detail?.kind !== 'memory') return value;
  const size = detail.size * 2;
  graph.origin = value.origin;
  return graph.effect(value.op, args, value.imm, { ...detail, size }, onesOf(size));
}
