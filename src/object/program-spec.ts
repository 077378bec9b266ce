import type { Insn } from '../isa/index.js';
import type { MapSpec, ObjectSpec, ProgramSpec } from './spec.js';

/** An XDP program that no file declares: made by a harness, a tool or a test. All of it is one function. */
export function programSpec(insns: readonly Insn[], more: Partial<ProgramSpec> = {}): ProgramSpec {
  const { name = 'main' } = more;
  return {
    name,
    section: 'xdp',
    type: 'xdp',
    frags: false,
    attach: 'xdp',
    insns,
    functions: [{ name, start: 0, end: insns.length, global: true, btfId: 0 }],
    lines: [],
    kfuncs: [],
    ksyms: [],
    unresolved: [],
    ...more,
  };
}

/** An object that is no file's. `maps` by the index that the programs' instructions have. */
export function objectSpec(name: string, programs: readonly ProgramSpec[], maps: readonly MapSpec[] = []): ObjectSpec {
  return { name, license: 'GPL', version: 0, programs, maps, sections: [], btf: undefined };
}
