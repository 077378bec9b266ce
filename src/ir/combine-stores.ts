/**
 * Neighbouring stores become one wider store, where what they store is constants, or loads of neighbours: headers that are copied, swapped or cleared piece by
 * piece.
 *
 *     store.2 p[0], load.2 q[0];  store.2 p[2], load.2 q[2]   =   store.4 p[0], load.4 q[0]
 *
 * The earlier store moves down to the later one, the later load up to the earlier one; nothing in between may touch those bytes. Pairs are combined until
 * none is left, so bytes become words. Within a block of verified code only.
 */
import type { Graph } from './graph.js';
import { onesOf } from './lower-alu.js';
import { mayAlias, type Place } from './memory-state.js';
import { isConst, type Value } from './value.js';

/** Distance in the block that a partner is looked for. */
const window = 48;

export function combineStores(graph: Graph, pinned: readonly Value[]): Value[] {
  const code = [...pinned];
  for (let at = 0; at < code.length; at++) {
    // A wider store may find a partner of its own: look at it again.
    while (combineAt(graph, code, at)) at = Math.max(0, at - 2);
  }
  return code;
}

interface Access {
  readonly place: Place;
  readonly size: number;
}

/** Memory that a plain load or store touches; undefined for everything else, which nothing is moved across. */
function accessOf(value: Value): Access | undefined {
  const { detail } = value;
  if ((value.op !== 'load' && value.op !== 'store') || detail?.kind !== 'memory' || detail.checked) return undefined;
  const base = value.args[0] as Value;
  const { space, map, size } = detail;
  if (isConst(base)) return { place: { space, map, base: undefined, offset: base.imm + value.imm }, size };
  return { place: { space, map, base, offset: value.imm }, size };
}

/** Combines the store at `at` with a later one, if there is one for it. */
function combineAt(graph: Graph, code: Value[], at: number): boolean {
  const first = code[at];
  if (first?.op !== 'store') return false;
  const one = accessOf(first);
  if (one === undefined || one.size === 8) return false;
  for (let i = at + 1; i < Math.min(code.length, at + window); i++) {
    const value = code[i] as Value;
    const access = accessOf(value);
    if (access === undefined) return false;
    if (value.op === 'store' && isNeighbour(one, access)) {
      const isLow = one.place.offset < access.place.offset;
      const [low, high] = isLow ? [first, value] : [value, first];
      if (merge(graph, code, at, i, low, high, one.size)) return true;
    }
    if (mayAlias(one.place, one.size, access.place, access.size)) return false;
  }
  return false;
}

function isNeighbour(a: Access, b: Access): boolean {
  if (a.size !== b.size || a.place.base !== b.place.base) return false;
  const distance = a.place.offset - b.place.offset;
  return distance === BigInt(a.size) || distance === -BigInt(a.size);
}

/** Replaces the stores at `at` and `later` by one; `low` and `high` are the two by address. */
function merge(graph: Graph, code: Value[], at: number, later: number, low: Value, high: Value, size: number): boolean {
  const [x, y] = [low.args[1] as Value, high.args[1] as Value];
  if (isConst(x) && isConst(y)) {
    const ones = onesOf(size);
    const whole = graph.constant((x.imm & ones) | ((y.imm & ones) << BigInt(8 * size)));
    code[later] = widen(graph, low, [low.args[0] as Value, whole]);
    code.splice(at, 1);
    return true;
  }
  const [from, to] = [code.indexOf(x), code.indexOf(y)];
  if (from < 0 || to < 0 || from >= at || to >= later) return false;
  const [a, b] = [accessOf(x), accessOf(y)];
  if (x.op !== 'load' || y.op !== 'load' || a === undefined || b === undefined) return false;
  if (a.size !== size || b.size !== size || !isNeighbour(a, b) || a.place.offset > b.place.offset) return false;
  const [early, late] = [Math.min(from, to), Math.max(from, to)];
  const moved = from > to ? a : b;
  for (let i = early + 1; i < late; i++) {
    const value = code[i] as Value;
    const access = accessOf(value);
    if (access === undefined) return false;
    if (value.op === 'store' && mayAlias(access.place, access.size, moved.place, moved.size)) return false;
  }
  const load = widen(graph, x, [x.args[0] as Value]);
  code[later] = widen(graph, low, [low.args[0] as Value, load]);
  code.splice(at, 1);
  code.splice(early, 0, load);
  return true;
}

/** The same access of twice the size. */
function widen(graph: Graph, value: Value, args: readonly Value[]): Value {
  const { detail } = value;
  if (detail?.kind !== 'memory') return value;
  const size = detail.size * 2;
  return graph.effect(value.op, args, value.imm, { ...detail, size }, onesOf(size));
}
