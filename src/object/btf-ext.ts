/**
 * `.BTF.ext`: what belongs to single instructions (Documentation/bpf/btf.rst, section 4).
 *
 *     header      magic 0xeb9f u16, version u8, flags u8, hdr_len u32,
 *                 func_info off u32, len u32, line_info off u32, len u32,
 *                 core_relo off u32, len u32 (only in newer headers)
 *     each part   record size u32, then for each code section: name u32, count u32, records
 *     func_info   insn_off u32, type_id u32
 *     line_info   insn_off u32, file_name_off u32, line_off u32, line_col u32 (line:22 column:10)
 *     core_relo   insn_off u32, type_id u32, access_str_off u32, kind u32
 *
 * Instruction offsets are in bytes from the start of the section. Records may be longer than what is known of them.
 */
import { InputError, UnsupportedError } from '../base/index.js';
import type { Btf } from './btf.js';
import { ByteReader } from './byte-reader.js';

/** Which FUNC type the function that begins at a slot has. */
export interface FuncInfo {
  /** First slot of the function in its section. */
  readonly slot: number;
  /** BTF type id of a FUNC. */
  readonly typeId: number;
}

/**
 * A source line. It holds from its slot on until the next record, which is why the records of one section are in order
 * of slot.
 */
export interface LineInfo {
  /** Slot in the section, not in a program. */
  readonly slot: number;
  /** Offsets in the BTF string section. */
  readonly fileOffset: number;
  readonly textOffset: number;
  /** Counted from 1; 22 bits in the file. */
  readonly line: number;
  /** Counted from 1, 0 where it is not known; 10 bits in the file. */
  readonly column: number;
}

/**
 * A CO-RE relocation as the file has it: the instruction at `slot` holds something about what `access` reaches from
 * type `typeId`.
 */
export interface CoreRelo {
  /** Slot in the section of the instruction that is mended. */
  readonly slot: number;
  /** BTF type id in the program's own types that the path begins at. */
  readonly typeId: number;
  /** `0:1:2`: array index, then member indices. */
  readonly access: string;
  /** Index into `coreKinds` (enum bpf_core_relo_kind): what is asked about the thing. */
  readonly kind: number;
}

/** By section name; each list in order of `slot`. */
export interface BtfExt {
  readonly functions: ReadonlyMap<string, readonly FuncInfo[]>;
  readonly lines: ReadonlyMap<string, readonly LineInfo[]>;
  readonly coreRelos: ReadonlyMap<string, readonly CoreRelo[]>;
}

const hint = 'the type information is damaged; compile the program again';

/** `base` is the file offset of `bytes`. Throws InputError. */
export function readBtfExt(bytes: Uint8Array, btf: Btf, base = 0): BtfExt {
  const reader = new ByteReader(bytes, '.BTF.ext', base);
  reader.need(0, 8, 'the header');
  if (reader.u16(0) !== 0xeb9f) {
    throw new InputError(`it starts with 0x${reader.u16(0).toString(16)} instead of 0xeb9f`, reader.place(0), hint);
  }
  if (reader.u8(2) !== 1) throw new UnsupportedError(`BTF.ext version ${reader.u8(2)}`, reader.place(2));
  const headerLength = reader.u32(4);
  const part = <T extends { slot: number }>(
    fieldAt: number,
    minimum: number,
    read: (at: number, slot: number) => T,
  ): Map<string, T[]> => {
    const found = new Map<string, T[]>();
    if (fieldAt + 8 > headerLength) return found;
    const length = reader.u32(fieldAt + 4);
    if (length === 0) return found;
    const start = headerLength + reader.u32(fieldAt);
    reader.need(start, length, 'a part');
    if (length < 4) throw new InputError(`a part of ${length} bytes`, reader.place(fieldAt), hint);
    const recordSize = reader.u32(start);
    if (recordSize < minimum || recordSize % 4 !== 0) {
      throw new InputError(`records of ${recordSize} bytes; ${minimum} is the least`, reader.place(start), hint);
    }
    const end = start + length;
    for (let at = start + 4; at < end; ) {
      const section = btf.string(reader.u32(at));
      const count = reader.u32(at + 4);
      at += 8;
      if (count * recordSize > end - at) {
        throw new InputError(`${count} records of ${recordSize} bytes end past their part`, reader.place(at), hint);
      }
      const list = found.get(section) ?? [];
      found.set(section, list);
      for (let i = 0; i < count; i++, at += recordSize) {
        const offset = reader.u32(at);
        if (offset % 8 !== 0) {
          throw new InputError(`offset ${offset} is not that of an instruction`, reader.place(at), hint);
        }
        list.push(read(at, offset / 8));
      }
      list.sort((a, b) => a.slot - b.slot);
    }
    return found;
  };
  return {
    functions: part(8, 8, (at, slot) => ({ slot, typeId: reader.u32(at + 4) })),
    lines: part(16, 16, (at, slot) => {
      const position = reader.u32(at + 12);
      return {
        slot,
        fileOffset: reader.u32(at + 4),
        textOffset: reader.u32(at + 8),
        line: position >>> 10,
        column: position & 0x3ff,
      };
    }),
    coreRelos: part(24, 16, (at, slot) => ({
      slot,
      typeId: reader.u32(at + 4),
      access: btf.string(reader.u32(at + 8)),
      kind: reader.u32(at + 12),
    })),
  };
}
