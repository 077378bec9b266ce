/**
 * Follows every path through the program, depth first, taking the fall-through of a branch first (do_check in the
 * kernel).
 *
 * To end in reasonable time, states are saved at prune points and a path that arrives with a state that a finished one
 * covers stops there. A path that arrives with exactly a state of its own past runs for ever and is refused. Loops are
 * otherwise simply unrolled; only callbacks are closed by comparing with an unfinished state, after giving up what is
 * known of numbers that nothing depends on.
 */
import { maxInsns } from '../platform/index.js';
import type { Env } from './env.js';
import { finishedCovers, neededSlots, needsOf, passNeeds } from './finished-state.js';
import { iterationsDiffer } from './iterator.js';
import { forced, type LoopVisit, LoopVisits } from './loops.js';
import { slotOf } from './stack-state.js';
import {
  giveUpAll,
  giveUpDifferences,
  mayLoop,
  previousRound,
  sameCalls,
  stateCovers,
  widenChanged,
} from './state-equal.js';
import { pathEnds, step } from './step.js';
import type { Checkpoint, VerifierState } from './verifier-state.js';

/** Sees every instruction before it is checked, and every path that ends. */
export interface ExploreObserver {
  before(env: Env): void;
  after(env: Env): void;
  /** The path stops because a covering state was explored before. */
  pruned(env: Env, checkpoint: Checkpoint): void;
  /** Another path is taken up. */
  resumed(env: Env): void;
  /** A stay in a loop begins, or all its paths have ended. */
  loop(visit: LoopVisit, begins: boolean): void;
  /** The path is back at exactly the state of the checkpoint, and about to be refused for it. */
  endless(env: Env, checkpoint: Checkpoint): void;
}

/** How often a slot's states are generalized by what differs alone. */
const patience = 1;

/**
 * Counts of saved states as the last line of Linux's log has them: `total_states`, `peak_states`,
 * `max_states_per_insn`.
 */
export interface ExploreStats {
  readonly totalStates: number;
  readonly peakStates: number;
  readonly maxStatesPerInsn: number;
}

/**
 * The walk over all paths. It owns the states saved at prune points; everything else that verification knows stands
 * in {@link Env}.
 */
export class Explorer {
  private readonly env: Env;
  private readonly observer: ExploreObserver | undefined;
  private readonly checkpoints: Checkpoint[][] = [];
  private jumpsAtLast = 0;
  private processedAtLast = 0;
  private saved = 0;
  private total = 0;
  private peak = 0;
  private maxPerInsn = 0;

  private readonly visits: LoopVisits;
  private readonly generalize: boolean;
  private readonly generalizations: number[] = [];

  /**
   * `generalize`: every value that any path brings to an instruction is seen there. Normally a path is dropped
   * although numbers that nothing depends on differ; with this, it goes on with these numbers unknown.
   */
  constructor(env: Env, observer?: ExploreObserver, generalize = false) {
    this.env = env;
    this.observer = observer;
    this.generalize = generalize;
    this.visits = new LoopVisits(generalize ? env.shape.loopWithCallbackOf : env.shape.loopOf);
  }

  /**
   * Goes on counting where the walk through another function of the program ended: Linux counts instructions and jumps
   * over all of them, and when it saves the next state hangs on both.
   */
  countOn({ env, jumpsAtLast, processedAtLast }: Explorer): void {
    this.env.processed = env.processed;
    this.env.jumps = env.jumps;
    this.jumpsAtLast = jumpsAtLast;
    this.processedAtLast = processedAtLast;
  }

  get stats(): ExploreStats {
    return { totalStates: this.total, peakStates: this.peak, maxStatesPerInsn: this.maxPerInsn };
  }

  /** Explores from `start`. Throws Rejection at the first thing wrong. */
  run(start: number, state: VerifierState): void {
    const { env } = this;
    env.state = state;
    env.pc = start;
    env.previous = -1;
    env.path = undefined;
    env.history = 0;
    env.live.moved();
    for (;;) {
      this.followPath();
      if (!this.resume()) return;
    }
  }

  /** Takes up the path that was left last. False when there is none. */
  resume(): boolean {
    const { env } = this;
    const next = env.pendings.pop();
    if (next === undefined) return false;
    env.state = next.state;
    env.pc = next.insn;
    env.previous = next.previous;
    env.path = next.path;
    env.history = next.history;
    env.live.moved();
    this.observer?.resumed(env);
    return true;
  }

