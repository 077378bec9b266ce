/**
 * Questions that no reasoning answers, such as which packet a hash makes this number of: answered by trying. A
 * question is a truth value over some variables; up to 32 bits of them are counted through (scan-code.ts), all others
 * stay as they are where the question was asked. Before that what answered another question is tried: the same hash is
 * often asked for by many paths, of the same bytes or of others at their place.
 *
 * The cheapest question is worked on first. Nothing here looks at a clock: work is counted.
 */
import { evaluateTerm, type Valuation } from './evaluate.js';
import { type Scan, scanCode } from './scan-code.js';
import { substituted } from './substitution.js';
import { type Term, termsBelow, widthOf } from './term.js';
import type { Terms } from './terms.js';

type Values = Valuation['values'];

/** Bits that are counted through. */
const mostBits = 32;
/** Numbers that are tried in one go. */
const stretch = 2 ** 22;
/** Operations on numbers that make one unit of work, as the solver counts it. */
const operationsPerWork = 18_000;
/** Starts from which a question is tried to the end. */
const mostScans = 2;
/** Answers to other questions that are tried. */
const mostExamples = 64;

/** A question that is being tried. */
interface Job {
  readonly wanted: Term;
  /** What is counted, the uppermost bits first; and how many bits that are. */
  readonly counted: readonly Term[];
  readonly bits: number;
  /** What stays. */
  readonly fixed: ReadonlyMap<string, bigint>;
  readonly scan: Scan;
  readonly operations: number;
  at: number;
}

/** Answers by trying, for questions over one {@link Terms}. */
export class Trials {
  private readonly terms: Terms;
  private readonly known = new Map<Term, ReadonlyMap<string, bigint>[]>();
  private readonly examples: { readonly variables: readonly Term[]; readonly values: ReadonlyMap<string, bigint> }[] =
    [];
  private readonly jobs: Job[] = [];
  /** How often each was tried to the end, or begun. */
  private readonly begun = new Map<Term, number>();
  /** Where to go on with those of which every variable is counted. */
  private readonly next = new Map<Term, number>();
  /** Questions that no values answer. */
  private readonly impossible = new Set<Term>();

  constructor(terms: Terms) {
    this.terms = terms;
  }

  /** Values that make it hold; what they do to other terms is not looked at. */
  answers(wanted: Term): readonly ReadonlyMap<string, bigint>[] {
    return this.known.get(wanted) ?? [];
  }

  /** True: all values were tried, and none makes it hold. */
  isRefuted(wanted: Term): boolean {
    return this.impossible.has(wanted);
  }

  /** True while there is something to try. */
  get isOpen(): boolean {
    return this.jobs.length > 0;
  }

  /**
   * Is it answered now, or refuted? `later`: {@link proceed} will tell. `never`: it cannot be tried, or was, as often
   * as makes sense.
   */
  ask(wanted: Term, start: Values): 'now' | 'later' | 'never' {
    if (this.impossible.has(wanted)) return 'now';
    const before = this.answers(wanted).length;
    const variables = variablesOf(wanted);
    if (before === 0) {
      this.tryExamples(wanted, variables, start);
      if (this.answers(wanted).length > 0) return 'now';
    }
    if (this.jobs.some((job) => job.wanted === wanted)) return 'later';
    const times = this.begun.get(wanted) ?? 0;
    if (times >= mostScans) return 'never';
    this.begun.set(wanted, times + 1);
    const job = this.jobOf(wanted, variables, start);
    if (job === undefined) return 'never';
    this.jobs.push(job);
    return 'later';
  }

  /** Goes on trying; the questions that are answered, refuted or given up now, and the work that it took. */
  proceed(): { readonly settled: readonly Term[]; readonly work: number } {
    const job = this.jobs.reduce<Job | undefined>(
      (a, b) => (a === undefined || costOf(b) < costOf(a) ? b : a),
      undefined,
    );
    if (job === undefined) return { settled: [], work: 0 };
    const end = 2 ** job.bits;
    const rounds = Math.ceil(Math.min(stretch, end - job.at) / job.scan.step);
    const found = job.scan.run(job.at | 0, rounds);
    const tried = found === -1 ? rounds * job.scan.step : (found >>> 0) - job.at + job.scan.step;
    const work = Math.ceil((tried * job.operations) / operationsPerWork);
    job.at += tried;
    const isOver = found !== -1 || job.at >= end;
    if (!isOver) return { settled: [], work };
    this.jobs.splice(this.jobs.indexOf(job), 1);
    if (found === -1) {
      if (job.fixed.size === 0 && this.answers(job.wanted).length === 0) this.impossible.add(job.wanted);
      return { settled: [job.wanted], work };
    }
    this.next.set(job.wanted, job.at);
    const values = this.valuesAt(job, found >>> 0);
    const settled = [job.wanted];
    if (values !== undefined) {
      this.keep(job.wanted, values);
      // Others may ask for the same.
      for (const other of [...this.jobs]) {
        this.tryExamples(other.wanted, variablesOf(other.wanted), undefined);
        if (this.answers(other.wanted).length === 0) continue;
        this.jobs.splice(this.jobs.indexOf(other), 1);
        settled.push(other.wanted);
      }
    }
    return { settled, work };
  }

