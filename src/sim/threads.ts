/**
 * When packets are done on a card of many cores. Each takes the thread that is free first. A core does one thread's
 * instructions at a time, so a packet is through when its thread has waited and its core had the time; packets that
 * change a map do so one after the other. What comes in and what goes out does so at the rates of the card. Times are
 * cycles.
 */
import { type CardDescription, numberOf } from '../nic/index.js';

/** What a packet needs. */
export interface ThreadWork {
  readonly busy: number;
  readonly waits: number;
  /** By map: cycles in which it has the map's lock. */
  readonly locked: Float64Array;
  readonly isSent: boolean;
}

/** Threads, cores and locks, and when each is free. */
export class ThreadClock {
  private readonly threads: Float64Array;
  private readonly cores: Float64Array;
  private readonly locks: Float64Array;
  private readonly perCore: number;
  private readonly ingress: number;
  private readonly egress: number;
  private in = 0;
  private out = 0;

  constructor(card: CardDescription, maps: number) {
    this.perCore = numberOf(card, 'units.threads');
    this.cores = new Float64Array(numberOf(card, 'units.cores'));
    this.threads = new Float64Array(this.cores.length * this.perCore);
    this.locks = new Float64Array(maps);
    this.ingress = numberOf(card, 'clock') / numberOf(card, 'mac.ingress');
    this.egress = numberOf(card, 'clock') / numberOf(card, 'mac.egress');
  }

  /** A packet begins in `cycle`; when it is through. */
  enter(cycle: number, { busy, waits, locked, isSent }: ThreadWork): number {
    const thread = this.first();
    const core = Math.floor(thread / this.perCore);
    const begin = Math.max(cycle, this.threads[thread] as number);
    this.in = Math.max(this.in, cycle) + this.ingress;
    this.cores[core] = Math.max(this.cores[core] as number, begin) + busy;
    let end = Math.max(begin + busy + waits, this.cores[core] as number);
    for (const [map, cycles] of locked.entries()) {
      if (cycles === 0) continue;
      const held = Math.max(this.locks[map] ?? 0, begin);
      this.locks[map] = held + cycles;
      end += held - begin;
    }
    this.threads[thread] = end;
    if (!isSent) return end;
    this.out = Math.max(this.out, end) + this.egress;
    return this.out;
  }

  /** The first cycle in which the next packet can begin, and what it waits for. */
  next(): { readonly cycle: number; readonly isThread: boolean } {
    const free = this.threads[this.first()] as number;
    return { cycle: Math.max(this.in, free), isThread: free > this.in };
  }

  private first(): number {
    const { threads } = this;
    let found = 0;
    for (let i = 1; i < threads.length; i++) if ((threads[i] as number) < (threads[found] as number)) found = i;
    return found;
  }
}
