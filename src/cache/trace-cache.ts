/** The card's trace cache: a card, whatever its kind, and who has a place in it (capacity, admission, policy). */

import type { ArenaOffer, ArenaOwner, CardPort, InstalledTrace, Offer } from '../nic/index.js';
import type { RecordedTrace } from '../trace/index.js';
import type { PacketArena } from '../vm/index.js';
import { isOpen } from './admission.js';
import { Entry } from './entry.js';
import { matchBits } from './match-bits.js';
import { Replacement, type ReplacementOptions } from './replacement.js';

/** A trace with its place in the policy's order. */
class TraceEntry extends Entry {
  readonly installed: InstalledTrace;

  constructor(key: number, size: number, installed: InstalledTrace) {
    super(key, size);
    this.installed = installed;
  }
}

/**
 * What came of a recorded trace: it is in; the same one was there already; or it was not let in, by the policy or the
 * card.
 */
export type Installation =
  | { readonly kind: 'installed'; readonly trace: InstalledTrace }
  | { readonly kind: 'there' }
  | { readonly kind: 'refused' };

/** Installs and evicts on the card as {@link Replacement} decides. It does not know what kind of card that is. */
export class TraceCache {
  readonly card: CardPort;
  /**
   * Hits may be told late, each trace once in the order of their last packets ({@link hits}), with the same outcome as
   * packet by packet.
   */
  readonly forgivesOrder: boolean;
  /** Called with each trace that is evicted. */
  onEvict: ((trace: InstalledTrace) => void) | undefined;
  /** Called with each trace that leaves, evicted or not. */
  onRemove: ((trace: InstalledTrace) => void) | undefined;
  private readonly replacement: Replacement<TraceEntry>;
  private readonly entries = new Map<InstalledTrace, TraceEntry>();
  private told: Told | undefined;

  constructor(card: CardPort, options: ReplacementOptions) {
    this.card = card;
    const { policy, admission, adaptive } = options;
    this.forgivesOrder = policy.forgivesOrder && adaptive === undefined && isOpen(admission);
    this.replacement = new Replacement<TraceEntry>(options, ({ installed }) => {
      this.entries.delete(installed);
      card.evict(installed);
      this.onRemove?.(installed);
      this.onEvict?.(installed);
    });
  }

  /** Traces that are in. */
  get length(): number {
    return this.replacement.length;
  }

  /** Traces that may be in; moves where the size adapts. */
  get size(): number {
    return this.replacement.size;
  }

  get evictions(): number {
    return this.replacement.evictions;
  }

  /** Recorded traces that were not let in. */
  get refusals(): number {
    return this.replacement.refusals;
  }

  /** Offers the packet that is in the machine's packet buffer ({@link CardPort.offer}). */
  offer(): Offer {
    const offered = this.card.offer();
    if (offered.kind === 'hit') this.hits(offered, 1);
    return offered;
  }

  /** Offers packets `from` to `to` (exclusive) of the arena ({@link CardPort.offerArena}). */
  offerArena(arena: PacketArena, from: number, to: number, owner: Omit<ArenaOwner, 'inOrder'>): ArenaOffer {
    if (this.told?.owner !== owner) this.told = new Told(this, owner);
    return this.card.offerArena(arena, from, to, this.told);
  }

  /** A trace decided `packets` packets: see {@link forgivesOrder}. */
  hits(trace: InstalledTrace, packets: number): void {
    trace.packets += packets;
    this.replacement.hit(this.entries.get(trace) as TraceEntry);
  }

  /**
   * Installs a trace, evicting others if need be. `key` names its path: the same number for the same path, whenever it
   * is recorded.
   */
  install(trace: RecordedTrace, key: number): Installation {
    if (this.card.refusal(trace) !== undefined) return { kind: 'refused' };
    const installed = this.card.install(trace);
    if (installed === undefined) return { kind: 'there' };
    const { replacement } = this;
    const entry = new TraceEntry(key, replacement.countsBits ? matchBits(trace.facts) : 1, installed);
    this.entries.set(installed, entry);
    if (replacement.missed(entry)) return { kind: 'installed', trace: installed };
    this.entries.delete(installed);
    this.card.evict(installed);
    return { kind: 'refused' };
  }

  /** Takes out a trace that is no longer valid. */
  remove(trace: InstalledTrace): void {
    const entry = this.entries.get(trace);
    if (entry === undefined) return;
    this.entries.delete(trace);
    this.replacement.remove(entry);
    this.card.evict(trace);
    this.onRemove?.(trace);
  }
}

/** Stands between a card and who offers packets: the policy learns of hits first. */
class Told implements ArenaOwner {
  readonly owner: Omit<ArenaOwner, 'inOrder'>;
  readonly inOrder: boolean;
  private readonly cache: TraceCache;

  constructor(cache: TraceCache, owner: Omit<ArenaOwner, 'inOrder'>) {
    this.cache = cache;
    this.owner = owner;
    this.inOrder = !cache.forgivesOrder;
  }

  numberOf(trace: InstalledTrace): number {
    return this.owner.numberOf(trace);
  }

  hit(trace: InstalledTrace, packets: number): void {
    this.cache.hits(trace, packets);
    this.owner.hit(trace, packets);
  }

  taken(from: number, to: number): void {
    this.owner.taken(from, to);
  }

  decided(): void {
    this.owner.decided();
  }
}
