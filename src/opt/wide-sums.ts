/**
 * Sums of half words that end as a checksum (RFC 1071) are sums of words:
 *
 *     fold(x) = (x >> 16) + (x & 0xffff)
 *     fold(fold(... (load.2 p[0] + load.2 p[2] + y)))   =   fold(fold(fold32(load.4 p[0] + y)))
 *
 * Why: 2^16 = 2^32 = 1 (mod 0xffff), so a word is its two halves, and every fold keeps the residue. Folded until it
 * has 16 bits, a sum is 0 if it was 0, and otherwise the one number from 1 to 0xffff of its residue; that depends on
 * neither the width of what was added nor the number of folds. So both sides have to be folded to the end, which the
 * bounds of the terms tell.
 *
 * Half as many loads and additions for one more fold: it pays from three pairs on, and a header of IPv4 has five. That
 * the sum has more than 32 bits costs nothing where registers have 64.
 */
import {
  type FunctionCode,
  findNeeded,
  type Graph,
  isConst,
  liveBlocks,
  mask32,
  mask64,
  type Needed,
  type Value,
} from '../ir/index.js';
import { type Home, homesOf, lastPart, type Part } from './combine-loads.js';
import { placeOf } from './memory-effects.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/** Pairs of half words from which on it pays. */
const leastPairs = 3;
const mask16 = 0xffffn;

/** Two loads of two bytes that are neighbours; `last` is the one that stands behind the other. */
interface Pair {
  readonly low: Part;
  readonly last: Value;
}

/** A sum that is folded to the end, and what it is a sum of. */
interface Checksum {
  readonly root: Value;
  readonly pairs: readonly Pair[];
  readonly others: readonly Value[];
}

/** The pass. The narrow loads stay where they are: dead code elimination takes them. */
export function wideSums(code: FunctionCode, { modes }: PassContext): FunctionCode {
  const needed = findNeeded(code);
  const homes = homesOf(liveBlocks(code));
  const roots = new Map<Value, Checksum>();
  const pairs = new Map<Value, Pair[]>();
  for (const block of liveBlocks(code)) {
    for (const load of block.pinned) {
      const root = isHalfWord(load) ? foldAbove(load, needed) : undefined;
      const found = root === undefined || roots.has(root) ? undefined : checksumOf(root, needed, homes);
      if (found === undefined) continue;
      roots.set(found.root, found);
      for (const pair of found.pairs) pairs.set(pair.last, [...(pairs.get(pair.last) ?? []), pair]);
    }
  }
  if (roots.size === 0) return code;
  const rewriter = new Rewriter(code, modes);
  const wide = new Map<Pair, Value>();
  return rewriter.run({
    placed: (_, old) => {
      for (const pair of pairs.get(old) ?? []) wide.set(pair, wideLoad(rewriter, pair));
    },
    pure: (old) => {
      const sum = roots.get(old);
      const words = sum?.pairs.map((pair) => wide.get(pair));
      if (sum === undefined || words === undefined || !words.every((word) => word !== undefined)) return undefined;
      return folded(rewriter.graph, [...words, ...sum.others.map((value) => rewriter.value(value))]);
    },
  });
}

/** A load of two bytes, the only terms that can be paired. */
const isHalfWord = ({ op, detail }: Value): boolean => op === 'load' && detail?.kind === 'memory' && detail.size === 2;

/** The only user of a value. */
function onlyUser(value: Value, { uses }: Needed): Value | undefined {
  const list = uses[value.id] ?? [];
  return list.length === 1 ? list[0]?.user : undefined;
}

/** The last of the folds of the sum that the load is a term of. */
function foldAbove(load: Value, needed: Needed): Value | undefined {
  let sum = onlyUser(load, needed);
  for (let next = sum; next !== undefined && isSum(next); next = onlyUser(next, needed)) sum = next;
  let root: Value | undefined;
  for (let next = sum; next !== undefined; ) {
    next = foldOf(next, needed);
    root = next ?? root;
  }
  return root;
}

/** fold(x), where it is all that x is used for. */
function foldOf(x: Value, { uses }: Needed): Value | undefined {
  const [a, b, ...more] = uses[x.id] ?? [];
  if (more.length > 0 || a?.user === undefined || b?.user === undefined) return undefined;
  const sum = uses[a.user.id]?.[0]?.user;
  return sum !== undefined && foldedBy(sum) === x ? sum : undefined;
}

/** x, of a value that is fold(x). */
function foldedBy(value: Value): Value | undefined {
  if (value.op !== 'add') return undefined;
  const [a, b] = value.args as [Value, Value];
  const [high, low] = a.op === 'shr' ? [a, b] : [b, a];
  const [x, bits] = high.args;
  const [y, mask] = low.args;
  if (high.op !== 'shr' || bits === undefined || !isConst(bits) || bits.imm !== 16n) return undefined;
  if (low.op !== 'and' || mask === undefined || !isConst(mask) || mask.imm !== mask16) return undefined;
  return x === y ? x : undefined;
}

