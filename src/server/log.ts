/**
 * The log in which state survives: changes of records, appended before they count. A file is a header and entries,
 *
 *     "jitnic state 2\n"
 *     | length u32 | CRC-32 of the payload u32 | payload: JSON, a list of changes | ...        (little endian)
 *
 * so whatever the instant at which a process or machine dies, what is read back is a prefix of whole entries: a change
 * is there or it is not, and one that was acknowledged is. What follows the last whole entry is a torn tail; it is cut
 * off, kept beside the log and said.
 *
 * Why a log of changes and no database: state is small (it is held in memory as a whole), it is read once, at the
 * start, and a file that is only appended to has one way to be torn, at its end.
 *
 * What is promised, and on what it rests:
 * 1. kill -9 loses nothing that was acknowledged, whatever the policy: write(2) has returned, so the bytes are the
 *    system's and outlive the process.
 * 2. Power loss or a crash of the system loses nothing that was acknowledged under `always`: fsync(2) returned before
 *    the answer was sent. Under `never` the last changes may be gone, as many as the system had not written (on Linux
 *    usually those of the last 30 s, vm.dirty_expire_centisecs).
 * 3. Under either policy a prefix comes back. Pages may reach the disk out of order; the first entry whose checksum is
 *    wrong ends what is read, and whole entries behind it are not taken: they may rest on what is missing.
 * 4. A change that was refused may be in the file only if fsync failed; that is why no further one is taken then.
 *    (After a failed fsync Linux marks pages clean: a second one would succeed without having written anything.)
 *
 * An entry that cannot be written (the disk is full) is taken back, and the change refused: nothing is lost. If an
 * entry can't be brought to the disk (fsync fails), nobody knows what is there, and no further change is taken.
 *
 * Versions. The number in the header goes up when records change their shape ({@link migrations}). A log of an older
 * version is read, its records are brought up to date, and it is written anew; the old file stays beside it as
 * `state.log.vN`, for who goes back to the older jitnic. A newer version is refused, and left alone.
 *
 * When the log has grown well past what it holds, all records are written to a new one, which then takes its place by
 * a rename: at any instant the name leads to one whole log. That file is brought to the disk before the rename under
 * `never` too, since a file system may keep the new name and lose the bytes, and then all would be gone and not some.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { InputError } from '../base/index.js';
import { type Change, OffloadRefusal, Records } from '../offload/index.js';

/** When entries go to the disk: before a change is acknowledged, or when the system likes. */
export const syncPolicies = ['always', 'never'] as const;

/** One of {@link syncPolicies}. */
export type SyncPolicy = (typeof syncPolicies)[number];

/** Brings a record of each older version to the next: `migrations[0]` from 1 to 2. */
const migrations: readonly ((change: Change) => Change)[] = [
  // Programs know their source lines.
  ({ key, value }) =>
    key.startsWith('prog/') && value !== undefined
      ? { key, value: { lines: [], ...(value as object) } }
      : { key, value },
];
/** The version that is written. */
export const stateVersion: number = migrations.length + 1;

/** Text, so that `head -1` and file(1) tell what it is; the number goes up where old readers would misread. */
export const logHeader: Uint8Array = new TextEncoder().encode(`jitnic state ${stateVersion}\n`);
/** Bytes in front of a payload: its length and its checksum. */
const frame = 8;
/** Bytes. No entry is longer: a longer length is damage. Well above the 12 MiB that the body of a call may have. */
const maxEntry = 64 << 20;
/** Bytes from which on a log is written anew, if most of it is history. */
const compactFrom = 4 << 20;

/** What was read of a log. */
export interface ReadLog {
  /** State after the last whole entry. */
  readonly records: Records;
  /** Bytes of header and whole entries. */
  readonly length: number;
  readonly entries: number;
  /** Bytes behind them. */
  readonly torn: number;
  /** Of the file; its records are of this version's shape. */
  readonly version: number;
}

/** Reads what a log holds. Throws InputError for a file that is none, or of a version that is not known. */
export function readLog(bytes: Uint8Array, file: string): ReadLog {
  const records = new Records();
  const text = new TextDecoder().decode(bytes.subarray(0, logHeader.length));
  // A header that was not written in full is that of an empty log.
  if (bytes.length < logHeader.length && new TextDecoder().decode(logHeader).startsWith(text))
    return { records, length: 0, entries: 0, torn: bytes.length, version: stateVersion };
  const version = Number(/^jitnic state (\d+)\n/.exec(text)?.[1] ?? 0);
  if (version === 0) {
    const other = /^jitnic state (\d+)/.exec(text)?.[1];
    if (other === undefined) throw new InputError('it is no state of jitnic', { file }, 'name another folder');
    refuseVersion(other, file);
  }
  if (version > stateVersion) refuseVersion(String(version), file);
  const steps = migrations.slice(version - 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = logHeader.length;
  let entries = 0;
  for (; at + frame <= bytes.length; entries++) {
    const length = view.getUint32(at, true);
    const payload = bytes.subarray(at + frame, at + frame + length);
    if (length > maxEntry || payload.length < length || crc32(payload) !== view.getUint32(at + 4, true)) break;
    const changes = changesIn(payload);
    if (changes === undefined) break;
    records.apply(changes.map((change) => steps.reduce((each, step) => step(each), change)));
    at += frame + length;
  }
  return { records, length: at, entries, torn: bytes.length - at, version };
}

function refuseVersion(version: string, file: string): never {
  const what = `it is of version ${version}, this jitnic knows 1 to ${stateVersion}`;
  throw new InputError(what, { file }, 'use the jitnic that wrote it');
}

/** Undefined for what no writer has written, checksum or not: zeros have a right checksum of nothing, for one. */
function changesIn(payload: Uint8Array): Change[] | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    if (!Array.isArray(value)) return undefined;
    const isChange = (each: unknown): boolean =>
      typeof each === 'object' && each !== null && typeof (each as { key?: unknown }).key === 'string';
    return value.every(isChange) ? (value as Change[]) : undefined;
  } catch {
    return undefined;
  }
}

