/** `-O`: which passes of the optimizer run, for every command that compiles. */
import type { Command } from 'commander';
import { UsageError } from '../base/index.js';
import { parseSettings, passes, type Settings } from '../opt/index.js';
import { nearest } from '../text/index.js';

/** The flag as commander yields it, to be read by {@link settingsOf}. */
export interface OptFlags {
  /** `-O...`, in order. */
  readonly opt?: readonly string[];
}

/** Declares `-O`. */
export function declareOpt(command: Command): void {
  command.option(
    '-O, --opt <setting>',
    'optimize: 0 to 3 (default 3), +pass, -pass, param=N; repeatable',
    (word: string, before: readonly string[] | undefined) => [...(before ?? []), word],
  );
}

/** Throws UsageError, with the nearest name, for a pass or parameter that does not exist. */
export function settingsOf({ opt }: OptFlags): Settings {
  return parseSettings(opt ?? [], nearest);
}

/** Names of `--print-after`: passes, or `all`. Throws UsageError. */
export function passNames(words: readonly string[]): ReadonlySet<string> {
  const names = passes.map(({ name }) => name);
  const chosen = words.flatMap((word) => word.split(','));
  for (const word of chosen) {
    if (word === 'all' || names.includes(word)) continue;
    const near = nearest(word, names);
    const hint = near === undefined ? `passes: ${names.join(', ')}` : `did you mean \`${near}\`?`;
    throw new UsageError(`--print-after ${word}: there is no such pass`, {}, hint);
  }
  return new Set(chosen.includes('all') ? names : chosen);
}
