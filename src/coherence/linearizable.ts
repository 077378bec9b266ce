/**
 * Is a history of operations on one element linearizable: can each be given an instant between its call and its
 * return so that, one after the other, they would have read what they read? (Herlihy and Wing, TOPLAS 1990.)
 *
 * The search is Wing's and Gong's (Testing and verifying concurrent objects, 1993) with what was tried remembered
 * (Lowe, Testing for linearizability, 2017): it goes through calls and returns in order and keeps the set of all ways
 * in which things may stand, which are a value and which of the operations under way have had their instant. What has
 * returned must have had it. So a long history costs no more than what is under way at one time allows.
 */

/** Calls and returns are places in one order, that of an observer. Values are words: equal ones are equal. */
export interface Operation {
  readonly call: number;
  readonly return: number;
  /** What it found; undefined: it did not look. */
  readonly read: string | undefined;
  /** What it left; undefined: what there was. */
  readonly write: string | undefined;
  /** What it added to a number; no read and no write besides. */
  readonly add?: bigint | undefined;
}

/** A way in which things may stand. */
interface Standing {
  readonly value: string;
  /** Of those that are under way: that have had their instant. */
  readonly done: ReadonlySet<number>;
}

/** The first return that can't be; undefined: the history is linearizable. `initial`: the value before it. */
export function firstImpossible(history: readonly Operation[], initial: string): Operation | undefined {
  const events = history
    .flatMap(({ call, return: end }, at) => [
      { time: call, at, isCall: true },
      { time: end, at, isCall: false },
    ])
    .sort((a, b) => a.time - b.time || Number(b.isCall) - Number(a.isCall));
  const under: Set<number> = new Set();
  let standings: readonly Standing[] = [{ value: initial, done: new Set() }];
  for (const { at, isCall } of events) {
    if (isCall) {
      under.add(at);
      continue;
    }
    standings = afterReturn(history, under, standings, at);
    under.delete(at);
    if (standings.length === 0) return history[at];
  }
  return undefined;
}

/** All ways in which things may stand when operation `at`, which returns now, has had its instant. */
function afterReturn(
  history: readonly Operation[],
  under: ReadonlySet<number>,
  standings: readonly Standing[],
  at: number,
): readonly Standing[] {
  const seen = new Set<string>();
  const good: Standing[] = [];
  const open = [...standings];
  for (let standing = open.pop(); standing !== undefined; standing = open.pop()) {
    const { value, done } = standing;
    const key = `${[...done].sort((a, b) => a - b).join(' ')}:${value}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (done.has(at)) {
      const left = new Set(done);
      left.delete(at);
      good.push({ value, done: left });
      continue;
    }
    for (const next of under) {
      const after = done.has(next) ? undefined : effect(history[next] as Operation, value);
      if (after !== undefined) open.push({ value: after, done: new Set(done).add(next) });
    }
  }
  return good;
}

/** The value after an operation; undefined: it can't have had its instant here. */
function effect({ read, write, add }: Operation, value: string): string | undefined {
  if (read !== undefined && read !== value) return undefined;
  if (add !== undefined) return String(BigInt(value) + add);
  return write ?? value;
}
