/**
 * Are two versions of a function the same to everyone outside? What comes out is a proof, a proof up to a number of
 * rounds of loops, a case in which they differ, or nothing.
 *
 * Both are run on the same unknown context, packet, memory and results of calls. They are the same if on every way
 * they make the same calls in the same order with the same arguments and bytes behind them, leave packet, maps and
 * context the same and give the same result. What the verifier grants (no access outside of an object) is taken for
 * granted of the first version; that the second one is accepted is the verifier's business. Other programs and CPUs
 * are taken to be still in between, but atomic operations stay atomic.
 */
import type { Solver, Term } from '../../solve/index.js';
import type { ProgramFacts } from '../../verifier/index.js';
import { mapHandle, newGeometry, type Pair } from './calls.js';
import { codeShape, type ProgramCode } from './code-shape.js';
import { contextModel, type ValidationContext } from './context.js';
import { type CounterExample, counterExample } from './counter-example.js';
import { type Finding, undecided } from './finding.js';
import { type Budget, defaultBudget, type Left, Questions } from './path.js';
import { Product, type Setting } from './product.js';
import { Side, Untracked } from './side.js';
import { everyMap, type Region, Symbols } from './symbols.js';

/** One function of a program: the program's slots and where the function is. */
export interface FunctionCode {
  readonly program: ProgramCode;
  /** Position in `program.functions`; the first is the program itself. */
  readonly index: number;
  /** What the verifier knows of the program; of use for the version before only. */
  readonly facts?: ProgramFacts | undefined;
}

/** What is said of two versions of a function. */
export type Validation = {
  /** Questions that the solver was asked. */
  readonly questions: number;
} & (
  | { readonly verdict: 'proved' }
  /** No difference as long as no loop runs through more than `rounds` times. */
  | { readonly verdict: 'bounded'; readonly rounds: number }
  | { readonly verdict: 'refuted'; readonly what: string; readonly example: CounterExample }
  | { readonly verdict: 'unknown'; readonly why: string }
);

/**
 * How often loops are run through where no invariant was found: first so often, then as often as the budget allows.
 */
const unrolled: readonly number[] = [4, 40];

/**
 * Compares two versions of one function. Without a solver what takes no thinking is proved all the same. The answer
 * depends on the arguments and the solver's version only.
 *
 * @throws InternalError what comes of a bug
 */
export async function validateFunction(
  before: FunctionCode,
  after: FunctionCode,
  context: ValidationContext,
  solver: Solver | undefined,
  budget: Budget = defaultBudget,
): Promise<Validation> {
  const { stepsPerQuestion, ...left } = budget;
  const task: Task = { before, after, context, solver, stepsPerQuestion, left };
  const whole = await comparable(task, undefined);
  const { finding } = whole;
  if (finding.kind === 'equal') return { verdict: 'proved', questions: whole.questions };
  if (finding.kind === 'different' && isCertain(finding)) return refuted(whole, finding);
  if (!whole.hasLoops) return { verdict: 'unknown', why: whyOf(finding), questions: whole.questions };
  let { questions } = whole;
  let rounds = 0;
  for (const unroll of unrolled) {
    const part = await comparable(task, unroll);
    questions += part.questions;
    if (part.finding.kind === 'equal') return { verdict: 'proved', questions };
    if (part.finding.kind === 'different' && isCertain(part.finding))
      return { ...refuted(part, part.finding), questions };
    if (part.finding.kind !== 'equal up to') break;
    rounds = part.finding.rounds;
  }
  if (rounds > 0) return { verdict: 'bounded', rounds, questions };
  return { verdict: 'unknown', why: whyOf(finding), questions };
}

/** A difference with a case that shows it. */
function isCertain({ possible }: Extract<Finding, { kind: 'different' }>): boolean {
  return possible.kind === 'yes' && possible.model !== undefined;
}

/** What is compared, and what that may still cost. */
interface Task {
  readonly before: FunctionCode;
  readonly after: FunctionCode;
  readonly context: ValidationContext;
  readonly solver: Solver | undefined;
  readonly stepsPerQuestion: number;
  readonly left: Left;
}

/** Runs the comparison; again with one region for those that turn out to be accessed alike. */
async function comparable(task: Task, unroll: number | undefined): Promise<Compared> {
  const unions: Region[][] = [];
  for (;;) {
    const result = await compare(task, unroll, unions);
    const { finding } = result;
    const mixed = finding.kind === 'undecided' ? finding.mixed : undefined;
    if (mixed === undefined || mixed.includes('stack') || unions.length >= maxUnions) return result;
    const maps = mixed.includes(everyMap) ? task.context.maps.flatMap((_, i) => [`map ${i}`, `inner ${i}`]) : [];
    unions.push([...mixed, ...maps]);
  }
}

