/**
 * The guards of a trace one by one, in words: what each says by itself, given those before it. A path condition is the
 * sum of them in normal form; this is the way there, in the order in which the program asked. Traces that share their
 * first guards share their words.
 */

import { BitSources, Facts, newNaming, pathCondition, type TraceNames } from '../condition/index.js';
import type { Value } from '../ir/index.js';
import type { RecordedTrace } from './recording.js';

/** One text a guard, in order; empty where the guards before it already say as much. */
export function guardWords(trace: RecordedTrace, names: TraceNames): string[] {
  const sources = new BitSources();
  const naming = newNaming(new Facts(sources));
  const words: string[] = [];
  for (const guard of trace.code.values) {
    if (guard.op !== 'guard') continue;
    const condition = guard.args[0] as Value;
    const holds = guard.detail?.kind === 'guard' && guard.detail.expect;
    const facts = new Facts(sources);
    facts.assert(condition, holds);
    words.push(pathCondition(facts, names, naming).text);
    naming.known.assert(condition, holds);
  }
  return words;
}
