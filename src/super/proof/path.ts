/**
 * What is known on the way to a point of both runs, and questions to the solver about it. Most questions are decided
 * by what was assumed word for word; the solver is asked first with the conditions since paths met, then with all that
 * led there.
 */
import { evaluateTerms, type Model, type Solver, type Term, termsBelow } from '../../solve/index.js';
import type { Symbols } from './symbols.js';

/** How control came here: a formula over all ways. */
export interface History {
  readonly formula: Term;
  /** Nothing was forgotten: whatever satisfies the formula can happen. */
  readonly isExact: boolean;
}

/** A way to a point: conditions that hold there, those since the history was last written down, and the history. */
export interface Path {
  readonly facts: ReadonlySet<Term>;
  readonly since: readonly Term[];
  readonly history: History;
}

/** The path on which `condition` holds, too. */
export function assuming<P extends Path>(path: P, condition: Term): P {
  if (condition.op === 'const' || path.facts.has(condition)) return path;
  return { ...path, facts: new Set([...path.facts, condition]), since: [...path.since, condition] };
}

/** What the path says of a condition without thinking. */
export function decided(symbols: Symbols, { facts }: Path, condition: Term): boolean | undefined {
  if (condition.op === 'const') return condition.value === 1n;
  if (facts.has(condition)) return true;
  if (facts.has(symbols.terms.no(condition))) return false;
  return impliedBy(symbols, facts, condition);
}

/** What one fact alone says: a value is another number, a packet is longer or shorter. */
function impliedBy(symbols: Symbols, facts: ReadonlySet<Term>, condition: Term): boolean | undefined {
  const isNegated = condition.op === 'not';
  const inner = isNegated ? (condition.args[0] as Term) : condition;
  const [left, right] = inner.args as [Term, Term];
  if (inner.op === '=' && right.op === 'const') {
    for (const fact of facts) {
      const isOther =
        fact.op === '=' && fact.args[0] === left && fact.args[1]?.op === 'const' && fact.args[1] !== right;
      if (isOther) return isNegated;
    }
  }
  if (inner.op !== 'bvult') return undefined;
  const limit = boundedSum(symbols, right);
  if (limit === undefined) return undefined;
  for (const fact of facts) {
    const isNot = fact.op === 'not';
    const known = isNot ? (fact.args[0] as Term) : fact;
    if (known.op !== 'bvult' || known.args[0] !== left) continue;
    const other = boundedSum(symbols, known.args[1] as Term);
    if (other === undefined || other.base !== limit.base) continue;
    // The end is not before the larger sum, so not before the smaller one either; and the other way round.
    if (isNot && limit.offset <= other.offset) return isNegated;
    if (!isNot && limit.offset >= other.offset) return !isNegated;
  }
  return undefined;
}

/** An address that is known to lie far below 2^64, and a small number that is added to it. */
function boundedSum(symbols: Symbols, sum: Term): { readonly base: Term; readonly offset: bigint } | undefined {
  const parts = symbols.split(sum);
  if (parts === undefined || parts.offset.op !== 'const' || parts.offset.value >= 0x100000n) return undefined;
  return symbols.isFarBelow(parts.base) ? { base: parts.base, offset: parts.offset.value } : undefined;
}

/** Whether something can hold on a path. */
export type Possible =
  | { readonly kind: 'no' }
  /** With values that say how; undefined where something was forgotten on the way. */
  | { readonly kind: 'yes'; readonly model: Model | undefined }
  | { readonly kind: 'unknown' };

/** What a validation may spend, over all tries. Steps of the solver's own, so that the answer depends on no clock. */
export interface Budget {
  /** Instructions of both versions that are run on symbols. */
  readonly steps: number;
  readonly questions: number;
  /** Of the solver, for one question. */
  readonly stepsPerQuestion: number;
  /** Of the solver, for all questions together. */
  readonly solverSteps: number;
}

/** Seconds at most for a function of some hundred slots. */
export const defaultBudget: Budget = {
  steps: 200_000,
  questions: 1500,
  stepsPerQuestion: 10_000_000,
  solverSteps: 100_000_000,
};

/** For a function that is made anew and taken only if it is proved. */
export const wholeBudget: Budget = {
  steps: 100_000,
  questions: 400,
  stepsPerQuestion: 2_000_000,
  solverSteps: 20_000_000,
};

/** For two programs of which nobody knows whether they are alike: seconds, `times` as many. */
export function lookBudget(times: number): Budget {
  return {
    steps: times * 100_000,
    questions: times * 400,
    stepsPerQuestion: times * 2_000_000,
    solverSteps: times * 10_000_000,
  };
}

/** What is left of a budget; shared by all tries. */
export type Left = { -readonly [K in 'steps' | 'questions' | 'solverSteps']: Budget[K] };

/** The parts of which all have to hold. */
function conjuncts(term: Term): readonly Term[] {
  return term.op === 'and' ? term.args.flatMap(conjuncts) : [term];
}

/** How far definitions of names are followed, and how many at most. */
const definedDepth = 4;
const mostDefinitions = 40;

const maybe: Possible = { kind: 'unknown' };

