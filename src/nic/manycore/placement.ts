/**
 * Which memory each map stands in. A memory has a size and a distance; a packet looks at a map so many times. A map
 * may stand in one memory whole, or its elements that are used most in a near one and all of it in a far one: then the
 * near one is asked first, and where it does not have the element the far one.
 *
 * Memories of an island exist once an island. A map that no program writes is copied to each; one that is written is
 * in one island, and the others reach it from further away.
 *
 * The least waiting is a knapsack with several sacks, for which no quick exact way is known: all placements are tried,
 * the most promising first, and those left out that can't be better any more. Where that takes too long, the best that
 * was found is taken.
 */
import { type CardDescription, memoriesOf, numberOf } from '../description.js';

/** A memory that holds maps. */
export interface MapMemory {
  readonly name: string;
  /** Bytes; of one island's, where each has its own. */
  readonly size: number;
  /** Cycles of an access, of maps that are only read, and of others. */
  readonly read: number;
  readonly shared: number;
}

/** Memories of a card that may hold maps, nearest first. */
export function mapMemories(card: CardDescription): readonly MapMemory[] {
  const islands = Math.max(1, numberOf(card, 'units.islands'));
  const named = memoriesOf(card).filter((name) => {
    const holds = card.parameters.get(`memories.${name}.holds`)?.value;
    return Array.isArray(holds) && holds.includes('maps');
  });
  const found = named.map((name) => {
    const at = (field: 'size' | 'latency' | 'remote'): number => numberOf(card, `memories.${name}.${field}`);
    const read = at('latency');
    return { name, size: at('size'), read, shared: read + at('remote') * (1 - 1 / islands) };
  });
  return found.sort((x, y) => x.read - y.read);
}

/** A map as placement sees it. */
export interface PlacedMap {
  readonly name: string;
  /** Bytes of all elements. */
  readonly bytes: number;
  /** Accesses of one packet, on average. */
  readonly accesses: number;
  /** Packets may change it. */
  readonly isWritten: boolean;
  /** Shares of the accesses, greatest first, by element; and bytes of an element. Empty: it is not taken apart. */
  readonly elements: readonly number[];
  readonly elementBytes: number;
}

/** Where a map stands. */
export interface Place {
  /** Index of the memory that has all of it. */
  readonly memory: number;
  /** Elements that a nearer memory has as well. */
  readonly hot: { readonly memory: number; readonly elements: number } | undefined;
}

/** Where all maps stand. */
export interface Placement {
  readonly places: readonly Place[];
  /** Cycles that a packet waits for maps, on average. */
  readonly waits: number;
  /** There is none better. */
  readonly isOptimal: boolean;
}

/** One way to place one map. */
interface Option {
  readonly place: Place;
  readonly waits: number;
  /** Bytes of each memory. */
  readonly bytes: readonly number[];
}

/** Steps of the search. */
const mostSteps = 200_000;

/** Places maps; undefined: they fit in no way. `most`: steps after which the best that was found is taken. */
export function placeMaps(
  maps: readonly PlacedMap[],
  memories: readonly MapMemory[],
  most: number = mostSteps,
): Placement | undefined {
  const options = maps.map((map) => optionsOf(map, memories));
  const sizes = memories.map(({ size }) => size);
  if (options.some(({ length }) => length === 0)) return undefined;
  const { chosen, isOptimal } = search(options, sizes, most);
  if (chosen === undefined) return undefined;
  const waits = chosen.reduce((sum, { waits: each }) => sum + each, 0);
  return { places: chosen.map(({ place }) => place), waits, isOptimal };
}

/** Cycles that a packet waits for a map of so many accesses. */
export function waitsAt(map: PlacedMap, memories: readonly MapMemory[], { memory, hot }: Place): number {
  const latency = (at: number): number => (map.isWritten ? memories[at]?.shared : memories[at]?.read) ?? 0;
  if (hot === undefined) return map.accesses * latency(memory);
  const near = map.elements.slice(0, hot.elements).reduce((sum, share) => sum + share, 0);
  // Who does not find it near has asked there in vain.
  return map.accesses * (latency(hot.memory) + (1 - near) * latency(memory));
}

