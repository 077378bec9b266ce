/**
 * Replaces functions of an object file by other code and mends all that counts slots: sizes, symbols, relocations,
 * calls, function addresses, and the records of `.BTF.ext`. Everything else stays byte for byte; where no instruction
 * changes, so does the file.
 *
 * References stay what they are in the file: an instruction says from which slot of the input its relocation and its
 * CO-RE record come, and they go where it goes (twice if it stands twice, nowhere if it is gone). DWARF can't follow:
 * its line programs and location lists count bytes of code. It is taken out, as `llvm-strip -g` does, and named;
 * source lines are in `.BTF.ext`, where loaders and disassemblers find them.
 */
import { InternalError, UnsupportedError } from '../../base/index.js';
import { encodeInsns, type Insn, insnSize, op } from '../../isa/index.js';
import { Btf } from '../btf.js';
import { type CodeSection, readCode, referredSlot } from '../code.js';
import { type Elf, type ElfSymbol, plainBytes, readElf, STT_FUNC, STT_SECTION } from '../elf.js';
import { editBtfExt } from './edit-btf-ext.js';
import { layOut, type Part, partsOf, sectionNumbers, shInfo, shLink } from './elf-layout.js';
import { type FunctionEdit, MovedCode } from './moved-code.js';
import { moveRecords } from './moved-records.js';

/** The outcome of {@link editElf}. */
export interface EditedElf {
  readonly bytes: Uint8Array;
  /** Names of sections that could not follow and were taken out. */
  readonly dropped: readonly string[];
}

const SHT_SYMTAB = 2;
const SHT_RELA = 4;
const SHT_REL = 9;
const SHT_GROUP = 17;
const SHT_LLVM_ADDRSIG = 0x6fff4c03;
/** Widths in bytes of what relocations mend in data, by type; others than these point to no code. */
const dataWidths: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [2, 8],
  [3, 4],
  [4, 4],
]);

/**
 * The file with new code for some functions. Throws UnsupportedError for what can't be kept: references into the
 * middle of a function from outside of it, sections bound into groups.
 */
export function editElf(bytes: Uint8Array, edits: readonly FunctionEdit[]): EditedElf {
  return new ElfEditor(plainBytes(bytes), edits).run();
}

/** One edit of one file, part by part. Order matters: code first, since everything else asks where slots went. */
class ElfEditor {
  private readonly bytes: Uint8Array;
  private readonly elf: Elf;
  private readonly parts: Part[];
  private readonly code: ReadonlyMap<number, CodeSection>;
  private readonly moved = new Map<number, MovedCode>();
  private readonly dropped: string[] = [];

  constructor(bytes: Uint8Array, edits: readonly FunctionEdit[]) {
    this.bytes = bytes;
    this.elf = readElf(bytes);
    this.parts = partsOf(bytes, this.elf);
    this.code = readCode(this.elf);
    for (const [index, code] of this.code) {
      this.moved.set(
        index,
        new MovedCode(
          code,
          edits.filter((edit) => edit.section === index),
        ),
      );
    }
  }

  run(): EditedElf {
    const isChanged = [...this.moved.values()].some((code) => code.isChanged);
    if (!isChanged) return { bytes: layOut(this.bytes, this.parts), dropped: [] };
    this.dropDwarf();
    const extFields = this.editExt();
    for (const [index, code] of this.code) this.part(index).content = this.newCode(code);
    this.mendData();
    this.renumber(extFields);
    return { bytes: layOut(this.bytes, this.parts), dropped: this.dropped };
  }

  /** A section by its number in the input. */
  private part(index: number): Part {
    const part = this.parts[index];
    if (part === undefined) throw new InternalError('edit', `no section ${index}`);
    return part;
  }

  /** DWARF speaks of addresses in code that has moved; a file without it loads as well. */
  private dropDwarf(): void {
    for (const part of this.parts) {
      if (!/^(\.rela?)?\.(debug_|zdebug_|eh_frame)/.test(part.name)) continue;
      part.dropped = true;
      if (part.type !== SHT_REL && part.type !== SHT_RELA) this.dropped.push(part.name);
    }
  }

