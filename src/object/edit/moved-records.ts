/** Which records of `.BTF.ext` a code section has once its instructions have moved. */
import { insnSize } from '../../isa/index.js';
import { lowerBound } from '../sorted.js';
import type { ExtPart, MovedRecord } from './edit-btf-ext.js';
import type { MovedCode } from './moved-code.js';

/** Records of one section in one part. */
interface SectionRecords {
  readonly section: number;
  readonly name: string;
  /** Of its instructions, in bytes, as they were. */
  readonly offsets: readonly number[];
}

/**
 * Records of one part for one section, among those of all sections: functions and lines go where their slot goes,
 * CO-RE records with every copy.
 */
export function moveRecords(
  code: MovedCode,
  own: number,
  part: ExtPart,
  all: readonly SectionRecords[],
): MovedRecord[] {
  if (part === 'lines') return moveLines(code, own, all);
  const result: MovedRecord[] = [];
  for (const { section, name, offsets } of all) {
    if (part === 'functions' && section !== own) continue;
    for (const [record, offset] of offsets.entries()) {
      const slot = offset / insnSize;
      const places = part === 'core' ? code.copiesOf(section, slot) : [code.place(slot)];
      for (const place of places)
        if (place !== undefined) result.push({ section: name, record, offset: place * insnSize });
    }
  }
  return result.sort((a, b) => a.offset - b.offset);
}

/** A record wherever the line changes, and at the start of each function, as Linux wants it. */
function moveLines(code: MovedCode, own: number, all: readonly SectionRecords[]): MovedRecord[] {
  const tables = new Map(all.map((each) => [each.section, new LineTable(each)]));
  const table = tables.get(own);
  const records: MovedRecord[] = [];
  // Code that stays keeps its records as they are; edited code has one where the line is another.
  let start = 0;
  const copyKept = (end: number): void => {
    for (; start < end; start++) {
      for (const record of table?.at(start) ?? []) {
        records.push({ ...record, offset: (code.end(start) ?? 0) * insnSize });
      }
    }
  };
  for (const edit of code.edits) {
    copyKept(edit.start);
    const base = code.end(edit.start) ?? 0;
    let current: LineRecord | undefined;
    for (const [i, { line, from = own }] of edit.insns.entries()) {
      const wanted = i === 0 ? table?.before(edit.start) : line < 0 ? current : tables.get(from)?.before(line);
      if (wanted === undefined || (wanted === current && i > 0)) continue;
      current = wanted;
      records.push({ ...wanted, offset: (base + i) * insnSize });
    }
    start = edit.end;
  }
  copyKept(Math.max(start, (table?.last ?? -1) + 1));
  return records;
}

/** Which of a section's line records one is. */
type LineRecord = Pick<MovedRecord, 'section' | 'record'>;

/** Line records of a section as it was, by slot; each is one object, so that equal ones are the same. */
class LineTable {
  /** The last slot that has one; -1: there are none. */
  readonly last: number;
  private readonly bySlot = new Map<number, LineRecord[]>();
  private readonly slots: readonly number[];

  constructor({ name, offsets }: SectionRecords) {
    for (const [record, offset] of offsets.entries()) {
      const slot = offset / insnSize;
      const list = this.bySlot.get(slot);
      if (list === undefined) this.bySlot.set(slot, [{ section: name, record }]);
      else list.push({ section: name, record });
    }
    this.slots = [...this.bySlot.keys()].sort((a, b) => a - b);
    this.last = this.slots.at(-1) ?? -1;
  }

  at(slot: number): readonly LineRecord[] {
    return this.bySlot.get(slot) ?? [];
  }

  /** The record that holds at a slot; several at one place: the first, as readers take it. */
  before(slot: number): LineRecord | undefined {
    const after = lowerBound(this.slots, slot + 1, (each) => each);
    return this.at(this.slots[after - 1] ?? -1)[0];
  }
}
