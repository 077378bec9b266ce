/** The card's trace cache: a matcher with a capacity and a policy. */
import type { InstalledTrace, RecordedTrace, TraceTree } from '../trace/index.js';
import type { Policy } from './policy.js';

export interface TraceCacheOptions {
  /** Traces that fit. */
  readonly capacity: number;
  readonly policy: Policy<InstalledTrace>;
}

export class TraceCache {
  readonly tree: TraceTree;
  readonly capacity: number;
  evictions = 0;
  /** Called with each trace that is evicted. */
  onEvict: ((trace: InstalledTrace) => void) | undefined;
  /** Called with each trace that leaves, evicted or not. */
  onRemove: ((trace: InstalledTrace) => void) | undefined;
  private readonly policy: Policy<InstalledTrace>;
  private count = 0;

  constructor(tree: TraceTree, options: TraceCacheOptions) {
    this.tree = tree;
    this.capacity = options.capacity;
    this.policy = options.policy;
  }

  get size(): number {
    return this.count;
  }

  /** Runs the trace that the machine's packet satisfies; undefined on a miss. */
  run(): InstalledTrace | undefined {
    const trace = this.tree.run();
    if (trace !== undefined) this.policy.hit(trace);
    return trace;
  }

  /** Installs a trace, evicting another one if need be; undefined if the same trace is there already. */
  install(trace: RecordedTrace): InstalledTrace | undefined {
    const installed = this.tree.install(trace);
    if (installed === undefined) return undefined;
    if (this.count >= this.capacity) {
      const victim = this.policy.victim();
      this.remove(victim);
      this.evictions++;
      this.onEvict?.(victim);
    }
    this.count++;
    this.policy.inserted(installed);
    return installed;
  }

  remove(trace: InstalledTrace): void {
    this.policy.removed(trace);
    this.tree.remove(trace);
    this.count--;
    this.onRemove?.(trace);
  }
}
