/**
 * Writes pcapng: one section, an interface description for each interface, an enhanced packet block for each packet,
 * all time stamps in nanoseconds. The layout is in `pcapng-reader.ts`.
 */

import { encodeUtf8, InputError } from '../base/index.js';
import { ByteSink } from './byte-sink.js';
import type { CaptureInterface } from './capture-format.js';
import type { CaptureWriter, OutgoingPacket } from './capture-writer.js';

/** An option as it is written, its value padded to 4 bytes. */
interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

/** Any number of interfaces, all described at the head of the file. */
export class PcapngWriter implements CaptureWriter {
  private readonly sink: ByteSink;
  private readonly interfaces: readonly CaptureInterface[];

  constructor(interfaces: readonly CaptureInterface[], bigEndian: boolean, application?: string) {
    this.sink = new ByteSink(bigEndian);
    this.interfaces = interfaces;
    const application4 = application === undefined ? [] : [textOption(4, application)];
    this.block(0x0a0d0d0a, 16, application4, (sink) => {
      sink.u32(0x1a2b3c4d);
      sink.u16(1);
      sink.u16(0);
      // Section length: not known.
      sink.u32(0xffff_ffff);
      sink.u32(0xffff_ffff);
    });
    for (const medium of interfaces) {
      const options: Option[] = [];
      if (medium.name !== undefined) options.push(textOption(2, medium.name));
      if (medium.description !== undefined) options.push(textOption(3, medium.description));
      options.push({ code: 9, value: Uint8Array.of(9) });
      if (medium.fcsLength !== undefined) options.push({ code: 13, value: Uint8Array.of(medium.fcsLength) });
      this.block(1, 8, options, (sink) => {
        sink.u16(medium.linkType);
        sink.u16(0);
        sink.u32(medium.snapLength);
      });
    }
  }

  get size(): number {
    return this.sink.size;
  }

  /** @throws InputError when the packet names an interface that was not declared. */
  write(packet: OutgoingPacket): void {
    const interfaceId = packet.interfaceId ?? 0;
    const medium = this.interfaces[interfaceId];
    if (medium === undefined) {
      throw new InputError(`packet of interface ${interfaceId}; ${this.interfaces.length} were declared`);
    }
    const { snapLength } = medium;
    const cut = snapLength !== 0 && packet.data.length > snapLength;
    const data = cut ? packet.data.subarray(0, snapLength) : packet.data;
    const options = (packet.comments ?? []).map((comment) => textOption(1, comment));
    this.block(6, 20 + ((data.length + 3) & ~3), options, (sink) => {
      sink.u32(interfaceId);
      sink.highLow(packet.time);
      sink.u32(data.length);
      sink.u32(packet.origLength ?? packet.data.length);
      sink.put(data);
      sink.pad(data.length);
    });
  }

  take(): Uint8Array {
    return this.sink.take();
  }

  /** A block around a body, with options and its length at both ends. */
  private block(type: number, bodyLength: number, options: readonly Option[], body: (sink: ByteSink) => void): void {
    const { sink } = this;
    let length = 12 + bodyLength + (options.length > 0 ? 4 : 0);
    for (const { value } of options) length += 4 + ((value.length + 3) & ~3);
    sink.reserve(length);
    sink.u32(type);
    sink.u32(length);
    body(sink);
    for (const { code, value } of options) {
      sink.u16(code);
      sink.u16(value.length);
      sink.put(value);
      sink.pad(value.length);
    }
    if (options.length > 0) sink.u32(0);
    sink.u32(length);
  }
}

/** Text longer than an option can hold is cut between characters. */
function textOption(code: number, text: string): Option {
  const value = encodeUtf8(text);
  let end = Math.min(value.length, 0xffff);
  while (end < value.length && ((value[end] ?? 0) & 0xc0) === 0x80) end--;
  return { code, value: value.subarray(0, end) };
}
