/** The software card as an engine of batches: each packet goes to the machine's packet buffer, where the trace tree looks at it. */
import type { TraceCache } from '../cache/index.js';
import type { InstalledTrace } from '../trace/index.js';
import { type BatchEngine, type PacketArena, record } from '../vm/index.js';
import type { TraceRecord } from './trace-record.js';

export class BufferCard implements BatchEngine {
  private readonly cache: TraceCache;
  private readonly arena: PacketArena;
  private readonly recordOf: (installed: InstalledTrace) => TraceRecord;
  private readonly decided: () => void;

  /** `decided` is called after each packet, while its outputs are there. */
  constructor(
    cache: TraceCache,
    arena: PacketArena,
    recordOf: (installed: InstalledTrace) => TraceRecord,
    decided: () => void,
  ) {
    this.cache = cache;
    this.arena = arena;
    this.recordOf = recordOf;
    this.decided = decided;
  }

  /** See {@link BatchEngine}; the records are the arena's. */
  runBatch(first: number, count: number, stride: number): number {
    const { arena, cache } = this;
    const { memory } = arena.machine;
    const start = (first - arena.first) / stride;
    for (let i = 0; i < count; i++) {
      arena.toBuffer(start + i);
      const installed = cache.run();
      if (installed === undefined) return i;
      const trace = this.recordOf(installed);
      arena.fromBuffer(start + i, trace.verdict);
      memory.store32(first + i * stride + record.trace, trace.id);
      this.decided();
    }
    return count;
  }
}
