/**
 * The parts of ELF64 that object files of BPF programs use (System V gABI, chapter 4): the header, the section table,
 * symbols and relocations. Offsets of the structures' fields:
 *
 *     header   ident[16], type u16 @16, machine u16 @18, shoff u64 @40,
 *              shentsize u16 @58, shnum u16 @60, shstrndx u16 @62
 *     section  name u32, type u32 @4, flags u64 @8, offset u64 @24, size u64 @32,
 *              link u32 @40, info u32 @44, entsize u64 @56
 *     symbol   name u32, info u8 @4 (bind:4 type:4), other u8 @5, shndx u16 @6, value u64 @8, size u64 @16
 *     rel      offset u64, info u64 @8 (symbol:32 type:32); rela adds an addend
 */
import { decodeUtf8, InputError, UnsupportedError } from '../base/index.js';
import { ByteReader } from './byte-reader.js';

/** Section types (sh_type): content that lies in the file, */
export const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_RELA = 4;
/** and content that is all zeros and takes no room in it (`.bss`). */
export const SHT_NOBITS = 8;
const SHT_REL = 9;
/** Section flag: instructions. How a code section is told from data. */
export const SHF_EXECINSTR = 0x4;

/** Symbol types (low half of st_info): a label, as old compilers and assembly mark functions; */
export const STT_NOTYPE = 0;
/** a function with its size; */
export const STT_FUNC = 2;
/** and a section itself, to which addresses of static data are relative. */
export const STT_SECTION = 3;
/** Symbol bindings (high half of st_info): static, not seen outside of the file; */
export const STB_LOCAL = 0;
/** and weak, which may stay undefined. */
export const STB_WEAK = 2;
const STV_INTERNAL = 1;
const STV_HIDDEN = 2;

const SHN_UNDEF = 0;
const SHN_LORESERVE = 0xff00;
const SHN_ABS = 0xfff1;
const SHN_COMMON = 0xfff2;

const EM_NONE = 0;
const EM_BPF = 247;

/** Machines that people try by mistake. */
const machineNames: ReadonlyMap<number, string> = new Map([
  [3, 'i386'],
  [8, 'MIPS'],
  [20, 'PowerPC'],
  [21, 'PowerPC64'],
  [22, 'S390'],
  [40, 'Arm'],
  [62, 'x86-64'],
  [183, 'AArch64'],
  [243, 'RISC-V'],
  [258, 'LoongArch'],
  [263, 'sBPF (Solana)'],
]);

const recompile = 'compile for BPF: clang -O2 -g -target bpfel -c prog.c -o prog.o';

/** Longest name that is believed; longer ones are damage and would take time for nothing. */
const maxName = 4096;

/** A row of the section table with the bytes that it stands for. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** sh_type. */
  readonly type: number;
  /** sh_flags, low 32 bits. */
  readonly flags: number;
  /** In the file. */
  readonly offset: number;
  /** Bytes; of SHT_NOBITS sections what they would take in memory. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
  /** Empty for SHT_NOBITS. */
  readonly data: Uint8Array;
}

/** A row of the symbol table. */
export interface ElfSymbol {
  readonly index: number;
  readonly name: string;
  /** STT_*. */
  readonly type: number;
  /** STB_*. */
  readonly bind: number;
  /** STV_HIDDEN or STV_INTERNAL. */
  readonly hidden: boolean;
  /** Index of its section; undefined for undefined, absolute and common symbols. */
  readonly section: number | undefined;
  /** Declared here, defined elsewhere. */
  readonly extern: boolean;
  /** Offset in its section. */
  readonly value: number;
  readonly size: number;
}

/** An instruction or a datum that a symbol's address goes into. */
export interface ElfRelocation {
  /** Byte offset in the section that it mends. */
  readonly offset: number;
  /** R_BPF_*. */
  readonly type: number;
  readonly symbol: ElfSymbol;
  /** From an SHT_RELA table, which no loader of BPF reads. */
  readonly hasAddend: boolean;
}

