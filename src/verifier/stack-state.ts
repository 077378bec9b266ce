/**
 * One 8-byte stack slot and a frame's 64 of them. A slot's eight bytes are each of a kind; if a register was spilled
 * here, its state is kept so that a fill of the same bytes gets it back.
 *
 * Slots are values: written by their maker only, then shared by states. Slot i covers the bytes at fp - 8 * (i + 1) up
 * to fp - 8 * i. Byte b of a slot is the one at the slot's lowest address + b.
 */
import { stackSize } from '../platform/index.js';
import type { RegState } from './reg-state.js';

/** Kinds of a stack byte. */
export const byteInvalid = 0;
/** Part of the spilled register `reg`. */
export const byteSpill = 1;
/** Written, nothing known. */
export const byteMisc = 2;
/** Known to be zero. */
export const byteZero = 3;
/** Part of a dynptr; its slots hold the state in `dynptr`. */
export const byteDynptr = 4;

/** Part of an iterator; its slot holds the state in `iterator`. */
export const byteIterator = 5;

/**
 * One of the kinds above, in three bits. Three suffice for what Linux has in `enum bpf_stack_slot_type` and XDP can
 * reach.
 */
export type StackByte = 0 | 1 | 2 | 3 | 4 | 5;

/** Bytes of a slot: what a spilled register takes. */
export const slotSize = 8;
/** Slots of a full frame. */
export const slotCount: number = stackSize / slotSize;

/** State of a dynptr on the stack: two slots. */
export interface DynptrSlot {
  /** The lower one? */
  readonly first: boolean;
  readonly id: number;
  readonly refId: number;
  /** local or ringbuf. */
  readonly type: string;
}

/** State of an open-coded iterator on the stack: one slot. */
export interface IteratorSlot {
  readonly refId: number;
  /** May `next` still give an item? */
  readonly active: boolean;
  /** Items given on this path. */
  readonly depth: number;
}

/**
 * Eight bytes of a frame (struct bpf_stack_state). A value: nothing of it changes once it is in a state.
 */
export class StackSlot {
  /** Kinds of the eight bytes, three bits each: byte b in bits 3b..3b+2. */
  readonly bytes: number;
  readonly reg: RegState | undefined;
  readonly dynptr: DynptrSlot | undefined;
  readonly iterator: IteratorSlot | undefined;

  constructor(
    bytes: number,
    reg?: RegState | undefined,
    dynptr?: DynptrSlot | undefined,
    iterator?: IteratorSlot | undefined,
  ) {
    this.bytes = bytes;
    this.reg = reg;
    this.dynptr = dynptr;
    this.iterator = iterator;
  }

  /** Kind of byte `b`, counted from the lowest address. */
  byte(b: number): StackByte {
    return ((this.bytes >> (3 * b)) & 7) as StackByte;
  }

  /** Number of low bytes that hold the spilled register. */
  get spillSize(): number {
    let size = 0;
    while (size < slotSize && this.byte(size) === byteSpill) size++;
    return size;
  }

  /** Holds all of a register? */
  get isWholeSpill(): boolean {
    return this.reg !== undefined && this.bytes === wholeSpill;
  }

  /** Written without being known, or never written, in each byte: any load yields an unknown number. */
  get isUnknown(): boolean {
    return (this.bytes & notUnknown) === 0;
  }

  /** Holds a register, at least in its lowest byte? */
  get isSpill(): boolean {
    return this.reg !== undefined && (this.bytes & 7) === byteSpill;
  }

  /** The same content; a spilled number has a new trail that leads to the old one. */
  forked(): StackSlot {
    if (this.reg?.kind !== 'scalar') return this;
    return new StackSlot(this.bytes, this.reg.forked(), this.dynptr, this.iterator);
  }

  /** The same bytes, with what is known of the spilled register replaced. */
  withReg(reg: RegState): StackSlot {
    return new StackSlot(this.bytes, reg, this.dynptr, this.iterator);
  }
}

/** Eight bytes of one kind. */
export function uniformBytes(kind: StackByte): number {
  let bytes = 0;
  for (let b = 0; b < slotSize; b++) bytes |= kind << (3 * b);
  return bytes;
}

const wholeSpill = uniformBytes(byteSpill);
/** Bits that only kinds other than {@link byteInvalid} (0) and {@link byteMisc} (2) have. */
const notUnknown = uniformBytes(5);

/** `bytes` (packed as in {@link StackSlot}) with byte `b` of another kind. */
export function withByte(bytes: number, b: number, kind: StackByte): number {
  return (bytes & ~(7 << (3 * b))) | (kind << (3 * b));
}

/** Slot index of a negative frame offset. */
export function slotOf(off: number): number {
  return (-off - 1) >> 3;
}

/** Byte within its slot of a negative frame offset. */
export function byteOf(off: number): number {
  return off & 7;
}
