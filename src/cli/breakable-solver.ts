/**
 * Ctrl-C in work that asks a solver. Such work waits for answers, and between two of them it may compute for minutes;
 * {@link Io.work} breaks off what runs before the call returns, so each answer is handed over within one, with
 * all that comes of it up to the next question.
 */
import type { Solver } from '../solve/index.js';
import type { Io } from './command.js';

/**
 * Runs `work`, which waits for nothing but the solver that it is given. Ctrl-C ends it at once: the promise is
 * rejected with InterruptedError. Without a solver `work` gets none.
 */
export function breakableWith<T>(
  io: Pick<Io, 'work'>,
  phase: string,
  solver: Solver | undefined,
  work: (solver: Solver | undefined) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    // The loop calls it itself (interrupt.ts): where promises are being settled, none can be settled within.
    const take = (step: () => void): void => {
      const done = io.work(phase, () => {
        step();
        runMicrotasks();
      });
      done.catch(reject);
    };
    const handed = solver === undefined ? undefined : handingOver(solver, take);
    take(() => {
      work(handed).then(resolve, reject);
    });
  });
}

/**
 * Closes a solver as soon as it has answered. Nobody waits for that: a question that Ctrl-C broke off in the midst of
 * being put has no answer.
 */
export function release(solver: Solver | undefined): void {
  solver?.close().catch(() => undefined);
}

/** The same solver, whose answers come as steps that `take` takes. */
function handingOver(solver: Solver, take: (step: () => void) => void): Solver {
  const within = <A>(asked: Promise<A>): Promise<A> =>
    new Promise((resolve, reject) => {
      asked.then(
        (answer) => take(() => resolve(answer)),
        (error: unknown) => take(() => reject(error)),
      );
    });
  return {
    name: solver.name,
    check: (assertions, limit) => within(solver.check(assertions, limit)),
    checkEach: (base, questions, limit) => within(solver.checkEach(base, questions, limit)),
    close: () => solver.close(),
  };
}

/**
 * Runs what has been waiting for settled promises now instead of when the present callback has returned. Node has no
 * other name for it; where this one should be gone some day, only Ctrl-C is heard later.
 */
function runMicrotasks(): void {
  (process as { _tickCallback?: () => void })._tickCallback?.();
}
