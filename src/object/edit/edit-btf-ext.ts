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
  /** Name of the code section that the record was of. */
  readonly section: string;
  /** Index among that section's records in this part, in the order of the file. */
  readonly record: number;
  readonly offset: number;
}

/**
 * The records that a code section is to have in a part, of those that all sections had: offsets in bytes by name of
 * the section. Undefined: its own stay as they are.
 */
export type MoveRecords = (
  section: string,
  part: ExtPart,
  offsets: ReadonlyMap<string, readonly number[]>,
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
  const tables = present.map(({ start, length }) => tablesOf(reader, headerLength + start, length, name));
  // A section that has records of one kind may get some of another one.
  const sections = new Map(tables.flatMap((table) => table.map((each) => [each.name, each.section])));
  for (const [i, { part, at, start, length }] of present.entries()) {
    if (start < oldEnd) throw new UnsupportedError('its parts overlap', reader.place(at));
    const gap = start - oldEnd;
    chunks.push({ at: end, bytes: reader.slice(headerLength + oldEnd, gap) });
    const target = end + gap;
    const edited = editPart(reader, headerLength + start, tables[i] ?? [], sections, (section, offsets) =>
      move(section, part, offsets),
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

/** The records of one code section in a part. */
interface SectionTable {
  readonly name: string;
  /** Offset of the name in the BTF string table. */
  readonly section: number;
  /** Where the first record lies. */
  readonly first: number;
  /** Of the records' instructions, in bytes. */
  readonly offsets: readonly number[];
}

function tablesOf(reader: ByteReader, start: number, length: number, name: (offset: number) => string): SectionTable[] {
  const size = reader.u32(start);
  const found: SectionTable[] = [];
  for (let at = start + 4; at < start + length; ) {
    const section = reader.u32(at);
    const count = reader.u32(at + 4);
    const first = at + 8;
    const offsets = Array.from({ length: count }, (_, i) => reader.u32(first + size * i));
    found.push({ name: name(section), section, first, offsets });
    at = first + size * count;
  }
  return found;
}

/** One part; `fields` has old offsets in the whole section and new ones in the part. */
function editPart(
  reader: ByteReader,
  start: number,
  tables: readonly SectionTable[],
  sections: ReadonlyMap<string, number>,
  move: (section: string, offsets: ReadonlyMap<string, readonly number[]>) => readonly MovedRecord[] | undefined,
): EditedExt {
  const size = reader.u32(start);
  const out: number[] = [];
  const fields = new Map<number, number[]>();
  const word = (value: number): void => {
    out.push(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  };
  const byName = new Map(tables.map((table) => [table.name, table]));
  const offsets = new Map(tables.map((table) => [table.name, table.offsets]));
  word(size);
  const others = [...sections].filter(([name]) => !byName.has(name));
  for (const [name, section] of [...tables.map((table) => [table.name, table.section] as const), ...others]) {
    const own = byName.get(name)?.offsets ?? [];
    const records = move(name, offsets) ?? own.map((offset, record) => ({ section: name, record, offset }));
    // Loaders refuse a section without records.
    if (records.length === 0) continue;
    word(section);
    word(records.length);
    for (const { section: home, record, offset } of records) {
      const from = (byName.get(home)?.first ?? 0) + size * record;
      for (let field = 0; field < size; field += 4) {
        const list = fields.get(from + field) ?? [];
        list.push(out.length + field);
        fields.set(from + field, list);
      }
      word(offset);
      for (const byte of reader.slice(from + 4, size - 4)) out.push(byte);
    }
  }
  // Likewise a part without sections: its length is then 0.
  return out.length === 4 ? { bytes: new Uint8Array(0), fields } : { bytes: Uint8Array.from(out), fields };
}
