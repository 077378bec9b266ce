/** The {@link Io} of what runs in a thread or a process of its own: nothing is printed, nobody is at a terminal. */
import { InternalError } from '../base/index.js';
import type { Io } from './command.js';
import { makeStyle } from './style.js';

/** `phase` names who is at work in errors of ours; `more`: what is told all the same. */
export function threadIo(phase: string, more: Partial<Io> = {}): Io {
  const noStdin = (): never => {
    throw new InternalError(phase, 'a thread has no stdin');
  };
  return {
    out: () => undefined,
    err: () => undefined,
    info: () => undefined,
    detail: () => undefined,
    json: () => undefined,
    readStdin: async () => noStdin(),
    stdin: noStdin,
    lines: noStdin,
    isInteractive: false,
    work: async (_phase, work) => work(),
    catchInterrupt: () => ({ requested: false, wake: undefined }),
    flags: { json: false, pretty: false, quiet: false, verbosity: 0, progress: false },
    style: makeStyle(false),
    width: 100,
    env: process.env,
    ...more,
  };
}
