/**
 * An ELF64 file as parts that can grow, shrink and go: section headers with their content, laid out again so that
 * whatever did not change its size before some place is where it was. A file none of whose parts changed comes out
 * byte for byte, bytes between sections included.
 */
import { UnsupportedError } from '../../base/index.js';
import type { Elf } from '../elf.js';

const headerSize = 64;
const SHT_NULL = 0;
const SHT_NOBITS = 8;

/** A section that may be edited: `content` is written, the header's size follows. */
export interface Part {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  /** The 64 bytes of its header, to be patched. */
  readonly header: DataView;
  /** Where it was in the file. */
  readonly offset: number;
  content: Uint8Array;
  /** Not written, and taken out of the section table. */
  dropped: boolean;
}

/** Field offsets of a section header. */
export const shLink = 40;
/** Offset of sh_info in a section header. */
export const shInfo = 44;
const shOffset = 24;
const shSize = 32;
const shAlign = 48;

/** The sections of a file that was read, as parts. */
export function partsOf(bytes: Uint8Array, elf: Elf): Part[] {
  const file = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableAt = Number(file.getBigUint64(40, true));
  return elf.sections.map((section, index) => ({
    index,
    name: section.name,
    type: section.type,
    header: new DataView(bytes.slice(tableAt + headerSize * index, tableAt + headerSize * (index + 1)).buffer),
    offset: section.offset,
    content: section.data,
    dropped: false,
  }));
}

/** New index of each section, undefined for those that are dropped. */
export function sectionNumbers(parts: readonly Part[]): readonly (number | undefined)[] {
  let next = 0;
  return parts.map((part) => (part.dropped ? undefined : next++));
}

/** Some bytes of the file that stay together: a section, or the section table. */
interface Piece {
  readonly oldStart: number;
  readonly oldSize: number;
  readonly align: number;
  readonly part: Part | undefined;
}

/** The file's bytes with its parts as they are now. Throws UnsupportedError where sections overlap. */
export function layOut(bytes: Uint8Array, parts: readonly Part[]): Uint8Array {
  const input = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableAt = Number(input.getBigUint64(40, true));
  const kept = parts.filter((part) => !part.dropped);
  const pieces = piecesOf(parts, tableAt);

  const starts = new Map<Part | undefined, number>();
  const copies: { readonly from: Uint8Array; readonly at: number }[] = [];
  let oldEnd = headerSize;
  let end = headerSize;
  for (const { oldStart, oldSize, align, part } of pieces) {
    if (oldStart < oldEnd) {
      throw new UnsupportedError(`its section \`${part?.name ?? 'table'}\` overlaps another part of the file`, {
        offset: oldStart,
      });
    }
    const isInPlace = end === oldEnd;
    const gap = bytes.subarray(oldEnd, oldStart);
    const gapAt = oldEnd;
    oldEnd = oldStart + oldSize;
    // What comes behind closes up.
    if (part?.dropped === true) continue;
    if (isInPlace) copies.push({ from: gap, at: gapAt });
    const start = isInPlace ? oldStart : Math.ceil(end / align) * align;
    starts.set(part, start);
    if (part !== undefined) copies.push({ from: part.content, at: start });
    end = start + (part === undefined ? headerSize * kept.length : part.content.length);
  }
  if (end === oldEnd) {
    copies.push({ from: bytes.subarray(oldEnd), at: oldEnd });
    end = bytes.length;
  }

  const file = new Uint8Array(end);
  file.set(bytes.subarray(0, headerSize));
  for (const { from, at } of copies) file.set(from, at);
  const newTable = starts.get(undefined) ?? headerSize;
  const view = new DataView(file.buffer);
  view.setBigUint64(40, BigInt(newTable), true);
  view.setUint16(60, kept.length, true);
  view.setUint16(62, sectionNumbers(parts)[input.getUint16(62, true)] ?? 0, true);
  for (const [i, part] of kept.entries()) {
    // What is empty lies nowhere, but not behind the file's end.
    const start = starts.get(part) ?? Math.min(part.offset, end);
    part.header.setBigUint64(shOffset, BigInt(start), true);
    if (part.type !== SHT_NOBITS && part.type !== SHT_NULL) {
      part.header.setBigUint64(shSize, BigInt(part.content.length), true);
    }
    file.set(new Uint8Array(part.header.buffer), newTable + headerSize * i);
  }
  return file;
}

/** What lies in the file, in order; the section table is the piece without a part. */
function piecesOf(parts: readonly Part[], tableAt: number): Piece[] {
  const pieces: Piece[] = [{ oldStart: tableAt, oldSize: headerSize * parts.length, align: 8, part: undefined }];
  for (const part of parts) {
    if (part.type === SHT_NULL || part.type === SHT_NOBITS) continue;
    const oldSize = Number(part.header.getBigUint64(shSize, true));
    // An empty section lies nowhere.
    if (oldSize === 0 && part.content.length === 0) continue;
    const align = Number(part.header.getBigUint64(shAlign, true)) || 1;
    pieces.push({ oldStart: part.offset, oldSize, align, part });
  }
  return pieces.sort((a, b) => a.oldStart - b.oldStart || a.oldSize - b.oldSize);
}
