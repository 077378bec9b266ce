/** What a recording is asked for, and what comes of it. */

import type { Facts } from '../condition/index.js';
import type { TraceCode, Value } from '../ir/index.js';
import type { LoadedProgram } from '../vm/index.js';
import type { AbortCode } from './aborts.js';
import type { History, Snapshot } from './snapshot.js';
import type { Assumption } from './stable-values.js';

/** What a recording may take before it is given up. */
export interface RecorderLimits {
  /** Values that a trace may have before dead code is removed. */
  readonly maxValues: number;
  readonly maxGuards: number;
  /** Instructions of the program that the recorder follows. */
  readonly maxSteps: number;
  /** Short branches on state are computed on both sides instead of being guarded (record-fork.ts). */
  readonly joins: boolean;
}

/** Values bound what a card stores, guards what it asks, steps how long recording may take. */
export const defaultLimits: RecorderLimits = { maxValues: 20_000, maxGuards: 1_000, maxSteps: 50_000, joins: true };

/** Where a recording failed. */
export interface AbortSite {
  readonly code: AbortCode;
  readonly detail: string | undefined;
  readonly program: LoadedProgram;
  readonly pc: number;
}

/** A finished recording, ready to be installed. */
export interface RecordedTrace {
  readonly code: TraceCode;
  /** All values that were recorded, dead ones too. */
  readonly recorded: readonly Value[];
  /** Low half of r0. */
  readonly verdict: number;
  /** Instructions that the program executed on the recorded packet. */
  readonly steps: number;
  readonly program: LoadedProgram;
  /** What the guards say, in normal form. */
  readonly facts: Facts;
  /** Contents of maps that it takes for constants: it must go when one of them changes. */
  readonly assumptions: readonly Assumption[];
  /** Bytes of metadata that its packets come with; undefined: any number, it does not look. */
  readonly metaLength: bigint | undefined;
  /** For its side traces. */
  readonly history: History;
  /** Of a side trace: where its parent's recording was taken over. */
  readonly start: Snapshot | undefined;
}

/** What {@link Recorder.finish} gives. */
export type Recording =
  | { readonly kind: 'trace'; readonly trace: RecordedTrace }
  | { readonly kind: 'abort'; readonly site: AbortSite };
