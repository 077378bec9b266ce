/**
 * Solves for a model near one that is known: all of `held` is true under `start`, and `wanted` is to be true as well.
 * Only `wanted` becomes clauses at first; what the answer breaks of `held` is added, and so on until nothing is
 * broken. Values of `start` are tried first, so that an answer changes little, most of `held` never becomes a clause,
 * and what a hash of half the packet has to be costs nothing where nobody asks for it.
 */
import { BitBlaster, canBlast } from './bit-blaster.js';
import { evaluateTerms, type Valuation } from './evaluate.js';
import { Inversion } from './inversion.js';
import { SatSolver } from './sat-solver.js';
import { type Term, termsBelow } from './term.js';

/** Values of variables by name; one that is not there is 0. */
export type Values = Valuation['values'];

/**
 * What came of it. `sat`: with these values in place of those of the start. `unsat`: these of the assertions cannot
 * hold together.
 */
export type NearbyAnswer = (
  | { readonly verdict: 'sat'; readonly changes: ReadonlyMap<string, bigint> }
  | { readonly verdict: 'unsat'; readonly core: readonly Term[] }
  | { readonly verdict: 'unknown' }
) & {
  /** Values given to variables and clauses made on the way: what takes the time, and no clock says it. */
  readonly work: number;
};

/** Conflicts that a question may take unless told otherwise. */
const defaultConflicts = 400;

/** Clauses beyond which a question is not asked. */
const maxClauses = 60_000;
/** Ways down a term that are tried before a circuit is made of it. */
const guesses = 8;
/** Walks that follow one another in one of them. */
const walks = 3;

function modelOf(start: Values, changes: ReadonlyMap<string, bigint>): Valuation {
  const get = (name: string): bigint | undefined => changes.get(name) ?? start.get(name);
  return { values: { get }, arrays: new Map(), functions: new Map() };
}

/** Answers questions about terms of one {@link Terms}, and remembers what cannot be. */
export class NearbySolver {
  private readonly variablesOf = new Map<Term, ReadonlySet<string>>();
  private readonly isBlastable = new Map<Term, boolean>();
  /** Sets of assertions that cannot hold together, by the last of them that was asked for. */
  private readonly cores = new Map<Term, (readonly Term[])[]>();

  /**
   * `held`: assertions that are true under `start`. `limit`: conflicts after which the answer is `unknown`; 0: it is
   * not looked into. `answers`: values of all variables of `wanted` that make it hold, to be tried first. What is said
   * to be unsatisfiable is so whatever `start` is.
   */
  solve(
    held: readonly Term[],
    wanted: Term,
    start: Values,
    limit: number = defaultConflicts,
    answers: readonly ReadonlyMap<string, bigint>[] = [],
  ): NearbyAnswer {
    if (wanted.op === 'const') return wanted.value === 1n ? sat(new Map(), 0) : unsat([wanted], 0);
    for (const values of answers) {
      const changes = new Map([...values].filter(([name, value]) => value !== (start.get(name) ?? 0n)));
      if (this.broken(held, start, changes).length === 0) return sat(changes, 0);
    }
    const known = this.cores.get(wanted);
    if (known !== undefined) {
      const all = new Set(held);
      for (const core of known) if (core.every((term) => term === wanted || all.has(term))) return unsat(core, 0);
    }
    if (limit === 0) return unknown(0);
    const guess = this.guess(held, wanted, start);
    if (guess !== undefined) return sat(guess, 0);
    if (!this.canBlast(wanted)) return unknown(0);
    const solver = new SatSolver();
    const blaster = new BitBlaster(solver, ({ name }) => start.get(name) ?? 0n);
    const included = new Set<Term>([wanted]);
    let fresh: readonly Term[] = [wanted];
    for (;;) {
      for (const term of fresh) blaster.assert(term);
      const found = solver.size > maxClauses ? undefined : solver.solve(limit);
      const { work } = solver;
      if (found === undefined) return unknown(work);
      if (!found) return this.refuted(wanted, [...included], work);
      const changes = new Map<string, bigint>();
      for (const [variable, bits] of blaster.variables) {
        let value = 0n;
        for (let i = bits.length - 1; i >= 0; i--)
          value = value * 2n + (solver.valueOf((bits[i] as number) >> 1) ? 1n : 0n);
        if (value !== (start.get(variable.name) ?? 0n)) changes.set(variable.name, value);
      }
      const broken = this.broken(
        held.filter((term) => !included.has(term)),
        start,
        changes,
      );
      if (broken.length === 0) return sat(changes, work);
      if (!broken.every((term) => this.canBlast(term))) return unknown(work);
      for (const term of broken) included.add(term);
      fresh = broken;
    }
  }

  /** Which assertions that held do not any more. */
  private broken(held: readonly Term[], start: Values, changes: ReadonlyMap<string, bigint>): Term[] {
    const touched = held.filter((term) => this.mentions(term, changes));
    const results = evaluateTerms(touched, modelOf(start, changes));
    return touched.filter((_, i) => results[i] === 0n);
  }

  /** Values that undo the operations of `wanted` and break nothing, if a few tries find such. */
  private guess(held: readonly Term[], wanted: Term, start: Values): ReadonlyMap<string, bigint> | undefined {
    const below = termsBelow([wanted]);
    for (let attempt = 0; attempt < guesses; attempt++) {
      const changes = new Map<string, bigint>();
      let isRight = false;
      // What one walk gets nearly right (a carry moved), another from there gets right.
      for (let walk = 0; walk <= walks; walk++) {
        const results = evaluateTerms(below, modelOf(start, changes));
        isRight = results.at(-1) === 1n;
        if (isRight || walk === walks) break;
        const known = new Map(below.map((term, i) => [term, results[i] as bigint]));
        // The bits of the attempt's number decide which arguments move.
        let bits = attempt;
        const inversion = new Inversion(
          (term) => known.get(term) as bigint,
          () => {
            const bit = bits & 1;
            bits >>= 1;
            return bit;
          },
        );
        if (!inversion.decide(wanted, true)) break;
        for (const [name, value] of inversion.changes) changes.set(name, value);
      }
      if (isRight && this.broken(held, start, changes).length === 0) return changes;
    }
    return undefined;
  }

  private refuted(wanted: Term, core: readonly Term[], work: number): NearbyAnswer {
    const known = this.cores.get(wanted);
    if (known === undefined) this.cores.set(wanted, [core]);
    else known.push(core);
    return unsat(core, work);
  }

  private canBlast(term: Term): boolean {
    let known = this.isBlastable.get(term);
    if (known === undefined) {
      known = canBlast(term);
      this.isBlastable.set(term, known);
    }
    return known;
  }

  private mentions(term: Term, names: ReadonlyMap<string, bigint>): boolean {
    let own = this.variablesOf.get(term);
    if (own === undefined) {
      own = new Set(termsBelow([term]).flatMap(({ op, name }) => (op === 'variable' ? [name] : [])));
      this.variablesOf.set(term, own);
    }
    if (own.size < names.size) {
      for (const name of own) if (names.has(name)) return true;
    } else for (const name of names.keys()) if (own.has(name)) return true;
    return false;
  }
}

function sat(changes: ReadonlyMap<string, bigint>, work: number): NearbyAnswer {
  return { verdict: 'sat', changes, work };
}

function unsat(core: readonly Term[], work: number): NearbyAnswer {
  return { verdict: 'unsat', core, work };
}

function unknown(work: number): NearbyAnswer {
  return { verdict: 'unknown', work };
}