/** All ways to place a map, the best first; those that another one beats in all respects are left out. */
function optionsOf(map: PlacedMap, memories: readonly MapMemory[]): readonly Option[] {
  const found: Option[] = [];
  const say = (place: Place): void => {
    const bytes = memories.map((_, at) => {
      const whole = at === place.memory ? map.bytes : 0;
      return whole + (at === place.hot?.memory ? place.hot.elements * map.elementBytes : 0);
    });
    if (bytes.every((each, at) => each <= (memories[at]?.size ?? 0)))
      found.push({ place, waits: waitsAt(map, memories, place), bytes });
  };
  for (const memory of memories.keys()) {
    say({ memory, hot: undefined });
    for (let near = 0; near < memory; near++)
      for (let elements = 1; elements < map.elements.length; elements *= 4)
        say({ memory, hot: { memory: near, elements } });
  }
  const isBeaten = (one: Option): boolean =>
    found.some(
      (other) =>
        other !== one && other.waits < one.waits && other.bytes.every((each, at) => each <= (one.bytes[at] ?? 0)),
    );
  return found.filter((one) => !isBeaten(one)).sort((x, y) => x.waits - y.waits);
}

/** What a byte of each memory is worth: prices at which what is wanted of a memory comes closest to what it has. */
function pricesOf(options: readonly (readonly Option[])[], sizes: readonly number[]): readonly number[] {
  let prices = sizes.map(() => 0);
  let best = prices;
  let highest = Number.NEGATIVE_INFINITY;
  const scale = options.reduce((sum, each) => sum + (each.at(-1)?.waits ?? 0), 0);
  for (let round = 1; round <= pricingRounds; round++) {
    const wanted = sizes.map(() => 0);
    let bound = -sizes.reduce((sum, size, at) => sum + size * (prices[at] ?? 0), 0);
    for (const each of options) {
      const choice = cheapest(each, prices);
      bound += priced(choice, prices);
      for (const [at, bytes] of choice.bytes.entries()) wanted[at] = (wanted[at] ?? 0) + bytes;
    }
    if (bound > highest) [highest, best] = [bound, prices];
    const step = scale / (options.length * round);
    prices = prices.map((price, at) => {
      const size = sizes[at] ?? 1;
      return Math.max(0, price + (step * ((wanted[at] ?? 0) - size)) / size / size);
    });
  }
  return best;
}

const pricingRounds = 300;

function priced({ waits, bytes }: Option, prices: readonly number[]): number {
  return bytes.reduce((sum, each, at) => sum + each * (prices[at] ?? 0), waits);
}

function cheapest(options: readonly Option[], prices: readonly number[]): Option {
  return options.reduce((best, each) => (priced(each, prices) < priced(best, prices) ? each : best));
}

/**
 * Depth first, the cheapest way of each map first, maps whose choice matters most first. What is left costs at least
 * its cheapest ways less what the room that is left is worth, so a branch ends where that is no better than the best
 * that is known. `isOptimal`: it came to an end within `most` steps.
 */
function search(
  options: readonly (readonly Option[])[],
  sizes: readonly number[],
  most: number,
): { readonly chosen: readonly Option[] | undefined; readonly isOptimal: boolean } {
  const prices = pricesOf(options, sizes);
  const sorted = options.map((each) => [...each].sort((x, y) => priced(x, prices) - priced(y, prices)));
  const spread = (each: readonly Option[]): number => {
    const [first, second] = each;
    return first === undefined || second === undefined ? 0 : priced(second, prices) - priced(first, prices);
  };
  const order = [...sorted.keys()].sort((x, y) => spread(sorted[y] ?? []) - spread(sorted[x] ?? []));
  const rest = new Array<number>(order.length + 1).fill(0);
  for (let i = order.length - 1; i >= 0; i--) {
    const first = sorted[order[i] ?? 0]?.[0];
    rest[i] = (rest[i + 1] ?? 0) + (first === undefined ? 0 : priced(first, prices));
  }
  const left = [...sizes];
  const chosen = new Array<Option>(order.length);
  let best: readonly Option[] | undefined;
  let bestWaits = Number.POSITIVE_INFINITY;
  let steps = 0;
  const descend = (i: number, waits: number): void => {
    const worth = left.reduce((sum, each, at) => sum + each * (prices[at] ?? 0), 0);
    if (waits + (rest[i] ?? 0) - worth >= bestWaits - 1e-9) return;
    const map = order[i];
    if (map === undefined) {
      if (waits < bestWaits) [best, bestWaits] = [[...chosen], waits];
      return;
    }
    for (const option of sorted[map] ?? []) {
      // The first placement is found in any case.
      if (++steps > most && best !== undefined) return;
      if (!option.bytes.every((each, at) => each <= (left[at] ?? 0))) continue;
      for (const [at, each] of option.bytes.entries()) left[at] = (left[at] ?? 0) - each;
      chosen[map] = option;
      descend(i + 1, waits + option.waits);
      for (const [at, each] of option.bytes.entries()) left[at] = (left[at] ?? 0) + each;
    }
  };
  descend(0, 0);
  return { chosen: best, isOptimal: steps <= most };
}
