/**
 * How commands reach cards: a daemon behind a socket (`--socket`, `JITNIC_SOCKET`), or without one a kernel in this
 * process that has one card (`--card`) and ends with the command. What is asked, and what is refused, is the same:
 * both go through `handle` of the server, so a command is written once and tried without a daemon.
 *
 * A command never looks at which of the two it has, except through {@link Caller.isPrivate}, and for one reason: what
 * it made is gone when it ends, so a private command shows it instead of naming where it is.
 */
import type { Command } from 'commander';
import { exitCodes, InputError, UserError } from '../base/index.js';
import { OffloadKernel } from '../offload/index.js';
import { Client, handle } from '../server/index.js';
import type { Io } from './command.js';

/** Flags of commands that ask. They exclude each other. */
export interface CallFlags {
  readonly socket?: string;
  readonly card?: string;
}

/** Declares them. */
export function declareCallFlags(command: Command): void {
  command
    .option('--socket <path>', 'socket of a daemon (`jitnic serve`); default JITNIC_SOCKET')
    .option('--card <name>', 'without a daemon: a card of this process, `nic` with `nicp0` (default nfp4000)');
}

/** A refusal that somebody else worded: text, code, exit code and hint are as they came. */
class CallError extends UserError {
  override readonly name: string = 'CallError';
  readonly exitCode: UserError['exitCode'];
  readonly code: string;

  constructor(message: string, code: string, exit: UserError['exitCode'], hint: string | undefined) {
    super(message, {}, hint);
    this.code = code;
    this.exitCode = exit;
  }
}

/** Who is asked. */
export interface Caller {
  /** Throws what is refused; the verifier's log goes to stderr. */
  call(name: string, body?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** To be called in `finally`: until then the connection counts against the daemon's limit. */
  close(): void;
  /** No daemon: what is made ends with the command. */
  readonly isPrivate: boolean;
}

/**
 * Opens the way to the cards. `JITNIC_SOCKET` counts where no flag is given. No connection is made yet: the first call
 * finds out whether somebody answers. Throws InputError where both ways are named.
 */
export function openCaller(flags: CallFlags, io: Io): Caller {
  const socket = flags.socket ?? io.env['JITNIC_SOCKET'];
  if (socket !== undefined) {
    if (flags.card !== undefined)
      throw new InputError('`--card` is for commands without a daemon', {}, 'leave out `--socket`');
    const client = new Client(socket);
    return {
      isPrivate: false,
      call: async (name, body = {}) => checked(await client.call(name, body), io),
      close: () => client.close(),
    };
  }
  const kernel = new OffloadKernel();
  kernel.addDevice({ name: 'nic', card: flags.card ?? 'nfp4000' });
  return {
    isPrivate: true,
    call: async (name, body = {}) => {
      // The time is 0: nothing that is printed without a daemon differs from run to run.
      const answer = await io.work(name, () => handle(kernel, name, JSON.stringify(body), 0));
      if (answer.bug !== undefined) throw answer.bug;
      return checked(answer, io);
    },
    close: () => undefined,
  };
}

/** Exit codes that a daemon may name; another one is of a version that this command does not know. */
const known: readonly number[] = Object.values(exitCodes);

/**
 * The answer, or the refusal thrown. The verifier's log goes to stderr first and as it is, so that the one line of the
 * error stands last, and JSON on stdout stays one document.
 */
function checked({ status, body }: { readonly status: number; readonly body: unknown }, io: Io): unknown {
  if (status === 200) return body;
  const { error, code, exit, hint, log } = body as Readonly<Record<string, unknown>>;
  if (typeof log === 'string' && log !== '') io.err(log);
  const exitCode = known.includes(Number(exit)) ? (Number(exit) as UserError['exitCode']) : exitCodes.internal;
  throw new CallError(
    String(error),
    String(code ?? 'refused'),
    exitCode,
    hint === undefined ? undefined : String(hint),
  );
}
