/**
 * The card's trace cache: a card, whatever its kind, and who has a place in it (capacity, admission, policy). A place
 * is a trace's, or a region's ({@link Region}).
 */

import type { ArenaOffer, ArenaOwner, CardPort, InstalledTrace, Offer } from '../nic/index.js';
import type { RecordedTrace } from '../trace/index.js';
import type { PacketArena, TrapSite } from '../vm/index.js';
import { isOpen } from './admission.js';
import { matchBits } from './match-bits.js';
import { Region, type RegionLimits } from './region.js';
import { Replacement, type ReplacementOptions } from './replacement.js';

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
  private readonly replacement: Replacement<Region>;
  private readonly entries = new Map<InstalledTrace, Region>();
  private readonly places = new Set<Region>();
  private readonly regionLimits: RegionLimits | undefined;
  private told: Told | undefined;

  /** `regions`: what traces that part on state share a place; absent: each has its own. */
  constructor(card: CardPort, options: ReplacementOptions, regions?: RegionLimits) {
    this.card = card;
    this.regionLimits = card.holdsRegions ? regions : undefined;
    const { policy, admission, adaptive } = options;
    this.forgivesOrder = policy.forgivesOrder && adaptive === undefined && isOpen(admission);
    this.replacement = new Replacement<Region>(options, (region) => {
      this.places.delete(region);
      for (const installed of region.traces) this.leave(installed);
    });
  }

  /** Places that are taken. */
  get length(): number {
    return this.replacement.length;
  }

  /** What the places hold. */
  get regions(): readonly Region[] {
    return [...this.places];
  }

  private leave(installed: InstalledTrace): void {
    this.entries.delete(installed);
    this.card.evict(installed);
    this.onRemove?.(installed);
    this.onEvict?.(installed);
  }

  /** Places that there are; moves where the size adapts. */
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
    this.replacement.hit(this.entries.get(trace) as Region);
  }

  /**
   * Installs a trace, evicting others if need be. `key` names its path: the same number for the same path, whenever it
   * is recorded.
   */
  install(trace: RecordedTrace, key: number): Installation {
    if (this.card.refusal(trace) !== undefined) return { kind: 'refused' };
    // Sides of regions are traces to the card, which may have no room for them before its places are taken.
    if (this.regionLimits !== undefined)
      while (this.entries.size + 1 >= this.card.capacity) if (!this.replacement.shrink()) return { kind: 'refused' };
    const installed = this.card.install(trace);
    if (installed === undefined) return { kind: 'there' };
    const { replacement } = this;
    const known = this.regionFor(trace);
    const region = known ?? new Region(key, replacement.countsBits ? matchBits(trace.facts) : 1);
    region.add(installed);
    this.entries.set(installed, region);
    if (known !== undefined) {
      replacement.hit(known);
      return { kind: 'installed', trace: installed };
    }
    if (replacement.missed(region)) {
      this.places.add(region);
      return { kind: 'installed', trace: installed };
    }
    this.entries.delete(installed);
    this.card.evict(installed);
    return { kind: 'refused' };
  }

  /**
   * The region that a trace is to join: the one that it shares most of its way with, of those from which only state
   * parts it. If that has no room a free place is better; on a card without one, so is a region that anything parts it
   * from, then one with a side that no packet takes, before somebody has to leave.
   */
  private regionFor(trace: RecordedTrace): Region | undefined {
    const { regionLimits: limits, replacement } = this;
    if (limits === undefined || replacement.countsBits) return undefined;
    const hasRoom = (region: Region): boolean => region.hasRoom(trace, limits);
    const near = this.kinOf(trace, false).find(hasRoom);
    if (near !== undefined || replacement.length < replacement.size) return near;
    const kin = this.kinOf(trace, true);
    const free = kin.find(hasRoom);
    if (free !== undefined) return free;
    for (const region of kin) {
      const cold = region.coldFor(trace, limits);
      if (cold === undefined) continue;
      for (const side of cold) {
        region.remove(side);
        this.leave(side);
      }
      return region;
    }
    return undefined;
  }

  /** Regions with which a trace shares a beginning, from the one with the longest. */
  private kinOf(trace: RecordedTrace, anywhere: boolean): Region[] {
    return this.regions
      .map((region) => ({ region, shared: region.kinship(trace, anywhere) }))
      .filter(({ shared }) => shared >= (anywhere ? 1 : 0))
      .sort((a, b) => b.shared - a.shared)
      .map(({ region }) => region);
  }

  /** Takes out a trace that is no longer valid. */
  remove(trace: InstalledTrace): void {
    const region = this.entries.get(trace);
    if (region === undefined) return;
    this.entries.delete(trace);
    region.remove(trace);
    if (region.isEmpty) {
      this.places.delete(region);
      this.replacement.remove(region);
    }
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

  passed(packets: number): void {
    this.owner.passed?.(packets);
  }

  trapped(index: number, site: TrapSite): void {
    this.owner.trapped?.(index, site);
  }
}
