/** The port over any solver that speaks SMT-LIB 2 as z3 does: scripts in, text out. */
import { InternalError } from '../base/index.js';
import { argumentsKey, type Model } from './evaluate.js';
import { logicOf, TermPrinter } from './print.js';
import { parseReply, type Reply, replyValue } from './reply.js';
import { type Answer, defaultLimit, type Solver, type SolverVerdict } from './solver.js';
import { type Term, termsBelow } from './term.js';

/** A solver that is running: it keeps what earlier scripts told it, as if they were one. */
export interface Dialogue {
  readonly name: string;
  /** What the solver prints for a script. Never called while an answer is due. */
  say(script: string): Promise<string>;
  close(): Promise<void>;
}

/** Most answers that are kept. */
const mostAnswers = 5000;

/** Questions are put one after another; each begins with a reset, so that none sees what another asserted. */
export class SmtLibSolver implements Solver {
  readonly name: string;
  private readonly dialogue: Dialogue;
  /**
   * Answers by what was asked: proofs of one function more than once, as before it is taken and after, ask the same.
   */
  private readonly answers = new Map<string, Answer>();
  /** One question at a time: the next one waits for this. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(dialogue: Dialogue) {
    this.dialogue = dialogue;
    this.name = dialogue.name;
  }

  check(assertions: readonly Term[], limit: number = defaultLimit): Promise<Answer> {
    return this.inTurn(() => this.ask(assertions, limit));
  }

  checkEach(
    base: readonly Term[],
    questions: readonly (readonly Term[])[],
    limit: number = defaultLimit,
  ): Promise<SolverVerdict[]> {
    return this.inTurn(async () => {
      const printer = new TermPrinter();
      const script = start(logicOf([...base, ...questions.flat()]), limit);
      // What is defined inside a `push` is gone after its `pop`: definitions come first.
      const asserted = base.map((term) => `(assert ${printer.refer(term)})`);
      const asked = questions.map(
        (terms) => `(push 1)${terms.map((term) => `(assert ${printer.refer(term)})`).join('')}(check-sat)(pop 1)`,
      );
      script.push(...printer.takeLines(), ...asserted, ...asked);
      const verdicts = parseReply(await this.dialogue.say(script.join('\n'))).map(verdictOf);
      if (verdicts.length !== questions.length)
        throw new InternalError('solve', `${verdicts.length} answers to ${questions.length} questions`);
      return verdicts;
    });
  }

  close(): Promise<void> {
    return this.inTurn(() => this.dialogue.close());
  }

  /** Waits until the question before has its answer: there is one dialogue. */
  private inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.last.then(action);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** One question with its model or the reason why there is no answer. */
  private async ask(assertions: readonly Term[], limit: number): Promise<Answer> {
    const printer = new TermPrinter();
    const names = assertions.map((term) => `(assert ${printer.refer(term)})`);
    const count = '(get-info :rlimit)';
    const script = [
      ...start(logicOf(assertions), limit),
      count,
      ...printer.takeLines(),
      ...names,
      '(check-sat)',
      count,
    ];
    const text = script.join('\n');
    const known = this.answers.get(text);
    if (known !== undefined) return known;
    const answer = await this.answer(text, assertions, printer);
    if (this.answers.size >= mostAnswers) this.answers.clear();
    this.answers.set(text, answer);
    return answer;
  }

  private async answer(text: string, assertions: readonly Term[], printer: TermPrinter): Promise<Answer> {
    const [spentBefore, said, spent] = parseReply(await this.dialogue.say(text));
    const verdict = verdictOf(said);
    // Not every build begins at 0 again after a reset.
    const steps = stepsOf(spent) - stepsOf(spentBefore);
    if (verdict === 'unsat') return { verdict, steps };
    if (verdict === 'sat') return { verdict, steps, model: await this.model(assertions, printer) };
    const [reason] = parseReply(await this.dialogue.say('(get-info :reason-unknown)'));
    return {
      verdict,
      steps,
      reason: Array.isArray(reason) ? String(reason[1]).replaceAll('"', '') : 'no reason given',
    };
  }

  /**
   * The values of variables. Of arrays and functions the places that the assertions look at: those are asked for as
   * terms, since each solver prints whole arrays in ways of its own.
   */
  private async model(assertions: readonly Term[], printer: TermPrinter): Promise<Model> {
    const values = new Map<string, bigint>();
    const arrays = new Map<string, Map<bigint, bigint>>();
    const functions = new Map<string, Map<string, bigint>>();
    const asked: string[] = [];
    const takers: ((read: () => bigint) => void)[] = [];
    const ask = (terms: readonly string[], take: (read: () => bigint) => void): void => {
      asked.push(...terms);
      takers.push(take);
    };
    for (const term of termsBelow(assertions)) {
      const { op, name, args } = term;
      if (op === 'variable' && term.sort.kind !== 'array')
        ask([printer.refer(term)], (read) => values.set(name, read()));
      if (op === 'apply') {
        ask(
          [...args, term].map((part) => printer.refer(part)),
          (read) => {
            const key = argumentsKey(args.map(read));
            entry(functions, name).set(key, read());
          },
        );
      }
      if (op === 'select') {
        const [array, index] = args as [Term, Term];
        const at = printer.refer(index);
        for (const base of arraysBelow(array))
          ask([at, `(select ${printer.refer(base)} ${at})`], (read) => {
            const i = read();
            entry(arrays, base.name).set(i, read());
          });
      }
    }
    if (asked.length === 0) return { values, arrays, functions };
    const [reply] = parseReply(await this.dialogue.say(`(get-value (${asked.join(' ')}))`));
    const pairs = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
    let next = 0;
    const read = (): bigint => {
      const pair = pairs[next++];
      const value = replyValue(typeof pair === 'string' ? undefined : pair?.[1]);
      if (value === undefined)
        throw new InternalError('solve', `no value for ${asked[next - 1]}: ${JSON.stringify(pair)}`);
      return value;
    };
    for (const take of takers) take(read);
    return { values, arrays, functions };
  }
}

/** Forgets everything and sets what makes answers depend on the question only. */
function start(logic: string, limit: number): string[] {
  return ['(reset)', `(set-option :rlimit ${limit})`, '(set-option :produce-models true)', `(set-logic ${logic})`];
}

/** The solver's word. Anything else is our mistake, since we wrote the script. */
function verdictOf(reply: Reply | undefined): SolverVerdict {
  if (reply === 'sat' || reply === 'unsat' || reply === 'unknown') return reply;
  throw new InternalError('solve', `the solver says: ${JSON.stringify(reply ?? 'nothing')}`);
}

/** `(:rlimit N)`: steps so far. A solver that does not count them says something else, which is 0. */
function stepsOf(reply: Reply | undefined): number {
  const count = Array.isArray(reply) && reply[0] === ':rlimit' ? Number(reply[1]) : 0;
  return Number.isFinite(count) ? count : 0;
}

/** Array variables that a term depends on, whose contents a model has to tell. */
function arraysBelow(array: Term): Term[] {
  return termsBelow([array]).filter(({ op, sort }) => op === 'variable' && sort.kind === 'array');
}

function entry<K, V>(maps: Map<string, Map<K, V>>, name: string): Map<K, V> {
  let map = maps.get(name);
  if (map === undefined) {
    map = new Map();
    maps.set(name, map);
  }
  return map;
}
