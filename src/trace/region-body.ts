/**
 * Traces that share a place of the card as one body: what all of them ask first is the condition of the whole, and
 * where two answer otherwise the body branches. There is one entry, a verdict at the end of each side, and no way
 * back.
 */
import { Facts, type PathCondition, pathCondition, type TraceNames } from '../condition/index.js';
import type { Value } from '../ir/index.js';
import { type GuardStep, guardPath } from './guard-path.js';
import { guardWords } from './guard-words.js';
import type { RecordedTrace } from './recording.js';

/** A stretch without branches, and what comes behind it. */
export interface RegionBody {
  /** Positions of its guards in the traces that come through here: from `from`, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /**
   * Traces that end here, by their position in the list that was given; more than one differ in nothing but bodies.
   */
  readonly ends: readonly number[];
  /** Questions that are asked here; where there are several they are asked in turn. */
  readonly branches: readonly RegionBranch[];
}

/** A question and its two sides; a packet for which there is none leaves the card. */
export interface RegionBranch {
  readonly isState: boolean;
  readonly holds: RegionBody | undefined;
  readonly fails: RegionBody | undefined;
}

/** The body of these traces; there is at least one. */
export function regionBody(traces: readonly RecordedTrace[]): RegionBody {
  const paths = traces.map((trace) => guardPath(trace));
  return bodyOf(
    paths,
    paths.map((_, i) => i),
    0,
  );
}

function bodyOf(paths: readonly (readonly GuardStep[])[], members: readonly number[], from: number): RegionBody {
  const stepAt = (member: number, at: number): GuardStep | undefined => paths[member]?.[at];
  const [first = 0] = members;
  const isShared = (at: number): boolean => {
    const step = stepAt(first, at);
    return (
      step !== undefined &&
      members.every((member) => {
        const other = stepAt(member, at);
        return other?.question === step.question && other.holds === step.holds;
      })
    );
  };
  let to = from;
  while (isShared(to)) to++;
  const sidesOf = new Map<string, { readonly isState: boolean; readonly holds: number[]; readonly fails: number[] }>();
  for (const member of members) {
    const step = stepAt(member, to);
    if (step === undefined) continue;
    const sides = sidesOf.get(step.question) ?? { isState: step.isState, holds: [], fails: [] };
    (step.holds ? sides.holds : sides.fails).push(member);
    sidesOf.set(step.question, sides);
  }
  const side = (list: readonly number[]): RegionBody | undefined =>
    list.length === 0 ? undefined : bodyOf(paths, list, to + 1);
  return {
    from,
    to,
    ends: members.filter((member) => stepAt(member, to) === undefined),
    branches: [...sidesOf.values()].map(({ isState, holds, fails }) => ({
      isState,
      holds: side(holds),
      fails: side(fails),
    })),
  };
}

/**
 * The traces that a packet ends at, by what is answered for it; none: it leaves the card. `ask` answers what a guard
 * asks; where it can't, undefined, nothing can be said, and undefined is what comes back. What is shared is asked
 * once, as one of those who share it asks.
 */
export function regionEnds(
  traces: readonly RecordedTrace[],
  body: RegionBody,
  ask: (question: Value) => boolean | undefined,
): readonly number[] | undefined {
  const paths = traces.map((trace) => guardPath(trace));
  const answer = (member: number, at: number): boolean | undefined => {
    const [question] = paths[member]?.[at]?.guard.args ?? [];
    return question === undefined ? undefined : ask(question);
  };
  const walk = (part: RegionBody): readonly number[] | undefined => {
    for (let at = part.from; at < part.to; at++) {
      const given = answer(memberOf(part), at);
      if (given === undefined) return undefined;
      if (given !== paths[memberOf(part)]?.[at]?.holds) return [];
    }
    const ends = [...part.ends];
    for (const { holds, fails } of part.branches) {
      const given = answer(memberOf((holds ?? fails) as RegionBody), part.to);
      if (given === undefined) return undefined;
      const side = given ? holds : fails;
      const below = side === undefined ? [] : walk(side);
      if (below === undefined) return undefined;
      ends.push(...below);
    }
    return ends;
  };
  return walk(body);
}

