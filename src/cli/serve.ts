/**
 * `jitnic serve STATE`: a daemon that holds cards, programs, maps and what is attached. This is its command line only:
 * flags, lines for the operator, signals, and systemd. What it promises is told in server/daemon.ts and server/log.ts.
 *
 * It stays in the foreground and writes to stderr, as systemd and containers want it; there is no pid file, since the
 * socket says whether it is there. It is told to end by SIGTERM (exit 0, as a service's end is no error) or Ctrl-C
 * (exit 130, as for every command); kill -9 costs no state either, only answers that were under way.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { UsageError } from '../base/index.js';
import { type SyncPolicy, startDaemon, syncPolicies } from '../server/index.js';
import { type CliCommand, defineCommand, type Io } from './command.js';
import { untilEnded } from './until-ended.js';

/** Flags as commander gives them: text that nobody has checked. */
interface Options {
  readonly socket?: string;
  readonly group?: string;
  readonly fsync?: string;
  readonly log?: string;
  readonly clients?: string;
}

/** Runs until SIGTERM (exit 0) or Ctrl-C; the state is whole either way. */
export const command: CliCommand = defineCommand<Options>({
  declare: (command) => {
    command
      .argument('<state>', 'folder of the state; made if it is not there')
      .option('--socket <path>', 'Unix socket to listen on (default STATE/socket)')
      .option('--group <name>', 'group that may connect; otherwise only the user may')
      .option('--fsync <when>', 'always: before a change is acknowledged (default); never: when the system likes')
      .option('--clients <n>', 'connections at a time (default 64)')
      .option('--log <format>', 'text (default) or json, a line an event, on stderr')
      .addHelpText(
        'after',
        `
Requests are HTTP over the socket: POST /v1/CALL with a JSON body, GET /v1 lists
the calls, GET /v1/schema what their bodies are, GET /metrics has counters for
Prometheus.

Examples:
  jitnic serve /var/lib/jitnic --group netdev
  curl --unix-socket /var/lib/jitnic/socket -d '{"name":"nic","card":"nfp4000"}' localhost/v1/device/add
  curl --unix-socket /var/lib/jitnic/socket localhost/metrics`,
      );
  },
  run: async ([state = '.'], options, io) => {
    const sync = wordOf('--fsync', options.fsync ?? 'always', syncPolicies);
    const format = wordOf('--log', options.log ?? 'text', ['text', 'json'] as const);
    const clients = Number(options.clients ?? 64);
    if (!Number.isInteger(clients) || clients < 1 || clients > 10_000)
      throw new UsageError(`\`--clients ${options.clients}\` makes no sense`, {}, 'expected a number from 1 to 10000');
    const socket = options.socket ?? join(state, 'socket');
    const say = sayer(format, io);
    const daemon = await startDaemon({
      state,
      socket,
      group: options.group,
      sync: sync as SyncPolicy,
      limits: { clients },
      say,
    });
    notify(io, '--ready');
    return untilEnded(io, async () => {
      notify(io, '--stopping');
      await daemon.stop();
    });
  },
});

/** The word, if it is one that the flag takes. Throws UsageError that lists them. */
function wordOf<T extends string>(flag: string, value: string, words: readonly T[]): T {
  const found = words.find((word) => word === value);
  if (found === undefined)
    throw new UsageError(`\`${flag} ${value}\` makes no sense`, {}, `one of ${words.join(', ')}`);
  return found;
}

/** Requests are told in JSON, and as text only under -v: a line a request is for machines, or for who asked for it. */
function sayer(format: 'text' | 'json', io: Io) {
  return (event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    if (format === 'json') {
      io.err(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`);
      return;
    }
    const words = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
    const line = [event, ...words].join(' ');
    if (event === 'request') io.detail(1, line);
    else io.info(line);
  };
}

/**
 * Tells systemd, if it is there: its own tool knows how. The protocol is a datagram to a Unix socket, which Node
 * cannot send; since the tool is a process of its own, the unit needs `NotifyAccess=all`. A failure is said and no
 * more: who serves well should not end because nobody could be told.
 */
function notify(io: Io, word: string): void {
  if (io.env['NOTIFY_SOCKET'] === undefined) return;
  const child = spawn('systemd-notify', [word], { stdio: 'ignore' });
  child.on('error', (error) => io.err(`systemd-notify: ${error.message}\n`));
}
