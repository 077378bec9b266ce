/**
 * A solver for clauses: conflict-driven learning with two watched literals, activities that decay, remembered phases
 * and restarts (Eén and Sörensson, "An extensible SAT-solver", 2003). It is small on purpose: questions of a few
 * thousand clauses, asked by the ten thousand, where starting another program for each would cost more than the
 * answer.
 *
 * A literal is 2 * variable, plus 1 for its negation. All choices are made in a fixed order: equal clauses and phases,
 * equal answer.
 */

/** What is known of a literal. */
const unassigned = 2;
/** Conflicts before the first restart. */
const restartUnit = 64;
const activityLimit = 1e100;

/** Clauses over variables; add them, then {@link solve}. */
export class SatSolver {
  /** Value by literal: 0, 1, or {@link unassigned}. */
  private readonly values: number[] = [];
  private readonly phases: number[] = [];
  private readonly activities: number[] = [];
  private readonly levels: number[] = [];
  /** Clause that forced a variable; -1: none. */
  private readonly reasons: number[] = [];
  private readonly clauses: number[][] = [];
  /** Clauses that watch a literal, to be looked at when it becomes false. */
  private readonly watches: number[][] = [];
  private readonly trail: number[] = [];
  private readonly limits: number[] = [];
  private readonly seen: number[] = [];
  /**
   * Open variables that were in a conflict, as a heap by activity; all others are chosen in the order of their birth.
   */
  private readonly heap: number[] = [];
  /** Where a variable is in the heap, or -1. */
  private readonly places: number[] = [];
  /** No variable before this one is open, but for active ones. */
  private firstOpen = 0;
  private head = 0;
  private bump = 1;
  private isContradictory = false;
  /** Conflicts met so far. */
  conflicts = 0;
  /** Work done so far, in values given to variables and clauses made: what takes the time, and no clock says it. */
  work = 0;

  /** Clauses, learnt ones among them. */
  get size(): number {
    return this.clauses.length;
  }

  /** A new variable; it is tried as `phase` first. */
  variable(phase = false): number {
    const number = this.phases.length;
    this.values.push(unassigned, unassigned);
    this.phases.push(phase ? 1 : 0);
    this.activities.push(0);
    this.levels.push(0);
    this.reasons.push(-1);
    this.seen.push(0);
    this.places.push(-1);
    this.watches.push([], []);
    return number;
  }

  /** One of these literals holds. To be called before {@link solve}, or between two calls of it. */
  add(literals: readonly number[]): void {
    this.undo(0);
    const kept: number[] = [];
    for (const literal of literals) {
      if (this.values[literal] === 1 || kept.includes(literal ^ 1)) return;
      if (this.values[literal] !== 0 && !kept.includes(literal)) kept.push(literal);
    }
    if (kept.length === 0) this.isContradictory = true;
    else if (kept.length === 1) {
      this.assign(kept[0] as number, -1);
      if (this.propagate() >= 0) this.isContradictory = true;
    } else this.attach(kept);
  }

  /** Can all clauses hold? Undefined: `limit` conflicts were met first. */
  solve(limit: number): boolean | undefined {
    if (this.isContradictory) return false;
    this.undo(0);
    let left = restartUnit;
    let unit = restartUnit;
    for (;;) {
      const conflict = this.propagate();
      if (conflict >= 0) {
        if (this.limits.length === 0) {
          this.isContradictory = true;
          return false;
        }
        if (++this.conflicts > limit) return undefined;
        this.learn(conflict);
        left--;
      } else if (left <= 0) {
        unit = Math.ceil(unit * 1.5);
        left = unit;
        this.undo(0);
      } else {
        const next = this.choose();
        if (next < 0) return true;
        this.limits.push(this.trail.length);
        this.assign(next, -1);
      }
    }
  }

  /** Value of a variable after {@link solve} said true. */
  valueOf(variable: number): boolean {
    return this.values[2 * variable] === 1;
  }

  private attach(literals: number[]): number {
    const index = this.clauses.length;
    this.work++;
    this.clauses.push(literals);
    (this.watches[literals[0] as number] as number[]).push(index);
    (this.watches[literals[1] as number] as number[]).push(index);
    return index;
  }

  private assign(literal: number, reason: number): void {
    const variable = literal >> 1;
    this.work++;
    this.values[literal] = 1;
    this.values[literal ^ 1] = 0;
    this.levels[variable] = this.limits.length;
    this.reasons[variable] = reason;
    this.trail.push(literal);
  }

  /** Follows what is forced; a clause that cannot hold, or -1. */
  private propagate(): number {
    const { values, clauses, trail } = this;
    while (this.head < trail.length) {
      const falsified = (trail[this.head++] as number) ^ 1;
      const watching = this.watches[falsified] as number[];
      let kept = 0;
      for (let i = 0; i < watching.length; i++) {
        const index = watching[i] as number;
        const clause = clauses[index] as number[];
        if (clause[0] === falsified) {
          clause[0] = clause[1] as number;
          clause[1] = falsified;
        }
        const first = clause[0] as number;
        if (values[first] === 1 || !this.rewatch(clause, index)) {
          watching[kept++] = index;
          if (values[first] === 1) continue;
          if (values[first] === 0) {
            for (i++; i < watching.length; i++) watching[kept++] = watching[i] as number;
            watching.length = kept;
            return index;
          }
          this.assign(first, index);
        }
      }
      // Most keep all, and to set a length costs more than to look at it.
      if (kept < watching.length) watching.length = kept;
    }
    return -1;
  }