/** What all traces of a body ask before it branches first. */
export function sharedCondition(trace: RecordedTrace, { to }: RegionBody, names: TraceNames): PathCondition {
  const facts = new Facts();
  for (const { guard, holds } of guardPath(trace).slice(0, to))
    facts.assert(guard.args[0] as GuardStep['guard'], holds);
  return pathCondition(facts, names);
}

/** A stretch of a body in words: what {@link RegionBody} is, for who prints it. */
export interface RegionWords {
  /** What is asked before anything ends or branches here; empty where the way here says it all. */
  readonly asked: string;
  /** As {@link RegionBody.ends}. */
  readonly ends: readonly number[];
  readonly forks: readonly RegionFork[];
}

/** A question in words and its sides; where the body has one side only, the words are that side's. */
export interface RegionFork {
  readonly asked: string;
  readonly isState: boolean;
  readonly yes: RegionWords;
  readonly no: RegionWords | undefined;
}

/**
 * What a body asks behind the condition that its traces share. Questions are in the words of one of the traces that
 * answer them with yes, else of one that does not. Undefined where `mayWord`, asked before each trace, says that there
 * is no more time.
 */
export function regionWords(
  traces: readonly RecordedTrace[],
  body: RegionBody,
  names: TraceNames,
  mayWord: () => boolean = () => true,
): RegionWords | undefined {
  const words: string[][] = [];
  for (const trace of traces) {
    if (!mayWord()) return undefined;
    words.push(guardWords(trace, names));
  }
  const said = (member: number, from: number, to: number): string =>
    (words[member] ?? [])
      .slice(from, to)
      .filter((text) => text !== '' && text !== 'true')
      .join(' && ');
  const walk = (part: RegionBody, from: number): RegionWords => ({
    asked: said(memberOf(part), from, part.to),
    ends: part.ends,
    forks: part.branches.flatMap(({ isState, holds, fails }): RegionFork[] => {
      const [yes, no] = holds === undefined ? [fails, undefined] : [holds, fails];
      if (yes === undefined) return [];
      const behind = (side: RegionBody): RegionWords => walk(side, part.to + 1);
      const asked = said(memberOf(yes), part.to, part.to + 1) || 'so';
      return [{ asked, isState, yes: behind(yes), no: no === undefined ? undefined : behind(no) }];
    }),
  });
  return walk(body, body.to);
}

/** Traces that end in a part or below it. */
export function endsBelow({ ends, forks }: RegionWords): number[] {
  return [...ends, ...forks.flatMap(({ yes, no }) => [yes, no].flatMap((side) => (side ? endsBelow(side) : [])))];
}

/** The branches of a body as lines, each side in braces; `endOf` says what comes of a trace. */
export function regionLines(body: RegionWords, endOf: (trace: number) => string): string[] {
  const { asked } = body;
  const inner = [...body.ends.map(endOf), ...body.forks.flatMap((fork) => forkLines(fork, endOf))];
  return asked === '' ? inner : [`if ${asked} {`, ...indented(inner), '}'];
}

/** A question with its sides; a second question that is all of the other side goes on the line of its `else`. */
function forkLines({ asked, yes, no }: RegionFork, endOf: (trace: number) => string): string[] {
  const lines = [`if ${asked} {`, ...indented(regionLines(yes, endOf))];
  if (no === undefined) return [...lines, '}'];
  const other = regionLines(no, endOf);
  const isOne = no.asked !== '' || (no.ends.length === 0 && no.forks.length === 1);
  if (isOne) return [...lines, `} else ${other[0]}`, ...other.slice(1)];
  return [...lines, '} else {', ...indented(other), '}'];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** One of the traces that come through. */
function memberOf(part: RegionBody): number {
  for (let body: RegionBody | undefined = part; body !== undefined; ) {
    const [end] = body.ends;
    if (end !== undefined) return end;
    body = body.branches[0]?.holds ?? body.branches[0]?.fails;
  }
  return 0;
}
