import { describe, expect, it } from 'vitest';
import type { PacketBatch } from '../packet/index.js';
import type { PacketArena } from '../vm/index.js';
import { ArenaFeed } from './arena-feed.js';

/** An arena for so many packets and bytes that remembers what its window was loaded with. */
class Window {
  readonly loaded: Uint8Array[] = [];
  readonly capacity: number;
  readonly windowBytes: number;

  constructor(capacity: number, windowBytes: number) {
    this.capacity = capacity;
    this.windowBytes = windowBytes;
  }

  clear(): void {}

  load(bytes: Uint8Array): void {
    this.loaded.push(bytes.slice());
  }
}

/** Packets of 16 bytes, one behind the other, all of one number. */
function batchOf(count: number, fill: number): PacketBatch {
  return {
    count,
    bytes: new Uint8Array(16 * count).fill(fill),
    offset: Uint32Array.from({ length: count }, (_, i) => 16 * i),
    length: new Uint32Array(count).fill(16),
    origLength: new Uint32Array(count).fill(16),
    time: new BigUint64Array(count),
    interfaceId: new Uint32Array(count),
    comments: undefined,
  };
}

function feed(capacity: number, windowBytes: number): { window: Window; feed: ArenaFeed } {
  const window = new Window(capacity, windowBytes);
  return { window, feed: new ArenaFeed(() => window as unknown as PacketArena) };
}

describe('a batch on its way into the arena', () => {
  it('is loaded once for all parts of it that lie in the window', () => {
    const { window, feed: own } = feed(4, 160);
    const batch = batchOf(10, 1);
    expect([0, 4, 8].map((from) => own.open(batch, from, batch.count))).toEqual([4, 8, 10]);
    expect(window.loaded.map(({ length }) => length)).toEqual([160]);
  });

  it('goes up to the last packet that lies in the window whole, and no further than asked', () => {
    const { feed: own } = feed(100, 40);
    const batch = batchOf(10, 1);
    expect(own.open(batch, 0, 10)).toBe(2);
    expect(own.open(batch, 2, 3)).toBe(3);
    expect(own.base).toBe(32);
  });

  it('is loaded anew from where the window ends', () => {
    const { window, feed: own } = feed(100, 48);
    const batch = batchOf(5, 1);
    expect([0, 3].map((from) => own.open(batch, from, 5))).toEqual([3, 5]);
    expect(window.loaded.map(({ length }) => length)).toEqual([48, 32]);
  });

  it('is loaded anew where its packets may have run and changed', () => {
    const { window, feed: own } = feed(4, 160);
    const batch = batchOf(10, 1);
    for (const from of [0, 4, 4, 0]) own.open(batch, from, 10);
    expect(window.loaded).toHaveLength(3);
  });

  it('is loaded where another one was before, though it goes on where that one ended', () => {
    const { window, feed: own } = feed(4, 160);
    own.open(batchOf(10, 1), 0, 10);
    expect(own.open(batchOf(10, 2), 4, 10)).toBe(8);
    expect(window.loaded.map((bytes) => bytes[0])).toEqual([1, 2]);
  });
});
