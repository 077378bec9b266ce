/**
 * pcap: a 24-byte file header and then records of a 16-byte header and the packet.
 *
 *     file    magic(4) major(2) minor(2) zone(4) sigfigs(4) snaplen(4) linktype(4)
 *     record  seconds(4) fraction(4) captured(4) original(4) data
 *
 * The magic number tells byte order and resolution: a1b2c3d4 microseconds, a1b23c4d nanoseconds, a1b2cd34 the variant
 * of patched 1990s libpcaps whose record header is 8 bytes longer. Source: draft-ietf-opsawg-pcap and the behaviour of
 * libpcap. As there, bits 26 to 31 of the link type speak of a frame check sequence, versions before 2.4 and 543.0
 * have the two lengths swapped (some 2.3 writers did not), and a record longer than the snap length is cut to it.
 */

import { InputError } from '../base/index.js';
import {
  type CaptureFormat,
  type CaptureInterface,
  type Damage,
  maxPacketLength,
  type RecordDecoder,
} from './capture-format.js';
import { normalizeLinkType } from './link-type.js';
import type { BatchBuilder } from './packet-batch.js';

const fileHeaderLength = 24;

/** The state between records: byte order, resolution, what is needed next. Time stamps become nanoseconds. */
export class PcapDecoder implements RecordDecoder {
  readonly format: CaptureFormat = 'pcap';
  interfaces: readonly CaptureInterface[] = [];
  need: number = fileHeaderLength;
  skip = 0;
  damage: Damage | undefined;

  private littleEndian = true;
  private recordHeaderLength = 16;
  private snapLength = maxPacketLength;
  /** Nanoseconds in a unit of the fraction field. */
  private unit = 1000;
  private swapped: 'never' | 'always' | 'if-greater' = 'never';
  private headerSeen = false;
  /** The second that `baseHigh`, `baseLow` are the nanoseconds of: packets come in runs of one second. */
  private second = 0;
  private baseHigh = 0;
  private baseLow = 0;

  /** Whole records only; where one is longer than a capture may have it, the file is damaged from there on. */
  decode(bytes: Uint8Array, position: number, batch: BatchBuilder): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = bytes.length;
    let at = 0;
    if (!this.headerSeen) {
      if (end < fileHeaderLength) return 0;
      this.readFileHeader(view);
      at = fileHeaderLength;
    }
    const { littleEndian, recordHeaderLength, snapLength, unit } = this;
    while (end - at >= recordHeaderLength) {
      const seconds = view.getUint32(at, littleEndian);
      const fraction = view.getUint32(at + 4, littleEndian);
      let captured = view.getUint32(at + 8, littleEndian);
      let original = view.getUint32(at + 12, littleEndian);
      if (this.swapped !== 'never' && (this.swapped === 'always' || captured > original)) {
        [captured, original] = [original, captured];
      }
      if (captured > maxPacketLength) {
        const what = `record claims ${captured} captured bytes; the most is ${maxPacketLength}`;
        this.damage = { offset: position + at, what };
        return at;
      }
      const next = at + recordHeaderLength + captured;
      if (next > end) {
        this.need = next - at;
        return at;
      }
      if (seconds !== this.second) this.setSecond(seconds);
      const low = this.baseLow + fraction * unit;
      const high = this.baseHigh + Math.floor(low / 0x1_0000_0000);
      batch.add(at + recordHeaderLength, Math.min(captured, snapLength), original, high, low, 0);
      at = next;
    }
    this.need = recordHeaderLength;
    return at;
  }

  /** seconds * 10^9 in 32-bit halves; each product below is exact in a double. */
  private setSecond(seconds: number): void {
    const upper = (seconds >>> 16) * 1_000_000_000;
    const low = (upper % 0x1_0000) * 0x1_0000 + (seconds & 0xffff) * 1_000_000_000;
    this.second = seconds;
    this.baseHigh = Math.floor(upper / 0x1_0000) + Math.floor(low / 0x1_0000_0000);
    this.baseLow = low % 0x1_0000_0000;
  }

  /** Byte order, resolution and link type. The link type's upper bits may tell the length of frame check sequences. */
  private readFileHeader(view: DataView): void {
    const magic = view.getUint32(0, true);
    this.littleEndian = (magic & 0xffff_0000) >>> 0 === 0xa1b2_0000;
    const native = this.littleEndian ? magic : view.getUint32(0, false);
    if (native === 0xa1b23c4d) this.unit = 1;
    if (native === 0xa1b2cd34) this.recordHeaderLength = 24;
    const major = view.getUint16(4, this.littleEndian);
    const minor = view.getUint16(6, this.littleEndian);
    // As in libpcap (pcap_check_header): DG/UX's tcpdump called its version 543.0 and swapped the lengths, too.
    const isKnown = (major === 2 && minor <= 4) || (major === 543 && minor === 0);
    if (!isKnown) {
      throw new InputError(`pcap version ${major}.${minor}`, { offset: 4 }, 'versions 2.0 to 2.4 and 543.0 are read');
    }
    if (major === 543 || minor < 3) this.swapped = 'always';
    else if (minor === 3) this.swapped = 'if-greater';
    const snapLength = view.getUint32(16, this.littleEndian);
    if (snapLength > 0 && snapLength < maxPacketLength) this.snapLength = snapLength;
    const link = view.getUint32(20, this.littleEndian);
    const hasFcs = (link & 0x0400_0000) !== 0;
    this.interfaces = [
      {
        linkType: normalizeLinkType(link & 0x03ff_ffff),
        snapLength,
        ...(hasFcs ? { fcsLength: (link >>> 28) * 2 } : {}),
      },
    ];
    this.headerSeen = true;
  }
}
