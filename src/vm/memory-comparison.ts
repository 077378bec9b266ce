/**
 * Compares what two machines of one object have in memory. Both allocate alike, so an address means the same in both;
 * what differs is told in words (`value of map flows +0x40`), never by address.
 */
import { InternalError } from '../base/index.js';
import type { Journal } from './journal.js';
import type { Machine } from './machine.js';
import type { GuestMemory } from './memory.js';
import { privateState } from './private-state.js';
import type { Region } from './region.js';

/** A byte that is not the same on both sides. */
export interface MemoryDifference {
  readonly where: string;
  readonly mine: number;
  readonly theirs: number;
  /** Whose writes it is blamed on: see {@link MemoryComparison.note}. */
  readonly packet: number;
}

/** Pages of the private state; what lies behind is compared wherever it is lasting. */
const privateStateSize = 0x1000;

/** `mine` is the machine whose journal says what a packet wrote; `theirs` ran the same packets in some other way. */
export class MemoryComparison {
  private readonly mine: Machine;
  private readonly theirs: Machine;
  private readonly isExact: boolean;
  /** Noted writes: address, bytes, packet. */
  private readonly written: number[] = [];

  /**
   * `isExact`: their private state follows the packet as mine does. Compiled code and packets in an arena leave only
   * what outlives a packet (the random generator) where the interpreter does.
   */
  constructor(mine: Machine, theirs: Machine, isExact: boolean) {
    this.mine = mine;
    this.theirs = theirs;
    this.isExact = isExact;
  }

  /** All memory that outlives a packet. */
  everything(): MemoryDifference | undefined {
    const { memory } = this.mine;
    for (const region of memory.regions) {
      if (!this.isLasting(region)) continue;
      const words = region.size >>> 2;
      const a = new Uint32Array(memory.u8.buffer, region.start, words);
      const b = new Uint32Array(this.theirs.memory.u8.buffer, region.start, words);
      let same = 0;
      while (same < words && a[same] === b[same]) same++;
      const found = this.differenceIn(region.start + 4 * same, region.end, 0);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What one of the two wrote in its open transaction, stacks and the like excepted. */
  changesOf(side: 'mine' | 'theirs'): MemoryDifference | undefined {
    const { memory } = this[side];
    for (const [start, size] of entriesOf(memory)) {
      for (let at = start; at < start + size; at++) {
        const found = this.differenceIn(at, at + 1, 0);
        if (found === undefined) continue;
        const region = memory.regionOf(at);
        if (region !== undefined && !this.isLasting(region)) break;
        return found;
      }
    }
    return undefined;
  }

  /** Keeps in mind what mine wrote in its open transaction: packet `packet` did. */
  note(packet: number): void {
    const { memory } = this.mine;
    for (const [start, size] of entriesOf(memory)) {
      const region = memory.regionOf(start);
      if (region !== undefined && this.isLasting(region)) this.written.push(start, size, packet);
    }
  }

  /** The places that were noted, blamed on who wrote them last; they are forgotten. */
  noted(): MemoryDifference | undefined {
    const written = this.written.splice(0);
    for (let i = written.length - 3; i >= 0; i -= 3) {
      const [start = 0, size = 0, packet = 0] = written.slice(i, i + 3);
      const found = this.differenceIn(start, start + size, packet);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private differenceIn(from: number, to: number, packet: number): MemoryDifference | undefined {
    const [mine, theirs] = [this.mine.memory.u8, this.theirs.memory.u8];
    for (let at = from; at < to; at++) {
      if (mine[at] !== theirs[at] && this.isComparable(at))
        return { where: this.where(at), mine: mine[at] ?? 0, theirs: theirs[at] ?? 0, packet };
    }
    return undefined;
  }

  /** Stacks and helper scratch die with the packet; the packet itself is compared as such. */
  private isLasting(region: Region): boolean {
    if (region.kind === 'stack' || region.kind === 'packet' || region.kind === 'ctx') return false;
    if (region.kind !== 'scratch') return true;
    return region.start === this.mine.lane.state || !/scratch|fragments|keys of the card|code of/.test(region.name);
  }

  /** Redirect and geometry in the private state are compared as the packet's. */
  private isComparable(address: number): boolean {
    const { state } = this.mine.lane;
    return this.isExact || address < state + privateState.redirectKind || address >= state + privateStateSize;
  }

  /** An address in words. */
  private where(address: number): string {
    const region = this.mine.memory.regionOf(address);
    if (region === undefined) return `memory at 0x${address.toString(16)}`;
    return `${region.name} +0x${(address - region.start).toString(16)}`;
  }
}

/** Address and length of what the open transaction has overwritten, oldest first. */
function* entriesOf({ journal }: GuestMemory): IterableIterator<readonly [number, number]> {
  if (journal === null) throw new InternalError('comparison', 'no journal');
  const { addresses, lengths }: Journal = journal;
  for (let i = 0; i < journal.length; i++) yield [addresses[i] ?? 0, lengths[i] ?? 0];
}
