/**
 * Reads captures in chunks of any size. Whole records are decoded where they lie in the chunk; only a record that
 * spans two chunks is copied. Memory: the chunk, its columns, and at most one unfinished record.
 */

import { InputError } from '../base/index.js';
import {
  type CaptureFormat,
  type CaptureInterface,
  type Damage,
  detectFormat,
  isGzip,
  type RecordDecoder,
} from './capture-format.js';
import { BatchBuilder, type Packet, type PacketBatch, packetsOf } from './packet-batch.js';
import { PcapDecoder } from './pcap-reader.js';
import { PcapngDecoder } from './pcapng-reader.js';

const nothing = new Uint8Array(0);

/** Limits of a reader. */
export interface ReaderOptions {
  /**
   * Use the same columns for the batches of each push: they are good until the next one only. Default false: a batch
   * may be kept.
   */
  readonly reuseColumns?: boolean | undefined;
}

/** Push-style reader: bytes in, batches out. */
export class CaptureReader {
  private readonly reuseColumns: boolean;
  /** Builders of this push and of earlier ones, if they are used again. */
  private readonly builders: BatchBuilder[] = [];
  private used = 0;
  private decoder: RecordDecoder | undefined;
  /** The beginning of an unfinished record; `pendingLength` bytes of it are there. */
  private pending: Uint8Array = nothing;
  private pendingLength = 0;
  /** Position in the capture of the first byte not yet done with. */
  private position = 0;
  private found: Damage | undefined;

  constructor({ reuseColumns = false }: ReaderOptions = {}) {
    this.reuseColumns = reuseColumns;
  }

  /** Known once the first four bytes are in. */
  get format(): CaptureFormat | undefined {
    return this.decoder?.format;
  }

  /** The interfaces described so far. */
  get interfaces(): readonly CaptureInterface[] {
    return this.decoder?.interfaces ?? [];
  }

  /** Where the capture broke off, if it did; whatever is pushed after that is ignored. */
  get damage(): Damage | undefined {
    return this.found;
  }

  /**
   * The packets that these bytes complete. The batches refer to the chunk's memory: do not write to it while they are
   * in use.
   *
   * @throws InputError when the bytes do not begin a capture.
   */
  push(chunk: Uint8Array): PacketBatch[] {
    const batches: PacketBatch[] = [];
    this.used = 0;
    // A plain view: Node's Buffer would pass its own slice() on to packets.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length && this.found === undefined) {
      const decoder = this.decoder;
      if (decoder !== undefined && decoder.skip > 0) {
        const skipped = Math.min(decoder.skip, bytes.length - at);
        decoder.skip -= skipped;
        this.position += skipped;
        at += skipped;
      } else if (decoder === undefined || this.pendingLength > 0) {
        at += this.fill(bytes, at, decoder?.need ?? 4);
        if (this.pendingLength < (decoder?.need ?? 4)) break;
        if (decoder === undefined) {
          this.decoder = decoderFor(this.pending);
          continue;
        }
        this.run(decoder, this.pending.subarray(0, this.pendingLength), 1, batches);
      } else {
        const rest = bytes.subarray(at);
        // Room for the shortest packets that Ethernet has; columns grow for shorter ones.
        at += this.run(decoder, rest, Math.min(4096, (rest.length >>> 6) + 4), batches);
        // What is left is less than a record: it waits for the next chunk.
        if (decoder.skip === 0 && this.found === undefined) at += this.fill(bytes, at, decoder.need);
      }
    }
    return batches;
  }

  /**
   * To be called once when the bytes are at an end; notices an unfinished record.
   *
   * @throws InputError when there was no capture header.
   */
  finish(): Damage | undefined {
    const decoder = this.decoder;
    if (decoder === undefined || this.interfaces.length + this.position === 0) {
      const got = this.pendingLength;
      throw new InputError(
        got === 0 ? 'empty file instead of a capture' : `capture header cut off after ${got} bytes`,
        { offset: got },
        'expected a pcap or pcapng file',
      );
    }
    if (this.found === undefined && (this.pendingLength > 0 || decoder.skip > 0 || decoder.need === 4)) {
      const what =
        this.pendingLength > 0
          ? `cut off after ${this.pendingLength} of at least ${decoder.need} bytes of a record`
          : `cut off ${decoder.skip + 4} bytes before the end of a block`;
      this.found = { offset: this.position, what };
    }
    this.pending = nothing;
    return this.found;
  }

  /** Appends to the unfinished record until it has `need` bytes; returns how many were taken. */
  private fill(bytes: Uint8Array, at: number, need: number): number {
    const taken = Math.min(need - this.pendingLength, bytes.length - at);
    if (this.pendingLength + taken > this.pending.length) {
      // Grows with what has arrived, not with what is claimed.
      const larger = new Uint8Array(Math.max(64, Math.min(need, 2 * (this.pendingLength + taken))));
      larger.set(this.pending.subarray(0, this.pendingLength));
      this.pending = larger;
    }
    this.pending.set(bytes.subarray(at, at + taken), this.pendingLength);
    this.pendingLength += taken;
    return taken;
  }

  /** A builder of columns; with `reuseColumns` one of an earlier chunk's, whose batches nobody may look at any more. */
  private builderFor(capacity: number): BatchBuilder {
    if (!this.reuseColumns) return new BatchBuilder(capacity);
    let builder = this.builders[this.used];
    if (builder === undefined) {
      builder = new BatchBuilder(capacity);
      this.builders.push(builder);
    }
    this.used++;
    builder.clear();
    return builder;
  }

  /**
   * Decodes what is there. Returns the bytes that are done with; the rest begins a record that goes on in the next
   * chunk.
   */
  private run(decoder: RecordDecoder, bytes: Uint8Array, capacity: number, batches: PacketBatch[]): number {
    const builder = this.builderFor(capacity);
    const done = decoder.decode(bytes, this.position, builder);
    this.found = decoder.damage;
    this.position += done;
    if (builder.count > 0) batches.push(builder.finish(bytes));
    if (this.pendingLength > 0 && (done > 0 || decoder.skip > 0)) {
      // The record now belongs to the batch; bytes that are to be skipped are counted off what was already taken.
      const leftOver = this.pendingLength - done;
      decoder.skip -= leftOver;
      this.position += leftOver;
      this.pending = nothing;
      this.pendingLength = 0;
    }
    return done;
  }
}