/** A file that was read: its tables, with every index checked. */
export interface Elf {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** The symbols that lie in a section, by its index. */
  readonly symbolsIn: ReadonlyMap<number, readonly ElfSymbol[]>;
  /** Relocations by the index of the section that they mend, in order of offset. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

/**
 * The same bytes as an array whose `slice` copies: that of Node's Buffer does not, and its memory is a pool that others
 * share.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Throws InputError for a damaged file, UnsupportedError for a sound one of another kind. */
export function readElf(bytes: Uint8Array): Elf {
  const file = new ByteReader(plainBytes(bytes));
  checkHeader(file);
  const sections = readSections(file);
  const symbols = readSymbols(sections);
  const symbolsIn = new Map<number, ElfSymbol[]>();
  for (const symbol of symbols) {
    if (symbol.section === undefined) continue;
    const list = symbolsIn.get(symbol.section);
    if (list === undefined) symbolsIn.set(symbol.section, [symbol]);
    else list.push(symbol);
  }
  return { sections, symbols, symbolsIn, relocations: readRelocations(sections, symbols) };
}

/** Refuses what is no ELF64 object for a little-endian BPF machine, each with what it is instead. */
function checkHeader(file: ByteReader): void {
  const { bytes } = file;
  if (bytes.length === 0) throw new InputError('the file is empty', {}, recompile);
  if (bytes.length < 4 || file.u32(0) !== 0x464c457f) {
    const bitcode = bytes.length >= 2 && bytes[0] === 0x42 && bytes[1] === 0x43;
    if (bitcode) throw new UnsupportedError('the file is LLVM bitcode, not an ELF object', {}, recompile);
    throw new InputError('not an ELF object file: it does not start with 0x7f `ELF`', { offset: 0 }, recompile);
  }
  file.need(0, 64, 'the ELF header');
  if (bytes[4] === 1) throw new UnsupportedError('a 32-bit ELF file; BPF objects are ELF64', { offset: 4 }, recompile);
  if (bytes[4] !== 2) throw new InputError(`ELF class ${bytes[4]}`, { offset: 4 }, recompile);
  if (bytes[5] === 2) {
    throw new UnsupportedError(
      'a big-endian object file; only little-endian BPF is read',
      { offset: 5 },
      'compile with `-target bpfel`',
    );
  }
  if (bytes[5] !== 1) throw new InputError(`ELF data encoding ${bytes[5]}`, { offset: 5 }, recompile);
  const machine = file.u16(18);
  if (machine !== EM_BPF && machine !== EM_NONE) {
    const name = machineNames.get(machine) ?? `machine ${machine}`;
    throw new UnsupportedError(`an ELF file for ${name}, not for BPF`, { offset: 18 }, recompile);
  }
  const type = file.u16(16);
  if (type !== 1) {
    const kind = type === 2 ? 'an executable' : type === 3 ? 'a shared object' : `of ELF type ${type}`;
    throw new UnsupportedError(`the file is ${kind}, not a relocatable object`, { offset: 16 }, recompile);
  }
}

/** All section headers with their names; content is a view of the file, bounds checked. */
function readSections(file: ByteReader): ElfSection[] {
  const tableAt = file.size(40);
  const entrySize = file.u16(58);
  const count = file.u16(60);
  if (tableAt === 0 || count === 0) {
    throw new InputError('the object file has no sections', { offset: 40 }, recompile);
  }
  if (entrySize !== 64) throw new InputError(`section headers of ${entrySize} bytes instead of 64`, { offset: 58 });
  file.need(tableAt, count * entrySize, 'the section table');

  let stored = 0;
  const raw = Array.from({ length: count }, (_, index) => {
    const at = tableAt + index * entrySize;
    const type = file.u32(at + 4);
    const offset = file.size(at + 24);
    const size = file.size(at + 32);
    const inFile = type !== 0 && type !== SHT_NOBITS;
    if (inFile) stored += size;
    if (type === SHT_NOBITS && size > 0x4000_0000) {
      throw new InputError(`section ${index} claims ${size} bytes of zeros; 1 GiB is the most`, { offset: at + 32 });
    }
    return {
      nameAt: file.u32(at),
      index,
      type,
      // The 32 low bits hold all flags that matter.
      flags: file.u32(at + 8),
      offset,
      size: type === 0 ? 0 : size,
      link: file.u32(at + 40),
      info: file.u32(at + 44),
      entrySize: file.size(at + 56),
      data: inFile ? file.slice(offset, size, `section ${index}`) : new Uint8Array(0),
    };
  });
  // A small file could otherwise say the same large thing thousands of times.
  if (stored > file.length) {
    throw new InputError(`the sections have ${stored} bytes together and the file ${file.length}: they overlap`, {
      offset: tableAt,
    });
  }
  const names = raw[file.u16(62)];
  if (names === undefined || names.type !== SHT_STRTAB) {
    throw new InputError(`section ${file.u16(62)}, which should hold the section names, is no string table`, {
      offset: 62,
    });
  }
  const table = new NameTable(names.data, names.offset);
  return raw.map(({ nameAt, ...section }) => ({ name: table.at(nameAt), ...section }));
}

/** Most bytes that the names of one table may have together, each counted as often as it is used. */
const maxNames = 64 << 20;

/** A string table. `left` bounds what all names together may take: thousands of symbols may share one long name. */
class NameTable {
  private readonly data: Uint8Array;
  private readonly base: number;
  private left = maxNames;

