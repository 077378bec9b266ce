/**
 * Guest memory: one WebAssembly.Memory that holds everything a program can point at. A guest pointer is an offset into
 * it, zero-extended to 64 bits.
 *
 * Invariants:
 * 1. Addresses below {@link firstAddress} are never handed out, so that null and near-null pointers fault.
 * 2. A region starts on a page of 4 KiB and owns its pages alone; the page after it stays free, so an access that runs
 *    off its end is seen. `regionOf` finds a region by its page.
 * 3. Whatever a packet can change is stored through the `store*`, `copy`, `fill` and `write` methods here, and only
 * through them: they
 *    are what the {@link Journal} sees.
 * 4. `u8` and `view` are replaced when the memory grows. It grows only in `allocate`, which nothing calls while a
 * packet runs.
 */
import { BudgetError, InternalError, Wasm, type WasmMemory } from '../base/index.js';
import type { Journal } from './journal.js';
import { type MemoryFault, Region, type RegionKind } from './region.js';

/** Lowest guest address ever handed out. */
export const firstAddress = 0x10000;

const pageBits = 12;
const pageSize = 1 << pageBits;
const wasmPageSize = 0x10000;
/** Guest pointers are 32-bit offsets; the last WebAssembly page is kept free. */
const maxBytes = 0xffff * wasmPageSize;

/**
 * Loads and stores take guest addresses in bytes and are little-endian. All changes go through `store` methods, since
 * only those are noted in the journal. When the
 * memory grows the views change: hold the `GuestMemory`, never its views.
 */
export class GuestMemory {
  /** Other threads have it, too. */
  readonly isShared: boolean;
  memory: WasmMemory;
  u8: Uint8Array;
  view: DataView;
  /** While set, stores are noted here. */
  journal: Journal | null = null;
  readonly regions: Region[] = [];
  /** Region index + 1 of each 4 KiB page, 0 where there is none. */
  private pages: Uint16Array = new Uint16Array(0);
  private next = firstAddress;
  /** End of what may be handed out. */
  private limit = maxBytes;

  constructor(isShared = false) {
    this.isShared = isShared;
    this.memory = new Wasm.Memory({ initial: 2, maximum: maxBytes / wasmPageSize, shared: isShared });
    this.u8 = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    this.coverPages();
  }

  /** Bytes handed out so far, gaps included. */
  get used(): number {
    return this.next;
  }

  /** Reserves zeroed memory. Throws BudgetError when 4 GiB are not enough. `size` in bytes, at least 1. */
  allocate(kind: RegionKind, name: string, size: number): Region {
    const start = this.next;
    // One free page behind each region (invariant 2).
    const end = start + (Math.ceil(Math.max(size, 1) / pageSize) + 1) * pageSize;
    if (end > this.limit) {
      throw new BudgetError(
        `${name} needs ${size} bytes and guest memory is limited to 4 GiB`,
        {},
        'lower max_entries of the largest maps',
      );
    }
    if (this.regions.length >= 0xffff) throw new InternalError('guest memory', 'too many regions');
    this.next = end;
    if (end > this.u8.length) this.grow(end);
    const region = new Region(kind, name, start, size);
    this.regions.push(region);
    this.pages.fill(this.regions.length, start >>> pageBits, Math.ceil((start + size) / pageSize));
    return region;
  }

  /** The region whose pages `address` lies on. */
  regionOf(address: number): Region | undefined {
    const index = this.pages[address >>> pageBits];
    return index === undefined || index === 0 ? undefined : this.regions[index - 1];
  }

  // The next two are what every load and store goes through. They repeat `regionOf` and `Region.admits`: the engine
  // that calls them in its loop inlines only so much, and a call within a call costs more than the check itself.

  /** True if the program may read `size` bytes at `address` (a guest address; wild values are fine). */
  canRead(address: number, size: number): boolean {
    if (!(address >= firstAddress && address < this.next)) return false;
    const region = this.regions[(this.pages[address >>> pageBits] as number) - 1];
    if (region === undefined || address < region.lo || address + size > region.hi) return false;
    return region.stride === 0 || ((address - region.start) % region.stride) + size <= region.span;
  }

  /** True if the program may write `size` bytes at `address`. */
  canWrite(address: number, size: number): boolean {
    if (!(address >= firstAddress && address < this.next)) return false;
    const region = this.regions[(this.pages[address >>> pageBits] as number) - 1];
    if (region === undefined || address < region.lo || address + size > region.hi || !region.writable) return false;
    return region.stride === 0 || ((address - region.start) % region.stride) + size <= region.span;
  }

  /** What a register's value points into; undefined: it is no pointer. */
  pointee(value: bigint): Region | undefined {
    return value < 0x1_0000_0000n ? this.regionOf(Number(value)) : undefined;
  }

