/**
 * Points of a sweep over many hosts: `--executor bullmq:redis://HOST[:PORT][/QUEUE]` puts them in a queue of BullMQ's,
 * and `jitnic explore --worker` with the same executor, on as many hosts as one likes, takes them out. Files travel by
 * Redis as well, by the digest of their content:
 *
 *     jitnic:file:DIGEST   their bytes in base64, for a day
 *     bull:QUEUE:...       BullMQ's own
 *
 * A worker that dies loses its lock on a point, which another one then takes. BullMQ is an optional package.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Job } from 'bullmq';
import { InputError, UnsupportedError, UsageError } from '../base/index.js';
import type { Outcome } from '../sweep/index.js';
import type { Io } from './command.js';
import { digestOf } from './explore-journal.js';
import { fileFlags, type PointTask } from './explore-point.js';
import { type Executor, executeInThreads } from './explore-threads.js';
import { readInput } from './files.js';
import type { TimedFlags } from './timed-flags.js';

/** Where the queue is. */
export interface QueuePlace {
  readonly host: string;
  readonly port: number;
  readonly queue: string;
  /** As it was given. */
  readonly text: string;
  readonly username?: string;
  readonly password?: string;
}

/** A task as it travels: files by digest. */
interface QueuedTask extends Omit<PointTask, 'object'> {
  readonly object: string;
  /** Flags that name files: the name and the digest. */
  readonly files: Readonly<Record<string, { readonly name: string; readonly digest: string }>>;
}

/** Seconds that files stay in Redis after the last sweep that put them there. */
const fileLife = 86_400;

/**
 * Milliseconds after which the lock of a worker that says nothing is taken from it, and between two looks for such.
 * One that was only slow has its point run twice, to the same end.
 */
const lockTime = 5_000;
const lookEvery = 2_000;

/** Milliseconds that Redis has to answer at first. */
const patience = 5_000;

