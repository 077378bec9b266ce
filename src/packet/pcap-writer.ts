/** Writes pcap; the layout is in `pcap-reader.ts`. */

import { InputError } from '../base/index.js';
import { ByteSink } from './byte-sink.js';
import type { CaptureInterface } from './capture-format.js';
import type { CaptureWriter, OutgoingPacket } from './capture-writer.js';

/** One interface, time stamps of the resolution asked for; what is finer is cut off, as tcpdump does. */
export class PcapWriter implements CaptureWriter {
  private readonly sink: ByteSink;
  private readonly snapLength: number;
  private readonly unit: bigint;

  constructor(medium: CaptureInterface, bigEndian: boolean, resolution: 'us' | 'ns') {
    this.sink = new ByteSink(bigEndian);
    this.unit = resolution === 'ns' ? 1n : 1000n;
    this.snapLength = medium.snapLength === 0 ? Number.POSITIVE_INFINITY : medium.snapLength;
    const { sink } = this;
    sink.u32(resolution === 'ns' ? 0xa1b23c4d : 0xa1b2c3d4);
    sink.u16(2);
    sink.u16(4);
    sink.u32(0);
    sink.u32(0);
    sink.u32(medium.snapLength);
    const fcs = medium.fcsLength === undefined ? 0 : 0x0400_0000 | ((medium.fcsLength >>> 1) << 28);
    sink.u32((medium.linkType | fcs) >>> 0);
  }

  get size(): number {
    return this.sink.size;
  }

  /** @throws InputError when the time is outside 1970 to 2106: the seconds have 32 bits. */
  write(packet: OutgoingPacket): void {
    const { sink } = this;
    const seconds = packet.time / 1_000_000_000n;
    if (packet.time < 0n || seconds > 0xffff_ffffn) {
      throw new InputError(`time ${packet.time} ns does not fit a pcap record`, {}, 'write pcapng instead');
    }
    const length = Math.min(packet.data.length, this.snapLength);
    sink.reserve(16 + length);
    sink.u32(Number(seconds));
    sink.u32(Number((packet.time % 1_000_000_000n) / this.unit));
    sink.u32(length);
    sink.u32(packet.origLength ?? packet.data.length);
    sink.put(length === packet.data.length ? packet.data : packet.data.subarray(0, length));
  }

  take(): Uint8Array {
    return this.sink.take();
  }
}
