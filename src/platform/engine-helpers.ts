/**
 * What engines call as if it were a helper, under numbers beyond Linux's, so that one table of implementations serves
 * them all. The ranges, none of which a program could write into a call:
 *
 *     1 to 0xffff        Linux's helpers (helper-table.ts)
 *     from 0x1_0000      steps of a walk over a map, of a tail call in a function, probes (here)
 *     from 0x2_0000      kernel functions, by position of their row (kfunc-table.ts)
 *
 * bpf_for_each_map_elem is compiled into a loop around its callback; what the loop asks of the map are the steps. A
 * tail call in a function is compiled into a call of the other program.
 */

/** A step, as a helper's row has it. */
export interface EngineStep {
  /** As listings print it. */
  readonly name: string;
  readonly number: number;
  /** Bits that r0 can have: a guest address or 0, 1 or 0. */
  readonly bits?: 32;
}

/**
 * `begin(map, level)` starts a walk anew, `next(level)` answers the address of the next element's value or 0,
 * `key(level)` the address of its key. A walk inside of a walk has a level of its own.
 */
export const walkHelper = { begin: 0x1_0000, next: 0x1_0001, key: 0x1_0002 } as const;

/**
 * A tail call in a function, which compiled code makes by calling the other program: `enter(map, slot, depth)` runs
 * the program in the slot while the frames of the `depth` callers wait, and answers 1, or 0 where the call fails;
 * `result()` is what the program returned. Engines do it themselves: there is no implementation to call.
 */
export const nestedHelper = { enter: 0x1_0003, result: 0x1_0004 } as const;

/** `count(i)`: adds 1 to the program's counter i (code/counters.ts). Compiled code does it itself, as above. */
export const countStep = 0x1_0005;

/**
 * `probe(address, size)`: what a load through a pointer of bpf_rdonly_cast gives (code/probe-loads.ts), 0 where
 * nothing can be read.
 */
export const probeStep = 0x1_0006;

/** A row a step of a walk. */
export const walkSteps: readonly EngineStep[] = [
  { name: 'walk_begin', number: walkHelper.begin },
  { name: 'walk_next', number: walkHelper.next, bits: 32 },
  { name: 'walk_key', number: walkHelper.key, bits: 32 },
];

const nestedSteps: readonly EngineStep[] = [
  { name: 'tail_enter', number: nestedHelper.enter, bits: 32 },
  { name: 'tail_result', number: nestedHelper.result },
];

/** All of them. */
export const engineSteps: readonly EngineStep[] = [
  ...walkSteps,
  ...nestedSteps,
  { name: 'count', number: countStep },
  { name: 'probe', number: probeStep },
];

/** The name of a step, for listings; undefined: the number is none's. */
export function stepName(number: number): string | undefined {
  return engineSteps.find((step) => step.number === number)?.name;
}

/** The number of a step in a listing; undefined: the name is none. */
export function stepNumber(name: string): number | undefined {
  return engineSteps.find((step) => step.name === name)?.number;
}

/** Kfuncs are called in loaded code under numbers from here on. */
export const firstKfunc = 0x2_0000;