/** Tries with larger regions; each joins at least two. */
const maxUnions = 8;

/** One comparison, with what is needed to put its finding into words. */
interface Compared {
  readonly finding: Finding;
  readonly questions: number;
  readonly symbols: Symbols;
  readonly start: Pair;
  readonly hasLoops: boolean;
}

/** Runs both once; `unroll`: rounds of loops that are followed, undefined for a proof over all. */
async function compare(
  { before, after, context, solver, stepsPerQuestion, left }: Task,
  unroll: number | undefined,
  unions: readonly (readonly Region[])[],
): Promise<Compared> {
  const symbols = new Symbols(unions);
  const shapes = [before, after].map(({ program, index, facts }) => {
    const own = program.functions[index];
    return codeShape(program, own?.start ?? 0, own?.end ?? program.insns.length, facts, context.maps);
  });
  const [first, second] = shapes as [Setting['before'], Setting['after']];
  const model = contextModel(context.type === 'unspec' && before.facts !== undefined ? 'xdp' : context.type);
  const isMain = before.index === 0;
  const geometry = newGeometry(symbols, '', model.isXdp);
  // Handles exist from the start, so that no order of use gives them other names.
  for (const index of context.maps.keys()) mapHandle(symbols, index);
  const side = (shape: Setting['before']): Side => {
    const regs: Side['regs'] = new Array<undefined>(11).fill(undefined);
    regs[10] = symbols.frame;
    if (isMain) regs[1] = symbols.context;
    else
      for (let r = 1; r <= 5; r++) {
        const region = first.pointeeOf(first.start, r) ?? 'loaded';
        const argument = region === 'context' ? symbols.context : symbols.unknown(`argument ${r}`, 64);
        if (region !== 'context') symbols.pointsInto(argument, region);
        assumeRange(symbols, argument, first.rangeOf(first.start, r));
        regs[r] = argument;
      }
    return new Side({
      symbols,
      model,
      pc: shape.start,
      regs,
      memory: new Map(),
      frameStores: new Map(),
      mapsAge: '',
      age: '',
      geometry,
      elements: symbols.unknown('elements', 64),
    });
  };
  const start = { before: side(first), after: side(second) };
  const questions = new Questions(symbols, solver, stepsPerQuestion, left);
  const setting: Setting = {
    symbols,
    before: first,
    after: second,
    context,
    questions,
    resultBits: isMain ? model.resultBits : 64,
    left,
    // Code that has grown has copies for single paths.
    leads: second.end - second.start > first.end - first.start ? 'after' : 'before',
    unroll,
  };
  const hasLoops = first.headers.size > 0 || second.headers.size > 0;
  let finding: Finding;
  try {
    finding = await new Product(setting).explore({ before: start.before.copy(), after: start.after.copy() });
  } catch (error) {
    if (!(error instanceof Untracked)) throw error;
    finding = undecided(error);
  }
  return { finding, questions: questions.asked, symbols, start, hasLoops };
}

/** No caller hands over other numbers: the optimizer may believe what the verifier knows of arguments. */
function assumeRange(symbols: Symbols, argument: Term, range: ReturnType<Setting['before']['rangeOf']>): void {
  if (range === undefined || argument.op !== 'variable') return;
  const { terms } = symbols;
  const { value, mask, umin, umax } = range;
  symbols.assumeOnce(argument, terms.ule(terms.bits(64, umin), argument));
  symbols.assumeOnce(argument, terms.ule(argument, terms.bits(64, umax)));
  // Bits that are known.
  symbols.assumeOnce(argument, terms.eq(terms.and(argument, terms.bits(64, ~mask)), terms.bits(64, value)));
}

/** The case in words, if the solver gave one. */
function refuted(compared: Compared, finding: Extract<Finding, { kind: 'different' }>): Validation {
  const model = finding.possible.kind === 'yes' ? finding.possible.model : undefined;
  if (model === undefined) return { verdict: 'unknown', why: finding.what, questions: compared.questions };
  const { what, example } = counterExample(compared.symbols, compared.start.before, finding, model);
  return { verdict: 'refuted', what, example, questions: compared.questions };
}

function whyOf(finding: Finding): string {
  if (finding.kind === 'undecided') return finding.why;
  return finding.kind === 'different' ? `not shown to be equal: ${finding.what}` : '';
}