  private keep(wanted: Term, values: ReadonlyMap<string, bigint>): void {
    this.known.set(wanted, [...this.answers(wanted), values]);
    this.examples.push({ variables: variablesOf(wanted), values });
    if (this.examples.length > mostExamples) this.examples.shift();
  }

  /** Zeros, and what answered others: by name, or by the order in which variables stand. */
  private tryExamples(wanted: Term, variables: readonly Term[], start: Values | undefined): void {
    const tryOne = (of: (name: string, index: number) => bigint): boolean => {
      const values = new Map(variables.map(({ name }, i) => [name, of(name, i)]));
      if (evaluateTerm(wanted, { values, arrays: new Map(), functions: new Map() }) === 0n) return false;
      this.keep(wanted, values);
      return true;
    };
    if (tryOne(() => 0n)) return;
    for (const { variables: theirs, values } of [...this.examples]) {
      if (tryOne((name) => values.get(name) ?? 0n)) return;
      if (start !== undefined && tryOne((name) => values.get(name) ?? start.get(name) ?? 0n)) return;
      if (tryOne((_, i) => values.get(theirs[i]?.name ?? '') ?? 0n)) return;
    }
  }

  private jobOf(wanted: Term, variables: readonly Term[], start: Values): Job | undefined {
    const { terms } = this;
    const counted: Term[] = [];
    let bits = 0;
    for (const variable of variables) {
      if (variable.sort.kind !== 'bits' || bits + widthOf(variable) > mostBits) continue;
      counted.push(variable);
      bits += widthOf(variable);
    }
    if (bits === 0) return undefined;
    const counter = terms.unknown(`counter of ${bits}`, bits);
    const by = new Map<Term, Term>();
    const fixed = new Map<string, bigint>();
    let above = bits;
    for (const variable of variables) {
      if (counted.includes(variable)) {
        by.set(variable, terms.extract(counter, above - 1, above - widthOf(variable)));
        above -= widthOf(variable);
      } else {
        if (variable.sort.kind !== 'bits') return undefined;
        fixed.set(variable.name, start.get(variable.name) ?? 0n);
        by.set(variable, terms.bits(widthOf(variable), start.get(variable.name) ?? 0n));
      }
    }
    const below = termsBelow([wanted]);
    if (below.some(({ op }) => op === 'select' || op === 'apply')) return undefined;
    const root = substituted(terms, [wanted], by)[0] as Term;
    if (root.op === 'const') return undefined;
    const scan = scanCode(root, counter);
    const operations = termsBelow([root]).length;
    const at = fixed.size === 0 ? (this.next.get(wanted) ?? 0) : 0;
    return scan && { wanted, counted, bits, fixed, scan, operations, at };
  }

  /** Which of the numbers of a round it was, as values of the question's variables. */
  private valuesAt(job: Job, first: number): ReadonlyMap<string, bigint> | undefined {
    for (let lane = 0; lane < job.scan.step; lane++) {
      const number = BigInt((first + lane) >>> 0);
      const values = new Map(job.fixed);
      let above = BigInt(job.bits);
      for (const variable of job.counted) {
        above -= BigInt(widthOf(variable));
        values.set(variable.name, BigInt.asUintN(widthOf(variable), number >> above));
      }
      if (evaluateTerm(job.wanted, { values, arrays: new Map(), functions: new Map() }) === 1n) return values;
    }
    return undefined;
  }
}

/** Operations until it is tried to the end. */
function costOf({ bits, operations, at }: Job): number {
  return (2 ** bits - at) * operations;
}

/** Variables, in the order in which one comes across them from the top down. */
function variablesOf(root: Term): Term[] {
  const found: Term[] = [];
  const seen = new Set<Term>();
  const open = [root];
  for (let term = open.pop(); term !== undefined; term = open.pop()) {
    if (seen.has(term)) continue;
    seen.add(term);
    if (term.op === 'variable') found.push(term);
    open.push(...[...term.args].reverse());
  }
  return found;
}
