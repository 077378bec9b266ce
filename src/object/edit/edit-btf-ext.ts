/**
 * `.BTF.ext` (layout: btf-ext.ts) after code has moved: the records of each code section with the instructions' new
 * offsets, and what mends those offsets (`.rel.BTF.ext`, which loaders pass over and linkers read).
 */
import { UnsupportedError } from '../../base/index.js';
import { ByteReader } from '../byte-reader.js';

/** Which of the three lists a record is from. */
export type ExtPart = 'functions' | 'lines' | 'core';

/** A record that is kept: which of the input's it is, and the instruction's new offset in bytes. */
export interface MovedRecord {
  /** Index among the section's records in this part, in the order of the file. */
  readonly record: number;
  readonly offset: number;
}

/** Offsets of a code section's records, in bytes, to what becomes of them; undefined: they stay as they are. */
export type MoveRecords = (
  section: string,
  part: ExtPart,
  offsets: readonly number[],
) => readonly MovedRecord[] | undefined;

/** Where the header says offset and length of each part. */
const partFields: readonly { readonly part: ExtPart; readonly at: number }[] = [
  { part: 'functions', at: 8 },
  { part: 'lines', at: 16 },
  { part: 'core', at: 24 },
];

/** The section's new bytes, and where each field that a relocation may mend went (old offset -> new offsets). */
export interface EditedExt {
  readonly bytes: Uint8Array;
  readonly fields: ReadonlyMap<number, readonly number[]>;
}

/** `name`: a string of the BTF string table by its offset. */
export function editBtfExt(bytes: Uint8Array, name: (offset: number) => string, move: MoveRecords): EditedExt {
  const reader = new ByteReader(bytes, '.BTF.ext');
  const headerLength = reader.u32(4);
  const fields = new Map<number, number[]>();
  const header = bytes.slice(0, headerLength);
  const view = new DataView(header.buffer);
  const chunks: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  const present = partFields
    .filter(({ at }) => at + 8 <= headerLength && reader.u32(at + 4) > 0)
    .map(({ part, at }) => ({ part, at, start: reader.u32(at), length: reader.u32(at + 4) }))
    .sort((a, b) => a.start - b.start);
  let oldEnd = 0;
  let end = 0;
  for (const { part, at, start, length } of present) {
    if (start < oldEnd) throw new UnsupportedError('its parts overlap', reader.place(at));
    const gap = start - oldEnd;
    chunks.push({ at: end, bytes: reader.slice(headerLength + oldEnd, gap) });
    const target = end + gap;
    const edited = editPart(reader, headerLength + start, length, (section, offsets) =>
      move(name(section), part, offsets),
    );
    for (const [from, to] of edited.fields)
      fields.set(
        from,
        to.map((offset) => offset + headerLength + target),
      );
    chunks.push({ at: target, bytes: edited.bytes });
    view.setUint32(at, target, true);
    view.setUint32(at + 4, edited.bytes.length, true);
    oldEnd = start + length;
    end = target + edited.bytes.length;
  }
  const rest = bytes.subarray(headerLength + oldEnd);
  const out = new Uint8Array(headerLength + end + rest.length);
  out.set(header);
  for (const chunk of chunks) out.set(chunk.bytes, headerLength + chunk.at);
  out.set(rest, headerLength + end);
  return { bytes: out, fields };
}

/** One part; `fields` has old offsets in the whole section and new ones in the part. */
function editPart(
  reader: ByteReader,
  start: number,
  length: number,
  move: (section: number, offsets: readonly number[]) => readonly MovedRecord[] | undefined,
): EditedExt {
  const size = reader.u32(start);
  const out: number[] = [];
  const fields = new Map<number, number[]>();
  const copy = (at: number, count: number): void => {
    for (const byte of reader.slice(at, count)) out.push(byte);
  };
  const word = (value: number): void => {
    out.push(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  };
  word(size);
  for (let at = start + 4; at < start + length; ) {
    const section = reader.u32(at);
    const count = reader.u32(at + 4);
    const first = at + 8;
    const offsets = Array.from({ length: count }, (_, i) => reader.u32(first + size * i));
    const records = move(section, offsets) ?? offsets.map((offset, record) => ({ record, offset }));
    at = first + size * count;
    // Loaders refuse a section without records.
    if (records.length === 0) continue;
    word(section);
    word(records.length);
    for (const { record, offset } of records) {
      const from = first + size * record;
      for (let field = 0; field < size; field += 4) {
        const list = fields.get(from + field) ?? [];
        list.push(out.length + field);
        fields.set(from + field, list);
      }
      word(offset);
      copy(from + 4, size - 4);
    }
  }
  // Likewise a part without sections: its length is then 0.
  return out.length === 4 ? { bytes: new Uint8Array(0), fields } : { bytes: Uint8Array.from(out), fields };
}
