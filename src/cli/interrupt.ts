/**
 * Ctrl-C. The event loop hears of a signal only when it has a turn, and verifying, compiling, running packets or
 * putting conditions into words may keep it from one for minutes. V8 can break off JavaScript and WebAssembly wherever
 * they are (at the back edges of loops), and `node:vm` has a thread that makes it do so on SIGINT. Commands hand long
 * work to `Io.work`, which is {@link breakable} {@link inTurn}; it ends with an {@link InterruptedError}, no
 * `finally` having run, so what was being worked on is to be thrown away or to be looked at with care.
 */
import { Script } from 'node:vm';
import { type ExitCode, exitCodes, UserError } from '../base/index.js';
import type { Interrupt } from './command.js';

/** The user pressed Ctrl-C. Exit 130; `phase` says what was broken off, such as `verifying`. */
export class InterruptedError extends UserError {
  override readonly name: string = 'InterruptedError';
  readonly exitCode: ExitCode = exitCodes.interrupted;
  readonly code: string = 'interrupted';

  constructor(phase?: string) {
    super(phase === undefined ? 'interrupted' : `interrupted while ${phase}`);
  }
}

/** What a stream yields, up to its end or Ctrl-C: a pipe may keep its reader waiting for ever. */
export async function* untilInterrupt<T>(items: AsyncIterable<T>, interrupt: Interrupt): AsyncGenerator<T, void> {
  const source = items[Symbol.asyncIterator]();
  while (!interrupt.requested) {
    const next = await new Promise<IteratorResult<T>>((resolve, reject) => {
      interrupt.wake = () => resolve({ done: true, value: undefined });
      source.next().then(resolve, reject);
    });
    interrupt.wake = undefined;
    if (next.done === true) return;
    yield next.value;
  }
}

/** Waits so many milliseconds, or until Ctrl-C. */
export async function pauseUnless(interrupt: Interrupt, milliseconds: number): Promise<void> {
  if (interrupt.requested) return;
  await new Promise<void>((done) => {
    const timer = setTimeout(done, milliseconds);
    interrupt.wake = () => {
      clearTimeout(timer);
      done();
    };
  });
  interrupt.wake = undefined;
}

/**
 * Calls `work` after a turn of the event loop in which it looks for signals. Needed before {@link breakable} wherever
 * work went before that was not: a Ctrl-C that came in it has been caught and not been told, and Node forgets it as
 * soon as `node:vm` listens instead. Two immediates, since the first may come in the same round, before the loop has
 * looked. The call is the loop's own, no promise being settled: `work` may settle some (breakable-solver.ts).
 */
export function inTurn<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = (): void => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    };
    setImmediate(() => setImmediate(call));
  });
}

/** A turn of the event loop in which it looks for signals. */
export const turn = (): Promise<void> => inTurn(() => undefined);

/** V8 breaks off only what `node:vm` runs, so the script calls the work by way of a global that nobody else knows. */
const script = new Script('globalThis[Symbol.for("jitnic.breakable")]()');
const slot = Symbol.for('jitnic.breakable');
let isBreakable = false;

/**
 * Runs synchronous work that SIGINT ends at once. Costs some 0.2 ms (a thread is started), so give it pieces of
 * milliseconds at least. Within another one it is a plain call. Throws InterruptedError, and what `work` throws.
 */
export function breakable<T>(work: () => T, phase: string): T {
  // A second watcher inside of one would take the signal from it.
  if (isBreakable) return work();
  const shared = globalThis as Record<symbol, unknown>;
  let result: { readonly value: T } | undefined;
  shared[slot] = () => {
    result = { value: work() };
  };
  isBreakable = true;
  try {
    script.runInThisContext({ breakOnSigint: true });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') throw new InterruptedError(phase);
    throw error;
  } finally {
    isBreakable = false;
    shared[slot] = undefined;
  }
  return (result as unknown as { readonly value: T }).value;
}
