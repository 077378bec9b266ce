import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/**
 * Number of possible CPUs, which is how many values an element of a per-CPU map has: `0-3,8` in sysfs is 9 (the
 * highest number counts).
 */
export function possibleCpus(): number {
  try {
    const list = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
    const last = list.split(/[,-]/).at(-1) ?? '';
    const count = Number.parseInt(last, 10) + 1;
    if (count > 0) return count;
  } catch {
    // No sysfs: the online ones are the best guess.
  }
  return cpus().length;
}
