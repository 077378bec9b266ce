/** Writes small ELF64 files for tests, exactly as told, sound or not. */
import { encodeUtf8 } from '../../base/index.js';
import { encodeInsns, type Insn } from '../../isa/index.js';

/** A section, and the relocations that mend it. */
export interface SectionInput {
  readonly name: string;
  /** Default SHT_PROGBITS. */
  readonly type?: number;
  readonly flags?: number;
  readonly data?: Uint8Array;
  /** Default: that of `data`. */
  readonly size?: number;
  readonly relocations?: readonly { readonly offset: number; readonly type: number; readonly symbol: string }[];
  /** Relocations are written with addends of 0 (SHT_RELA). */
  readonly addends?: boolean;
}

/** A symbol of the file. */
export interface SymbolInput {
  readonly name: string;
  /** Name of its section; none: undefined. A number: a reserved index. */
  readonly section?: string | number;
  readonly value?: number;
  readonly size?: number;
  /** Default STT_NOTYPE. */
  readonly type?: number;
  /** Default STB_GLOBAL. */
  readonly bind?: number;
  readonly other?: number;
}

/** The bytes of a file with these sections in this order, behind the empty one; symbol and string tables are added. */
export function buildElf(sections: readonly SectionInput[], symbols: readonly SymbolInput[]): Uint8Array {
  const names = new Strings();
  const symbolNames = new Strings();
  const all: {
    name: string;
    type: number;
    flags: number;
    data: Uint8Array;
    size: number;
    link: number;
    info: number;
    entry: number;
  }[] = [{ name: '', type: 0, flags: 0, data: new Uint8Array(0), size: 0, link: 0, info: 0, entry: 0 }];
  for (const { name, type = 1, flags = 0, data = new Uint8Array(0), size = data.length } of sections) {
    all.push({ name, type, flags, data, size, link: 0, info: 0, entry: 0 });
  }
  const indexOf = (name: string): number => all.findIndex((section) => section.name === name);
  const symtab = new Uint8Array(24 * (symbols.length + 1));
  const view = new DataView(symtab.buffer);
  for (const [i, symbol] of symbols.entries()) {
    const at = 24 * (i + 1);
    const { section, type = 0, bind = 1 } = symbol;
    view.setUint32(at, symbolNames.add(symbol.name), true);
    view.setUint8(at + 4, (bind << 4) | type);
    view.setUint8(at + 5, symbol.other ?? 0);
    view.setUint16(at + 6, typeof section === 'number' ? section : section === undefined ? 0 : indexOf(section), true);
    view.setBigUint64(at + 8, BigInt(symbol.value ?? 0), true);
    view.setBigUint64(at + 16, BigInt(symbol.size ?? 0), true);
  }
  const relocated = sections.filter((section) => section.relocations !== undefined);
  const symtabIndex = all.length + relocated.length;
  for (const { name, relocations = [], addends } of relocated) {
    const entry = addends ? 24 : 16;
    const data = new Uint8Array(entry * relocations.length);
    const table = new DataView(data.buffer);
    for (const [i, { offset, type, symbol }] of relocations.entries()) {
      table.setBigUint64(entry * i, BigInt(offset), true);
      table.setUint32(entry * i + 8, type, true);
      table.setUint32(entry * i + 12, symbols.findIndex((s) => s.name === symbol) + 1, true);
    }
    all.push({
      name: `.rel${addends ? 'a' : ''}${name}`,
      type: addends ? 4 : 9,
      flags: 0,
      data,
      size: data.length,
      link: symtabIndex,
      info: indexOf(name),
      entry,
    });
  }
  all.push({
    name: '.symtab',
    type: 2,
    flags: 0,
    data: symtab,
    size: symtab.length,
    link: symtabIndex + 1,
    info: 1,
    entry: 24,
  });
  const strings = symbolNames.bytes();
  all.push({ name: '.strtab', type: 3, flags: 0, data: strings, size: strings.length, link: 0, info: 0, entry: 0 });
  for (const section of all) names.add(section.name);
  names.add('.shstrtab');
  const nameBytes = names.bytes();
  all.push({
    name: '.shstrtab',
    type: 3,
    flags: 0,
    data: nameBytes,
    size: nameBytes.length,
    link: 0,
    info: 0,
    entry: 0,
  });

  let end = 64;
  const offsets = all.map((section) => {
    const at = end;
    end = Math.ceil((end + section.data.length) / 8) * 8;
    return at;
  });
  const file = new Uint8Array(end + 64 * all.length);
  const out = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  out.setUint16(16, 1, true);
  out.setUint16(18, 247, true);
  out.setBigUint64(40, BigInt(end), true);
  out.setUint16(58, 64, true);
  out.setUint16(60, all.length, true);
  out.setUint16(62, all.length - 1, true);
  for (const [i, section] of all.entries()) {
    const at = end + 64 * i;
    file.set(section.data, offsets[i]);
    out.setUint32(at, names.add(section.name), true);
    out.setUint32(at + 4, section.type, true);
    out.setBigUint64(at + 8, BigInt(section.flags), true);
    out.setBigUint64(at + 24, BigInt(offsets[i] ?? 0), true);
    out.setBigUint64(at + 32, BigInt(section.size), true);
    out.setUint32(at + 40, section.link, true);
    out.setUint32(at + 44, section.info, true);
    out.setBigUint64(at + 56, BigInt(section.entry), true);
  }
  return file;
}

/** SHF_ALLOC | SHF_EXECINSTR. */
export const executable = 0x6;

/** An instruction of the fields that matter. */
export function insn(code: number, fields: Partial<Insn> = {}): Insn {
  return { code, dst: 0, src: 0, off: 0, imm: 0, ...fields };
}

/** A section of instructions. */
export function codeSection(
  name: string,
  insns: readonly Insn[],
  relocations: NonNullable<SectionInput['relocations']> = [],
): SectionInput {
  return { name, flags: executable, data: encodeInsns(insns), relocations };
}

/** Little-endian 32-bit words. */
export function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return bytes;
}

/** A string table that hands out offsets. */
export class Strings {
  private text = '\0';
  private readonly offsets = new Map<string, number>([['', 0]]);

  add(name: string): number {
    const known = this.offsets.get(name);
    if (known !== undefined) return known;
    const at = this.text.length;
    this.offsets.set(name, at);
    this.text += `${name}\0`;
    return at;
  }

  bytes(): Uint8Array {
    return encodeUtf8(this.text);
  }
}