  /** The section's code with its references to functions as the new places have them. */
  private newCode(code: CodeSection): Uint8Array {
    const moved = this.moved.get(code.index) as MovedCode; // made for each code section
    const symbols = new Map<CodeSection, ReadonlyMap<number, ElfSymbol>>();
    const symbolAt = (section: CodeSection, slot: number): ElfSymbol | undefined => {
      const known = symbols.get(section) ?? symbolsOf(section);
      symbols.set(section, known);
      return known.get(slot);
    };
    const insns = moved.slots.map(({ insn, refers, from }, at): Insn => {
      const home = from === undefined ? code : this.code.get(from);
      const old = home?.insns[refers];
      if (home === undefined || old === undefined) return insn;
      const symbol = symbolAt(home, refers);
      if (symbol !== undefined) {
        const target = this.moved.get(symbol.section ?? -1);
        if (target === undefined) return insn;
        const slot = this.placeIn(target, referredSlot(old, symbol), symbol.name);
        const base = this.newValue(symbol);
        const imm = old.code === op.LDDW ? slot * insnSize - base : slot - base / insnSize - 1;
        return { ...insn, imm };
      }
      const isLocal =
        (insn.code === op.CALL_OP && insn.src === op.CALL_LOCAL) ||
        (insn.code === op.LDDW && insn.src === op.PSEUDO_FUNC);
      if (!isLocal) return insn;
      if (home !== code) throw new UnsupportedError(`a call by distance out of \`${home.name}\` into \`${code.name}\``);
      return { ...insn, imm: this.placeIn(moved, refers + 1 + old.imm, code.name) - at - 1 };
    });
    return encodeInsns(insns);
  }

  /** Where a slot has gone. Throws UnsupportedError for one in the middle of a function that changed. */
  private placeIn(code: MovedCode, slot: number, name: string): number {
    const place = code.place(slot);
    if (place !== undefined) return place;
    throw new UnsupportedError(
      `something refers to slot ${slot} of \`${name}\`, in the middle of a function that changes`,
    );
  }

  /** A symbol's value after the edit; undefined: its place is gone. */
  private valueOf(symbol: ElfSymbol): number | undefined {
    const code = this.moved.get(symbol.section ?? -1);
    if (code === undefined || symbol.type === STT_SECTION) return symbol.value;
    const place = code.place(symbol.value / insnSize);
    return place === undefined ? undefined : place * insnSize;
  }

  /** A symbol's value after the edit. */
  private newValue(symbol: ElfSymbol): number {
    const value = this.valueOf(symbol);
    if (value !== undefined) return value;
    throw new UnsupportedError(`something refers to \`${symbol.name}\`, a place within a function that changes`);
  }

  /** Moves the records of `.BTF.ext`; returns where the fields went that relocations mend. */
  private editExt(): ReadonlyMap<number, readonly number[]> {
    const ext = this.parts.find((part) => part.name === '.BTF.ext' && part.content.length > 0);
    const types = this.parts.find((part) => part.name === '.BTF' && part.content.length > 0);
    if (ext === undefined || types === undefined) return new Map();
    const btf = new Btf(types.content, '.BTF');
    const byName = new Map([...this.code.values()].map((code) => [code.name, code]));
    const edited = editBtfExt(
      ext.content,
      (at) => btf.string(at),
      (section, part, all) => {
        const code = byName.get(section);
        const moved = this.moved.get(code?.index ?? -1);
        if (code === undefined || moved?.isChanged !== true) return undefined;
        const records = [...all].flatMap(([name, offsets]) => {
          const home = byName.get(name)?.index;
          return home === undefined ? [] : [{ section: home, name, offsets }];
        });
        return moveRecords(moved, code.index, part, records);
      },
    );
    ext.content = edited.bytes;
    return edited.fields;
  }

  /** Addresses of code that lie in data: functions of `.struct_ops`, programs in the slots of a program array. */
  private mendData(): void {
    for (const table of this.parts) {
      if ((table.type !== SHT_REL && table.type !== SHT_RELA) || table.dropped) continue;
      const target = this.parts[table.header.getUint32(shInfo, true)];
      if (target === undefined || target.index === 0 || target.name === '.BTF.ext' || this.code.has(target.index))
        continue;
      const entry = table.type === SHT_RELA ? 24 : 16;
      const rows = new DataView(table.content.buffer, table.content.byteOffset, table.content.byteLength);
      for (let at = 0; at + entry <= table.content.length; at += entry) {
        const symbol = this.elf.symbols[rows.getUint32(at + 12, true)];
        const code = this.moved.get(symbol?.section ?? -1);
        if (symbol === undefined || code === undefined || !code.isChanged) continue;
        const width = dataWidths.get(rows.getUint32(at + 8, true));
        if (width === undefined || entry === 24) {
          throw new UnsupportedError(`a relocation of \`${symbol.name}\` that is not known`, { section: table.name });
        }
        this.mendWord(target, Number(rows.getBigUint64(at, true)), width, symbol, code);
      }
    }
  }

