/**
 * Whether a trace that was just recorded is worth a place: the gate in front of a policy, which sees the path's key.
 * (Which misses are worth a recording is decided before, by the place where the packet left the tree: hot loop and
 * penalties, `src/runtime`.)
 */
import { FrequencySketch } from './frequency-sketch.js';

/** A gate. It is told of every request, so that it may count, and asked about every newcomer. */
export interface Admission {
  /** A packet asked for the key, be it there or not. */
  asked(key: number): void;
  /**
   * Whether the key, just missed, may come in; `victim` is whom the policy would evict first, undefined where there is
   * room.
   */
  admits(key: number, victim: number | undefined): boolean;
}

/** How much a gate should remember. */
export interface AdmissionOptions {
  /** Entries that may fit, roughly. */
  readonly entries: number;
  readonly seed: number;
}

/** Admissions by name, as `--admission` takes them. */
export interface AdmissionRow {
  readonly name: string;
  readonly description: string;
  readonly create: (options: AdmissionOptions) => Admission;
}

/** Everything comes in. */
class Always implements Admission {
  asked(): void {}

  admits(): boolean {
    return true;
  }
}

/**
 * What was asked for before, lately, comes in: a path taken once does not disturb those that are in, whether there is
 * room or not. The memory is TinyLFU's doorkeeper and sketch: it fades after ten requests for each entry that fits.
 */
class Doorkeeper implements Admission {
  private readonly sketch: FrequencySketch;

  constructor({ entries, seed }: AdmissionOptions) {
    this.sketch = new FrequencySketch(entries, seed);
  }

  asked(key: number): void {
    this.sketch.add(key);
  }

  admits(key: number): boolean {
    return this.sketch.estimate(key) > 1;
  }
}

/**
 * What was asked for more often, lately, than the one that it would replace comes in: TinyLFU in front of any policy
 * (Einziger, Friedman and Manes, ACM Transactions on Storage 13(4), 2017, section 3.1). Where several have to go it is
 * compared with the first.
 */
class TinyLfu implements Admission {
  private readonly sketch: FrequencySketch;

  constructor({ entries, seed }: AdmissionOptions) {
    this.sketch = new FrequencySketch(entries, seed);
  }

  asked(key: number): void {
    this.sketch.add(key);
  }

  admits(key: number, victim: number | undefined): boolean {
    return victim === undefined || this.sketch.estimate(key) > this.sketch.estimate(victim);
  }
}

/** All gates, by the names of `--admission`; `always` is the default. */
export const admissions: readonly AdmissionRow[] = [
  { name: 'always', description: 'every trace that was recorded', create: () => new Always() },
  {
    name: 'doorkeeper',
    description: 'paths that were taken at least twice lately',
    create: (options) => new Doorkeeper(options),
  },
  {
    name: 'tinylfu',
    description: 'paths that were taken more often lately than the one to be evicted',
    create: (options) => new TinyLfu(options),
  },
];

/** The row of that name, if there is one. */
export function findAdmission(name: string): AdmissionRow | undefined {
  return admissions.find((row) => row.name === name);
}

/** True if everything comes in, so that nobody needs to know who was asked for; without a row, too. */
export function isOpen(row: AdmissionRow | undefined): boolean {
  return row === undefined || row.name === 'always';
}