  constructor(data: Uint8Array, base: number) {
    this.data = data;
    this.base = base;
  }

  at(offset: number): string {
    if (offset === 0) return '';
    const end = this.data.subarray(0, offset + maxName).indexOf(0, offset);
    this.left -= end - offset;
    if (offset >= this.data.length || end < 0 || this.left < 0) {
      throw new InputError('a name does not end within its string table, or is used too often', {
        offset: this.base + offset,
      });
    }
    return decodeUtf8(this.data.subarray(offset, end));
  }
}

/** The symbol table; its first entry is empty by definition and stays, so that indexes are the file's. */
function readSymbols(sections: readonly ElfSection[]): ElfSymbol[] {
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  if (table === undefined) return [];
  const strings = sections[table.link];
  if (strings === undefined || strings.type !== SHT_STRTAB) {
    throw new InputError(`its string table, section ${table.link}, is none`, { section: table.name });
  }
  if (table.entrySize !== 24 || table.size % 24 !== 0) {
    throw new InputError(`${table.size} bytes in entries of ${table.entrySize}; symbols have 24 bytes`, {
      section: table.name,
      offset: table.offset,
    });
  }
  const reader = new ByteReader(table.data, table.name, table.offset);
  const names = new NameTable(strings.data, strings.offset);
  return Array.from({ length: table.size / 24 }, (_, index) => {
    const at = index * 24;
    const info = reader.u8(at + 4);
    const visibility = reader.u8(at + 5) & 3;
    const shndx = reader.u16(at + 6);
    const type = info & 0xf;
    const special = shndx === SHN_UNDEF || shndx >= SHN_LORESERVE;
    if (special && shndx !== SHN_UNDEF && shndx !== SHN_ABS && shndx !== SHN_COMMON) {
      throw new UnsupportedError(`symbol ${index} uses the reserved section index 0x${shndx.toString(16)}`, {
        ...reader.place(at + 6),
      });
    }
    const home = special ? undefined : sections[shndx];
    if (!special && home === undefined) {
      throw new InputError(`symbol ${index} lies in section ${shndx} of ${sections.length}`, reader.place(at + 6));
    }
    const own = names.at(reader.u32(at));
    return {
      index,
      name: own === '' && type === STT_SECTION ? (home?.name ?? '') : own,
      type,
      bind: info >> 4,
      hidden: visibility === STV_HIDDEN || visibility === STV_INTERNAL,
      section: home?.index,
      extern: shndx === SHN_UNDEF && index > 0,
      value: reader.size(at + 8),
      size: reader.size(at + 16),
    };
  });
}

/** Relocations by the section that they are for, sorted by offset. */
function readRelocations(
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
): ReadonlyMap<number, readonly ElfRelocation[]> {
  const result = new Map<number, ElfRelocation[]>();
  for (const table of sections) {
    if (table.type !== SHT_REL && table.type !== SHT_RELA) continue;
    const target = sections[table.info];
    // 0: nothing in particular, as dynamic relocations have it.
    if (table.info === 0) continue;
    if (target === undefined) {
      throw new InputError(`it mends section ${table.info} of ${sections.length}`, { section: table.name });
    }
    // Only code and `.maps` are mended, as by libbpf; what others' relocations look like (debug information's, unwind
    // tables', constant data's) is no concern of ours.
    const isCode = target.type === SHT_PROGBITS && (target.flags & SHF_EXECINSTR) !== 0;
    if (!isCode && target.name !== '.maps') continue;
    const entry = table.type === SHT_RELA ? 24 : 16;
    if (table.entrySize !== entry || table.size % entry !== 0) {
      const what = `${table.size} bytes in entries of ${table.entrySize}; relocations here have ${entry} bytes`;
      throw new InputError(what, { section: table.name, offset: table.offset });
    }
    const reader = new ByteReader(table.data, table.name, table.offset);
    const list = result.get(target.index) ?? [];
    for (let at = 0; at < table.size; at += entry) {
      const offset = reader.size(at);
      const symbol = symbols[reader.u32(at + 12)];
      if (symbol === undefined) {
        throw new InputError(
          `relocation ${at / entry} names symbol ${reader.u32(at + 12)} of ${symbols.length}`,
          reader.place(at + 8),
        );
      }
      if (offset >= target.size) {
        throw new InputError(
          `relocation ${at / entry} mends offset ${offset} of \`${target.name}\`, which has ${target.size} bytes`,
          reader.place(at),
        );
      }
      list.push({ offset, type: reader.u32(at + 8), symbol, hasAddend: entry === 24 });
    }
    result.set(
      target.index,
      list.sort((a, b) => a.offset - b.offset),
    );
  }
  return result;
}
