/**
 * Follows every path through the program, depth first, taking the fall-through of a branch first (do_check in the kernel).
 *
 * To end in reasonable time, states are saved at prune points and a path that arrives with a state that a finished one covers stops there. A path
 * that arrives with exactly a state of its own past runs for ever and is refused. Loops are otherwise simply unrolled; only callbacks
 * are closed by comparing with an unfinished state, after giving up what is known of numbers that nothing depends on.
 */
import { maxInsns } from '../platform/index.js';
import type { Env } from './env.js';
import { type RegState, scalarReg } from './reg-state.js';
import { unknownScalar } from './scalar.js';
import { giveUpAll, giveUpDifferences, needAll, passNeeds, stateCovers } from './state-equal.js';
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
}

/** How often a slot's states are generalized by what differs alone. */
const patience = 1;

export interface ExploreStats {
  readonly totalStates: number;
  readonly peakStates: number;
  readonly maxStatesPerInsn: number;
}

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

  private readonly generalize: boolean;
  private readonly generalizations: number[] = [];

  /**
   * `generalize`: every value that any path brings to an instruction is seen there. Normally a path is dropped although numbers that
   * nothing depends on differ; with this, it goes on with these numbers unknown.
   */
  constructor(env: Env, observer?: ExploreObserver, generalize = false) {
    this.env = env;
    this.observer = observer;
    this.generalize = generalize;
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
    this.observer?.resumed(env);
    return true;
  }

  /** Follows the current path to its end. */
  followPath(): void {
    const { env, observer } = this;
    const { prunePoints, seen } = env.shape;
    for (;;) {
      if (++env.processed > maxInsns) env.reject('too-complex', { count: env.processed });
      const point = prunePoints[env.pc] ?? 0;
      if (point !== 0) {
        env.history++;
        if (this.visited(point === 2)) break;
      }
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
    this.finishPath(env.state);
  }

  /** Counts the path off all checkpoints that wait for it. */
  finishPath(state: VerifierState): void {
    for (let at = state.parent; at !== undefined; at = at.parent) {
      if (--at.branches > 0) return;
    }
  }

  /** Is there a saved state that makes following this path superfluous? If not, saves the current one now and then. */
  private visited(force: boolean): boolean {
    const { env } = this;
    const { pc, state } = env;
    const jumpsSince = env.jumps - this.jumpsAtLast;
    const insnsSince = env.processed - this.processedAtLast;
    const mustSave = force || env.history > 40;
    let save = mustSave || (jumpsSince >= 2 && insnsSince >= 8);
    const list = this.checkpoints[pc];
    if (list !== undefined) {
      for (let i = 0; i < list.length; i++) {
        const checkpoint = list[i] as Checkpoint; // i is in range
        if (checkpoint.branches > 0) {
          if (force) {
            if (stateCovers(env.shape, checkpoint.state, state, pc, 'within')) {
              this.closeLoop(checkpoint);
              return true;
            }
          } else if (
            checkpoint.state.unrollDepth === state.unrollDepth &&
            stateCovers(env.shape, checkpoint.state, state, pc, 'exact')
          ) {
            env.reject('infinite-loop', { insn: pc });
          }
          // Rounds of one loop differ: saving each would only slow the others down.
          if (!mustSave && jumpsSince < 20 && insnsSince < 100) save = false;
        } else if (stateCovers(env.shape, checkpoint.state, state, pc, checkpoint.exactOnly ? 'within' : 'live')) {
          if (this.generalize && this.generalized(checkpoint)) {
            save = true;
            continue;
          }
          checkpoint.hits++;
          if (checkpoint.exactOnly) needAll(state);
          else passNeeds(env.shape, checkpoint.state, state, pc);
          this.observer?.pruned(env, checkpoint);
          return true;
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
   * Gives up what makes the current state differ from one that covers it as far as it matters. Where that happens again and again, everything that
   * does not matter is given up at once: the rest of the program is then followed one more time and not for each combination.
   */
  private generalized({ state: old, insn }: Checkpoint): boolean {
    const { env } = this;
    const times = this.generalizations[insn] ?? 0;
    if (!giveUpDifferences(env.shape, old, env.state, insn)) return false;
    this.generalizations[insn] = times + 1;
    if (times >= patience) giveUpAll(env.shape, old, env.state, insn);
    return true;
  }

  /** The path came back to where it was: the loop adds nothing new. */
  private closeLoop(checkpoint: Checkpoint): void {
    const { env } = this;
    checkpoint.hits++;
    needAll(env.state);
    for (let at = env.state.parent; at !== undefined; at = at.parent) {
      at.exactOnly = true;
      if (at === checkpoint) break;
    }
    this.observer?.pruned(env, checkpoint);
  }

  private save(pc: number, state: VerifierState): void {
    const { env } = this;
    this.jumpsAtLast = env.jumps;
    this.processedAtLast = env.processed;
    env.history = 0;
    forkTrails(state);
    const checkpoint: Checkpoint = {
      state: state.copy(),
      insn: pc,
      parent: state.parent,
      branches: 1,
      hits: 0,
      misses: 0,
      exactOnly: false,
      depth: (state.parent?.depth ?? 0) + 1,
    };
    state.parent = checkpoint;
    let list = this.checkpoints[pc];
    if (list === undefined) {
      list = [];
      this.checkpoints[pc] = list;
    }
    list.unshift(checkpoint);
    this.total++;
    if (++this.saved > this.peak) this.peak = this.saved;
  }

  /** Back at a call site after a callback: numbers that differ from the last round and that nothing needed are given up. */
  private widenAt(callsite: number): void {
    const { state } = this.env;
    let before = state.parent;
    while (before !== undefined && !(before.insn === callsite && before.state.frames.length === state.frames.length)) {
      before = before.parent;
    }
    if (before === undefined) return;
    for (const [depth, frame] of state.frames.entries()) {
      const old = before.state.frames[depth];
      if (old === undefined) continue;
      for (let i = 0; i <= 10; i++) frame.regs[i] = widen(old.reg(i), frame.reg(i));
      for (let i = 0; i < frame.stack.length; i++) {
        const was = old.stack[i];
        const is = frame.stack[i];
        if (was?.reg === undefined || is?.reg === undefined || !was.isSpill || !is.isSpill) continue;
        const to = widen(was.reg, is.reg);
        if (to !== is.reg) frame.stack[i] = is.withReg(to);
      }
    }
  }
}

function widen(old: RegState, cur: RegState): RegState {
  if (old.kind !== 'scalar' || cur.kind !== 'scalar' || old.trail.marked || cur.trail.marked) return cur;
  return old.range.equals(cur.range) ? cur : scalarReg(unknownScalar, cur.trail.fork());
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
