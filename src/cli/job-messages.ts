/** What the main thread and the threads of `--jobs` tell each other. */
import type { RingSource, SessionCounts } from '../runtime/index.js';
import type { LaneOptions } from '../vm/index.js';
import type { RunFlags } from './run-options.js';

/** What a thread is given when it starts. It has to be plain data: it is copied to the other thread. */
export interface JobTask {
  /** An ELF object, and where it came from. */
  readonly object: Uint8Array;
  readonly file: string;
  readonly program: string | undefined;
  /** Indexes of the programs that may run and that the verifier accepts. */
  readonly verified: readonly number[];
  readonly flags: RunFlags;
  readonly lanes: LaneOptions;
  /** Where its packets come from. */
  readonly ring: RingSource;
}

/** What a thread says, in this order: lines and counts as it goes, one of the other two as its last. */
export type FromJob =
  | { readonly kind: 'info'; readonly line: string }
  | { readonly kind: 'not compiled'; readonly program: number; readonly insn: number; readonly what: string }
  /** So far: what counts of a thread that has to be ended in the middle. */
  | { readonly kind: 'counts'; readonly counts: SessionCounts }
  | { readonly kind: 'done'; readonly counts: SessionCounts };
