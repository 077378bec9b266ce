/** A map on its own, for tests: its guest memory, and keys and values where the program side can read them. */
import { type MapSpec, mapSpec as makeMap } from '../../object/index.js';
import type { MapTypeName } from '../../platform/index.js';
import { Journal } from '../journal.js';
import type { BpfMap } from '../map.js';
import { GuestMemory } from '../memory.js';
import type { MapContext } from './context.js';
import { createMap } from './create.js';

type Shape = Partial<MapSpec> & { readonly type: MapTypeName };

/** A map with keys and values of four bytes and four elements, where `shape` says nothing else. */
export function mapSpec(shape: Shape): MapSpec {
  return makeMap({ name: 'test', keySize: 4, valueSize: 4, maxEntries: 4, ...shape });
}

/** Calls both sides of maps with plain numbers. */
export class MapBench {
  readonly memory: GuestMemory = new GuestMemory();
  readonly maps: BpfMap[] = [];
  private readonly scratch = this.memory.allocate('scratch', 'bench', 1 << 16);
  private readonly context: MapContext;

  constructor(context: Partial<MapContext> = {}) {
    this.context = { cpus: 1, mapById: (id) => this.maps[id - 1], ...context };
  }

  make(shape: Shape, context: Partial<MapContext> = {}): BpfMap {
    const map = createMap(mapSpec(shape), this.maps.length, this.memory, { ...this.context, ...context });
    this.maps.push(map);
    return map;
  }

  /** Guest address of a key. */
  key(bytes: Uint8Array | number): number {
    this.memory.u8.set(typeof bytes === 'number' ? u32(bytes) : bytes, this.scratch.start);
    return this.scratch.start;
  }

  /** Guest address of a value; also a buffer of 32 KiB. */
  value(bytes: Uint8Array | number = 0): number {
    this.memory.u8.set(typeof bytes === 'number' ? u32(bytes) : bytes, this.scratch.start + 0x8000);
    return this.scratch.start + 0x8000;
  }

  /** Runs `body` in a transaction and rolls it back. */
  undone(body: () => void): void {
    const journal = new Journal();
    this.memory.journal = journal;
    body();
    this.memory.journal = null;
    journal.rollback(this.memory.u8);
    for (const map of this.maps) map.rolledBack();
  }

  /** All guest memory but the bench's own and the staging area of keys. */
  image(): Uint8Array {
    const image = this.memory.u8.slice(0, this.memory.used);
    image.fill(0, this.scratch.start, this.scratch.start + this.scratch.size);
    for (const map of this.maps) image.fill(0, map.handle, map.handle + 8 + map.spec.keySize);
    return image;
  }
}

/** Numbers as bytes, four each, in the host's order. */
export function u32(...words: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(words).buffer);
}