/** One entry as bytes. */
export function entryOf(changes: readonly Change[]): Uint8Array {
  const payload = new TextEncoder().encode(JSON.stringify(changes));
  const entry = new Uint8Array(frame + payload.length);
  const view = new DataView(entry.buffer);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, crc32(payload), true);
  entry.set(payload, frame);
  return entry;
}

/**
 * A log that is open. `length` counts bytes of acknowledged entries; what the file has behind it is nobody's, and the
 * next entry is written over it. All calls are synchronous, so entries are never interleaved.
 */
export class StateLog {
  /** State that the log had when it was opened; the kernel changes it, and appends what it changed. */
  readonly records: Records;
  /** Bytes that were cut off when it was opened. */
  readonly cut: number;
  /** Entries since it was opened. */
  appended = 0;
  private readonly path: string;
  private readonly policy: SyncPolicy;
  private fd: number;
  private length: number;
  /** Nobody knows what the file holds behind `length`: no change is taken until it is opened again. */
  private isBroken = false;

  private constructor(path: string, policy: SyncPolicy, read: ReadLog) {
    this.path = path;
    this.policy = policy;
    this.records = read.records;
    this.cut = read.torn;
    this.fd = openSync(path, existsSync(path) ? 'r+' : 'w+', 0o600);
    this.length = read.length;
    ftruncateSync(this.fd, read.length);
    if (read.length === 0) this.write(logHeader);
    this.sync();
  }

  /** Opens the log of a folder, which is made if it is not there. */
  static open(folder: string, policy: SyncPolicy): StateLog {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, 'state.log');
    const bytes = existsSync(path) ? readFileSync(path) : new Uint8Array(0);
    const read = readLog(bytes, path);
    if (read.torn > 0) writeFileSync(`${path}.torn`, bytes.subarray(read.length), { mode: 0o600 });
    const isOld = read.version < stateVersion;
    if (isOld) writeFileSync(`${path}.v${read.version}`, bytes, { mode: 0o600, flush: true });
    const log = new StateLog(path, policy, read);
    if (isOld) log.compact(true);
    syncFolder(folder);
    return log;
  }

  /** Bytes of the file, as far as they count. */
  get bytes(): number {
    return this.length;
  }

  /** Appends changes; when this returns they are kept. Throws OffloadRefusal, and then they are not there. */
  append(changes: readonly Change[]): void {
    if (this.isBroken) this.refuse('EIO', 'an earlier change could not be brought to the disk: restart');
    const entry = entryOf(changes);
    if (entry.length > maxEntry) this.refuse('E2BIG', 'the change is larger than an entry of the log may be');
    try {
      this.write(entry);
    } catch (error) {
      this.takeBack();
      const isFull = (error as NodeJS.ErrnoException).code === 'ENOSPC';
      this.refuse(isFull ? 'ENOSPC' : 'EIO', 'the log of the state could not be written: nothing was changed');
    }
    try {
      this.sync();
    } catch {
      this.isBroken = true;
      this.refuse('EIO', 'the change could not be brought to the disk: restart');
    }
    this.length += entry.length;
    this.appended++;
  }

  /**
   * Writes the log anew if most of it is history, that is, if the new one has at most half of the bytes: then the cost
   * is paid by as many bytes that were appended since. Where that fails, it stays as it is.
   */
  compact(force = false): boolean {
    if (!force && this.length < compactFrom) return false;
    const chunks: Uint8Array[] = [logHeader];
    let changes: Change[] = [];
    for (const [key, value] of this.records.entries()) {
      changes.push({ key, value });
      // Several entries: one with everything in it could be longer than a reader takes.
      if (changes.length < 1000) continue;
      chunks.push(entryOf(changes));
      changes = [];
    }
    chunks.push(entryOf(changes));
    const bytes = Buffer.concat(chunks);
    if (!force && bytes.length * 2 > this.length) return false;
    const path = `${this.path}.new`;
    const fd = openSync(path, 'w+', 0o600);
    try {
      writeAll(fd, bytes, 0);
      fsyncSync(fd);
      renameSync(path, this.path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    // From the rename on the new file is the log, whatever becomes of the folder: the old one has no name any more.
    closeSync(this.fd);
    this.fd = fd;
    this.length = bytes.length;
    syncFolder(join(this.path, '..'));
    return true;
  }

  /** Brings all to the disk, under `never` as well: who ends in order loses nothing. */
  close(): void {
    fsyncSync(this.fd);
    closeSync(this.fd);
  }

  /** At the end of what counts, not of the file: what a failed attempt has left there is written over. */
  private write(bytes: Uint8Array): void {
    writeAll(this.fd, bytes, this.length);
    if (bytes === logHeader) this.length += logHeader.length;
  }

  /** As the policy has it. */
  private sync(): void {
    if (this.policy === 'always') fsyncSync(this.fd);
  }

  /** Half an entry must not stay: a later one behind it would be cut off as part of a torn tail. */
  private takeBack(): void {
    try {
      ftruncateSync(this.fd, this.length);
    } catch {
      this.isBroken = true;
    }
  }

  /** In the kernel's terms, so that the transaction around it is undone as for any other refusal. */
  private refuse(errno: 'EIO' | 'ENOSPC' | 'E2BIG', hint: string): never {
    throw new OffloadRefusal('state', errno, { hint });
  }
}

/** Writes all bytes, in as many pieces as it takes. */
function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/** A file's name is kept by its folder: fsync(2) of the file alone does not bring its name to the disk. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
