/**
 * The card's trace cache: a matcher (the trace tree, or its compiled form) and who has a place in it (capacity,
 * admission, policy).
 */

import type { InstalledTrace, Matcher, SideExit } from '../nic/index.js';
import type { RecordedTrace } from '../trace/index.js';
import { isOpen } from './admission.js';
import { Entry } from './entry.js';
import { matchBits } from './match-bits.js';
import { Replacement, type ReplacementOptions } from './replacement.js';

class TraceEntry extends Entry {
  readonly installed: InstalledTrace;

  constructor(key: number, size: number, installed: InstalledTrace) {
    super(key, size);
    this.installed = installed;
  }
}

/** What came of a recorded trace: it is in; the same one was there already; or it was not let in. */
export type Installation =
  | { readonly kind: 'installed'; readonly trace: InstalledTrace }
  | { readonly kind: 'there' }
  | { readonly kind: 'refused' };

export class TraceCache {
  private readonly matcher: Matcher;
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

  constructor(matcher: Matcher, options: ReplacementOptions) {
    this.matcher = matcher;
    const { policy, admission, adaptive } = options;
    this.forgivesOrder = policy.forgivesOrder && adaptive === undefined && isOpen(admission);
    this.replacement = new Replacement<TraceEntry>(options, ({ installed }) => {
      this.entries.delete(installed);
      matcher.remove(installed);
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

  /** Runs the trace that the machine's packet satisfies; undefined on a miss. */
  run(): InstalledTrace | undefined {
    return this.noted(this.matcher.run());
  }

  /** The same, without compiled code. */
  execute(): InstalledTrace | undefined {
    return this.noted(this.matcher.execute());
  }

  /** Where the last packet that missed left the traces. */
  get lastExit(): SideExit {
    return this.matcher.lastExit;
  }

  /** A trace decided `packets` packets: see {@link forgivesOrder}. */
  hits(trace: InstalledTrace, packets: number): void {
    trace.packets += packets;
    this.replacement.hit(this.entries.get(trace) as TraceEntry);
  }

  private noted(trace: InstalledTrace | undefined): InstalledTrace | undefined {
    if (trace !== undefined) this.hits(trace, 1);
    return trace;
  }

  /**
   * Installs a trace, evicting others if need be. `key` names its path: the same number for the same path, whenever it
   * is recorded.
   */
  install(trace: RecordedTrace, key: number): Installation {
    const installed = this.matcher.install(trace);
    if (installed === undefined) return { kind: 'there' };
    const { replacement } = this;
    const entry = new TraceEntry(key, replacement.countsBits ? matchBits(trace.facts) : 1, installed);
    this.entries.set(installed, entry);
    if (replacement.missed(entry)) return { kind: 'installed', trace: installed };
    this.entries.delete(installed);
    this.matcher.remove(installed);
    return { kind: 'refused' };
  }

  /** Takes out a trace that is no longer valid. */
  remove(trace: InstalledTrace): void {
    const entry = this.entries.get(trace);
    if (entry === undefined) return;
    this.entries.delete(trace);
    this.replacement.remove(entry);
    this.matcher.remove(trace);
    this.onRemove?.(trace);
  }
}
