/**
 * A lower bound on throughput in the manner of Krude et al. (CoNEXT 2021): whatever the packets are, a card of many
 * cores is not slower than if each of them took the most expensive way, and each access to memory the whole of its
 * memory's time.
 */

/** What the most expensive way takes. */
export interface WorstWay {
  /** Cycles of a core. */
  readonly cycles: number;
  /** Accesses, by memory. */
  readonly accesses: Readonly<Record<string, number>>;
}

/** What a card has. */
export interface Throughputs {
  readonly cores: number;
  /** Cycles a second. */
  readonly clock: number;
  /** By memory: accesses a second that all cores together get. */
  readonly memories: Readonly<Record<string, number>>;
}

/** Packets a second that are safe to promise, and what limits them. */
export function lowerBound(way: WorstWay, card: Throughputs): { readonly limit: string; readonly rate: number } {
  let best = { limit: 'processors', rate: (card.cores * card.clock) / way.cycles };
  for (const [memory, accesses] of Object.entries(way.accesses)) {
    const rate = (card.memories[memory] ?? Number.POSITIVE_INFINITY) / accesses;
    if (accesses > 0 && rate < best.rate) best = { limit: memory, rate };
  }
  return best;
}
