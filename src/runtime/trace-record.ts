/** A trace and what became of it. Traces that were evicted and recorded again are one. */

import { type Facts, type PathCondition, pathCondition, type TraceNames } from '../condition/index.js';
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
  /** What the condition is put into words from, where the recording is gone and no one has asked. */
  private facts: Facts | undefined;

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

  /** Put into words when first asked for: that takes longer than recording did. */
  get condition(): PathCondition {
    const facts = this.trace?.facts ?? this.facts;
    if (this.words === undefined) {
      if (facts === undefined) return forgotten;
      this.words = pathCondition(facts, this.names);
      this.facts = undefined;
    }
    return this.words;
  }

  /** Lets go of the recording; what its condition says may be kept. @internal */
  release(keepFacts: boolean): void {
    if (keepFacts && this.words === undefined) this.facts = this.trace?.facts;
    this.trace = undefined;
  }

  /** Lets go of what the condition is made of, which is a hundred times the size of its words. @internal */
  settle(keepCondition: boolean): void {
    if (keepCondition) void this.condition;
    this.facts = undefined;
  }
}
