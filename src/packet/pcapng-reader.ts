/**
 * pcapng: a sequence of blocks (draft-ietf-opsawg-pcapng).
 *
 *     block   type(4) length(4) body length(4)        all lengths are of the whole block, a multiple of 4
 *     SHB     0x0a0d0d0a  byte-order magic(4) major(2) minor(2) section length(8) options
 *     IDB     1           linktype(2) reserved(2) snaplen(4) options
 *     EPB     6           interface(4) time high(4) time low(4) captured(4) original(4) data options
 *     SPB     3           original(4) data
 *     packet  2           interface(2) drops(2) time high(4) time low(4) captured(4) original(4) data options
 *                         (obsolete: the EPB took its place)
 *     options code(2) length(2) value padded to 4, ...
 *
 * A section header starts afresh: its own byte order and its own interfaces. Packets refer to interfaces by their
 * number in the section; here interfaces are numbered through the whole file. Blocks of other types are skipped
 * without being held in memory, however long they claim to be.
 */

import { decodeUtf8, InputError } from '../base/index.js';
import {
  type CaptureFormat,
  type CaptureInterface,
  type Damage,
  maxPacketLength,
  type RecordDecoder,
} from './capture-format.js';
import { normalizeLinkType } from './link-type.js';
import type { BatchBuilder } from './packet-batch.js';

const sectionHeader = 0x0a0d0d0a;
const interfaceDescription = 1;
const obsoletePacket = 2;
const simplePacket = 3;
const enhancedPacket = 6;

/** The longest block that is held in memory: a packet of the greatest length and a dozen full-length options. */
const maxBlockLength = 1_048_576;
const maxInterfaces = 65_536;

/** An interface with what its packets' time stamps mean. */
interface Clocked {
  readonly id: number;
  readonly snapLength: number;
  /** Nanoseconds a tick where that is 1, 1000 or 10^6; 0 for the general case in `ticksPerSecond`. */
  readonly scale: number;
  readonly ticksPerSecond: bigint;
  /** Seconds to add to every time stamp (if_tsoffset). */
  readonly offset: bigint;
}

/** The state between blocks: sections may change byte order, and each interface has a clock of its own. */
export class PcapngDecoder implements RecordDecoder {
  readonly format: CaptureFormat = 'pcapng';
  readonly interfaces: CaptureInterface[] = [];
  need = 12;
  skip = 0;
  damage: Damage | undefined;

  private littleEndian = true;
  private inSection = false;
  private section: Clocked[] = [];
  /** After a skipped body: the length that the trailer must repeat, and where the block began. */
  private trailer: { readonly length: number; readonly offset: number } | undefined;

