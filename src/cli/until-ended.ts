/** For commands that serve: until somebody wants them to end. */
import { type ExitCode, exitCodes } from '../base/index.js';
import type { Io } from './command.js';

/**
 * Waits for SIGTERM, the usual end of a service (exit 0), or Ctrl-C (exit 130, as for every command); `stop` is called
 * then.
 */
export async function untilEnded(io: Io, stop: () => Promise<void>): Promise<ExitCode> {
  const interrupt = io.catchInterrupt();
  const how = await new Promise<'terminated' | 'interrupted'>((done) => {
    interrupt.wake = () => done('interrupted');
    process.once('SIGTERM', () => done('terminated'));
    if (interrupt.requested) done('interrupted');
  });
  await stop();
  if (how === 'terminated') return exitCodes.ok;
  io.err('interrupted\n');
  return exitCodes.interrupted;
}
