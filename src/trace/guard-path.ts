/**
 * The way of a trace through its program as a list of questions and answers: its guards in order. Two traces of one
 * program ask the same until one answers otherwise, so how far they share their way is how many answers they have in
 * common. Questions of two recordings are compared by a hash over all that they are computed from.
 */
import { type OpName, opNames, type Value } from '../ir/index.js';
import type { RecordedTrace } from './recording.js';
import { WordHash } from './word-hash.js';

/** One guard of a trace. */
export interface GuardStep {
  readonly guard: Value;
  /** Equal for traces that ask the same after the same answers. */
  readonly question: string;
  readonly holds: boolean;
  /** It asks for what maps hold, or for the time; else the packet alone answers. */
  readonly isState: boolean;
}

/** What tells of state by itself; loads do by what they read. */
const stateOps: ReadonlySet<OpName> = new Set<OpName>(['lookup', 'slot', 'cell', 'env', 'atomic', 'call']);

/** Does a value itself, whatever it is computed from, read what maps hold, or the time? */
export function readsState({ op, detail }: Value): boolean {
  return stateOps.has(op) || (detail?.kind === 'memory' && (detail.space === 'map' || detail.space === 'other'));
}

const paths = new WeakMap<RecordedTrace, readonly GuardStep[]>();

/** The guards of a trace, in the order of the program. */
export function guardPath(trace: RecordedTrace): readonly GuardStep[] {
  let path = paths.get(trace);
  if (path === undefined) {
    path = stepsOf(trace.code.values);
    paths.set(trace, path);
  }
  return path;
}

/** In how many answers two ways agree before they part. */
export function sharedSteps(a: readonly GuardStep[], b: readonly GuardStep[]): number {
  let shared = 0;
  for (const [i, step] of a.entries()) {
    const other = b[i];
    if (other === undefined || other.question !== step.question || other.holds !== step.holds) break;
    shared = i + 1;
  }
  return shared;
}

/** Do two ways part on state: the same question, answered otherwise, that no packet answers by itself? */
export function partOnState(a: readonly GuardStep[], b: readonly GuardStep[]): boolean {
  const at = sharedSteps(a, b);
  const [x, y] = [a[at], b[at]];
  return x?.isState === true && y?.question === x.question;
}

function stepsOf(values: readonly Value[]): GuardStep[] {
  const hashes = new Map<Value, string>();
  const states = new Set<Value>();
  const steps: GuardStep[] = [];
  for (const value of values) {
    if (readsState(value) || value.args.some((arg) => states.has(arg))) states.add(value);
    if (value.op !== 'guard') {
      hashOf(value, hashes);
      continue;
    }
    const asked = value.args[0] as Value;
    const holds = value.detail?.kind === 'guard' && value.detail.expect;
    steps.push({ guard: value, question: hashOf(asked, hashes), holds, isState: states.has(asked) });
  }
  return steps;
}

const opNumber: ReadonlyMap<string, number> = new Map(opNames.map((name, i) => [name, i]));

/** Arguments have theirs already, but for constants and places, which stand in no list. */
function hashOf(value: Value, hashes: Map<Value, string>): string {
  const known = hashes.get(value);
  if (known !== undefined) return known;
  const { op, imm, args, detail } = value;
  const hash = new WordHash();
  hash.add(opNumber.get(op) ?? -1);
  const text = `${imm} ${args.map((arg) => hashOf(arg, hashes)).join(' ')} ${JSON.stringify(detail)}`;
  for (let i = 0; i < text.length; i++) hash.add(text.charCodeAt(i));
  hashes.set(value, hash.text());
  return hash.text();
}
