/**
 * Daemons that are killed: one is started, changes are asked for one after another, and at a random instant it is
 * killed (SIGKILL). A twin in this process did what was acknowledged. What the log then holds has to be the twin's
 * state, or that with the one change that was under way as well; anything else is a change that was lost, or half of
 * one. The next daemon goes on from there.
 *
 * At most one change is under way, as the client waits for each answer. So there are just two states to tell apart,
 * and no change can be acknowledged that the twin does not have. A kill loses what the process holds, not what the
 * system has been given to write: power failures are not tried here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OffloadKernel, type Records } from '../../offload/index.js';
import { Client, handle, readLog } from '../../server/index.js';
import { anyOperation, generator, type Operation } from './operations.js';

/** What came of a campaign. */
export interface CrashReport {
  readonly kills: number;
  /** Changes that were acknowledged. */
  readonly acknowledged: number;
  /** Changes that were under way: how many of them were there afterwards, and how many not. */
  readonly kept: number;
  readonly dropped: number;
  /** Kills that left a torn tail. */
  readonly torn: number;
  /** What is wrong, if anything. */
  readonly fault: string | undefined;
}

/** The compiled command: a daemon is killed as users run it. */
const cli = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
/** Answers of a daemon before the kill is due, at most, and milliseconds from then on. */
const most = 60;
const longest = 20;

/** Records as one text; the time of a load is nobody's to know. */
export function stateText(records: Records): string {
  const lines = [...records.entries()].map(([key, value]) => `${key} ${JSON.stringify(value)}`);
  return lines
    .map((line) => line.replace(/"loadedAt":\d+/, '"loadedAt":0'))
    .sort()
    .join('\n');
}

/** Kills daemons. */
export async function crashCampaign(kills: number, seed: number): Promise<CrashReport> {
  const folder = mkdtempSync(join(tmpdir(), 'jitnic-crash-'));
  const random = generator(seed);
  let twin = new OffloadKernel();
  const count = { acknowledged: 0, kept: 0, dropped: 0, torn: 0 };
  try {
    for (let kill = 0; kill < kills; kill++) {
      const { acknowledged, pending } = await oneLife(folder, twin, random);
      count.acknowledged += acknowledged;
      const path = join(folder, 'state', 'state.log');
      const read = readLog(readFileSync(path), path);
      if (read.torn > 0) count.torn++;
      const found = stateText(read.records);
      const isAsAcknowledged = found === stateText(twin.model.records);
      if (pending !== undefined) apply(twin, pending);
      const isWithPending = found === stateText(twin.model.records);
      if (!isAsAcknowledged && !isWithPending) {
        return {
          kills: kill + 1,
          ...count,
          fault: `kill ${kill} of seed ${seed}: the state is neither before nor after the last change`,
        };
      }
      if (isWithPending && !isAsAcknowledged) count.kept++;
      else if (!isWithPending) count.dropped++;
      twin = new OffloadKernel(read.records);
    }
    return { kills, ...count, fault: undefined };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The same handler as the daemon's, so that both give an operation the same answer. Returns the status of HTTP. */
function apply(twin: OffloadKernel, { name, body }: Operation): number {
  return handle(twin, name, JSON.stringify(body), 0).status;
}

/** A daemon on the folder, that answers. */
export async function startChild(
  folder: string,
): Promise<{ child: ChildProcess; gone: Promise<void>; client: Client }> {
  const socket = join(folder, 'socket');
  const child = spawn(
    process.execPath,
    [cli, 'serve', join(folder, 'state'), '--socket', socket, '-q', '--log', 'json'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  await ready(child);
  return { child, gone, client: new Client(socket) };
}

/** One daemon, until it is killed; the twin has what it acknowledged. */
async function oneLife(
  folder: string,
  twin: OffloadKernel,
  random: () => number,
): Promise<{ acknowledged: number; pending: Operation | undefined }> {
  const { child, gone, client } = await startChild(folder);
  let acknowledged = 0;
  let pending: Operation | undefined;
  const answers = Math.ceil(random() * most);
  let isKilled = false;
  let timer: NodeJS.Timeout | undefined;
  const kill = (): void => {
    isKilled = true;
    child.kill('SIGKILL');
  };
  try {
    while (!isKilled) {
      pending = anyOperation(random);
      const { status } = await client.call(pending.name, pending.body);
      const twins = apply(twin, pending);
      if (twins !== status) throw new Error(`${pending.name}: the daemon answers ${status}, the twin ${twins}`);
      pending = undefined;
      acknowledged++;
      // Counted in answers, so that a busy machine does not kill daemons before they have done anything.
      if (acknowledged >= answers) timer ??= setTimeout(kill, random() * longest);
    }
  } catch (error) {
    // The connection broke: that is the kill.
    if (!isKilled) throw error;
  } finally {
    clearTimeout(timer);
    client.close();
    child.kill('SIGKILL');
  }
  await gone;
  return { acknowledged, pending };
}

/** Until it says so. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('"ready"')) done();
      // A line a request: nobody keeps them.
      if (text.length > 1 << 16) text = text.slice(-100);
    });
    child.once('exit', () => fail(new Error(`the daemon ended: ${text}`)));
  });
}
