/**
 * Every interleaving of something small: what comes next is any of a number of choices. A state that was seen is not
 * entered twice. Of worlds of two sites a choice is a job or any of the parcels under way.
 */
import { Run, type World } from './small-world.js';

/** One way through what may happen, as far as it has come. */
export interface Walk {
  /** How many things may happen next; at an end none. */
  readonly choices: number;
  choose(choice: number): void;
  /** Equal for walks that can't be told apart from now on. */
  readonly state: string;
  /** What is wrong with a walk that has come to its end; undefined: nothing. */
  fault(): string | undefined;
  /** Another at the same place; who has none is led there again from the beginning. */
  copy?(): Walk;
}

/** What {@link explore} saw. */
export interface Explored {
  readonly states: number;
  /** Ways that came to their end. */
  readonly ends: number;
  /** The first fault, and the choices that lead to it; undefined: there is none. */
  readonly fault: string | undefined;
  /** There are more states than were asked for. */
  readonly isCut: boolean;
}

/** How far to go. */
export interface ExploreOptions {
  /** States at most; default 200,000. */
  readonly limit?: number | undefined;
  /** A short name for the text of a state, such as a cryptographic hash; default the text. */
  readonly digest?: ((state: string) => string) | undefined;
}

/** The choices so far, the last one first. */
interface Path {
  readonly choice: number;
  readonly before: Path | undefined;
}

function choicesOf(path: Path | undefined): number[] {
  const choices: number[] = [];
  for (let at = path; at !== undefined; at = at.before) choices.push(at.choice);
  return choices.reverse();
}

/** Goes through all that may happen from a start on, to the first fault. */
export function exploreWalks(
  start: () => Walk,
  { limit = 200_000, digest = (state) => state }: ExploreOptions = {},
): Explored {
  const seen = new Set<string>();
  const open: { readonly path: Path | undefined; readonly walk: Walk | undefined }[] = [
    { path: undefined, walk: undefined },
  ];
  let ends = 0;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { path } = at;
    const walk = at.walk ?? led(start(), path);
    if (walk.choices === 0) {
      ends++;
      const fault = walk.fault();
      if (fault !== undefined)
        return { states: seen.size, ends, fault: `${fault} (choices ${choicesOf(path).join(' ')})`, isCut: false };
      continue;
    }
    const state = digest(walk.state);
    if (seen.has(state)) continue;
    if (seen.size >= limit) return { states: seen.size, ends, fault: undefined, isCut: true };
    seen.add(state);
    for (let choice = 0; choice < walk.choices; choice++) {
      const copy = walk.copy?.();
      copy?.choose(choice);
      open.push({ path: { choice, before: path }, walk: copy });
    }
  }
  return { states: seen.size, ends, fault: undefined, isCut: false };
}

/** A walk, led along choices. */
function led(walk: Walk, path: Path | undefined): Walk {
  for (const choice of choicesOf(path)) walk.choose(choice);
  return walk;
}

/** Goes through a world of two sites, to the first fault. */
export function explore(world: World, options: ExploreOptions = {}): Explored {
  return exploreWalks(() => new Run(world), options);
}
