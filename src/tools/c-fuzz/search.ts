/** What the self-test of the generated C asks a process of its own, and what that answers. */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Mistake } from './mistakes.js';

/** Look for one mistake. */
export interface Search {
  /** Undefined: none has been planted, and none may be found. */
  readonly mistake: Mistake | undefined;
  readonly seed: number;
  /** At most so many. */
  readonly programs: number;
  readonly packets: number;
  /** Where compiled programs are kept, for all searches. */
  readonly folder: string;
}

/** What came of it. */
export interface Finding {
  /** Programs that it took, or that were looked through in vain. */
  readonly programs: number;
  /** Runs of the last program that differ from the kernel's; none: not found. */
  readonly modes: readonly string[];
  /** The first difference. */
  readonly what: string;
}

/** What a process tells: that it goes on, what it found, or why it could not look. */
export type Report =
  | { readonly kind: 'program' }
  | { readonly kind: 'found'; readonly finding: Finding }
  | { readonly kind: 'broken'; readonly why: string };

/**
 * Seconds of the processor's time without a word after which a program hangs, which is a way of being found. A busy
 * machine makes nothing hang.
 */
const patience = 120;
/** Milliseconds between looks at the time that a process took. */
const looks = 1000;

/** Seconds of the processor's time that a process took so far; 0 where it has ended. */
function processorSeconds(pid: number | undefined): number {
  try {
    // The name in parentheses may hold anything; behind it, user and system time are the 12th and 13th field, in
    // hundredths of a second (proc(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

/** Runs a search in a process of its own, since a mistake cannot be taken out of modules that have been loaded. */
export function search(task: Search): Promise<Finding> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./mistaken-campaign.js', import.meta.url)), {
      // A mistake may fill the memory; what V8 says then is of no interest.
      execArgv: ['--max-old-space-size=1024'],
      stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    });
    let programs = 0;
    let heard = 0;
    const hang = setInterval(() => {
      if (processorSeconds(child.pid) - heard < patience) return;
      child.kill('SIGKILL');
      resolve({ programs: programs + 1, modes: ['any'], what: `hangs for ${patience} s` });
    }, looks);
    child.on('message', (report: Report) => {
      heard = processorSeconds(child.pid);
      if (report.kind === 'program') programs++;
      else if (report.kind === 'found') resolve(report.finding);
      else reject(new Error(`${task.mistake?.name ?? 'without a mistake'}: ${report.why}`));
    });
    child.on('exit', (code) => {
      clearInterval(hang);
      // Behind an answer this has no effect.
      resolve({ programs: programs + 1, modes: ['any'], what: `the process ends with ${code}` });
    });
    child.send(task);
  });
}
