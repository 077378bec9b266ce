/**
 * The tree that traces of one program form: what they ask in common is asked once. A node is a run of guards that no
 * other trace leaves; where traces part, it has children; where one ends, it has that trace.
 */

/** A trace as the tree sees it. */
export interface GuardPath {
  readonly trace: number;
  readonly guards: readonly string[];
  readonly packets: number;
}

/** A node of the tree. */
export interface GuardNode {
  /** Conjuncts that lead here from the parent; none at the root. */
  readonly guards: readonly string[];
  /** Packets that traces below here have decided. */
  readonly packets: number;
  /** Ids of traces that end here: more than one where they differ in what their bodies find out. */
  readonly traces: readonly number[];
  /** Most packets first. */
  readonly children: readonly GuardNode[];
}

/** The tree of all paths; children in the order in which their first path comes. */
export function guardTree(paths: readonly GuardPath[]): GuardNode {
  return nodeOf([], paths, 0);
}

/**
 * The subtree of the traces in `paths`, which share their first `depth` guards; `guards` are those that the node
 * shows.
 */
function nodeOf(guards: readonly string[], paths: readonly GuardPath[], depth: number): GuardNode {
  const run = [...guards];
  let at = depth;
  // Follow the guards that all paths share.
  for (;;) {
    const next = paths[0]?.guards[at];
    if (depth === 0 || next === undefined || paths.some((path) => path.guards[at] !== next)) break;
    run.push(next);
    at++;
  }
  const branches = new Map<string, GuardPath[]>();
  const ended: number[] = [];
  for (const path of paths) {
    const next = path.guards[at];
    if (next === undefined) ended.push(path.trace);
    else branches.set(next, [...(branches.get(next) ?? []), path]);
  }
  const children = [...branches].map(([guard, below]) => nodeOf([guard], below, at + 1));
  children.sort((a, b) => b.packets - a.packets);
  return { guards: run, packets: paths.reduce((sum, path) => sum + path.packets, 0), traces: ended, children };
}
