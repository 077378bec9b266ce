/**
 * Writes an object image as an ELF64 file of BPF programs that libbpf loads. Layout: header, section contents in
 * order, section headers. Sections: code, `.rel*` of code and maps, `.maps`, data, `license`, `version`, `.BTF`,
 * `.BTF.ext`, symbols, strings.
 *
 * What libbpf insists on, and so is done here: a call of a function in another section is a relocation against
 * `.text`; a call within the section is none; map references go to the map's symbol, data references to the section's
 * symbol with the offset in the instruction; maps are defined by BTF.
 */
import { encodeUtf8, InputError } from '../base/index.js';
import { encodeInsns, type Insn, insnSize, op } from '../isa/index.js';
import {
  SHF_EXECINSTR,
  SHT_NOBITS,
  SHT_PROGBITS,
  STB_LOCAL,
  STB_WEAK,
  STT_FUNC,
  STT_NOTYPE,
  STT_SECTION,
} from './elf.js';
import type { CodeImage, FunctionImage, ObjectImage } from './image.js';
import { dataSymbol, type WrittenBtf, writeBtf } from './write-btf.js';

const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_REL = 9;
const SHF_WRITE = 1;
const SHF_ALLOC = 2;
const STB_GLOBAL = 1;
const STT_OBJECT = 1;
const EM_BPF = 247;

const R_BPF_64_64 = 1;
const R_BPF_64_ABS64 = 2;
const R_BPF_64_32 = 10;

/** A section header with its content. */
interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
  /** Of NOBITS sections, which have no bytes. */
  readonly size: number;
  readonly align: number;
  readonly entry: number;
  link: number;
  info: number;
}

/** A symbol; local ones have to stand before global ones (sh_info). */
interface Symbol {
  readonly name: string;
  readonly type: number;
  readonly bind: number;
  readonly section: number;
  readonly value: number;
  readonly size: number;
}

/** R_BPF_64_64 for loads, R_BPF_64_32 for calls, R_BPF_64_ABS64 for values of maps. */
interface Relocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: Symbol;
}

/** The bytes of the object file. Throws InputError for a reference to what the image does not hold. */
export function writeElf(image: ObjectImage): Uint8Array {
  return new ElfWriter(image).run();
}

/** Writes one file. Sections are numbered as they are added. */
class ElfWriter {
  private readonly image: ObjectImage;
  private readonly btf: WrittenBtf;
  private readonly sections: Section[] = [];
  private readonly symbols: Symbol[] = [];
  private readonly byName = new Map<string, Symbol>();
  private readonly homes = new Map<string, { readonly code: CodeImage; readonly fn: FunctionImage }>();

  constructor(image: ObjectImage) {
    this.image = image;
    this.btf = writeBtf(image);
    for (const code of image.code) for (const fn of code.functions) this.homes.set(fn.name, { code, fn });
  }

  /** Symbols need numbers of sections, relocations need symbols: sections of code and maps come first. */
  run(): Uint8Array {
    const { image } = this;
    this.addSection('', 0, 0, new Uint8Array(0), { align: 0 });
    const code = image.code.map((section) => ({
      section,
      at: this.addSection(section.name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, encodeInsns(this.codeOf(section))),
    }));
    const maps = image.maps.length > 0 ? this.addMaps() : undefined;
    for (const data of image.data) {
      const bss = data.name === '.bss' || data.name.startsWith('.bss.');
      const flags = data.name.startsWith('.rodata') ? SHF_ALLOC : SHF_ALLOC | SHF_WRITE;
      const bytes = bss ? new Uint8Array(0) : data.bytes;
      const at = this.addSection(data.name, bss ? SHT_NOBITS : SHT_PROGBITS, flags, bytes, { size: data.bytes.length });
      this.addSymbol({ name: data.name, type: STT_SECTION, bind: STB_LOCAL, section: at, value: 0, size: 0 });
      if (data.mmapable) {
        const size = data.bytes.length;
        const name = dataSymbol(data.name);
        this.addSymbol({ name, type: STT_OBJECT, bind: STB_GLOBAL, section: at, value: 0, size });
      }
    }
    this.addText('license', image.license);
    if (image.version !== 0) this.addSection('version', SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, word32(image.version));
    for (const { section, at } of code) {
      if (section.name === '.text') {
        this.addSymbol({ name: '.text', type: STT_SECTION, bind: STB_LOCAL, section: at, value: 0, size: 0 });
      }
      this.addFunctions(section, at);
    }
    for (const { name, weak } of image.externs) {
      this.addSymbol({ name, type: STT_NOTYPE, bind: weak ? STB_WEAK : STB_GLOBAL, section: 0, value: 0, size: 0 });
    }
    this.addSection('.BTF', SHT_PROGBITS, 0, this.btf.btf, { align: 4 });
    this.addSection('.BTF.ext', SHT_PROGBITS, 0, this.btf.ext, { align: 4 });
    const pending = code.map(({ section, at }) => ({ at, relocations: this.codeRelocations(section) }));
    if (maps !== undefined) pending.push({ at: maps, relocations: this.mapRelocations() });
    this.addTables(pending.filter(({ relocations }) => relocations.length > 0));
    return this.layOut();
  }

