/**
 * A generated program as an {@link ObjectSpec}. It carries the little BTF that the kernel asks for when a program has callbacks: one
 * FUNC for each function.
 */
import { encodeUtf8 } from '../../base/index.js';
import { Btf, type MapSpec, type ObjectSpec, type ProgramSpec } from '../../object/index.js';
import type { GeneratedProgram } from './generate.js';
import { fuzzMaps } from './maps.js';

const kindInt = 1;
const kindFunc = 12;
const kindFuncProto = 13;

/** `int f()` for each name: types 1 int, 2 its prototype, then the functions from 3 on. Static but for the first. */
function functionBtf(names: readonly string[]): Uint8Array {
  const strings = ['', 'int', ...names];
  const nameAt: number[] = [];
  let length = 0;
  for (const text of strings) {
    nameAt.push(length);
    length += encodeUtf8(text).length + 1;
  }
  const words = [
    nameAt[1] ?? 0,
    kindInt << 24,
    4,
    (1 << 24) | 32, // signed, 32 bits
    0,
    kindFuncProto << 24,
    1,
  ];
  for (const i of names.keys()) words.push(nameAt[i + 2] ?? 0, ((kindFunc << 24) | (i === 0 ? 1 : 0)) >>> 0, 2);
  const header = [0x0001eb9f, 24, 0, words.length * 4, words.length * 4, length];
  const bytes = new Uint8Array((header.length + words.length) * 4 + length);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of [...header, ...words].entries()) view.setUint32(i * 4, word, true);
  const stringsAt = (header.length + words.length) * 4;
  for (const [i, text] of strings.entries()) bytes.set(encodeUtf8(text), stringsAt + (nameAt[i] ?? 0));
  return bytes;
}

export function programObject(
  generated: GeneratedProgram,
  name = 'fuzz',
  maps: readonly MapSpec[] = fuzzMaps,
): ObjectSpec {
  const btf = new Btf(functionBtf(generated.functions.map((f) => f.name)));
  const program: ProgramSpec = {
    name: generated.functions[0]?.name ?? 'main',
    section: 'xdp',
    type: 'xdp',
    frags: false,
    attach: 'xdp',
    insns: generated.insns,
    functions: generated.functions.map((f, i) => ({ ...f, btfId: 3 + i })),
    lines: [],
    kfuncs: [],
    ksyms: [],
    unresolved: [],
  };
  return { name, license: 'GPL', version: 0, programs: [program], maps, sections: [], btf };
}
