/**
 * Values of maps that only the control plane writes: configuration. One that was the same in every recording so far,
 * and often enough, is taken for a constant, so that all that is computed from it folds away. The trace says what it
 * assumed; whoever holds traces asks after each change from the syscall side ({@link AssumptionLedger}) and retires
 * those whose assumption fails.
 */
import { mayBeWritten } from '../code/index.js';
import { bytesAt } from '../jit/index.js';
import { type Location, locationKey, type ProgramSpec } from '../object/index.js';
import { elementMaps } from '../platform/index.js';
import type { Verdicts } from '../verifier/index.js';
import type { Machine } from '../vm/index.js';

/** `size` bytes of a map, little-endian. */
export interface Assumption {
  readonly at: Location;
  readonly size: number;
  readonly value: bigint;
}

/** What recordings saw at one place. */
interface Samples {
  value: bigint;
  count: number;
  /** The map's version at the first of them. */
  version: number;
  /** The recording that counted last. */
  recording: number;
}

/** Recordings in which a value has to be the same before it is assumed. */
const enough = 3;

/** Counts how often places held the same value. */
export class StableValues {
  private readonly machine: Machine;
  private readonly samples = new Map<string, Samples>();
  private readonly verdicts: Verdicts;
  private readonly programs: readonly ProgramSpec[];

  /**
   * `programs`: those that run; the verifier is asked when the first value is a candidate. If it refuses one nothing
   * is assumed, since its pointers may point anywhere.
   */
  constructor(machine: Machine, verdicts: Verdicts, programs: readonly ProgramSpec[]) {
    this.machine = machine;
    this.verdicts = verdicts;
    this.programs = programs;
  }

  /** Notes what recording number `recording` read; true if it may assume it. */
  sample({ at, size, value }: Assumption, recording: number): boolean {
    const version = this.machine.maps[at.map]?.version ?? -1;
    const key = `${locationKey(at)} ${size}`;
    const known = this.samples.get(key);
    if (known === undefined || known.value !== value || known.version !== version) {
      this.samples.set(key, { value, count: 1, version, recording });
      return false;
    }
    if (known.recording !== recording) {
      known.recording = recording;
      known.count++;
    }
    return known.count > enough && this.isStable(at.map);
  }

  /**
   * Only maps that no program writes stay as they are. What is asked about lies at a fixed address: in an array, or
   * where a walk over a map came by.
   */
  private isStable(map: number): boolean {
    // Maps of which every change by the control plane bumps the version.
    if (!elementMaps.has(this.machine.maps[map]?.spec.type ?? 'unspec')) return false;
    return this.verdicts.accepts(...this.programs) && !mayBeWritten(this.machine.object, map);
  }
}

/** Which traces assume what, and whether that is still so. */
export class AssumptionLedger<T> {
  private readonly machine: Machine;
  /** By map: its version when last looked at, and who assumes something of it. */
  private readonly maps = new Map<number, { version: number; readonly holders: Map<T, readonly Assumption[]> }>();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Notes who assumed what. The version says whether anything of the map has changed since. */
  add(holder: T, assumptions: readonly Assumption[]): void {
    for (const { at } of assumptions) {
      const { map } = at;
      let entry = this.maps.get(map);
      if (entry === undefined) {
        entry = { version: this.machine.maps[map]?.version ?? 0, holders: new Map() };
        this.maps.set(map, entry);
      }
      entry.holders.set(
        holder,
        assumptions.filter((assumption) => assumption.at.map === map),
      );
    }
  }

  remove(holder: T): void {
    for (const { holders } of this.maps.values()) holders.delete(holder);
  }

  /**
   * Holders whose assumptions no longer hold since the last call; they are forgotten. One comparison a map where
   * nothing has changed.
   */
  failed(): readonly T[] {
    if (this.maps.size === 0) return none;
    let failed: T[] | undefined;
    for (const [index, entry] of this.maps) {
      const version = this.machine.maps[index]?.version ?? 0;
      if (version === entry.version) continue;
      entry.version = version;
      for (const [holder, assumptions] of entry.holders) {
        if (assumptions.every((assumption) => this.holds(assumption))) continue;
        failed ??= [];
        failed.push(holder);
      }
    }
    for (const holder of failed ?? none) this.remove(holder as T);
    return failed ?? none;
  }

  /** Is what was assumed so, now? */
  holds({ at, size, value }: Assumption): boolean {
    return bytesAt(this.machine, at, size).every((byte, i) => BigInt(byte) === ((value >> BigInt(8 * i)) & 0xffn));
  }
}

const none: readonly never[] = [];
