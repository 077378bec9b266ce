/**
 * Writes captures: packets in, chunks of bytes out. A writer gathers bytes until they are taken; take them when there
 * are enough for a write to the file.
 */

import { InputError } from '../base/index.js';
import { type CaptureFormat, type CaptureInterface, maxPacketLength } from './capture-format.js';
import { linkTypes } from './link-type.js';
import type { Packet, PacketBatch } from './packet-batch.js';
import { packetsOf } from './packet-batch.js';
import { PcapWriter } from './pcap-writer.js';
import { PcapngWriter } from './pcapng-writer.js';

/** A packet to be written. What is left out is filled in: `origLength` from the data, interface 0. */
export interface OutgoingPacket {
  readonly data: Uint8Array;
  readonly time: bigint;
  readonly origLength?: number | undefined;
  readonly interfaceId?: number | undefined;
  /** Kept by pcapng only. */
  readonly comments?: readonly string[] | undefined;
}

/** Makes a capture's bytes, packet by packet; take them when there are enough. */
export interface CaptureWriter {
  /** Bytes gathered so far. */
  readonly size: number;
  /** Appends a packet (and before the first one the header). Data beyond the snap length is cut. */
  write(packet: OutgoingPacket): void;
  /** The bytes gathered, which the caller then owns; the writer goes on empty. */
  take(): Uint8Array;
}

/** Format and header of a capture to write. */
export interface WriterOptions {
  /** Default `pcap`. */
  readonly format?: CaptureFormat | undefined;
  /** Default: one Ethernet interface. pcap can hold only one. */
  readonly interfaces?: readonly Partial<CaptureInterface>[] | undefined;
  /** Resolution of pcap time stamps; pcapng is always written in nanoseconds. Default `us`. */
  readonly resolution?: 'us' | 'ns' | undefined;
  /** Byte order of all numbers in headers; default false. */
  readonly bigEndian?: boolean | undefined;
  /** The name of the program that writes, kept by pcapng. */
  readonly application?: string | undefined;
}

/** @throws InputError when the interfaces do not fit the format. */
export function createWriter(options: WriterOptions = {}): CaptureWriter {
  const interfaces = (options.interfaces ?? [{}]).map((given) => ({
    linkType: linkTypes.ethernet,
    snapLength: maxPacketLength,
    ...given,
  }));
  const bigEndian = options.bigEndian === true;
  if (options.format === 'pcapng') return new PcapngWriter(interfaces, bigEndian, options.application);
  const [only] = interfaces;
  if (only === undefined || interfaces.length > 1) {
    throw new InputError(`a pcap file has one interface, not ${interfaces.length}`, {}, 'write pcapng instead');
  }
  return new PcapWriter(only, bigEndian, options.resolution ?? 'us');
}

/** The bytes of a capture with these packets, in chunks of about 64 KiB. */
export async function* writeCapture(
  packets: AsyncIterable<OutgoingPacket> | Iterable<OutgoingPacket>,
  options: WriterOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = createWriter(options);
  for await (const packet of packets) {
    writer.write(packet);
    if (writer.size >= 0x1_0000) yield writer.take();
  }
  if (writer.size > 0) yield writer.take();
}

/** A capture as one array; meant for small ones. */
export function encodeCapture(packets: Iterable<OutgoingPacket>, options: WriterOptions = {}): Uint8Array {
  const writer = createWriter(options);
  for (const packet of packets) writer.write(packet);
  return writer.take();
}

/** Appends a whole batch, comments and all. */
export function writeBatch(writer: CaptureWriter, batch: PacketBatch): void {
  for (const packet of packetsOf(batch) as Iterable<Packet>) writer.write(packet);
}