/** Reads `bullmq:redis://...`. Throws UsageError. */
export function queuePlace(text: string): QueuePlace {
  const hint = 'threads, or bullmq:redis://HOST[:PORT][/QUEUE]';
  const match = /^bullmq:(redis:\/\/.+)$/.exec(text);
  if (match === null || !URL.canParse(match[1] as string))
    throw new UsageError(`\`--executor ${text}\` is none`, {}, hint);
  const { hostname, port, pathname, username, password } = new URL(match[1] as string);
  const queue = decodeURIComponent(pathname.replace(/^\//, '')) || 'jitnic-explore';
  if (hostname === '' || queue.includes(':'))
    throw new UsageError(`\`--executor ${text}\` names no host, or a queue with a colon`, {}, hint);
  return {
    host: hostname,
    port: port === '' ? 6379 : Number(port),
    queue,
    text,
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
}

type Bullmq = typeof import('bullmq');

function bullmq(): Bullmq {
  try {
    return createRequire(import.meta.url)('bullmq') as Bullmq;
  } catch {
    throw new UnsupportedError(
      'the package `bullmq` is not installed',
      {},
      'npm install bullmq; or leave out `--executor`, and the points run in threads here',
    );
  }
}

/** A connection that comes back by itself, once it has been there. */
interface Connection {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly maxRetriesPerRequest: null;
  readonly retryStrategy: () => number | null;
  isReached: boolean;
}

function connectionOf({ host, port, username, password }: QueuePlace): Connection {
  const connection: Connection = {
    ...{ host, port, username, password },
    maxRetriesPerRequest: null,
    retryStrategy: () => (connection.isReached ? 1000 : null),
    isReached: false,
  };
  return connection;
}

/** Of BullMQ's classes what they have in common. */
interface End {
  on(event: 'error', told: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  disconnect(): Promise<void>;
}

/** Waits for Redis, but not for ever. Throws InputError. */
async function reached(place: QueuePlace, connection: Connection, ends: readonly End[]): Promise<void> {
  let said = 'it does not answer';
  const failed = new Promise<never>((_, reject) => {
    const give = (): void => reject(new InputError(said, { file: place.text }, 'is Redis running there?'));
    setTimeout(give, patience).unref();
    for (const end of ends)
      end.on('error', (error) => {
        const isRefused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
        said = isRefused ? 'nobody listens there' : error.message;
        // A connection that breaks later comes back by itself.
        if (isRefused || /NOAUTH|WRONGPASS/.test(said)) give();
      });
  });
  failed.catch(() => undefined);
  try {
    await Promise.race([Promise.all(ends.map((end) => end.waitUntilReady())), failed]);
    connection.isReached = true;
  } catch (error) {
    // It may wait for the connection that there is none of.
    for (const end of ends) void end.disconnect().catch(() => undefined);
    throw error instanceof InputError ? error : new InputError(said, { file: place.text }, 'is Redis running there?');
  }
}

/** Hands points to whoever works on the queue. */
export async function executeInQueue(place: QueuePlace, io: Io): Promise<Executor> {
  const { Queue, QueueEvents } = bullmq();
  const connection = connectionOf(place);
  const queue = new Queue(place.queue, { connection });
  const events = new QueueEvents(place.queue, { connection });
  await reached(place, connection, [queue, events]);
  // Each point that is waited for listens.
  queue.setMaxListeners(0);
  events.setMaxListeners(0);
  if ((await queue.getWorkersCount()) === 0)
    io.info(`${place.text}: nobody works there yet: jitnic explore --worker --executor ${place.text}`);
  const waiting = new Map<string, Job>();
  const sent = new Map<string, Promise<string>>();
  const send = async (content: Uint8Array): Promise<string> => {
    const digest = digestOf(content);
    const client = await queue.client;
    await client.set(`jitnic:file:${digest}`, Buffer.from(content).toString('base64'), { EX: fileLife });
    return digest;
  };
  // A file is read and sent once, however many points name it.
  const sendOnce = (name: string, content: () => Uint8Array | Promise<Uint8Array>): Promise<string> => {
    const known = sent.get(name) ?? Promise.resolve(content()).then(send);
    sent.set(name, known);
    return known;
  };
  let isStopped = false;
  return {
    width: 256,
    run: async ({ object, ...task }, key) => {
      const files: Record<string, { name: string; digest: string }> = {};
      for (const flag of fileFlags) {
        const path = task.flags[flag];
        if (path !== undefined)
          files[flag] = { name: basename(path), digest: await sendOnce(path, () => readInput(path, io)) };
      }
      const queued: QueuedTask = { ...task, object: await sendOnce(`${task.file}\0`, () => object), files };
      // By its key: a sweep that begins anew finds what an earlier one has asked for.
      const options = { jobId: key, removeOnComplete: { age: 3600 }, removeOnFail: true };
      const job = await queue.add('point', queued, options);
      waiting.set(key, job);
      try {
        return (await job.waitUntilFinished(events)) as Outcome;
      } catch (error) {
        if (isStopped) throw error;
        throw new InputError((error as Error).message, { file: task.file });
      } finally {
        waiting.delete(key);
      }
    },
    stop: () => {
      isStopped = true;
      // What nobody has begun is taken back.
      for (const job of waiting.values()) void job.remove().catch(() => undefined);
      void events.close();
    },
    close: async () => {
      await Promise.all([events.close(), queue.close()].map((end) => end.catch(() => undefined)));
    },
  };
}

/** Someone who works on a queue until it is closed. */
export interface QueueWorker {
  close(): Promise<void>;
}

/**
 * Takes points out of the queue, `threads` at a time; each runs in a thread, so that locks are renewed meanwhile.
 * `told` is called behind each.
 */
export async function workOnQueue(
  place: QueuePlace,
  threads: number,
  told: (points: number) => void,
): Promise<QueueWorker> {
  const { Queue, Worker } = bullmq();
  const connection = connectionOf(place);
  const queue = new Queue(place.queue, { connection });
  await reached(place, connection, [queue]);
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-explore-'));
  const pool = executeInThreads(threads);
  let points = 0;
  const worker = new Worker<QueuedTask, Outcome>(
    place.queue,
    async ({ data, id = '' }) => {
      const { files, object, ...task } = data;
      const flags: Record<string, unknown> = { ...task.flags };
      for (const [flag, { name, digest }] of Object.entries(files)) flags[flag] = await fetched(digest, name);
      const outcome = await pool.run({ ...task, object: await bytesOf(object), flags: flags as TimedFlags }, id);
      told(++points);
      return outcome;
    },
    {
      connection,
      concurrency: threads,
      lockDuration: lockTime,
      stalledInterval: lookEvery,
      // A point is never given up because workers die.
      maxStalledCount: 1000,
    },
  );
  const bytesOf = async (digest: string): Promise<Uint8Array> => {
    const client = await queue.client;
    const text = await client.get(`jitnic:file:${digest}`);
    if (text === null) throw new InputError('a file of the sweep is not in Redis any more', { file: place.text });
    return new Uint8Array(Buffer.from(text, 'base64'));
  };
  const known = new Map<string, Promise<string>>();
  const fetched = (digest: string, name: string): Promise<string> => {
    const path = known.get(`${digest}/${name}`) ?? fetch(digest, name);
    known.set(`${digest}/${name}`, path);
    return path;
  };
  // Under its own name in a folder of its own: errors name it, and its ending says what it is.
  const fetch = async (digest: string, name: string): Promise<string> => {
    mkdirSync(join(folder, digest), { recursive: true });
    const path = join(folder, digest, basename(name));
    writeFileSync(path, await bytesOf(digest));
    return path;
  };
  // What is broken off while it closes, and a connection that comes back: BullMQ sees to both.
  worker.on('error', () => undefined);
  await worker.waitUntilReady();
  return {
    close: async () => {
      await Promise.all([worker.close(true), queue.close(), pool.close()].map((end) => end.catch(() => undefined)));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
