/** `-r FILE`: captures as streams of packets, `.gz` unpacked on the way. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { InputError } from '../base/index.js';
import { type Capture, isGzip, linkTypeName, linkTypes, openCapture, type Packet, packetAt } from '../packet/index.js';
import type { Io } from './command.js';
import { fileError } from './program-file.js';

export interface CaptureInput {
  /** Packets of Ethernet interfaces, in order. */
  packets(): AsyncGenerator<Packet, void, undefined>;
  /** Packets left out because they are not Ethernet. */
  readonly skipped: number;
  /** What is wrong with the file, once the packets before it are through. */
  readonly damage: string | undefined;
}

export async function openCaptureFile(path: string, io: Io): Promise<CaptureInput> {
  let capture: Capture;
  try {
    capture = await openCapture(unpacked(path === '-' ? io.stdin() : fileChunks(path)));
  } catch (error) {
    throw error instanceof InputError ? error.withFile(path) : gzipError(error, path);
  }
  let skipped = 0;
  let broken: string | undefined;
  return {
    get skipped(): number {
      return skipped;
    },
    get damage(): string | undefined {
      const { damage } = capture;
      return broken ?? (damage === undefined ? undefined : `offset 0x${damage.offset.toString(16)}: ${damage.what}`);
    },
    async *packets(): AsyncGenerator<Packet, void, undefined> {
      try {
        for await (const batch of capture.batches()) {
          for (let i = 0; i < batch.count; i++) {
            const packet = packetAt(batch, i);
            const link = capture.interfaces[packet.interfaceId]?.linkType ?? linkTypes.ethernet;
            if (link === linkTypes.ethernet) yield packet;
            else if (skipped++ === 0)
              io.info(`${path}: packets of link type ${linkTypeName(link)} are left out: XDP sees Ethernet`);
          }
        }
      } catch (error) {
        // A damaged compressed stream ends like a damaged capture does.
        broken = gzipError(error, path).message;
      }
    },
  };
}

function gzipError(error: unknown, path: string): Error {
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && code.startsWith('Z_')) return new InputError('damaged gzip data', { file: path });
  const mapped = fileError(error, path);
  if (mapped instanceof Error) return mapped;
  throw error;
}

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) yield chunk as Uint8Array;
  } catch (error) {
    throw fileError(error, path);
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
  const gunzip = createGunzip();
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
