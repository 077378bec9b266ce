/** `-w FILE`: where captures go. `.pcap` and `.pcapng` by name; `.gz` compresses; `-` is stdout. */

import { once } from 'node:events';
import { createWriteStream, promises, rmSync, type WriteStream } from 'node:fs';
import type { Gzip } from 'node:zlib';
import { InputError } from '../base/index.js';
import { type CaptureFormat, type CaptureWriter, createWriter } from '../packet/index.js';
import type { Io } from './command.js';
import { besideOf, fileError, mayWriteInto, type Replaceable, replaceable } from './files.js';
import { zlib } from './zlib.js';

/** How packets are written where the file's name does not say so; default pcap, as tcpdump has it. */
interface OutputOptions {
  readonly otherwise?: CaptureFormat;
}

/** Gathered bytes that are worth a write. */
const chunkSize = 0x1_0000;

/** A capture on its way to a file or stdout. */
export class CaptureOutput {
  /** Takes the packets; give it to `writeBatch`, then call {@link flush}. */
  readonly writer: CaptureWriter;
  private readonly sink: Sink;

  private constructor(writer: CaptureWriter, sink: Sink) {
    this.writer = writer;
    this.sink = sink;
  }

  /**
   * Creates the file. Time stamps are in nanoseconds in either format. Throws InputError when the file cannot be
   * written.
   */
  static async open(path: string, io: Io, { otherwise = 'pcap' }: OutputOptions = {}): Promise<CaptureOutput> {
    const format = captureFormatOf(path, otherwise);
    const writer = createWriter({ resolution: 'ns', application: 'jitnic', format });
    return new CaptureOutput(writer, path === '-' ? new StdoutSink(io) : await FileSink.open(path));
  }

  /**
   * Hands on what has been gathered if that is much, waits while the file is slow, and gives the event loop a turn.
   */
  async flush(): Promise<void> {
    if (this.writer.size >= chunkSize) await this.sink.write(this.writer.take());
  }

  /** Writes what is left and closes the file. A capture without it may lack its last packets. */
  async close(): Promise<void> {
    if (this.writer.size > 0) await this.sink.write(this.writer.take());
    await this.sink.close();
  }
}

/** The format that a file's name asks for. */
export function captureFormatOf(path: string, otherwise: CaptureFormat = 'pcap'): CaptureFormat {
  return /\.(pcapng|pcap)(\.gz)?$/i.exec(path)?.[1] === undefined
    ? otherwise
    : /\.pcapng(\.gz)?$/i.test(path)
      ? 'pcapng'
      : 'pcap';
}

/** Where bytes go. `write` resolves when more is welcome. */
interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Stdout, without backpressure: it is the process's to end. */
class StdoutSink implements Sink {
  private readonly io: Io;

  constructor(io: Io) {
    this.io = io;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.io.out(bytes);
    // A turn of the event loop: only there is a closed pipe noticed.
    return new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {}
}

/**
 * A file, compressed by its name. It lies beside the one that it is to be until it is whole: what goes wrong before
 * leaves the old one. Errors of the stream are kept and thrown by the next call: nobody waits at an event.
 */
class FileSink implements Sink {
  private readonly path: string;
  private readonly entry: WriteStream | Gzip;
  /** Settles when the file is done with, whole or not. */
  private readonly closed: Promise<void>;
  private failure: unknown;
  /** What it takes the place of in the end; undefined: it is that file. */
  private readonly target: Replaceable | undefined;
  private readonly forget = (): void => this.target && rmSync(besideOf(this.target), { force: true });

  private constructor(path: string, file: WriteStream, target: Replaceable | undefined) {
    this.path = path;
    this.target = target;
    // A run that ends before this is closed leaves nothing behind.
    if (target !== undefined) process.once('exit', this.forget);
    this.entry = path.toLowerCase().endsWith('.gz') ? zlib().createGzip() : file;
    if (this.entry !== file) this.entry.pipe(file);
    this.closed = new Promise((resolve) => file.once('close', () => resolve()));
    file.on('error', (error) => {
      this.failure = error;
    });
  }

  static async open(path: string): Promise<FileSink> {
    try {
      const target = await replaceable(path);
      if (target === undefined) return new FileSink(path, await opened(path), undefined);
      try {
        const file = await opened(besideOf(target), { flags: 'wx', mode: target.mode ?? 0o666 });
        return new FileSink(path, file, target);
      } catch (error) {
        if (!mayWriteInto(target, error)) throw error;
        return new FileSink(path, await opened(path), undefined);
      }
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT')
        throw new InputError('its folder does not exist', { file: path });
      throw fileError(error, path);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const full = !this.entry.write(bytes);
    if (full && this.failure === undefined) {
      // A disk that is full stops the stream without a drain.
      await Promise.race([once(this.entry, 'drain'), this.closed]);
    }
    this.check();
  }

  async close(): Promise<void> {
    this.entry.end();
    await this.closed;
    this.check();
    const { target } = this;
    if (target === undefined) return;
    process.off('exit', this.forget);
    try {
      if (target.mode !== undefined) await promises.chmod(besideOf(target), target.mode);
      await promises.rename(besideOf(target), target.path);
    } catch (error) {
      this.forget();
      throw fileError(error, this.path);
    }
  }

  /** Throws what the file system said since the last call. */
  private check(): void {
    if (this.failure === undefined) return;
    this.forget();
    throw fileError(this.failure, this.path);
  }
}

/** A stream into a file that could be opened. */
async function opened(path: string, options?: Parameters<typeof createWriteStream>[1]): Promise<WriteStream> {
  const file = createWriteStream(path, options);
  await once(file, 'open');
  return file;
}
