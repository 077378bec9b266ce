/**
 * Counts the loads and stores that helpers make in guest memory, and what of a map's structure they walked over: nodes
 * of a chain, nodes of a trie. It takes the place of the memory's view while it is open, so what engines do by
 * themselves goes through it, too; it counts only between {@link MemoryCounter.start} and {@link MemoryCounter.stop}.
 * Copies and fills of blocks (`copyWithin`, `fill`) are no single loads and are not seen.
 */
import type { Machine } from './machine.js';
import type { MapLayout } from './map-layout.js';

/** What was touched of one map. */
export interface MapTouches {
  /** Hash maps: elements of a chain whose hash was compared. */
  probes: number;
  /** Tries: nodes that were looked at, 32-bit words of their prefixes compared, and links followed. */
  nodes: number;
  words: number;
  descents: number;
}

/** Of one machine; one at a time. */
export class MemoryCounter {
  loads = 0;
  stores = 0;
  /** By index of the map. */
  readonly maps: readonly MapTouches[];
  private readonly machine: Machine;
  private readonly former: DataView;
  private isOn = false;

  private constructor(machine: Machine) {
    this.machine = machine;
    this.former = machine.memory.view;
    this.maps = machine.maps.map(() => ({ probes: 0, nodes: 0, words: 0, descents: 0 }));
    const watched = machine.maps.flatMap((map, index) => {
      const layout = map.layout();
      return layout === undefined ? [] : watch(layout, this.maps[index] as MapTouches, map.spec.maxEntries);
    });
    machine.memory.view = listening(
      this.former.buffer,
      (at) => {
        if (!this.isOn) return;
        this.loads++;
        for (const { from, to, note } of watched) if (at >= from && at < to) note(at - from);
      },
      () => {
        if (this.isOn) this.stores++;
      },
    );
  }

  /** From now on the machine's memory is looked at through it. The machine's maps must all be there. */
  static open(machine: Machine): MemoryCounter {
    return new MemoryCounter(machine);
  }

  /** Gives the machine its own view back. */
  close(): void {
    this.machine.memory.view = this.former;
  }

  /** Begins to count, from nothing. */
  start(): void {
    this.loads = 0;
    this.stores = 0;
    for (const touches of this.maps) {
      touches.probes = 0;
      touches.nodes = 0;
      touches.words = 0;
      touches.descents = 0;
    }
    this.isOn = true;
  }

  /** What was counted stays until the next start. */
  stop(): void {
    this.isOn = false;
  }
}

/** Addresses whose loads mean something. */
interface Watched {
  readonly from: number;
  readonly to: number;
  readonly note: (offset: number) => void;
}

function watch(layout: MapLayout, touches: MapTouches, maxEntries: number): Watched[] {
  if (layout.kind === 'hash') {
    const { nodesAt, nodeStride, slots } = layout.table;
    // A node is its link and its hash; a look-up reads the hash of each element that it comes to.
    const note = (offset: number): void => {
      if (offset % nodeStride === 4) touches.probes++;
    };
    return [{ from: nodesAt, to: nodesAt + slots * nodeStride, note }];
  }
  if (layout.kind !== 'trie') return [];
  const { nodes, nodeStride } = layout;
  const note = (offset: number): void => {
    const at = offset % nodeStride;
    if (at < 8) touches.descents++;
    // The length of a node's prefix is read by the walk, and again by the comparison.
    else if (at < 12) touches.nodes += 0.5;
    else if (at >= 16) touches.words++;
  };
  return [{ from: nodes, to: nodes + (2 * maxEntries + 1) * nodeStride, note }];
}

const getters = [
  'getUint8',
  'getInt8',
  'getUint16',
  'getInt16',
  'getUint32',
  'getInt32',
  'getBigUint64',
  'getBigInt64',
] as const;
const setters = [
  'setUint8',
  'setInt8',
  'setUint16',
  'setInt16',
  'setUint32',
  'setInt32',
  'setBigUint64',
  'setBigInt64',
] as const;

/** A view of the same bytes that tells of loads, with their address, and of stores. */
function listening(buffer: ArrayBufferLike, load: (at: number) => void, store: () => void): DataView {
  const view = new DataView(buffer);
  // Methods of its own stand before those of its kind; a class that extends DataView has no type here.
  const detour = (name: (typeof getters)[number] | (typeof setters)[number], heard: (at: number) => void): void => {
    const method = (view[name] as (...args: unknown[]) => unknown).bind(view);
    Object.defineProperty(view, name, {
      value: (at: number, first: unknown, second: unknown) => {
        heard(at);
        return method(at, first, second);
      },
    });
  };
  for (const name of getters) detour(name, load);
  for (const name of setters) detour(name, store);
  return view;
}
