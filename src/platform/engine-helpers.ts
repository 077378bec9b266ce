/**
 * Helpers that engines treat as control flow. A tail call is Linux's own. The steps of a walk over a map are no
 * helpers that a program could call: bpf_for_each_map_elem is compiled into a loop around its callback, and what the
 * loop asks of the map goes by numbers beyond Linux's, of which loading knows nothing.
 */

/** bpf_tail_call. */
export const tailCallHelper = 12;

/**
 * `begin(map, level)` starts a walk anew, `next(level)` answers the address of the next element's value or 0,
 * `key(level)` the address of its key. A walk inside of a walk has a level of its own.
 */
export const walkHelper = { begin: 0x1_0000, next: 0x1_0001, key: 0x1_0002 } as const;

/** Names of the steps, as listings print them. */
export const walkHelperNames: ReadonlyMap<number, string> = new Map([
  [walkHelper.begin, 'walk_begin'],
  [walkHelper.next, 'walk_next'],
  [walkHelper.key, 'walk_key'],
]);

/** The number of a step in a listing; undefined: the name is none. */
export function walkHelperNumber(name: string): number | undefined {
  for (const [id, known] of walkHelperNames) if (known === name) return id;
  return undefined;
}

/**
 * Kfuncs are called in loaded code under numbers from here on: above Linux's helpers, and apart from the steps of a
 * walk, with which they share the table of implementations.
 */
export const firstKfunc = 0x2_0000;
