/** `-r FILE`: captures as streams of packets, `.gz` unpacked on the way. */
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from '../base/index.js';
import {
  type Capture,
  isGzip,
  linkTypeName,
  linkTypes,
  openCapture,
  type Packet,
  type PacketBatch,
  packetsOf,
  selectPackets,
} from '../packet/index.js';
import type { Io } from './command.js';
import { fileError } from './files.js';
import { zlib } from './zlib.js';

/**
 * A capture that is being read. Packets come once: {@link batches} and {@link packets} share one position in the file.
 */
export interface CaptureInput {
  /** Packets of Ethernet interfaces, in order. A batch is good until the next one is asked for. */
  batches(): AsyncGenerator<PacketBatch, void, undefined>;
  /** The same one by one. */
  packets(): AsyncGenerator<Packet, void, undefined>;
  /** Packets left out because they are not Ethernet. */
  readonly skipped: number;
  /** Bytes of the file as it lies there, compressed or not; undefined where that is not known (a pipe). */
  readonly size: number | undefined;
  /** How many of them have been read. */
  readonly bytesRead: number;
  /** What is wrong with the file, once the packets before it are through. */
  readonly damage: string | undefined;
}

/**
 * Opens a capture; `-` is stdin. A format is known once this returns, and packets are read as they are asked for.
 * Throws InputError for a file that cannot be read or is no capture.
 */
export async function openCaptureFile(path: string, io: Pick<Io, 'stdin' | 'info'>): Promise<CaptureInput> {
  let capture: Capture;
  const bytes: Bytes = { size: undefined, read: 0 };
  try {
    const chunks = path === '-' ? io.stdin() : fileChunks(path, bytes);
    capture = await openCapture(unpacked(chunks), { reuseColumns: true });
  } catch (error) {
    throw error instanceof InputError ? error.withFile(path) : gzipError(error, path);
  }
  let skipped = 0;
  let broken: string | undefined;
  const isEthernet = (id: number): boolean =>
    (capture.interfaces[id]?.linkType ?? linkTypes.ethernet) === linkTypes.ethernet;
  // The first packet of another link type is told, all are counted. pcapng has a link type for each interface.
  const onlyEthernet = (batch: PacketBatch): PacketBatch => {
    if (capture.interfaces.every((_, id) => isEthernet(id))) return batch;
    return selectPackets(batch, (i) => {
      const id = batch.interfaceId[i] ?? 0;
      if (isEthernet(id)) return true;
      if (skipped++ === 0) {
        const name = linkTypeName(capture.interfaces[id]?.linkType ?? linkTypes.ethernet);
        io.info(`${path}: packets of link type ${name} are left out: XDP sees Ethernet`);
      }
      return false;
    });
  };
  async function* batches(): AsyncGenerator<PacketBatch, void, undefined> {
    try {
      for await (const batch of capture.batches()) yield onlyEthernet(batch);
    } catch (error) {
      // A damaged compressed stream ends like a damaged capture does.
      broken = gzipError(error, path).message;
    }
  }
  return {
    get size(): number | undefined {
      return bytes.size;
    },
    get bytesRead(): number {
      return bytes.read;
    },
    get skipped(): number {
      return skipped;
    },
    get damage(): string | undefined {
      const { damage } = capture;
      return broken ?? (damage === undefined ? undefined : `offset 0x${damage.offset.toString(16)}: ${damage.what}`);
    },
    batches,
    async *packets(): AsyncGenerator<Packet, void, undefined> {
      for await (const batch of batches()) yield* packetsOf(batch);
    },
  };
}

/** A packet of a capture and when it arrived. */
export interface CapturedPacket {
  readonly data: Uint8Array;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
}

/**
 * The Ethernet packets of a capture, at most `limit`, as copies; what is wrong with the file is said. Throws as
 * {@link openCaptureFile} does.
 */
export async function readPackets(
  path: string,
  io: Pick<Io, 'stdin' | 'info'>,
  limit: number = Number.POSITIVE_INFINITY,
): Promise<CapturedPacket[]> {
  const packets: CapturedPacket[] = [];
  const capture = await openCaptureFile(path, io);
  for await (const { data, time } of capture.packets()) {
    if (packets.length === limit) break;
    packets.push({ data: data.slice(), time });
  }
  if (capture.damage !== undefined) io.info(`${path}: ${capture.damage}`);
  return packets;
}

/** An error of zlib or of the file system as one for users; whatever else was thrown is thrown on. */
function gzipError(error: unknown, path: string): Error {
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && code.startsWith('Z_')) return new InputError('damaged gzip data', { file: path });
  const mapped = fileError(error, path);
  if (mapped instanceof Error) return mapped;
  throw error;
}

/** How far a file has been read. */
interface Bytes {
  size: number | undefined;
  read: number;
}

/** Bytes read at once. */
const chunkSize = 1 << 18;

/**
 * A file's bytes. One buffer is used for all chunks, and files are read in place of being waited for: a promise and a
 * thread's turn for each chunk cost more than the chunk. A pipe may keep us waiting, so it is read as a stream.
 */
async function* fileChunks(path: string, bytes: Bytes): AsyncGenerator<Uint8Array> {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const status = fstatSync(file);
    if (!status.isFile()) {
      const stream = createReadStream(path, { fd: file, highWaterMark: chunkSize });
      // The stream closes it.
      file = undefined;
      for await (const chunk of stream) yield chunk as Uint8Array;
      return;
    }
    bytes.size = status.size;
    const buffer = new Uint8Array(chunkSize);
    for (let size = readSync(file, buffer); size > 0; size = readSync(file, buffer)) {
      bytes.read += size;
      yield buffer.subarray(0, size);
    }
  } catch (error) {
    throw fileError(error, path);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The chunks, decompressed if they begin like gzip. */
async function* unpacked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = chunks[Symbol.asyncIterator]();
  const first = await source.next();
  if (first.done === true) return;
  async function* all(): AsyncGenerator<Uint8Array> {
    yield first.value as Uint8Array;
    for (;;) {
      const next = await source.next();
      if (next.done === true) return;
      yield next.value;
    }
  }
  if (!isGzip(first.value)) {
    yield* all();
    return;
  }
  const gunzip = zlib().createGunzip();
  // zlib gets its input while its output is read, and no more of it than it has room for.
  const feeding = (async (): Promise<void> => {
    for await (const chunk of all()) {
      if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once('drain', resolve));
    }
    gunzip.end();
  })();
  feeding.catch((error: Error) => gunzip.destroy(error));
  for await (const chunk of gunzip) yield chunk as Uint8Array;
  await feeding;
}
