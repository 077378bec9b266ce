/**
 * What is worth specialising, from counts alone: keys that were seen often, tables that are small, maps that have not
 * changed too often of late. Pure, so that the same samples give the same plan.
 *
 * The model: keys are compared one after another, most frequent first, and each comparison is paid by all look-ups
 * that none before it has answered. So a key is worth it if its share of the look-ups saves more than that. Times are
 * in nanoseconds, but only their ratios count; whether a version is faster is measured afterwards, in any case.
 */
import type { SiteSamples } from './instrument.js';
import type { LookupSite } from './sites.js';
import type { KnownEntry, SitePlan } from './specialise.js';

/** Most keys that are compared at a site. */
const mostKeys = 6;
/** A table with no more entries is written out as a whole. */
export const smallTable = 8;
/** Keys that are seen more rarely change with every sample. */
const leastShare = 0.05;
/** Fewer samples of a site say nothing. */
const leastSamples = 16;
/** Nanoseconds that a look-up takes, and comparing with one key, roughly: ratios are what counts. */
const cost = { guard: 0.8, compare: 0.7, hash: 7, lpm_trie: 25 } as const;

/** A key and how often it was seen. */
export interface KeyCount {
  readonly key: Uint8Array;
  readonly count: number;
}

/** What was seen at a site. */
export interface SiteProfile {
  readonly site: LookupSite;
  readonly total: number;
  /** Most frequent first. */
  readonly keys: readonly KeyCount[];
}

/** Counts keys. */
export function profileOf({ site, keys }: SiteSamples): SiteProfile {
  const counts = new Map<string, { key: Uint8Array; count: number }>();
  for (const key of keys) {
    const text = Buffer.from(key).toString('latin1');
    const entry = counts.get(text);
    if (entry === undefined) counts.set(text, { key, count: 1 });
    else entry.count++;
  }
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count || Buffer.compare(a.key, b.key));
  return { site, total: keys.length, keys: sorted };
}

/** What a site's map is, when a plan is made. */
export interface TableView {
  readonly type: string;
  /** All entries; undefined: more than {@link smallTable}. */
  readonly all: readonly KnownEntry[] | undefined;
  readonly at: (key: Uint8Array) => KnownEntry;
}

/** A plan, and what it saves of a look-up in the mean, in nanoseconds. */
export interface Choice {
  readonly plan: SitePlan;
  /** Share of the samples that comparisons answer. */
  readonly hits: number;
  readonly saved: number;
}

/** Undefined: it is better left alone. */
export function chooseSite(profile: SiteProfile, table: TableView): Choice | undefined {
  const { site, total, keys } = profile;
  const lookup = table.type === 'lpm_trie' ? cost.lpm_trie : cost.hash;
  const isEmpty = table.all?.length === 0;
  if (isEmpty) return { plan: { site, entries: [], isWhole: true }, hits: 1, saved: lookup - cost.guard };
  if (total < leastSamples) return undefined;
  const shareOf = (key: Uint8Array): number =>
    (keys.find((each) => Buffer.compare(each.key, key) === 0)?.count ?? 0) / total;
  if (table.type === 'hash' && table.all !== undefined) {
    const entries = [...table.all].sort((a, b) => shareOf(b.key) - shareOf(a.key) || Buffer.compare(a.key, b.key));
    const compared = entries.map(({ key }) => shareOf(key));
    const saved = savedBy(compared, lookup, true);
    return saved > 0 ? { plan: { site, entries, isWhole: true }, hits: 1, saved } : undefined;
  }
  // Each further key has to pay for the comparison that all later ones go through.
  let best: { readonly count: number; readonly saved: number } = { count: 0, saved: 0 };
  const shares = keys
    .slice(0, mostKeys)
    .map(({ count }) => count / total)
    .filter((share) => share >= leastShare);
  for (let count = 1; count <= shares.length; count++) {
    const saved = savedBy(shares.slice(0, count), lookup, false);
    if (saved > best.saved) best = { count, saved };
  }
  if (best.count === 0) return undefined;
  const entries = keys.slice(0, best.count).map(({ key }) => table.at(key));
  const hits = shares.slice(0, best.count).reduce((sum, share) => sum + share, 0);
  return { plan: { site, entries, isWhole: false }, hits, saved: best.saved };
}

/** Nanoseconds of a look-up that comparisons with keys of these shares save in the mean. */
function savedBy(shares: readonly number[], lookup: number, isWhole: boolean): number {
  let spent: number = cost.guard;
  let left = 1;
  for (const share of shares) {
    spent += left * cost.compare;
    left -= share;
  }
  return (isWhole ? 1 : 1 - left) * lookup - spent;
}

/**
 * Maps that changed under a version. Each time a map's change ends a version that lived too short to pay, the map has
 * to be quiet for twice as long before it is relied on again; after {@link mostFailures} in a row it is left alone for
 * good. A version that lives long wipes the slate clean.
 */
export class MapPenalties {
  private readonly known = new Map<number, { failures: number; until: number }>();
  private readonly firstWait: number;

  /** `firstWait`: seconds. */
  constructor(firstWait: number) {
    this.firstWait = firstWait;
  }

  /** A version that relied on the map ended at `now` (seconds) since the map changed, `lived` seconds old. */
  ended(map: number, now: number, lived: number): { readonly wait: number } {
    const entry = this.known.get(map) ?? { failures: 0, until: 0 };
    entry.failures = lived >= this.firstWait * 2 ** (entry.failures + 1) ? 0 : entry.failures + 1;
    const isHopeless = this.firstWait > 0 && entry.failures >= mostFailures;
    const wait = isHopeless ? Number.POSITIVE_INFINITY : this.firstWait * 2 ** entry.failures;
    entry.until = entry.failures === 0 ? 0 : now + wait;
    this.known.set(map, entry);
    return { wait: entry.failures === 0 ? 0 : wait };
  }

  /** May a version rely on the map? */
  allows(map: number, now: number): boolean {
    return now >= (this.known.get(map)?.until ?? 0);
  }

  /** Is it left alone for good? */
  isBlacklisted(map: number): boolean {
    return this.known.get(map)?.until === Number.POSITIVE_INFINITY;
  }
}

/** Failures in a row after which a map is left alone. */
const mostFailures = 8;

/** Do two plans compare the same keys at the same sites? */
export function samePlans(a: readonly SitePlan[], b: readonly SitePlan[]): boolean {
  const text = (plans: readonly SitePlan[]): string =>
    plans
      .map(({ site, entries, isWhole }) => {
        const keys = entries.map(({ key }) => Buffer.from(key).toString('hex'));
        // In which order keys are compared matters less than a swap costs.
        return `${site.pc} ${isWhole} ${keys.sort().join(',')}`;
      })
      .sort()
      .join(';');
  return text(a) === text(b);
}
