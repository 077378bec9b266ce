/** Proofs of all functions of an object that changed, over all programs that have them. */
import { type ObjectSpec, type ProgramSpec, xdpFitness } from '../../object/index.js';
import type { Solver } from '../../solve/index.js';
import { type ProgramFacts, verify } from '../../verifier/index.js';
import { isTheSameEverywhere, unknownContent } from '../function-facts.js';
import { shownType } from './context.js';
import type { Budget } from './path.js';
import { type Validation, validateFunction } from './validate.js';

/** From the surest on. */
const sureness: readonly Validation['verdict'][] = ['proved', 'bounded', 'unknown', 'refuted'];

/** Is the first verdict worse than the second? */
function isWorse(a: Validation, b: Validation): boolean {
  return sureness.indexOf(a.verdict) > sureness.indexOf(b.verdict);
}

/**
 * Verdicts by name, for the functions of that name; of a function that several programs have the worst one. `before`
 * and `after` have the same programs in the same order. Without a solver what takes no thinking is proved all the
 * same.
 */
export async function validateObject(
  before: ObjectSpec,
  after: ObjectSpec,
  names: ReadonlySet<string>,
  solver: Solver | undefined,
  budget?: Budget,
): Promise<ReadonlyMap<string, Validation>> {
  const verdicts = new Map<string, Validation>();
  const done = new Map<string, Validation>();
  for (const [i, program] of before.programs.entries()) {
    const next = after.programs[i];
    if (next === undefined || !program.functions.some(({ name }) => names.has(name))) continue;
    let facts: ProgramFacts | undefined;
    let isAsked = false;
    for (const [index, fn] of program.functions.entries()) {
      const { name } = fn;
      const other = next.functions.findIndex((each) => each.name === name);
      if (!names.has(name) || other < 0) continue;
      if (!isAsked) facts = factsOf(before, program);
      isAsked = true;
      // Where it is never called nothing of it can differ.
      if (facts?.insns[fn.start]?.reached === false && isTheSameEverywhere(before, program)) {
        if (!verdicts.has(name)) verdicts.set(name, { verdict: 'proved', questions: 0 });
        continue;
      }
      const type = shownType(program, before.btf);
      // Programs without a difference in their functions' surroundings say the same of them.
      const key = codeKey(program, next);
      const known = key === undefined ? undefined : done.get(`${key} ${index}`);
      const validation =
        known ??
        (await validateFunction(
          { program, index, facts },
          { program: next, index: other },
          { type, maps: before.maps },
          solver,
          budget,
        ));
      if (key !== undefined) done.set(`${key} ${index}`, validation);
      const earlier = verdicts.get(name);
      if (earlier === undefined || isWorse(validation, earlier)) verdicts.set(name, validation);
    }
  }
  return verdicts;
}

/** Equal for programs that are the same, slot by slot, before and after. */
function codeKey({ type, insns }: ProgramSpec, after: ProgramSpec): string {
  const text = (list: ProgramSpec['insns']): string =>
    list.map(({ code, dst, src, off, imm }) => `${code},${dst},${src},${off},${imm}`).join(' ');
  return `${type} ${text(insns)} -> ${text(after.insns)}`;
}

/** Of programs that the verifier knows and accepts, whatever loaders put into constant data. */
function factsOf({ maps, btf, kernelBtf, license }: ObjectSpec, program: ProgramSpec): ProgramFacts | undefined {
  if (xdpFitness(program) === 'other') return undefined;
  return verify(program, maps.map(unknownContent), { btf, kernelBtf, license, facts: true, logLevel: 0 }).facts;
}
