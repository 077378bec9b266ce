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
}

/** Ticks of processor time (utime + stime) that a process has used, and whether it listens to SIGINT. Linux only. */
function stateOf(pid: number): { readonly ticks: number; readonly listens: boolean } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return { ticks: Number(fields[11]) + Number(fields[12]), listens: (BigInt(`0x${caught}`) & 2n) !== 0n };
}

/**
 * Starts the command line, waits until it listens to Ctrl-C and has then worked for `ticks` (hundredths of a second of
 * processor time, so that a busy machine does not matter) or, with 0, waits for input; presses Ctrl-C, and waits for
 * the end. Stdin stays open, and nothing comes.
 */
export async function interruptCli(args: readonly string[], ticks: number): Promise<Interrupted> {
  const child = spawn(process.execPath, [builtCli, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (piece: Buffer) => {
    out += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    err += piece.toString();
  });
  const ended = new Promise<Interrupted>((resolve) => {
    child.on('close', (status, signal) => resolve({ status, signal, out, err }));
  });
  const pid = child.pid as number;
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  while (isAlive() && !stateOf(pid).listens) await sleep(10);
  let before = isAlive() ? stateOf(pid).ticks : 0;
  if (ticks === 0) {
    // Waiting: no processor time for a while.
    for (let still = 0; isAlive() && still < 20; await sleep(10)) {
      const now = stateOf(pid).ticks;
      still = now === before ? still + 1 : 0;
      before = now;
    }
  } else while (isAlive() && stateOf(pid).ticks - before < ticks) await sleep(10);
  child.kill('SIGINT');
  const result = await ended;
  child.stdin.destroy();
  return result;
}
