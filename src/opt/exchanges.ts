/**
 * Neighbours that change places, as addresses and ports do in an answer, are one word that is rotated:
 *
 *     a = load.n p[0], b = load.n p[n], store.n p[0] b, store.n p[n] a   =   store.2n p[0] rot(load.2n p[0])
 *
 * A load and a store less for an operation more, and what is loaded next from there waits for one store.
 *
 * Only in the packet, which no one else reads meanwhile. Nothing between the first load and the last store may touch
 * the two but they themselves: the word is loaded and stored where the last store was. Both loads have to come before
 * both stores: otherwise the second load sees what the first store wrote, and nothing is exchanged.
 */
import { type FunctionCode, type Graph, liveBlocks, type Value } from '../ir/index.js';
import { swap } from './combine-loads.js';
import { mayAlias, type Place, placeOf } from './memory-effects.js';
import type { PassContext } from './pass.js';
import { Rewriter } from './rewriter.js';

/** Two stores that put back what was loaded from each other's place. */
interface Exchange {
  /** The store at the lower address, and the one that stands last. */
  readonly low: Value;
  readonly last: Value;
  /** Bytes of each. */
  readonly size: number;
}

/** The pass. The narrow loads stay where they are: dead code elimination takes those that nobody else reads. */
export function exchanges(code: FunctionCode, { modes }: PassContext): FunctionCode {
  const byStore = new Map<Value, Exchange>();
  for (const { pinned } of liveBlocks(code)) {
    for (const low of pinned) {
      const found = byStore.has(low) ? undefined : exchangeAt(pinned, low);
      if (found === undefined || found.some((store) => byStore.has(store))) continue;
      const [first, last] = found;
      const exchange = { low, last, size: placeOf(low)?.size ?? 0 };
      byStore.set(first, exchange);
      byStore.set(last, exchange);
    }
  }
  if (byStore.size === 0) return code;
  const rewriter = new Rewriter(code, modes);
  const { graph } = rewriter;
  return rewriter.run({
    pinned: (_, old) => {
      const exchange = byStore.get(old);
      if (exchange === undefined) return undefined;
      if (old === exchange.last) emitExchange(rewriter, exchange);
      // A store has no result: nobody asks for what stands in its place.
      return graph.constant(0n);
    },
  });
}

/** The two stores of an exchange whose lower one this is, as they stand; undefined: it is none. */
function exchangeAt(pinned: readonly Value[], low: Value): readonly [Value, Value] | undefined {
  const place = placeOfStore(low);
  if (place === undefined || place.size > 4) return undefined;
  const upper = { ...place, offset: place.offset + BigInt(place.size) };
  const high = pinned.find((other) => isSamePlace(placeOfStore(other), upper));
  const [fromHigh, fromLow] = [low.args[1], high?.args[1]];
  if (high === undefined || fromHigh?.op !== 'load' || fromLow?.op !== 'load') return undefined;
  if (!isSamePlace(placeOf(fromHigh), upper) || !isSamePlace(placeOf(fromLow), place)) return undefined;
  const [load, other, first, last] = [fromHigh, fromLow, low, high]
    .map((value) => pinned.indexOf(value))
    .sort(byNumber);
  if (load === undefined || other === undefined || first === undefined || last === undefined || load < 0)
    return undefined;
  const stores = [pinned[first], pinned[last]] as const;
  // Both loads come before both stores.
  if (stores.some((value) => value !== low && value !== high)) return undefined;
  const both = { ...place, size: 2 * place.size };
  for (let i = load + 1; i < last; i++) {
    const value = pinned[i] as Value;
    if (i === other || i === first || (value.op === 'load' && i < first)) continue;
    const touched = placeOf(value);
    if (touched === undefined || mayAlias(both, touched)) return undefined;
  }
  return stores as readonly [Value, Value];
}

/** `sort` alone would compare numbers as texts. */
const byNumber = (a: number, b: number): number => a - b;

/** Where a store to the packet writes. */
function placeOfStore(value: Value): Place | undefined {
  const place = value.op === 'store' ? placeOf(value) : undefined;
  return place?.space === 'packet' ? place : undefined;
}

/** Equal to the byte: the same base value, not one that happens to be equal. */
function isSamePlace(a: Place | undefined, b: Place): boolean {
  return a !== undefined && a.space === b.space && a.base === b.base && a.offset === b.offset && a.size === b.size;
}

/** Loads both, rotates them, stores them. */
function emitExchange(rewriter: Rewriter, { low, size }: Exchange): void {
  const { graph } = rewriter;
  const detail = low.detail?.kind === 'memory' ? { ...low.detail, size: 2 * size } : undefined;
  const base = rewriter.value(low.args[0] as Value);
  const ones = (1n << BigInt(16 * size)) - 1n;
  const wide = rewriter.emit(graph.effect('load', [base], low.imm, detail, ones));
  rewriter.emit(graph.effect('store', [base, rotated(graph, wide, size)], low.imm, detail, 0n));
}

/**
 * The value of `2 * size` bytes with its halves in each other's place. Two bytes are a swap of bytes, for which there
 * is an operation; two words fill 64 bits and need no mask; two half words are shifted in 32 bits, where the rest
 * falls off.
 */
function rotated(graph: Graph, wide: Value, size: number): Value {
  if (size === 1) return swap(graph, wide, 2);
  const bits = graph.constant(BigInt(8 * size));
  return graph.make('or', graph.make('shr', wide, bits), graph.make(size === 4 ? 'shl' : 'shl32', wide, bits));
}
