/** A capture in memory: the page goes back and forth in it, so its packets stay. */
import { InputError } from '../base/index.js';
import {
  linkTypeName,
  linkTypes,
  openCapture,
  type Packet,
  type PacketBatch,
  packetAt,
  selectPackets,
} from '../packet/index.js';
import { formatNumber } from '../text/index.js';
import type { CaptureSource, Turns } from './protocol.js';

/** Packets that a page holds: columns and bytes of more would be the browser's memory. */
const mostPackets = 4_000_000;

/** Packets of Ethernet interfaces, in order. */
export class HeldCapture {
  readonly name: string;
  readonly batches: PacketBatch[] = [];
  /** Index of the first packet of each batch. */
  private readonly starts: number[] = [];
  count = 0;
  skipped = 0;
  damage: string | undefined;
  /** Link types of packets that were left out. */
  private readonly others = new Set<string>();

  private constructor(name: string) {
    this.name = name;
  }

  /**
   * Reads all of it; `take` is given each batch as it comes, and may run it. Ends early when the turns are stopped.
   * Throws InputError for what is no capture.
   */
  static async read(
    source: CaptureSource,
    turns: Turns,
    take: (capture: HeldCapture, batch: PacketBatch) => Promise<void>,
  ): Promise<HeldCapture> {
    const held = new HeldCapture(source.name);
    const read = { bytes: 0 };
    try {
      const capture = await openCapture(counted(source.chunks, read));
      const linkTypeOf = (batch: PacketBatch, i: number): number =>
        capture.interfaces[batch.interfaceId[i] ?? 0]?.linkType ?? linkTypes.ethernet;
      for await (const batch of capture.batches()) {
        const all = batch.count;
        const kept = selectPackets(batch, (i) => {
          const type = linkTypeOf(batch, i);
          if (type !== linkTypes.ethernet) held.others.add(linkTypeName(type));
          return type === linkTypes.ethernet;
        });
        held.skipped += all - kept.count;
        if (kept.count > 0) {
          held.starts.push(held.count);
          held.batches.push(kept);
          held.count += kept.count;
          await take(held, kept);
        }
        if (turns.isStopped) break;
        if (held.count >= mostPackets) {
          held.damage = `the page holds ${formatNumber(mostPackets)} packets: \`jitnic run\` takes any number`;
          break;
        }
        const share = source.size === undefined ? undefined : Math.min(1, read.bytes / source.size);
        turns.progress({ what: 'running packets', packets: held.count, share });
      }
      const { damage } = capture;
      if (damage !== undefined) held.damage = `offset 0x${damage.offset.toString(16)}: ${damage.what}`;
    } catch (error) {
      throw error instanceof InputError ? error.withFile(source.name) : error;
    }
    return held;
  }

  /** Link types of what was left out, as a sentence; undefined: nothing was. */
  get note(): string | undefined {
    if (this.skipped === 0) return undefined;
    return `${formatNumber(this.skipped)} packets of link type ${[...this.others].join(', ')} are left out: XDP sees Ethernet`;
  }

  /** Packet `index`, from 0; there is one. */
  packet(index: number): Packet {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    const batch = this.batches[low];
    if (batch === undefined || index >= this.count)
      throw new InputError(`there is no packet ${index + 1}`, { file: this.name }, `it has ${this.count}`);
    return packetAt(batch, index - (this.starts[low] ?? 0));
  }
}

/** The chunks, and how many bytes have been read of them. */
async function* counted(chunks: AsyncIterable<Uint8Array>, read: { bytes: number }): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    read.bytes += chunk.length;
    yield chunk;
  }
}
