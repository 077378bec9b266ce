/**
 * The pieces that guest memory is divided into. A region says which of its bytes may be touched at this moment; the
 * interpreter checks every access against it, and a fault names it.
 *
 * The accessible bytes are the window [lo, hi), further cut into elements when `stride` is not 0: element k covers
 * [start + k * stride, start + k * stride + span), and an access may not leave its element.
 */
import type { GuestAddress } from './guest-address.js';

/** What a region is for. */
export type RegionKind = 'ctx' | 'stack' | 'packet' | 'map value' | 'map' | 'scratch';

/** A piece of guest memory. `lo` and `hi` bound what may be touched now; they move with the packet's ends. */
export class Region {
  readonly kind: RegionKind;
  /** For messages: `packet`, `stack frame 2`, `value of map flows`. */
  readonly name: string;
  /** Guest address and length in bytes of all that the region reserves. */
  readonly start: GuestAddress;
  readonly size: number;
  /** Accessible window, guest addresses; moves with the packet, opens and closes with stack frames and records. */
  lo: GuestAddress;
  hi: GuestAddress;
  /** Distance of elements in bytes, or 0: the window is one piece. */
  stride = 0;
  /** Accessible bytes of an element. */
  span = 0;
  writable = true;

  constructor(kind: RegionKind, name: string, start: number, size: number) {
    this.kind = kind;
    this.name = name;
    this.start = start as GuestAddress;
    this.size = size;
    this.lo = start as GuestAddress;
    this.hi = this.end;
  }

  /** The address behind its last byte. */
  get end(): GuestAddress {
    return (this.start + this.size) as GuestAddress;
  }

  /** Nothing of it may be touched. */
  close(): void {
    this.hi = this.lo;
  }

  /** Its last `bytes` may be touched: a stack frame that is entered. */
  openTop(bytes: number): void {
    this.lo = (this.hi - bytes) as GuestAddress;
  }

  /** [lo, hi) may be touched. */
  openWindow(lo: number, hi: number): void {
    this.lo = lo as GuestAddress;
    this.hi = hi as GuestAddress;
  }

  /** Bytes from the start of the region, or of the element in it, to what a register's value points to. */
  distanceTo(value: bigint): number {
    const distance = Number(value) - this.start;
    return this.stride === 0 ? distance : distance % this.stride;
  }

  /** May the program touch `size` bytes at `address`? */
  admits(address: number, size: number): boolean {
    if (address < this.lo || address + size > this.hi) return false;
    if (this.stride === 0) return true;
    return ((address - this.start) % this.stride) + size <= this.span;
  }
}

/** A forbidden access: expected of unverified programs, therefore a value. */
export interface MemoryFault {
  readonly access: 'read' | 'write';
  /** The 64-bit address as the program formed it. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: number;
  /** The region that the address lies in or next to; absent for null and wild pointers. */
  readonly region: string | undefined;
  /** How many bytes the access lies outside the region's window or element; 0 if it is read-only memory. */
  readonly outside: number;
}

/** `write of 4 bytes at 0x10020: 2 bytes past the end of packet`. */
export function formatFault(fault: MemoryFault): string {
  const what = `${fault.access} of ${fault.size} byte${fault.size === 1 ? '' : 's'} at 0x${fault.address.toString(16)}`;
  if (fault.address < 0x10000n) return `${what}: null pointer`;
  if (fault.region === undefined) return `${what}: no such memory`;
  if (fault.outside === 0) return `${what}: ${fault.region} is read-only`;
  const side = fault.outside > 0 ? 'past the end of' : 'before the start of';
  const distance = Math.abs(fault.outside);
  return `${what}: ${distance} byte${distance === 1 ? '' : 's'} ${side} ${fault.region}`;
}
