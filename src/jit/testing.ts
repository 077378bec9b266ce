/** For tests: an object of one program without maps. */
import type { Insn } from '../isa/index.js';
import type { ObjectSpec, ProgramSpec } from '../object/index.js';

export function objectOf(insns: readonly Insn[]): ObjectSpec {
  const program: ProgramSpec = {
    name: 'main',
    section: 'xdp',
    type: 'xdp',
    frags: false,
    attach: 'xdp',
    insns,
    functions: [{ name: 'main', start: 0, end: insns.length, global: true, btfId: 0 }],
    lines: [],
    kfuncs: [],
    ksyms: [],
    unresolved: [],
  };
  return { name: 'test', license: 'GPL', version: 0, programs: [program], maps: [], sections: [], btf: undefined };
}
