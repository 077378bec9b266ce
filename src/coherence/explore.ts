/**
 * Every interleaving of a small world: what comes next is a job or any of the parcels under way. The world is run
 * again from its beginning for each way through it; a state that was seen is not entered twice.
 */
import { Run, type World } from './small-world.js';

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

/** Goes through a world, to the first fault. */
export function explore(world: World, { limit = 200_000, digest = (state) => state }: ExploreOptions = {}): Explored {
  const seen = new Set<string>();
  const open: number[][] = [[]];
  let ends = 0;
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const run = new Run(world);
    for (const choice of path) run.choose(choice);
    if (run.choices === 0) {
      ends++;
      const fault = run.fault();
      if (fault !== undefined)
        return { states: seen.size, ends, fault: `${fault} (choices ${path.join(' ')})`, isCut: false };
      continue;
    }
    const state = digest(run.state);
    if (seen.has(state)) continue;
    if (seen.size >= limit) return { states: seen.size, ends, fault: undefined, isCut: true };
    seen.add(state);
    for (let choice = 0; choice < run.choices; choice++) open.push([...path, choice]);
  }
  return { states: seen.size, ends, fault: undefined, isCut: false };
}
