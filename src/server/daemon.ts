/**
 * The daemon: a kernel of cards and programs behind a Unix socket that speaks HTTP with JSON bodies. Whoever has curl
 * can ask, and permissions are those of a file.
 *
 * Calls are answered one after another, each whole. A call runs synchronously once its body is here, so two clients
 * never see each other's half-made changes, and the model needs no locks. The price is that a large load delays
 * everybody else. The order is that in which bodies were complete, not that in which connections were made: a slow
 * sender blocks nobody.
 *
 * Invariants:
 * 1. What a call changed is in the log before it is acknowledged (see log.ts for what that is worth when).
 * 2. A refusal has changed nothing, neither in memory nor in the log.
 * 3. What a client may take is bounded: how many there are, how long a request may be, and how long it may take to
 *    send it. No client, however slow or broken, keeps others from being answered for good.
 * 4. The socket exists before the operator is told `ready`, and from then on until `stop` every call is answered.
 */
import { chmodSync, chownSync, existsSync, readFileSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { InputError } from '../base/index.js';
import { OffloadKernel } from '../offload/index.js';
import { calls } from './api.js';
import { daemonSchema } from './call-schema.js';
import { handle } from './handle.js';
import { StateLog, type SyncPolicy } from './log.js';
import { Metrics } from './metrics.js';
import { TrafficLoop } from './traffic-loop.js';

/** How to serve. */
export interface DaemonOptions {
  /** Folder of the state. */
  readonly state: string;
  /** Path of the Unix socket; what is left there of a daemon that was killed is taken away. */
  readonly socket: string;
  /** Group that may connect as well; else only the user. */
  readonly group?: string | undefined;
  /** Whether a change waits for the disk. */
  readonly sync: SyncPolicy;
  /** Those that are left out are {@link defaultLimits}. */
  readonly limits?: Partial<DaemonLimits>;
  /** A line for the operator. */
  readonly say: (event: string, fields?: Readonly<Record<string, unknown>>) => void;
}

/** What clients may take. */
export interface DaemonLimits {
  /** Connections at a time; one more is closed at once and counted as dropped. */
  readonly clients: number;
  /** Bytes of a body. */
  readonly body: number;
  /** Milliseconds that a client may take to send a request. */
  readonly patience: number;
}

/**
 * Limits where none are given. A body has room for the longest object (8 MiB, see api.ts) in base 64, which is a third
 * longer, and for the other fields.
 */
export const defaultLimits: DaemonLimits = { clients: 64, body: 12 << 20, patience: 10_000 };

/** A daemon that listens. */
export interface Daemon {
  /** What the daemon holds, for who runs in the same process (tests). */
  readonly kernel: OffloadKernel;
  /** Answers what is under way, brings the log to the disk, and takes the socket away. */
  stop(): Promise<void>;
}

/** Starts; when this returns, clients are answered. Throws InputError where another one listens. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { state, socket, sync, say } = options;
  const limits = { ...defaultLimits, ...options.limits };
  // Before the log is opened: opening cuts a torn tail off, and in a log in use that could be an entry in the making.
  if (await answers(socket))
    throw new InputError('somebody listens there already', { file: socket }, 'stop that one, or name another socket');
  if (existsSync(socket)) unlinkSync(socket);
  const log = StateLog.open(state, sync);
  if (log.cut > 0) say('torn tail cut', { bytes: log.cut, kept: `${state}/state.log.torn` });
  const kernel = new OffloadKernel(
    log.records,
    (changes) => log.append(changes),
    () => process.hrtime.bigint(),
  );
  const metrics = new Metrics();
  const server = createServer({ keepAlive: true }, (request, response) => {
    void serveOne(request, response, { kernel, log, metrics, limits, say });
  });
  server.maxConnections = limits.clients;
  // All three, or a client could hold a connection by sending a byte now and then, or by sending nothing at all.
  server.headersTimeout = limits.patience;
  server.requestTimeout = limits.patience;
  server.keepAliveTimeout = limits.patience;
  server.on('drop', () => metrics.dropped++);
  server.on('clientError', (_error, client) => {
    metrics.malformed++;
    if (client.writable) client.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else client.destroy();
  });
  await listen(server, socket, options.group);
  const traffic = new TrafficLoop(kernel, say);
  say('ready', { socket, entries: log.records.count('prog/') });
  return {
    kernel,
    stop: async () => {
      traffic.close();
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeIdleConnections();
        // A client that never ends its request would keep the daemon from ending: half a second is its share.
        setTimeout(() => server.closeAllConnections(), 500).unref();
      });
      log.close();
      say('stopped');
    },
  };
}

/** Is there a daemon behind the socket? The file alone says nothing: kill -9 leaves it there. */
function answers(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      done(true);
    });
    probe.once('error', () => done(false));
  });
}

