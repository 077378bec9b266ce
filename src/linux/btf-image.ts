/**
 * BTF as the kernel takes it. What a compiler leaves in an object file is not yet loadable: data sections have no size
 * and their variables no offsets (the linker's business), and externs have a linkage that the kernel does not know.
 * libbpf completes these from the symbol table. We do not need variables in the kernel at all: types, functions and
 * lines do the work there. So variables, data sections, externs and tags on them become `const void`, which keeps
 * every type id where it was.
 *
 * Layout of a type record (Documentation/bpf/btf.rst): name offset, info (kind in bits 24..28, vlen in 0..15), size or
 * type; then data by kind.
 */
import { InputError } from '../base/index.js';

const kindInt = 1;
const kindArray = 3;
const kindStruct = 4;
const kindUnion = 5;
const kindEnum = 6;
const kindConst = 10;
const kindFunc = 12;
const kindFuncProto = 13;
const kindVar = 14;
const kindDatasec = 15;
const kindDeclTag = 17;
const kindEnum64 = 19;

/** Bytes that follow the record of a kind: a fixed number, and so many for each of `vlen` members. */
const trailing: Readonly<Record<number, readonly [fixed: number, each: number]>> = {
  [kindInt]: [4, 0],
  [kindArray]: [12, 0],
  [kindStruct]: [0, 12],
  [kindUnion]: [0, 12],
  [kindEnum]: [0, 8],
  [kindFuncProto]: [0, 8],
  [kindVar]: [4, 0],
  [kindDatasec]: [0, 12],
  [kindDeclTag]: [4, 0],
  [kindEnum64]: [0, 12],
};

/** BTF that BPF_BTF_LOAD accepts. */
export interface BtfImage {
  readonly bytes: Uint8Array;
  /** String offset of each string of `strings`. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Makes `raw` (a .BTF section) loadable and appends `strings` (file names and source lines for line info). */
export function makeBtfImage(raw: Uint8Array, strings: Iterable<string>): BtfImage {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (raw.length < 24 || view.getUint16(0, true) !== 0xeb9f) throw new InputError('no BTF header', { section: '.BTF' });
  const headerLength = view.getUint32(4, true);
  const typesAt = headerLength + view.getUint32(8, true);
  const typesEnd = typesAt + view.getUint32(12, true);
  const stringsAt = headerLength + view.getUint32(16, true);
  const stringsEnd = stringsAt + view.getUint32(20, true);
  if (typesEnd > raw.length || stringsEnd > raw.length) throw new InputError('truncated', { section: '.BTF' });

  const types: number[] = [];
  const put32 = (value: number): void => {
    types.push(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24);
  };
  const replaced = new Set<number>();
  let id = 1;
  for (let at = typesAt; at + 12 <= typesEnd; id++) {
    const info = view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 0x1f;
    const vlen = info & 0xffff;
    const [fixed, each] = trailing[kind] ?? [0, 0];
    const end = at + 12 + fixed + each * vlen;
    const isTagOfReplaced = kind === kindDeclTag && replaced.has(view.getUint32(at + 8, true));
    // Linkage of a function: 0 static, 1 global, 2 extern.
    const isExtern = kind === kindFunc && vlen === 2;
    if (kind === kindVar || kind === kindDatasec || isExtern || isTagOfReplaced) {
      replaced.add(id);
      put32(0);
      put32(kindConst << 24);
      put32(0);
    } else {
      for (let i = at; i < end; i++) types.push(raw[i] ?? 0);
    }
    at = end;
  }

  const encoder = new TextEncoder();
  const appended: Uint8Array[] = [];
  const offsets = new Map<string, number>();
  let stringLength = stringsEnd - stringsAt;
  for (const text of strings) {
    if (offsets.has(text)) continue;
    const bytes = encoder.encode(`${text}\0`);
    offsets.set(text, stringLength);
    appended.push(bytes);
    stringLength += bytes.length;
  }

  const header = 24;
  const bytes = new Uint8Array(header + types.length + stringLength);
  const out = new DataView(bytes.buffer);
  out.setUint16(0, 0xeb9f, true);
  out.setUint8(2, 1);
  out.setUint32(4, header, true);
  out.setUint32(8, 0, true);
  out.setUint32(12, types.length, true);
  out.setUint32(16, types.length, true);
  out.setUint32(20, stringLength, true);
  bytes.set(types, header);
  bytes.set(raw.subarray(stringsAt, stringsEnd), header + types.length);
  let at = header + types.length + (stringsEnd - stringsAt);
  for (const text of appended) {
    bytes.set(text, at);
    at += text.length;
  }
  return { bytes, offsets };
}
