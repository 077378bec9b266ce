/**
 * Loops of a program: the strongly connected parts of its flow graph, function by function (compute_scc in
 * kernel/bpf/verifier.c), and the visits that exploration pays them.
 *
 * Why visits: a path that stops inside a loop because it came back to where it was (a *backedge*) owes what the rest
 * of the loop turns out to need. That is known only when no path is left in the loop. Until then states of the loop
 * are compared in full, and at the end the needs flow along the backedges until nothing is new.
 */
import type { Insn } from '../isa/index.js';
import type { Checkpoint, VerifierState } from './verifier-state.js';

/** Kinds of slots at which a state is always saved, since loops close there. */
export const forced = { callback: 2, iterator: 3, mayGoto: 4 } as const;

/** A path that stopped in a loop, and the saved state that it stopped for. */
export interface Backedge {
  readonly state: VerifierState;
  readonly to: Checkpoint;
}

/** One stay of exploration in a loop, told apart by the calls that led there. */
export interface LoopVisit {
  /** The slots of the calls and the loop's number, as Linux writes them: `2,1`. */
  readonly name: string;
  /** The first state saved in the loop; the stay ends when all paths from it have. */
  entry: Checkpoint | undefined;
  backedges: Backedge[];
}

/**
 * For each slot, the number (from 1) of the loop that it is part of, 0 for none. `successors` gives the slots that may
 * follow one within its function; what `isRepeated` is a loop by itself: a call that runs a callback again and again.
 * Tarjan's algorithm with a stack of its own: programs may be a million slots long.
 */
export function findLoops(
  insns: readonly Insn[],
  starts: readonly number[],
  successors: (pc: number) => readonly number[],
  isRepeated: (pc: number) => boolean,
): Uint32Array {
  const loopOf = new Uint32Array(insns.length);
  /** Order in which slots were met, from 1; 0 for those that were not. */
  const met = new Uint32Array(insns.length);
  /** Earliest slot, by `met`, that a slot leads back to. */
  const low = new Uint32Array(insns.length);
  const open = new Uint8Array(insns.length);
  const component: number[] = [];
  let count = 0;
  let loops = 0;

  const close = (pc: number): void => {
    const isLoop = component.at(-1) !== pc || successors(pc).includes(pc) || isRepeated(pc);
    if (isLoop) loops++;
    for (let member = component.pop(); member !== undefined; member = component.pop()) {
      open[member] = 0;
      if (isLoop) loopOf[member] = loops;
      if (member === pc) return;
    }
  };

  for (const start of starts) {
    const path: { readonly pc: number; readonly next: readonly number[]; taken: number }[] = [];
    const enter = (pc: number): void => {
      count++;
      met[pc] = count;
      low[pc] = count;
      open[pc] = 1;
      component.push(pc);
      path.push({ pc, next: successors(pc), taken: 0 });
    };
    if (met[start] === 0) enter(start);
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const { pc } = at;
      const next = at.next[at.taken++];
      if (next === undefined) {
        if (low[pc] === met[pc]) close(pc);
        path.pop();
        const above = path.at(-1);
        if (above !== undefined) low[above.pc] = Math.min(low[above.pc] ?? 0, low[pc] ?? 0);
      } else if (met[next] === 0) {
        enter(next);
      } else if (open[next] === 1) {
        low[pc] = Math.min(low[pc] ?? 0, met[next] ?? 0);
      }
    }
  }
  return loopOf;
}

/** Visits by loop and the calls that led to it. */
export class LoopVisits {
  private readonly visits = new Map<string, LoopVisit>();
  private readonly loopOf: Uint32Array;

  constructor(loopOf: Uint32Array) {
    this.loopOf = loopOf;
  }

  /** The visit of the outermost loop that `state`, about to run slot `pc`, is in; undefined outside of loops. */
  of(state: VerifierState, pc: number): LoopVisit | undefined {
    let calls = '';
    for (let depth = 0; depth < state.frames.length; depth++) {
      const insn = state.frames[depth + 1]?.callsite ?? pc;
      const loop = this.loopOf[insn] ?? 0;
      if (loop === 0) {
        calls += `${insn},`;
        continue;
      }
      const name = `${calls}${loop}`;
      let visit = this.visits.get(name);
      if (visit === undefined) {
        visit = { name, entry: undefined, backedges: [] };
        this.visits.set(name, visit);
      }
      return visit;
    }
    return undefined;
  }
}
