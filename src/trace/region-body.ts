/**
 * Traces that share a place of the card as one body: what all of them ask first is the condition of the whole, and
 * where two answer otherwise the body branches. There is one entry, a verdict at the end of each side, and no way
 * back.
 */
import { Facts, type PathCondition, pathCondition, type TraceNames } from '../condition/index.js';
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

/** What all traces of a body ask before it branches first. */
export function sharedCondition(trace: RecordedTrace, { to }: RegionBody, names: TraceNames): PathCondition {
  const facts = new Facts();
  for (const { guard, holds } of guardPath(trace).slice(0, to))
    facts.assert(guard.args[0] as GuardStep['guard'], holds);
  return pathCondition(facts, names);
}

/**
 * The branches of a body as lines, each side in braces; `endOf` says what comes of a trace. Questions are in the words
 * of one of the traces that answer them with yes, else of one that does not.
 */
export function regionLines(
  traces: readonly RecordedTrace[],
  body: RegionBody,
  names: TraceNames,
  endOf: (trace: number) => string,
): string[] {
  const words = traces.map((trace) => guardWords(trace, names));
  const said = (member: number, from: number, to: number): string =>
    (words[member] ?? [])
      .slice(from, to)
      .filter((text) => text !== '' && text !== 'true')
      .join(' && ');
  const walk = (part: RegionBody, from: number, indent: string): string[] => {
    const member = memberOf(part);
    const asked = said(member, from, part.to);
    const inner = asked === '' ? indent : `${indent}  `;
    const lines = part.ends.map((end) => `${inner}${endOf(end)}`);
    for (const { holds, fails } of part.branches) {
      const [yes, no] = holds === undefined ? [fails, undefined] : [holds, fails];
      if (yes === undefined) continue;
      lines.push(
        `${inner}if ${said(memberOf(yes), part.to, part.to + 1) || 'so'} {`,
        ...walk(yes, part.to + 1, `${inner}  `),
      );
      if (no !== undefined) lines.push(`${inner}} else {`, ...walk(no, part.to + 1, `${inner}  `));
      lines.push(`${inner}}`);
    }
    return asked === '' ? lines : [`${indent}if ${asked} {`, ...lines, `${indent}}`];
  };
  return walk(body, body.to, '');
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
