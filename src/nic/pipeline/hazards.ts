/**
 * Packets that collide: one reads an element of a map before a packet ahead of it, in a later stage, has written it.
 * What is done about that is the card's strategy; this says when packets can enter. A packet a cycle enters where none
 * collides.
 *
 * - `stall`: the read waits until the write is in the memory, and with it all packets behind.
 * - `forward`: the read waits until the value is known, and takes it from the stage that writes it.
 * - `atomic`: what the memory's own unit does in one step never collides; other reads wait as with `stall`.
 * - `flush`: nobody waits. When the write finds that a packet behind has read, that packet and all behind it begin
 *   anew, `reload` cycles later.
 *
 * Writes behind reads and writes of packets ahead are held in delay registers until it is their turn, at no cost.
 */
import type { hazardStrategies } from '../parameters.js';

/** What is done about collisions. */
export type HazardStrategy = (typeof hazardStrategies)[number];

/** An access of an element, by the stages in which it reads and writes. */
export interface KeyedAccess {
  readonly map: number;
  /** Equal for the same element, of others by chance only; undefined: it may be any element of the map. */
  key: number | undefined;
  readonly read: number | undefined;
  readonly write: number | undefined;
  readonly isAtomic: boolean;
}

interface PendingWrite {
  readonly map: number;
  readonly key: number | undefined;
  /** Cycle in which it is written. */
  readonly at: number;
  readonly isAtomic: boolean;
}

/** When packets enter, one after the other. */
export class HazardClock {
  /** Packets that had to wait or begin anew. */
  collisions = 0;
  private readonly strategy: HazardStrategy;
  private readonly reload: number;
  private readonly pending: PendingWrite[] = [];

  constructor(strategy: HazardStrategy, reload: number) {
    this.strategy = strategy;
    this.reload = reload;
  }

  /** The cycle in which a packet that could enter at `cycle` enters for good, with its accesses. */
  enter(cycle: number, accesses: readonly KeyedAccess[]): number {
    this.forget(cycle);
    let enters = cycle;
    for (const access of accesses) enters = Math.max(enters, this.earliest(enters, access));
    if (enters > cycle) this.collisions++;
    for (const access of accesses) {
      if (access.write === undefined) continue;
      const { map, key, isAtomic } = access;
      let at = enters + access.write;
      // In the order of the packets.
      for (const other of this.pending) if (isSame(other, access)) at = Math.max(at, other.at + 1);
      this.pending.push({ map, key, at, isAtomic });
    }
    return enters;
  }

  /** Writes before `cycle` are in the memory. */
  private forget(cycle: number): void {
    const { pending } = this;
    let left = 0;
    for (const write of pending) if (write.at >= cycle) pending[left++] = write;
    pending.length = left;
  }

  /** When a packet can enter for the sake of one read. */
  private earliest(enters: number, access: KeyedAccess): number {
    const { read, isAtomic } = access;
    if (read === undefined) return enters;
    const { strategy } = this;
    let earliest = enters;
    for (const write of this.pending) {
      if (!isSame(write, access) || (strategy === 'atomic' && isAtomic && write.isAtomic)) continue;
      const wanted = strategy === 'stall' || strategy === 'atomic' ? write.at + 1 : write.at;
      if (earliest + read >= wanted) continue;
      earliest = strategy === 'flush' ? write.at + Math.max(1, this.reload) : wanted - read;
    }
    return earliest;
  }
}

/** May both be about one element? */
function isSame(a: Pick<KeyedAccess, 'map' | 'key'>, b: Pick<KeyedAccess, 'map' | 'key'>): boolean {
  return a.map === b.map && (a.key === undefined || b.key === undefined || a.key === b.key);
}
