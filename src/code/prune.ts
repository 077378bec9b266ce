/**
 * Takes out of an object what its programs do not refer to, so that nothing is created, filled and compared in vain.
 */
import { loadsMap } from '../isa/index.js';
import type { MapInit, MapSpec, ObjectSpec } from '../object/index.js';

/** The object with only the maps that its programs refer to, and their inner maps. */
export function pruneMaps(object: ObjectSpec): ObjectSpec {
  const used = new Set(object.programs.flatMap((program) => program.insns.filter(loadsMap).map((insn) => insn.imm)));
  for (const index of [...used]) {
    const init = object.maps[index]?.init;
    if (init?.kind === 'maps') for (const inner of init.slots.values()) used.add(inner);
  }
  const kept = [...object.maps.keys()].filter((index) => used.has(index));
  if (kept.length === object.maps.length) return object;
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

/** The object with its first program alone: program arrays lose their other ones. */
export function onlyFirstProgram(object: ObjectSpec): ObjectSpec {
  const [first] = object.programs;
  if (first === undefined || object.programs.length === 1) return object;
  const maps = object.maps.map(({ init, ...spec }): MapSpec => {
    if (init === undefined || init.kind !== 'programs') return init === undefined ? spec : { ...spec, init };
    return {
      ...spec,
      init: { kind: 'programs', slots: new Map([...init.slots].filter(([, name]) => name === first.name)) },
    };
  });
  return { ...object, programs: [first], maps };
}

/** The object without types, which the kernel needs for callbacks and global functions only. */
export function withoutTypes(object: ObjectSpec): ObjectSpec {
  if (object.btf === undefined) return object;
  const programs = object.programs.map((program) => ({
    ...program,
    functions: program.functions.map((f) => ({ ...f, btfId: 0 })),
  }));
  return { ...object, btf: undefined, programs };
}

/** Slots of a map of maps name other maps by index. */
function renumberInit(spec: MapSpec, renumber: (index: number) => number): MapSpec {
  if (spec.init?.kind !== 'maps') return spec;
  const init: MapInit = {
    kind: 'maps',
    slots: new Map([...spec.init.slots].map(([slot, index]) => [slot, renumber(index)])),
  };
  return { ...spec, init };
}