  /** Follows the current path to its end. */
  followPath(): void {
    const { env, observer } = this;
    const { jumpPoints, prunePoints, seen } = env.shape;
    for (;;) {
      if (++env.processed > maxInsns) env.reject('too-complex', { count: env.processed });
      env.noted = false;
      const point = prunePoints[env.pc] ?? 0;
      if (point !== 0 && this.visited(point)) break;
      if (jumpPoints[env.pc] === 1) env.note();
      seen[env.pc] = 1;
      if (env.tracksPath) env.path = { insn: env.pc, before: env.path };
      observer?.before(env);
      const next = step(env);
      if (next === pathEnds) break;
      if (env.returnedFromCallback) {
        env.returnedFromCallback = false;
        this.widenAt(next);
      }
      env.previous = env.pc;
      env.pc = next;
      observer?.after(env);
    }
    env.live.update(env.state);
    this.finishPath(env.state);
  }

  /** Counts the path off all checkpoints that wait for it. */
  finishPath(state: VerifierState): void {
    for (let at = state.parent; at !== undefined; at = at.parent) {
      if (--at.branches > 0) return;
      this.leaveLoop(at);
    }
  }

  /**
   * All paths from `checkpoint` are done: if the stay in its loop began there, what the loop needs is known, and
   * passed to its backedges.
   */
  private leaveLoop(checkpoint: Checkpoint): void {
    const { visit } = checkpoint;
    if (visit?.entry !== checkpoint) return;
    visit.entry = undefined;
    this.observer?.loop(visit, false);
    for (let changed = true; changed; ) {
      changed = false;
      for (const { state, to } of visit.backedges) {
        if (passNeeds(this.env.shape, to, state)) changed = true;
      }
    }
    visit.backedges = [];
  }

  /** What states need from which no path is left is brought together when one comes to them (clean_live_states). */
  private finish(list: readonly Checkpoint[]): void {
    const { env } = this;
    for (const checkpoint of list) {
      if (checkpoint.branches > 0 || checkpoint.needs !== undefined || isOwed(checkpoint)) continue;
      if (sameCalls(checkpoint.state, env.state)) checkpoint.needs = needsOf(env, checkpoint);
    }
  }

  /** Is there a saved state that makes following this path superfluous? If not, saves the current one now and then. */
  private visited(point: number): boolean {
    const { env } = this;
    const force = point > 1;
    const { pc, state } = env;
    const jumpsSince = env.jumps - this.jumpsAtLast;
    const insnsSince = env.processed - this.processedAtLast;
    const mustSave = force || env.history > 40;
    let save = mustSave || (jumpsSince >= 2 && insnsSince >= 8);
    const list = this.checkpoints[pc];
    if (list !== undefined) {
      this.finish(list);
      for (let i = 0; i < list.length; i++) {
        const checkpoint = list[i] as Checkpoint; // i is in range
        if (checkpoint.branches > 0) {
          if (this.closesLoop(checkpoint, force ? point : 0)) return true;
          // Rounds of one loop differ: saving each would only slow the others down.
          if (!mustSave && jumpsSince < 20 && insnsSince < 100) save = false;
        } else {
          const owed = isOwed(checkpoint);
          const covers = owed
            ? stateCovers(env.shape, checkpoint.state, state, pc, 'within')
            : finishedCovers(checkpoint, state);
          if (covers) {
            if (this.generalize && this.generalized(checkpoint)) {
              save = true;
              continue;
            }
            this.hit(checkpoint, owed);
            return true;
          }
        }
        if (save) checkpoint.misses++;
        const worth = force && checkpoint.branches > 0 ? 64 : 3;
        if (checkpoint.misses > checkpoint.hits * worth + worth) {
          list.splice(i, 1);
          i--;
          this.saved--;
        }
      }
      if (list.length > this.maxPerInsn) this.maxPerInsn = list.length;
    }
    if (save) this.save(pc, state);
    return false;
  }

  /**
   * Gives up what makes the current state differ from one that covers it as far as it matters. Where that happens
   * again and again, everything that does not matter is given up at once: the rest of the program is then followed one
   * more time and not for each combination.
   */
  private generalized(checkpoint: Checkpoint): boolean {
    const { env } = this;
    const { state: old, insn } = checkpoint;
    const needed = neededSlots(env, checkpoint);
    const times = this.generalizations[insn] ?? 0;
    if (!giveUpDifferences(env.shape, old, env.state, insn, needed)) return false;
    this.generalizations[insn] = times + 1;
    if (times >= patience) giveUpAll(env.shape, old, env.state, insn, needed);
    return true;
  }

