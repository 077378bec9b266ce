/**
 * The software card as an engine of batches. The compiled card takes packets where they lie; one that it does not take
 * goes to the machine's packet buffer, where the executor looks at it, if there are traces that are not compiled.
 * After each stretch the replacement policy learns who was hit, in order.
 */
import type { TraceCache } from '../cache/index.js';
import type { CompiledCard, InstalledTrace } from '../nic/index.js';
import { type BatchEngine, type Machine, type PacketArena, type Region, record } from '../vm/index.js';
import type { TraceRecord } from './trace-record.js';

/** Bytes kept for putting keys together; keys are no longer than 512 in Linux. */
const keyBytes = 4096;

/**
 * Guest memory where traces put keys together, closed. A machine that is to have the same addresses without a card
 * reserves it, too.
 */
export function reserveKeys(machine: Machine): Region {
  const keys = machine.memory.allocate('scratch', 'keys of the card', keyBytes);
  keys.hi = keys.lo;
  return keys;
}

export interface CardOwner {
  readonly recordOf: (installed: InstalledTrace) => TraceRecord;
  /** A trace decided so many packets. */
  readonly hit: (installed: InstalledTrace, packets: number) => void;
  /** Packets `from` to `to` (exclusive) of the arena were decided by traces. */
  readonly taken: (from: number, to: number) => void;
  /** Called when outputs are there that the next packet would wipe out. */
  readonly decided: () => void;
}

export class Card implements BatchEngine {
  private readonly cache: TraceCache;
  /** Undefined: traces are not compiled. */
  private readonly compiled: CompiledCard | undefined;
  private readonly arena: PacketArena;
  private readonly owner: CardOwner;
  private readonly take = (installed: InstalledTrace, packets: number): void => {
    this.cache.hits(installed, packets);
    this.owner.hit(installed, packets);
  };

  constructor(cache: TraceCache, compiled: CompiledCard | undefined, arena: PacketArena, owner: CardOwner) {
    this.cache = cache;
    this.compiled = compiled;
    this.arena = arena;
    this.owner = owner;
  }

  /** See {@link BatchEngine}; the records are the arena's. */
  runBatch(first: number, count: number, stride: number): number {
    const { arena, compiled } = this;
    const start = (first - arena.first) / stride;
    compiled?.refresh();
    for (let i = 0; i < count; i++) {
      if (this.takesBatches && compiled !== undefined && compiled.compiledTraces > 0) {
        arena.machine.clearPacket();
        const decided = compiled.runBatch(arena.recordOf(start + i), count - i, stride);
        compiled.takeHits(this.take);
        this.owner.taken(start + i, start + i + decided);
        this.owner.decided();
        i += decided;
        if (i === count) break;
        if (!compiled.hasOutside) {
          compiled.noteMiss(arena.recordOf(start + i));
          return i;
        }
      }
      if (!this.runInBuffer(start + i)) return i;
    }
    return count;
  }

  /** Packets may be decided where they lie, and many before the policy learns of it. */
  private get takesBatches(): boolean {
    return this.compiled?.verified === true && this.cache.forgivesOrder;
  }

  private runInBuffer(i: number): boolean {
    const { arena, cache } = this;
    arena.toBuffer(i);
    const installed = this.takesBatches ? cache.execute() : cache.run();
    if (installed === undefined) return false;
    const trace = this.owner.recordOf(installed);
    arena.fromBuffer(i, trace.verdict);
    arena.machine.memory.store32(arena.recordOf(i) + record.trace, trace.id);
    this.owner.hit(installed, 1);
    this.owner.taken(i, i + 1);
    this.owner.decided();
    return true;
  }
}