  /** A region that holds these bytes and that a program may read and write; returns what a register has to hold. */
  hold(name: string, bytes: Uint8Array): bigint {
    const { start } = this.allocate('scratch', name, bytes.length);
    this.write(start, bytes);
    return BigInt(start);
  }

  /**
   * The `size` (1, 2, 4, 8) bytes that a register's value points to; undefined where a program may not read. What maps
   * keep for themselves can be read: it is closed to programs, not to who follows a walk over a map.
   */
  peek(value: bigint, size: number): bigint | undefined {
    const address = Number(value);
    if (!this.canRead(address, size) && this.regionOf(address)?.kind !== 'map') return undefined;
    switch (size) {
      case 1:
        return BigInt(this.load8(address));
      case 2:
        return BigInt(this.load16(address));
      case 4:
        return BigInt(this.load32(address));
      default:
        return this.load64(address);
    }
  }

  /** Describes an access that `canRead` or `canWrite` refused. */
  explainFault(access: 'read' | 'write', address: bigint, size: number): MemoryFault {
    const at = Number(address);
    const fault = { access, address, size };
    if (at < firstAddress || at >= this.next) return { ...fault, region: undefined, outside: 0 };
    // An access that starts on the free page behind a region ran off that region's end; one just before, off its
    // start.
    const region = this.regionOf(at) ?? this.regionOf(at - pageSize) ?? this.regionOf(at + size - 1);
    if (region === undefined) return { ...fault, region: undefined, outside: 0 };
    if (region.admits(at, size)) return { ...fault, region: region.name, outside: 0 };
    if (at < region.lo) return { ...fault, region: region.name, outside: at - region.lo };
    if (at + size > region.hi) return { ...fault, region: region.name, outside: at + size - region.hi };
    return { ...fault, region: region.name, outside: ((at - region.start) % region.stride) + size - region.span };
  }

  load8(address: number): number {
    return this.view.getUint8(address);
  }

  load16(address: number): number {
    return this.view.getUint16(address, true);
  }

  load32(address: number): number {
    return this.view.getUint32(address, true);
  }

  load64(address: number): bigint {
    return this.view.getBigUint64(address, true);
  }

  store8(address: number, value: number): void {
    if (this.journal !== null) this.journal.note(this.u8, address, 1);
    this.view.setUint8(address, value);
  }

  store16(address: number, value: number): void {
    if (this.journal !== null) this.journal.note(this.u8, address, 2);
    this.view.setUint16(address, value, true);
  }

  store32(address: number, value: number): void {
    if (this.journal !== null) this.journal.note(this.u8, address, 4);
    this.view.setUint32(address, value, true);
  }

  store64(address: number, value: bigint): void {
    if (this.journal !== null) this.journal.note(this.u8, address, 8);
    this.view.setBigUint64(address, value, true);
  }

  /** {@link store64} of a value in halves: it costs no bigint. */
  storeHalves(address: number, low: number, high: number): void {
    if (this.journal !== null) this.journal.note(this.u8, address, 8);
    this.view.setUint32(address, low, true);
    this.view.setUint32(address + 4, high, true);
  }

  /** Like memmove. */
  copy(to: number, from: number, size: number): void {
    if (this.journal !== null) this.journal.note(this.u8, to, size);
    // Keys and values are mostly words; a call of copyWithin costs more than they do.
    if (size === 4) this.view.setUint32(to, this.view.getUint32(from));
    else if (size === 8) this.view.setBigUint64(to, this.view.getBigUint64(from));
    else this.u8.copyWithin(to, from, from + size);
  }

  fill(address: number, value: number, size: number): void {
    if (this.journal !== null) this.journal.note(this.u8, address, size);
    this.u8.fill(value, address, address + size);
  }

  write(address: number, bytes: Uint8Array): void {
    if (this.journal !== null) this.journal.note(this.u8, address, bytes.length);
    this.u8.set(bytes, address);
  }

  /** A copy of `size` bytes. */
  read(address: number, size: number): Uint8Array {
    return this.u8.slice(address, address + size);
  }

  /**
   * Takes `memory` of another thread, in which everything allocated so far lies at the same addresses; its contents
   * count. What is allocated from now on comes from [start, end) of it, which is there already.
   */
  adopt(memory: WasmMemory, start: number, end: number): void {
    if (!this.isShared) throw new InternalError('guest memory', 'only shared memory can be adopted');
    this.memory = memory;
    this.u8 = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.next = start;
    this.limit = end;
    this.coverPages();
  }

  private grow(end: number): void {
    this.memory.grow(Math.ceil((end - this.u8.length) / wasmPageSize));
    this.u8 = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    this.coverPages();
  }

  private coverPages(): void {
    const pages = new Uint16Array(this.u8.length >>> pageBits);
    pages.set(this.pages);
    this.pages = pages;
  }
}
