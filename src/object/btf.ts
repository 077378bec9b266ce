/**
 * BTF, the type information of a program or a kernel (Documentation/bpf/btf.rst).
 *
 *     header   magic 0xeb9f u16, version u8, flags u8, hdr_len u32,
 *              type_off u32, type_len u32, str_off u32, str_len u32
 *     types    name_off u32, info u32 (vlen:16, -:8, kind:5, -:2, kind_flag:1), size or type u32,
 *              then what the kind adds
 *     strings  zero-terminated, the first one empty
 *
 * A kernel has some 150,000 types and a program touches a dozen, so the constructor only walks over them (bounds,
 * kinds, sizes) and notes where each begins; a type is decoded and its references checked when it is first asked for,
 * names are indexed when the first is looked up. {@link Btf.validate} checks all of it, cycles included.
 */
import { decodeUtf8, InputError, UnsupportedError } from '../base/index.js';
import { NameIndex } from './btf-names.js';
import {
  type BtfDatasec,
  type BtfKind,
  type BtfLinkage,
  type BtfMember,
  type BtfType,
  btfKindNames,
  isTransparent,
} from './btf-type.js';
import { checkCycles } from './btf-validate.js';
import { ByteReader } from './byte-reader.js';

const magic = 0xeb9f;
const headerSize = 24;

/**
 * How many typedefs and qualifiers may follow on each other, and how deep types may nest (libbpf: MAX_RESOLVE_DEPTH).
 */
export const maxTypeDepth = 32;

/** Longest name or source line that is believed. */
const maxString = 0x10000;

/** Most bytes that names may take together; a sound string section is shorter. */
const maxTexts = 64 << 20;

const hint = 'the type information is damaged; compile the program again';

/** Bytes that follow the common 12, as a fixed part and a part for each of `vlen` entries. Row: kind number. */
const extraSize: readonly (readonly [number, number])[] = [
  [0, 0], // void
  [4, 0], // int
  [0, 0], // ptr
  [12, 0], // array
  [0, 12], // struct
  [0, 12], // union
  [0, 8], // enum
  [0, 0], // fwd
  [0, 0], // typedef
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // func
  [0, 8], // func_proto
  [4, 0], // var
  [0, 12], // datasec
  [0, 0], // float
  [4, 0], // decl_tag
  [0, 0], // type_tag
  [0, 12], // enum64
];

/**
 * The types of an object or a kernel, by id (Documentation/bpf/btf.rst). Id 0 is `void`; types are looked at when they
 * are asked for. Throws InputError for bytes that are no BTF.
 */
export class Btf {
  /** The encoded form, as bpf(BPF_BTF_LOAD) takes it. */
  readonly bytes: Uint8Array;
  /** Number of types, `void` included: ids are 0 to count - 1. */
  readonly count: number;
  private readonly reader: ByteReader;
  private readonly strings: Uint8Array;
  /** Offset of each type in `bytes`, by id. */
  private readonly offsets: Uint32Array;
  private readonly decoded = new Map<number, BtfType>();
  private names: NameIndex | undefined;
  private text: string | undefined;
  private readonly texts = new Map<number, string>();
  private textLeft = maxTexts;
  private readonly aligns = new Map<number, number>();

  /** `base` is the file offset of `bytes`, for messages. Throws InputError. */
  constructor(bytes: Uint8Array, section = '.BTF', base = 0) {
    const reader = new ByteReader(bytes, section, base);
    reader.need(0, headerSize, 'the BTF header');
    if (reader.u16(0) === 0x9feb) {
      throw new UnsupportedError('big-endian BTF', reader.place(0), 'compile with `-target bpfel`');
    }
    if (reader.u16(0) !== magic) {
      throw new InputError(`BTF starts with 0x${reader.u16(0).toString(16)} instead of 0xeb9f`, reader.place(0), hint);
    }
    if (reader.u8(2) !== 1) throw new UnsupportedError(`BTF version ${reader.u8(2)}`, reader.place(2));
    const headerLength = reader.u32(4);
    const typesAt = headerLength + reader.u32(8);
    const typesLength = reader.u32(12);
    const stringsAt = headerLength + reader.u32(16);
    const stringsLength = reader.u32(20);
    if (headerLength < headerSize) {
      throw new InputError(`BTF header of ${headerLength} bytes; it has at least ${headerSize}`, reader.place(4), hint);
    }
    reader.need(typesAt, typesLength, 'the BTF type section');
    reader.need(stringsAt, stringsLength, 'the BTF string section');
    this.bytes = bytes;
    this.reader = reader;
    this.strings = bytes.subarray(stringsAt, stringsAt + stringsLength);
    if (stringsLength > 0 && (this.strings[0] !== 0 || this.strings[stringsLength - 1] !== 0)) {
      throw new InputError(
        'the BTF string section does not begin and end with a zero byte',
        reader.place(stringsAt),
        hint,
      );
    }
    this.offsets = this.walk(typesAt, typesAt + typesLength);
    this.count = this.offsets.length;
  }