/** Does the addition not wrap? In 32 bits it does not where the bounds say so. */
function isSum({ op, args, ones }: Value): boolean {
  if (op !== 'add' && op !== 'add32') return false;
  const most = args.reduce((all, arg) => all + arg.ones, 0n);
  return most <= (op === 'add' ? mask64 : mask32) && ones !== 0n;
}

/** Takes the sum below a chain of folds apart; undefined where it is not folded to the end, or does not pay. */
function checksumOf(root: Value, needed: Needed, homes: Home): Checksum | undefined {
  let sum = root;
  let folds = 0;
  for (let x = foldedBy(sum); x !== undefined; x = foldedBy(sum)) {
    sum = x;
    folds++;
  }
  const terms: Value[] = [];
  if (!isSum(sum)) return undefined;
  collect(sum, needed, terms);
  let most = terms.reduce((all, { ones }) => all + ones, 0n);
  for (let i = 0; i < folds; i++) most = boundOfFold(most, 16n);
  if (most > mask16) return undefined;
  const loads = terms.filter((term) => isHalfWord(term) && onlyUser(term, needed) !== undefined);
  const pairs = pairsOf(loads, homes);
  if (pairs.length < leastPairs) return undefined;
  const paired = new Set(pairs.flatMap(({ both }) => both));
  return { root, pairs, others: terms.filter((term) => !paired.has(term)) };
}

/** Terms of a sum; what is also read elsewhere is a term itself. */
function collect(value: Value, needed: Needed, terms: Value[]): void {
  for (const arg of value.args) {
    if (isSum(arg) && onlyUser(arg, needed) !== undefined) collect(arg, needed, terms);
    else terms.push(arg);
  }
}

/** Loads of neighbouring half words, each in one pair at most, with nothing between them that changes either. */
function pairsOf(loads: readonly Value[], homes: Home): (Pair & { readonly both: readonly Value[] })[] {
  const parts = loads.flatMap((load): Part[] => {
    const place = placeOf(load);
    return place === undefined ? [] : [{ load, place, at: 0 }];
  });
  parts.sort((a, b) => (a.place.offset < b.place.offset ? -1 : a.place.offset > b.place.offset ? 1 : 0));
  const pairs: (Pair & { readonly both: readonly Value[] })[] = [];
  const taken = new Set<Part>();
  for (const low of parts) {
    if (taken.has(low)) continue;
    const high = parts.find(
      ({ place }) =>
        place.base === low.place.base && place.space === low.place.space && place.offset === low.place.offset + 2n,
    );
    if (high === undefined || taken.has(high)) continue;
    const last = lastPart([low, high], homes);
    if (last === undefined) continue;
    taken.add(low).add(high);
    pairs.push({ low, last, both: [low.load, high.load] });
  }
  return pairs;
}

/** The load of both half words of a pair, at the current place. */
function wideLoad(rewriter: Rewriter, { low }: Pair): Value {
  const { load } = low;
  const detail = load.detail?.kind === 'memory' ? { ...load.detail, size: 4 } : undefined;
  return rewriter.emit(
    rewriter.graph.effect('load', [rewriter.value(load.args[0] as Value)], load.imm, detail, mask32),
  );
}

/** The sum of the terms, folded to 16 bits. A wide one by 32 bits first: the bound falls faster. */
function folded(graph: Graph, terms: readonly Value[]): Value {
  let most = terms.reduce((all, { ones }) => all + ones, 0n);
  let sum = terms.reduce((all, term) => graph.add(all, term));
  const shorten = (bits: bigint): void => {
    sum = fold(graph, sum, bits);
    most = boundOfFold(most, bits);
  };
  if (most > mask32) shorten(32n);
  while (most > mask16) shorten(16n);
  return sum;
}

/** (x >> bits) + (x & mask): congruent to x modulo 2^bits - 1. */
function fold(graph: Graph, x: Value, bits: bigint): Value {
  return graph.add(graph.make('shr', x, graph.constant(bits)), graph.and(x, graph.constant((1n << bits) - 1n)));
}

/**
 * The most that (x >> bits) + (x & mask) can be, of x up to `most`. Either the upper part is the largest, and the
 * lower one is what `most` has there; or the upper part is one less, and the lower one is full.
 */
function boundOfFold(most: bigint, bits: bigint): bigint {
  const mask = (1n << bits) - 1n;
  const high = most >> bits;
  if (high === 0n) return most;
  const [full, last] = [high - 1n + mask, high + (most & mask)];
  return full > last ? full : last;
}
