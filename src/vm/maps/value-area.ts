/**
 * Where a map keeps its values: one region of element slots, so that an access which leaves its value is seen as such.
 *
 *     slot i:  base + i * stride   stride = valueSize rounded up to 8, or to a cache line where CPUs are threads;
 *                                  the padding is not accessible
 *
 * A slot that was freed stays readable, as memory that Linux frees by RCU does. Per-CPU maps use `cpus` slots an
 * element, CPU by CPU.
 */

import type { MapFacts } from '../../object/index.js';
import type { MapSpec } from '../../object/spec.js';
import { mapFlags } from '../../platform/index.js';
import type { GuestAddress } from '../guest-address.js';
import type { GuestMemory } from '../memory.js';
import type { Region } from '../region.js';

/** A value on its way into a map: guest address (program side) or bytes (syscall side). */
export type ValueSource = number | Uint8Array;

/** Values of maps are aligned to eight bytes, as in Linux. */
export function roundUp8(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** Bytes of a value that a copy leaves alone (copy_map_value): fields that only helpers may write. */
interface SpecialField {
  readonly offset: number;
  readonly size: number;
}

const cacheLine = 64;

const spinLockSize = 4;
const timerSize = 16;

function specialFields(facts: MapFacts | undefined): SpecialField[] {
  const fields: SpecialField[] = [];
  if (facts?.spinLockOffset !== undefined) fields.push({ offset: facts.spinLockOffset, size: spinLockSize });
  if (facts?.timerOffset !== undefined) fields.push({ offset: facts.timerOffset, size: timerSize });
  return fields.sort((a, b) => a.offset - b.offset);
}

/**
 * The slots of one map. Fields that programs must not overwrite (spin locks, timers) are left out when a value is
 * copied in.
 */
export class ValueArea {
  readonly region: Region;
  readonly base: GuestAddress;
  readonly stride: number;
  readonly size: number;
  private readonly memory: GuestMemory;
  private readonly special: readonly SpecialField[];

  /** `unit`: slots begin at multiples of it, at least 8. */
  constructor(memory: GuestMemory, spec: MapSpec, slots: number, facts?: MapFacts, unit = 8) {
    this.memory = memory;
    this.size = spec.valueSize;
    this.stride = Math.ceil(spec.valueSize / unit) * unit;
    this.region = memory.allocate('map value', `value of map ${spec.name}`, slots * this.stride);
    this.region.stride = this.stride;
    this.region.span = this.size;
    this.region.writable = (spec.flags & mapFlags.rdonlyProg) === 0;
    this.base = this.region.start;
    this.special = specialFields(facts);
  }

  /** A value is copied as a whole. */
  get isPlain(): boolean {
    return this.special.length === 0;
  }

  address(slot: number): GuestAddress {
    return (this.base + slot * this.stride) as GuestAddress;
  }

  /** Copies a value in, past its special fields. */
  write(to: number, from: ValueSource): void {
    let at = 0;
    for (const field of this.special) {
      this.copy(to, from, at, field.offset);
      at = field.offset + field.size;
    }
    this.copy(to, from, at, this.size);
  }

  /** A copy for the syscall side: special fields read as zeros. */
  read(from: number): Uint8Array {
    const bytes = this.memory.read(from, this.size);
    for (const field of this.special) bytes.fill(0, field.offset, field.offset + field.size);
    return bytes;
  }

  private copy(to: number, from: ValueSource, start: number, end: number): void {
    if (end === start) return;
    if (typeof from === 'number') this.memory.copy(to + start, from + start, end - start);
    else this.memory.write(to + start, start === 0 && end === from.length ? from : from.subarray(start, end));
  }
}

/**
 * Values of a per-CPU map: {@link ValueArea} with `cpus` slots an element. The syscall side sees all CPUs' values one
 * after another, each rounded up to 8 bytes, padding included.
 */
export class PercpuValueArea extends ValueArea {
  readonly cpus: number;
  private readonly guest: GuestMemory;
  /** Bytes of one CPU's value as the syscall side sees it. */
  private readonly seen: number;

  constructor(memory: GuestMemory, spec: MapSpec, elements: number, cpus: number) {
    // Where CPUs are threads, what one of them writes all the time shares no cache line with the others'.
    super(memory, spec, elements * cpus, undefined, memory.isShared ? cacheLine : 8);
    this.guest = memory;
    this.cpus = cpus;
    this.seen = roundUp8(spec.valueSize);
  }

  of(element: number, cpu: number): GuestAddress {
    return (this.base + (element * this.cpus + cpu) * this.stride) as GuestAddress;
  }

  readAll(element: number): Uint8Array {
    const all = new Uint8Array(this.cpus * this.seen);
    for (let cpu = 0; cpu < this.cpus; cpu++)
      all.set(this.guest.read(this.of(element, cpu), this.seen), cpu * this.seen);
    return all;
  }

  writeAll(element: number, bytes: Uint8Array): void {
    for (let cpu = 0; cpu < this.cpus; cpu++)
      this.guest.write(this.of(element, cpu), bytes.subarray(cpu * this.seen, (cpu + 1) * this.seen));
  }

  /**
   * A new element from the program side: zeros for the other CPUs (pcpu_init_value); padding stays as it was, as in
   * Linux.
   */
  initialise(element: number, cpu: number, from: ValueSource): void {
    for (let other = 0; other < this.cpus; other++) {
      if (other !== cpu) this.guest.fill(this.of(element, other), 0, this.size);
    }
    this.write(this.of(element, cpu), from);
  }
}