  /** Throws InputError for an id that there is not. */
  type(id: number): BtfType {
    const known = this.decoded.get(id);
    if (known !== undefined) return known;
    const type = this.decode(id);
    this.decoded.set(id, type);
    return type;
  }

  /** Takes a section of variables as it is once the linker's part is done (place-variables.ts). @internal */
  complete(section: BtfDatasec): void {
    this.decoded.set(section.id, section);
  }

  /** Kind without decoding the rest. */
  kind(id: number): BtfKind {
    if (id === 0) return 'void';
    const kind = (this.reader.u32(this.offsetOf(id) + 4) >>> 24) & 0x1f;
    return btfKindNames[kind] ?? 'void';
  }

  /** Name without decoding the rest; empty for anonymous types. */
  name(id: number): string {
    return id === 0 ? '' : this.string(this.reader.u32(this.offsetOf(id)));
  }

  /** What `id` is after all typedefs, qualifiers and type tags. */
  resolve(id: number): BtfType {
    let type = this.type(id);
    for (let depth = 0; isTransparent(type); depth++) {
      if (depth >= maxTypeDepth) this.fail(id, `more than ${maxTypeDepth} typedefs and qualifiers on each other`);
      type = this.type(type.type);
    }
    return type;
  }

  /** Bytes that a value takes, or undefined where it has no size (void, a function, a forward declaration). */
  sizeOf(id: number): number | undefined {
    let elements = 1;
    for (let depth = 0; depth <= maxTypeDepth; depth++) {
      const type = this.resolve(id);
      switch (type.kind) {
        case 'int':
        case 'float':
        case 'struct':
        case 'union':
        case 'enum':
        case 'enum64':
        case 'datasec':
          return this.checkedSize(id, type.size * elements);
        case 'ptr':
          return this.checkedSize(id, 8 * elements);
        case 'array':
          elements = this.checkedSize(id, elements * type.length);
          id = type.type;
          break;
        case 'var':
          id = type.type;
          break;
        default:
          return undefined;
      }
    }
    return this.fail(id, `arrays nested more than ${maxTypeDepth} deep`);
  }

  /** Natural alignment in bytes, as libbpf's btf__align_of computes it; 0 where there is none. */
  alignOf(id: number, depth = 0): number {
    if (depth > maxTypeDepth) this.fail(id, `types nested more than ${maxTypeDepth} deep`);
    const type = this.resolve(id);
    switch (type.kind) {
      case 'int':
      case 'float':
      case 'enum':
      case 'enum64':
        return Math.min(8, type.size);
      case 'ptr':
        return 8;
      case 'array':
        return this.alignOf(type.type, depth + 1);
      case 'struct':
      case 'union': {
        const known = this.aligns.get(type.id);
        if (known !== undefined) return known;
        let align = 1;
        for (const member of type.members) align = Math.max(align, this.alignOf(member.type, depth + 1));
        this.aligns.set(type.id, align);
        return align;
      }
      default:
        return 0;
    }
  }

  /** The first type of that name, of one kind if given. */
  find(name: string, ...kinds: readonly BtfKind[]): BtfType | undefined {
    for (const id of this.named(essentialName(name))) {
      if (this.name(id) === name && (kinds.length === 0 || kinds.includes(this.kind(id)))) return this.type(id);
    }
    return undefined;
  }

  /** Ids, in order, of the types whose name is `essential` up to a `___flavor`. */
  named(essential: string): readonly number[] {
    this.names ??= new NameIndex(this.strings, this.count, (id) => this.reader.u32(this.offsetOf(id)));
    const found: number[] = [];
    for (const id of this.names.mayBe(essential)) if (essentialName(this.name(id)) === essential) found.push(id);
    return found;
  }