  /** Finds another literal for the clause to watch in place of its second. */
  private rewatch(clause: number[], index: number): boolean {
    for (let k = 2; k < clause.length; k++) {
      const literal = clause[k] as number;
      if (this.values[literal] === 0) continue;
      clause[k] = clause[1] as number;
      clause[1] = literal;
      (this.watches[literal] as number[]).push(index);
      return true;
    }
    return false;
  }

  /** Adds the clause of the first unique implication point, and goes back to where it forces something. */
  private learn(conflict: number): void {
    const level = this.limits.length;
    const learnt: number[] = [0];
    const touched: number[] = [];
    let open = 0;
    let at = this.trail.length - 1;
    let literal = -1;
    for (let index = conflict; ; index = this.reasons[literal >> 1] as number) {
      for (const other of this.clauses[index] as number[]) {
        const variable = other >> 1;
        if (other === literal || this.seen[variable] === 1 || this.levels[variable] === 0) continue;
        this.seen[variable] = 1;
        touched.push(variable);
        this.touch(variable);
        if (this.levels[variable] === level) open++;
        else learnt.push(other);
      }
      while (this.seen[(this.trail[at] as number) >> 1] === 0) at--;
      literal = this.trail[at--] as number;
      if (--open === 0) break;
    }
    learnt[0] = literal ^ 1;
    for (const variable of touched) this.seen[variable] = 0;
    this.bump *= 1.05;
    let back = 0;
    for (let i = 1; i < learnt.length; i++) {
      const own = this.levels[(learnt[i] as number) >> 1] as number;
      if (own <= back) continue;
      back = own;
      [learnt[1], learnt[i]] = [learnt[i] as number, learnt[1] as number];
    }
    this.undo(back);
    this.assign(learnt[0] as number, learnt.length === 1 ? -1 : this.attach(learnt));
  }

  private touch(variable: number): void {
    const activity = (this.activities[variable] as number) + this.bump;
    this.activities[variable] = activity;
    this.lift(variable);
    if (activity < activityLimit) return;
    for (let i = 0; i < this.activities.length; i++)
      this.activities[i] = (this.activities[i] as number) / activityLimit;
    this.bump /= activityLimit;
  }

  /** Takes back all decisions above `level`. */
  private undo(level: number): void {
    if (this.limits.length <= level) return;
    const from = this.limits[level] as number;
    for (let i = this.trail.length - 1; i >= from; i--) {
      const literal = this.trail[i] as number;
      const variable = literal >> 1;
      if (variable < this.firstOpen) this.firstOpen = variable;
      if ((this.activities[variable] as number) > 0) this.lift(variable);
      this.values[literal] = unassigned;
      this.values[literal ^ 1] = unassigned;
      this.phases[variable] = (literal & 1) ^ 1;
    }
    this.trail.length = from;
    this.limits.length = level;
    this.head = from;
  }

  /** The most active variable that is open, with the phase that it had last; -1: all have a value. */
  private choose(): number {
    let best = -1;
    while (best < 0 && this.heap.length > 0) {
      const top = this.takeTop();
      if (this.values[2 * top] === unassigned) best = top;
    }
    if (best < 0) {
      const count = this.phases.length;
      while (this.firstOpen < count && this.values[2 * this.firstOpen] !== unassigned) this.firstOpen++;
      if (this.firstOpen < count) best = this.firstOpen;
    }
    return best < 0 ? -1 : 2 * best + ((this.phases[best] as number) ^ 1);
  }

  /** Puts a variable into the heap, or up to where its activity belongs. */
  private lift(variable: number): void {
    const { heap, places, activities } = this;
    let at = places[variable] as number;
    if (at < 0) {
      at = heap.length;
      heap.push(variable);
    }
    const own = activities[variable] as number;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above] as number;
      if ((activities[other] as number) >= own) break;
      heap[at] = other;
      places[other] = at;
      at = above;
    }
    heap[at] = variable;
    places[variable] = at;
  }

  private takeTop(): number {
    const { heap, places, activities } = this;
    const top = heap[0] as number;
    const last = heap.pop() as number;
    places[top] = -1;
    if (heap.length === 0) return top;
    const own = activities[last] as number;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      const right = below + 1;
      if (
        right < heap.length &&
        (activities[heap[right] as number] as number) > (activities[heap[below] as number] as number)
      )
        below = right;
      const other = heap[below] as number;
      if ((activities[other] as number) <= own) break;
      heap[at] = other;
      places[other] = at;
      at = below;
    }
    heap[at] = last;
    places[last] = at;
    return top;
  }
}
