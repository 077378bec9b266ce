import type { ObjectSpec, ProgramSpec } from './spec.js';

/**
 * How surely a program is meant for XDP:
 *
 * - `declared`: its section says so (`xdp...`);
 * - `possible`: its section says nothing (`prog`, `balancer_ingress`, `1/0`). Old loaders were told the type on their
 *   command line, so it may be run as XDP when it is asked for by name, or is all there is;
 * - `other`: its section says something else.
 */
export type XdpFitness = 'declared' | 'possible' | 'other';

/** By the section's name alone; whether the verifier would accept it is another question. */
export function xdpFitness(program: ProgramSpec): XdpFitness {
  if (program.type === 'xdp') return 'declared';
  return program.type === 'unspec' ? 'possible' : 'other';
}

/**
 * The programs declared for XDP, those for devmap and cpumap entries included; if there are none, those that are
 * possible.
 */
export function xdpCandidates(object: ObjectSpec): readonly ProgramSpec[] {
  const declared = object.programs.filter((program) => xdpFitness(program) === 'declared');
  if (declared.length > 0) return declared;
  return object.programs.filter((program) => xdpFitness(program) === 'possible');
}

/**
 * The candidates that can be meant when none is named: not the ones for devmap and cpumap entries, unless there are no
 * others.
 */
export function xdpPrograms(object: ObjectSpec): readonly ProgramSpec[] {
  const candidates = xdpCandidates(object);
  const main = candidates.filter((program) => xdpFitness(program) === 'declared' && program.attach === 'xdp');
  return main.length > 0 ? main : candidates;
}

/** The programs that `name` can mean: first by program name, then by section. */
export function findPrograms(object: ObjectSpec, name: string): readonly ProgramSpec[] {
  const byName = object.programs.filter((program) => program.name === name);
  return byName.length > 0 ? byName : object.programs.filter((program) => program.section === name);
}
