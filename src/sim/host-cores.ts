/**
 * The host's cores: each takes packets from a queue of its own, one after the other. Packets of a flow go to one core.
 */
import { BoundedQueue } from './bounded-queue.js';

interface Core {
  readonly queue: BoundedQueue;
  free: number;
  busy: number;
}

/** All of them. */
export class HostCores {
  private readonly cores: readonly Core[];

  constructor(count: number, queue: number) {
    this.cores = Array.from({ length: count }, () => ({ queue: new BoundedQueue(queue), free: 0, busy: 0 }));
  }

  get count(): number {
    return this.cores.length;
  }

  /** Packets that came while their core's queue was full. */
  get lost(): number {
    return this.cores.reduce((sum, { queue }) => sum + queue.lost, 0);
  }

  /** Picoseconds that packets have waited for their core. */
  get waited(): number {
    return this.cores.reduce((sum, { queue }) => sum + queue.waited, 0);
  }

  /** Picoseconds that each was busy. */
  get busy(): readonly number[] {
    return this.cores.map(({ busy }) => busy);
  }

  /** Has the core's queue a place at `time`? If not, the packet counts as lost. */
  admits(core: number, time: number): boolean {
    const { queue } = this.cores[core] as Core;
    if (queue.hasRoom(time)) return true;
    queue.lost++;
    return false;
  }

  /** When the core has done all that it was given. */
  freeAt(core: number): number {
    return (this.cores[core] as Core).free;
  }

  /** Keeps the core for so long besides packets of its queue; returns when that is done. Picoseconds. */
  busyFor(core: number, time: number, takes: number): number {
    const it = this.cores[core] as Core;
    it.free = Math.max(time, it.free) + takes;
    it.busy += takes;
    return it.free;
  }

  /** A packet that came at `time` keeps the core for so long; returns when it is done. Picoseconds. */
  run(core: number, time: number, takes: number): number {
    const it = this.cores[core] as Core;
    const begins = Math.max(time, it.free);
    it.queue.enter(time, begins);
    it.free = begins + takes;
    it.busy += takes;
    return it.free;
  }
}
