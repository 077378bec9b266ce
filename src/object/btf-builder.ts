/**
 * Writes BTF: an existing one with its type ids kept, and types added behind it. Records are as
 * Documentation/bpf/btf.rst has
 * them: `name_off, info (vlen:16, kind:5 at 24, kind_flag:1), size or type`, then what the kind adds. A string or
 * record that is there already is used again, so writing what was read from a written file adds nothing.
 */
import { encodeUtf8 } from '../base/index.js';
import { Btf } from './btf.js';
import { btfKindNames } from './btf-type.js';

/** Numbers of kinds (BTF_KIND_*) that are written here; others stay as they were read. */
const kinds = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  func: 12,
  funcProto: 13,
  var: 14,
  datasec: 15,
  enum64: 19,
} as const;

const linkages = { static: 0, global: 1, extern: 2 } as const;

/** Who sees a function or variable, as BTF_KIND_FUNC and BTF_KIND_VAR have it. */
export type Linkage = keyof typeof linkages;

/**
 * Collects types and gives out their ids. A type that was there before, or was added already, is not written twice:
 * asking again gives the
 * same id. Ids of the base stay what they were, so whoever holds one need not be told of the additions.
 */
export class BtfBuilder {
  /** What was there before; its ids are valid in the result. */
  readonly base: Btf | undefined;
  private readonly records: Uint8Array[] = [];
  private readonly strings: number[] = [0];
  /** Offset of each string. */
  private readonly known = new Map<string, number>();
  /** Record, as text of its bytes -> id. */
  private readonly ids = new Map<string, number>();

  constructor(base: Uint8Array | undefined) {
    if (base === undefined) return;
    this.base = new Btf(base);
    const view = new DataView(base.buffer, base.byteOffset, base.byteLength);
    const header = view.getUint32(4, true);
    const typesAt = header + view.getUint32(8, true);
    const stringsAt = header + view.getUint32(16, true);
    let at = typesAt;
    for (let id = 1; id < this.base.count; id++) {
      const size = recordSize(view.getUint32(at + 4, true));
      const record = base.subarray(at, at + size);
      this.records.push(record);
      const key = keyOf(record);
      if (!this.ids.has(key)) this.ids.set(key, id);
      at += size;
    }
    this.strings = Array.from(base.subarray(stringsAt, stringsAt + view.getUint32(20, true)));
    for (let start = 0; start < this.strings.length; ) {
      const stop = this.strings.indexOf(0, start);
      const text = this.base.string(start);
      if (!this.known.has(text)) this.known.set(text, start);
      start = (stop < 0 ? this.strings.length : stop) + 1;
    }
  }

  /** Offset of a string. */
  string(text: string): number {
    if (text === '') return 0;
    const found = this.known.get(text);
    if (found !== undefined) return found;
    const offset = this.strings.length;
    for (const byte of encodeUtf8(text)) this.strings.push(byte);
    this.strings.push(0);
    this.known.set(text, offset);
    return offset;
  }

  /** Signed, 32 bits. */
  int(): number {
    return this.add(this.string('int'), kinds.int, 0, 4, [0x01000020]);
  }

  /** An anonymous enum of 64 bits with one value. */
  enum64(name: string, value: bigint): number {
    const words = [this.string(name), Number(value & 0xffffffffn), Number(value >> 32n)];
    return this.add(0, kinds.enum64, 1, 8, words);
  }

  /** `_Bool`. */
  bool(): number {
    return this.add(this.string('_Bool'), kinds.int, 0, 1, [0x04000008]);
  }

  char(): number {
    return this.add(this.string('char'), kinds.int, 0, 1, [0x01000008]);
  }

  pointer(to: number): number {
    return this.add(0, kinds.ptr, 0, to, []);
  }

  array(element: number, length: number): number {
    return this.add(0, kinds.array, 0, 0, [element, this.int(), length]);
  }

