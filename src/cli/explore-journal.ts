/**
 * The journal of a sweep, `points.jsonl` in its folder: a line for each point that has run, in whatever order.
 *
 *     {"key":"3f0c...","outcome":{"kind":"ran","figures":{...}}}
 *
 * A key is a digest of all that the outcome follows from, so a line is right for any sweep that has such a point. A
 * line that was cut off by a kill is left out, and cut off before the next one is written.
 */
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import type { Outcome } from '../sweep/index.js';
import { fileError } from './files.js';

/** Changes when a point's outcome means something else: journals of before are then not believed. */
const version = 1;

/** The key of what `parts` say; bytes are told by their digest. */
export function keyOf(parts: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify([version, ...parts]))
    .digest('hex');
}

/** A digest of a file's content. */
export function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Outcomes by key, kept in a file where there is a folder. */
export class Journal {
  private readonly outcomes = new Map<string, Outcome>();
  private readonly path: string | undefined;
  private file: number | undefined;

  /** Makes the folder if it is not there. Throws InputError for what the file system refuses. */
  constructor(folder: string | undefined) {
    if (folder === undefined) return;
    this.path = join(folder, 'points.jsonl');
    try {
      mkdirSync(folder, { recursive: true });
      this.file = openSync(this.path, 'a+', 0o666);
      ftruncateSync(this.file, this.read());
    } catch (error) {
      throw error instanceof InputError ? error : fileError(error, this.path);
    }
  }

  get(key: string): Outcome | undefined {
    return this.outcomes.get(key);
  }

  /** Keeps it; one write a line, so that a kill leaves whole lines and at most one cut off. */
  put(key: string, outcome: Outcome): void {
    this.outcomes.set(key, outcome);
    if (this.file === undefined) return;
    try {
      writeSync(this.file, `${JSON.stringify({ key, outcome })}\n`);
    } catch (error) {
      throw fileError(error, this.path ?? '');
    }
  }

  close(): void {
    if (this.file !== undefined) closeSync(this.file);
    this.file = undefined;
  }

  /** Reads the lines that are whole; returns how many bytes those are. Throws InputError for other lines. */
  private read(): number {
    const bytes = readFileSync(this.path as string);
    let at = 0;
    for (let line = 1; ; line++) {
      const end = bytes.indexOf(10, at);
      if (end < 0) return at;
      const { key, outcome } = parsed(bytes.toString('utf8', at, end));
      if (typeof key !== 'string' || typeof outcome !== 'object')
        throw new InputError(
          `line ${line} is none of a sweep`,
          { file: this.path },
          'it is left as it is: give another folder to -o, or take the file away',
        );
      this.outcomes.set(key, outcome);
      at = end + 1;
    }
  }
}

function parsed(line: string): { readonly key?: unknown; readonly outcome?: Outcome } {
  try {
    return (JSON.parse(line) as object | null) ?? {};
  } catch {
    return {};
  }
}
