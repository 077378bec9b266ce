/**
 * Generated programs as an {@link ObjectSpec}. It holds only the maps that they refer to, so that nothing is created, filled and compared
 * in vain, and the little BTF that the kernel asks for when a program has callbacks or global functions: one FUNC for each function.
 */
import { type Insn, op } from '../../isa/index.js';
import { Btf, BtfBuilder, type MapInit, type MapSpec, type ObjectSpec, type ProgramSpec } from '../../object/index.js';
import type { GeneratedProgram } from './generate.js';
import { fuzzMaps } from './maps.js';

interface NamedFunction {
  readonly name: string;
  readonly global: boolean;
}

/**
 * `int f()` for each static function, `int f(int, int)` for each global one: those the kernel verifies by what their type says. With the id of each
 * FUNC, in order.
 */
function functionBtf(functions: readonly NamedFunction[]): { readonly btf: Btf; readonly ids: readonly number[] } {
  const builder = new BtfBuilder(undefined);
  const int = builder.int();
  const protos = { static: builder.funcProto(int, []), global: builder.funcProto(int, [int, int]) };
  const ids = functions.map((f) => {
    const linkage = f.global ? 'global' : 'static';
    return builder.func(f.name, protos[linkage], linkage);
  });
  return { btf: new Btf(builder.bytes()), ids };
}

export function programObject(generated: readonly GeneratedProgram[], name = 'fuzz'): ObjectSpec {
  const functions = generated.flatMap((program) => program.functions);
  const { btf, ids } = functionBtf(functions);
  const programs = generated.map(
    (program): ProgramSpec => ({
      name: program.name,
      section: program.frags ? 'xdp.frags' : 'xdp',
      type: 'xdp',
      frags: program.frags,
      attach: 'xdp',
      insns: program.insns,
      functions: program.functions.map((f) => ({ ...f, btfId: ids[functions.indexOf(f)] ?? 0 })),
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
