/**
 * What the generator knows of registers and stack while it emits code: enough to write only instructions that Linux's
 * verifier accepts, most of the time.
 */

/** What a register or a stack slot holds, as far as generating needs to know. */
export type Value =
  /** Never written, or clobbered: may not be read. */
  | { readonly kind: 'none' }
  /** `max`: a known unsigned bound, as after a mask. */
  | { readonly kind: 'scalar'; readonly max?: number }
  | { readonly kind: 'ctx' }
  /** A packet pointer with `range` bytes proved to follow it. */
  | { readonly kind: 'packet'; readonly range: number }
  /** A pointer to the start of a value, checked against null. */
  | { readonly kind: 'map value'; readonly map: number; readonly size: number }
  /** A pointer into a caller's stack with `size` initialised bytes. */
  | { readonly kind: 'memory'; readonly size: number };

/** A register that holds nothing readable. */
export const none: Value = { kind: 'none' };
/** A register that holds a number. */
export const scalar: Value = { kind: 'scalar' };

/** The state on one path; a branch copies it, and where paths meet it is joined. */
export class TypeState {
  readonly regs: Value[];
  /** Initialised bytes below r10, by distance: byte i is r10 - i, 1 .. 512. */
  readonly initialised: Set<number>;
  /** Spilled pointers by distance of the slot (a multiple of 8). */
  readonly spills: Map<number, Value>;

  constructor(from?: TypeState) {
    this.regs = from === undefined ? new Array<Value>(10).fill(none) : [...from.regs];
    this.initialised = new Set(from?.initialised);
    this.spills = new Map(from?.spills);
  }

  get(reg: number): Value {
    return this.regs[reg] ?? none;
  }

  set(reg: number, value: Value): void {
    this.regs[reg] = value;
  }

  /** Registers whose value is of `kind`. */
  withKind(kind: Value['kind']): number[] {
    return [...this.regs.keys()].filter((r) => this.get(r).kind === kind);
  }

  /** A call: r0 to r5 are gone. */
  clobber(): void {
    for (let r = 0; r <= 5; r++) this.set(r, none);
  }

  /** A helper moved the packet: every pointer into it is void, spilled ones too. */
  dropPacketPointers(): void {
    for (const r of this.withKind('packet')) this.set(r, none);
    for (const [slot, value] of this.spills) if (value.kind === 'packet') this.dropSlot(slot);
  }

  /** Marks `size` bytes at r10 - distance as data. */
  writeStack(distance: number, size: number): void {
    const slot = Math.ceil(distance / 8) * 8;
    if (this.spills.has(slot)) this.dropSlot(slot);
    for (let i = 0; i < size; i++) this.initialised.add(distance - i);
  }

  spill(distance: number, value: Value): void {
    this.dropSlot(distance);
    this.spills.set(distance, value);
  }

  stackReadable(distance: number, size: number): boolean {
    for (let i = 0; i < size; i++) if (!this.initialised.has(distance - i)) return false;
    return true;
  }

  /** What holds on both of two paths that meet. */
  meet(other: TypeState): void {
    for (const r of this.regs.keys()) this.set(r, meetValues(this.get(r), other.get(r)));
    for (const byte of this.initialised) if (!other.initialised.has(byte)) this.initialised.delete(byte);
    for (const [slot, value] of this.spills) {
      const both = meetValues(value, other.spills.get(slot) ?? none);
      if (both.kind === 'none') this.dropSlot(slot);
      else this.spills.set(slot, both);
    }
  }

  /** The eight bytes below `slot` are no longer known to be written. */
  private dropSlot(slot: number): void {
    this.spills.delete(slot);
    for (let i = 0; i < 8; i++) this.initialised.delete(slot - i);
  }
}

/** What is so on both ways into a join. */
function meetValues(a: Value, b: Value): Value {
  if (a.kind !== b.kind) return none;
  if (a.kind === 'scalar' && b.kind === 'scalar') {
    return a.max === undefined || b.max === undefined ? scalar : { kind: 'scalar', max: Math.max(a.max, b.max) };
  }
  if (a.kind === 'packet' && b.kind === 'packet') return { kind: 'packet', range: Math.min(a.range, b.range) };
  if (a.kind === 'map value' && b.kind === 'map value') return a.map === b.map ? a : none;
  if (a.kind === 'memory' && b.kind === 'memory') return { kind: 'memory', size: Math.min(a.size, b.size) };
  return a;
}

/** Bytes that may be accessed from the start of what `value` points to. */
export function roomOf(value: Value): number {
  switch (value.kind) {
    case 'packet':
      return value.range;
    case 'map value':
    case 'memory':
      return value.size;
    default:
      return 0;
  }
}
