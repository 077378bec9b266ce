/** A process of the built command line that gets a Ctrl-C (SIGINT) in the midst of its work. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The command line as `npm run build` leaves it. */
export const builtCli: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What was left of it. */
export interface Interrupted {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
  /**
   * Milliseconds of processor time that it used from Ctrl-C to its end, in steps of 10: how long it took to hear, on a
   * machine that has nothing else to do.
   */
  readonly heard: number;
}

/**
 * Ticks of processor time (utime + stime) that a process has used, whether it listens to SIGINT, and whether it waits
 * for something else than a processor. Linux only.
 */
function stateOf(pid: number): { readonly ticks: number; readonly listens: boolean; readonly sleeps: boolean } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return {
    ticks: Number(fields[11]) + Number(fields[12]),
    listens: (BigInt(`0x${caught}`) & 2n) !== 0n,
    sleeps: fields[0] === 'S',
  };
}

/** Milliseconds in which Ctrl-C is to be heard. */
export const inTime = 200;

/**
 * {@link pressOnce}, again where the process died of the signal: Node has no handler for the moment in which it hands
 * Ctrl-C over to what is to be broken off, and on a busy machine that moment can be long. And again, twice at most,
 * where it was heard late: beside other work a processor's time counts for half, and what is deaf stays so.
 */
export async function interruptCli(args: readonly string[], ticks: number, input = ''): Promise<Interrupted> {
  let result = await pressOnce(args, ticks, input);
  for (let again = 0; again < 2 && (result.signal === 'SIGINT' || result.heard > inTime); again++)
    result = await pressOnce(args, ticks, input);
  return result;
}

/**
 * Starts the command line, waits until it listens to Ctrl-C and has then worked for `ticks` (hundredths of a second of
 * processor time, so that a busy machine does not matter) or waits, with 0 for input, else for a solver in a process
 * of its own; presses Ctrl-C, and waits for the end. Stdin stays open, and nothing comes behind `input`.
 */
async function pressOnce(args: readonly string[], ticks: number, input: string): Promise<Interrupted> {
  const child = spawn(process.execPath, [builtCli, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.write(input);
  let out = '';
  let err = '';
  child.stdout.on('data', (piece: Buffer) => {
    out += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    err += piece.toString();
  });
  const ended = new Promise<Omit<Interrupted, 'heard'>>((resolve) => {
    child.on('close', (status, signal) => resolve({ status, signal, out, err }));
  });
  const pid = child.pid as number;
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  while (isAlive() && !stateOf(pid).listens) await sleep(10);
  const begun = isAlive() ? stateOf(pid).ticks : 0;
  // Waiting: no processor time for a while, and none that it wants.
  for (let still = 0, before = begun; isAlive() && still < 20; await sleep(10)) {
    const { ticks: now, sleeps } = stateOf(pid);
    if (ticks > 0 && now - begun >= ticks) break;
    still = now === before && sleeps ? still + 1 : 0;
    before = now;
  }
  // Between the last look and the process's end is less than a tick, as a rule.
  const from = isAlive() ? stateOf(pid).ticks : 0;
  let last = from;
  child.kill('SIGINT');
  for (; isAlive(); await sleep(5)) last = Math.max(last, ticksOf(pid) ?? 0);
  const result = await ended;
  child.stdin.destroy();
  return { ...result, heard: 10 * (last - from) };
}

/** As {@link stateOf}, of a process that may have ended. */
function ticksOf(pid: number): number | undefined {
  try {
    return stateOf(pid).ticks;
  } catch {
    return undefined;
  }
}
