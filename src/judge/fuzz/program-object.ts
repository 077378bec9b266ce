/**
 * Generated programs as an {@link ObjectSpec}. It holds only the maps that they refer to, so that nothing is created, filled and compared
 * in vain, and the little BTF that the kernel asks for when a program has callbacks or global functions: one FUNC for each function.
 */
import { encodeUtf8 } from '../../base/index.js';
import { type Insn, op } from '../../isa/index.js';
import { Btf, type MapInit, type MapSpec, type ObjectSpec, type ProgramSpec } from '../../object/index.js';
import type { GeneratedProgram } from './generate.js';
import { fuzzMaps } from './maps.js';

const kindInt = 1;
const kindFunc = 12;
const kindFuncProto = 13;
/** Types 1 int, 2 `int ()`, 3 `int (int, int)`; then the functions. */
const firstFunction = 4;

interface NamedFunction {
  readonly name: string;
  readonly global: boolean;
}

/** `int f()` for each static function, `int f(int, int)` for each global one: those the kernel verifies by what their type says. */
function functionBtf(functions: readonly NamedFunction[]): Uint8Array {
  const strings = ['', 'int', 'a', 'b', ...functions.map((f) => f.name)];
  const nameAt: number[] = [];
  let length = 0;
  for (const text of strings) {
    nameAt.push(length);
    length += encodeUtf8(text).length + 1;
  }
  const [, int = 0, a = 0, b = 0, ...names] = nameAt;
  const words = [
    [int, kindInt << 24, 4, (1 << 24) | 32], // signed, 32 bits
    [0, kindFuncProto << 24, 1],
    [0, (kindFuncProto << 24) | 2, 1, a, 1, b, 1],
    ...functions.map((f, i) => [names[i] ?? 0, (kindFunc << 24) | (f.global ? 1 : 0), f.global ? 3 : 2]),
  ].flat();
  const header = [0x0001eb9f, 24, 0, words.length * 4, words.length * 4, length];
  const bytes = new Uint8Array((header.length + words.length) * 4 + length);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of [...header, ...words].entries()) view.setUint32(i * 4, word >>> 0, true);
  const stringsAt = (header.length + words.length) * 4;
  for (const [i, text] of strings.entries()) bytes.set(encodeUtf8(text), stringsAt + (nameAt[i] ?? 0));
  return bytes;
}

export function programObject(generated: readonly GeneratedProgram[], name = 'fuzz'): ObjectSpec {
  const functions = generated.flatMap((program) => program.functions);
  const btf = new Btf(functionBtf(functions));
  const programs = generated.map(
    (program): ProgramSpec => ({
      name: program.name,
      section: program.frags ? 'xdp.frags' : 'xdp',
      type: 'xdp',
      frags: program.frags,
      attach: 'xdp',
      insns: program.insns,
      functions: program.functions.map((f) => ({ ...f, btfId: firstFunction + functions.indexOf(f) })),
      lines: [],
      kfuncs: [],
      ksyms: [],
      unresolved: [],
    }),
  );
  return pruneMaps({ name, license: 'GPL', version: 0, programs, maps: fuzzMaps, sections: [], btf });
}

/** The object without the maps that nothing refers to. */
function pruneMaps(object: ObjectSpec): ObjectSpec {
  const used = new Set(object.programs.flatMap((program) => program.insns.filter(loadsMap).map((insn) => insn.imm)));
  for (const index of [...used]) {
    const init = object.maps[index]?.init;
    if (init?.kind === 'maps') for (const inner of init.slots.values()) used.add(inner);
  }
  const kept = [...object.maps.keys()].filter((index) => used.has(index));
  const renumber = (index: number): number => kept.indexOf(index);
  return {
    ...object,
    maps: kept.map((index) => renumberInit(object.maps[index] as MapSpec, renumber)), // indexes of `maps`
    programs: object.programs.map((program) => ({
      ...program,
      insns: program.insns.map((insn) => (loadsMap(insn) ? { ...insn, imm: renumber(insn.imm) } : insn)),
    })),
  };
}

function loadsMap(insn: Insn): boolean {
  return insn.code === op.LDDW && (insn.src === op.PSEUDO_MAP_FD || insn.src === op.PSEUDO_MAP_VALUE);
}

function renumberInit(spec: MapSpec, renumber: (index: number) => number): MapSpec {
  if (spec.init?.kind !== 'maps') return spec;
  const init: MapInit = {
    kind: 'maps',
    slots: new Map([...spec.init.slots].map(([slot, index]) => [slot, renumber(index)])),
  };
  return { ...spec, init };
}
