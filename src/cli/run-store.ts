/**
 * Where `jitnic run` keeps verdicts of the verifier and compiled code from run to run: `--no-cache`, `JITNIC_CACHE`.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { ResultStore } from '../base/index.js';
import { cacheDirectory } from './cache-directory.js';
import type { Io } from './command.js';
import { DiskStore } from './disk-store.js';

/** The flag as commander yields it: true unless it was given. */
export interface StoreFlags {
  /** False: `--no-cache`. */
  readonly cache?: boolean;
}

/** Declares `--no-cache`. */
export function declareStore(command: Command): void {
  command.option(
    '--no-cache',
    'keep nothing from run to run (the cache is in JITNIC_CACHE, else $XDG_CACHE_HOME/jitnic, else ~/.cache/jitnic; JITNIC_CACHE=off has none)',
  );
}

/** Undefined where nothing is kept. */
export function openStore({ cache }: StoreFlags, io: Pick<Io, 'env'>): ResultStore | undefined {
  if (cache === false) return undefined;
  const directory = cacheDirectory(io.env);
  const build = directory === undefined ? undefined : buildId();
  return directory === undefined || build === undefined ? undefined : new DiskStore({ directory, build });
}

/**
 * Names the code that runs: `npm run build` writes it beside the joined modules (scripts/bundle.mjs). Modules that
 * are not joined may have changed since they last ran, so they keep nothing.
 */
function buildId(): string | undefined {
  try {
    return readFileSync(new URL('./build-id', import.meta.url), 'latin1');
  } catch {
    return undefined;
  }
}