/** Cases that are kept: looking at one costs a hundredth of a question. */
const mostModels = 12;

/** Asks a solver, remembers answers, and counts against a budget. */
export class Questions {
  asked = 0;
  private readonly symbols: Symbols;
  private readonly solver: Solver | undefined;
  private readonly stepsPerQuestion: number;
  private readonly left: Left;
  private readonly answers = new Map<string, Possible>();
  /** Cases that were found last, the newest first. */
  private models: readonly Model[] = [];

  /** `left` counts down with what is asked. */
  constructor(symbols: Symbols, solver: Solver | undefined, stepsPerQuestion: number, left: Left) {
    this.symbols = symbols;
    this.solver = solver;
    this.stepsPerQuestion = stepsPerQuestion;
    this.left = left;
  }

  /** Can `condition` hold at the end of the path? */
  async possible(path: Path, condition: Term): Promise<Possible> {
    const { terms } = this.symbols;
    if (condition === terms.false) return { kind: 'no' };
    const isWhole = path.history.formula === terms.true;
    const all = isWhole ? [...path.facts] : [...path.since, path.history.formula];
    const model = this.seen(condition, all);
    if (model !== undefined) return { kind: 'yes', model: path.history.isExact ? model : undefined };
    const near = await this.ask([...path.facts, condition]);
    const defined = near.kind === 'no' || isWhole ? [] : this.definitions([condition]);
    // Nothing but what the names in question stand for is added here, so that hard parts of the history stay out.
    if (defined.length > 0 && (await this.ask([...path.facts, condition, ...defined])).kind === 'no')
      return { kind: 'no' };
    if (near.kind !== 'yes' || isWhole)
      return near.kind === 'yes' && !path.history.isExact ? { kind: 'yes', model: undefined } : near;
    const far = await this.ask([...all, condition]);
    return far.kind === 'yes' && !path.history.isExact ? { kind: 'yes', model: undefined } : far;
  }

  /** A case that the solver gave for an earlier question and that is one for this, too: most branches have one. */
  private seen(condition: Term, others: readonly Term[]): Model | undefined {
    const fits = (terms: readonly Term[], model: Model): boolean =>
      evaluateTerms(terms, model).every((value) => value === 1n);
    const close = this.models.filter((model) => fits([condition], model));
    if (close.length === 0) return undefined;
    const all = this.withKnown([...others, condition]);
    return close.find((model) => fits(all, model));
  }

  /** Are all of these certain at the end of the path, asked part by part? False also where that is not found out. */
  async areCertain(path: Path, truths: readonly Term[]): Promise<boolean> {
    const parts = truths.flatMap(conjuncts);
    if (parts.length < 2) return false;
    for (const part of parts) if ((await this.possible(path, this.symbols.terms.no(part))).kind !== 'no') return false;
    return true;
  }

  /** Definitions of the names in these terms, and of the names in those, as far as they are few. */
  private definitions(terms: readonly Term[]): Term[] {
    const found = new Set<Term>();
    let open = terms;
    for (let depth = 0; depth < definedDepth && open.length > 0; depth++) {
      const next: Term[] = [];
      for (const term of termsBelow(open)) {
        const formula = this.symbols.definitionOf(term);
        if (formula === undefined || found.has(formula)) continue;
        found.add(formula);
        next.push(formula);
      }
      if (found.size > mostDefinitions) break;
      open = next;
    }
    return [...found];
  }

  /** One question; sets of equal assertions are one, in whatever order they come. */
  private async ask(assertions: readonly Term[]): Promise<Possible> {
    const all = this.withKnown(assertions);
    if (all.includes(this.symbols.terms.false)) return { kind: 'no' };
    const key = all
      .map(({ id }) => id)
      .sort((a, b) => a - b)
      .join(' ');
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const { left } = this;
    if (this.solver === undefined || left.questions <= 0 || left.solverSteps <= 0) return maybe;
    this.asked++;
    left.questions--;
    const answer = await this.solver.check(all, Math.min(this.stepsPerQuestion, left.solverSteps));
    left.solverSteps -= answer.steps;
    const result: Possible =
      answer.verdict === 'unsat'
        ? { kind: 'no' }
        : answer.verdict === 'sat'
          ? { kind: 'yes', model: answer.model }
          : maybe;
    this.answers.set(key, result);
    if (result.kind === 'yes' && result.model !== undefined)
      this.models = [result.model, ...this.models].slice(0, mostModels);
    return result;
  }

  /** The assertions with what is known of the symbols in them. */
  private withKnown(assertions: readonly Term[]): Term[] {
    const all = new Set(assertions);
    let fresh: readonly Term[] = assertions;
    const seen = new Set<Term>();
    while (fresh.length > 0) {
      const next: Term[] = [];
      for (const term of termsBelow(fresh)) {
        if ((term.op !== 'variable' && term.op !== 'apply') || seen.has(term)) continue;
        seen.add(term);
        for (const fact of this.symbols.factsOf(term)) {
          if (all.has(fact)) continue;
          all.add(fact);
          next.push(fact);
        }
      }
      fresh = next;
    }
    all.delete(this.symbols.terms.true);
    return [...all];
  }
}
