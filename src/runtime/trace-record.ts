/** A trace and what became of it. Traces that were evicted and recorded again are one. */

import { type PathCondition, pathCondition, type TraceNames } from '../condition/index.js';
import { countInsns } from '../ir/index.js';
import type { RecordedTrace } from '../trace/index.js';

/** What is left to show of a trace that was evicted before anyone asked, if conditions are not kept. */
const forgotten: PathCondition = {
  text: '(evicted)',
  atoms: [],
  ternary: [],
  table: { rows: 0, keyBits: 0 },
  computed: [],
};

/** A path that was recorded: its condition, and how many packets it has decided. */
export class TraceRecord {
  /** In order of first installation, from 0. */
  readonly id: number;
  /** What the path does, whatever recording it comes from (`fingerprint`). @internal */
  readonly key: string;
  /** Low half of r0. */
  readonly verdict: number;
  /** Instructions of the program that the recorded packet took. */
  readonly insnsProgram: number;
  /** Instructions of the trace's condition, and of what it does once that holds. */
  readonly insnsCondition: number;
  readonly insnsTrace: number;
  /** As recorded last; undefined once it was evicted, unless recordings are kept. @internal */
  trace: RecordedTrace | undefined;
  /** Of a side trace, as recorded last: its parent, and how many guards it has from there. */
  parent: { readonly id: number; readonly guard: number } | undefined;
  /** Packets that it has decided. */
  packets = 0;
  /** Value of `packets` when it was installed last. @internal */
  packetsAtInstall = 0;
  /** How often it was put on the card. */
  installs = 0;
  private readonly names: TraceNames;
  private words: PathCondition | undefined;

  /** @internal */
  constructor(id: number, key: string, trace: RecordedTrace, names: TraceNames) {
    const insns = countInsns(trace.code);
    this.id = id;
    this.key = key;
    this.verdict = trace.verdict;
    this.insnsProgram = trace.steps;
    this.insnsCondition = insns.condition;
    this.insnsTrace = insns.body;
    this.trace = trace;
    this.names = names;
  }

  /** Put into words when first asked for: that takes about as long as recording did. */
  get condition(): PathCondition {
    if (this.words === undefined) {
      if (this.trace === undefined) return forgotten;
      this.words = pathCondition(this.trace.facts, this.names);
    }
    return this.words;
  }

  /** Lets go of the recording, which is a thousand times the size of what is shown of it. @internal */
  release(keepCondition: boolean): void {
    if (keepCondition) void this.condition;
    this.trace = undefined;
  }
}