  /** Text at an offset of the string section. Throws InputError. */
  string(offset: number): string {
    if (offset === 0) return '';
    if (offset >= this.strings.length) {
      throw new InputError(`string offset ${offset} is past the BTF string section's ${this.strings.length} bytes`, {
        section: this.reader.section,
      });
    }
    const { strings } = this;
    const limit = Math.min(strings.length, offset + maxString);
    let end = offset;
    while (end < limit && strings[end] !== 0) end++;
    if (end === limit) {
      throw new InputError(`the string at offset ${offset} is longer than ${maxString} bytes`, {
        section: this.reader.section,
      });
    }
    // One decoding of the whole section; as long as a character is a byte, a name is a slice of it.
    this.text ??= decodeUtf8(strings);
    if (this.text.length === strings.length) return this.text.slice(offset, end);
    return this.decodeText(offset, end);
  }

  /** A text of a section that is not all ASCII; each is decoded once. */
  private decodeText(offset: number, end: number): string {
    const known = this.texts.get(offset);
    if (known !== undefined) return known;
    this.textLeft -= end - offset;
    if (this.textLeft < 0) {
      throw new InputError(`names take more than ${maxTexts} bytes`, { section: this.reader.section }, hint);
    }
    const text = decodeUtf8(this.strings.subarray(offset, end));
    this.texts.set(offset, text);
    return text;
  }

  /** Checks every type: references, names, sizes, no type inside itself. Throws InputError. */
  validate(): void {
    for (let id = 1; id < this.count; id++) this.type(id);
    checkCycles(this);
  }

  /** Throws InputError naming the type. */
  fail(id: number, what: string): never {
    const offset = this.offsets[id];
    throw new InputError(
      `BTF type ${id}: ${what}`,
      offset === undefined ? { section: this.reader.section } : this.reader.place(offset),
      hint,
    );
  }

  /** Notes where each type begins. A type is at least 12 bytes, which bounds their number before any is read. */
  private walk(start: number, end: number): Uint32Array {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    const offsets = new Uint32Array(1 + Math.floor((end - start) / 12));
    let count = 1;
    for (let at = start; at < end; ) {
      if (at + 12 > end) throw new InputError('a BTF type ends past its section', this.reader.place(at), hint);
      const info = view.getUint32(at + 4, true);
      const kind = (info >>> 24) & 0x1f;
      const extra = extraSize[kind];
      if (kind === 0 || extra === undefined) {
        throw new UnsupportedError(
          `BTF type ${count} has kind ${kind}; kinds 1 to ${btfKindNames.length - 1} are known`,
          this.reader.place(at),
        );
      }
      const size = 12 + extra[0] + extra[1] * (info & 0xffff);
      if (at + size > end) throw new InputError(`BTF type ${count} ends past its section`, this.reader.place(at), hint);
      offsets[count++] = at;
      at += size;
    }
    return offsets.subarray(0, count);
  }

  private offsetOf(id: number): number {
    const offset = this.offsets[id];
    if (offset === undefined) this.fail(id, `there are ${this.count} types`);
    return offset;
  }

  /** Sizes are computed from element counts, which may be anything. */
  private checkedSize(id: number, size: number): number {
    if (size > 0xffffffff) this.fail(id, 'its size does not fit in 32 bits');
    return size;
  }

  /** An id that another type names; throws for one that is not there. */
  private reference(id: number, to: number): number {
    if (to >= this.count) this.fail(id, `refers to type ${to} of ${this.count}`);
    return to;
  }

  private linkage(id: number, value: number): BtfLinkage {
    if (value === 0) return 'static';
    if (value === 1) return 'global';
    if (value === 2) return 'extern';
    return this.fail(id, `linkage ${value}`);
  }

  /** An integer's last word: encoding:4 at bit 24, offset:8 at bit 16, bits:8. */
  private integer(id: number, name: string, size: number, data: number): BtfType {
    const bits = data & 0xff;
    if (bits > 128 || size > 16 || bits > size * 8) this.fail(id, `an integer of ${bits} bits in ${size} bytes`);
    const bitOffset = (data >>> 16) & 0xff;
    const [signed, char, bool] = [(data & 0x1000000) !== 0, (data & 0x2000000) !== 0, (data & 0x4000000) !== 0];
    return { kind: 'int', id, name, size, bits, bitOffset, signed, char: char || name === 'char', bool };
  }

