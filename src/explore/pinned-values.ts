/**
 * Addresses and sizes that a path took for what they were, and that stand in the way of others. A program that looks
 * something up in a table of its own, `next[state][event]`, decides by what it finds there; which element that was is
 * part of the path, so no packet can leave the jump behind it another way until another element is asked for. That is
 * done where it is in the way: element by element, each one once.
 */
import type { Term } from '../solve/index.js';
import type { PathStep } from './follow/path-steps.js';

/** Values of one address that are asked for at most. */
const mostValues = 128;

/** What is known of one address. */
interface Pinned {
  /** That it is one of the values that it had on some path. */
  readonly seen: Set<Term>;
  /** Other values were asked for so often. */
  asked: number;
  /** Of these, so many have no answer yet. */
  open: number;
}

/** What paths took as it was, and which ways it kept them from. */
export class PinnedValues {
  private readonly known = new Map<Term, Pinned>();
  /** By way: what is in the way. */
  private readonly blocked = new Map<number, Set<Pinned>>();

  /** A path with these steps was found. */
  note(steps: readonly PathStep[]): void {
    for (const step of steps)
      if (step.kind === 'pin' && step.pinned !== undefined) this.of(step.pinned).seen.add(step.term);
  }

  /**
   * The way was refuted by these terms, some of them what `steps`, which come before it, took as it was: the steps
   * that another value is to be asked for.
   */
  block(way: number, core: readonly Term[], steps: readonly PathStep[]): number[] {
    const asked: number[] = [];
    for (const [i, step] of steps.entries()) {
      if (step.kind !== 'pin' || step.pinned === undefined || !core.includes(step.term)) continue;
      const pinned = this.of(step.pinned);
      const all = this.blocked.get(way) ?? new Set();
      this.blocked.set(way, all.add(pinned));
      if (this.isAskedAgain(step)) asked.push(i);
    }
    return asked;
  }

  /** One more value may be asked for; then that is noted. */
  isAskedAgain(step: PathStep): boolean {
    if (step.kind !== 'pin' || step.pinned === undefined) return false;
    const pinned = this.of(step.pinned);
    if (pinned.asked >= mostValues) return false;
    pinned.asked++;
    pinned.open++;
    return true;
  }

  /** What every path that was found has for the value of this step; each is to be another one. */
  seen(step: PathStep): readonly Term[] {
    return step.kind === 'pin' && step.pinned !== undefined ? [...this.of(step.pinned).seen] : [];
  }

  /** A question for another value has been answered. */
  answered(step: PathStep): void {
    if (step.kind === 'pin' && step.pinned !== undefined) this.of(step.pinned).open--;
  }

  /** May another value let runs go this way? */
  mayOpen(way: number): boolean {
    return [...(this.blocked.get(way) ?? [])].some(({ asked, open }) => open > 0 || asked >= mostValues);
  }

  private of(term: Term): Pinned {
    const known = this.known.get(term) ?? { seen: new Set(), asked: 0, open: 0 };
    this.known.set(term, known);
    return known;
  }
}