  /** A word of data that holds a function's place as an addend. */
  private mendWord(part: Part, offset: number, width: number, symbol: ElfSymbol, code: MovedCode): void {
    if (offset + width > part.content.length) return;
    const view = new DataView(part.content.buffer, part.content.byteOffset, part.content.byteLength);
    const addend = width === 8 ? Number(view.getBigInt64(offset, true)) : view.getInt32(offset, true);
    const place = this.placeIn(code, (symbol.value + addend) / insnSize, symbol.name) * insnSize;
    const changed = place - this.newValue(symbol);
    if (changed === addend) return;
    part.content = part.content.slice();
    const out = new DataView(part.content.buffer);
    if (width === 8) out.setBigInt64(offset, BigInt(changed), true);
    else out.setInt32(offset, changed, true);
  }

  /** Symbol table, relocations and everything that names sections or symbols by number. */
  private renumber(extFields: ReadonlyMap<number, readonly number[]>): void {
    const sections = sectionNumbers(this.parts);
    const symtab = this.parts.find((part) => part.type === SHT_SYMTAB);
    const symbols = symtab === undefined ? [] : this.editSymbols(symtab, sections);
    const foreign = this.foreignRelocations(symbols);
    for (const part of this.parts) {
      if (part.dropped) continue;
      if (part.type === SHT_GROUP) {
        throw new UnsupportedError('sections that are bound into groups (COMDAT)', { section: part.name });
      }
      if (part.type === SHT_REL || part.type === SHT_RELA) this.editRelocations(part, symbols, extFields, foreign);
      if (part.type === SHT_LLVM_ADDRSIG) part.content = renumberList(part.content, symbols);
      const { header } = part;
      header.setUint32(shLink, sections[header.getUint32(shLink, true)] ?? 0, true);
      if (part.type === SHT_REL || part.type === SHT_RELA) {
        header.setUint32(shInfo, sections[header.getUint32(shInfo, true)] ?? 0, true);
      }
    }
  }

  /** New number of each symbol; undefined: it is gone. */
  private editSymbols(part: Part, sections: readonly (number | undefined)[]): (number | undefined)[] {
    const input = part.content;
    const rows: Uint8Array[] = [];
    let locals = 0;
    const oldLocals = part.header.getUint32(shInfo, true);
    const numbers = this.elf.symbols.map((symbol, index) => {
      const row = input.slice(24 * index, 24 * (index + 1));
      const view = new DataView(row.buffer);
      const value = this.valueOf(symbol);
      if (symbol.section !== undefined) {
        const section = sections[symbol.section];
        if (section === undefined || value === undefined) return undefined;
        view.setUint16(6, section, true);
      }
      if (value !== undefined) view.setBigUint64(8, BigInt(value), true);
      const code = this.moved.get(symbol.section ?? -1);
      if (code !== undefined && symbol.type === STT_FUNC && value !== undefined) {
        const last = (symbol.value + symbol.size) / insnSize;
        const end = (code.end(last) ?? this.placeIn(code, last, symbol.name)) * insnSize;
        view.setBigUint64(16, BigInt(end - value), true);
      }
      if (index < oldLocals) locals++;
      return rows.push(row) - 1;
    });
    part.content = concat(rows);
    part.header.setUint32(shInfo, locals, true);
    return numbers;
  }