  private addSection(
    name: string,
    type: number,
    flags: number,
    bytes: Uint8Array,
    more: { size?: number; align?: number; entry?: number; link?: number; info?: number } = {},
  ): number {
    const { size = bytes.length, align = 8, entry = 0, link = 0, info = 0 } = more;
    return this.sections.push({ name, type, flags, bytes, size, align, entry, link, info }) - 1;
  }

  private addSymbol(symbol: Symbol): void {
    this.symbols.push(symbol);
    this.byName.set(symbol.name, symbol);
  }

  private addText(name: string, text: string): void {
    const bytes = encodeUtf8(text);
    const terminated = new Uint8Array(bytes.length + 1);
    terminated.set(bytes);
    this.addSection(name, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, terminated, { align: 1 });
  }

  /** `.maps`: zeros that relocations fill, and a symbol for each map. */
  private addMaps(): number {
    const at = this.addSection('.maps', SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, new Uint8Array(this.btf.mapsSize));
    for (const { map, offset, size } of this.btf.maps) {
      const symbol = { name: map.name, type: STT_OBJECT, bind: STB_GLOBAL, section: at, value: offset, size };
      this.addSymbol(symbol);
    }
    return at;
  }

  private addFunctions(code: CodeImage, at: number): void {
    for (const fn of code.functions) {
      const bind = fn.global ? STB_GLOBAL : STB_LOCAL;
      const value = fn.start * insnSize;
      const size = (fn.end - fn.start) * insnSize;
      this.addSymbol({ name: fn.name, type: STT_FUNC, bind, section: at, value, size });
    }
  }

  /**
   * Instructions as they are in the file: references within the section resolved, the others as relocations want them.
   */
  private codeOf(code: CodeImage): Insn[] {
    const insns = [...code.insns];
    for (const { slot, kind, symbol, addend } of code.references) {
      const insn = insns[slot];
      if (insn === undefined) continue;
      const home = this.homes.get(symbol);
      if (kind === 'call') {
        const here = home !== undefined && home.code === code;
        insns[slot] = { ...insn, src: op.CALL_LOCAL, imm: here ? home.fn.start - slot - 1 : -1 };
      } else if (home === undefined) insns[slot] = { ...insn, imm: (addend ?? 0) | 0 };
      // libbpf takes the address of a static function only through its section's symbol.
      else if (home.code.name === '.text') insns[slot] = { ...insn, imm: home.fn.start * insnSize };
      else insns[slot] = { ...insn, src: op.PSEUDO_FUNC, imm: home.fn.start - slot - 1 };
    }
    return insns;
  }

  /** References of one code section; a call within it needs none. */
  private codeRelocations(code: CodeImage): Relocation[] {
    const relocations: Relocation[] = [];
    for (const { slot, kind, symbol } of code.references) {
      const home = this.homes.get(symbol);
      const text = home?.code.name === '.text';
      if (home?.code === code && (kind === 'call' || !text)) continue;
      const name = kind === 'load' && text ? '.text' : symbol;
      const target = this.symbolNamed(name, `code section \`${code.name}\``);
      relocations.push({ offset: slot * insnSize, type: kind === 'call' ? R_BPF_64_32 : R_BPF_64_64, symbol: target });
    }
    return relocations;
  }

  /** What the slots of maps hold. */
  private mapRelocations(): Relocation[] {
    const relocations: Relocation[] = [];
    for (const { map, valuesAt } of this.btf.maps) {
      for (const [slot, name] of map.values?.slots ?? []) {
        const symbol = this.symbolNamed(name, `map \`${map.name}\``);
        relocations.push({ offset: (valuesAt ?? 0) + 8 * slot, type: R_BPF_64_ABS64, symbol });
      }
    }
    return relocations.sort((a, b) => a.offset - b.offset);
  }

