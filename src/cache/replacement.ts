/**
 * Who is in the cache and who is not: capacity, admission, policy and adaptive size around a set of keys. Knows
 * nothing of traces, so the card (trace-cache.ts) and the simulation of a recorded sequence of paths (simulate.ts) run
 * the very same code.
 */
import { UsageError } from '../base/index.js';
import { AdaptiveSize, type AdaptiveSizeOptions } from './adaptive-size.js';
import { type Admission, type AdmissionRow, admissions } from './admission.js';
import type { Entry } from './entry.js';
import type { Future, Policy, PolicyRow } from './policy.js';

/** What fits. Both limits hold where both are given; a cache without either holds everything. */
export interface Capacity {
  /** Traces. */
  readonly traces?: number | undefined;
  /** Match bits (`matchBits`). */
  readonly bits?: number | undefined;
}

/** How a cache is set up. */
export interface ReplacementOptions {
  readonly capacity: Capacity;
  readonly policy: PolicyRow;
  readonly admission?: AdmissionRow | undefined;
  /** Lets the number of traces move between bounds; `capacity.traces` is not looked at then. */
  readonly adaptive?: AdaptiveSizeOptions | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
  readonly future?: Future | undefined;
}

/** Match bits of a usual trace: how many entries a capacity in bits is worth, where tables need to know. */
const usualBits = 256;

/** `E`: the entries that the owner makes; all of them are its own. */
export class Replacement<E extends Entry> {
  evictions = 0;
  /** Newcomers that found no place: not admitted, or larger than the cache. */
  refusals = 0;
  private readonly maxBits: number;
  /** Sizes of entries are match bits, because these are limited; else they are 1. */
  readonly countsBits: boolean;
  private maxTraces: number;
  private traces = 0;
  private bits = 0;
  private readonly policy: Policy;
  private readonly admission: Admission;
  private readonly adaptive: AdaptiveSize | undefined;
  private readonly onEvict: (entry: E) => void;
  /** All entries, for the adaptive size. */
  private readonly all = new Set<E>();

  constructor(options: ReplacementOptions, onEvict: (entry: E) => void) {
    const { capacity, seed = 1, adaptive } = options;
    this.adaptive = adaptive === undefined ? undefined : new AdaptiveSize(adaptive);
    this.maxTraces = this.adaptive?.size ?? capacity.traces ?? Number.POSITIVE_INFINITY;
    this.maxBits = capacity.bits ?? Number.POSITIVE_INFINITY;
    if (!(this.maxTraces >= 1 && this.maxBits >= 1)) throw new UsageError('a cache of size 0 holds nothing');
    this.countsBits = this.maxBits !== Number.POSITIVE_INFINITY;
    const most = adaptive?.most ?? this.maxTraces;
    const entries = Math.min(most, Math.ceil(this.maxBits / usualBits), 2 ** 16);
    this.policy = options.policy.create({
      capacity: this.countsBits ? this.maxBits : this.maxTraces,
      entries,
      seed,
      future: options.future,
    });
    const admission = options.admission ?? (admissions[0] as AdmissionRow);
    this.admission = admission.create({ entries, seed });
    this.onEvict = onEvict;
  }

  /** Traces that are in. */
  get length(): number {
    return this.traces;
  }

  /** Match bits that are taken; 0 where they are not limited. */
  get usedBits(): number {
    return this.bits;
  }

  /** Traces that may be in just now. */
  get size(): number {
    return this.maxTraces;
  }

  /** A packet was decided by an entry that is in. */
  hit(entry: E): void {
    this.admission.asked(entry.key);
    this.policy.hit(entry);
    if (this.adaptive === undefined) return;
    entry.recentHits++;
    if (this.adaptive.epochEnds()) this.adapt();
  }

  /**
   * A packet took a path that is not in; `entry` is its newcomer. True if it has been let in: then others may have
   * been evicted.
   */
  missed(entry: E): boolean {
    const isIn = this.enter(entry);
    if (!isIn) this.refusals++;
    if (this.adaptive?.epochEnds() === true) this.adapt();
    return isIn;
  }

  /** A newcomer: admission and policy are asked until it fits, or until one of them says that it stays out. */
  private enter(entry: E): boolean {
    const { policy, admission } = this;
    const { key, size } = entry;
    admission.asked(key);
    policy.missed(key, size);
    this.adaptive?.missed(key);
    if (this.countsBits && size > this.maxBits) return false;
    let victim = this.fits(size) ? undefined : policy.victim(key, size);
    if (victim === undefined && !this.fits(size)) return false;
    if (!admission.admits(key, victim?.key)) return false;
    while (victim !== undefined) {
      this.evict(victim as E);
      if (this.fits(size)) break;
      victim = policy.victim(key, size);
      if (victim === undefined) return false;
    }
    this.traces++;
    if (this.countsBits) this.bits += size;
    if (this.adaptive !== undefined) this.all.add(entry);
    policy.inserted(entry);
    return true;
  }

  /** Evicts whom the policy would, for nobody; false: there is none that it would. */
  shrink(): boolean {
    const victim = this.traces === 0 ? undefined : this.policy.victim(-1, 0);
    if (victim === undefined) return false;
    this.evict(victim as E);
    return true;
  }

  /** Takes out an entry that is no longer valid. */
  remove(entry: E): void {
    this.take(entry, false);
  }

  private fits(size: number): boolean {
    return this.traces < this.maxTraces && (!this.countsBits || this.bits + size <= this.maxBits);
  }

  private evict(entry: E): void {
    this.take(entry, true);
    this.evictions++;
    this.adaptive?.evicted(entry.key);
    this.onEvict(entry);
  }

  private take(entry: E, evicted: boolean): void {
    this.policy.removed(entry, evicted);
    this.traces--;
    if (this.countsBits) this.bits -= entry.size;
    if (this.adaptive !== undefined) this.all.delete(entry);
  }

  /** At the end of an epoch: the size moves, and whoever no longer fits goes. */
  private adapt(): void {
    const { adaptive, policy } = this;
    if (adaptive === undefined) return;
    adaptive.adjust(Array.from(this.all, (entry) => entry.recentHits));
    for (const entry of this.all) entry.recentHits = 0;
    if (adaptive.size === this.maxTraces) return;
    this.maxTraces = adaptive.size;
    if (!this.countsBits) policy.resized(this.maxTraces);
    while (this.traces > this.maxTraces && this.shrink());
  }
}
