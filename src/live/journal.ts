/**
 * What was decided and why: a line of JSON each, in a file that is only added to. So it outlives killed sessions, the
 * next one goes on in it, and a kill costs a line at most. Nothing reads it to decide anything: it is for people and
 * tests.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** Kinds of entries. */
export type JournalKind =
  | 'attached'
  | 'observed'
  | 'made'
  | 'swapped'
  | 'kept'
  | 'refused'
  | 'invalidated'
  | 'penalty'
  | 'measured'
  | 'rolled back'
  | 'detached'
  | 'failed';

/** One entry. */
export interface JournalEntry {
  /** Seconds since 1970. */
  readonly time: number;
  readonly kind: JournalKind;
  /** One sentence. */
  readonly what: string;
}

/** Adds an entry. */
export function writeJournal(file: string, kind: JournalKind, what: string): JournalEntry {
  const entry: JournalEntry = { time: Date.now() / 1000, kind, what };
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
  return entry;
}

/** All entries, oldest first; empty where there is no file. */
export function readJournal(file: string): JournalEntry[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  // The last line may be half written by a process that was killed.
  return lines.flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as JournalEntry];
    } catch {
      return [];
    }
  });
}