  /**
   * Does the path come back to where it was, so that going on adds nothing new? Only a loop that ends by itself may:
   * one around a callback, an iterator or a `may_goto`. Any other that returns to exactly where it was never ends.
   */
  private closesLoop(checkpoint: Checkpoint, point: number): boolean {
    const { env } = this;
    const { pc, state } = env;
    if (point !== 0 && point !== forced.mayGoto) {
      if (!stateCovers(env.shape, checkpoint.state, state, pc, 'within')) return false;
      if (point === forced.iterator && !this.atActiveIterator()) return false;
      this.hit(checkpoint, this.generalize || point === forced.iterator);
      return true;
    }
    const { mayGotoDepth, unrollDepth } = checkpoint.state;
    if (point === forced.mayGoto && mayGotoDepth !== state.mayGotoDepth) {
      if (stateCovers(env.shape, checkpoint.state, state, pc, 'within')) {
        this.hit(checkpoint, true);
        return true;
      }
    }
    if (
      unrollDepth === state.unrollDepth &&
      mayGotoDepth === state.mayGotoDepth &&
      mayLoop(checkpoint.state, state) &&
      !iterationsDiffer(checkpoint.state, state) &&
      stateCovers(env.shape, checkpoint.state, state, pc, 'exact')
    ) {
      this.observer?.endless(env, checkpoint);
      env.reject('infinite-loop', { insn: pc });
    }
    return false;
  }

  /** Does the iterator that the call of `next` here is about still give items? */
  private atActiveIterator(): boolean {
    const { env } = this;
    const pointer = env.peek(1);
    if (pointer.kind !== 'fp' || !pointer.range.isConst) return false;
    const off = pointer.off + Number(pointer.range.smin);
    return env.state.frames[pointer.frame]?.stack[slotOf(off)]?.iterator?.active === true;
  }

  /** The path ends at a state that covers it. `inLoop`: what that state needs is not known yet. */
  private hit(checkpoint: Checkpoint, inLoop: boolean): void {
    const { env } = this;
    checkpoint.hits++;
    passNeeds(env.shape, checkpoint, env.state);
    if (inLoop && checkpoint.visit !== undefined) {
      checkpoint.visit.backedges.push({ state: env.state.copy(), to: checkpoint });
    }
    this.observer?.pruned(env, checkpoint);
  }

  private save(pc: number, state: VerifierState): void {
    const { env } = this;
    this.jumpsAtLast = env.jumps;
    this.processedAtLast = env.processed;
    env.history = 0;
    forkTrails(state);
    const visit = this.visits.of(state, pc);
    const checkpoint: Checkpoint = {
      state: state.copy(),
      insn: pc,
      parent: state.parent,
      atStart: env.previous < 0,
      branches: 1,
      hits: 0,
      misses: 0,
      visit,
      depth: (state.parent?.depth ?? 0) + 1,
      needs: undefined,
    };
    state.parent = checkpoint;
    if (visit !== undefined && visit.entry === undefined) {
      visit.entry = checkpoint;
      this.observer?.loop(visit, true);
    }
    let list = this.checkpoints[pc];
    if (list === undefined) {
      list = [];
      this.checkpoints[pc] = list;
    }
    list.unshift(checkpoint);
    this.total++;
    if (++this.saved > this.peak) this.peak = this.saved;
  }

  /**
   * Back at a call site after a callback: numbers that differ from the last round and that nothing needed are given
   * up.
   */
  private widenAt(callsite: number): void {
    const { state } = this.env;
    const before = previousRound(state.parent, state, callsite);
    if (before !== undefined) widenChanged(before.state, state);
  }
}

/**
 * Paths that stopped in its loop still owe it what the rest needs: until then nothing can be left out of a comparison.
 */
function isOwed({ visit }: Checkpoint): boolean {
  return visit !== undefined && visit.backedges.length > 0;
}

/** Invariant 2 of trails: what a checkpoint saves gets trails of its own. */
function forkTrails(state: VerifierState): void {
  for (const frame of state.frames) {
    for (let i = 0; i <= 10; i++) {
      const reg = frame.reg(i);
      if (reg.kind === 'scalar') frame.regs[i] = reg.forked();
    }
    for (let i = 0; i < frame.stack.length; i++) {
      const slot = frame.stack[i];
      if (slot !== undefined) frame.stack[i] = slot.forked();
    }
  }
}
