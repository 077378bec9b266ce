/**
 * Captures and traffic: reading, writing, describing and making packets. Bytes come in and go out as chunks; where
 * they come from is the caller's business.
 *
 * Read a file, packet by packet or in columns (`batches()`), and copy it with a comment on each packet:
 *
 *     const capture = await openCapture(createReadStream('in.pcap'));
 *     const writer = createWriter({ format: 'pcapng' });
 *     for await (const packet of capture.packets()) {
 *       console.log(summarize(packet.data, { origLength: packet.origLength }));
 *       writer.write({ ...packet, comments: ['DROP'] });
 *       if (writer.size > 65536) out.write(writer.take());
 *     }
 *     out.end(writer.take());
 *     if (capture.damage) console.error(`in.pcap: offset ${capture.damage.offset}: ${capture.damage.what}`);
 *
 * Make traffic for a virtual address, 100,000 packets at a million a second:
 *
 *     const options = { seed: 1, packets: 100_000, flows: 1000, popularity: { zipf: 1.1 }, rate: { pps: 1e6 },
 *       destination: { ipv4: '192.0.2.10', ports: [80, 443] } };
 *     for (const batch of generateBatches(options)) writeBatch(writer, batch);
 */

export { formatIpv4, formatIpv6, formatMac, parseIp, parseMac, parseSubnet, type Subnet } from './address.js';
export {
  type CaptureFormat,
  type CaptureInterface,
  type Damage,
  detectFormat,
  isGzip,
  maxPacketLength,
} from './capture-format.js';
export { type Capture, CaptureReader, type DecodedCapture, decodeCapture, openCapture } from './capture-reader.js';
export {
  type CaptureWriter,
  createWriter,
  encodeCapture,
  type OutgoingPacket,
  type WriterOptions,
  writeBatch,
  writeCapture,
} from './capture-writer.js';
export { internetChecksum, transportChecksum } from './checksum.js';
export {
  checkFieldName,
  checkFieldValue,
  type FieldDifference,
  type FieldValue,
  fieldInteger,
  fieldOf,
  type HeaderFields,
  packetDifferences,
  packetFields,
  sameFieldValue,
} from './field-values.js';
export {
  type Field,
  type FieldContext,
  type FieldFormat,
  fieldAt,
  headersIn,
  locateField,
  type NamedField,
  type PlacedHeader,
  type ProtocolName,
  packetContext,
  protocolOf,
} from './fields.js';
export { type PacketFilter, parseFilter } from './filter.js';
export type { Endpoints, FlowProtocol } from './flow-identity.js';
export { campusMixture, type FlowSizeTable, type FlowSizeTableName, flowSizeTables } from './flow-sizes.js';
export { type Header, type ParsedPacket, parseHeaders } from './headers.js';
export { buildPacket, parseHexBytes } from './layers.js';
export { linkTypeName, linkTypes } from './link-type.js';
export { type Malformation, malform, malformations } from './malformed.js';
export { BatchBuilder, type Packet, type PacketBatch, packetAt, packetsOf, selectPackets } from './packet-batch.js';
export { type PacketSizes, parsePacketSizes } from './packet-sizes.js';
export { mix32, Prng } from './prng.js';
export { formatTimeOfDay, Summarizer, type SummaryOptions, summarize } from './summary.js';
export { generateBatches, generateTraffic, type TrafficOptions } from './traffic.js';
export { packetLayers } from './write-layers.js';
