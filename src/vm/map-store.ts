/**
 * The maps of an object, filled with what the object file says they hold: what outlives a packet, and what user space
 * sees. It is of no packet and of no engine, so what reads or writes map files needs this alone; machines put lanes on
 * it (machine.ts).
 */
import type { ObjectSpec } from '../object/index.js';
import { createMaps } from './create-maps.js';
import type { BpfMap } from './map.js';
import { RingbufMap } from './maps/index.js';
import { GuestMemory } from './memory.js';

/** Maps in guest memory, by index, by handle. */
export class MapStore {
  readonly object: ObjectSpec;
  readonly memory: GuestMemory;
  /** Possible CPUs: how many values an element of a per-CPU map has. */
  readonly cpus: number;
  /** By index in `object.maps`; inner maps that the object does not name come after. */
  readonly maps: readonly BpfMap[];
  readonly ringbufs: readonly RingbufMap[];
  private readonly byHandle = new Map<number, BpfMap>();

  /**
   * Throws InputError for a map that Linux would refuse, BudgetError when they do not fit in what is left of `memory`
   * (default: one of their own).
   */
  constructor(object: ObjectSpec, cpus = 1, memory: GuestMemory = new GuestMemory()) {
    this.object = object;
    this.cpus = cpus;
    this.memory = memory;
    this.maps = createMaps(object, memory, cpus);
    this.ringbufs = this.maps.filter((map) => map instanceof RingbufMap);
    for (const map of this.maps) this.byHandle.set(map.handle, map);
  }

  /** The map that a program holds as a pointer to `address`. */
  at(address: number): BpfMap | undefined {
    return this.byHandle.get(address);
  }

  /** Before a batch of compiled code, which tells ring buffers which packet's record they serve. */
  forgetRingPackets(): void {
    for (const ringbuf of this.ringbufs) ringbuf.forgetPacket();
  }

  /** After compiled code reserved or closed records: helpers may touch those that are reserved. */
  openRingWindows(): void {
    for (const ringbuf of this.ringbufs) ringbuf.openWindow();
  }

  /** Old bytes have been put back: windows of regions follow them. */
  rolledBack(): void {
    for (const map of this.maps) map.rolledBack();
  }
}