  /** Relocations of instructions that have gone into other sections, by the section that they are in now. */
  private foreignRelocations(symbols: readonly (number | undefined)[]): ReadonlyMap<number, readonly RelocationRow[]> {
    const found = new Map<number, RelocationRow[]>();
    for (const part of this.parts) {
      if (part.dropped || (part.type !== SHT_REL && part.type !== SHT_RELA)) continue;
      const home = part.header.getUint32(shInfo, true);
      if (!this.code.has(home)) continue;
      for (const row of rowsOf(part)) {
        const offset = Number(new DataView(row.buffer).getBigUint64(0, true));
        for (const [index, code] of this.moved) {
          const places = index === home ? [] : code.copiesOf(home, Math.floor(offset / insnSize));
          const list = found.get(index) ?? [];
          for (const place of places)
            list.push(this.movedRow(part, row, symbols, place * insnSize + (offset % insnSize)));
          found.set(index, list);
        }
      }
    }
    return found;
  }

  /** Relocations of moved code follow their instructions: none, one, or as many as there are copies. */
  private editRelocations(
    part: Part,
    symbols: readonly (number | undefined)[],
    extFields: ReadonlyMap<number, readonly number[]>,
    foreign: ReadonlyMap<number, readonly RelocationRow[]>,
  ): void {
    const target = this.parts[part.header.getUint32(shInfo, true)];
    const code = this.moved.get(target?.index ?? -1);
    const home = target?.index ?? -1;
    const rows = code === undefined ? [] : [...(foreign.get(home) ?? [])];
    for (const row of rowsOf(part)) {
      const offset = Number(new DataView(row.buffer).getBigUint64(0, true));
      const offsets = newOffsets(offset, home, code, target?.name === '.BTF.ext' ? extFields : undefined);
      for (const to of offsets) rows.push(this.movedRow(part, row, symbols, to));
    }
    if (code?.isChanged === true) rows.sort((a, b) => a.offset - b.offset);
    part.content = concat(rows.map(({ row }) => row));
  }

  /** A relocation with its new place and the new number of its symbol. */
  private movedRow(
    part: Part,
    row: Uint8Array,
    symbols: readonly (number | undefined)[],
    offset: number,
  ): RelocationRow {
    const copy = row.slice();
    const view = new DataView(copy.buffer);
    const symbol = symbols[view.getUint32(12, true)];
    if (symbol === undefined) {
      const name = this.elf.symbols[view.getUint32(12, true)]?.name ?? '';
      throw new UnsupportedError(`a relocation names \`${name}\`, whose place is gone`, { section: part.name });
    }
    view.setUint32(12, symbol, true);
    view.setBigUint64(0, BigInt(offset), true);
    return { offset, row: copy };
  }
}

/** A row of a relocation section, and the place that it mends. */
interface RelocationRow {
  readonly offset: number;
  readonly row: Uint8Array;
}

/** The rows of a relocation section, each in bytes of its own. */
function rowsOf({ type, content }: Part): Uint8Array[] {
  const entry = type === SHT_RELA ? 24 : 16;
  return Array.from({ length: Math.floor(content.length / entry) }, (_, i) =>
    content.slice(entry * i, entry * (i + 1)),
  );
}

/** Symbols that a section's relocations name, by slot. */
function symbolsOf({ relocations }: CodeSection): ReadonlyMap<number, ElfSymbol> {
  return new Map(relocations.map(({ offset, symbol }) => [offset / insnSize, symbol]));
}

/** Where a relocation's place went. */
function newOffsets(
  offset: number,
  section: number,
  code: MovedCode | undefined,
  fields: ReadonlyMap<number, readonly number[]> | undefined,
): readonly number[] {
  if (fields !== undefined && fields.size > 0) return fields.get(offset) ?? [];
  if (code === undefined) return [offset];
  const places = code.copiesOf(section, Math.floor(offset / insnSize));
  return places.map((place) => place * insnSize + (offset % insnSize));
}

function concat(rows: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    out.set(row, at);
    at += row.length;
  }
  return out;
}

/** A list of symbol numbers in ULEB128, without those that are gone. */
function renumberList(bytes: Uint8Array, symbols: readonly (number | undefined)[]): Uint8Array {
  const out: number[] = [];
  let value = 0;
  let shift = 0;
  for (const byte of bytes) {
    value |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte >= 0x80) continue;
    let number = symbols[value];
    value = 0;
    shift = 0;
    if (number === undefined) continue;
    for (; number >= 0x80; number >>>= 7) out.push((number & 0x7f) | 0x80);
    out.push(number);
  }
  return Uint8Array.from(out);
}
