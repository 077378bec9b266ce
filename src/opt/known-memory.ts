/** What is known of memory on a path: values that were loaded from or stored to a place and are still there. */
import { type CallEffects, type EffectsOf, type FunctionCode, type Graph, onesOf, type Value } from '../ir/index.js';
import { mayAlias, type Place, placeOf, survivesCall } from './memory-effects.js';

/** The value has the size of the place, upper bits zero. */
export interface Known {
  readonly place: Place;
  readonly value: Value;
}

/**
 * Places that do not overlap, the newest last. A plain list: there are a few dozen at most, and joins compare lists.
 */
export type KnownMemory = readonly Known[];

/** What both paths know. */
export function common(states: readonly KnownMemory[]): KnownMemory {
  const [first = [], ...others] = states;
  return others.reduce((all, other) => {
    if (all === other) return all;
    const set = new Set(other);
    return all.filter((entry) => set.has(entry));
  }, first);
}

/** What is known after an operation. `limit`: entries that are remembered at most; the oldest go first. */
export function after(
  known: KnownMemory,
  value: Value,
  effectsOf: EffectsOf,
  graph: Graph,
  limit: number,
): KnownMemory {
  if (value.op === 'call') return keepOver(known, effectsOf(value));
  const place = placeOf(value);
  if (place === undefined) return known;
  if (value.op === 'load') return add(known, { place, value }, limit);
  const kept = known.filter((entry) => !mayAlias(entry.place, place));
  if (value.op === 'store') {
    const stored = graph.and(value.args[1] as Value, graph.constant(onesOf(place.size)));
    return add(kept, { place, value: stored }, limit);
  }
  return kept;
}

/** What holds on every round of a loop. */
export function throughLoop(
  known: KnownMemory,
  code: FunctionCode,
  body: readonly number[],
  effectsOf: EffectsOf,
): KnownMemory {
  let kept = known;
  for (const id of body) {
    for (const value of code.blocks[id]?.pinned ?? []) {
      if (kept.length === 0) return kept;
      if (value.op === 'call') kept = keepOver(kept, effectsOf(value));
      else if (value.op !== 'load') {
        const place = placeOf(value);
        if (place !== undefined) kept = kept.filter((entry) => !mayAlias(entry.place, place));
      }
    }
  }
  return kept;
}

/** The content of a place, if it is known: as it is, or as a part of something wider. */
export function contentOf(known: KnownMemory, place: Place, graph: Graph): Value | undefined {
  for (const entry of known) {
    const { base, offset, size } = entry.place;
    if (base !== place.base) continue;
    const distance = place.offset - offset;
    if (distance === 0n && size === place.size) return entry.value;
    if (distance < 0n || distance + BigInt(place.size) > BigInt(size)) continue;
    // Part of a load would trade a load for two operations.
    if (entry.value.op === 'load') continue;
    const shifted = graph.make('shr', entry.value, graph.constant(8n * distance));
    return graph.and(shifted, graph.constant(onesOf(place.size)));
  }
  return undefined;
}

/** Forgets the oldest where there are too many: knowing less is never wrong. */
function add(known: KnownMemory, entry: Known, limit: number): KnownMemory {
  const kept = known.length >= limit ? known.slice(known.length - limit + 1) : known;
  return [...kept, entry];
}

/** What a call leaves as it was. */
function keepOver(known: KnownMemory, effects: CallEffects): KnownMemory {
  return known.filter(({ place }) => survivesCall(place, effects));
}