/**
 * Nobody but the user may connect, from the first instant on: the mode comes with bind(2) by the umask, since chmod
 * afterwards would leave a gap. A group is given its right in the order owner, then mode, so that no other group has
 * it in between.
 */
async function listen(server: Server, socket: string, group: string | undefined): Promise<void> {
  const before = process.umask(0o177);
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(socket, () => done());
    });
  } finally {
    process.umask(before);
  }
  if (group === undefined) return;
  chownSync(socket, process.getuid?.() ?? -1, groupNumber(group));
  chmodSync(socket, 0o660);
}

/**
 * The number of a group, by name or as it is. From /etc/group alone: Node has no getgrnam(3), so groups of LDAP or the
 * like have to be given by number. Throws InputError where there is no such group.
 */
function groupNumber(name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  if (line === undefined) throw new InputError(`there is no group \`${name}\``, { file: '/etc/group' });
  return Number(line.split(':')[2]);
}

/** What answering takes; the same for all requests of a daemon. */
interface Served {
  readonly kernel: OffloadKernel;
  readonly log: StateLog;
  readonly metrics: Metrics;
  readonly limits: DaemonLimits;
  readonly say: DaemonOptions['say'];
}

/**
 * Answers one request; never throws for what a client sent. Only what a name may look like is checked here, what it
 * means is in handle.ts. The log is written anew after the answer was handed over, so that nobody waits for it, and a
 * failure of it is no failure of the call: the old log is still whole.
 */
async function serveOne(request: IncomingMessage, response: ServerResponse, served: Served): Promise<void> {
  const { kernel, log, metrics, limits, say } = served;
  const url = request.url ?? '';
  const reply = (status: number, body: string, type = 'application/json'): void => {
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
    response.end(body);
  };
  if (request.method === 'GET' && url === '/metrics')
    return reply(200, metrics.text(kernel, log), 'text/plain; version=0.0.4');
  if (request.method === 'GET' && url === '/v1')
    return reply(200, JSON.stringify({ version: 1, calls: calls.map(({ name, summary }) => ({ name, summary })) }));
  if (request.method === 'GET' && url === '/v1/schema') return reply(200, JSON.stringify(daemonSchema()));
  const name = /^\/v1\/([a-z/]{1,40})$/.exec(url)?.[1];
  if (request.method !== 'POST' || name === undefined)
    return reply(404, '{"error":"POST /v1/CALL, GET /v1, GET /v1/schema, GET /metrics"}');
  const text = await bodyOf(request, limits.body);
  if (text === undefined) {
    response.shouldKeepAlive = false;
    metrics.count(calls.some((call) => call.name === name) ? name : 'unknown', 413);
    return reply(413, JSON.stringify({ error: `a body has at most ${limits.body} bytes` }));
  }
  const begin = process.hrtime.bigint();
  const { status, body, bug } = handle(kernel, name, text, Date.now());
  // A name that is no call would make a new series in Prometheus: those share one.
  metrics.count(status === 404 ? 'unknown' : name, status);
  say('request', { call: name, status, us: Number((process.hrtime.bigint() - begin) / 1000n) });
  if (bug !== undefined) say('bug', { call: name, what: bug instanceof Error ? bug.stack : String(bug) });
  reply(status, JSON.stringify(body));
  try {
    if (log.compact()) say('log written anew', { bytes: log.bytes });
  } catch (error) {
    say('log not written anew', { what: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * The body as text; undefined if it is too long. A client that goes away in the middle has none: half a body is never
 * acted on, and an empty one changes nothing, since every call that changes something needs a field.
 */
async function bodyOf(request: IncomingMessage, most: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return '';
  }
  return Buffer.concat(chunks).toString('utf8');
}