/**
 * The decoder for a file that begins so. Throws InputError for what is no capture, with the bytes that it begins with.
 */
function decoderFor(first: Uint8Array): RecordDecoder {
  const format = detectFormat(first);
  if (format === 'pcap') return new PcapDecoder();
  if (format === 'pcapng') return new PcapngDecoder();
  const shown = Array.from(first.subarray(0, 4), (b) => b.toString(16).padStart(2, '0')).join(' ');
  throw new InputError(
    `not a capture: it begins with \`${shown}\``,
    { offset: 0 },
    isGzip(first) ? 'gzip data; decompress it first' : 'expected a pcap or pcapng file',
  );
}

/** An opened capture: header read, packets to come. */
export interface Capture {
  readonly format: CaptureFormat;
  /** Grows while a pcapng file is read. */
  readonly interfaces: readonly CaptureInterface[];
  /** Set when the packets are at an end and the end was not a clean one. */
  readonly damage: Damage | undefined;
  /** The packets in columns; use this or {@link Capture.packets}, once. */
  batches(): AsyncGenerator<PacketBatch, void, undefined>;
  /** The packets one by one. */
  packets(): AsyncGenerator<Packet, void, undefined>;
}

/**
 * Reads from `chunks` until the file's format is certain. With `reuseColumns` a batch is good until the next one is
 * asked for.
 *
 * @throws InputError when it is not a capture (the place has an offset, the caller knows the name: `withFile`).
 */
export async function openCapture(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReaderOptions = {},
): Promise<Capture> {
  const reader = new CaptureReader(options);
  const source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  const first: PacketBatch[] = [];
  let ended = false;
  try {
    while (!ended && first.length === 0 && reader.damage === undefined && reader.interfaces.length === 0) {
      const next = await source.next();
      if (next.done === true) {
        ended = true;
        reader.finish();
      } else {
        first.push(...reader.push(next.value));
      }
    }
  } catch (error) {
    if (!ended) await source.return?.();
    throw error;
  }
  async function* batches(): AsyncGenerator<PacketBatch, void, undefined> {
    try {
      yield* first;
      while (!ended && reader.damage === undefined) {
        const next = await source.next();
        if (next.done === true) {
          ended = true;
          reader.finish();
        } else {
          yield* reader.push(next.value);
        }
      }
    } finally {
      // Leaving early, by the reader or because of damage, closes the source.
      if (!ended) await source.return?.();
    }
  }
  async function* packets(): AsyncGenerator<Packet, void, undefined> {
    for await (const batch of batches()) yield* packetsOf(batch);
  }
  return {
    format: reader.format ?? 'pcap',
    get interfaces() {
      return reader.interfaces;
    },
    get damage() {
      return reader.damage;
    },
    batches,
    packets,
  };
}

/** A capture that is in memory as a whole. */
export interface DecodedCapture {
  readonly format: CaptureFormat;
  readonly interfaces: readonly CaptureInterface[];
  readonly packets: readonly Packet[];
  readonly damage: Damage | undefined;
}

/**
 * Reads a capture held in memory; meant for small ones.
 *
 * @throws InputError when it is not a capture.
 */
export function decodeCapture(bytes: Uint8Array): DecodedCapture {
  const reader = new CaptureReader();
  const packets = reader.push(bytes).flatMap((batch) => [...packetsOf(batch)]);
  const damage = reader.finish();
  return { format: reader.format ?? 'pcap', interfaces: reader.interfaces, packets, damage };
}