  /** A member at `at`: name u32, type u32, offset u32. With the kind flag: bitfield size:8 at bit 24, offset:24. */
  private memberAt(id: number, at: number, flag: boolean): BtfMember {
    const r = this.reader;
    const offset = r.u32(at + 8);
    return {
      name: this.string(r.u32(at)),
      type: this.reference(id, r.u32(at + 4)),
      bitOffset: flag ? offset & 0xffffff : offset,
      bitSize: flag ? offset >>> 24 : 0,
    };
  }

  /** An enumerator at `at`: name u32, then the value, of 64 bits the low half first. */
  private enumeratorAt(at: number, width: 32 | 64, signed: boolean): { name: string; value: bigint } {
    const r = this.reader;
    const low = BigInt(r.u32(at + 4));
    const value = width === 64 ? (BigInt(r.u32(at + 8)) << 32n) | low : low;
    return { name: this.string(r.u32(at)), value: signed ? BigInt.asIntN(width, value) : value };
  }

  /** Reads one type. Ids in it are checked, what they refer to is not looked at. */
  private decode(id: number): BtfType {
    if (id === 0) return { kind: 'void', id, name: 'void' };
    const r = this.reader;
    const at = this.offsetOf(id);
    const name = this.string(r.u32(at));
    const info = r.u32(at + 4);
    const kind = this.kind(id);
    const flag = info >>> 31 === 1;
    const vlen = info & 0xffff;
    const sizeOrType = r.u32(at + 8);
    const rest = at + 12;
    const entries = <T>(size: number, read: (at: number) => T): T[] =>
      Array.from({ length: vlen }, (_, i) => read(rest + i * size));
    switch (kind) {
      case 'void':
        return { kind, id, name };
      case 'int':
        return this.integer(id, name, sizeOrType, r.u32(rest));
      case 'float':
        return { kind, id, name, size: sizeOrType };
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
        return { kind, id, name, type: this.reference(id, sizeOrType) };
      case 'array':
        return {
          kind,
          id,
          name,
          type: this.reference(id, r.u32(rest)),
          indexType: this.reference(id, r.u32(rest + 4)),
          length: r.u32(rest + 8),
        };
      case 'struct':
      case 'union':
        return {
          kind,
          id,
          name,
          size: sizeOrType,
          members: entries(12, (m) => this.memberAt(id, m, flag)),
        };
      case 'enum':
        return {
          kind,
          id,
          name,
          size: sizeOrType,
          signed: flag,
          values: entries(8, (v) => this.enumeratorAt(v, 32, flag)),
        };
      case 'enum64':
        return {
          kind,
          id,
          name,
          size: sizeOrType,
          signed: flag,
          values: entries(12, (v) => this.enumeratorAt(v, 64, flag)),
        };
      case 'fwd':
        return { kind, id, name, union: flag };
      case 'func':
        return { kind, id, name, type: this.reference(id, sizeOrType), linkage: this.linkage(id, vlen) };
      case 'func_proto':
        return {
          kind,
          id,
          name,
          returnType: this.reference(id, sizeOrType),
          params: entries(8, (p) => ({ name: this.string(r.u32(p)), type: this.reference(id, r.u32(p + 4)) })),
        };
      case 'var':
        return { kind, id, name, type: this.reference(id, sizeOrType), linkage: this.linkage(id, r.u32(rest)) };
      case 'datasec':
        return {
          kind,
          id,
          name,
          size: sizeOrType,
          vars: entries(12, (v) => ({
            type: this.reference(id, r.u32(v)),
            offset: r.u32(v + 4),
            size: r.u32(v + 8),
          })),
        };
      case 'decl_tag':
        return { kind, id, name, type: this.reference(id, sizeOrType), component: r.i32(rest) };
    }
  }
}

/** `task_struct___v1` is a flavor of `task_struct` (libbpf: bpf_core_essential_name_len). */
export function essentialName(name: string): string {
  if (!name.includes('___')) return name;
  // The last `___` that has something other than an underscore on both sides.
  for (let i = name.length - 5; i >= 0; i--) {
    if (name[i] !== '_' && name.startsWith('___', i + 1) && name[i + 4] !== '_') return name.slice(0, i + 1);
  }
  return name;
}
