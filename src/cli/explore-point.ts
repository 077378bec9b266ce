/** One point of a sweep: plain data in, plain data out, so that any thread or process can run it. */
import { InputError, UnsupportedError } from '../base/index.js';
import { areaOf, type CardDescription, readCard, shippedCard } from '../nic/index.js';
import { timedReport } from '../sim/index.js';
import { figuresOf, type Outcome } from '../sweep/index.js';
import type { Io } from './command.js';
import { InterruptedError } from './interrupt.js';
import { objectOf } from './program-file.js';
import { type Chosen, chooseProgram } from './run-options.js';
import { runOnCard } from './run-timed.js';
import type { TimedFlags } from './timed-flags.js';

/** Flags of a run whose value is a file. */
export const fileFlags = ['read', 'mapsIn', 'mapsScript', 'fib', 'sockets', 'conntrack', 'rxMetadata'] as const;

/** What a point is made of. Files are named by flags; whoever runs it elsewhere puts them there first. */
export interface PointTask {
  /** An ELF object, and where it came from. */
  readonly object: Uint8Array;
  readonly file: string;
  readonly program: string | undefined;
  /** A description as in a file. */
  readonly card: Readonly<Record<string, unknown>>;
  readonly flags: TimedFlags;
}

/**
 * Runs it. A program that does not fit is an outcome, and so are parameters that exclude each other; throws
 * UsageError, InputError and the like for what is wrong at every point, InterruptedError after Ctrl-C.
 */
export async function runPoint(task: PointTask, io: Io): Promise<Outcome> {
  let card: CardDescription;
  try {
    card = readCard(task.card, shippedCard);
  } catch (error) {
    if (error instanceof InputError) return { kind: 'refused', why: error.message };
    throw error;
  }
  const open = async (): Promise<Chosen> =>
    chooseProgram(await objectOf(task.object, task.file, io, task.flags), task.program, task.flags);
  try {
    const { timed, interrupted } = await runOnCard(card, open, task.flags, io);
    if (interrupted) throw new InterruptedError('running points');
    return { kind: 'ran', figures: figuresOf(timedReport(timed), areaOf(card)) };
  } catch (error) {
    if (error instanceof UnsupportedError) return { kind: 'refused', why: error.message };
    throw error;
  }
}