  /** The symbol that a reference names. Throws InputError where nothing defines it. */
  private symbolNamed(name: string, where: string): Symbol {
    const found = this.byName.get(name);
    if (found === undefined) throw new InputError(`${where} refers to \`${name}\`, which is not defined`);
    return found;
  }

  /** Relocations, symbols (local ones first, as ELF wants) and strings. */
  private addTables(pending: readonly { at: number; relocations: readonly Relocation[] }[]): void {
    const local = this.symbols.filter((symbol) => symbol.bind === STB_LOCAL);
    const ordered = [...local, ...this.symbols.filter((symbol) => symbol.bind !== STB_LOCAL)];
    const index = new Map(ordered.map((symbol, i) => [symbol, i + 1]));
    const symtab = this.sections.length + pending.length;
    for (const { at, relocations } of pending) {
      const bytes = new Uint8Array(16 * relocations.length);
      const view = new DataView(bytes.buffer);
      for (const [i, { offset, type, symbol }] of relocations.entries()) {
        view.setUint32(16 * i, offset, true);
        view.setUint32(16 * i + 8, type, true);
        view.setUint32(16 * i + 12, index.get(symbol) ?? 0, true);
      }
      const name = `.rel${this.sections[at]?.name ?? ''}`;
      this.addSection(name, SHT_REL, 0, bytes, { entry: 16, link: symtab, info: at });
    }
    const strings = new StringTable();
    const bytes = new Uint8Array(24 * (ordered.length + 1));
    const view = new DataView(bytes.buffer);
    for (const [i, symbol] of ordered.entries()) {
      const at = 24 * (i + 1);
      view.setUint32(at, symbol.type === STT_SECTION ? 0 : strings.offset(symbol.name), true);
      view.setUint8(at + 4, (symbol.bind << 4) | symbol.type);
      view.setUint16(at + 6, symbol.section, true);
      view.setUint32(at + 8, symbol.value, true);
      view.setUint32(at + 16, symbol.size, true);
    }
    this.addSection('.symtab', SHT_SYMTAB, 0, bytes, { entry: 24, link: symtab + 1, info: local.length + 1 });
    this.addSection('.strtab', SHT_STRTAB, 0, strings.bytes(), { align: 1 });
  }

  /** Header, contents, then section headers. */
  private layOut(): Uint8Array {
    const names = new StringTable();
    for (const section of this.sections) names.offset(section.name);
    names.offset('.shstrtab');
    this.addSection('.shstrtab', SHT_STRTAB, 0, names.bytes(), { align: 1 });
    let end = 64;
    const offsets = this.sections.map(({ bytes, align }) => {
      const at = align > 1 ? Math.ceil(end / align) * align : end;
      end = at + bytes.length;
      return at;
    });
    const headers = Math.ceil(end / 8) * 8;
    const file = new Uint8Array(headers + 64 * this.sections.length);
    const view = new DataView(file.buffer);
    file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    view.setUint16(16, 1, true);
    view.setUint16(18, EM_BPF, true);
    view.setUint32(20, 1, true);
    view.setUint32(40, headers, true);
    view.setUint16(52, 64, true);
    view.setUint16(58, 64, true);
    view.setUint16(60, this.sections.length, true);
    view.setUint16(62, this.sections.length - 1, true);
    for (const [i, section] of this.sections.entries()) {
      file.set(section.bytes, offsets[i]);
      const at = headers + 64 * i;
      if (i === 0) continue;
      view.setUint32(at, names.offset(section.name), true);
      view.setUint32(at + 4, section.type, true);
      view.setUint32(at + 8, section.flags, true);
      view.setUint32(at + 24, offsets[i] ?? 0, true);
      view.setUint32(at + 32, section.size, true);
      view.setUint32(at + 40, section.link, true);
      view.setUint32(at + 44, section.info, true);
      view.setUint32(at + 48, section.align, true);
      view.setUint32(at + 56, section.entry, true);
    }
    return file;
  }
}

/** Strings with zeros between them, each once; the empty one is at 0. */
class StringTable {
  private readonly pieces: number[] = [0];
  private readonly known = new Map<string, number>([['', 0]]);

  offset(text: string): number {
    const found = this.known.get(text);
    if (found !== undefined) return found;
    const at = this.pieces.length;
    for (const byte of encodeUtf8(text)) this.pieces.push(byte);
    this.pieces.push(0);
    this.known.set(text, at);
    return at;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.pieces);
  }
}

function word32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