  /** Members at given byte offsets. */
  struct(size: number, members: readonly { name: string; type: number; offset: number }[], name = ''): number {
    const words = members.flatMap(({ name, type, offset }) => [this.string(name), type, 8 * offset]);
    return this.add(name === '' ? 0 : this.string(name), kinds.struct, members.length, size, words);
  }

  funcProto(result: number, params: readonly number[]): number {
    return this.add(
      0,
      kinds.funcProto,
      params.length,
      result,
      params.flatMap((type) => [this.string('arg'), type]),
    );
  }

  func(name: string, proto: number, linkage: Linkage): number {
    return this.add(this.string(name), kinds.func, linkages[linkage], proto, []);
  }

  variable(name: string, type: number, linkage: Linkage): number {
    return this.add(this.string(name), kinds.var, 0, type, [linkages[linkage]]);
  }

  /** Defines a DATASEC; one of that name in the base is replaced and keeps its id. */
  datasec(name: string, size: number, vars: readonly { type: number; offset: number; size: number }[]): number {
    const words = vars.flatMap((entry) => [entry.type, entry.offset, entry.size]);
    const old = this.base?.find(name, 'datasec');
    if (old === undefined) return this.add(this.string(name), kinds.datasec, vars.length, size, words);
    this.records[old.id - 1] = this.record(this.string(name), kinds.datasec, vars.length, size, words);
    return old.id;
  }

  /** Replaces a DATASEC of the base, of which nothing is left, by an empty struct, so that later ids stay. */
  retire(id: number): void {
    this.records[id - 1] = this.record(0, kinds.struct, 0, 0, []);
  }

  /** Ids of the base's DATASECs, with their names. */
  datasecs(): { readonly id: number; readonly name: string }[] {
    const { base } = this;
    if (base === undefined) return [];
    const ids = Array.from({ length: base.count }, (_, id) => id).filter((id) => base.kind(id) === 'datasec');
    return ids.map((id) => ({ id, name: base.name(id) }));
  }

  /** Header of 24 bytes (magic, version 1), types, then strings; offsets count from the header's end. */
  bytes(): Uint8Array {
    const types = this.records.reduce((sum, record) => sum + record.length, 0);
    const bytes = new Uint8Array(24 + types + this.strings.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0xeb9f, true);
    view.setUint8(2, 1);
    for (const [i, word] of [24, 0, types, types, this.strings.length].entries()) view.setUint32(4 + 4 * i, word, true);
    let at = 24;
    for (const record of this.records) {
      bytes.set(record, at);
      at += record.length;
    }
    bytes.set(this.strings, at);
    return bytes;
  }

  /** The id of a record, which is that of an equal one if there is one. */
  private add(name: number, kind: number, vlen: number, sizeOrType: number, words: readonly number[]): number {
    const record = this.record(name, kind, vlen, sizeOrType, words);
    const key = keyOf(record);
    const id = this.ids.get(key) ?? this.records.push(record);
    this.ids.set(key, id);
    return id;
  }

  /** The words of a record, little-endian. */
  private record(name: number, kind: number, vlen: number, sizeOrType: number, words: readonly number[]): Uint8Array {
    const all = [name, (kind << 24) | vlen, sizeOrType, ...words];
    const bytes = new Uint8Array(4 * all.length);
    const view = new DataView(bytes.buffer);
    for (const [i, word] of all.entries()) view.setUint32(4 * i, word >>> 0, true);
    return bytes;
  }
}

function keyOf(record: Uint8Array): string {
  return record.join(' ');
}

/** Bytes of a record, from its info word. */
function recordSize(info: number): number {
  const vlen = info & 0xffff;
  switch (btfKindNames[(info >>> 24) & 0x1f]) {
    case 'int':
    case 'var':
    case 'decl_tag':
      return 16;
    case 'array':
      return 24;
    case 'enum':
    case 'func_proto':
      return 12 + 8 * vlen;
    case 'struct':
    case 'union':
    case 'datasec':
    case 'enum64':
      return 12 + 12 * vlen;
    default:
      return 12;
  }
}