  /**
   * A block's length stands at both of its ends. The second one is checked when it comes, which may be in a later
   * chunk.
   */
  decode(bytes: Uint8Array, position: number, batch: BatchBuilder): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = bytes.length;
    let at = 0;
    this.need = this.trailer === undefined ? 12 : 4;
    while (end - at >= this.need) {
      if (this.trailer !== undefined) {
        const { length, offset } = this.trailer;
        if (view.getUint32(at, this.littleEndian) !== length) return this.fail(at, offset, trailerText(length));
        this.trailer = undefined;
        at += 4;
        this.need = 12;
        continue;
      }
      const type = view.getUint32(at, this.littleEndian);
      if (type === sectionHeader && !this.setByteOrder(view, at, position)) return at;
      const length = view.getUint32(at + 4, this.littleEndian);
      if (length < 12 || length % 4 !== 0) {
        return this.fail(at, position + at, `block of type ${type} with the impossible length ${length}`);
      }
      const known =
        type === enhancedPacket ||
        type === interfaceDescription ||
        type === sectionHeader ||
        type === simplePacket ||
        type === obsoletePacket;
      if (length > end - at) {
        if (known && length > maxBlockLength) {
          return this.fail(at, position + at, `block of ${length} bytes; the most is ${maxBlockLength}`);
        }
        if (known || length <= 64) {
          this.need = length;
          return at;
        }
        this.trailer = { length, offset: position + at };
        this.skip = length - 4;
        this.need = 4;
        return at;
      }
      if (view.getUint32(at + length - 4, this.littleEndian) !== length) {
        return this.fail(at, position + at, trailerText(length));
      }
      if (known) {
        const what = this.readBlock(type, bytes, view, at + 8, at + length - 4, batch, position);
        if (what !== undefined) return this.fail(at, position + at, what);
      }
      at += length;
    }
    return at;
  }

  /** Notes damage; what was read before stays good. */
  private fail(at: number, offset: number, what: string): number {
    // Before the first section header is through there is no capture at all, and nothing has been delivered.
    if (!this.inSection) throw new InputError(what, { section: 'section header block', offset });
    this.damage = { offset, what };
    return at;
  }

  /** Section header: the magic after the length says how to read the length. False when that is damage. */
  private setByteOrder(view: DataView, at: number, position: number): boolean {
    const magic = view.getUint32(at + 8, true);
    if (magic !== 0x1a2b3c4d && magic !== 0x4d3c2b1a) {
      this.fail(at, position + at, `section header with the byte-order magic 0x${magic.toString(16)}`);
      return false;
    }
    this.littleEndian = magic === 0x1a2b3c4d;
    return true;
  }

  /** Reads the block whose body is [at, end). Returns what is wrong with it, if anything. */
  private readBlock(
    type: number,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    end: number,
    batch: BatchBuilder,
    position: number,
  ): string | undefined {
    const little = this.littleEndian;
    if (type === sectionHeader) {
      if (end - at < 16) return 'section header shorter than 28 bytes';
      const major = view.getUint16(at + 4, little);
      const minor = view.getUint16(at + 6, little);
      // Some writers say 1.2 and mean 1.0; that is what libpcap takes.
      if (major !== 1 || (minor !== 0 && minor !== 2)) {
        const what = `pcapng version ${major}.${minor}`;
        const hint = 'versions 1.0 and 1.2 are read';
        if (!this.inSection) throw new InputError(what, { offset: position + at + 4 }, hint);
        return what;
      }
      this.inSection = true;
      this.section = [];
      return undefined;
    }
    if (type === interfaceDescription) return this.readInterface(bytes, view, at, end);
    if (type === simplePacket) {
      const clock = this.section[0];
      if (clock === undefined) return 'simple packet block before any interface';
      if (end - at < 4) return 'simple packet block shorter than 16 bytes';
      const original = view.getUint32(at, little);
      const captured = Math.min(original, clock.snapLength);
      if (captured > end - at - 4) return `packet of ${captured} bytes in a block with room for ${end - at - 4}`;
      batch.add(at + 4, captured, original, 0, 0, clock.id);
      return undefined;
    }
    const name = type === enhancedPacket ? 'enhanced packet block' : 'packet block';
    if (end - at < 20) return `${name} shorter than 32 bytes`;
    const index = type === enhancedPacket ? view.getUint32(at, little) : view.getUint16(at, little);
    const clock = this.section[index];
    if (clock === undefined) return `${name} of interface ${index}; the section has ${this.section.length}`;
    const captured = view.getUint32(at + 12, little);
    const data = at + 20;
    if (captured > end - data) return `packet of ${captured} bytes in a block with room for ${end - data}`;
    if (captured > maxPacketLength) return `packet of ${captured} bytes; the most is ${maxPacketLength}`;
    const high = view.getUint32(at + 4, little);
    const low = view.getUint32(at + 8, little);
    const length = Math.min(captured, clock.snapLength);
    const original = view.getUint32(at + 16, little);
    if (clock.scale !== 0) {
      // Products stay below 2^53: the scale is at most 10^6.
      const scaledLow = low * clock.scale;
      const scaledHigh = high * clock.scale + Math.floor(scaledLow / 0x1_0000_0000);
      batch.add(data, length, original, scaledHigh, scaledLow, clock.id);
    } else {
      const ticks = (BigInt(high) << 32n) | BigInt(low);
      const time = (ticks * 1_000_000_000n) / clock.ticksPerSecond + clock.offset * 1_000_000_000n;
      batch.setTime(batch.add(data, length, original, 0, 0, clock.id), time);
    }
    const options = data + ((captured + 3) & ~3);
    if (end - options >= 4) {
      const comments: string[] = [];
      // A packet with broken options is still a packet.
      readOptions(view, options, end, little, (code, from, to) => {
        if (code === 1) comments.push(decodeUtf8(bytes.subarray(from, to)));
      });
      if (comments.length > 0) batch.setComments(batch.count - 1, comments);
    }
    return undefined;
  }

  /**
   * An interface description block: link type, and options for name, resolution of time (if_tsresol), its offset, and
   * the length of frame check sequences.
   */
  private readInterface(bytes: Uint8Array, view: DataView, at: number, end: number): string | undefined {
    if (end - at < 8) return 'interface description shorter than 20 bytes';
    if (this.interfaces.length >= maxInterfaces) return `more than ${maxInterfaces} interfaces`;
    let resolution = 6;
    let offset = 0n;
    let name: string | undefined;
    let description: string | undefined;
    let fcsLength: number | undefined;
    const intact = readOptions(view, at + 8, end, this.littleEndian, (code, from, to) => {
      if (code === 2) name = decodeUtf8(bytes.subarray(from, to));
      if (code === 3) description = decodeUtf8(bytes.subarray(from, to));
      if (code === 9 && to - from >= 1) resolution = view.getUint8(from);
      if (code === 13 && to - from >= 1) fcsLength = view.getUint8(from);
      if (code === 14 && to - from >= 8) offset = view.getBigInt64(from, this.littleEndian);
    });
    if (!intact) return 'interface description with an option longer than the block';
    const snapLength = view.getUint32(at + 4, this.littleEndian);
    const exact = offset === 0n ? ({ 9: 1, 6: 1000, 3: 1_000_000 } as Record<number, number>)[resolution] : undefined;
    const exponent = BigInt(resolution & 0x7f);
    this.section.push({
      id: this.interfaces.length,
      snapLength: snapLength === 0 || snapLength > maxPacketLength ? maxPacketLength : snapLength,
      scale: exact ?? 0,
      ticksPerSecond: (resolution & 0x80) === 0 ? 10n ** exponent : 1n << exponent,
      offset,
    });
    this.interfaces.push({
      linkType: normalizeLinkType(view.getUint16(at, this.littleEndian)),
      snapLength,
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(fcsLength === undefined ? {} : { fcsLength }),
    });
    return undefined;
  }
}

function trailerText(length: number): string {
  return `block of ${length} bytes that does not end in its length`;
}

/** Calls back with the place of each option's value. False when an option runs past the end. */
function readOptions(
  view: DataView,
  start: number,
  end: number,
  littleEndian: boolean,
  visit: (code: number, from: number, to: number) => void,
): boolean {
  let at = start;
  while (end - at >= 4) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === 0) return true;
    if (length > end - at - 4) return false;
    visit(code, at + 4, at + 4 + length);
    at += 4 + ((length + 3) & ~3);
  }
  return true;
}
